//! The traits through which the functions touch the world. `embedded` implements them on `SQLite`
//! and folders; a channel or supplier method is one file in `channels` or `suppliers`.
//!
//! An error is named by what the caller will do with it. A call that failed may have happened: its
//! answer can be lost, and the caller must be right either way.

mod backoff;
pub mod channel;
pub mod configuration;
pub mod mailer;
pub mod secrets;
pub mod sender;
mod shared;
pub mod stores;
pub mod supplier;

use async_trait::async_trait;
pub use domain::clock::{Moment, Steady};
use domain::messages::{Message, QueueName};
use domain::order::Refusal;
use jiff::Timestamp;
use std::time::Duration;

pub use backoff::Backoff;
pub use channel::{BadSignature, Channel, ParseError, Received, Refused, Webhook, WebhookRequest};
pub use domain::sending::subject::SendSubject;
pub use mailer::{MailEvent, MailOutcome, MailPlace, MailReport, Mailer};
pub use secrets::{SecretText, Secrets};
pub use sender::{
    Accepted, Answer, Artifact, Attempt, Evidence, LineOutcome, LineStatus, LookedUp, LookupPolicy,
    Outcome, SendAnswer, SendLookup, Sender, StepDone, Trouble,
};
pub use shared::Shared;
pub use stores::{
    BatchStore, CasePage, CaseRow, Closing, CommitError, History, Incident, IncidentStore,
    OfferStore, OrderIndex, OrderStore, Page, Provenance, RefusalStore, Reservation,
    ReservationPage, Slot, StoreError, SupplierSlots,
};
pub use supplier::{
    Batches, CancelRequest, Decoded, Endpoint, Handover, HandoverLine, Part, PrepareError, Supplier,
};

/// The only source of time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// What the wall clock says, which may be set at any moment.
    fn now(&self) -> Timestamp;
    /// What waits in memory go by.
    fn steady(&self) -> Steady;
    async fn sleep(&self, duration: Duration);

    fn moment(&self) -> Moment {
        Moment {
            at: self.now(),
            steady: self.steady(),
        }
    }
}

/// Infrastructure of ours that did not answer; what was asked may have happened.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Unavailable {
    pub what: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Unavailable {
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            source: None,
        }
    }

    pub fn because(
        what: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            what: what.into(),
            source: Some(Box::new(source)),
        }
    }
}

/// Durable, at least once, in no order.
#[async_trait]
pub trait Queue: Send + Sync {
    async fn send(&self, message: &Message) -> Result<(), Unavailable>;
    /// Any number of them may have been sent where it fails. Those about one order may be kept
    /// seconds apart.
    async fn send_all(&self, messages: &[Message]) -> Result<(), Unavailable> {
        for message in messages {
            self.send(message).await?;
        }
        Ok(())
    }
}

/// Keeps a message back for a while before it is delivered.
#[async_trait]
pub trait DelayedQueue: Send + Sync {
    /// After whole seconds, at most 15 minutes.
    async fn send_after(&self, message: &Message, pause: Duration) -> Result<(), Unavailable>;
}

/// The receiving end; on AWS the event source mapping plays it.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// The oldest visible messages, hidden from others for `visibility`. A message that was received
    /// more than `MAX_RECEIVES` times goes to the dead letters instead.
    async fn receive(
        &self,
        queue: QueueName,
        limit: usize,
        now: Timestamp,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, Unavailable>;
    async fn acknowledge(&self, delivery: &Delivery) -> Result<(), Unavailable>;
    /// Has the message redelivered from `at` on.
    async fn nack(&self, delivery: &Delivery, at: Timestamp) -> Result<(), Unavailable>;
    /// The oldest dead letters, raw; they stay until [`Deliveries::remove_dead_letter`].
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Unavailable>;
    async fn remove_dead_letter(&self, id: i64) -> Result<(), Unavailable>;
}

/// Deliveries of one message before it is a dead letter.
pub const MAX_RECEIVES: u32 = 5;

#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: i64,
    /// As sent; a body that is no [`Message`] is redelivered until it is a dead letter.
    pub body: String,
    /// Of this message, this one included.
    pub receives: u32,
}

#[derive(Debug, Clone)]
pub struct DeadLetter {
    pub id: i64,
    pub queue: String,
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Artifacts, answers and quarantined payloads: ours alone.
    Evidence,
    /// What suppliers fetch.
    Outbox,
}

/// Files that are written once under a key that only we can make.
#[async_trait]
pub trait Files: Send + Sync {
    async fn put_new(&self, area: Area, key: &str, bytes: &[u8]) -> Result<Put, Unavailable>;
    async fn get(&self, area: Area, key: &str) -> Result<Option<Vec<u8>>, Unavailable>;
    /// Whether the key ever appeared in the outbox, though a supplier may have fetched and deleted
    /// it. When the answer is no, the key stays withdrawn only as long as nobody puts it.
    async fn was_published(&self, key: &str) -> Result<bool, Unavailable>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Created,
    AlreadyThere,
}

/// What a function answers to a message it could not finish.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Our own infrastructure failed: the message is redelivered.
    #[error("{0}")]
    Retry(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// Lost against other workers too often: the message is redelivered.
    #[error("others committed first under every try")]
    Conflict,
    /// No repetition helps: the message is redelivered until it is a dead letter, and so an incident.
    #[error("{0}")]
    Permanent(String),
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(what) => Self::Permanent(what),
            StoreError::Unavailable(_) => {
                Self::Retry("the store did not answer".to_owned(), Box::new(error))
            }
        }
    }
}

impl From<Refusal> for StepError {
    fn from(refusal: Refusal) -> Self {
        Self::Permanent(refusal.to_string())
    }
}

impl From<Unavailable> for StepError {
    fn from(error: Unavailable) -> Self {
        Self::Retry("a port did not answer".to_owned(), Box::new(error))
    }
}
