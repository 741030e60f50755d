//! Stories told with everything real but the shop and the suppliers, on a stage: one machine, or a
//! local AWS.

mod cast;
mod machine;
mod stories;

use crate::{Exit, Installation, commands, say};
use anyhow::bail;
use async_trait::async_trait;
pub use cast::{Cast, SECRET};
use domain::ids::{ChannelId, ChannelOrderId, OrderId};
use domain::order::Order;
use domain::sending::subject::SendSubject;
use doubles::shop::{ShopOrder, SignedWebhook};
use http_client::{Client, Http as _};
pub(crate) use machine::demo;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Looks at an order before patience is at its end.
const LOOKS: u32 = 500;

/// Where the stories are told.
#[async_trait]
pub trait Stage: Send + Sync {
    fn installation(&self) -> &Installation;
    /// Of the channel `acme`.
    fn webhook_url(&self) -> &str;
    /// No step of a story takes so long unless it went wrong.
    fn patience(&self) -> Duration;
    /// So much time passes, and whatever is due by then goes on.
    async fn later(&self, seconds: u32) -> anyhow::Result<()>;
    /// A file of the merchant's changes and is taken over.
    async fn change(&self, name: &str, text: &str) -> anyhow::Result<()>;
    /// Files and mails by which suppliers were told, by the endings of their names: `csv`, `eml`.
    /// Each is named after the purchase order or the request that it tells.
    async fn told(&self, ending: &str) -> anyhow::Result<Vec<String>>;
}

/// Tells all of them, with a report at the end; whether each ended as it should.
pub async fn tell(stage: &dyn Stage, cast: Cast) -> anyhow::Result<Exit> {
    let mut telling = Telling {
        stage,
        cast,
        client: Arc::new(Client::new([Ipv4Addr::LOCALHOST.to_string()], true)?),
        told: 0,
        wrong: Vec::new(),
    };
    telling.tell().await?;
    telling.end().await
}

struct Telling<'a> {
    stage: &'a dyn Stage,
    cast: Cast,
    client: Arc<Client>,
    told: u32,
    wrong: Vec<String>,
}

impl Telling<'_> {
    fn at(&self) -> &Installation {
        self.stage.installation()
    }

    async fn orders(&self) -> anyhow::Result<Vec<Order>> {
        let mut orders = Vec::new();
        let mut all = commands::AllOrders::of(self.at());
        while let Some(page) = all.page().await? {
            orders.extend(page.into_iter().filter_map(|stored| match stored {
                commands::Stored::Order(order, _) => Some(*order),
                commands::Stored::Unreadable(..) => None,
            }));
        }
        Ok(orders)
    }

    fn story(&mut self, title: &str) {
        self.told += 1;
        say(format_args!("\n=== {}. {title} ===", self.told));
    }

    async fn post(&self, topic: &str, order: &ShopOrder) -> anyhow::Result<()> {
        let webhook = self.cast.shop.sign(topic, &order.0);
        let status = self.send(webhook).await?;
        say(format_args!("shop: {topic} -> {status}"));
        if status != 200 {
            bail!("the webhook was answered {status}");
        }
        Ok(())
    }

    async fn send(&self, webhook: SignedWebhook) -> anyhow::Result<u16> {
        let url = self.stage.webhook_url().to_owned();
        post(self.client.clone(), url, webhook, self.stage.patience()).await
    }

    async fn later(&self, seconds: u32) -> anyhow::Result<()> {
        say(format_args!("-- {seconds} seconds later --"));
        self.stage.later(seconds).await
    }

    /// Waits for the order to be so; a story that goes wrong is told to its end all the same.
    async fn wait(
        &mut self,
        order: &ShopOrder,
        what: &str,
        so: impl Fn(&Order) -> bool,
    ) -> anyhow::Result<()> {
        let id = order_id(order)?;
        for _ in 0..LOOKS {
            if let Some(history) = self.at().orders.load(&id).await?
                && so(&history.fold()?)
            {
                say(format_args!("now:  {what}"));
                return Ok(());
            }
            tokio::time::sleep(self.stage.patience() / LOOKS).await;
        }
        say(format_args!("WRONG: not {what}"));
        self.wrong.push(format!("story {}: not {what}", self.told));
        Ok(())
    }

    /// The end of a story: waits, then shows the order.
    async fn until(
        &mut self,
        order: &ShopOrder,
        what: &str,
        so: impl Fn(&Order) -> bool,
    ) -> anyhow::Result<()> {
        self.wait(order, what, so).await?;
        let id = order_id(order)?;
        if let Some(history) = self.at().orders.load(&id).await? {
            commands::order::View::of(&history.fold()?, &history.events, self.at().clock.now())
                .show();
        }
        Ok(())
    }

    /// The promises, and what the suppliers say they got.
    async fn end(mut self) -> anyhow::Result<Exit> {
        say(format_args!("\n=== Report ==="));
        let report = commands::report::report_on(self.at()).await?;
        report.show();
        let mut received: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, double) in [
            ("northwind", &self.cast.northwind),
            ("eastgate", &self.cast.eastgate),
        ] {
            for (number, times) in double.taken() {
                let places = received.entry(number).or_default();
                places.extend(std::iter::repeat_n(name, times));
            }
        }
        for (ending, name) in [("csv", "lakeside"), ("eml", "harbour")] {
            for number in self.stage.told(ending).await? {
                received.entry(number).or_default().push(name);
            }
        }
        say(format_args!(
            "\n=== What the suppliers received, by their own count ==="
        ));
        for (number, places) in &received {
            say(format_args!(
                "{number}  {} x {}",
                places.join(", "),
                places.len()
            ));
            if places.len() > 1 {
                self.wrong
                    .push(format!("{number} was taken {} times", places.len()));
            }
        }
        for order in self.orders().await? {
            for own in &order.purchase_orders {
                let id = SendSubject::from(&own.number);
                let requests = own
                    .numbered_cancels()
                    .map(|(request, asked)| (own.subject(Some(request)), &asked.sending));
                for (id, sending) in std::iter::once((id.clone(), &own.sending)).chain(requests) {
                    let there = received.remove(&id.file_name()).is_some();
                    if there != sending.is_sent() {
                        self.wrong.push(format!(
                            "{id} is {} here and {} at the supplier",
                            sending.state.name(),
                            if there { "is" } else { "is not" }
                        ));
                    }
                }
            }
        }
        for number in received.keys() {
            self.wrong.push(format!("nobody here knows {number}"));
        }
        for incident in self.at().incidents.incidents().await? {
            self.wrong.push(format!("incident: {}", incident.detail));
        }
        for wrong in &self.wrong {
            say(format_args!("WRONG: {wrong}"));
        }
        if report.exit() == Exit::Done && self.wrong.is_empty() {
            say(format_args!(
                "\nEvery story ended as it should; every purchase order was taken exactly once."
            ));
            return Ok(Exit::Done);
        }
        Ok(Exit::No)
    }
}

/// Of the channel `acme`.
pub fn order_id(order: &ShopOrder) -> anyhow::Result<OrderId> {
    let own = ChannelOrderId::parse(order.id().to_string())?;
    Ok(OrderId::new(ChannelId::parse("acme")?, own))
}

async fn post(
    client: Arc<Client>,
    url: String,
    webhook: SignedWebhook,
    patience: Duration,
) -> anyhow::Result<u16> {
    Ok(client.send(&webhook.to(&url), patience).await?.status)
}
