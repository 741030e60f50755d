//! The promises, checked on everything that is stored.

use super::{Stored, all, document};
use crate::{Exit, Installation, say};
use domain::ids::SupplierSku;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::machine::SendState;
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

/// Each promise with what breaks it.
pub async fn report_on(at: &Installation) -> anyhow::Result<Report> {
    let Stored { orders, unreadable } = all(at).await?;
    let mut states: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut broken: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut wanted: BTreeMap<(PurchaseOrderNumber, SupplierSku), u32> = BTreeMap::new();
    let mut purchase_orders = 0_usize;
    for (id, why) in &unreadable {
        let lost = broken.entry(PROMISES[0].0).or_default();
        lost.push(format!("{id} cannot be read: {why}"));
    }
    for (order, history) in &orders {
        for why in domain::invariants::broken(order, history) {
            let known = PROMISES.iter().find_map(|(promise, _)| {
                let rest = why.strip_prefix(promise)?.strip_prefix(": ")?;
                Some((*promise, rest))
            });
            let (promise, why) = known.unwrap_or((PROMISES[0].0, &why));
            broken
                .entry(promise)
                .or_default()
                .push(format!("{}: {why}", order.id));
        }
        for own in &order.purchase_orders {
            purchase_orders += 1;
            *states.entry(own.sending.word()).or_default() += 1;
            if own.holds_reservation() && !matches!(own.sending.state, SendState::Sent { .. }) {
                for line in own.lines.iter().filter(|line| line.reserved) {
                    *wanted
                        .entry((own.number.clone(), line.supplier_sku.clone()))
                        .or_default() += line.quantity;
                }
            }
        }
    }
    let rows = at.offers.reservations().await?;
    let mut reserved: BTreeMap<(PurchaseOrderNumber, SupplierSku), u32> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.sent_at.is_none()) {
        *reserved
            .entry((row.purchase_order.clone(), row.supplier_sku.clone()))
            .or_default() += row.quantity;
    }
    let stock = broken.entry("stock adds up").or_default();
    for key in wanted
        .keys()
        .chain(reserved.keys())
        .collect::<BTreeSet<_>>()
    {
        let (wants, has) = (wanted.get(key), reserved.get(key));
        if wants != has {
            stock.push(format!(
                "{} of {}: {} reserved, {} wanted",
                key.1,
                key.0,
                has.unwrap_or(&0),
                wants.unwrap_or(&0)
            ));
        }
    }
    for (supplier, sku, known) in at.offers.stock().await? {
        let held: i64 = rows
            .iter()
            .filter(|row| row.supplier == supplier && row.supplier_sku == sku)
            .map(|row| i64::from(row.quantity))
            .sum();
        if known.available + held != i64::from(known.stock) {
            stock.push(format!(
                "{supplier} {sku}: {} available and {held} reserved of {}",
                known.available, known.stock
            ));
        }
    }
    let spending = at.offers.spending().await?;
    let known = orders.iter().map(|(order, _)| order);
    broken.insert(
        "spending adds up",
        domain::spending::sums::broken(known, &spending),
    );
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
        orders: orders.len() + unreadable.len(),
        purchase_orders,
        states,
        promises: promises.into(),
    })
}
