//! A deployed stack with the demo's cast, and what tests ask of it again and again.

use super::deployed;
use aws_sdk_sqs::types::QueueAttributeName::{
    ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed,
    ApproximateNumberOfMessagesNotVisible,
};
use domain::cases::CaseKind;
use domain::ids::OrderId;
use domain::messages::QueueName;
use domain::order::{Order, PurchaseOrder};
use domain::purchase_order_number::PurchaseOrderNumber;
use doubles::shop::{ShopOrder, SignedWebhook};
use http_client::{Client, Failure, Http as _, Response};
use std::sync::Arc;
use std::time::Duration;
use waybill::demo::{Cast, Stage as _, order_id};
use waybill::{Exit, Installation, report_on};
use waybill_aws::local_aws::deployment::Deployment;
use waybill_aws::local_aws::stage::LocalStage;

/// The schedule's sweep is a minute away, and a configuration is looked for once a minute.
const PATIENCE: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Messages that were sent a moment ago are counted by then.
const QUIET_FOR: u32 = 6;

pub(crate) struct Place {
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) cast: Cast,
    pub(crate) stage: LocalStage,
    client: Client,
}

impl Place {
    /// `None` where nothing is prepared.
    pub(crate) async fn set(test: &str) -> Option<Self> {
        let deployment = deployed(test).await?;
        let cast = Cast::assemble().await.unwrap();
        let stage = LocalStage::set(deployment.clone(), &cast).await.unwrap();
        Some(Self {
            deployment,
            cast,
            stage,
            client: Client::new(["127.0.0.1".to_owned()], true).unwrap(),
        })
    }

    pub(crate) fn installation(&self) -> &Installation {
        self.stage.installation()
    }

    pub(crate) async fn send(&self, webhook: SignedWebhook) -> Result<Response, Failure> {
        let request = webhook.to(self.stage.webhook_url());
        self.client.send(&request, Duration::from_secs(30)).await
    }

    pub(crate) async fn post(&self, topic: &str, order: &ShopOrder) {
        let answer = self.send(self.cast.shop.sign(topic, &order.0)).await;
        assert_eq!(answer.unwrap().status, 200);
    }

    pub(crate) async fn stored(&self, order: &ShopOrder) -> Option<Order> {
        let orders = &self.installation().orders;
        let history = orders.load(&id(order)).await.unwrap()?;
        Some(history.fold().unwrap())
    }

    pub(crate) async fn until(
        &self,
        order: &ShopOrder,
        what: &str,
        so: impl Fn(&Order) -> bool,
    ) -> Order {
        eventually(what, async || {
            self.stored(order).await.filter(|order| so(order))
        })
        .await
    }

    /// Until every message of both queues was handled.
    pub(crate) async fn until_quiet(&self) {
        let mut quiet = 0;
        eventually("every message is handled", async || {
            quiet = if self.messages().await == 0 {
                quiet + 1
            } else {
                0
            };
            (quiet == QUIET_FOR).then_some(())
        })
        .await;
    }

    async fn messages(&self) -> u64 {
        let opened = &self.deployment.opened;
        let outputs = &opened.outputs;
        let mut messages = 0;
        for url in outputs.queue_urls.values() {
            let asked = opened.account.clients.sqs().get_queue_attributes();
            let counted = asked
                .queue_url(url)
                .attribute_names(ApproximateNumberOfMessages)
                .attribute_names(ApproximateNumberOfMessagesDelayed)
                .attribute_names(ApproximateNumberOfMessagesNotVisible)
                .send()
                .await
                .unwrap();
            let counted = counted.attributes.unwrap_or_default().into_values();
            messages += counted
                .map(|count| count.parse::<u64>().unwrap())
                .sum::<u64>();
        }
        messages
    }

    /// Into the queue of forwarding, as it is.
    pub(crate) async fn put_for_forwarding(&self, body: &str) {
        let opened = &self.deployment.opened;
        let send = opened.account.clients.sqs().send_message();
        let send = send.queue_url(&opened.outputs.queue_urls[&QueueName::Forwarding]);
        send.message_body(body).send().await.unwrap();
    }

    /// How often a file or a mail tells the purchase order, by the ending of its name.
    pub(crate) async fn told(&self, ending: &str, number: &PurchaseOrderNumber) -> usize {
        let told = self.stage.told(ending).await.unwrap();
        let own = number.to_string();
        told.iter().filter(|name| **name == own).count()
    }

    /// Kinds of what a person sees of the order, as it is stored in the index.
    pub(crate) async fn cases(&self, order: &ShopOrder) -> Vec<CaseKind> {
        let rows = self.installation().index.all_cases().await.unwrap();
        let own = rows.into_iter().filter(|row| row.order == id(order));
        own.map(|row| row.entry.kind).collect()
    }

    pub(crate) async fn every_promise_is_kept(&self) {
        let report = report_on(self.installation()).await.unwrap();
        report.show();
        assert_eq!(report.exit(), Exit::Done);
    }
}

pub(crate) fn id(order: &ShopOrder) -> OrderId {
    order_id(order).unwrap()
}

/// The only one that there is.
pub(crate) fn only(order: &Order) -> &PurchaseOrder {
    let [own] = order.purchase_orders.as_slice() else {
        panic!("{} has {:?}", order.id, order.purchase_orders);
    };
    own
}

pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        waited += LOOK_EVERY;
    }
    panic!("not within {PATIENCE:?}: {what}");
}
