//! The states of handing one thing over to a supplier: a purchase order, or a request to cancel it.
//!
//! One `match (state, event)` lists every legal pair; everything else is [`Refusal::Illegal`]. The
//! whole matrix is a reviewed snapshot, see the test at the end.

use super::Refusal;
use super::answer::{Progress, Rejection};
use super::event::{By, LookupFinding};
use super::via::Via;
use crate::clock::{Answered, Steady};
use crate::digest::Digest;
use crate::forwarding::{DELIVERED_WITHIN, REPORTED_WITHIN};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Handing one thing over, with everything that decides what may be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    pub state: SendState,
    /// Steps that are done, where the supplier wants several.
    pub progress: Progress,
    /// Claims made, those of every step.
    pub attempts: u32,
    /// Deferrals in a row.
    pub deferrals: u32,
    /// An attempt of ours at this step was once in doubt, so "already exists" may mean us.
    pub doubted: bool,
    /// Why no artifact can be made of it, or nobody can look it up, where that is so.
    pub unpreparable: Option<String>,
    /// When that was first found.
    pub unpreparable_since: Option<Timestamp>,
    /// Since when nothing of ours keeps it back: the merchant's calendar, the supplier's and a
    /// chosen delay are over.
    pub ready_since: Timestamp,
    /// What it waited for the last time it could not go, in our words.
    pub waits_because: Option<String>,
    /// The artifact of the last attempt and how that attempt reached the supplier; what was put off
    /// before any attempt has only the way.
    pub last: LastAttempt,
    /// How the last step that is done reached the supplier.
    pub done_via: Option<Via>,
    /// When an attempt first came into doubt, since it was last sent.
    pub first_doubt_at: Option<Timestamp>,
    /// When the data was last restored from a copy, as far as this was put into doubt for it.
    pub suspected_for: Option<Timestamp>,
    /// Attempts in a row whose absence at the supplier was proved.
    pub absences: u32,
    /// Nothing is tried by itself any more: a person asks for it, or changed settings do.
    pub waits_for_person: bool,
    /// When somebody last asked to try again at once.
    pub retry_requested_at: Option<Timestamp>,
    /// Attempts that the supplier took, or the mail service for it.
    pub accepted: BTreeSet<u32>,
    /// Attempts whose mail came back.
    pub bounced: BTreeSet<u32>,
    /// What the mail service reports about the delivery, by attempt; the greatest report counts.
    pub deliveries: BTreeMap<u32, Delivery>,
}

/// What a mail service reports about the delivery of a mail that it took. A greater report outweighs
/// a smaller one, whichever arrives first. That the mail bounced outweighs all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Delivery {
    /// The service tries again.
    Delayed { why: String },
    /// The service gave up on a recipient, or got an answer that may mean so: the supplier may or may
    /// not have the mail.
    Returned { why: String },
    /// The supplier's mail server took it.
    Delivered,
}

/// A mail that was sent, and of which no report says that it was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    pub sent_at: Timestamp,
    /// It is a case from then on.
    pub overdue_at: Timestamp,
    pub why: String,
}

/// What the last attempt sent and how, so that a change of either is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LastAttempt {
    pub artifact: Option<Digest>,
    pub via: Option<Via>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendState {
    /// To be sent from `due` on.
    Planned {
        due: Timestamp,
    },
    /// Claimed by one attempt, which somebody may be carrying out until `settle_at`. A claim never
    /// expires into a resend: after `settle_at` it is looked up.
    SendStarted {
        attempt: u32,
        artifact: Digest,
        settle_at: Timestamp,
        /// Of the batch it was claimed for, whose file settles it.
        cut_off: Option<Timestamp>,
    },
    /// A step is done and the next may be claimed from `due` on. The supplier has a draft.
    BetweenSteps {
        due: Timestamp,
    },
    /// The supplier may or may not have it. Attempt 0 stands for whatever was done after a copy was
    /// made that the data was restored from.
    InDoubt {
        attempt: u32,
        since: Timestamp,
        look_ups: LookUps,
    },
    Sent {
        attempt: u32,
        at: Timestamp,
        /// The supplier's own numbers for it.
        references: Vec<String>,
    },
    Rejected {
        attempt: u32,
        at: Timestamp,
        why: Rejection,
        /// Its units may be planned again.
        freed: bool,
        /// By itself, so that this supplier is out for them; otherwise a person freed them.
        route_again: bool,
    },
    Voided {
        why: String,
    },
}

