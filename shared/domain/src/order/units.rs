//! Where each unit of an order is: in exactly one place.
//!
//! [`LineUnits`] is what the channel's own figures say of the units of one line. The sums follow the
//! meaning that Shopify documents for `quantity`, `current_quantity`, `fulfillable_quantity` and
//! `RefundLineItem.restock_type` (Admin API 2026-10); another channel maps its own figures to them.

use super::news::{FulfillmentStatus, Line, RefundedUnits};
use crate::cases::CaseKind;
use crate::ids::LineId;
use crate::order::purchase_order::PurchaseOrder;
use crate::order::state::Order;
use crate::sending::machine::SendState;
use std::collections::BTreeMap;

/// The units of one line as the channel counts them: `ordered = gone + fulfilled + open + unclear`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineUnits {
    /// As ordered.
    pub ordered: u32,
    /// Taken out, or refunded and not to be shipped: nobody wants them.
    pub gone: u32,
    /// Shipped by anybody, as far as the channel knows; returned units stay in it.
    pub fulfilled: u32,
    /// Wanted and not shipped.
    pub open: u32,
    /// Refunded without a word on the goods, while the channel still counts them as to be shipped:
    /// neither wanted nor unwanted until a person or the channel decides.
    pub unclear: u32,
    /// Of the open ones, those that the channel lets go now.
    pub sendable: u32,
    /// The line came into the order after the money was given back as a whole, and no person
    /// released it.
    pub added_after_refund: bool,
    /// Most of the line that the channel lets go now.
    lets_go: u32,
}

impl LineUnits {
    /// Sums the figures of the newest message and of all refunds. `order` is the state of the whole
    /// order, which stands for a line of which the channel gives no sendable figure.
    ///
    /// With q ordered, F fulfilled, and units refunded as cancelled (C), returned (R) or without a
    /// word on the goods (N): E = max(0, q - current - C - R - N) were removed by an edit, and
    /// gone = C + E + max(0, N - max(0, F - R)), since a refund without restock concerns shipped
    /// units first. What is shipped is never gone. A returned unit was shipped, listed or not.
    pub fn of(line: &Line, refunded: RefundedUnits, order: &FulfillmentStatus) -> Self {
        let ordered = line.quantity;
        let fulfilled = line.fulfilled.max(refunded.returned).min(ordered);
        let not_shipped = ordered - fulfilled;
        let removed = ordered
            .saturating_sub(line.current_quantity)
            .saturating_sub(refunded.total());
        let kept = fulfilled.saturating_sub(refunded.returned);
        let taken_out = refunded.cancelled.saturating_add(removed).min(not_shipped);
        let by_money_alone = refunded
            .unstated
            .saturating_sub(kept)
            .min(not_shipped - taken_out);
        let open = not_shipped - taken_out - by_money_alone;
        let counted = line.fulfillable.unwrap_or(0);
        let unclear = by_money_alone.min(counted.saturating_sub(open));
        let held = line.status.holds() || (line.fulfillable.is_none() && order.holds());
        let lets_go = if held {
            0
        } else {
            line.fulfillable.unwrap_or(u32::MAX)
        };
        Self {
            ordered,
            gone: taken_out + by_money_alone - unclear,
            fulfilled,
            open,
            unclear,
            sendable: open.min(lets_go),
            added_after_refund: false,
            lets_go,
        }
    }

    /// Units that somebody wants, shipped or not.
    pub fn wanted(&self) -> u32 {
        self.ordered - self.gone
    }

    /// Open units that the channel keeps from being shipped.
    pub fn on_hold(&self) -> u32 {
        self.open - self.sendable
    }

    /// Nothing more is to be shipped.
    fn stop(&mut self) {
        self.gone += self.open + self.unclear;
        self.open = 0;
        self.unclear = 0;
        self.sendable = 0;
    }

    /// A person decided that they are to be shipped.
    fn keep_unclear(&mut self) {
        self.open += self.unclear;
        self.sendable = self.open.min(self.lets_go);
        self.unclear = 0;
    }

    /// A person lets so many go although the channel holds them.
    fn let_through(&mut self, units: u32) {
        self.sendable = self.sendable.max(units.min(self.open));
    }
}

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

/// Why units that somebody else shipped are not ours.
pub(crate) const ALREADY_FULFILLED: &str = "already fulfilled";

/// Units of one line that must not go now although they are wanted, by where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeldBack {
    /// In no purchase order that a supplier has.
    pub waiting: u32,
    /// A supplier has them already, or may have them.
    pub claimed: u32,
}

