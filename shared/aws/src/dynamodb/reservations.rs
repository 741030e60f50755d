//! What a commit does to stock rows and reservations.
//!
//! Most changes need no look at the rows: taking is conditioned on what is available. That a purchase
//! order was sent is in its order's state, where it costs nothing: a row names its order, and only a
//! count and the report ask. What depends on the rows (how much a reservation still holds, what is left
//! when a supplier has none) is worked out from what was read, and conditioned on it.

use super::item::{
    Changes, Condition, Item, Key, Meaning, Write, number, number_of, text, text_of,
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::commit::{Change, Commit, ReservationChange};
use domain::ids::{SupplierId, SupplierSku};
use domain::purchase_order_number::PurchaseOrderNumber;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const RESERVATION: &str = "reservation#";

pub(crate) fn partition(supplier: &SupplierId, sku: &SupplierSku) -> String {
    format!("stock#{supplier}#{sku}")
}

pub(crate) fn stock_key(supplier: &SupplierId, sku: &SupplierSku) -> Key {
    Key::stock(partition(supplier, sku), "stock")
}

pub(crate) fn reservation_key(
    supplier: &SupplierId,
    sku: &SupplierSku,
    purchase_order: &PurchaseOrderNumber,
) -> Key {
    let sort = format!("{RESERVATION}{purchase_order}");
    Key::stock(partition(supplier, sku), sort)
}

/// Rows that were read; what is not in it does not exist.
pub(crate) type Rows = BTreeMap<Key, Item>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) quantity: i64,
    /// As the row itself has it, where it was sent while rows were stamped.
    stamped: Option<i64>,
    /// Which order has the purchase order, and when it was reserved last, in microseconds; `None` where
    /// rows had neither.
    pub(crate) order: Option<String>,
    reserved_at: Option<i64>,
    /// When its purchase order was sent, as far as somebody looked.
    pub(crate) sent_at: Option<i64>,
}

/// Whose reservation it becomes, and when.
pub(crate) struct ReservedBy {
    order: String,
    at: i64,
}

impl ReservedBy {
    pub(crate) fn of(commit: &Commit) -> Self {
        let at = commit.events.first().map(|recorded| recorded.at);
        Self {
            order: commit.order.to_string(),
            at: at.unwrap_or_default().as_microsecond(),
        }
    }
}

impl Held {
    pub(crate) fn read(item: &Item) -> Option<Self> {
        let stamped = number_of(item, "sent_at");
        Some(Self {
            quantity: number_of(item, "quantity")?,
            stamped,
            order: text_of(item, "order").map(str::to_owned),
            reserved_at: number_of(item, "reserved_at"),
            sent_at: stamped,
        })
    }

    #[cfg(test)]
    pub(crate) fn sent_by(quantity: i64, sent_at: Option<i64>) -> Self {
        Self {
            quantity,
            stamped: None,
            order: None,
            reserved_at: None,
            sent_at,
        }
    }

    /// Its purchase order was sent then. What was reserved since has not been sent.
    pub(crate) fn sent(&mut self, at: i64) {
        if self.sent_at.is_none() && self.reserved_at.is_none_or(|reserved| at >= reserved) {
            self.sent_at = Some(at);
        }
    }

