//! The one aggregate: an order with its purchase orders and holds.
//!
//! Its history is events in the past tense; its state is exactly the fold of them. [`Order::decide`]
//! turns a command into events or refuses it, [`Order::apply`] puts one event onto the state. The
//! states of sending are in [`machine`], what a channel tells in [`news`], where each unit is in
//! [`units`], what a person must see in [`attention`].

pub mod attention;
pub mod decide;
pub mod event;
pub mod machine;
pub mod news;
pub mod units;

use crate::digest::Digest;
use crate::ids::{LineId, OrderId, Sku, SupplierId, SupplierSku};
use crate::money::Money;
use crate::purchase_order_number::PurchaseOrderNumber;
use attention::CaseKind;
use event::{Event, Recorded};
use jiff::Timestamp;
use machine::{Cancel, SendState};
use news::News;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A command or event that does not fit the state. A business answer, not a failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{event} is not possible while {state}")]
    Illegal { state: String, event: String },
    #[error("purchase order {0} does not exist")]
    NoSuchPurchaseOrder(PurchaseOrderNumber),
    #[error("attempt {0} does not exist")]
    NoSuchAttempt(u32),
    #[error("the order changed since it was planned")]
    NoLongerHolds,
    #[error("{0}")]
    NotPossible(String),
}

/// Current state, folded from the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub news: News,
    /// Number and edit digest of the newest payload item.
    pub payload: Option<(u32, Digest)>,
    /// Highest payload number ever written.
    pub payloads: u32,
    pub purchase_orders: Vec<PurchaseOrder>,
    /// What the last routing step decided; replaced as a whole by the next.
    pub routing: Option<RoutingState>,
    /// Holds a person has let through.
    pub released: BTreeSet<(CaseKind, String)>,
    /// Something happened that routing has not looked at, since then.
    pub needs_routing: Option<Timestamp>,
    /// A person cancelled it here, whatever the channel says.
    pub cancelled_here: bool,
    /// Counts what made routing look again, so that a purchase order knows how old its plan is.
    pub wakes: u64,
    /// Events applied; the version that a commit expects.
    pub version: u64,
}

/// What routing decided about units that are in no purchase order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingState {
    pub configuration: Digest,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ours: Vec<NotOurs>,
}

impl RoutingState {
    /// The same but for the time of looking again, which is not worth an event.
    pub fn same_decision(&self, other: &Self) -> bool {
        let timeless = |state: &Self| {
            let mut state = state.clone();
            state.holds.iter_mut().for_each(|hold| hold.again_at = None);
            state
        };
        timeless(self) == timeless(other)
    }
}

/// Units wait, with a reason and a way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub kind: CaseKind,
    /// What has to change; holds with the same kind and cause are one case.
    pub cause: String,
    pub reason: String,
    pub lines: BTreeMap<LineId, u32>,
    /// When routing looks again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Timestamp>,
    pub since: Timestamp,
}

/// Nothing is wrong; the order waits for an event or a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Units that are never forwarded, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOurs {
    pub line: LineId,
    pub quantity: u32,
    pub why: String,
}

/// What one supplier is asked to ship for one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseOrder {
    pub number: PurchaseOrderNumber,
    pub supplier: SupplierId,
    pub lines: Vec<PurchaseOrderLine>,
    /// The payload it was planned from, and that payload's edit digest.
    pub payload: u32,
    pub edit: Digest,
    pub planned_at: Timestamp,
    /// The supplier's own word for the order's shipping method.
    pub service: Option<String>,
    pub send: SendState,
    pub cancel: Cancel,
    pub attempts: u32,
    /// Deferrals in a row.
    pub deferrals: u32,
    /// An attempt of ours was once in doubt, so "already exists" may mean us.
    pub doubted: bool,
    /// Why no artifact can be made of it, where that is so.
    pub unpreparable: Option<String>,
    /// Acceptances beyond the first: severity 1.
    pub sent_again: u32,
    /// The order's `wakes` when routing last found that it holds.
    pub confirmed_at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseOrderLine {
    pub line: LineId,
    pub sku: Sku,
    pub supplier_sku: SupplierSku,
    pub quantity: u32,
    /// Of one unit, as the offer said when it was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Whether its stock was tracked, so that a reservation stands behind it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reserved: bool,
}

