//! Looks up what became of a send in doubt.

use crate::Execution;
use crate::claim::attempt;
use domain::order::Order;
use domain::order::answer::LookupFinding;
use domain::order::decide::{Accepted, Answer, Command, LookupTime};
use domain::sending::Sending;
use domain::sending::subject::SendSubject;
use jiff::SignedDuration;
use ports::{Area, LookedUp, Sender, StepError};
use std::time::Duration;

/// What a look-up found, and how long after an absence a second one proves it.
pub struct Found {
    looked_up: LookedUp,
    proof_after: Option<Duration>,
}

impl Found {
    /// It is there.
    pub(crate) fn accepted() -> Self {
        Self::of(Answer::Accepted(Accepted::default()))
    }

    /// Nothing showed whether it is there.
    pub(crate) fn unclear() -> Self {
        Self::of(Answer::NotFound(LookupFinding::Unclear))
    }

    fn of(answer: Answer) -> Self {
        Self {
            looked_up: LookedUp { answer, date: None },
            proof_after: None,
        }
    }
}

/// A send of which nobody knows whether it arrived.
#[derive(Clone, Copy)]
pub struct Doubt<'a> {
    execution: &'a Execution,
    order: &'a Order,
    subject: &'a SendSubject,
    pub(crate) sending: &'a Sending,
    /// By the settings in force, where they have one.
    sender: Option<&'a dyn Sender>,
}

impl<'a> Doubt<'a> {
    /// `None` where the order has no such subject.
    pub fn new(
        execution: &'a Execution,
        order: &'a Order,
        subject: &'a SendSubject,
        sender: Option<&'a dyn Sender>,
    ) -> Option<Self> {
        Some(Self {
            execution,
            order,
            subject,
            sending: order.sending(subject)?,
            sender,
        })
    }

    /// The file of the outbox that the attempt created, or may have created.
    pub fn file(&self) -> Option<&'a str> {
        let via = self.sending.last.via.as_ref();
        via.and_then(|via| via.file.as_deref())
    }

    /// Asks what became of the attempt. A file is asked for by the name under which it was created, or
    /// not; any other way than the attempt's own may confirm it, and proves no absence.
    pub async fn look_up(&self) -> Found {
        match (self.file(), self.sender) {
            (Some(file), _) if self.sending.is_suspected() => self.confirm_by_file(file).await,
            (Some(file), _) => self.ask_for_file(file).await,
            (None, Some(sender)) => self.ask_receiver(sender).await,
            (None, None) => Found::unclear(),
        }
    }

    pub async fn record(&self, attempt: u32, found: Found) -> Result<(), StepError> {
        let answer = match found.looked_up.answer {
            Answer::Accepted(accepted) => {
                let number = self.subject.purchase_order();
                let accepted = self.execution.with_line_evidence(number, accepted);
                Answer::Accepted(accepted.await)
            }
            answer @ (Answer::StepDone(_) | Answer::NotFound(_)) => answer,
        };
        let lag = found.proof_after;
        let record = Command::RecordLookup {
            id: self.subject.clone(),
            attempt,
            answer,
            time: LookupTime {
                date: found.looked_up.date,
                steady: self.execution.clock.steady(),
                proof_after: lag.and_then(|lag| SignedDuration::try_from(lag).ok()),
            },
        };
        let committed = self.execution.commit(&self.order.id, &record);
        committed.await.map(drop)
    }

    /// After data was restored: a file that is there was sent. Of one that is not nobody knows whether
    /// the receiver took it.
    async fn confirm_by_file(&self, file: &str) -> Found {
        let lies = self.execution.files.get(Area::Outbox, file).await;
        let known = self.execution.files.was_published(file).await;
        if matches!(lies, Ok(Some(_))) || matches!(known, Ok(true)) {
            Found::accepted()
        } else {
            Found::unclear()
        }
    }

    /// The outbox is ours: what it does not know was never there.
    async fn ask_for_file(&self, file: &str) -> Found {
        let answer = match self.execution.files.was_published(file).await {
            Ok(true) => Answer::Accepted(Accepted::default()),
            Ok(false) => Answer::NotFound(LookupFinding::Absent),
            Err(error) => {
                tracing::warn!(error = %error, "the outbox did not answer");
                Answer::NotFound(LookupFinding::Unclear)
            }
        };
        Found {
            proof_after: Some(Duration::ZERO),
            ..Found::of(answer)
        }
    }

    async fn ask_receiver(&self, sender: &dyn Sender) -> Found {
        let Some(lookup) = sender.lookup() else {
            return Found::unclear();
        };
        let attempt = attempt(self.subject, self.sending);
        let now = sender.via(self.subject, attempt.progress.steps.len());
        let is_same_way = self.sending.last.via.as_ref() == Some(&now);
        let looked_up = lookup.find(&attempt).await;
        if matches!(looked_up.answer, Answer::NotFound(_)) && !is_same_way {
            return Found::unclear();
        }
        Found {
            looked_up,
            proof_after: lookup.policy(&attempt).authoritative_after,
        }
    }
}
