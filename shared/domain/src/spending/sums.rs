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

/// What purchase orders together spend, order by order.
#[derive(Debug, Default)]
pub struct Sums(BTreeMap<(SupplierId, Date, Currency), i64>);

impl Sums {
    pub fn add(&mut self, order: &Order) {
        for own in &order.purchase_orders {
            if let Some(spending) = &own.spending {
                let key = (own.supplier.clone(), spending.day, spending.currency);
                *self.0.entry(key).or_default() += spent(own);
            }
        }
    }

    /// Against the rows of the store; in words, empty when they agree.
    pub fn broken(&self, rows: &[Spent]) -> Vec<String> {
        let counted: BTreeMap<(SupplierId, Date, Currency), i64> = rows
            .iter()
            .map(|row| {
                let Money { minor, currency } = row.money;
                ((row.supplier.clone(), row.day, currency), minor)
            })
            .collect();
        let keys: BTreeSet<_> = self.0.keys().chain(counted.keys()).collect();
        let of = |rows: &BTreeMap<_, i64>, key| rows.get(key).copied().unwrap_or(0);
        keys.into_iter()
            .filter(|key| of(&self.0, key) != of(&counted, key))
            .map(|key| {
                let (supplier, day, currency) = key;
                let currency = *currency;
                let money = |minor| Money { minor, currency };
                format!(
                    "{supplier} on {day}: {} counted, and its purchase orders come to {}",
                    money(of(&counted, key)),
                    money(of(&self.0, key))
                )
            })
            .collect()
    }
}

/// The same of these orders at once.
pub fn broken<'a>(orders: impl IntoIterator<Item = &'a Order>, rows: &[Spent]) -> Vec<String> {
    let mut sums = Sums::default();
    orders.into_iter().for_each(|order| sums.add(order));
    sums.broken(rows)
}

#[cfg(test)]
mod tests;
