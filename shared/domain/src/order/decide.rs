//! Commands and what follows from them.

use super::attention::CaseKind;
use super::event::{By, Event, LookupFinding, Rejection, Routed};
use super::machine::{Cancel, SendEvent, SendState};
use super::news::{ChannelEvent, Payload, merge};
use super::{Order, PurchaseOrder, Refusal};
use crate::digest::Digest;
use crate::forwarding::{self, LOOK_UP_AFTER};
use crate::purchase_order_number::PurchaseOrderNumber;
use jiff::{SignedDuration, Timestamp};

/// What somebody wants of an order.
#[derive(Debug, Clone)]
pub enum Command {
    /// Void what no longer holds, want back what was handed over, plan the rest.
    Route {
        void: Vec<(PurchaseOrderNumber, String)>,
        cancel: Vec<(PurchaseOrderNumber, String)>,
        routed: Box<Routed>,
    },
    /// Claim a purchase order for one attempt.
    StartSend {
        number: PurchaseOrderNumber,
        artifact: Digest,
        settle_at: Timestamp,
    },
    PreparationFailed {
        number: PurchaseOrderNumber,
        why: String,
    },
    RecordOutcome {
        number: PurchaseOrderNumber,
        attempt: u32,
        outcome: Outcome,
    },
    /// A claim passed `settle_at` without an outcome.
    ClaimLapsed {
        number: PurchaseOrderNumber,
        attempt: u32,
    },
    RecordLookup {
        number: PurchaseOrderNumber,
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
    /// A person lets holds through.
    Release {
        who: String,
        why: String,
    },
    Cancel {
        who: String,
        why: String,
    },
}

/// An answer to a send, evidence already stored.
#[derive(Debug, Clone)]
pub enum Outcome {
    Accepted {
        reference: Option<String>,
    },
    Rejected(Rejection),
    NotSent {
        retry_after: Option<SignedDuration>,
        why: String,
    },
    InDoubt {
        why: String,
        evidence: Option<Digest>,
        can_look_up: bool,
    },
}

#[derive(Debug, Clone)]
pub enum Answer {
    Found { reference: Option<String> },
    NotFound(LookupFinding),
}

#[derive(Debug, Clone)]
pub enum Verdict {
    Sent {
        reference: String,
    },
    NotSent,
    /// The supplier took it back, or will ship all the same.
    Cancelled(bool),
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
            } => {
                let mut events: Vec<Event> = void
                    .into_iter()
                    .map(|(number, why)| of(number, SendEvent::PurchaseOrderVoided { why }))
                    .chain(
                        cancel
                            .into_iter()
                            .map(|(number, why)| of(number, SendEvent::CancelWanted { why })),
                    )
                    .collect();
                let nothing_new = routed.purchase_orders.is_empty()
                    && self
                        .routing
                        .as_ref()
                        .is_some_and(|known| known.same_decision(&routed.state))
                    && self.needs_routing.is_none()
                    && events.is_empty();
                if !nothing_new {
                    events.push(Event::Routed(*routed));
                }
                Ok(events)
            }
            Command::StartSend {
                number,
                artifact,
                settle_at,
            } => {
                let own = self.own(&number)?;
                if self.needs_routing.is_some() || self.no_longer_holds(own).is_some() {
                    return Err(Refusal::NoLongerHolds);
                }
                Ok(vec![of(
                    number,
                    SendEvent::SendStarted {
                        attempt: own.attempts + 1,
                        artifact,
                        settle_at,
                    },
                )])
            }
            Command::PreparationFailed { number, why } => {
                let own = self.own(&number)?;
                let known = own.unpreparable.as_ref() == Some(&why)
                    && matches!(&own.send, SendState::Planned { due } if *due > now);
                if known {
                    return Ok(Vec::new());
                }
                Ok(vec![of(
                    number,
                    SendEvent::PreparationFailed {
                        why,
                        retry_at: now + forwarding::PREPARE_AGAIN_AFTER,
                    },
                )])
            }
            Command::RecordOutcome {
                number,
                attempt,
                outcome,
            } => self.record_outcome(number, attempt, outcome, now),
            Command::ClaimLapsed { number, attempt } => {
                let own = self.own(&number)?;
                let lapsed = matches!(&own.send, SendState::SendStarted { attempt: current, settle_at, .. }
                    if *current == attempt && now >= *settle_at);
                let doubt = SendEvent::SendInDoubt {
                    attempt,
                    why: "nobody recorded an outcome in time".to_owned(),
                    evidence: None,
                    look_at: Some(now),
                };
                Ok(lapsed.then(|| of(number, doubt)).into_iter().collect())
            }
            Command::RecordLookup {
                number,
                attempt,
                answer,
                proof_after,
            } => self.record_lookup(number, attempt, answer, proof_after, now),
            Command::Resolve {
                number,
                verdict,
                who,
                why,
            } => self.resolve(number, verdict, By::Person { who, why }, now),
            Command::Release { who, why } => self.release(who, why, now),
            Command::Cancel { who, why } => {
                if self.cancelled_here {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::CancelledByPerson { by: who, why }])
            }
        }
    }

    fn own(&self, number: &PurchaseOrderNumber) -> Result<&PurchaseOrder, Refusal> {
        self.purchase_order(number)
            .ok_or_else(|| Refusal::NoSuchPurchaseOrder(number.clone()))
    }

    /// Valid on any newer version: an outcome that adds nothing to what is known becomes no event.
    fn record_outcome(
        &self,
        number: PurchaseOrderNumber,
        attempt: u32,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(&number)?;
        if attempt == 0 || attempt > own.attempts {
            return Err(Refusal::NoSuchAttempt(attempt));
        }
        let current = match &own.send {
            SendState::SendStarted { attempt, .. } | SendState::InDoubt { attempt, .. } => {
                Some(*attempt)
            }
            SendState::Planned { .. }
            | SendState::Sent { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => None,
        };
        let event = match outcome {
            Outcome::Accepted { reference } => {
                if matches!(&own.send, SendState::Sent { attempt: known, .. } if *known == attempt)
                {
                    return Ok(Vec::new());
                }
                SendEvent::Sent {
                    attempt,
                    reference,
                    by: By::Answer,
                }
            }
            _ if current != Some(attempt) => return Ok(Vec::new()),
            Outcome::Rejected(why) => SendEvent::SendRejected { attempt, why },
            Outcome::NotSent { retry_after, why } => SendEvent::SendDeferred {
                attempt,
                retry_at: now + retry_after.unwrap_or_else(|| forwarding::deferral(own.deferrals)),
                why,
                by: By::Answer,
            },
            Outcome::InDoubt { .. } if matches!(own.send, SendState::InDoubt { .. }) => {
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
        Ok(vec![of(number, event)])
    }

    fn record_lookup(
        &self,
        number: PurchaseOrderNumber,
        attempt: u32,
        answer: Answer,
        proof_after: Option<SignedDuration>,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(&number)?;
        let SendState::InDoubt {
            attempt: current,
            since,
            look_ups,
            ..
        } = &own.send
        else {
            return Ok(Vec::new());
        };
        if *current != attempt {
            return Ok(Vec::new());
        }
        let event = match answer {
            Answer::Found { reference } => SendEvent::Sent {
                attempt,
                reference,
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
        Ok(vec![of(number, event)])
    }

    fn resolve(
        &self,
        number: PurchaseOrderNumber,
        verdict: Verdict,
        by: By,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(&number)?;
        let in_doubt = || match &own.send {
            SendState::InDoubt { attempt, .. } => Ok(*attempt),
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::Sent { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => Err(Refusal::NotPossible(format!(
                "{number} is {}, not in doubt",
                own.send.name()
            ))),
        };
        let event = match verdict {
            Verdict::Sent { reference } => SendEvent::Sent {
                attempt: in_doubt()?,
                reference: Some(reference),
                by,
            },
            Verdict::NotSent => SendEvent::SendDeferred {
                attempt: in_doubt()?,
                retry_at: now,
                why: "a person found that it is not there".to_owned(),
                by,
            },
            Verdict::Cancelled(accepted) => {
                if own.cancel != Cancel::Wanted || !matches!(own.send, SendState::Sent { .. }) {
                    return Err(Refusal::NotPossible(format!(
                        "no cancel of {number} is open"
                    )));
                }
                SendEvent::CancelSettled { accepted, by }
            }
        };
        Ok(vec![of(number, event)])
    }

    fn release(&self, who: String, why: String, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let mut events: Vec<Event> = self
            .purchase_orders
            .iter()
            .filter(|own| matches!(own.send, SendState::Rejected { freed: false, .. }))
            .map(|own| of(own.number.clone(), SendEvent::RejectionFreed))
            .collect();
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
}

fn of(number: PurchaseOrderNumber, event: SendEvent) -> Event {
    Event::PurchaseOrder { number, event }
}