/// The word for a mail that lies in the outbox, where nobody sends it.
pub const IN_THE_OUTBOX: &str = "in the outbox";

/// Look-ups made to settle one doubt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LookUps {
    pub done: u32,
    /// `None`: no further look-up; a person decides.
    pub next_at: Option<Timestamp>,
    /// The first of the agreeing "not there" answers.
    pub absent: Option<Answered>,
}

impl LookUps {
    /// How long it surely was not there, by this answer and those before it.
    pub fn absent_for(&self, answered: &Answered) -> SignedDuration {
        let first = self.absent.as_ref();
        first
            .and_then(|first| answered.after(first))
            .unwrap_or_default()
    }

    /// From which the time is counted that proves an absence: an earlier answer whose distance to
    /// this one some clock tells, else this one.
    fn first_absence(&self, answered: Answered) -> Answered {
        match &self.absent {
            Some(first) if answered.after(first).is_some() => first.clone(),
            Some(_) | None => answered,
        }
    }
}

/// What happened to a hand-over after it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SendEvent {
    /// The claim.
    SendStarted {
        attempt: u32,
        artifact: Digest,
        settle_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut_off: Option<Timestamp>,
        via: Via,
    },
    /// One of several steps is done; the next has a claim of its own.
    SendStepDone {
        attempt: u32,
        step: String,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        extracted: BTreeMap<String, Vec<String>>,
        by: By,
    },
    Sent {
        attempt: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        references: Vec<String>,
        /// Who says so: the supplier's answer, a look-up, or a person.
        by: By,
    },
    SendRejected {
        attempt: u32,
        why: Rejection,
        /// Its units are planned again at once, without this supplier.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        route_again: bool,
    },
    /// The mail service took the mail, and then could not deliver it.
    SendBounced {
        attempt: u32,
        why: Rejection,
    },
    /// What became of the delivery of a mail that the mail service took.
    DeliveryReported {
        attempt: u32,
        delivery: Delivery,
        by: By,
    },
    SendInDoubt {
        attempt: u32,
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        look_at: Option<Timestamp>,
    },
    /// The data was restored from a copy, and nobody knows what was sent after the copy was made.
    SuspectedSent {
        restored_at: Timestamp,
        /// How it would go by the settings in force: only that way may prove that it did not, where
        /// no attempt is on record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<Via>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        look_at: Option<Timestamp>,
    },
    /// Surely not sent, or its absence proved.
    SendDeferred {
        attempt: u32,
        /// `None`: it is tried again only when somebody asks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
        why: String,
        by: By,
    },
    /// Not tried, since the supplier takes nothing before `until`.
    SendPostponed {
        until: Timestamp,
        why: String,
        /// How it would have gone.
        via: Via,
    },
    /// A look-up that did not settle the doubt.
    LookedUp {
        attempt: u32,
        finding: LookupFinding,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_at: Option<Timestamp>,
        /// What the answer's own `Date` says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        date: Option<Timestamp>,
        steady: Steady,
    },
    /// No artifact can be made, or a doubt cannot be looked up; tried again at `retry_at` and when
    /// the configuration changes.
    PreparationFailed {
        why: String,
        retry_at: Timestamp,
    },
    /// An artifact can be made again after [`SendEvent::PreparationFailed`].
    Prepared,
    /// It is tried, or looked up, at once, whatever was waited for.
    RetryRequested {
        by: By,
    },
    PurchaseOrderVoided {
        why: String,
    },
    /// A person let the units of a rejection be planned again.
    RejectionFreed,
}

