//! Commands and what follows from them: what a supplier answered in `outcome`, what a person decided in
//! `person`.

mod channel;
mod outcome;
mod person;

use super::answer::{CancelAnswer, Rejection};
use super::news::{ChannelEvent, Payload};
use crate::clock::Steady;
use crate::digest::Digest;
use crate::ids::{LineId, SupplierId};
use crate::order::answer::{By, LookupFinding};
use crate::order::decide::channel::merge;
use crate::order::events::Event;
use crate::order::purchase_order::PurchaseOrder;
use crate::order::state::{AddressEdit, Order};
use crate::order::topics::person::{Decision, PersonDecision};
use crate::order::topics::routing::{Routed, RoutingDecision};
use crate::order::topics::sending::SendChange;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use crate::sending::machine::{Delivery, SendEvent, SendState};
use crate::sending::subject::SendSubject;
use crate::sending::via::Via;
use crate::sending::{Sending, timing};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What somebody wants of an order.
#[derive(Debug, Clone)]
pub enum Command {
    /// Void what no longer holds, want back what was handed over, plan the rest.
    Route {
        void: Vec<(PurchaseOrderNumber, String)>,
        cancel: Vec<CancelPlan>,
        routed: Box<Routed>,
    },
    /// Claim a hand-over, or its next step, for one attempt.
    StartSend {
        id: SendSubject,
        artifact: Digest,
        resolve_at: Timestamp,
        /// Of the batch that it is claimed for.
        cut_off: Option<Timestamp>,
        via: Via,
    },
    /// The supplier takes nothing before `until`.
    Postpone {
        id: SendSubject,
        until: Timestamp,
        why: String,
        via: Via,
    },
    /// Mail to its supplier is paused, so that it is not sent that way.
    PauseMail {
        id: SendSubject,
        via: Via,
    },
    PreparationFailed {
        id: SendSubject,
        why: String,
    },
    /// An artifact can be made of it, as far as anybody can tell before it is due.
    Prepared {
        id: SendSubject,
    },
    /// Its batch was begun by settings with which it cannot be prepared: it goes with a later one.
    MoveToBatch {
        id: SendSubject,
        cut_off: Timestamp,
        via: Via,
    },
    /// What kept it back was tried with settings that changed since.
    SettingsChanged {
        id: SendSubject,
    },
    /// A person wants what waits tried again, or looked up, at once.
    Retry {
        which: Which,
        who: String,
        why: String,
    },
    RecordOutcome {
        id: SendSubject,
        attempt: u32,
        outcome: Outcome,
    },
    /// The mail service says what became of the mail of an attempt.
    RecordMailReport {
        id: SendSubject,
        attempt: u32,
        report: MailReport,
    },
    /// A claim passed `resolve_at` without an outcome.
    ClaimLapsed {
        id: SendSubject,
        attempt: u32,
    },
    RecordLookup {
        id: SendSubject,
        attempt: u32,
        answer: Answer,
        time: LookupTime,
    },
    /// The data was restored from a copy then: what may have been sent after the copy was made is in
    /// doubt.
    Suspect {
        restored_at: Timestamp,
        /// How each purchase order would go, as far as it is known.
        ways: BTreeMap<PurchaseOrderNumber, WayInForce>,
    },
    /// A person knows what became of everything at that supplier that is in doubt since the data was
    /// restored from a copy.
    ResolveSuspected {
        supplier: SupplierId,
        verdict: Verdict,
        who: String,
        why: String,
    },
    /// A person knows what became of a doubt.
    Resolve {
        number: PurchaseOrderNumber,
        verdict: Verdict,
        who: String,
        why: String,
    },
    /// A person passes on what the supplier says of single lines.
    Acknowledge {
        number: PurchaseOrderNumber,
        lines: Vec<LineOutcome>,
        who: String,
        why: String,
    },
    /// A person lets holds through.
    Release {
        /// Title or code of the shipping method by which everything is to be shipped, where the
        /// channel names several.
        method: Option<String>,
        who: String,
        why: String,
    },
    /// A person corrects the address; the payload item `payload` will hold it.
    EditAddress {
        edit: AddressEdit,
        who: String,
        why: String,
    },
    Hold {
        who: String,
        why: String,
    },
    Cancel {
        who: String,
        why: String,
    },
    /// A person wants other suppliers for what is not shipped.
    Reroute {
        /// Only what these have; everything where none is named.
        without: Option<SupplierId>,
        only: Option<SupplierId>,
        who: String,
        why: String,
    },
}

