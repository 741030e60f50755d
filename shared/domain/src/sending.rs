//! Sending one thing to a supplier once: its state with everything that decides what may be done next.

pub mod machine;
pub mod subject;
pub mod timing;
pub mod via;

use crate::digest::Digest;
use crate::order::answer::{By, Progress};
use crate::refusal::Refusal;
use crate::sending::machine::{Delivery, SendEvent, SendState, transition};
use crate::sending::timing::{DELIVERED_WITHIN, REPORTED_WITHIN};
use crate::sending::via::Via;
use jiff::Timestamp;
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

/// The word for a mail that lies in the outbox, where nobody sends it.
pub const IN_THE_OUTBOX: &str = "in the outbox";

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
                    By::Answer | By::Notice | By::MailService | By::Configuration => {
                        self.deferrals += 1;
                    }
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