impl Order {
    /// What the channel and persons say of the units of the line; nothing of a line that the newest
    /// message does not list.
    pub fn line_units(&self, id: &LineId) -> LineUnits {
        let Some(content) = self.news.latest.as_ref().map(|latest| &latest.content) else {
            return LineUnits::default();
        };
        let Some(line) = content.lines.iter().find(|line| &line.id == id) else {
            return LineUnits::default();
        };
        let refunded = self.news.refunded_units(id);
        let mut units = LineUnits::of(line, refunded, &content.status);
        let money_is_back = self.news.is_fully_refunded();
        let added = money_is_back && self.news.is_added_after_refund(id);
        if self.is_cancelled() || (money_is_back && !added) {
            units.stop();
            return units;
        }
        if units.unclear > 0 && self.has_released(CaseKind::RefundUnclear, &self.refund_cause(id)) {
            units.keep_unclear();
        }
        units.let_through(self.let_through.get(id).copied().unwrap_or(0));
        if added && !self.has_released(CaseKind::AddedAfterRefund, &self.line_cause(id)) {
            units.added_after_refund = true;
            units.sendable = 0;
        }
        units
    }

    /// Groups what concerns one line of this order only.
    pub fn line_cause(&self, line: &LineId) -> String {
        format!("{}:{line}", self.id)
    }

    /// Of the refunds of one line: further refunds are another cause.
    pub fn refund_cause(&self, line: &LineId) -> String {
        let refunded = self.news.refunded_units(line);
        format!("{}:{}", self.line_cause(line), refunded.unstated)
    }

    pub(crate) fn has_released(&self, kind: CaseKind, cause: &str) -> bool {
        self.released.contains(&(kind, cause.to_owned()))
    }

    /// Units of the line that the customer still wants, or has.
    pub fn wanted(&self, line: &LineId) -> u32 {
        self.line_units(line).wanted()
    }

    /// Units of the line that somebody other than our suppliers shipped. What we sent ourselves may
    /// be reported back as fulfilled; only the rest is another's, and what was another's before we
    /// sent anything stays so.
    pub fn fulfilled_elsewhere(&self, line: &LineId) -> u32 {
        let fulfilled = self.line_units(line).fulfilled;
        fulfilled
            .saturating_sub(self.handed_over(line))
            .max(self.found_fulfilled(line).min(fulfilled))
    }

    /// Units that the last plan found fulfilled by somebody else.
    fn found_fulfilled(&self, line: &LineId) -> u32 {
        let entries = self.routing.iter().flat_map(|routing| &routing.not_ours);
        entries
            .filter(|entry| &entry.line == line && entry.why == ALREADY_FULFILLED)
            .map(|entry| entry.quantity)
            .max()
            .unwrap_or(0)
    }

    /// Units of the line that suppliers have, or may have, and that nobody shipped.
    fn claimed_and_open(&self, line: &LineId) -> u32 {
        let fulfilled = self.line_units(line).fulfilled;
        let by_us = fulfilled.saturating_sub(self.fulfilled_elsewhere(line));
        self.handed_over(line).saturating_sub(by_us)
    }

    /// Open units that the channel holds, or that came after the refund of everything. A supplier
    /// that has units already is taken to have those that may go.
    pub fn on_hold(&self, line: &LineId) -> HeldBack {
        let units = self.line_units(line);
        let held = units.on_hold();
        if held == 0 {
            return HeldBack::default();
        }
        let beyond = self.claimed_and_open(line).saturating_sub(units.sendable);
        let claimed = beyond.min(held);
        HeldBack {
            waiting: held - claimed,
            claimed,
        }
    }

    /// Units of which nobody knows whether they are still wanted.
    pub fn refund_unclear(&self, line: &LineId) -> HeldBack {
        let units = self.line_units(line);
        if units.unclear == 0 {
            return HeldBack::default();
        }
        let beyond = self.claimed_and_open(line).saturating_sub(units.open);
        let claimed = beyond.min(units.unclear);
        HeldBack {
            waiting: units.unclear - claimed,
            claimed,
        }
    }

    /// Units in purchase orders that nobody has yet.
    fn planned(&self, line: &LineId) -> u32 {
        self.purchase_orders
            .iter()
            .filter(|own| matches!(own.sending.state, SendState::Planned { .. }))
            .map(|own| own.quantity_of(line))
            .fold(0, u32::saturating_add)
    }

    /// Whether more units of the line are planned than may go now.
    pub fn is_planned_beyond_hold(&self, line: &LineId) -> bool {
        let units = self.line_units(line);
        if units.sendable == units.open && units.unclear == 0 {
            return false;
        }
        let may_go = units.sendable.saturating_sub(self.claimed_and_open(line));
        self.planned(line) > may_go
    }

    /// Units of a claimed purchase order that nobody shipped, by line: those shipped are taken to be
    /// of the oldest purchase orders.
    pub fn unshipped(&self, own: &PurchaseOrder) -> BTreeMap<LineId, u32> {
        let shipped_of = |line: &LineId| {
            let fulfilled = self.line_units(line).fulfilled;
            let mut left = fulfilled.saturating_sub(self.fulfilled_elsewhere(line));
            for older in self.live().filter(|older| older.sending.is_claimed()) {
                let shipped = older.quantity_of(line).min(left);
                if older.number == own.number {
                    return shipped;
                }
                left -= shipped;
            }
            0
        };
        own.everything()
            .into_iter()
            .map(|(line, units)| (shipped_of(&line), line, units))
            .filter(|(shipped, _, units)| units > shipped)
            .map(|(shipped, line, units)| (line, units - shipped))
            .collect()
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
                .fold(0, u32::saturating_add)
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
