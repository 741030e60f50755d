//! Data restored from a copy does not know what was sent after the copy was made.

use super::decide::{Verdict, WayInForce};
use crate::ids::SupplierId;
use crate::order::answer::By;
use crate::order::decide::of;
use crate::order::events::Event;
use crate::order::purchase_order::PurchaseOrder;
use crate::order::state::Order;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use crate::sending::Sending;
use crate::sending::machine::{SendEvent, SendState};
use crate::sending::subject::SendSubject;
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Order {
    /// Purchase orders that may have been sent after the copy was made, and are not in doubt for it
    /// yet: those whose outcome is open, and the later ones of an order that was on the channel before
    /// the data was restored.
    pub fn suspects(&self, restored_at: Timestamp) -> impl Iterator<Item = &PurchaseOrder> {
        let latest = self.news.latest.as_ref();
        let was_there = latest.is_none_or(|latest| latest.content.placed_at < restored_at);
        self.purchase_orders.iter().filter(move |own| {
            (was_there || own.planned_at < restored_at) && own.sending.is_suspect(restored_at)
        })
    }

    /// Those that are in doubt for it already, by somebody who did not know how they would go.
    pub fn suspected_without_via(&self) -> impl Iterator<Item = &PurchaseOrder> {
        let lacks =
            |own: &&PurchaseOrder| own.sending.is_suspected() && own.sending.last.via.is_none();
        self.purchase_orders.iter().filter(lacks)
    }

    pub(super) fn suspect(
        &self,
        restored_at: Timestamp,
        mut ways: BTreeMap<PurchaseOrderNumber, WayInForce>,
        now: Timestamp,
    ) -> Vec<Event> {
        let lack_via = self.suspected_without_via();
        let known = lack_via.filter(|own| ways.contains_key(&own.number));
        let concerned: BTreeMap<_, _> = known
            .chain(self.suspects(restored_at))
            .map(|own| (own.number.clone(), own))
            .collect();
        let events = concerned.into_values().map(|own| {
            let way = ways.remove(&own.number);
            // Whoever does not know the way leaves it to the look-up to find out.
            let can_look_up = way.as_ref().is_none_or(|way| way.can_look_up);
            let event = SendEvent::SuspectedSent {
                restored_at,
                via: way.map(|way| way.via),
                look_at: can_look_up.then_some(now),
            };
            of(SendSubject::from(&own.number), event)
        });
        events.collect()
    }

    pub(super) fn resolve_suspected(
        &self,
        supplier: &SupplierId,
        verdict: &Verdict,
        by: &By,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let concerned = self
            .purchase_orders
            .iter()
            .filter(|own| &own.supplier == supplier && own.sending.is_suspected());
        let events =
            concerned.map(|own| self.resolve(&own.number, verdict.clone(), by.clone(), now));
        Ok(events.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

impl Sending {
    fn is_suspect(&self, restored_at: Timestamp) -> bool {
        let is_open = match &self.state {
            SendState::Planned { .. }
            | SendState::BetweenSteps { .. }
            | SendState::SendStarted { .. }
            | SendState::InDoubt { .. } => true,
            SendState::Sent { .. } | SendState::Rejected { .. } | SendState::Voided { .. } => false,
        };
        is_open && self.suspected_for.is_none_or(|known| known < restored_at)
    }
}
