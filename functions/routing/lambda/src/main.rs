//! `routing` on Lambda: wiring only.

use aws::function::{Function, Need};
use aws::lambda::{Error, serve_queue};
use connectors::running::SettingsOnly;
use domain::messages::{QueueName, RouteOrder};
use routing::Deps;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let needs = [Need::StockTable, Need::Queue(QueueName::Forwarding)];
    let function = Function::start(&needs).await?;
    let running = function.running(SettingsOnly).await?;
    let deps = Deps {
        orders: function.orders(),
        index: function.orders(),
        offers: function.store(),
        queue: function.queue(),
        clock: function.clock(),
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
