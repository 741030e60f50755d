//! The one aggregate: an order with its purchase orders and holds.
//!
//! Its history is events in the past tense; its state is exactly the fold of them. [`Order::decide`]
//! turns a command into events or refuses it, [`Order::apply`] puts one event onto the state. The
//! states of sending are in [`machine`], what a channel tells in [`news`], where each unit is in
//! [`units`], what a person must see in [`attention`].

pub mod answer;
pub mod attention;
pub mod decide;
pub mod event;
pub mod machine;
pub mod news;
pub mod purchase_order;
mod restored;
pub mod units;
pub mod via;

use crate::address::Destination;
use crate::digest::Digest;
use crate::ids::{LineId, OrderId, SupplierId};
use crate::purchase_order_number::PurchaseOrderNumber;
use attention::CaseKind;
use event::{Event, Recorded};
use jiff::Timestamp;
use machine::{SendState, Sending};
use news::{Content, Latest, News, ShippingMethod};
use purchase_order::{CancelRequest, Unclear};
pub use purchase_order::{PurchaseOrder, PurchaseOrderLine, SendId};
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
    /// The payload item with the address that a person corrected, while it counts.
    pub address: Option<(u32, AddressEdit)>,
    /// Holds a person has let through.
    pub released: BTreeSet<(CaseKind, String)>,
    /// Units by line that a person let go although the channel holds them; until the channel no
    /// longer does.
    pub let_through: BTreeMap<LineId, u32>,
    /// The shipping method that a person chose, and among which that was.
    pub method: Option<(Vec<ShippingMethod>, ShippingMethod)>,
    /// When its content was first known here.
    pub received_at: Option<Timestamp>,
    /// When its payment was first known here.
    pub paid_at: Option<Timestamp>,
    /// Something happened that routing has not looked at, since then.
    pub needs_routing: Option<Timestamp>,
    /// A person cancelled it here, whatever the channel says.
    pub cancelled_here: bool,
    /// A person holds it, and why.
    pub held: Option<String>,
    /// Suppliers that a person ruled out, and the only one that a person wants.
    pub without: BTreeSet<SupplierId>,
    pub only: Option<SupplierId>,
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Wait>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ours: Vec<NotOurs>,
}

impl RoutingState {
    /// The same but for the time of looking again and the configuration that was looked at, which are
    /// not worth an event.
    pub fn same_decision(&self, other: &Self) -> bool {
        let timeless = |state: &Self| {
            let mut state = state.clone();
            state.holds.iter_mut().for_each(|hold| hold.again_at = None);
            state.configuration = other.configuration.clone();
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

/// An address that a person corrected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressEdit {
    /// Of the channel's address that it takes the place of.
    pub replaces: Digest,
    /// Of the corrected address.
    pub address: Digest,
    pub destination: Destination,
}

impl AddressEdit {
    /// The edit digest of a payload with another address in place of its own.
    pub fn edit_of(address: &Digest, payload: &Digest) -> Digest {
        Digest::of_value(&(payload, address))
    }
}

/// Nothing is wrong; units wait for an event or a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub kind: WaitKind,
    /// What they wait for, in words.
    pub why: String,
    /// Units by line.
    pub lines: BTreeMap<LineId, u32>,
    pub since: Timestamp,
    /// When routing looks again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When waiting becomes a case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_at: Option<Timestamp>,
}

/// What units wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitKind {
    /// The customer's money.
    Payment,
    /// The channel, which keeps the units from being shipped.
    Channel,
    /// The next commit: this one was full.
    NextCommit,
}

impl WaitKind {
    /// The case that waiting becomes when it lasts too long.
    pub fn case(self) -> Option<CaseKind> {
        match self {
            Self::Payment => Some(CaseKind::Unpaid),
            Self::Channel => Some(CaseKind::OnHoldAtChannel),
            Self::NextCommit => None,
        }
    }

    /// What ends it, for people.
    pub fn way_out(self) -> &'static str {
        match self {
            Self::Payment => "the channel reports the payment, or cancels the order",
            Self::Channel => "the hold ends on the channel, or release to send all the same",
            Self::NextCommit => "nothing to do: they follow at once",
        }
    }
}

