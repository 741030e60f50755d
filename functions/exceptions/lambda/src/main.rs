//! `exceptions` on Lambda: wiring only.

use aws::bundle::S3Bundles;
use aws::clients::{Clients, Place};
use aws::clock::SystemClock;
use aws::dynamodb::DynamoDb;
use aws::environment::needed;
use aws::lambda::{Body, Delivered, Error, serve_sweep};
use aws::metrics::Measured;
use aws::s3::S3Files;
use aws::sqs::{SqsQueue, origin};
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
    /// The queue it was sent to follows from that of its dead letters, else from what it says.
    fn read(Delivered { body, queue }: Delivered) -> Option<Self> {
        let message = serde_json::from_str::<Message>(&body).ok();
        let origin = origin(&queue).or_else(|| message.as_ref().map(Message::queue));
        let queue = origin.map_or(queue, |origin| origin.as_str().to_owned());
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
    let [stack, orders, artifacts] = needed(["STACK_NAME", "ORDERS_TABLE", "ARTIFACTS_BUCKET"])?;
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
        queue: Arc::new(SqsQueue::from_environment(
            clients.sqs(),
            &[QueueName::Routing, QueueName::Forwarding],
        )?),
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
