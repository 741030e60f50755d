//! `order-webhook` on Lambda: wiring only.

use aws::function::{Function, Need};
use aws::lambda::{Answer, Call, Error, serve_http};
use channels::CHANNELS;
use domain::messages::QueueName;
use order_webhook::Deps;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start(&[Need::Secrets, Need::Queue(QueueName::Routing)]).await?;
    let running = function.running(function.channels(CHANNELS).await?).await?;
    let deps = Deps {
        orders: function.orders(),
        incidents: function.orders(),
        queue: function.queue(),
        files: function.files(),
        clock: function.clock(),
        channels: running.opened(),
        refused: Arc::default(),
    };
    serve_http(move |call: Call| {
        let (running, mut deps) = (running.clone(), deps.clone());
        async move {
            deps.channels = running.current().await;
            let channel = call.parameters.get("channel").cloned().unwrap_or_default();
            let answer = order_webhook::handle(&deps, &channel, &call.request).await;
            let (status, text, body) = (answer.status, answer.note, answer.body);
            if status == 401 {
                tracing::info!(channel.id = %channel, why = text, "webhook refused");
            }
            Answer { status, text, body }
        }
    })
    .await
}
