//! What purchase orders count against spend limits, and the rows of the store that follow.

use super::{SpendingChange, Spent};
use crate::ids::SupplierId;
use crate::money::{Currency, Money};
use crate::order::purchase_order::PurchaseOrder;
use crate::order::state::Order;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// From the state before to the one after, a purchase order that was not there before included.
pub(crate) fn changes(before: &Order, after: &Order) -> Vec<SpendingChange> {
    let mut rows: BTreeMap<(&SupplierId, Date, Currency), (i64, Option<i64>)> = BTreeMap::new();
    for own in &after.purchase_orders {
        let Some(spending) = &own.spending else {
            continue;
        };
        let known = before.purchase_order(&own.number);
        let by = spent(own) - known.map_or(0, spent);
        let limit = spending.limit.filter(|_| known.is_none());
        let row = rows
            .entry((&own.supplier, spending.day, spending.currency))
            .or_default();
        row.0 += by;
        row.1 = row.1.into_iter().chain(limit).min();
    }
    let changed = rows
        .into_iter()
        .filter(|(_, (by, limit))| *by != 0 || limit.is_some());
    changed
        .map(|((supplier, day, currency), (by, limit))| SpendingChange {
            supplier: supplier.clone(),
            day,
            currency,
            by,
            limit,
        })
        .collect()
}

/// What of its spending stands, in minor units. The fee does while any unit does.
pub fn spent(own: &PurchaseOrder) -> i64 {
    let Some(spending) = own.spending.as_ref().filter(|_| own.holds_reservation()) else {
        return 0;
    };
    let mut items = 0;
    let mut any = false;
    for (line, minor) in own.lines.iter().zip(&spending.items) {
        let units = own.standing(line);
        any |= units > 0;
        let part = i128::from(*minor) * i128::from(units) / i128::from(line.quantity.max(1));
        items += i64::try_from(part).unwrap_or(i64::MAX);
    }
    if any { items + spending.fee } else { 0 }
}

/// What all purchase orders together spend, against the rows of the store; in words, empty when
/// they agree.
pub fn broken<'a>(orders: impl IntoIterator<Item = &'a Order>, rows: &[Spent]) -> Vec<String> {
    let mut wanted: BTreeMap<(&SupplierId, Date, Currency), i64> = BTreeMap::new();
    for own in orders.into_iter().flat_map(|order| &order.purchase_orders) {
        if let Some(spending) = &own.spending {
            *wanted
                .entry((&own.supplier, spending.day, spending.currency))
                .or_default() += spent(own);
        }
    }
    let counted: BTreeMap<(&SupplierId, Date, Currency), i64> = rows
        .iter()
        .map(|row| {
            (
                (&row.supplier, row.day, row.money.currency),
                row.money.minor,
            )
        })
        .collect();
    let keys: BTreeSet<_> = wanted.keys().chain(counted.keys()).collect();
    let of = |rows: &BTreeMap<_, i64>, key| rows.get(key).copied().unwrap_or(0);
    keys.into_iter()
        .filter(|key| of(&wanted, key) != of(&counted, key))
        .map(|key| {
            let (supplier, day, currency) = *key;
            let money = |minor| Money { minor, currency };
            format!(
                "{supplier} on {day}: {} counted, and its purchase orders come to {}",
                money(of(&counted, key)),
                money(of(&wanted, key))
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