impl Sending {
    pub fn planned(due: Timestamp) -> Self {
        Self {
            state: SendState::Planned { due },
            progress: Progress::default(),
            attempts: 0,
            deferrals: 0,
            doubted: false,
            unpreparable: None,
            unpreparable_since: None,
            ready_since: due,
            waits_because: None,
            last: LastAttempt::default(),
            done_via: None,
            first_doubt_at: None,
            suspected_for: None,
            absences: 0,
            waits_for_person: false,
            retry_requested_at: None,
            accepted: BTreeSet::new(),
            bounced: BTreeSet::new(),
            deliveries: BTreeMap::new(),
        }
    }

    /// Puts one event onto the state; one that the state does not allow is refused.
    pub fn apply(&mut self, event: &SendEvent, at: Timestamp) -> Result<(), Refusal> {
        use SendEvent as E;
        let mut next = transition(&self.state, !self.progress.is_start(), event, at)?;
        match event {
            E::SendStarted {
                attempt,
                artifact,
                via,
                ..
            } => {
                self.attempts = *attempt;
                self.unpreparable = None;
                self.waits_because = None;
                self.last = LastAttempt {
                    artifact: Some(artifact.clone()),
                    via: Some(via.clone()),
                };
            }
            E::SendStepDone {
                attempt,
                step,
                extracted,
                ..
            } => {
                if *attempt == 0 {
                    // The next step may have been done since the copy was made, too.
                    self.suspected_for = None;
                }
                self.progress = std::mem::take(&mut self.progress).with(step, extracted.clone());
                self.done_via = std::mem::take(&mut self.last).via;
                self.doubted = false;
                self.deferrals = 0;
                self.absences = 0;
                self.unpreparable = None;
                self.ready_since = at;
            }
            E::SendDeferred {
                by, why, retry_at, ..
            } => {
                match by {
                    // To go with the next batch is no failure.
                    By::Batch => self.ready_since = retry_at.unwrap_or(at),
                    // It was in doubt until now, which was a case of its own.
                    By::LookUp | By::Person { .. } => {
                        self.deferrals += 1;
                        self.absences += u32::from(*by == By::LookUp);
                        self.ready_since = at;
                    }
                    By::Answer | By::MailService | By::Configuration => self.deferrals += 1,
                }
                self.waits_for_person = retry_at.is_none();
                self.waits_because = Some(why.clone());
                self.unpreparable = None;
            }
            E::SendPostponed { why, via, .. } => {
                self.waits_because = Some(why.clone());
                self.last.via = Some(via.clone());
            }
            E::SendInDoubt { .. } => {
                self.doubted = true;
                self.first_doubt_at.get_or_insert(at);
            }
            E::SuspectedSent {
                restored_at, via, ..
            } => {
                self.doubted = true;
                self.first_doubt_at.get_or_insert(at);
                self.suspected_for = Some(*restored_at);
                self.unpreparable = None;
                self.waits_because = None;
                self.waits_for_person = false;
                if self.last.via.is_none() {
                    self.last.via.clone_from(via);
                }
            }
            E::Sent { attempt, by, .. } => {
                self.accepted.insert(*attempt);
                // A person asked the supplier, who has it.
                if matches!(by, By::Person { .. }) {
                    self.deliveries.insert(*attempt, Delivery::Delivered);
                }
                self.deferrals = 0;
                self.absences = 0;
                self.first_doubt_at = None;
            }
            E::SendBounced { attempt, .. } => {
                self.bounced.insert(*attempt);
            }
            E::DeliveryReported {
                attempt, delivery, ..
            } => {
                self.deliveries.insert(*attempt, delivery.clone());
            }
            E::PreparationFailed { why, .. } => {
                self.unpreparable = Some(why.clone());
                self.unpreparable_since.get_or_insert(at);
            }
            E::Prepared => {
                self.unpreparable = None;
                next = next.due_at(self.ready_since.max(at));
            }
            E::RetryRequested { .. } => {
                self.absences = 0;
                self.waits_for_person = false;
                self.retry_requested_at = Some(at);
            }
            E::LookedUp { .. } => self.unpreparable = None,
            E::SendRejected { .. } | E::PurchaseOrderVoided { .. } | E::RejectionFreed => {}
        }
        if self.unpreparable.is_none() {
            self.unpreparable_since = None;
        }
        self.state = next;
        Ok(())
    }

