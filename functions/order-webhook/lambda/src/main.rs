//! `order-webhook` on Lambda: wiring only.

use aws::bundle::S3Bundles;
use aws::clients::{Clients, Place};
use aws::clock::SystemClock;
use aws::dynamodb::DynamoDb;
use aws::environment::needed;
use aws::lambda::{Answer, Call, Error, serve_http};
use aws::metrics::Measured;
use aws::s3::S3Files;
use aws::sqs::SqsQueue;
use aws::ssm::SsmSecrets;
use domain::messages::QueueName;
use order_webhook::Deps;
use ports::WebhookRequest;
use std::sync::Arc;
use ways::running::{ChannelsOf, Running};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::log::begin()?;
    let [stack, orders, artifacts, parameters] = needed([
        "STACK_NAME",
        "ORDERS_TABLE",
        "ARTIFACTS_BUCKET",
        "PARAMETERS_PATH",
    ])?;
    let clients = Clients::new(Place::from_environment()?);
    let clock = Arc::new(SystemClock);
    let orders = DynamoDb::new(clients.dynamodb(), orders, None);
    aws::lambda::connect(&orders).await?;
    let orders = Arc::new(Measured::new(orders, stack, clock.clone()));
    let secrets = SsmSecrets::read(clients.ssm(), format!("{parameters}/channels")).await?;
    let bundles = Arc::new(S3Bundles::new(clients.s3(), artifacts.clone()));
    let channels = ChannelsOf(secrets);
    let running = Running::start(channels, bundles, orders.clone(), clock.clone()).await?;
    let running = Arc::new(running);
    let deps = Deps {
        orders,
        queue: Arc::new(SqsQueue::from_environment(
            clients.sqs(),
            &[QueueName::Routing],
        )?),
        files: Arc::new(S3Files::new(clients.s3(), artifacts, None)),
        clock,
        channels: running.opened(),
        refused: Arc::default(),
    };
    serve_http(move |call: Call| {
        let (running, mut deps) = (running.clone(), deps.clone());
        async move {
            running.look().await;
            deps.channels = running.opened();
            let channel = call.parameters.get("channel").cloned().unwrap_or_default();
            let (headers, body) = (call.headers, call.body);
            let request = WebhookRequest { headers, body };
            let answer = order_webhook::handle(&deps, &channel, &request).await;
            if answer.status == 401 {
                tracing::info!(channel.id = %channel, why = answer.note, "webhook refused");
            }
            Answer {
                status: answer.status,
                text: answer.note,
            }
        }
    })
    .await
}
