//! The promises, checked on everything that is stored.

use super::{Stored, all, open};
use crate::{Exit, say};
use domain::ids::SupplierSku;
use domain::order::machine::SendState;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::timeline::counted;
use embedded::Embedded;
use ports::OfferStore as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// As `domain::invariants` names them, and what they mean.
const PROMISES: [(&str, &str); 5] = [
    ("nothing lost", "every unit is in exactly one place"),
    ("nothing doubled", "no supplier has a purchase order twice"),
    ("stale news", "what was cancelled is nowhere still wanted"),
    ("explained", "every decision has its own reasons"),
    (
        "stock adds up",
        "reserved is what live purchase orders reserve",
    ),
];

pub(crate) async fn report(data: &Path) -> anyhow::Result<Exit> {
    match open(data)? {
        Ok(store) => report_on(&store).await,
        Err(exit) => Ok(exit),
    }
}

/// Each promise with `ok` or what breaks it.
pub(crate) async fn report_on(store: &Embedded) -> anyhow::Result<Exit> {
    let Stored { orders, unreadable } = all(store).await?;
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
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
            *states.entry(own.sending.state.name()).or_default() += 1;
            if own.holds_reservation() && !matches!(own.sending.state, SendState::Sent { .. }) {
                for line in own.lines.iter().filter(|line| line.reserved) {
                    *wanted
                        .entry((own.number.clone(), line.supplier_sku.clone()))
                        .or_default() += line.quantity;
                }
            }
        }
    }
    let rows = store.reservations().await?;
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
    for (supplier, sku, known) in store.stock().await? {
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
    say(format_args!(
        "{}, {}",
        counted(orders.len() + unreadable.len(), "order"),
        counted(purchase_orders, "purchase order")
    ));
    for (state, count) in &states {
        say(format_args!("  {count} {state}"));
    }
    for (promise, means) in PROMISES {
        let breaks = broken.get(promise).map_or(&[][..], Vec::as_slice);
        if breaks.is_empty() {
            say(format_args!("ok      {promise}: {means}"));
        }
        for why in breaks {
            say(format_args!("BROKEN  {promise}: {why}"));
        }
    }
    Ok(if broken.values().all(Vec::is_empty) {
        Exit::Done
    } else {
        Exit::No
    })
}
