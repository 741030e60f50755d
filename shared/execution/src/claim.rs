//! The claim: who commits it may send, and nobody else, until it is known what became of it.

use crate::commit::{NotCommitted, commit_once};
use crate::send::SendStep;
use domain::digest::Digest;
use domain::order::decide::Command;
use domain::order::{Order, Refusal};
use domain::sending::Sending;
use domain::sending::subject::SendSubject;
use domain::sending::via::Via;
use jiff::Timestamp;
use ports::{Artifact, Attempt, Moment, Provenance, StepError};

pub struct Claim {
    pub(crate) attempt: Attempt,
    pub(crate) via: Via,
    pub(crate) at: Moment,
    /// The order with the claim.
    pub(crate) after: Box<Order>,
}

impl SendStep<'_> {
    /// The claim is made on the very version that was looked at: anybody's step since makes it stale,
    /// and then everything is looked at again. `None` where somebody else holds it or it no longer
    /// holds. `cut_off` is that of the batch it is claimed for.
    pub async fn claim(
        &self,
        artifact: &Artifact,
        cut_off: Option<Timestamp>,
    ) -> Result<Option<Claim>, StepError> {
        let moment = self.execution.clock.moment();
        let at = moment.at;
        if !self.may_be_claimed().await? {
            return Ok(None);
        }
        let via = self.via();
        let claim = Command::StartSend {
            id: self.subject.clone(),
            artifact: Digest::of(&artifact.bytes),
            resolve_at: self.ended_at(at),
            cut_off,
            via: via.clone(),
        };
        let events = match self.order.decide(claim, at) {
            Ok(events) => events,
            Err(Refusal::Illegal { .. } | Refusal::NoLongerHolds) => return Ok(None),
            Err(refusal) => return Err(refusal.into()),
        };
        let orders = self.execution.orders.as_ref();
        let after = match commit_once(orders, self.order, events.into(), at).await {
            Ok(after) => Box::new(after),
            Err(NotCommitted::Conflict(_)) => return Err(StepError::Conflict),
            Err(NotCommitted::Refused(refusal)) => return Err(refusal.into()),
            Err(NotCommitted::Failed(error)) => return Err(error),
        };
        let mut attempt = attempt(self.subject, self.sending);
        attempt.attempt += 1;
        Ok(Some(Claim {
            attempt,
            via,
            at: moment,
            after,
        }))
    }

    /// Nothing is claimed of what may have been sent before the data was restored from a copy, and is
    /// not in doubt yet.
    async fn may_be_claimed(&self) -> Result<bool, StepError> {
        if self.subject.request().is_some() {
            return Ok(true);
        }
        Ok(match self.execution.orders.provenance().await? {
            Provenance::Suspect(_) => false,
            Provenance::Known { restored_at: None } => true,
            Provenance::Known {
                restored_at: Some(restored_at),
            } => {
                let mut suspects = self.order.suspects(restored_at);
                !suspects.any(|suspect| &suspect.number == self.subject.purchase_order())
            }
        })
    }
}

/// The attempt that was claimed last.
pub(crate) fn attempt(subject: &SendSubject, sending: &Sending) -> Attempt {
    Attempt {
        id: subject.clone(),
        attempt: sending.attempts,
        doubted: sending.doubted,
        progress: sending.progress.clone(),
    }
}
