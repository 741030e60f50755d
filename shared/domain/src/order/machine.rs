//! The states of sending one purchase order, and of taking it back.
//!
//! One `match (state, event)` lists every legal pair; everything else is [`Refusal::Illegal`]. The
//! whole matrix is a reviewed snapshot, see the test at the end.

use super::Refusal;
use super::answer::Rejection;
use super::event::{By, LookupFinding};
use crate::digest::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    },
    /// The supplier may or may not have it.
    InDoubt {
        attempt: u32,
        artifact: Digest,
        since: Timestamp,
        look_ups: LookUps,
    },
    Sent {
        attempt: u32,
        at: Timestamp,
        reference: Option<String>,
    },
    /// `freed`: a person let its units be planned again.
    Rejected {
        attempt: u32,
        why: Rejection,
        freed: bool,
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
    /// When the first of the agreeing "not there" answers came.
    pub absent_since: Option<Timestamp>,
}

/// Taking back, independent of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cancel {
    None,
    /// Wanted before the outcome is known, or after it was sent.
    Wanted,
    Accepted,
    Refused,
}

/// What happened to a purchase order after it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SendEvent {
    /// The claim.
    SendStarted {
        attempt: u32,
        artifact: Digest,
        settle_at: Timestamp,
    },
    Sent {
        attempt: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// Who says so: the supplier's answer, a look-up, or a person.
        by: By,
    },
    SendRejected {
        attempt: u32,
        why: Rejection,
    },
    SendInDoubt {
        attempt: u32,
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        look_at: Option<Timestamp>,
    },
    /// Surely not sent, or its absence proved.
    SendDeferred {
        attempt: u32,
        retry_at: Timestamp,
        why: String,
        by: By,
    },
    /// A look-up that did not settle the doubt.
    LookedUp {
        attempt: u32,
        finding: LookupFinding,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_at: Option<Timestamp>,
    },
    /// No artifact can be made; tried again at `retry_at` and when the configuration changes.
    PreparationFailed {
        why: String,
        retry_at: Timestamp,
    },
    PurchaseOrderVoided {
        why: String,
    },
    CancelWanted {
        why: String,
    },
    /// A person settled with the supplier whether it still ships.
    CancelSettled {
        accepted: bool,
        by: By,
    },
    /// A person let the units of a rejection be planned again.
    RejectionFreed,
}

/// State and cancel field after the event.
///
/// An outcome names its attempt, so it is valid on any newer version of the order, and a late
/// outcome of an older attempt is recorded wherever it says more than is known.
pub fn transition(
    state: &SendState,
    cancel: Cancel,
    event: &SendEvent,
    at: Timestamp,
) -> Result<(SendState, Cancel), Refusal> {
    use SendEvent as E;
    use SendState as S;
    let illegal = || {
        Err(Refusal::Illegal {
            state: format!(
                "{}{}",
                state.name(),
                if cancel == Cancel::None {
                    ""
                } else {
                    ", cancel pending"
                }
            ),
            event: event.name().to_owned(),
        })
    };
    let next = match (state, event) {
        (
            S::Planned { .. },
            E::SendStarted {
                attempt,
                artifact,
                settle_at,
            },
        ) if cancel == Cancel::None => S::SendStarted {
            attempt: *attempt,
            artifact: artifact.clone(),
            settle_at: *settle_at,
        },
        (S::Planned { .. }, E::PreparationFailed { retry_at, .. }) => S::Planned { due: *retry_at },
        (S::Planned { .. }, E::PurchaseOrderVoided { why }) => S::Voided { why: why.clone() },

        (
            S::SendStarted { attempt: own, .. } | S::InDoubt { attempt: own, .. },
            E::SendDeferred {
                attempt, retry_at, ..
            },
        ) if own == attempt => S::Planned { due: *retry_at },
        (
            S::SendStarted { attempt: own, .. } | S::InDoubt { attempt: own, .. },
            E::SendRejected { attempt, why },
        ) if own == attempt => S::Rejected {
            attempt: *attempt,
            why: why.clone(),
            freed: false,
        },
        (
            S::SendStarted {
                attempt: own,
                artifact,
                ..
            },
            E::SendInDoubt {
                attempt, look_at, ..
            },
        ) if own == attempt => S::InDoubt {
            attempt: *attempt,
            artifact: artifact.clone(),
            since: at,
            look_ups: LookUps {
                next_at: *look_at,
                ..LookUps::default()
            },
        },
        (
            S::InDoubt {
                attempt: own,
                artifact,
                since,
                look_ups,
            },
            E::LookedUp {
                attempt,
                finding,
                next_at,
            },
        ) if own == attempt => S::InDoubt {
            attempt: *attempt,
            artifact: artifact.clone(),
            since: *since,
            look_ups: LookUps {
                done: look_ups.done + 1,
                next_at: *next_at,
                absent_since: match finding {
                    LookupFinding::Absent => look_ups.absent_since.or(Some(at)),
                    LookupFinding::Unclear => None,
                },
            },
        },

        // Sent is the strongest news: the supplier has it, whatever we believed. Sent on Sent by
        // another attempt is recorded and is a severity-1 case.
        (
            S::SendStarted { .. }
            | S::InDoubt { .. }
            | S::Planned { .. }
            | S::Rejected { .. }
            | S::Voided { .. },
            E::Sent {
                attempt, reference, ..
            },
        ) => S::Sent {
            attempt: *attempt,
            at,
            reference: reference.clone(),
        },
        (S::Sent { attempt: own, .. }, E::Sent { attempt, .. }) if own != attempt => state.clone(),

        (
            S::Rejected {
                attempt,
                why,
                freed: false,
            },
            E::RejectionFreed,
        ) => S::Rejected {
            attempt: *attempt,
            why: why.clone(),
            freed: true,
        },

        (S::SendStarted { .. } | S::InDoubt { .. } | S::Sent { .. }, E::CancelWanted { .. })
            if cancel == Cancel::None =>
        {
            return Ok((state.clone(), Cancel::Wanted));
        }
        (S::Sent { .. }, E::CancelSettled { accepted, .. }) if cancel == Cancel::Wanted => {
            return Ok((
                state.clone(),
                if *accepted {
                    Cancel::Accepted
                } else {
                    Cancel::Refused
                },
            ));
        }
        _ => return illegal(),
    };
    // A cancel that waited for the outcome has nothing left to take back once it is surely unsent.
    let next = match (next, cancel) {
        (S::Planned { .. }, Cancel::Wanted) => S::Voided {
            why: "cancelled before it was sent".to_owned(),
        },
        (S::Rejected { attempt, why, .. }, Cancel::Wanted) => S::Rejected {
            attempt,
            why,
            freed: true,
        },
        (next, _) => next,
    };
    // News that a voided purchase order was sent after all makes the cancel a request.
    let cancel = match (state, &next) {
        (S::Voided { .. }, S::Sent { .. }) => Cancel::Wanted,
        (_, S::Voided { .. }) => Cancel::None,
        _ => cancel,
    };
    Ok((next, cancel))
}

