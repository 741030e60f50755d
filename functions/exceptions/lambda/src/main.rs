//! `exceptions` on Lambda: wiring only.

use aws::bundle::S3Bundles;
use aws::clients::{Clients, Place};
use aws::clock::SystemClock;
use aws::dynamodb::DynamoDb;
use aws::environment::needed;
use aws::lambda::{Body, Delivered, Error, serve_sweep};
use aws::metrics::Measured;
use aws::s3::S3Files;
use aws::sqs::SqsQueue;
use domain::messages::{Message, QueueName};
use exceptions::Deps;
use std::sync::Arc;
use ways::running::{Running, SettingsOnly};

/// A message that failed every time, whatever it says.
struct Dead {
    queue: String,
    body: String,
    subject: String,
}

impl Body for Dead {
    /// The queue it was sent to follows from what it says, else it is told by its dead-letter queue.
    fn read(Delivered { body, queue }: Delivered) -> Option<Self> {
        let message = serde_json::from_str::<Message>(&body).ok();
        let queue = match &message {
            Some(message) => message.queue().as_str().to_owned(),
            None if aws::ses::reported(&body).is_some() => {
                QueueName::Forwarding.as_str().to_owned()
            }
            None => queue,
        };
        let subject = message.map(|message| message.order().to_string());
        Some(Self {
            queue,
            body,
            subject: subject.unwrap_or_default(),
        })
    }

    fn subject(&self) -> String {
        self.subject.clone()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::log::begin()?;
    let [stack, orders, routing_queue, forwarding_queue, artifacts] = needed([
        "STACK_NAME",
        "ORDERS_TABLE",
        "ROUTING_QUEUE_URL",
        "FORWARDING_QUEUE_URL",
        "ARTIFACTS_BUCKET",
    ])?;
    let clients = Clients::new(Place::from_environment()?);
    let clock = Arc::new(SystemClock);
    let store = DynamoDb::new(clients.dynamodb(), orders, None);
    aws::lambda::connect(&store).await?;
    let orders = Arc::new(Measured::new(store, stack, clock.clone()));
    let bundles = Arc::new(S3Bundles::new(clients.s3(), artifacts.clone()));
    let running = Running::start(SettingsOnly, bundles, orders.clone(), clock.clone()).await?;
    running.close_refusals().await?;
    let running = Arc::new(running);
    let deps = Deps {
        orders,
        queue: Arc::new(SqsQueue::new(
            clients.sqs(),
            [
                (QueueName::Routing, routing_queue),
                (QueueName::Forwarding, forwarding_queue),
            ],
        )),
        files: Arc::new(S3Files::new(clients.s3(), artifacts, None)),
        clock,
        settings: running.settings.clone(),
        memory: Arc::default(),
        others_follow_within: ways::running::FOLLOWED_WITHIN,
    };
    let sweeper = deps.clone();
    let sweep = move || {
        let (running, deps) = (running.clone(), sweeper.clone());
        async move {
            if running.look().await {
                running.close_refusals().await?;
            }
            exceptions::sweep(&deps).await.map(drop)
        }
    };
    let quarantine = move |Dead { queue, body, .. }: Dead| {
        let deps = deps.clone();
        async move { exceptions::quarantine_dead_letter(&deps, &queue, &body).await }
    };
    serve_sweep(sweep, quarantine).await
}
