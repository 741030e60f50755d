//! The states of handing one thing over to a supplier: a purchase order, or a request to cancel it.
//!
//! One `match (state, event)` lists every legal pair; everything else is [`Refusal::Illegal`]. The
//! whole matrix is a reviewed snapshot, see the test at the end.

use crate::clock::{Answered, Steady};
use crate::digest::Digest;
use crate::order::answer::{By, LookupFinding, Rejection};
use crate::refusal::Refusal;
use crate::sending::via::Via;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a mail service reports about the delivery of a mail that it took. A greater report outweighs
/// a smaller one, whichever arrives first. That the mail bounced outweighs all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The service tries again.
    Delayed { why: String },
    /// The service gave up on a recipient, or got an answer that may mean so: the supplier may or may
    /// not have the mail.
    Returned { why: String },
    /// The supplier's mail server took it.
    Delivered,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendState {
    /// To be sent from `due` on.
    Planned {
        due: Timestamp,
    },
    /// Claimed by one attempt, which somebody may be carrying out until `resolve_at`. A claim never
    /// expires into a resend: after `resolve_at` it is looked up.
    SendStarted {
        attempt: u32,
        artifact: Digest,
        resolve_at: Timestamp,
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
#[serde(rename_all = "snake_case")]
pub enum SendEvent {
    /// The claim.
    SendStarted {
        attempt: u32,
        artifact: Digest,
        resolve_at: Timestamp,
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
                resolve_at,
                cut_off,
                via: _,
            },
        ) => S::SendStarted {
            attempt: *attempt,
            artifact: artifact.clone(),
            resolve_at: *resolve_at,
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
    pub(super) fn due_at(self, due: Timestamp) -> Self {
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
