//! Commands and what follows from them.

use super::answer::{AfterRejection, Backorder, CancelAnswer, Rejection};
use super::attention::CaseKind;
use super::event::{By, Event, LookupFinding, Routed};
use super::machine::{SendEvent, SendState, Sending};
use super::news::{ChannelEvent, Payload, merge};
use super::{AddressEdit, Order, PurchaseOrder, Refusal, SendId};
use crate::digest::Digest;
use crate::forwarding::{self, LOOK_UP_AFTER};
use crate::ids::{LineId, SupplierId};
use crate::purchase_order_number::PurchaseOrderNumber;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What somebody wants of an order.
#[derive(Debug, Clone)]
pub enum Command {
    /// Void what no longer holds, want back what was handed over, plan the rest.
    Route {
        void: Vec<(PurchaseOrderNumber, String)>,
        cancel: Vec<CancelWish>,
        routed: Box<Routed>,
    },
    /// Claim a hand-over, or its next step, for one attempt.
    StartSend {
        id: SendId,
        artifact: Digest,
        settle_at: Timestamp,
        /// Of the batch that it is claimed for.
        cut_off: Option<Timestamp>,
    },
    /// The supplier takes nothing before `until`.
    Postpone {
        id: SendId,
        until: Timestamp,
        why: String,
    },
    PreparationFailed {
        id: SendId,
        why: String,
    },
    RecordOutcome {
        id: SendId,
        attempt: u32,
        outcome: Outcome,
    },
    /// A claim passed `settle_at` without an outcome.
    ClaimLapsed {
        id: SendId,
        attempt: u32,
    },
    RecordLookup {
        id: SendId,
        attempt: u32,
        answer: Answer,
        proof_after: Option<SignedDuration>,
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

/// Units to be taken back from a supplier that has them, or may have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelWish {
    pub number: PurchaseOrderNumber,
    pub lines: BTreeMap<LineId, u32>,
    pub whole: bool,
    pub why: String,
}

/// An answer to a send, evidence already stored.
#[derive(Debug, Clone)]
pub enum Outcome {
    Accepted(Accepted),
    StepDone(StepDone),
    Rejected(Rejection),
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

#[derive(Debug, Clone, Default)]
pub struct Accepted {
    pub references: Vec<String>,
    /// A line that is not named is accepted as ordered.
    pub lines: Vec<LineOutcome>,
    /// What became of a request to cancel, where the answer says so at once.
    pub cancel: Option<CancelAnswer>,
}

#[derive(Debug, Clone)]
pub struct StepDone {
    pub step: String,
    pub extracted: BTreeMap<String, Vec<String>>,
}

/// What a supplier says of units of one of its SKUs.
#[derive(Debug, Clone)]
pub struct LineOutcome {
    pub supplier_sku: String,
    pub quantity: u32,
    pub status: LineStatus,
}

#[derive(Debug, Clone)]
pub enum LineStatus {
    Backordered(Option<Date>),
    Rejected(Rejection),
}

#[derive(Debug, Clone)]
pub enum Answer {
    Accepted(Accepted),
    StepDone(StepDone),
    NotFound(LookupFinding),
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
                settle_at,
                cut_off,
            } => {
                let own = self.own(&id.number)?;
                let sending = sending(own, &id)?;
                match id.cancel.and_then(|request| own.cancel(request)) {
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
                        settle_at,
                        cut_off,
                    },
                )])
            }
            Command::Postpone { id, until, why } => {
                let own = self.own(&id.number)?;
                let later = matches!(&sending(own, &id)?.state, SendState::Planned { due } | SendState::BetweenSteps { due }
                    if *due < until);
                let event = SendEvent::SendPostponed { until, why };
                Ok(later.then(|| of(id, event)).into_iter().collect())
            }
            Command::PreparationFailed { id, why } => {
                let own = self.own(&id.number)?;
                let sending = sending(own, &id)?;
                let known = sending.unpreparable.as_ref() == Some(&why);
                let waits = matches!(&sending.state, SendState::Planned { due } | SendState::BetweenSteps { due }
                    if *due > now);
                if known && waits {
                    return Ok(Vec::new());
                }
                let again_after = if known {
                    forwarding::PREPARE_ONCE_MORE_AFTER
                } else {
                    forwarding::PREPARE_AGAIN_AFTER
                };
                let retry_at = now + again_after;
                Ok(vec![of(id, SendEvent::PreparationFailed { why, retry_at })])
            }
            Command::RecordOutcome {
                id,
                attempt,
                outcome,
            } => self.record_outcome(&id, attempt, outcome, now),
            Command::ClaimLapsed { id, attempt } => {
                let own = self.own(&id.number)?;
                let lapsed = matches!(&sending(own, &id)?.state, SendState::SendStarted { attempt: current, settle_at, .. }
                    if *current == attempt && now >= *settle_at);
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
                proof_after,
            } => self.record_lookup(&id, attempt, answer, proof_after, now),
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
                    .map_err(Refusal::NotPossible)
            }
            Command::Release { who, why } => self.release(who, why, now),
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
                Ok(vec![Event::AddressEdited {
                    payload: self.payloads + 1,
                    edit,
                    by: who,
                    why,
                }])
            }
            Command::Hold { who, why } => {
                if self.held.is_some() {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::HeldByPerson { by: who, why }])
            }
            Command::Cancel { who, why } => {
                if self.cancelled_here {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::CancelledByPerson { by: who, why }])
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
        cancel: Vec<CancelWish>,
        routed: Routed,
    ) -> Vec<Event> {
        let voided = void.into_iter().map(|(number, why)| Event::PurchaseOrder {
            number,
            event: SendEvent::PurchaseOrderVoided { why },
        });
        let wanted_back = cancel.into_iter().map(|wish| Event::CancelWanted {
            number: wish.number,
            lines: wish.lines,
            whole: wish.whole,
            why: wish.why,
        });
        let mut events: Vec<Event> = voided.chain(wanted_back).collect();
        let nothing_new = routed.purchase_orders.is_empty()
            && self
                .routing
                .as_ref()
                .is_some_and(|known| known.same_decision(&routed.state))
            && self.needs_routing.is_none()
            && events.is_empty();
        if !nothing_new {
            events.push(Event::Routed(routed));
        }
        events
    }

    fn own(&self, number: &PurchaseOrderNumber) -> Result<&PurchaseOrder, Refusal> {
        self.purchase_order(number)
            .ok_or_else(|| Refusal::NoSuchPurchaseOrder(number.clone()))
    }

    /// Valid on any newer version: an outcome that adds nothing to what is known becomes no event.
    fn record_outcome(
        &self,
        id: &SendId,
        attempt: u32,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(&id.number)?;
        let sending = sending(own, id)?;
        if attempt == 0 || attempt > sending.attempts {
            return Err(Refusal::NoSuchAttempt(attempt));
        }
        let current = match &sending.state {
            SendState::SendStarted { attempt, .. } | SendState::InDoubt { attempt, .. } => {
                Some(*attempt)
            }
            SendState::Planned { .. }
            | SendState::BetweenSteps { .. }
            | SendState::Sent { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => None,
        };
        let event = match outcome {
            Outcome::Accepted(accepted) => {
                if matches!(&sending.state, SendState::Sent { attempt: known, .. } if *known == attempt)
                {
                    return Ok(Vec::new());
                }
                return Ok(self.accepted(own, id, attempt, accepted, By::Answer));
            }
            _ if current != Some(attempt) => return Ok(Vec::new()),
            Outcome::StepDone(done) => SendEvent::SendStepDone {
                attempt,
                step: done.step,
                extracted: done.extracted,
                by: By::Answer,
            },
            Outcome::Rejected(why) => SendEvent::SendRejected {
                attempt,
                route_again: id.cancel.is_none() && self.routes_again(&why),
                why,
            },
            Outcome::NotSent { retry_after, why } => SendEvent::SendDeferred {
                attempt,
                retry_at: now
                    + retry_after.unwrap_or_else(|| forwarding::deferral(sending.deferrals)),
                why,
                by: By::Answer,
            },
            Outcome::NotInBatch { next_cut_off } => SendEvent::SendDeferred {
                attempt,
                retry_at: next_cut_off,
                why: "the file of its batch was written without it".to_owned(),
                by: By::Batch,
            },
            Outcome::InDoubt { .. } if matches!(sending.state, SendState::InDoubt { .. }) => {
                return Ok(Vec::new());
            }
            Outcome::InDoubt {
                why,
                evidence,
                can_look_up,
            } => SendEvent::SendInDoubt {
                attempt,
                why,
                evidence,
                look_at: can_look_up.then(|| now + LOOK_UP_AFTER[0]),
            },
        };
        Ok(vec![of(id.clone(), event)])
    }

    /// It was taken, with whatever else the supplier says of it at once.
    fn accepted(
        &self,
        own: &PurchaseOrder,
        id: &SendId,
        attempt: u32,
        accepted: Accepted,
        by: By,
    ) -> Vec<Event> {
        let sent = of(
            id.clone(),
            SendEvent::Sent {
                attempt,
                references: accepted.references,
                by: by.clone(),
            },
        );
        let mut events = vec![sent];
        if let Some(request) = id.cancel {
            events.extend(accepted.cancel.map(|answer| Event::CancelAnswered {
                number: id.number.clone(),
                request,
                answer,
                by,
            }));
            return events;
        }
        match self.line_events(own, accepted.lines, &by) {
            Ok(lines) => events.extend(lines),
            // Taken all the same; what it says of lines nobody ordered is for a person.
            Err(why) => events.push(Event::AnswerUnclear {
                number: id.number.clone(),
                why,
            }),
        }
        events
    }

    /// What the supplier says of single lines, as events; an error where it names what was not
    /// ordered of it.
    fn line_events(
        &self,
        own: &PurchaseOrder,
        lines: Vec<LineOutcome>,
        by: &By,
    ) -> Result<Vec<Event>, String> {
        let mut events = Vec::new();
        let mut backordered: BTreeMap<LineId, Backorder> = BTreeMap::new();
        let mut taken: BTreeMap<LineId, u32> = BTreeMap::new();
        for outcome in lines {
            let mut left = outcome.quantity;
            let mut units = BTreeMap::new();
            for line in own
                .lines
                .iter()
                .filter(|line| line.supplier_sku.as_str() == outcome.supplier_sku)
            {
                let used = taken.entry(line.line.clone()).or_default();
                let here = left.min(own.remaining(line).saturating_sub(*used));
                if here > 0 {
                    *used += here;
                    left -= here;
                    units.insert(line.line.clone(), here);
                }
            }
            if left > 0 {
                return Err(format!(
                    "the supplier speaks of {} x {}, of which {} were asked for",
                    outcome.quantity,
                    printable(&outcome.supplier_sku),
                    outcome.quantity - left
                ));
            }
            match outcome.status {
                LineStatus::Backordered(until) => backordered.extend(
                    units
                        .into_iter()
                        .map(|(line, quantity)| (line, Backorder { quantity, until })),
                ),
                LineStatus::Rejected(why) => events.push(Event::LinesRejected {
                    number: own.number.clone(),
                    lines: units,
                    route_again: self.routes_again(&why),
                    why,
                    by: by.clone(),
                }),
            }
        }
        if backordered != own.backordered {
            events.push(Event::Acknowledged {
                number: own.number.clone(),
                backordered,
                by: by.clone(),
            });
        }
        Ok(events)
    }

    /// Another supplier may be tried by itself, up to a number of rejections of one order.
    fn routes_again(&self, why: &Rejection) -> bool {
        let before = self
            .purchase_orders
            .iter()
            .map(|own| {
                let whole = matches!(own.sending.state, SendState::Rejected { .. });
                usize::from(whole) + own.refused.len()
            })
            .sum::<usize>();
        why.reason.response() == AfterRejection::RouteAgain
            && before < forwarding::REJECTIONS_BEFORE_HOLD
    }

    fn record_lookup(
        &self,
        id: &SendId,
        attempt: u32,
        answer: Answer,
        proof_after: Option<SignedDuration>,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(&id.number)?;
        let SendState::InDoubt {
            attempt: current,
            since,
            look_ups,
            ..
        } = &sending(own, id)?.state
        else {
            return Ok(Vec::new());
        };
        if *current != attempt {
            return Ok(Vec::new());
        }
        let event = match answer {
            Answer::Accepted(accepted) => {
                return Ok(self.accepted(own, id, attempt, accepted, By::LookUp));
            }
            Answer::StepDone(done) => SendEvent::SendStepDone {
                attempt,
                step: done.step,
                extracted: done.extracted,
                by: By::LookUp,
            },
            Answer::NotFound(finding) => {
                let proved = finding == LookupFinding::Absent
                    && proof_after.is_some_and(|lag| {
                        lag.is_zero()
                            || look_ups
                                .absent_since
                                .is_some_and(|first| now >= first + lag)
                    });
                if proved {
                    SendEvent::SendDeferred {
                        attempt,
                        retry_at: now,
                        why: "the look-up proved that it is not there".to_owned(),
                        by: By::LookUp,
                    }
                } else {
                    SendEvent::LookedUp {
                        attempt,
                        finding,
                        next_at: forwarding::next_look_up(
                            *since,
                            look_ups,
                            finding,
                            proof_after,
                            now,
                        ),
                    }
                }
            }
        };
        Ok(vec![of(id.clone(), event)])
    }

    fn resolve(
        &self,
        number: &PurchaseOrderNumber,
        verdict: Verdict,
        by: By,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(number)?;
        let (id, event) = match verdict {
            Verdict::Sent { reference } => {
                let (id, attempt) = in_doubt(own)?;
                let references = vec![reference];
                let event = SendEvent::Sent {
                    attempt,
                    references,
                    by,
                };
                (id, event)
            }
            Verdict::NotSent => {
                let (id, attempt) = in_doubt(own)?;
                let event = SendEvent::SendDeferred {
                    attempt,
                    retry_at: now,
                    why: "a person found that it is not there".to_owned(),
                    by,
                };
                (id, event)
            }
            Verdict::Cancel(answer) => {
                let open = own
                    .numbered_cancels()
                    .find(|(_, request)| request.is_open() && own.can_be_asked_back());
                let (request, _) = open.ok_or_else(|| {
                    Refusal::NotPossible(format!("no request to cancel {number} is open"))
                })?;
                return Ok(vec![Event::CancelAnswered {
                    number: number.clone(),
                    request,
                    answer,
                    by,
                }]);
            }
        };
        Ok(vec![of(id, event)])
    }

    fn release(&self, who: String, why: String, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let mut events = Vec::new();
        for own in &self.purchase_orders {
            let number = own.number.clone();
            if matches!(own.sending.state, SendState::Rejected { freed: false, .. }) {
                let event = SendEvent::RejectionFreed;
                events.push(Event::PurchaseOrder { number, event });
            } else if own.refused.iter().any(|refused| !refused.freed) {
                events.push(Event::RefusedLinesFreed { number });
            }
        }
        let holds: Vec<(CaseKind, String)> = self
            .attention(now)
            .into_iter()
            .filter(|entry| crate::exceptions::releasable(entry.kind))
            .map(|entry| (entry.kind, entry.cause))
            .collect();
        let open = !holds.is_empty();
        let holds: Vec<_> = holds
            .into_iter()
            .filter(|hold| !self.released.contains(hold))
            .collect();
        // Released already, and routing has not looked yet.
        if open && holds.is_empty() && events.is_empty() {
            return Ok(Vec::new());
        }
        if holds.is_empty() && events.is_empty() {
            return Err(Refusal::NotPossible(format!(
                "{} has no hold that a person can release",
                self.id
            )));
        }
        events.push(Event::HoldsReleased {
            holds,
            by: who,
            why,
        });
        Ok(events)
    }

    /// What is planned is planned again elsewhere by routing; what was handed over is asked back.
    fn reroute(
        &self,
        without: Option<&SupplierId>,
        only: Option<&SupplierId>,
        who: &str,
        why: &str,
    ) -> Result<Vec<Event>, Refusal> {
        let concerned = |own: &&PurchaseOrder| {
            without == Some(&own.supplier) || only.is_some_and(|only| only != &own.supplier)
        };
        if without.is_none() && only.is_none() {
            return Err(Refusal::NotPossible(
                "say which supplier not to use, or which one only".to_owned(),
            ));
        }
        let mut events = vec![Event::RerouteWanted {
            without: without.cloned(),
            only: only.cloned(),
            by: who.to_owned(),
            why: why.to_owned(),
        }];
        for own in self.live().filter(concerned) {
            if matches!(own.sending.state, SendState::Rejected { freed: false, .. }) {
                events.push(Event::PurchaseOrder {
                    number: own.number.clone(),
                    event: SendEvent::RejectionFreed,
                });
            }
            let asked = own
                .cancels
                .iter()
                .any(|request| request.whole && request.is_open());
            if own.sending.is_claimed() && !asked {
                events.push(Event::CancelWanted {
                    number: own.number.clone(),
                    lines: own.everything(),
                    whole: true,
                    why: why.to_owned(),
                });
            }
        }
        Ok(events)
    }
}

