//! `forwarding` on Lambda: wiring only.

use aws::function::{Function, Need};
use aws::lambda::{Error, MessageOrReport, serve_queue};
use domain::messages::{ForwardPurchaseOrder, QueueName};
use forwarding::Deps;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let needs = [
        Need::StockTable,
        Need::DropsBucket,
        Need::Secrets,
        Need::Mail,
        Need::ConcurrentSends,
        Need::Queue(QueueName::Routing),
        Need::Queue(QueueName::Forwarding),
    ];
    let function = Function::start(&needs).await?;
    let running = function
        .running(function.suppliers(suppliers::SUPPLIERS).await?)
        .await?;
    let deps = Deps {
        queue: function.queue(),
        purchase_orders: function.purchase_orders(&running)?,
    };
    serve_queue(move |work: MessageOrReport<ForwardPurchaseOrder>| {
        let (running, mut deps) = (running.clone(), deps.clone());
        async move {
            deps.purchase_orders.suppliers = running.current().await;
            match work {
                MessageOrReport::Message(message) => {
                    forwarding::handle(&deps, &message.order, &message.purchase_order).await
                }
                MessageOrReport::Report(event) => forwarding::mail_event(&deps, &event).await,
            }
        }
    })
    .await
}
