//! One commit: everything that must become durable together when an order takes a step.

use crate::digest::Digest;
use crate::ids::{OrderId, SupplierId, SupplierSku};
use crate::order::attention::Attention;
use crate::order::event::{Event, Recorded};
use crate::order::machine::SendEvent;
use crate::order::news::Payload;
use crate::order::{Order, PurchaseOrder, Refusal};
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::routing::trace::Trace;
use jiff::Timestamp;

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
    /// Purchase order numbers that must be new over all orders.
    pub references: Vec<PurchaseOrderNumber>,
    pub payload: Option<(u32, Payload)>,
    pub trace: Option<(u32, Trace)>,
}

/// What an order is found by without loading it; computed from its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub due: Option<Timestamp>,
    pub attention: Vec<Attention>,
    /// Configuration that the last routing step used.
    pub configuration: Option<Digest>,
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
    GiveBack,
    /// Stamped with the time, and kept until a newer feed accounts for it.
    Sent(Timestamp),
}

impl Commit {
    /// Applies `events` to `order` and derives index and reservations; the new state comes back too.
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
        let mut references = Vec::new();
        for recorded in &events {
            match &recorded.event {
                Event::Routed(routed) => {
                    for planned in &routed.purchase_orders {
                        references.push(planned.number.clone());
                        for line in planned.lines.iter().filter(|line| line.reserved) {
                            reservations.push(ReservationChange {
                                supplier: planned.supplier.clone(),
                                supplier_sku: line.supplier_sku.clone(),
                                purchase_order: planned.number.clone(),
                                change: Change::Reserve(line.quantity),
                            });
                        }
                    }
                }
                Event::PurchaseOrder { number, event } => {
                    let (Some(before), Some(now_is)) =
                        (order.purchase_order(number), after.purchase_order(number))
                    else {
                        continue;
                    };
                    reservations.extend(changes(before, now_is, event, recorded.at));
                }
                Event::OrderReceived(_)
                | Event::OrderEdited(_)
                | Event::OrderUpdated(_)
                | Event::PaymentReceived
                | Event::OrderCancelled { .. }
                | Event::FullyRefunded
                | Event::RefundRecorded(_)
                | Event::HoldsReleased { .. }
                | Event::CancelledByPerson { .. } => {}
            }
        }
        let commit = Self {
            order: order.id.clone(),
            expected_version: order.version,
            events,
            index: after.index(now),
            reservations: joined(reservations),
            references,
            payload: None,
            trace: None,
        };
        Ok((commit, after))
    }
}

fn changes(
    before: &PurchaseOrder,
    after: &PurchaseOrder,
    event: &SendEvent,
    at: Timestamp,
) -> Vec<ReservationChange> {
    let recorded_first = before.sent_again == after.sent_again;
    let change = if matches!(event, SendEvent::Sent { .. }) && recorded_first {
        Change::Sent(at)
    } else if before.holds_reservation() && !after.holds_reservation() {
        Change::GiveBack
    } else {
        return Vec::new();
    };
    before
        .lines
        .iter()
        .filter(|line| line.reserved)
        .map(|line| ReservationChange {
            supplier: before.supplier.clone(),
            supplier_sku: line.supplier_sku.clone(),
            purchase_order: before.number.clone(),
            change: change.clone(),
        })
        .collect()
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
            (Some(Change::Reserve(known)), Change::Reserve(more)) => *known += more,
            (Some(_), _) => {}
            (None, _) => joined.push(change),
        }
    }
    joined
}