    /// The supplier took it by more than one attempt: severity 1.
    pub fn is_sent_twice(&self) -> bool {
        self.accepted.difference(&self.bounced).count() > 1
    }

    /// It came back after it was sent, so that the supplier has not seen it.
    pub fn has_bounced(&self) -> bool {
        matches!(&self.state, SendState::Rejected { attempt, .. } if self.bounced.contains(attempt))
    }

    /// One word for people. A mail that lies in the outbox was sent as far as we are concerned, and
    /// nobody has it yet.
    pub fn word(&self) -> &'static str {
        let via = self.last.via.as_ref();
        let lies_here = via.is_some_and(|via| via.method == "mail" && via.file.is_some());
        if lies_here && matches!(self.state, SendState::Sent { .. }) {
            IN_THE_OUTBOX
        } else {
            self.state.name()
        }
    }

    /// The report of a delivery is overdue: a person has to ask.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.unconfirmed()
            .is_some_and(|mail| now >= mail.overdue_at)
    }

    /// The mail service took its mail, and has not reported that it was delivered. `None` where nobody
    /// reports deliveries, too.
    pub fn unconfirmed(&self) -> Option<Unconfirmed> {
        let SendState::Sent { at, .. } = &self.state else {
            return None;
        };
        let reports = self
            .last
            .via
            .as_ref()
            .is_some_and(|via| via.reports_delivery);
        let best = self
            .accepted
            .difference(&self.bounced)
            .filter_map(|attempt| self.deliveries.get(attempt))
            .max();
        let (within, why) = match best {
            Some(Delivery::Delivered) => return None,
            None if !reports => return None,
            None => (
                REPORTED_WITHIN,
                "the mail service took it and reports neither delivery nor failure".to_owned(),
            ),
            Some(Delivery::Delayed { why }) => (
                DELIVERED_WITHIN,
                format!("the mail service reported a delay and nothing since: {why}"),
            ),
            Some(Delivery::Returned { why }) => (
                REPORTED_WITHIN,
                format!("the mail service may not have delivered it: {why}"),
            ),
        };
        Some(Unconfirmed {
            sent_at: *at,
            overdue_at: *at + within,
            why,
        })
    }

    /// Somebody began to send it, so the supplier may have it, or has a part of it.
    pub fn is_claimed(&self) -> bool {
        matches!(
            self.state,
            SendState::SendStarted { .. }
                | SendState::BetweenSteps { .. }
                | SendState::InDoubt { .. }
                | SendState::Sent { .. }
        )
    }

    pub fn is_sent(&self) -> bool {
        matches!(self.state, SendState::Sent { .. })
    }

    /// Since when it is in doubt, or was before it was found to be absent.
    pub fn doubt_since(&self, now_since: Timestamp) -> Timestamp {
        self.first_doubt_at.unwrap_or(now_since)
    }

    /// It could not go when it was last tried, and waits only for that: other settings may let it go.
    pub fn is_kept_back(&self, now: Timestamp) -> bool {
        let waits = matches!(
            self.state,
            SendState::Planned { .. } | SendState::BetweenSteps { .. }
        );
        waits && self.waits_because.is_some() && now >= self.ready_since
    }

    /// Whether what the last attempt sent, or the way it went, is another now.
    pub fn differs_from_last(&self, artifact: &Digest, via: &Via) -> bool {
        let other_artifact = self.last.artifact.as_ref() != Some(artifact);
        self.last.via.as_ref() != Some(via) || (self.last.artifact.is_some() && other_artifact)
    }

    /// It may have been sent after the copy was made that the data was restored from, and what of it
    /// is known has not been settled since.
    pub fn is_suspected(&self) -> bool {
        matches!(self.state, SendState::InDoubt { attempt: 0, .. })
    }

    /// The supplier's own numbers for it, once it is sent.
    pub fn references(&self) -> &[String] {
        match &self.state {
            SendState::Sent { references, .. } => references,
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::BetweenSteps { .. }
            | SendState::InDoubt { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => &[],
        }
    }
}

