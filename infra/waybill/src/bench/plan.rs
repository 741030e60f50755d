//! What one plan costs: 5 lines, 20 offers of 4 suppliers, every rule set. One thread, no store.

use super::configuration::{CHANNELS, SECRET, SHOP};
use crate::machine::connectors::{Account, opening, trial_means};
use anyhow::{Context as _, bail};
use configuration::Configuration;
use domain::catalogue::{OfferWithStock, Stock};
use domain::ids::{ChannelId, OrderId};
use domain::order::Order;
use domain::order::decide::Command;
use domain::order::events::Recorded;
use domain::routing::{Facts, plan};
use doubles::shop::{Shop, ShopOrder};
use embedded::Embedded;
use embedded::SystemClock;
use jiff::Timestamp;
use ports::{Clock as _, WebhookRequest};
use registry::{Opening, Registry};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

const SKUS: [&str; 5] = ["A", "B", "C", "D", "E"];
const SUPPLIERS: [&str; 4] = ["east", "north", "south", "west"];
const ROUNDS: u32 = 20_000;

/// Nanoseconds a plan, by `split`.
pub(super) fn measure(registry: Registry) -> anyhow::Result<Vec<(&'static str, u64)>> {
    let now = SystemClock.now();
    ["prefer-single", "allow"]
        .into_iter()
        .map(|split| Ok((split, measure_with(split, registry, now)?)))
        .collect()
}

fn measure_with(split: &str, registry: Registry, now: Timestamp) -> anyhow::Result<u64> {
    let files = files(split).map(|(name, text)| (name.to_owned(), text.into_bytes()));
    let configuration = match configuration::load(&BTreeMap::from(files)) {
        Ok(configuration) => configuration,
        Err(problems) => bail!("the configuration is not right: {problems:?}"),
    };
    let order = order(&configuration, registry, now)?;
    let offers = configuration.catalogue.iter().map(|row| OfferWithStock {
        offer: row.offer.clone(),
        stock: row.stock.map(|stock| Stock {
            stock,
            available: i64::from(stock),
            as_of: now,
        }),
    });
    let offers: Vec<OfferWithStock> = offers.collect();
    let facts = Facts {
        settings: &configuration.settings,
        offers: &offers,
        spent: &[],
        now,
        reference_taken: false,
    };
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let planned = plan(&order, &facts).context("nothing to plan")?;
        let Command::Route { routed, .. } = planned.command else {
            bail!("the plan routes nothing");
        };
        if routed.purchase_orders.is_empty() {
            bail!("the plan has no purchase order");
        }
    }
    Ok(u64::try_from(begun.elapsed().as_nanos())? / u64::from(ROUNDS))
}

/// As the webhook would leave it.
fn order(
    configuration: &Configuration,
    registry: Registry,
    now: Timestamp,
) -> anyhow::Result<Order> {
    let id = ChannelId::parse("acme")?;
    let settings = &configuration.settings.channels[&id];
    let entry = registry.channel(&settings.kind);
    let entry = entry.context("no such kind of channel")?;
    let folder = tempfile::tempdir()?;
    let means = trial_means(&Embedded::in_memory(folder.path())?);
    let account = Account::from(settings);
    let opening = opening(entry, account, "", &means, BTreeMap::new(), true)?;
    let channel = (entry.open)(Opening {
        webhook_secrets: vec![SECRET.to_owned().into()],
        ..opening
    })?;
    let shop = Shop {
        domain: SHOP.to_owned(),
        secret: SECRET.to_owned(),
    };
    let webhook = shop.sign(
        "orders/create",
        &ShopOrder::new(1000, &SKUS.map(|sku| (sku, 2))).0,
    );
    let request = WebhookRequest::post(webhook.headers, webhook.body);
    let receiver = channel.webhook().context("the channel takes no webhooks")?;
    let events = receiver.receive(&request)?.events();
    let event = events.first().context("the webhook tells nothing")?;
    let order = Order::new(OrderId::new(id, event.order().clone()));
    let (events, _) = order.merge(event);
    let mut recorded = events.into_iter().map(|event| Recorded { at: now, event });
    Ok(recorded.try_fold(order, |order, event| order.apply(&event))?)
}

fn files(split: &str) -> [(&'static str, String); 4] {
    let mut suppliers = String::new();
    let mut offers = "sku,supplier,supplier_sku,cost,currency,stock\n".to_owned();
    for (place, id) in SUPPLIERS.into_iter().enumerate() {
        let _ = writeln!(
            suppliers,
            r#"
[[supplier]]
id = "{id}"
name = "The {id} company"
method = "csv"
priority = {place}
countries = ["CA", "US"]
exclude = ["US-HI"]
prefer = ["US-NY"]
fee = "1.50 USD"
minimum_order = "5.00 USD"
[[supplier.shipping_cost]]
countries = ["US"]
up_to = 3
amount = "4.00 USD"
[[supplier.shipping_cost]]
countries = ["US"]
amount = "7.00 USD"
[supplier.csv]
folder = "{id}""#
        );
        for (line, sku) in SKUS.into_iter().enumerate() {
            let cost = 5 + (place * 7 + line * 3) % 5;
            let _ = writeln!(offers, "{sku},{id},{id}-{sku},{cost}.00,USD,50");
        }
    }
    let rules = format!(
        r#"
[routing]
split = "{split}"
max_packages = 3
[limits]
max_order_value = "900.00 USD"
max_quantity = 50
max_quantity_per_line = 20
max_value_per_package = "900.00 USD"
[risk]
hold_tags = ["high-risk"]
[cost]
margin_floor = "15%"
line_margin_floor = "10%"
max_unit_cost = "30.00 USD"
max_order_cost = "300.00 USD"
[tags]
never_send = ["never-send", "no-dropship"]
[channels.acme]
suppliers = ["east", "north", "south", "west"]
"#
    );
    [
        ("channels.toml", CHANNELS.to_owned()),
        ("suppliers.toml", suppliers),
        ("rules.toml", rules),
        ("offers.csv", offers),
    ]
}
