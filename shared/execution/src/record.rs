//! What an answer means for the order, recorded; and what it says of whoever gave it.

use crate::Execution;
use crate::send::SendStep;
use async_trait::async_trait;
use domain::ids::OrderId;
use domain::order::Order;
use domain::order::decide::{Command, Outcome};
use domain::sending::subject::SendSubject;
use domain::trust::AfterUnexplained;
use ports::{SendAnswer, StepError, Trouble};

/// Whoever is sent to, as its answers show it. What it remembers and opens is its own matter: nothing of
/// it may keep an outcome from being recorded.
#[async_trait]
pub trait Receiver: Send + Sync {
    /// It took what it was sent, or a step of it.
    async fn accepted(&self, subject: &SendSubject);
    /// It refused and did not say why; what follows for this one.
    async fn refused(&self, subject: &SendSubject) -> AfterUnexplained;
    /// A page came in the place of its answer; `why` in our words.
    async fn unreadable(&self, subject: &SendSubject, why: &str);
    /// It refuses our credentials.
    async fn unauthorized(&self, subject: &SendSubject);
}

impl SendStep<'_> {
    /// Stores the evidence, and reports to the receiver what the answer shows of it.
    pub(crate) async fn outcome_of(
        &self,
        answer: SendAnswer,
        can_look_up: bool,
        receiver: &dyn Receiver,
    ) -> Outcome {
        let SendAnswer {
            outcome,
            evidence,
            trouble,
        } = answer;
        let subject = self.subject;
        if matches!(outcome, Outcome::Accepted(_) | Outcome::StepDone(_)) {
            receiver.accepted(subject).await;
        }
        let kept = self
            .execution
            .with_evidence(subject.purchase_order(), outcome, &evidence);
        let mut outcome = kept.await;
        match (trouble, &mut outcome) {
            (Some(Trouble::Unexplained), Outcome::Rejected { why, hold }) => {
                *hold = receiver.refused(subject).await == AfterUnexplained::Hold;
                if *hold {
                    let held = ", held while the answers of the supplier are not understood";
                    why.detail.push_str(held);
                }
            }
            (Some(Trouble::Page), Outcome::NotSent { why, .. } | Outcome::InDoubt { why, .. }) => {
                receiver.unreadable(subject, why).await;
            }
            (Some(Trouble::Unauthorized), _) => receiver.unauthorized(subject).await,
            (_, _) => {}
        }
        if let Outcome::InDoubt {
            can_look_up: can, ..
        } = &mut outcome
        {
            *can &= can_look_up;
        }
        outcome
    }
}

impl Execution {
    /// What is forgotten costs a doubt: it ends only with success or the process. The state after it
    /// comes back where it is known.
    pub(crate) async fn record(
        &self,
        claimed: Option<Box<Order>>,
        order: &OrderId,
        subject: &SendSubject,
        attempt: u32,
        outcome: Outcome,
    ) -> Result<Option<Box<Order>>, StepError> {
        let record = Command::RecordOutcome {
            id: subject.clone(),
            attempt,
            outcome,
        };
        let change = self.change(order).knowing(claimed).endless();
        Ok(change.commit_command(&record).await?.order())
    }
}
