//! Where each unit of an order is: in exactly one place.

use super::{Order, PurchaseOrder};
use crate::ids::LineId;

/// The places of one line's units; they add up to the quantity ordered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    pub ordered: u32,
    /// Refunded, removed, or the whole order cancelled.
    pub cancelled: u32,
    pub not_ours: u32,
    /// In purchase orders that are planned, on the way, in doubt or sent.
    pub purchase_orders: u32,
    pub held: u32,
    pub waiting: u32,
    /// In claimed purchase orders although the customer no longer wants them: the supplier is asked
    /// to take them back.
    pub over_allocated: u32,
}

impl Order {
    /// Units of the line that the customer still wants.
    pub fn wanted(&self, line: &LineId) -> u32 {
        let Some(content) = self.news.latest.as_ref().map(|latest| &latest.content) else {
            return 0;
        };
        if self.is_cancelled() {
            return 0;
        }
        content
            .lines
            .iter()
            .filter(|known| &known.id == line)
            .map(|known| {
                known
                    .quantity
                    .saturating_sub(self.news.refunded_units(line))
                    .min(known.current_quantity)
            })
            .fold(0, u32::saturating_add)
    }

    /// Units in live purchase orders.
    pub fn allocated(&self, line: &LineId) -> u32 {
        self.live()
            .map(|purchase_order| purchase_order.quantity_of(line))
            .fold(0, u32::saturating_add)
    }

    /// Units that suppliers have, or may have.
    pub fn handed_over(&self, line: &LineId) -> u32 {
        self.live()
            .filter(|purchase_order| purchase_order.sending.is_claimed())
            .map(|purchase_order| purchase_order.quantity_of(line))
            .fold(0, u32::saturating_add)
    }

    pub fn over_allocated(&self, line: &LineId) -> u32 {
        self.allocated(line).saturating_sub(self.wanted(line))
    }

    /// Units that no live purchase order has.
    pub fn unallocated(&self, line: &LineId) -> u32 {
        self.wanted(line).saturating_sub(self.allocated(line))
    }

    pub fn live(&self) -> impl Iterator<Item = &PurchaseOrder> {
        self.purchase_orders
            .iter()
            .filter(|purchase_order| purchase_order.is_live())
    }

    pub fn places(&self, line: &LineId) -> Places {
        let ordered = self
            .news
            .latest
            .iter()
            .flat_map(|latest| &latest.content.lines)
            .filter(|known| &known.id == line)
            .map(|known| known.quantity)
            .fold(0, u32::saturating_add);
        let wanted = self.wanted(line);
        let allocated = self.allocated(line).min(wanted);
        let rejected = self
            .live()
            .map(|purchase_order| purchase_order.refused_and_held(line))
            .fold(0, u32::saturating_add)
            .min(allocated);
        let mut open = wanted - allocated;
        let mut take = |quantity: u32| {
            let taken = quantity.min(open);
            open -= taken;
            taken
        };
        let routing = self.routing.as_ref();
        let not_ours = take(routing.map_or(0, |routing| {
            routing
                .not_ours
                .iter()
                .filter(|entry| &entry.line == line)
                .map(|entry| entry.quantity)
                .fold(0, u32::saturating_add)
        }));
        let held = take(routing.map_or(0, |routing| {
            routing
                .holds
                .iter()
                .filter_map(|hold| hold.lines.get(line))
                .copied()
                .max()
                .unwrap_or(0)
        }));
        Places {
            ordered,
            cancelled: ordered - wanted,
            not_ours,
            purchase_orders: allocated - rejected,
            held: held + rejected,
            waiting: open,
            over_allocated: self.over_allocated(line),
        }
    }
}
