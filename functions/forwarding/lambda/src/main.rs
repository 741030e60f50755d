//! `forwarding` on Lambda: wiring only.

use aws::bundle::S3Bundles;
use aws::clients::{Clients, Place};
use aws::clock::SystemClock;
use aws::dynamodb::DynamoDb;
use aws::environment::needed;
use aws::lambda::{Body, Delivered, Error, serve_queue};
use aws::metrics::Measured;
use aws::s3::S3Files;
use aws::ses::{Reported, SesMailer, reported};
use aws::sqs::SqsQueue;
use aws::ssm::SsmSecrets;
use domain::messages::{ForwardPurchaseOrder, QueueMessage as _, QueueName};
use execution::purchase_orders::{PurchaseOrders, Trust};
use execution::{ConcurrencyLimit, Execution};
use forwarding::Deps;
use std::sync::Arc;
use std::time::Duration;
use ways::running::{Running, SuppliersOf};

/// Below what a mail supplier waits for its mailer, so that the mailer knows best.
const MAIL_WITHIN: Duration = Duration::from_secs(50);

/// Our own messages, and what SES reports.
enum Work {
    Step(ForwardPurchaseOrder),
    Report(Reported),
}

impl Body for Work {
    fn read(delivered: Delivered) -> Option<Self> {
        let report = || reported(&delivered.body).map(Self::Report);
        let message = ForwardPurchaseOrder::parse(&delivered.body);
        message.map(Self::Step).or_else(report)
    }

    fn subject(&self) -> String {
        match self {
            Self::Step(message) => message.order.to_string(),
            Self::Report(Reported::Mail(event)) => event.id.to_string(),
            Self::Report(Reported::Noted(_) | Reported::Foreign) => String::new(),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::log::begin()?;
    let [
        stack,
        orders,
        stock,
        artifacts,
        drops,
        parameters,
        configuration_set,
        at_once,
    ] = needed([
        "STACK_NAME",
        "ORDERS_TABLE",
        "STOCK_TABLE",
        "ARTIFACTS_BUCKET",
        "DROPS_BUCKET",
        "PARAMETERS_PATH",
        "MAIL_CONFIGURATION_SET",
        "MAX_CONCURRENT_SENDS",
    ])?;
    let at_once = at_once
        .parse()
        .map_err(|_| "MAX_CONCURRENT_SENDS is no number")?;
    let clients = Clients::new(Place::from_environment()?);
    let clock = Arc::new(SystemClock);
    let store = DynamoDb::new(clients.dynamodb(), orders, Some(stock));
    aws::lambda::connect(&store).await?;
    let orders = Arc::new(Measured::new(store.clone(), stack, clock.clone()));
    let files = Arc::new(S3Files::new(clients.s3(), artifacts.clone(), Some(drops)));
    let suppliers = SuppliersOf {
        files: files.clone(),
        mailer: Arc::new(SesMailer::new(clients.ses(MAIL_WITHIN), configuration_set)),
        secrets: SsmSecrets::read(clients.ssm(), format!("{parameters}/suppliers")).await?,
    };
    let bundles = Arc::new(S3Bundles::new(clients.s3(), artifacts));
    let running = Running::start(suppliers, bundles, orders.clone(), clock.clone()).await?;
    let running = Arc::new(running);
    let queues = [QueueName::Routing, QueueName::Forwarding];
    let queue = Arc::new(SqsQueue::from_environment(clients.sqs(), &queues)?);
    let store = Arc::new(store);
    let deps = Deps {
        queue: queue.clone(),
        purchase_orders: PurchaseOrders {
            execution: Execution {
                orders,
                files,
                clock,
            },
            batches: store.clone(),
            refusals: store.clone(),
            settings: running.settings.clone(),
            suppliers: running.opened(),
            concurrency: Some(Arc::new(ConcurrencyLimit {
                processes: at_once,
                slots: store,
                later: queue,
            })),
            trust: Arc::new(Trust::among_others()),
        },
    };
    serve_queue(move |work: Work| {
        let (running, mut deps) = (running.clone(), deps.clone());
        async move {
            running.look().await;
            deps.purchase_orders.suppliers = running.opened();
            match work {
                Work::Step(ForwardPurchaseOrder {
                    order,
                    purchase_order,
                }) => forwarding::handle(&deps, &order, &purchase_order).await,
                Work::Report(Reported::Mail(event)) => forwarding::mail_event(&deps, &event).await,
                Work::Report(Reported::Noted(what)) => {
                    tracing::info!(what, "a mail was reported");
                    Ok(())
                }
                Work::Report(Reported::Foreign) => {
                    tracing::info!("a mail that is not ours was reported");
                    Ok(())
                }
            }
        }
    })
    .await
}
