//! Sends one thing that must not double: a purchase order, a request to cancel it, whatever else is
//! claimed before it leaves. What is sent is an artifact; who prepares it is another port's matter.

use crate::Moment;
use async_trait::async_trait;
use domain::digest::Digest;
use domain::order::answer::{Progress, Rejection, RejectionReason};
pub use domain::order::decide::{Accepted, Answer, LineOutcome, LineStatus, Outcome, StepDone};
use domain::sending::subject::SendSubject;
use domain::sending::via::Via;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The exact bytes of one step, stored before they are sent and never rendered again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    pub media_type: String,
    pub bytes: Vec<u8>,
    /// Address fields that the merchant's template declares to leave out.
    #[serde(default)]
    pub omits: Vec<String>,
    /// Whether it must say address and lines; a step that only confirms what an earlier one said
    /// need not.
    pub carries_order: bool,
}

/// One try to send, or to make the next step of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub id: SendSubject,
    /// Counts the claims of this subject from 1, those of every step.
    pub attempt: u32,
    /// An earlier attempt at this step was in doubt, so "already exists" may mean us.
    pub doubted: bool,
    /// The steps that are done.
    pub progress: Progress,
}

/// An answer as it came, for a person to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    pub bytes: Vec<u8>,
    /// Digest of what is the same in every repetition of the answer: without dates and the numbers
    /// of exchanges. `None` where all of it is.
    pub identity: Option<Digest>,
}

impl Evidence {
    /// Under what it is kept: the same answer is kept once.
    pub fn digest(&self) -> Digest {
        self.identity
            .clone()
            .unwrap_or_else(|| Digest::of(&self.bytes))
    }
}

impl From<Vec<u8>> for Evidence {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            identity: None,
        }
    }
}

/// The answer to a send: what it means for the order, and the bytes that show it. A timeout is not a
/// failure: what is not known to be another outcome is [`Outcome::InDoubt`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendAnswer {
    /// The digest of the evidence is not in it yet: whoever stores the evidence adds it.
    pub outcome: Outcome,
    pub evidence: Evidence,
    /// What it says of the receiver itself.
    pub trouble: Option<Trouble>,
}

/// What is wrong with a receiver, whatever it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Its refusal does not say why and may be about anything: several in a row mean that its answers
    /// are not understood.
    Unexplained,
    /// A web server's page, or nothing at all, came in the place of its answer.
    Page,
    /// It refuses our credentials.
    Unauthorized,
}

impl From<Outcome> for SendAnswer {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            evidence: Evidence::default(),
            trouble: None,
        }
    }
}

impl SendAnswer {
    /// Accepted, and nothing more is said.
    pub fn accepted() -> Self {
        Outcome::Accepted(Accepted::default()).into()
    }

    /// `detail` in our words.
    pub fn rejected(
        reason: RejectionReason,
        detail: impl Into<String>,
        evidence: impl Into<Evidence>,
    ) -> Self {
        let why = Rejection {
            reason,
            detail: detail.into(),
            evidence: None,
        };
        Self {
            evidence: evidence.into(),
            ..Outcome::Rejected { why, hold: false }.into()
        }
    }

    /// Surely not sent, and nothing is said about when to try again.
    pub fn not_sent(why: impl Into<String>) -> Self {
        Self::not_sent_for(None, why)
    }

    /// Surely not sent; with how long to wait, where that was said.
    pub fn not_sent_for(retry_after: Option<Duration>, why: impl Into<String>) -> Self {
        let retry_after = retry_after.and_then(|after| SignedDuration::try_from(after).ok());
        let why = why.into();
        Outcome::NotSent { retry_after, why }.into()
    }

    /// Nobody knows whether it arrived; a look-up may resolve it, where there is one.
    pub fn in_doubt(why: impl Into<String>, evidence: impl Into<Evidence>) -> Self {
        let outcome = Outcome::InDoubt {
            why: why.into(),
            evidence: None,
            can_look_up: true,
        };
        Self {
            evidence: evidence.into(),
            ..outcome.into()
        }
    }

    /// The receiver has something under our number, and nothing shows that it is ours: in doubt, and no
    /// look-up by that number can resolve it.
    pub fn foreign(why: impl Into<String>, evidence: impl Into<Evidence>) -> Self {
        let outcome = Outcome::InDoubt {
            why: why.into(),
            evidence: None,
            can_look_up: false,
        };
        Self {
            evidence: evidence.into(),
            ..outcome.into()
        }
    }

    #[must_use]
    pub fn with_trouble(mut self, trouble: Trouble) -> Self {
        self.trouble = Some(trouble);
        self
    }
}

/// Sends what was claimed.
#[async_trait]
pub trait Sender: Send + Sync {
    /// How the step after so many that are done reaches its receiver by the settings in force; with the
    /// same settings it is the same for every attempt at that step.
    fn via(&self, id: &SendSubject, steps_done: usize) -> Via;
    /// Hard limit of one send, answer included.
    fn timeout(&self) -> Duration;
    /// Exactly one step, without any retry below it.
    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendAnswer;
    /// What resolves a doubt, where anything beside the file of the outbox does.
    fn lookup(&self) -> Option<&dyn SendLookup> {
        None
    }
    /// Until when nothing more may be sent, by the receiver's own limits as far as this process
    /// knows; asked before a claim is made. Where the receiver asked for a wait before `retried_at`,
    /// one request passes it as a probe, and the others wait for its answer.
    fn not_before(&self, now: &Moment, retried_at: Option<Timestamp>) -> Option<Timestamp> {
        let _ = (now, retried_at);
        None
    }
}

/// Asks the receiver, or the place we wrote to, whether it has what an attempt in doubt sent.
#[async_trait]
pub trait SendLookup: Send + Sync {
    fn policy(&self, attempt: &Attempt) -> LookupPolicy;
    async fn find(&self, attempt: &Attempt) -> LookedUp;
}

/// How far a look-up may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupPolicy {
    /// Two "not there" answers at least so far apart prove absence. `None`: absence is never proved.
    pub authoritative_after: Option<Duration>,
}

/// The answer to a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    pub answer: Answer,
    /// When it was given, by the clock of whoever was asked.
    pub date: Option<Timestamp>,
}
