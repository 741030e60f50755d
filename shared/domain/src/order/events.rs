//! The history of an order: events in the past tense, kept for ever, without personal data.

use super::answer::{Backorder, CancelAnswer, Rejection};
use super::news::{EarlierReport, Latest, Refund, ShippingMethod};
use crate::cases::CaseKind;
use crate::digest::Digest;
use crate::ids::{LineId, OrderId, SupplierId};
use crate::order::answer;
use crate::order::answer::By;
use crate::order::purchase_order::{CancelRequest, PurchaseOrder, PurchaseOrderLine, Unclear};
use crate::order::state::{AddressEdit, Order, RoutingState};
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use crate::sending::Sending;
use crate::sending::machine::{SendEvent, SendState};
use crate::spending::Spending;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An event and when it was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    pub at: Timestamp,
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The first time the order's content is known.
    OrderReceived(SnapshotEvent),
    /// Lines, quantities, address or shipping method changed; a new payload item holds them.
    OrderEdited(SnapshotEvent),
    /// A newer message of the channel that changes nothing a supplier would see: tags, quantities
    /// already fulfilled elsewhere, or only the time up to which older messages are stale.
    OrderUpdated(Latest),
    PaymentReceived,
    OrderCancelled {
        cancelled_at: Timestamp,
    },
    /// A message that is not the newest was the earliest to report something.
    EarlierReported(EarlierReport),
    RefundRecorded(Refund),
    /// What the routing step decided about every unit that was in no live purchase order.
    Routed(Routed),
    /// A person let holds of these kinds and causes through.
    HoldsReleased {
        holds: Vec<(CaseKind, String)>,
        /// The shipping method that the person chose among several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<ShippingMethod>,
        by: String,
        why: String,
    },
    CancelledByPerson {
        by: String,
        why: String,
    },
    /// A person corrected the address; the payload item holds it. It counts until the channel tells
    /// another address than the one it replaces.
    AddressEdited {
        payload: u32,
        edit: AddressEdit,
        by: String,
        why: String,
    },
    /// Nothing more of the order goes out until a person releases it.
    HeldByPerson {
        by: String,
        why: String,
    },
    /// A person wants other suppliers for what is not shipped yet.
    RerouteWanted {
        /// Never again for this order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        without: Option<SupplierId>,
        /// Only this one from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<SupplierId>,
        by: String,
        why: String,
    },
    PurchaseOrder {
        number: PurchaseOrderNumber,
        event: SendEvent,
    },
    /// Units of a purchase order that the supplier has, or may have, are to be taken back.
    CancelWanted {
        number: PurchaseOrderNumber,
        lines: BTreeMap<LineId, u32>,
        /// Everything that is left of it.
        whole: bool,
        why: String,
    },
    /// What happened to the request to take them back; the first request is 1.
    CancelRequest {
        number: PurchaseOrderNumber,
        request: u32,
        event: SendEvent,
    },
    CancelAnswered {
        number: PurchaseOrderNumber,
        request: u32,
        answer: CancelAnswer,
        by: By,
    },
    /// The supplier took the purchase order but will not ship these units.
    LinesRejected {
        number: PurchaseOrderNumber,
        lines: BTreeMap<LineId, u32>,
        why: Rejection,
        /// They are planned again at once, without this supplier.
        route_again: bool,
        by: By,
    },
    /// A person let the units of refused lines be planned again.
    RefusedLinesFreed {
        number: PurchaseOrderNumber,
    },
    /// The supplier took the purchase order, and what it says of its lines makes no sense.
    AnswerUnclear {
        number: PurchaseOrderNumber,
        /// In our words.
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Digest>,
    },
    /// What the supplier says of the lines it took; the last word counts.
    Acknowledged {
        number: PurchaseOrderNumber,
        backordered: BTreeMap<LineId, Backorder>,
        by: By,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEvent {
    /// Number of the payload item that holds the canonical order with its address.
    pub payload: u32,
    pub latest: Latest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// Number of the trace item that explains it.
    pub trace: u32,
    pub payload: u32,
    /// Number of the payload item with the address that a person corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u32>,
    pub edit: Digest,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purchase_orders: Vec<PlannedPurchaseOrder>,
    pub state: RoutingState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPurchaseOrder {
    pub number: PurchaseOrderNumber,
    pub supplier: SupplierId,
    pub lines: Vec<PurchaseOrderLine>,
    /// The supplier's own word for the shipping method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The shipping method that a person chose, where the channel names several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// When it may be sent, where the order is not released before, the supplier is closed until
    /// then or has no room for it in its spend limit; at once where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When the channel's release delay ends, where that is what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// Of the batch it goes with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<Timestamp>,
    /// What it counts against the supplier's spend limit, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spending: Option<Spending>,
}

impl Order {
    /// The state after the whole history. Fails on a history that cannot have happened.
    pub fn fold<'a>(
        id: OrderId,
        history: impl IntoIterator<Item = &'a Recorded>,
    ) -> Result<Self, Refusal> {
        history.into_iter().try_fold(Self::new(id), Self::apply)
    }

    /// Puts one event onto the state; an event that the state does not allow is refused.
    pub fn apply(mut self, recorded: &Recorded) -> Result<Self, Refusal> {
        let at = recorded.at;
        match &recorded.event {
            Event::OrderReceived(snapshot) | Event::OrderEdited(snapshot) => {
                if self.news.latest.is_none() {
                    // What came before the order itself could not be routed, and is not late.
                    self.needs_routing = None;
                }
                self.received_at.get_or_insert(at);
                self.payloads = snapshot.payload;
                self.take_news(snapshot.latest.clone());
                let latest = &snapshot.latest;
                self.address
                    .take_if(|(_, edit)| edit.replaces != latest.address);
                let edit = self.address.as_ref().map_or_else(
                    || latest.edit.clone(),
                    |(_, known)| AddressEdit::edit_of(&known.address, &latest.edit),
                );
                self.payload = Some((snapshot.payload, edit));
                self.wake(at);
            }
            Event::OrderUpdated(latest) => {
                let before = self.news.latest.as_ref();
                let changed = before.is_none_or(|before| before.register != latest.register);
                self.take_news(latest.clone());
                if changed {
                    self.wake(at);
                }
            }
            Event::EarlierReported(earlier) => {
                self.news.take_earlier(earlier);
                self.wake(at);
            }
            Event::PaymentReceived => {
                self.news.paid = true;
                self.paid_at.get_or_insert(at);
                self.wake(at);
            }
            Event::OrderCancelled { cancelled_at } => {
                self.news.cancelled_at = Some(*cancelled_at);
                self.wake(at);
            }
            Event::RefundRecorded(refund) => {
                self.news.refunds.insert(refund.id.clone(), refund.clone());
                self.wake(at);
            }
            Event::Routed(routed) => {
                for planned in &routed.purchase_orders {
                    self.purchase_orders.push(PurchaseOrder {
                        number: planned.number.clone(),
                        supplier: planned.supplier.clone(),
                        lines: planned.lines.clone(),
                        service: planned.service.clone(),
                        payload: routed.payload,
                        address: routed.address,
                        edit: routed.edit.clone(),
                        shipping: self.shipping(&planned.lines),
                        method: planned.method.clone(),
                        planned_at: at,
                        cut_off: planned.cut_off,
                        spending: planned.spending.clone(),
                        sending: Sending::planned(planned.due.unwrap_or(at)),
                        cancels: Vec::new(),
                        refused: Vec::new(),
                        withdrawn: BTreeMap::new(),
                        backordered: BTreeMap::new(),
                        unclear: Vec::new(),
                        confirmed_at: self.wakes,
                    });
                }
                let planned = |own: &&mut PurchaseOrder| {
                    matches!(
                        own.sending.state,
                        SendState::Planned { .. } | SendState::BetweenSteps { .. }
                    )
                };
                for own in self.purchase_orders.iter_mut().filter(planned) {
                    own.confirmed_at = self.wakes;
                }
                self.routing = Some(routed.state.clone());
                self.needs_routing = None;
            }
            Event::HoldsReleased { holds, method, .. } => {
                self.let_through.extend(self.held_by_channel(holds));
                // What the channel holds is let through by units: another hold is another one.
                let lasting = holds
                    .iter()
                    .filter(|(kind, _)| *kind != CaseKind::OnHoldAtChannel);
                self.released.extend(lasting.cloned());
                if let (Some(method), Some(latest)) = (method, &self.news.latest) {
                    self.method = Some((latest.content.shipping.clone(), method.clone()));
                }
                if holds
                    .iter()
                    .any(|(kind, _)| *kind == CaseKind::HeldByPerson)
                {
                    self.held = None;
                }
                self.wake(at);
            }
            Event::CancelledByPerson { .. } => {
                self.cancelled_here = true;
                self.wake(at);
            }
            Event::AddressEdited { payload, edit, .. } => {
                self.payloads = *payload;
                if let Some((_, known)) = &mut self.payload
                    && let Some(latest) = &self.news.latest
                {
                    *known = AddressEdit::edit_of(&edit.address, &latest.edit);
                }
                self.address = Some((*payload, edit.clone()));
                self.wake(at);
            }
            Event::HeldByPerson { why, .. } => {
                self.held = Some(why.clone());
                self.released
                    .retain(|(kind, _)| *kind != CaseKind::HeldByPerson);
                self.wake(at);
            }
            Event::RerouteWanted { without, only, .. } => {
                self.without.extend(without.iter().cloned());
                self.only.clone_from(only);
                self.wake(at);
            }
            Event::PurchaseOrder { number, event } => {
                let own = self.own_mut(number)?;
                let given_up = !own.holds_reservation();
                own.apply(event, at)?;
                if let SendEvent::SendDeferred {
                    retry_at: Some(cut_off),
                    by: By::Batch,
                    ..
                } = event
                {
                    own.cut_off = Some(*cut_off);
                }
                // What is gathered in batches goes with the one of that time.
                if let SendEvent::SendPostponed { until, .. } = event
                    && own.cut_off.is_some()
                {
                    own.cut_off = Some(*until);
                }
                // What came while it was being sent concerns it again now that it is not.
                let own = self.own_mut(number)?;
                let open = matches!(
                    own.sending.state,
                    SendState::Planned { .. } | SendState::BetweenSteps { .. }
                );
                let (seen, live) = (own.confirmed_at, own.is_live());
                // What was given up is there after all: its units may be planned elsewhere, or no
                // longer be wanted.
                if (open && seen != self.wakes) || !live || given_up {
                    self.wake(at);
                }
            }
            Event::CancelWanted {
                number,
                lines,
                whole,
                why,
            } => {
                let own = self.own_mut(number)?;
                if !own.sending.is_claimed() {
                    return Err(Refusal::NotPossible(format!(
                        "{number} is {}: nothing is there to take back",
                        own.sending.state.name()
                    )));
                }
                own.cancels
                    .push(CancelRequest::new(lines.clone(), *whole, why.clone(), at));
            }
            Event::CancelRequest {
                number,
                request,
                event,
            } => {
                let own = self.own_mut(number)?;
                let missing =
                    || Refusal::NotPossible(format!("{number} has no request X{request}"));
                let asked = own.cancel_mut(*request).ok_or_else(missing)?;
                asked.sending.apply(event, at)?;
                if matches!(event, SendEvent::SendRejected { .. }) && asked.is_open() {
                    own.answer_cancel(*request, answer::CancelAnswer::Refused)?;
                }
            }
            Event::CancelAnswered {
                number,
                request,
                answer,
                ..
            } => {
                self.own_mut(number)?.answer_cancel(*request, *answer)?;
                self.wake(at);
            }
            Event::LinesRejected {
                number,
                lines,
                why,
                route_again,
                ..
            } => {
                self.own_mut(number)?
                    .refuse_lines(lines, why, *route_again, at);
                self.wake(at);
            }
            Event::Acknowledged {
                number,
                backordered,
                ..
            } => self.own_mut(number)?.backordered.clone_from(backordered),
            Event::AnswerUnclear {
                number,
                why,
                evidence,
            } => self.own_mut(number)?.unclear.push(Unclear {
                at,
                why: why.clone(),
                evidence: evidence.clone(),
            }),
            Event::RefusedLinesFreed { number } => {
                self.own_mut(number)?.free_refused();
                self.wake(at);
            }
        }
        self.version += 1;
        Ok(self)
    }
}