/// Units that are never forwarded, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOurs {
    pub line: LineId,
    pub quantity: u32,
    pub why: String,
}

impl Order {
    pub fn new(id: OrderId) -> Self {
        Self {
            id,
            news: News::default(),
            payload: None,
            payloads: 0,
            address: None,
            purchase_orders: Vec::new(),
            routing: None,
            released: BTreeSet::new(),
            let_through: BTreeMap::new(),
            method: None,
            received_at: None,
            paid_at: None,
            needs_routing: None,
            cancelled_here: false,
            held: None,
            without: BTreeSet::new(),
            only: None,
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
                if let machine::SendEvent::SendDeferred {
                    retry_at: Some(cut_off),
                    by: event::By::Batch,
                    ..
                } = event
                {
                    own.cut_off = Some(*cut_off);
                }
                // What is gathered in batches goes with the one of that time.
                if let machine::SendEvent::SendPostponed { until, .. } = event
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
                if matches!(event, machine::SendEvent::SendRejected { .. }) && asked.is_open() {
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

    fn wake(&mut self, at: Timestamp) {
        self.wakes += 1;
        self.needs_routing.get_or_insert(at);
    }

    fn own_mut(&mut self, number: &PurchaseOrderNumber) -> Result<&mut PurchaseOrder, Refusal> {
        self.purchase_orders
            .iter_mut()
            .find(|candidate| &candidate.number == number)
            .ok_or_else(|| Refusal::NoSuchPurchaseOrder(number.clone()))
    }

    /// Takes the newest message in, and forgets what a person let through once the channel no longer
    /// holds it: a later hold is another one.
    fn take_news(&mut self, latest: Latest) {
        self.news.take(latest);
        let before = std::mem::take(&mut self.let_through);
        self.let_through = before
            .into_iter()
            .filter(|(line, _)| self.line_units(line).on_hold() > 0)
            .collect();
        let held = |order: &Self, line: &LineId| order.on_hold(line).claimed > 0;
        let lines: BTreeSet<LineId> = self
            .live()
            .flat_map(PurchaseOrder::everything)
            .map(|(line, _)| line)
            .collect();
        if !lines.iter().any(|line| held(self, line)) {
            self.released
                .retain(|(kind, _)| *kind != CaseKind::OnHoldAfterSend);
        }
    }

    /// Units by line that the channel holds, where the release is of that.
    fn held_by_channel(&self, holds: &[(CaseKind, String)]) -> BTreeMap<LineId, u32> {
        if !holds
            .iter()
            .any(|(kind, _)| *kind == CaseKind::OnHoldAtChannel)
        {
            return BTreeMap::new();
        }
        let lines = self
            .news
            .latest
            .iter()
            .flat_map(|latest| &latest.content.lines);
        lines
            .map(|line| (line.id.clone(), self.line_units(&line.id)))
            .filter(|(_, units)| units.on_hold() > 0 && !units.added_after_refund)
            .map(|(line, units)| (line, units.open))
            .collect()
    }

    /// Digest of where, how and with which personalisation these lines are to be shipped.
    pub fn shipping(&self, lines: &[PurchaseOrderLine]) -> Digest {
        let latest = self.news.latest.as_ref();
        let corrected = self.address.as_ref().map(|(_, edit)| &edit.address);
        let address = corrected.or(latest.map(|latest| &latest.address));
        let properties: BTreeMap<&LineId, &Digest> = latest
            .into_iter()
            .flat_map(|latest| &latest.properties)
            .filter(|(line, _)| lines.iter().any(|own| &own.line == *line))
            .collect();
        Digest::of_value(&(address, latest.map(|latest| &latest.method), properties))
    }

    /// What is known of the order, with the address that a person corrected and the shipping method
    /// that a person chose.
    pub fn content(&self) -> Option<Content> {
        let mut content = self.news.latest.as_ref()?.content.clone();
        if let Some((_, edit)) = &self.address {
            content.destination = edit.destination.clone();
        }
        if let Some((among, chosen)) = &self.method
            && *among == content.shipping
        {
            content.shipping = vec![chosen.clone()];
        }
        Some(content)
    }

    /// The shipping method that a person chose, while the channel names the same ones.
    pub fn chosen_method(&self) -> Option<&ShippingMethod> {
        let latest = self.news.latest.as_ref()?;
        let (among, chosen) = self.method.as_ref()?;
        (*among == latest.content.shipping).then_some(chosen)
    }

    /// Since when routing has something to look at. A refund or cancel whose order has not come yet
    /// waits for it, for ever where it never comes.
    pub fn unrouted_since(&self) -> Option<Timestamp> {
        self.needs_routing.filter(|_| self.news.latest.is_some())
    }

    pub fn purchase_order(&self, number: &PurchaseOrderNumber) -> Option<&PurchaseOrder> {
        self.purchase_orders
            .iter()
            .find(|candidate| &candidate.number == number)
    }

    /// Cancelled on the channel or here, which never goes back.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled_here || self.news.cancelled_at.is_some()
    }

    /// Cancelled, or its money was given back as a whole, which a later message may take back.
    pub fn is_stopped(&self) -> bool {
        self.is_cancelled() || self.news.is_fully_refunded()
    }

    /// Why a purchase order that is still Planned should not be sent any more, as far as the order
    /// alone tells. Routing may find more reasons in the rules, which is why nothing is claimed
    /// while the order has news that routing has not looked at.
    pub fn no_longer_holds(&self, purchase_order: &PurchaseOrder) -> Option<&'static str> {
        if purchase_order.is_being_taken_back() {
            return Some("it is being taken back");
        }
        let ruled_out = self.without.contains(&purchase_order.supplier)
            || self
                .only
                .as_ref()
                .is_some_and(|only| only != &purchase_order.supplier);
        let mut lines = purchase_order.lines.iter().map(|line| &line.line);
        let planned = matches!(purchase_order.sending.state, SendState::Planned { .. });
        if self.is_cancelled() {
            Some(STOPPED)
        } else if self.held.is_some() {
            Some("a person holds the order")
        } else if ruled_out {
            Some("a person wants another supplier")
        } else if self
            .payload
            .as_ref()
            .is_some_and(|(_, edit)| edit != &purchase_order.edit)
        {
            Some("the order was edited")
        } else if lines.clone().any(|line| self.over_allocated(line) > 0) {
            Some(if self.news.is_fully_refunded() {
                STOPPED
            } else {
                "units were refunded or removed"
            })
        } else if let Some(line) = lines.find(|line| planned && self.is_planned_beyond_hold(line)) {
            Some(if self.line_units(line).on_hold() > 0 {
                "the channel holds units of it"
            } else {
                "a refund leaves open whether its units are to be shipped"
            })
        } else {
            None
        }
    }

    /// The next moment at which something must happen by itself.
    pub fn due(&self) -> Option<Timestamp> {
        self.timers().min()
    }

    /// The next one that is not over yet.
    pub fn due_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.timers().filter(|timer| *timer > now).min()
    }

    fn timers(&self) -> impl Iterator<Item = Timestamp> {
        let routing = self.unrouted_since().map(|since| since + REROUTE_AFTER);
        let again = self.routing.iter().flat_map(|routing| {
            let holds = routing.holds.iter().filter_map(|hold| hold.again_at);
            holds.chain(routing.waits.iter().filter_map(|wait| wait.until))
        });
        let sends = self.purchase_orders.iter().flat_map(PurchaseOrder::timers);
        routing.into_iter().chain(again).chain(sends)
    }
}

/// Why nothing more of an order is sent that was cancelled or refunded.
pub(crate) const STOPPED: &str = "the order was cancelled or refunded";

/// Received and not routed for so long: the sweep enqueues it again.
pub const REROUTE_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
/// Received and not routed for so long: a case.
pub const ROUTING_OVERDUE: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// Planned, due and not claimed for so long: a case.
pub const SENDING_OVERDUE: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
