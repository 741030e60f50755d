//! Messages on SQS. Those about one order come a little apart.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::ids::OrderId;
use domain::messages::{Message, QueueName};
use ports::{DelayedQueue, Queue, Unavailable};
use std::collections::BTreeMap;
use std::time::Duration;

/// As many as one call takes.
const AT_ONCE: usize = 10;
/// Steps of one order at the same time find it changed, and are made again. A warm step whose
/// supplier answers at once takes far less than a second.
const APART_SECONDS: i32 = 1;
/// As long as SQS keeps a message back.
const LONGEST_DELAY_SECONDS: i32 = 900;

/// Those queues that a function may send to.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    urls: BTreeMap<QueueName, String>,
}

impl SqsQueue {
    pub fn new(client: Client, urls: impl IntoIterator<Item = (QueueName, String)>) -> Self {
        Self {
            client,
            urls: urls.into_iter().collect(),
        }
    }

    fn url(&self, queue: QueueName) -> Result<&str, Unavailable> {
        self.urls
            .get(&queue)
            .map(String::as_str)
            .ok_or_else(|| Unavailable::new(format!("nothing may be sent to {}", queue.as_str())))
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, message: &Message) -> Result<(), Unavailable> {
        self.send_one(message, 0).await
    }

    async fn send_all(&self, messages: &[Message]) -> Result<(), Unavailable> {
        if let [message] = messages {
            return self.send(message).await;
        }
        let mut by_queue: BTreeMap<QueueName, Vec<(&Message, i32)>> = BTreeMap::new();
        let mut delays: BTreeMap<(QueueName, &OrderId), i32> = BTreeMap::new();
        for message in messages {
            let queue = message.queue();
            let next = delays.entry((queue, message.order())).or_default();
            let delay = *next;
            *next = (delay + APART_SECONDS).min(LONGEST_DELAY_SECONDS);
            by_queue.entry(queue).or_default().push((message, delay));
        }
        for (queue, messages) in by_queue {
            for messages in messages.chunks(AT_ONCE) {
                self.send_batch(queue, messages).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl DelayedQueue for SqsQueue {
    async fn send_after(&self, message: &Message, pause: Duration) -> Result<(), Unavailable> {
        let delay = i32::try_from(pause.as_secs()).unwrap_or(LONGEST_DELAY_SECONDS);
        self.send_one(message, delay.min(LONGEST_DELAY_SECONDS))
            .await
    }
}

impl SqsQueue {
    /// Kept back for so many seconds.
    async fn send_one(&self, message: &Message, delay: i32) -> Result<(), Unavailable> {
        let sent = self
            .client
            .send_message()
            .queue_url(self.url(message.queue())?)
            .message_body(body(message)?)
            .delay_seconds(delay)
            .send();
        let failed = |error| Unavailable::because(unsent(message.queue()), error);
        sent.await.map(drop).map_err(failed)
    }

    /// Each with the seconds that it is kept back.
    async fn send_batch(
        &self,
        queue: QueueName,
        messages: &[(&Message, i32)],
    ) -> Result<(), Unavailable> {
        let mut batch = self.client.send_message_batch().queue_url(self.url(queue)?);
        for (id, (message, delay)) in messages.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(id.to_string())
                .message_body(body(message)?)
                .delay_seconds(*delay)
                .build()
                .map_err(|error| Unavailable::because("a message cannot be written", error))?;
            batch = batch.entries(entry);
        }
        let answer = batch
            .send()
            .await
            .map_err(|error| Unavailable::because(unsent(queue), error))?;
        // The call succeeds though single messages fail.
        match answer.failed() {
            [] => Ok(()),
            [first, ..] => Err(Unavailable::new(format!(
                "{}: {} of {} failed, first with {}",
                unsent(queue),
                answer.failed().len(),
                messages.len(),
                first.code()
            ))),
        }
    }
}

fn body(message: &Message) -> Result<String, Unavailable> {
    serde_json::to_string(message)
        .map_err(|error| Unavailable::because("a message cannot be written", error))
}

fn unsent(queue: QueueName) -> String {
    format!("sending to the queue {}", queue.as_str())
}

/// The variable that says a function where the queue is.
pub fn url_variable(queue: QueueName) -> String {
    let name = queue.as_str().to_uppercase().replace('-', "_");
    format!("{name}_QUEUE_URL")
}

/// What the template calls the queue.
pub fn logical_id(queue: QueueName) -> String {
    format!("{}Queue", in_template(queue))
}

/// What the template calls the queue of its dead letters.
pub fn dead_letter_id(queue: QueueName) -> String {
    format!("{}DeadLetterQueue", in_template(queue))
}

/// The output of the template that says where the queue is.
pub fn url_output(queue: QueueName) -> String {
    format!("{}Url", logical_id(queue))
}

/// The queue whose dead letters lie in the one of that name, which `CloudFormation` made of the
/// stack's and the template's. It shortens what is too long.
pub fn origin(dead_letter_queue: &str) -> Option<QueueName> {
    let mut queues = QueueName::ALL.iter().copied();
    queues.find(|queue| dead_letter_queue.contains(&dead_letter_id(*queue)))
}

fn in_template(queue: QueueName) -> String {
    let words = queue.as_str().split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_template_follow_from_the_queue() {
        let queue = QueueName::Forwarding;
        assert_eq!(logical_id(queue), "ForwardingQueue");
        assert_eq!(url_output(queue), "ForwardingQueueUrl");
        assert_eq!(url_variable(queue), "FORWARDING_QUEUE_URL");
        let letters = "waybill-ForwardingDeadLetterQueue-1A2B3C";
        assert_eq!(origin(letters), Some(queue));
        assert_eq!(origin("waybill-ForwardingQueue-1A2B3C"), None);
    }
}
