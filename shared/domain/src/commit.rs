//! One commit: everything that must become durable together when an order takes a step.

use crate::digest::Digest;
use crate::ids::{OrderId, SupplierId, SupplierSku};
use crate::order::answer::RejectionReason;
use crate::order::events::{Event, Recorded};
use crate::order::index::Index;
use crate::order::news::Payload;
use crate::order::purchase_order::PurchaseOrder;
use crate::order::reference::Reference;
use crate::order::state::Order;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use crate::routing::trace::Trace;
use crate::sending::machine::SendState;
use crate::spending::{SpendingChange, sums};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Applied as a whole or not at all.
#[derive(Debug, Clone)]
pub struct Commit {
    pub order: OrderId,
    /// Events the history had when it was loaded; another number means the commit is stale.
    pub expected_version: u64,
    /// Never empty.
    pub events: Vec<Recorded>,
    pub index: Index,
    pub reservations: Vec<ReservationChange>,
    /// What it adds to suppliers' days that have a spend limit, and takes off them.
    pub spending: Vec<SpendingChange>,
    /// What the order is known by from now on. Purchase order numbers must be new over all orders; of
    /// every other reference several orders may have the same.
    pub references: Vec<Reference>,
    pub payload: Option<(u32, Payload)>,
    pub trace: Option<(u32, Trace)>,
}

/// A reservation is a row (supplier, supplier SKU, purchase order).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationChange {
    pub supplier: SupplierId,
    pub supplier_sku: SupplierSku,
    pub purchase_order: PurchaseOrderNumber,
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `available = available - n` if `available >= n`.
    Reserve(u32),
    /// It was given back, and the supplier has the units after all: reserved however little is
    /// available, so that what is oversold shows as less than nothing.
    ReserveAgain(u32),
    /// Of a reservation that stands, so many units; the rest of it stays.
    GiveBack(u32),
    /// The supplier has none left, whatever its feed said: nothing is available until a newer feed.
    SoldOut,
    /// Stamped with the time, and kept until a newer feed accounts for it.
    Sent(Timestamp),
}

impl Commit {
    /// Applies `events` to `order` and derives index, reservations and spending; the new state comes
    /// back too.
    pub fn new(
        order: &Order,
        events: Vec<Event>,
        now: Timestamp,
    ) -> Result<(Self, Order), Refusal> {
        let events: Vec<Recorded> = events
            .into_iter()
            .map(|event| Recorded { at: now, event })
            .collect();
        let after = events.iter().try_fold(order.clone(), Order::apply)?;
        let mut reservations = Vec::new();
        let planned = events
            .iter()
            .filter_map(|recorded| recorded.event.routed())
            .flat_map(|routed| &routed.purchase_orders);
        for planned in planned {
            for line in planned.lines.iter().filter(|line| line.reserved) {
                reservations.push(ReservationChange {
                    supplier: planned.supplier.clone(),
                    supplier_sku: line.supplier_sku.clone(),
                    purchase_order: planned.number.clone(),
                    change: Change::Reserve(line.quantity),
                });
            }
        }
        for before in &order.purchase_orders {
            if let Some(now_is) = after.purchase_order(&before.number) {
                reservations.extend(changes(before, now_is, now));
            }
        }
        let commit = Self {
            order: order.id.clone(),
            expected_version: order.version,
            index: Index {
                configuration: configuration_of(&events),
                ..after.index(now)
            },
            reservations: joined(reservations),
            spending: sums::changes(order, &after),
            references: added(order, &after),
            events,
            payload: None,
            trace: None,
        };
        Ok((commit, after))
    }

    /// Who is to ship it, where this commit plans it.
    pub fn supplier_of(&self, number: &PurchaseOrderNumber) -> Option<&SupplierId> {
        let mut planned = self
            .events
            .iter()
            .filter_map(|recorded| recorded.event.routed())
            .flat_map(|routed| &routed.purchase_orders);
        let own = planned.find(|planned| &planned.number == number);
        own.map(|own| &own.supplier)
    }
}