/// How a purchase order goes to its supplier by the settings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayInForce {
    pub via: Via,
    /// Something may tell whether the supplier has it.
    pub can_look_up: bool,
}

/// Which of an order's purchase orders a person means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    PurchaseOrder(PurchaseOrderNumber),
    /// Every one at that supplier.
    Supplier(SupplierId),
}

/// A request to cancel units of a purchase order that its supplier has, or may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelPlan {
    pub purchase_order: PurchaseOrderNumber,
    pub lines: BTreeMap<LineId, u32>,
    /// Everything that is left of it.
    pub whole: bool,
    pub why: String,
}

impl CancelPlan {
    fn event(self) -> RoutingDecision {
        RoutingDecision::CancelPlanned {
            purchase_order: self.purchase_order,
            lines: self.lines,
            whole: self.whole,
            why: self.why,
        }
    }
}

/// An answer to a send. Of its evidence it has the digest, once that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Accepted(Accepted),
    StepDone(StepDone),
    Rejected {
        why: Rejection,
        /// A person looks before another supplier is tried: the supplier's refusals are not
        /// understood any more.
        hold: bool,
    },
    NotSent {
        retry_after: Option<SignedDuration>,
        why: String,
    },
    /// The file of its batch was written without it.
    NotInBatch {
        next_cut_off: Timestamp,
    },
    InDoubt {
        why: String,
        evidence: Option<Digest>,
        can_look_up: bool,
    },
}

/// In any order and any number of times, and before the send's own answer too.
#[derive(Debug, Clone)]
pub enum MailReport {
    /// The service took it, which proves nothing about its delivery.
    Sent,
    /// What became of its delivery.
    Delivery(Delivery),
    /// It will not be delivered.
    Bounced(Rejection),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    pub references: Vec<String>,
    /// A line that is not named is accepted as ordered.
    pub lines: Vec<LineOutcome>,
    /// What became of a request to cancel, where the answer says so at once.
    pub cancel: Option<CancelAnswer>,
    /// The supplier's own words of the lines.
    pub evidence: Option<Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepDone {
    pub step: String,
    pub extracted: BTreeMap<String, Vec<String>>,
}

/// What a supplier says of units of one of its SKUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineOutcome {
    pub supplier_sku: String,
    pub quantity: u32,
    pub status: LineStatus,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineStatus {
    Backordered(Option<Date>),
    Rejected(Rejection),
}

/// An answer to a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Accepted(Accepted),
    StepDone(StepDone),
    NotFound(LookupFinding),
}

/// When a look-up was answered, by the clock of whoever was asked and by our steady one, and what
/// proves an absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupTime {
    /// What the answer's own `Date` says.
    pub date: Option<Timestamp>,
    pub steady: Steady,
    /// Two "not there" so far apart prove an absence; `None`: nothing does.
    pub proof_after: Option<SignedDuration>,
}

#[derive(Debug, Clone)]
pub enum Verdict {
    Sent {
        reference: String,
    },
    NotSent,
    /// What became of the oldest request to cancel that is open.
    Cancel(CancelAnswer),
}

impl Order {
    /// What a channel's message adds, with the payload item that goes with it.
    pub fn merge(&self, message: &ChannelEvent) -> (Vec<Event>, Option<(u32, Payload)>) {
        merge(&self.news, self.payloads, message)
    }

