//! One step of one send: one claim, one send, one outcome.

use crate::{Claim, Execution, Receiver};
use domain::ids::OrderId;
use domain::order::Order;
use domain::order::decide::{Command, Outcome};
use domain::sending::Sending;
use domain::sending::subject::SendSubject;
use domain::sending::timing::SETTLE_MARGIN;
use domain::sending::via::Via;
use jiff::{SignedDuration, Timestamp};
use ports::{Artifact, Moment, Sender, StepError};

/// A receiver's own limit that ends so soon is waited for here; a longer one is committed.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

/// Whether another step may be due at once; with the state that was left, where it is known. It may
/// be old already: whatever is decided on it is committed on its version, or not at all.
pub enum Flow {
    GoOn(Option<Box<Order>>),
    Stop(Option<Box<Order>>),
}

/// One step of one send, by the state in which the order was found.
#[derive(Clone, Copy)]
pub struct SendStep<'a> {
    pub execution: &'a Execution,
    pub order: &'a Order,
    pub subject: &'a SendSubject,
    pub sending: &'a Sending,
    pub sender: &'a dyn Sender,
}

impl<'a> SendStep<'a> {
    /// `None` where the order has no such subject.
    pub fn new(
        execution: &'a Execution,
        order: &'a Order,
        subject: &'a SendSubject,
        sender: &'a dyn Sender,
    ) -> Option<Self> {
        Some(Self {
            execution,
            order,
            subject,
            sending: order.sending(subject)?,
            sender,
        })
    }

    /// How the next step reaches its receiver.
    pub fn via(&self) -> Via {
        let steps_done = self.sending.progress.steps.len();
        self.sender.via(self.subject, steps_done)
    }

    fn timeout(&self) -> SignedDuration {
        SignedDuration::try_from(self.sender.timeout()).unwrap_or(SETTLE_MARGIN)
    }

    /// When a send that begins then, or a little later, has surely ended.
    pub fn ended_at(&self, began: Timestamp) -> Timestamp {
        began + self.timeout() + SETTLE_MARGIN
    }

    /// Waits as the receiver's own limits say: not at all, or for a short while that is over then.
    /// `false` where the wait is a longer one, which is committed, since waiting never rides on
    /// redelivery.
    pub async fn wait_for_receiver(&self) -> Result<bool, StepError> {
        let clock = self.execution.clock.as_ref();
        let moment = clock.moment();
        let now = moment.at;
        let requested = self.sending.retry_requested_at;
        let until = self.sender.not_before(&moment, requested);
        let Some(until) = until.filter(|until| *until > now) else {
            return Ok(true);
        };
        let wait = until.duration_since(now);
        if wait <= PATIENCE {
            clock.sleep(wait.try_into().unwrap_or_default()).await;
            return Ok(true);
        }
        let postpone = Command::Postpone {
            id: self.subject.clone(),
            until,
            why: "the supplier's limit of requests".to_owned(),
            via: self.via(),
        };
        self.execution.commit(&self.order.id, &postpone).await?;
        Ok(false)
    }

    /// Stores the artifact before it is claimed.
    pub async fn store(&self, artifact: &Artifact) -> Result<(), StepError> {
        let stored = self.execution.store_artifact(self.subject, artifact);
        stored.await
    }

    /// Sends what was claimed, once, and records the outcome; with the order after it. `held_until`:
    /// a slot at the receiver is ours until then, where one is needed.
    pub async fn send(
        &self,
        claim: Claim,
        artifact: &Artifact,
        held_until: Option<Timestamp>,
        receiver: &dyn Receiver,
    ) -> Result<Option<Box<Order>>, StepError> {
        // A process that slept must not send at a time when others may be resolving its claim, or
        // holding its slot.
        let now = self.execution.clock.moment();
        let is_held = held_until.is_none_or(|until| now.at + self.timeout() <= until);
        let outcome = if is_too_old(&claim.at, &now) || !is_held {
            Outcome::NotSent {
                retry_after: None,
                why: "the claim was too old to send".to_owned(),
            }
        } else {
            let answer = self.sender.send(artifact, &claim.attempt).await;
            let can_look_up = self.sender.lookup().is_some() || claim.via.file.is_some();
            self.outcome_of(answer, can_look_up, receiver).await
        };
        let attempt = claim.attempt.attempt;
        let (order, subject) = (&self.order.id, self.subject);
        let recorded = self
            .execution
            .record(Some(claim.after), order, subject, attempt, outcome);
        recorded.await
    }
}

/// By either clock: one may have been set since.
fn is_too_old(claimed: &Moment, now: &Moment) -> bool {
    let passed = now.steady.since - claimed.steady.since;
    now.at > claimed.at + SETTLE_MARGIN || passed > SETTLE_MARGIN
}

impl Execution {
    pub async fn record_preparation_failure(
        &self,
        order: &OrderId,
        subject: &SendSubject,
        why: String,
    ) -> Result<(), StepError> {
        let id = subject.clone();
        let failed = Command::PreparationFailed { id, why };
        self.commit(order, &failed).await.map(drop)
    }

    /// Nobody recorded an outcome while the claim held: it is in doubt.
    pub async fn record_lapse(
        &self,
        order: &OrderId,
        subject: &SendSubject,
        attempt: u32,
    ) -> Result<(), StepError> {
        let id = subject.clone();
        let lapsed = Command::ClaimLapsed { id, attempt };
        self.commit(order, &lapsed).await.map(drop)
    }
}