/// The hand-over of that id.
fn sending<'a>(own: &'a PurchaseOrder, id: &SendId) -> Result<&'a Sending, Refusal> {
    match id.cancel {
        None => Ok(&own.sending),
        Some(request) => own
            .cancel(request)
            .map(|asked| &asked.sending)
            .ok_or_else(|| Refusal::NotPossible(format!("there is no request {id}"))),
    }
}

/// What of the purchase order is in doubt: itself, or a request to cancel it.
fn in_doubt(own: &PurchaseOrder) -> Result<(SendId, u32), Refusal> {
    let cancels = own
        .numbered_cancels()
        .map(|(request, asked)| (Some(request), &asked.sending));
    std::iter::once((None, &own.sending))
        .chain(cancels)
        .find_map(|(cancel, sending)| match &sending.state {
            SendState::InDoubt { attempt, .. } => Some((
                SendId {
                    number: own.number.clone(),
                    cancel,
                },
                *attempt,
            )),
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::BetweenSteps { .. }
            | SendState::Sent { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => None,
        })
        .ok_or_else(|| {
            Refusal::NotPossible(format!(
                "{} is {}, not in doubt",
                own.number,
                own.sending.state.name()
            ))
        })
}

fn of(id: SendId, event: SendEvent) -> Event {
    let number = id.number;
    match id.cancel {
        None => Event::PurchaseOrder { number, event },
        Some(request) => Event::CancelRequest {
            number,
            request,
            event,
        },
    }
}

/// Foreign text, short and without control characters.
fn printable(text: &str) -> String {
    let kept = text.chars().filter(|character| !character.is_control());
    kept.take(40).collect()
}