    /// Events that follow from the command; none where everything is already so.
    pub fn decide(&self, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Route {
                void,
                cancel,
                routed,
            } => Ok(self.route(void, cancel, *routed)),
            Command::StartSend {
                id,
                artifact,
                resolve_at,
                cut_off,
                via,
            } => {
                let own = self.own(id.purchase_order())?;
                let sending = sending(own, &id)?;
                match id.request().and_then(|request| own.cancel(request)) {
                    None if self.needs_routing.is_some() || self.no_longer_holds(own).is_some() => {
                        return Err(Refusal::NoLongerHolds);
                    }
                    Some(request) if !request.is_open() || !own.can_be_asked_back() => {
                        return Err(Refusal::NoLongerHolds);
                    }
                    None | Some(_) => {}
                }
                let attempt = sending.attempts + 1;
                Ok(vec![of(
                    id,
                    SendEvent::SendStarted {
                        attempt,
                        artifact,
                        resolve_at,
                        cut_off,
                        via,
                    },
                )])
            }
            Command::Postpone {
                id,
                until,
                why,
                via,
            } => {
                let own = self.own(id.purchase_order())?;
                let later = matches!(&sending(own, &id)?.state, SendState::Planned { due } | SendState::BetweenSteps { due }
                    if *due < until);
                let event = SendEvent::SendPostponed { until, why, via };
                Ok(later.then(|| of(id, event)).into_iter().collect())
            }
            Command::MoveToBatch { id, cut_off, via } => {
                let own = self.own(id.purchase_order())?;
                let planned = matches!(own.sending.state, SendState::Planned { .. });
                let later = own.cut_off.is_some_and(|current| current < cut_off);
                let event = SendEvent::SendPostponed {
                    until: cut_off,
                    why: "its batch was begun without it".to_owned(),
                    via,
                };
                Ok((planned && later)
                    .then(|| of(id, event))
                    .into_iter()
                    .collect())
            }
            Command::PauseMail { id, via } => {
                let sending = sending(self.own(id.purchase_order())?, &id)?;
                let waits = matches!(
                    sending.state,
                    SendState::Planned { .. } | SendState::BetweenSteps { .. }
                );
                // It is said once; it stays due, so that the sweep wakes it.
                let known = sending.waits_because.as_deref() == Some(timing::MAIL_PAUSED);
                let event = || SendEvent::SendPostponed {
                    until: now + timing::PAUSED_FOR,
                    why: timing::MAIL_PAUSED.to_owned(),
                    via,
                };
                let events = (waits && !known).then(|| of(id, event()));
                Ok(events.into_iter().collect())
            }
            Command::PreparationFailed { id, why } => {
                let own = self.own(id.purchase_order())?;
                let sending = sending(own, &id)?;
                let next_at = match &sending.state {
                    SendState::Planned { due } | SendState::BetweenSteps { due } => Some(*due),
                    SendState::InDoubt { look_ups, .. } => look_ups.next_at,
                    SendState::SendStarted { .. }
                    | SendState::Sent { .. }
                    | SendState::Rejected { .. }
                    | SendState::Voided { .. } => None,
                };
                let Some(next_at) = next_at else {
                    return Ok(Vec::new());
                };
                let known = sending.unpreparable.as_ref() == Some(&why);
                if known && next_at > now {
                    return Ok(Vec::new());
                }
                let again_after = if known {
                    timing::PREPARE_ONCE_MORE_AFTER
                } else {
                    timing::PREPARE_AGAIN_AFTER
                };
                // What is not due yet is prepared again when it is, or by other settings.
                let retry_at = match &sending.state {
                    SendState::Planned { due } | SendState::BetweenSteps { due } if *due > now => {
                        *due
                    }
                    SendState::Planned { .. }
                    | SendState::BetweenSteps { .. }
                    | SendState::SendStarted { .. }
                    | SendState::InDoubt { .. }
                    | SendState::Sent { .. }
                    | SendState::Rejected { .. }
                    | SendState::Voided { .. } => now + again_after,
                };
                Ok(vec![of(id, SendEvent::PreparationFailed { why, retry_at })])
            }
            Command::Prepared { id } => {
                let sending = sending(self.own(id.purchase_order())?, &id)?;
                let waits = matches!(
                    sending.state,
                    SendState::Planned { .. } | SendState::BetweenSteps { .. }
                );
                let event = || of(id.clone(), SendEvent::Prepared);
                let events = (waits && sending.unpreparable.is_some()).then(event);
                Ok(events.into_iter().collect())
            }
            Command::SettingsChanged { id } => {
                let sending = sending(self.own(id.purchase_order())?, &id)?;
                let event = || {
                    let by = By::Configuration;
                    of(id.clone(), SendEvent::RetryRequested { by })
                };
                let events = sending.is_kept_back(now).then(event);
                Ok(events.into_iter().collect())
            }
            Command::Retry { which, who, why } => self.retry(&which, &By::Person { who, why }, now),
            Command::RecordOutcome {
                id,
                attempt,
                outcome,
            } => self.record_outcome(&id, attempt, outcome, now),
            Command::RecordMailReport {
                id,
                attempt,
                report,
            } => self.record_mail_report(&id, attempt, report),
            Command::ClaimLapsed { id, attempt } => {
                let own = self.own(id.purchase_order())?;
                let lapsed = matches!(&sending(own, &id)?.state, SendState::SendStarted { attempt: current, resolve_at, .. }
                    if *current == attempt && now >= *resolve_at);
                let doubt = SendEvent::SendInDoubt {
                    attempt,
                    why: "nobody recorded an outcome in time".to_owned(),
                    evidence: None,
                    look_at: Some(now),
                };
                Ok(lapsed.then(|| of(id, doubt)).into_iter().collect())
            }
            Command::RecordLookup {
                id,
                attempt,
                answer,
                time,
            } => self.record_lookup(&id, attempt, answer, time, now),
            Command::Suspect { restored_at, ways } => Ok(self.suspect(restored_at, ways, now)),
            Command::ResolveSuspected {
                supplier,
                verdict,
                who,
                why,
            } => self.resolve_suspected(&supplier, &verdict, &By::Person { who, why }, now),
            Command::Resolve {
                number,
                verdict,
                who,
                why,
            } => self.resolve(&number, verdict, By::Person { who, why }, now),
            Command::Acknowledge {
                number,
                lines,
                who,
                why,
            } => {
                let own = self.own(&number)?;
                if !own.sending.is_sent() {
                    return Err(Refusal::NotPossible(format!(
                        "{number} is {}, not sent",
                        own.sending.state.name()
                    )));
                }
                let by = By::Person { who, why };
                self.line_events(own, lines, &by)
                    .map_err(|error| Refusal::NotPossible(error.to_string()))
            }
            Command::Release { method, who, why } => self.release(method.as_deref(), who, why, now),
            Command::EditAddress { edit, who, why } => {
                if self.payload.is_none() {
                    return Err(Refusal::NotPossible(format!(
                        "nothing is known of {} yet",
                        self.id
                    )));
                }
                let known = self.address.as_ref().map(|(_, known)| known);
                if known == Some(&edit) {
                    return Ok(Vec::new());
                }
                let payload = self.payloads + 1;
                let decision = Decision::AddressEdited { payload, edit };
                Ok(vec![decided(who, why, decision)])
            }
            Command::Hold { who, why } => {
                if self.held.is_some() {
                    return Ok(Vec::new());
                }
                Ok(vec![decided(who, why, Decision::OrderHeld)])
            }
            Command::Cancel { who, why } => {
                if self.cancelled_here {
                    return Ok(Vec::new());
                }
                Ok(vec![decided(who, why, Decision::OrderCancelled)])
            }
            Command::Reroute {
                without,
                only,
                who,
                why,
            } => self.reroute(without.as_ref(), only.as_ref(), &who, &why),
        }
    }

    fn route(
        &self,
        void: Vec<(PurchaseOrderNumber, String)>,
        cancel: Vec<CancelPlan>,
        routed: Routed,
    ) -> Vec<Event> {
        let voided = void.into_iter().map(|(number, why)| {
            let subject = SendSubject::PurchaseOrder(number);
            of(subject, SendEvent::PurchaseOrderVoided { why })
        });
        let cancels = cancel.into_iter().map(|plan| Event::from(plan.event()));
        let mut events: Vec<Event> = voided.chain(cancels).collect();
        let nothing_new = routed.purchase_orders.is_empty()
            && self
                .routing
                .as_ref()
                .is_some_and(|known| known.same_decision(&routed.state))
            && self.needs_routing.is_none()
            && events.is_empty();
        if !nothing_new {
            events.push(RoutingDecision::Routed(routed).into());
        }
        events
    }

    fn own(&self, number: &PurchaseOrderNumber) -> Result<&PurchaseOrder, Refusal> {
        self.purchase_order(number)
            .ok_or_else(|| Refusal::NoSuchPurchaseOrder(number.clone()))
    }
}

/// The state of what is sent.
fn sending<'a>(own: &'a PurchaseOrder, subject: &SendSubject) -> Result<&'a Sending, Refusal> {
    own.sending_of(subject)
        .ok_or_else(|| Refusal::NotPossible(format!("there is no request {subject}")))
}

pub(super) fn of(subject: SendSubject, event: SendEvent) -> Event {
    SendChange { subject, event }.into()
}

fn decided(by: String, why: String, decision: Decision) -> Event {
    PersonDecision { by, why, decision }.into()
}