/// References that one state has and the one before it had not.
fn added(before: &Order, after: &Order) -> Vec<Reference> {
    let known = before.references();
    let now = after.references().into_iter();
    now.filter(|reference| !known.contains(reference)).collect()
}

/// Of the routing step among them.
fn configuration_of(events: &[Recorded]) -> Option<Digest> {
    let mut routed = events
        .iter()
        .rev()
        .filter_map(|recorded| recorded.event.routed());
    routed
        .next()
        .map(|routed| routed.state.configuration.clone())
}

/// What the steps from one state of a purchase order to another mean for its reservations.
fn changes(before: &PurchaseOrder, after: &PurchaseOrder, at: Timestamp) -> Vec<ReservationChange> {
    let (had, has) = (reserved(before), reserved(after));
    let sent = !before.sending.is_sent() && after.sending.is_sent();
    let sold_out = sold_out(after).filter(|sku| !sold_out_in(before, sku));
    let freed = had.iter().filter_map(|(sku, quantity)| {
        let left = has.get(sku).copied().unwrap_or(0);
        (left < *quantity).then(|| ((*sku).clone(), Change::GiveBack(quantity - left)))
    });
    let again = has.iter().filter_map(|(sku, quantity)| {
        let stood = had.get(sku).copied().unwrap_or(0);
        (stood < *quantity).then(|| ((*sku).clone(), Change::ReserveAgain(quantity - stood)))
    });
    let stamped = has
        .keys()
        .filter(|_| sent)
        .map(|sku| ((*sku).clone(), Change::Sent(at)));
    let emptied = sold_out.map(|sku| (sku.clone(), Change::SoldOut));
    freed
        .chain(again)
        .chain(stamped)
        .chain(emptied)
        .map(|(supplier_sku, change)| ReservationChange {
            supplier: before.supplier.clone(),
            supplier_sku,
            purchase_order: before.number.clone(),
            change,
        })
        .collect()
}

/// Units that its reservations stand for, by supplier SKU.
fn reserved(own: &PurchaseOrder) -> BTreeMap<&SupplierSku, u32> {
    let mut reserved = BTreeMap::new();
    if own.holds_reservation() {
        for line in own.lines.iter().filter(|line| line.reserved) {
            let units = own.standing(line);
            // Of a line that was given back as a whole nothing is left to stamp.
            if units > 0 {
                *reserved.entry(&line.supplier_sku).or_default() += units;
            }
        }
    }
    reserved
}

/// Supplier SKUs of which the supplier said that it has none.
fn sold_out(own: &PurchaseOrder) -> impl Iterator<Item = &SupplierSku> {
    let whole = matches!(&own.sending.state, SendState::Rejected { why, .. }
        if why.reason == RejectionReason::InventoryOutOfStock);
    own.lines
        .iter()
        .filter(move |line| {
            let refused = own.refused.iter().any(|refused| {
                refused.line == line.line
                    && refused.why.reason == RejectionReason::InventoryOutOfStock
            });
            line.reserved && (whole || refused)
        })
        .map(|line| &line.supplier_sku)
}

fn sold_out_in(own: &PurchaseOrder, sku: &SupplierSku) -> bool {
    sold_out(own).any(|known| known == sku)
}

/// Two lines with one supplier SKU are one reservation.
fn joined(changes: Vec<ReservationChange>) -> Vec<ReservationChange> {
    let mut joined: Vec<ReservationChange> = Vec::new();
    for change in changes {
        let same = joined.iter_mut().find(|known| {
            known.supplier == change.supplier
                && known.supplier_sku == change.supplier_sku
                && known.purchase_order == change.purchase_order
                && std::mem::discriminant(&known.change) == std::mem::discriminant(&change.change)
        });
        match (same.map(|known| &mut known.change), &change.change) {
            (Some(Change::Reserve(known)), Change::Reserve(more))
            | (Some(Change::ReserveAgain(known)), Change::ReserveAgain(more))
            | (Some(Change::GiveBack(known)), Change::GiveBack(more)) => *known += more,
            (Some(_), _) => {}
            (None, _) => joined.push(change),
        }
    }
    joined
}