/// State after the event. `begun`: an earlier step is done.
///
/// An outcome names its attempt, so it is valid on any newer version of the order, and a late
/// outcome of an older attempt is recorded wherever it says more than is known.
pub fn transition(
    state: &SendState,
    begun: bool,
    event: &SendEvent,
    at: Timestamp,
) -> Result<SendState, Refusal> {
    use SendEvent as E;
    use SendState as S;
    let open = |due: Timestamp| {
        if begun {
            S::BetweenSteps { due }
        } else {
            S::Planned { due }
        }
    };
    let next = match (state, event) {
        (
            S::Planned { .. } | S::BetweenSteps { .. },
            E::SendStarted {
                attempt,
                artifact,
                settle_at,
                cut_off,
                via: _,
            },
        ) => S::SendStarted {
            attempt: *attempt,
            artifact: artifact.clone(),
            settle_at: *settle_at,
            cut_off: *cut_off,
        },
        (S::Planned { .. } | S::BetweenSteps { .. }, E::SendPostponed { until, .. }) => {
            open(*until)
        }
        // What is not due yet stays so: it must not go before its time once it can be prepared.
        (S::Planned { due } | S::BetweenSteps { due }, E::PreparationFailed { retry_at, .. }) => {
            open(if *due > at { *due } else { *retry_at })
        }
        (S::Planned { due } | S::BetweenSteps { due }, E::Prepared) => open(*due),
        (S::Planned { .. } | S::BetweenSteps { .. }, E::RetryRequested { .. }) => open(at),
        (
            S::InDoubt {
                attempt,
                since,
                look_ups,
            },
            E::RetryRequested { .. },
        ) => S::InDoubt {
            attempt: *attempt,
            since: *since,
            look_ups: LookUps {
                next_at: Some(at),
                ..look_ups.clone()
            },
        },
        (
            S::InDoubt {
                attempt,
                since,
                look_ups,
            },
            E::PreparationFailed { retry_at, .. },
        ) => S::InDoubt {
            attempt: *attempt,
            since: *since,
            look_ups: LookUps {
                next_at: Some(*retry_at),
                ..look_ups.clone()
            },
        },
        // Between steps only a person may give it up, who knows what becomes of the draft.
        (S::Planned { .. } | S::BetweenSteps { .. }, E::PurchaseOrderVoided { why }) => {
            S::Voided { why: why.clone() }
        }

        (
            S::SendStarted { attempt: own, .. } | S::InDoubt { attempt: own, .. },
            E::SendStepDone { attempt, .. },
        ) if own == attempt => S::BetweenSteps { due: at },
        (
            S::SendStarted { attempt: own, .. } | S::InDoubt { attempt: own, .. },
            E::SendDeferred {
                attempt, retry_at, ..
            },
        ) if own == attempt => open(retry_at.unwrap_or(at)),
        (
            S::SendStarted { attempt: own, .. } | S::InDoubt { attempt: own, .. },
            E::SendRejected {
                attempt,
                why,
                route_again,
            },
        ) if own == attempt => S::Rejected {
            attempt: *attempt,
            at,
            why: why.clone(),
            freed: *route_again,
            route_again: *route_again,
        },
        // It may be known before the outcome of the send, or settle a doubt about it.
        (
            S::SendStarted { attempt: own, .. }
            | S::InDoubt { attempt: own, .. }
            | S::Sent { attempt: own, .. },
            E::SendBounced { attempt, why },
        ) if own == attempt => S::Rejected {
            attempt: *attempt,
            at,
            why: why.clone(),
            freed: false,
            route_again: false,
        },
        (
            S::SendStarted { attempt: own, .. },
            E::SendInDoubt {
                attempt, look_at, ..
            },
        ) if own == attempt => S::InDoubt {
            attempt: *attempt,
            since: at,
            look_ups: LookUps {
                next_at: *look_at,
                ..LookUps::default()
            },
        },
        // What looked it up before knew nothing of what the copy does not.
        (
            S::Planned { .. } | S::BetweenSteps { .. } | S::SendStarted { .. } | S::InDoubt { .. },
            E::SuspectedSent { look_at, .. },
        ) => S::InDoubt {
            attempt: 0,
            since: at,
            look_ups: LookUps {
                next_at: *look_at,
                ..LookUps::default()
            },
        },
        (
            S::InDoubt {
                attempt: own,
                since,
                look_ups,
            },
            E::LookedUp {
                attempt,
                finding,
                next_at,
                date,
                steady,
            },
        ) if own == attempt => S::InDoubt {
            attempt: *attempt,
            since: *since,
            look_ups: LookUps {
                done: look_ups.done + 1,
                next_at: *next_at,
                absent: match finding {
                    LookupFinding::Absent => Some(look_ups.first_absence(Answered {
                        at,
                        date: *date,
                        steady: steady.clone(),
                    })),
                    LookupFinding::Unclear => None,
                },
            },
        },

        // Sent is the strongest news: the supplier has it, whatever we believed. Sent on Sent by
        // another attempt is recorded and is a severity-1 case.
        (
            S::SendStarted { .. }
            | S::BetweenSteps { .. }
            | S::InDoubt { .. }
            | S::Planned { .. }
            | S::Rejected { .. }
            | S::Voided { .. },
            E::Sent {
                attempt,
                references,
                ..
            },
        ) => S::Sent {
            attempt: *attempt,
            at,
            references: references.clone(),
        },
        (S::Sent { attempt: own, .. }, E::Sent { attempt, .. }) if own != attempt => state.clone(),
        // Of whichever attempt the service took.
        (S::Sent { .. }, E::DeliveryReported { .. }) => state.clone(),

        (
            S::Rejected {
                attempt,
                at,
                why,
                freed: false,
                route_again,
            },
            E::RejectionFreed,
        ) => S::Rejected {
            attempt: *attempt,
            at: *at,
            why: why.clone(),
            freed: true,
            route_again: *route_again,
        },
        _ => {
            return Err(Refusal::Illegal {
                state: state.name().to_owned(),
                event: event.name().to_owned(),
            });
        }
    };
    Ok(next)
}