    /// That the row is still this one.
    pub(crate) fn unchanged(&self) -> Condition {
        let quantity = Condition::new(
            "#quantity = :quantity",
            [(":quantity", number(self.quantity))],
        );
        let stamp = match self.stamped {
            Some(at) => Condition::new("#sent_at = :sent_at", [(":sent_at", number(at))]),
            None => Condition::new("attribute_not_exists(#sent_at)", []),
        };
        quantity.and(stamp).and(match self.reserved_at {
            Some(at) => {
                let reserved = [(":reserved_at", number(at))];
                Condition::new("#reserved_at = :reserved_at", reserved)
            }
            None => Condition::new("attribute_not_exists(#reserved_at)", []),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OnHand {
    pub(crate) stock: i64,
    pub(crate) available: i64,
    /// In microseconds.
    pub(crate) as_of: i64,
}

impl OnHand {
    pub(crate) fn read(item: &Item) -> Option<Self> {
        Some(Self {
            stock: number_of(item, "stock")?,
            available: number_of(item, "available")?,
            as_of: number_of(item, "as_of")?,
        })
    }

    pub(crate) fn unchanged(self) -> Condition {
        Condition::new(
            "#stock = :stock AND #available = :available AND #as_of = :as_of",
            [
                (":stock", number(self.stock)),
                (":available", number(self.available)),
                (":as_of", number(self.as_of)),
            ],
        )
    }
}

/// What is known of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Row<T> {
    NotLookedAt,
    Missing,
    There(T),
}

impl<T: Clone> Row<T> {
    fn of(key: &Key, rows: Option<&Rows>, read: fn(&Item) -> Option<T>) -> Self {
        match rows {
            None => Self::NotLookedAt,
            Some(rows) => rows
                .get(key)
                .and_then(read)
                .map_or(Self::Missing, Self::There),
        }
    }

    fn there(&self) -> Option<T> {
        match self {
            Self::There(row) => Some(row.clone()),
            Self::NotLookedAt | Self::Missing => None,
        }
    }

    fn is_known(&self) -> bool {
        !matches!(self, Self::NotLookedAt)
    }
}

#[derive(Debug, PartialEq)]
pub(crate) enum NotYet {
    /// The rows must be read first.
    Look,
    ShortOf(SupplierSku),
}

/// Rows that may have to be read for these changes.
pub(crate) fn keys(changes: &[ReservationChange]) -> BTreeSet<Key> {
    let keys = changes.iter().flat_map(|change| {
        [
            stock_key(&change.supplier, &change.supplier_sku),
            reservation_key(
                &change.supplier,
                &change.supplier_sku,
                &change.purchase_order,
            ),
        ]
    });
    keys.collect()
}

/// Changes one after the other, each row written once at the end.
pub(crate) fn writes(
    changes: &[ReservationChange],
    rows: Option<&Rows>,
    by: &ReservedBy,
) -> Result<Vec<Write>, NotYet> {
    let mut stocks = Vec::<(Key, Stock)>::new();
    let mut reservations = Vec::<(Key, Reservation)>::new();
    for change in changes {
        let stock_key = stock_key(&change.supplier, &change.supplier_sku);
        let own_key = reservation_key(
            &change.supplier,
            &change.supplier_sku,
            &change.purchase_order,
        );
        let stock = entry(&mut stocks, stock_key, |key| Stock::new(change, key, rows));
        let own = entry(&mut reservations, own_key, |key| {
            Reservation::new(key, rows)
        });
        match change.change {
            Change::Reserve(quantity) => {
                stock.take(i64::from(quantity))?;
                own.reserve(i64::from(quantity), by)?;
            }
            // The supplier has it already, whatever is available.
            Change::ReserveAgain(quantity) => {
                stock.add(-i64::from(quantity));
                own.reserve(i64::from(quantity), by)?;
            }
            Change::GiveBack(quantity) => {
                let freed = own.give_back(i64::from(quantity))?;
                stock.give_back(freed);
            }
            Change::SoldOut => stock.sell_out()?,
            // The state has it.
            Change::Sent(_) => {}
        }
    }
    let stocks = stocks
        .into_iter()
        .filter_map(|(key, stock)| stock.write(key));
    let reservations = reservations
        .into_iter()
        .filter_map(|(key, own)| own.write(key));
    Ok(stocks.chain(reservations).collect())
}

fn entry<T>(known: &mut Vec<(Key, T)>, key: Key, new: impl FnOnce(&Key) -> T) -> &mut T {
    let at = known.iter().position(|(other, _)| *other == key);
    let at = at.unwrap_or_else(|| {
        let value = new(&key);
        known.push((key, value));
        known.len() - 1
    });
    &mut known[at].1
}

/// A stock row while changes are put onto it.
struct Stock {
    sku: SupplierSku,
    read: Row<OnHand>,
    now: Option<OnHand>,
    /// Less than this must not have been available before.
    needed: i64,
    change: i64,
    sold_out: bool,
}

impl Stock {
    fn new(change: &ReservationChange, key: &Key, rows: Option<&Rows>) -> Self {
        let read = Row::of(key, rows, OnHand::read);
        Self {
            sku: change.supplier_sku.clone(),
            now: read.there(),
            read,
            needed: i64::MIN,
            change: 0,
            sold_out: false,
        }
    }

    fn take(&mut self, quantity: i64) -> Result<(), NotYet> {
        if self.read.is_known() && self.now.is_none_or(|now| now.available < quantity) {
            return Err(NotYet::ShortOf(self.sku.clone()));
        }
        self.needed = self.needed.max(quantity - self.change);
        self.add(-quantity);
        Ok(())
    }

    fn give_back(&mut self, quantity: i64) {
        self.add(quantity);
    }

    fn add(&mut self, quantity: i64) {
        self.change += quantity;
        if let Some(now) = &mut self.now {
            now.available += quantity;
        }
    }

    /// What is reserved stays: those purchase orders were accepted before.
    fn sell_out(&mut self) -> Result<(), NotYet> {
        if !self.read.is_known() {
            return Err(NotYet::Look);
        }
        if let Some(now) = self.now.as_mut().filter(|now| now.available > 0) {
            now.stock -= now.available;
            now.available = 0;
            self.sold_out = true;
        }
        Ok(())
    }

    fn write(self, key: Key) -> Option<Write> {
        if self.sold_out {
            let (before, after) = (self.read.there()?, self.now?);
            let mut changes = Changes::default();
            changes.set.insert("stock", number(after.stock));
            changes.set.insert("available", number(after.available));
            return Some(Write::update(key, changes).only_if(before.unchanged(), Meaning::Changed));
        }
        let takes = self.needed > i64::MIN;
        if !takes && (self.change == 0 || self.read == Row::Missing) {
            return None;
        }
        let mut changes = Changes::default();
        changes.add.insert("available", self.change);
        let (condition, meaning) = if takes {
            let needed =
                Condition::new("#available >= :needed", [(":needed", number(self.needed))]);
            (needed, Meaning::ShortOf(self.sku))
        } else {
            let exists = Condition::new("attribute_exists(#available)", []);
            (exists, Meaning::Changed)
        };
        Some(Write::update(key, changes).only_if(condition, meaning))
    }
}

/// A reservation while changes are put onto it.
struct Reservation {
    read: Row<Held>,
    now: Option<Held>,
    /// Where it was not looked at: the one change there is.
    blind: Option<Changes>,
}

impl Reservation {
    fn new(key: &Key, rows: Option<&Rows>) -> Self {
        let read = Row::of(key, rows, Held::read);
        Self {
            now: read.there(),
            read,
            blind: None,
        }
    }

    fn reserve(&mut self, quantity: i64, by: &ReservedBy) -> Result<(), NotYet> {
        if !self.read.is_known() {
            let mut changes = Changes::default();
            changes.add.insert("quantity", quantity);
            changes.remove.push("sent_at");
            changes.set.insert("order", text(&by.order));
            changes.set.insert("reserved_at", number(by.at));
            return self.only(changes);
        }
        let held = self.now.as_ref().map_or(0, |now| now.quantity);
        self.now = Some(Held {
            quantity: held + quantity,
            stamped: None,
            order: Some(by.order.clone()),
            reserved_at: Some(by.at),
            sent_at: None,
        });
        Ok(())
    }

    /// As much of it as the reservation still holds: a newer feed may have accounted for it.
    fn give_back(&mut self, quantity: i64) -> Result<i64, NotYet> {
        if !self.read.is_known() {
            return Err(NotYet::Look);
        }
        let Some(now) = &mut self.now else {
            return Ok(0);
        };
        let freed = now.quantity.min(quantity);
        now.quantity -= freed;
        self.now = self.now.take().filter(|now| now.quantity > 0);
        Ok(freed)
    }

    fn only(&mut self, changes: Changes) -> Result<(), NotYet> {
        if self.blind.is_some() {
            return Err(NotYet::Look);
        }
        self.blind = Some(changes);
        Ok(())
    }

    fn write(self, key: Key) -> Option<Write> {
        if !self.read.is_known() {
            return Some(Write::update(key, self.blind?));
        }
        let before = self.read.there();
        if before == self.now {
            return None;
        }
        let unchanged = before.as_ref().map_or_else(
            || Condition::new("attribute_not_exists(#pk)", []),
            Held::unchanged,
        );
        let write = match self.now {
            Some(now) => {
                let mut item = key.with([("quantity", number(now.quantity))]);
                let mut also = |name: &str, value: Option<AttributeValue>| {
                    item.extend(value.map(|value| (name.to_owned(), value)));
                };
                also("sent_at", now.stamped.map(number));
                also("order", now.order.map(text));
                also("reserved_at", now.reserved_at.map(number));
                Write::put(key, item)
            }
            None => Write::delete(key),
        };
        Some(write.only_if(unchanged, Meaning::Changed))
    }
}

/// Supplier, supplier SKU.
pub(crate) fn parts(partition: &str) -> Option<(SupplierId, SupplierSku)> {
    let (supplier, sku) = partition.strip_prefix("stock#")?.split_once('#')?;
    Some((
        SupplierId::parse(supplier).ok()?,
        SupplierSku::parse(sku).ok()?,
    ))
}

#[cfg(test)]
mod tests;
