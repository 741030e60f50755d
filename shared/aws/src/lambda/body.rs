//! What the bodies of messages say.

use crate::ses::{Reported, reported};
use crate::sqs::origin;
use domain::messages::{Message, QueueMessage};
use ports::MailEvent;

/// One message as the queue delivered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    pub body: String,
    /// The last part of its queue's name in AWS.
    pub queue: String,
}

/// What a body turned out to be.
pub enum Read<M> {
    Work(M),
    /// Nothing is to be done.
    Done,
    /// The message fails until it is a dead letter.
    Unreadable,
}

pub trait Body: Sized + Send + 'static {
    fn read(delivered: Delivered) -> Read<Self>;
    /// The order or purchase order it is about, for the log.
    fn subject(&self) -> String;
}

impl<M: QueueMessage + Send + 'static> Body for M {
    fn read(delivered: Delivered) -> Read<Self> {
        M::parse(&delivered.body).map_or(Read::Unreadable, Read::Work)
    }

    fn subject(&self) -> String {
        self.order().to_string()
    }
}

/// Our own messages, and what SES reports of mails.
pub enum MessageOrReport<M> {
    Message(M),
    Report(MailEvent),
}

impl<M: QueueMessage + Send + 'static> Body for MessageOrReport<M> {
    fn read(delivered: Delivered) -> Read<Self> {
        if let Some(message) = M::parse(&delivered.body) {
            return Read::Work(Self::Message(message));
        }
        match reported(&delivered.body) {
            Some(Reported::Mail(event)) => Read::Work(Self::Report(event)),
            Some(Reported::Noted(what)) => {
                tracing::info!(what, "a mail was reported");
                Read::Done
            }
            Some(Reported::Foreign) => {
                tracing::info!("a mail that is not ours was reported");
                Read::Done
            }
            None => Read::Unreadable,
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Message(message) => message.order().to_string(),
            Self::Report(event) => event.id.to_string(),
        }
    }
}

/// A message that failed every time, whatever it says.
pub struct DeadLetter {
    /// The queue that it was sent to.
    pub queue: String,
    pub body: String,
    subject: String,
}

impl Body for DeadLetter {
    /// The queue it was sent to follows from that of its dead letters, else from what it says.
    fn read(Delivered { body, queue }: Delivered) -> Read<Self> {
        let message = serde_json::from_str::<Message>(&body).ok();
        let origin = origin(&queue).or_else(|| message.as_ref().map(Message::queue));
        let queue = origin.map_or(queue, |origin| origin.as_str().to_owned());
        let subject = message.map(|message| message.order().to_string());
        Read::Work(Self {
            queue,
            body,
            subject: subject.unwrap_or_default(),
        })
    }

    fn subject(&self) -> String {
        self.subject.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::messages::RouteOrder;

    fn queue_of(body: &str, queue: &str) -> String {
        let (body, queue) = (body.to_owned(), queue.to_owned());
        match DeadLetter::read(Delivered { body, queue }) {
            Read::Work(letter) => letter.queue,
            Read::Done | Read::Unreadable => panic!("every dead letter is kept"),
        }
    }

    #[test]
    fn a_dead_letter_is_of_the_queue_it_was_sent_to() {
        let forwarding = "waybill-ForwardingDeadLetterQueue-1A";
        let route = r#"{"kind":"route","order":"acme/1"}"#;
        assert_eq!(queue_of("no message", forwarding), "forwarding");
        assert_eq!(queue_of(route, forwarding), "forwarding");
        assert_eq!(queue_of(route, "shortened"), "routing");
        assert_eq!(queue_of("no message", "shortened"), "shortened");
    }

    #[test]
    fn a_report_of_nothing_is_done_and_no_report_is_unreadable() {
        let read = |body: &str| {
            let (body, queue) = (body.to_owned(), "forwarding".to_owned());
            MessageOrReport::<RouteOrder>::read(Delivered { body, queue })
        };
        let foreign = r#"{"source":"aws.ses","detail":{"eventType":"Bounce","mail":{}}}"#;
        assert!(matches!(read(foreign), Read::Done));
        assert!(matches!(read("{}"), Read::Unreadable));
    }
}