impl SendState {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Planned { .. } => "planned",
            Self::SendStarted { .. } => "being sent",
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
            Self::Sent { .. } => "Sent",
            Self::SendRejected { .. } => "SendRejected",
            Self::SendInDoubt { .. } => "SendInDoubt",
            Self::SendDeferred { .. } => "SendDeferred",
            Self::LookedUp { .. } => "LookedUp",
            Self::PreparationFailed { .. } => "PreparationFailed",
            Self::PurchaseOrderVoided { .. } => "PurchaseOrderVoided",
            Self::CancelWanted { .. } => "CancelWanted",
            Self::CancelSettled { .. } => "CancelSettled",
            Self::RejectionFreed => "RejectionFreed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state against every event, of the state's own attempt and of an older one.
    #[test]
    fn matrix() {
        let at = Timestamp::from_second(1_767_225_600).unwrap();
        let artifact = Digest::of(b"artifact");
        let why = || Rejection {
            reason: super::super::answer::RejectionReason::Unknown,
            detail: "HTTP 422".into(),
            evidence: None,
        };
        let states = [
            SendState::Planned { due: at },
            SendState::SendStarted {
                attempt: 2,
                artifact: artifact.clone(),
                settle_at: at,
            },
            SendState::InDoubt {
                attempt: 2,
                artifact: artifact.clone(),
                since: at,
                look_ups: LookUps::default(),
            },
            SendState::Sent {
                attempt: 2,
                at,
                reference: None,
            },
            SendState::Rejected {
                attempt: 2,
                why: why(),
                freed: false,
            },
            SendState::Voided {
                why: "edited".into(),
            },
        ];
        let events = |attempt| {
            [
                SendEvent::SendStarted {
                    attempt,
                    artifact: artifact.clone(),
                    settle_at: at,
                },
                SendEvent::Sent {
                    attempt,
                    reference: None,
                    by: By::Answer,
                },
                SendEvent::SendRejected {
                    attempt,
                    why: why(),
                },
                SendEvent::SendInDoubt {
                    attempt,
                    why: "timeout".into(),
                    evidence: None,
                    look_at: None,
                },
                SendEvent::SendDeferred {
                    attempt,
                    retry_at: at,
                    why: "refused".into(),
                    by: By::Answer,
                },
                SendEvent::LookedUp {
                    attempt,
                    finding: LookupFinding::Absent,
                    next_at: None,
                },
                SendEvent::PreparationFailed {
                    why: "no city".into(),
                    retry_at: at,
                },
                SendEvent::PurchaseOrderVoided {
                    why: "edited".into(),
                },
                SendEvent::CancelWanted {
                    why: "cancelled".into(),
                },
                SendEvent::CancelSettled {
                    accepted: true,
                    by: By::Answer,
                },
                SendEvent::RejectionFreed,
            ]
        };
        let mut lines = Vec::new();
        for state in &states {
            for cancel in [Cancel::None, Cancel::Wanted] {
                for (label, attempt) in [("own", 2), ("older", 1)] {
                    for event in events(attempt) {
                        if let Ok((next, after)) = transition(state, cancel, &event, at) {
                            lines.push(format!(
                                "{:<10} {cancel:?}  + {:<20} ({label})  -> {:<10} {after:?}",
                                state.name(),
                                event.name(),
                                next.name()
                            ));
                        }
                    }
                }
            }
        }
        insta::assert_snapshot!("send_matrix", lines.join("\n"));
    }
}
