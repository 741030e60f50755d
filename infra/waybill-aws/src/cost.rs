//! What an order costs: the functions' own calls, counted between them and a local AWS while orders
//! with one and with two suppliers go all the way, at list prices.
//!
//! Counted is what every order pays. What a process pays once (secrets, its first look at the
//! configuration), what is paid each minute (the sweep, looking for another configuration), logs and
//! stored bytes are left out.

mod prices;

use crate::local_aws::deployment::Deployment;
use crate::local_aws::emulator::{ACCOUNT, Emulator, Permissions};
use crate::local_aws::preparation::Preparation;
use crate::local_aws::stage::LocalStage;
use anyhow::{Context as _, bail};
use aws::bundle::KEY;
use doubles::recorder::Call;
use doubles::shop::ShopOrder;
use http_client::{Client, Http as _};
use prices::Counted;
use registry::Registry;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use waybill::demo::{Cast, Stage as _, order_id};
use waybill::{Exit, say, say_lines};

/// As much as nobody buys here, and counted all the same: reserving is a part of the price.
pub(crate) const OFFERS: &str = "sku,supplier,supplier_sku,cost,currency,stock
MUG,northwind,NW-100,4.00,USD,1000000
KETTLE,eastgate,EG-5,21.00,USD,1000000
";
/// Orders before the counted ones, so that every process is there.
const WARM: u32 = 3;
const LOOKS: u32 = 600;
const LOOK_EVERY: Duration = Duration::from_millis(250);
const POSTED_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn run(orders: u32, registry: Registry, json: bool) -> anyhow::Result<Exit> {
    let preparation = Preparation::complete(Path::new("."))?;
    tokio::select! {
        exit = measure(&preparation, orders, registry, json) => exit,
        told = waybill::told_to_stop() => {
            told?;
            bail!("told to stop")
        }
    }
}

async fn measure(
    preparation: &Preparation,
    orders: u32,
    registry: Registry,
    json: bool,
) -> anyhow::Result<Exit> {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let emulator = Emulator::start(preparation, anywhere, Permissions::Ignored).await?;
    emulator.recorder.ask_for_units();
    let deployment = Arc::new(Deployment::deploy(preparation, emulator, registry).await?);
    let cast = Cast::assemble().await?;
    cast.eastgate_is_back().await?;
    let stage = LocalStage::set(deployment.clone(), &cast).await?;
    stage.change("offers.csv", OFFERS).await?;
    let mut counter = Counter {
        stage,
        deployment,
        cast,
        client: Client::new([Ipv4Addr::LOCALHOST.to_string()], true)?,
        number: 5000,
    };
    let one = counter.count(orders, &[("MUG", 1)], 1).await?;
    let two = counter
        .count(orders, &[("MUG", 1), ("KETTLE", 1)], 2)
        .await?;
    if json {
        let document = json!({"one_supplier": one.json(), "two_suppliers": two.json()});
        say_lines(format_args!("{document:#}"));
        return Ok(Exit::Done);
    }
    for (title, counted) in [("one supplier", &one), ("two suppliers", &two)] {
        say(format_args!(
            "\nOrders with {title}, over HTTP: an order has, and 1,000 cost in US dollars"
        ));
        for [what, each, price] in counted.rows() {
            say(format_args!("{what:<56}{each:>8}{price:>10}"));
        }
        say(format_args!(
            "{:<64}{:>10}",
            "together",
            counted.dollars_per_thousand()
        ));
    }
    Ok(Exit::Done)
}

struct Counter {
    stage: LocalStage,
    deployment: Arc<Deployment>,
    cast: Cast,
    client: Client,
    number: u64,
}

impl Counter {
    async fn count(
        &mut self,
        orders: u32,
        lines: &[(&str, u64)],
        suppliers: usize,
    ) -> anyhow::Result<Counted> {
        for _ in 0..WARM {
            self.one(lines, suppliers).await?;
        }
        let recorder = &self.deployment.emulator.recorder;
        recorder.forget();
        for _ in 0..orders {
            self.one(lines, suppliers).await?;
        }
        let calls = self.deployment.emulator.recorder.calls();
        // Where permissions are ignored, every function signs as the account.
        let functions = calls.iter().filter(|call| call.who == ACCOUNT);
        Ok(counted(u64::from(orders), functions))
    }

    /// From the webhook until every purchase order is sent and nobody has work with it.
    async fn one(&mut self, lines: &[(&str, u64)], suppliers: usize) -> anyhow::Result<()> {
        self.number += 1;
        let order = ShopOrder::new(self.number, lines);
        let webhook = self.cast.shop.sign("orders/create", &order.0);
        let request = webhook.to(self.stage.webhook_url());
        let answer = self.client.send(&request, POSTED_WITHIN).await?;
        if answer.status != 200 {
            bail!("a webhook was answered {}", answer.status);
        }
        let id = order_id(&order)?;
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOK_EVERY).await;
            let known = self.stage.installation().orders.load(&id).await?;
            let known = known.context("answered, and not stored")?.fold()?;
            let sent = known.purchase_orders.iter();
            if sent.filter(|own| own.sending.is_sent()).count() == suppliers {
                // What is on its way to be found needless is part of the price.
                tokio::time::sleep(LOOK_EVERY * 8).await;
                return Ok(());
            }
        }
        bail!("{id} was not sent")
    }
}

fn counted<'a>(orders: u64, calls: impl Iterator<Item = &'a Call>) -> Counted {
    let mut counted = Counted {
        orders,
        webhooks: orders,
        ..Counted::default()
    };
    for call in calls {
        let needs_one = |so: fn(&str) -> bool| call.needs.iter().any(|need| so(&need.resource));
        let of_process = call.service == "ssm" || needs_one(|resource| resource.ends_with(KEY));
        // Only it asks the indexes.
        let of_the_sweep = needs_one(|resource| resource.contains("/index/"));
        if of_process || of_the_sweep {
            continue;
        }
        let named = format!("{} {}", call.service, call.action);
        *counted.requests.entry(named).or_default() += 1;
        match call.action.as_str() {
            "SendMessage" | "SendMessageBatch" => counted.messages += call.entries,
            "PutObject" => counted.files_put += 1,
            "GetObject" => counted.files_got += 1,
            "SendRawEmail" => counted.mails += 1,
            _ if call.service != "dynamodb" => {}
            _ if call.is_write() => counted.write_halves += call.capacity_halves,
            _ => counted.read_halves += call.capacity_halves,
        }
    }
    counted
}