impl Order {
    pub fn new(id: OrderId) -> Self {
        Self {
            id,
            news: News::default(),
            payload: None,
            payloads: 0,
            purchase_orders: Vec::new(),
            routing: None,
            released: BTreeSet::new(),
            needs_routing: None,
            cancelled_here: false,
            wakes: 0,
            version: 0,
        }
    }

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
                self.payloads = snapshot.payload;
                self.payload = Some((snapshot.payload, snapshot.latest.edit.clone()));
                self.news.latest = Some(snapshot.latest.clone());
                self.wake(at);
            }
            Event::OrderUpdated(latest) => {
                let before = self.news.latest.replace(latest.clone());
                if before.is_none_or(|before| before.register != latest.register) {
                    self.wake(at);
                }
            }
            Event::PaymentReceived => {
                self.news.paid = true;
                self.wake(at);
            }
            Event::OrderCancelled { cancelled_at } => {
                self.news.cancelled_at = Some(*cancelled_at);
                self.wake(at);
            }
            Event::FullyRefunded => {
                self.news.fully_refunded = true;
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
                        payload: routed.payload,
                        edit: routed.edit.clone(),
                        planned_at: at,
                        service: planned.service.clone(),
                        send: SendState::Planned {
                            due: planned.due.unwrap_or(at),
                        },
                        cancel: Cancel::None,
                        attempts: 0,
                        deferrals: 0,
                        doubted: false,
                        unpreparable: None,
                        sent_again: 0,
                        confirmed_at: self.wakes,
                    });
                }
                let planned =
                    |own: &&mut PurchaseOrder| matches!(own.send, SendState::Planned { .. });
                for own in self.purchase_orders.iter_mut().filter(planned) {
                    own.confirmed_at = self.wakes;
                }
                self.routing = Some(routed.state.clone());
                self.needs_routing = None;
            }
            Event::HoldsReleased { holds, .. } => {
                self.released.extend(holds.iter().cloned());
                self.wake(at);
            }
            Event::CancelledByPerson { .. } => {
                self.cancelled_here = true;
                self.wake(at);
            }
            Event::PurchaseOrder { number, event } => {
                let purchase_order = self
                    .purchase_orders
                    .iter_mut()
                    .find(|candidate| &candidate.number == number)
                    .ok_or_else(|| Refusal::NoSuchPurchaseOrder(number.clone()))?;
                purchase_order.apply(event, at)?;
                // What came while it was being sent concerns it again now that it is not.
                let planned_again = matches!(event, machine::SendEvent::SendDeferred { .. })
                    && purchase_order.confirmed_at != self.wakes;
                if planned_again || !purchase_order.is_live() {
                    self.wake(at);
                }
            }
        }
        self.version += 1;
        Ok(self)
    }

    fn wake(&mut self, at: Timestamp) {
        self.wakes += 1;
        self.needs_routing.get_or_insert(at);
    }

    pub fn purchase_order(&self, number: &PurchaseOrderNumber) -> Option<&PurchaseOrder> {
        self.purchase_orders
            .iter()
            .find(|candidate| &candidate.number == number)
    }

    /// Cancelled on the channel or here, or its money was given back as a whole.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled_here || self.news.cancelled_at.is_some() || self.news.is_fully_refunded()
    }

    /// Why a purchase order that is still Planned should not be sent any more, as far as the order
    /// alone tells. Routing may find more reasons in the rules, which is why nothing is claimed
    /// while the order has news that routing has not looked at.
    pub fn no_longer_holds(&self, purchase_order: &PurchaseOrder) -> Option<&'static str> {
        if self.is_cancelled() {
            Some("the order was cancelled or refunded")
        } else if self
            .payload
            .as_ref()
            .is_some_and(|(_, edit)| edit != &purchase_order.edit)
        {
            Some("the order was edited")
        } else if purchase_order
            .lines
            .iter()
            .any(|line| self.over_allocated(&line.line) > 0)
        {
            Some("units were refunded or removed")
        } else {
            None
        }
    }

    /// The next moment at which something must happen by itself.
    pub fn due(&self) -> Option<Timestamp> {
        let routing = self.needs_routing.map(|since| since + REROUTE_AFTER);
        let again = self.routing.iter().flat_map(|routing| {
            let holds = routing.holds.iter().filter_map(|hold| hold.again_at);
            holds.chain(routing.wait.iter().filter_map(|wait| wait.until))
        });
        let sends = self.purchase_orders.iter().filter_map(PurchaseOrder::due);
        routing.into_iter().chain(again).chain(sends).min()
    }
}

impl PurchaseOrder {
    fn apply(&mut self, event: &machine::SendEvent, at: Timestamp) -> Result<(), Refusal> {
        use machine::SendEvent as E;
        let (send, cancel) = machine::transition(&self.send, self.cancel, event, at)?;
        match event {
            E::SendStarted { attempt, .. } => {
                self.attempts = *attempt;
                self.unpreparable = None;
            }
            E::SendDeferred { .. } => self.deferrals += 1,
            E::SendInDoubt { .. } => self.doubted = true,
            E::Sent { .. } => {
                if matches!(self.send, SendState::Sent { .. }) {
                    self.sent_again += 1;
                }
                self.deferrals = 0;
            }
            E::PreparationFailed { why, .. } => self.unpreparable = Some(why.clone()),
            E::SendRejected { .. }
            | E::LookedUp { .. }
            | E::PurchaseOrderVoided { .. }
            | E::CancelWanted { .. }
            | E::CancelSettled { .. }
            | E::RejectionFreed => {}
        }
        self.send = send;
        self.cancel = cancel;
        Ok(())
    }

    /// Its units are spoken for: planned, on the way, in doubt, sent, or rejected and not yet
    /// looked at by a person.
    pub fn is_live(&self) -> bool {
        match &self.send {
            SendState::Voided { .. } => false,
            SendState::Rejected { freed, .. } => !freed,
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::InDoubt { .. }
            | SendState::Sent { .. } => self.cancel != Cancel::Accepted,
        }
    }

    fn due(&self) -> Option<Timestamp> {
        match &self.send {
            // A deferral's time is when to send; a fresh plan has its own message under way.
            SendState::Planned { due } if *due > self.planned_at => Some(*due),
            SendState::Planned { due } => Some(*due + RESEND_AFTER),
            SendState::SendStarted { settle_at, .. } => Some(*settle_at),
            SendState::InDoubt { look_ups, .. } => look_ups.next_at,
            SendState::Sent { .. } | SendState::Rejected { .. } | SendState::Voided { .. } => None,
        }
    }

    pub fn quantity_of(&self, line: &LineId) -> u32 {
        self.lines
            .iter()
            .filter(|own| &own.line == line)
            .map(|own| own.quantity)
            .sum()
    }
}

/// Received and not routed for so long: the sweep enqueues it again.
pub const REROUTE_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
/// Received and not routed for so long: a case.
pub const ROUTING_OVERDUE: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// Planned, due and not claimed for so long: the sweep enqueues it again.
pub const RESEND_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);
/// Planned, due and not claimed for so long: a case.
pub const SENDING_OVERDUE: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