impl SendState {
    /// The same, to be sent from then on, where it waits to be sent.
    fn due_at(self, due: Timestamp) -> Self {
        match self {
            Self::Planned { .. } => Self::Planned { due },
            Self::BetweenSteps { .. } => Self::BetweenSteps { due },
            Self::SendStarted { .. }
            | Self::InDoubt { .. }
            | Self::Sent { .. }
            | Self::Rejected { .. }
            | Self::Voided { .. } => self,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Planned { .. } => "planned",
            Self::SendStarted { .. } => "being sent",
            Self::BetweenSteps { .. } => "between steps",
            Self::InDoubt { .. } => "in doubt",
            Self::Sent { .. } => "sent",
            Self::Rejected { .. } => "rejected",
            Self::Voided { .. } => "voided",
        }
    }
}

impl SendEvent {
    pub fn name(&self) -> &'static str {
        match self {
            Self::SendStarted { .. } => "SendStarted",
            Self::SendStepDone { .. } => "SendStepDone",
            Self::Sent { .. } => "Sent",
            Self::SendRejected { .. } => "SendRejected",
            Self::SendBounced { .. } => "SendBounced",
            Self::DeliveryReported { .. } => "DeliveryReported",
            Self::SendInDoubt { .. } => "SendInDoubt",
            Self::SuspectedSent { .. } => "SuspectedSent",
            Self::SendDeferred { .. } => "SendDeferred",
            Self::SendPostponed { .. } => "SendPostponed",
            Self::LookedUp { .. } => "LookedUp",
            Self::PreparationFailed { .. } => "PreparationFailed",
            Self::Prepared => "Prepared",
            Self::RetryRequested { .. } => "RetryRequested",
            Self::PurchaseOrderVoided { .. } => "PurchaseOrderVoided",
            Self::RejectionFreed => "RejectionFreed",
        }
    }
}

#[cfg(test)]
mod tests;
