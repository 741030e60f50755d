//! The promises, checked on everything that is stored.

use super::{AllOrders, PAGE, Stored, document};
use crate::{Exit, Installation, say};
use domain::ids::{SupplierId, SupplierSku};
use domain::order::Order;
use domain::order::events::Recorded;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::machine::SendState;
use domain::spending::sums::Sums;
use domain::text::counted;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// As `domain::invariants` names them, and what they mean.
const PROMISES: [(&str, &str); 6] = [
    ("nothing lost", "every unit is in exactly one place"),
    ("nothing doubled", "no supplier has a purchase order twice"),
    ("stale news", "what was cancelled is nowhere still wanted"),
    ("explained", "every decision has its own reasons"),
    (
        "stock adds up",
        "reserved is what live purchase orders reserve",
    ),
    (
        "spending adds up",
        "counted against spend limits is what live purchase orders come to",
    ),
];

#[derive(Serialize)]
pub struct Report {
    orders: usize,
    purchase_orders: usize,
    /// How many purchase orders are in each state.
    states: BTreeMap<&'static str, usize>,
    promises: Vec<PromiseView>,
}

#[derive(Serialize)]
struct PromiseView {
    promise: &'static str,
    means: &'static str,
    kept: bool,
    broken: Vec<String>,
}

pub(crate) async fn report(at: &Installation, json: bool) -> anyhow::Result<Exit> {
    let report = report_on(at).await?;
    if json {
        document(&report)?;
    } else {
        report.show();
    }
    Ok(report.exit())
}

impl Report {
    pub fn exit(&self) -> Exit {
        if self.promises.iter().all(|promise| promise.kept) {
            Exit::Done
        } else {
            Exit::No
        }
    }

    pub fn show(&self) {
        say(format_args!(
            "{}, {}",
            counted(self.orders, "order"),
            counted(self.purchase_orders, "purchase order")
        ));
        for (state, count) in &self.states {
            say(format_args!("  {count} {state}"));
        }
        for PromiseView {
            promise,
            means,
            broken,
            ..
        } in &self.promises
        {
            if broken.is_empty() {
                say(format_args!("ok      {promise}: {means}"));
            }
            for why in broken {
                say(format_args!("BROKEN  {promise}: {why}"));
            }
        }
    }
}

/// What is known of everything that was read so far.
#[derive(Default)]
struct Findings {
    orders: usize,
    purchase_orders: usize,
    states: BTreeMap<&'static str, usize>,
    broken: BTreeMap<&'static str, Vec<String>>,
    /// Units that purchase orders want which are not sent yet.
    wanted: BTreeMap<(PurchaseOrderNumber, SupplierSku), u32>,
    spending: Sums,
}

impl Findings {
    fn add(&mut self, stored: &Stored) {
        self.orders += 1;
        match stored {
            Stored::Order(order, history) => self.add_order(order, history),
            Stored::Unreadable(id, why) => {
                let lost = self.broken.entry(PROMISES[0].0).or_default();
                lost.push(format!("{id} cannot be read: {why}"));
            }
        }
    }

    fn add_order(&mut self, order: &Order, history: &[Recorded]) {
        for why in domain::invariants::broken(order, history) {
            let known = PROMISES.iter().find_map(|(promise, _)| {
                let rest = why.strip_prefix(promise)?.strip_prefix(": ")?;
                Some((*promise, rest))
            });
            let (promise, why) = known.unwrap_or((PROMISES[0].0, &why));
            let broken = self.broken.entry(promise).or_default();
            broken.push(format!("{}: {why}", order.id));
        }
        self.spending.add(order);
        for own in &order.purchase_orders {
            self.purchase_orders += 1;
            *self.states.entry(own.sending.word()).or_default() += 1;
            if own.holds_reservation() && !matches!(own.sending.state, SendState::Sent { .. }) {
                for line in own.lines.iter().filter(|line| line.reserved) {
                    let key = (own.number.clone(), line.supplier_sku.clone());
                    *self.wanted.entry(key).or_default() += line.quantity;
                }
            }
        }
    }
}

/// What breaks the promise that stock adds up. Of what is sent only sums are kept.
async fn broken_stock(
    at: &Installation,
    wanted: &BTreeMap<(PurchaseOrderNumber, SupplierSku), u32>,
) -> anyhow::Result<Vec<String>> {
    let mut reserved: BTreeMap<(PurchaseOrderNumber, SupplierSku), u32> = BTreeMap::new();
    let mut held: BTreeMap<(SupplierId, SupplierSku), i64> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = at.offers.reservation_page(after.as_deref(), PAGE).await?;
        for row in page.reservations {
            let place = (row.supplier, row.supplier_sku);
            if row.sent_at.is_none() {
                let key = (row.purchase_order, place.1.clone());
                *reserved.entry(key).or_default() += row.quantity;
            }
            *held.entry(place).or_default() += i64::from(row.quantity);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut broken = Vec::new();
    let keys: BTreeSet<_> = wanted.keys().chain(reserved.keys()).collect();
    for key in keys {
        let (wants, has) = (wanted.get(key), reserved.get(key));
        if wants != has {
            broken.push(format!(
                "{} of {}: {} reserved, {} wanted",
                key.1,
                key.0,
                has.unwrap_or(&0),
                wants.unwrap_or(&0)
            ));
        }
    }
    for (supplier, sku, known) in at.offers.stock().await? {
        let place = (supplier, sku);
        let held = held.get(&place).copied().unwrap_or(0);
        let (supplier, sku) = place;
        if known.available + held != i64::from(known.stock) {
            broken.push(format!(
                "{supplier} {sku}: {} available and {held} reserved of {}",
                known.available, known.stock
            ));
        }
    }
    Ok(broken)
}

/// Each promise with what breaks it.
pub async fn report_on(at: &Installation) -> anyhow::Result<Report> {
    let mut findings = Findings::default();
    let mut orders = AllOrders::of(at);
    while let Some(page) = orders.page().await? {
        for stored in &page {
            findings.add(stored);
        }
    }
    let Findings {
        orders,
        purchase_orders,
        states,
        mut broken,
        wanted,
        spending,
    } = findings;
    // Whatever order they were read in.
    for broken in broken.values_mut() {
        broken.sort();
    }
    broken.insert("stock adds up", broken_stock(at, &wanted).await?);
    let spent = at.offers.spending().await?;
    broken.insert("spending adds up", spending.broken(&spent));
    let promises = PROMISES.map(|(promise, means)| {
        let broken = broken.remove(promise).unwrap_or_default();
        PromiseView {
            promise,
            means,
            kept: broken.is_empty(),
            broken,
        }
    });
    Ok(Report {
        orders,
        purchase_orders,
        states,
        promises: promises.into(),
    })
}
