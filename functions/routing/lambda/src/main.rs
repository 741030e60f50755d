//! `routing` on Lambda: wiring only.

use aws::bundle::S3Bundles;
use aws::clients::{Clients, Place};
use aws::clock::SystemClock;
use aws::dynamodb::DynamoDb;
use aws::environment::needed;
use aws::lambda::{Error, serve_queue};
use aws::metrics::Measured;
use aws::sqs::SqsQueue;
use domain::messages::{QueueName, RouteOrder};
use routing::Deps;
use std::sync::Arc;
use ways::running::{Running, SettingsOnly};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::log::begin()?;
    let [stack, orders, stock, artifacts] = needed([
        "STACK_NAME",
        "ORDERS_TABLE",
        "STOCK_TABLE",
        "ARTIFACTS_BUCKET",
    ])?;
    let clients = Clients::new(Place::from_environment()?);
    let clock = Arc::new(SystemClock);
    let store = DynamoDb::new(clients.dynamodb(), orders, Some(stock));
    aws::lambda::connect(&store).await?;
    let orders = Arc::new(Measured::new(store.clone(), stack, clock.clone()));
    let bundles = Arc::new(S3Bundles::new(clients.s3(), artifacts));
    let running = Running::start(SettingsOnly, bundles, orders.clone(), clock.clone()).await?;
    let running = Arc::new(running);
    let deps = Deps {
        orders,
        offers: Arc::new(store),
        queue: Arc::new(SqsQueue::from_environment(
            clients.sqs(),
            &[QueueName::Forwarding],
        )?),
        clock,
        settings: running.settings.clone(),
    };
    serve_queue(move |RouteOrder { order }: RouteOrder| {
        let (running, deps) = (running.clone(), deps.clone());
        async move {
            running.look().await;
            routing::handle(&deps, &order).await
        }
    })
    .await
}
