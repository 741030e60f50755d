//! A supplier: how purchase orders are handed over.

use async_trait::async_trait;
use domain::address::Address;
use domain::order::event::LookupFinding;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything an artifact may be rendered from; templates see this and no secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Handover {
    pub number: PurchaseOrderNumber,
    /// As the customer knows the order: `#1001`.
    pub order_name: String,
    pub merchant: domain::settings::Merchant,
    pub supplier: String,
    pub planned_at: Timestamp,
    pub placed_at: Timestamp,
    pub shipping_method: String,
    pub ship_to: Personal<Address>,
    pub lines: Vec<HandoverLine>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HandoverLine {
    pub sku: String,
    pub supplier_sku: String,
    pub title: String,
    pub quantity: u32,
}

/// The exact bytes for a supplier, stored before they are sent and never rendered again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    pub media_type: String,
    pub bytes: Vec<u8>,
    /// Address fields that the merchant's template declares to leave out.
    #[serde(default)]
    pub omits: Vec<String>,
}

/// An artifact as its reader sees it: records (a JSON object, a row of a table, a line of text) of
/// texts.
#[derive(Debug, Clone, Default)]
pub struct Decoded {
    pub records: Vec<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PrepareError(pub String);

/// One try to hand over.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub number: PurchaseOrderNumber,
    pub attempt: u32,
    /// An earlier attempt was in doubt, so "already exists" may mean us.
    pub doubted: bool,
}

/// A timeout is not a failure: what is not known to be one of the others is [`SendOutcome::InDoubt`].
#[derive(Debug, Clone)]
pub enum SendOutcome {
    Accepted {
        reference: Option<String>,
    },
    /// `detail` in our words; `evidence` is the supplier's answer.
    Rejected {
        detail: String,
        evidence: Vec<u8>,
    },
    /// Surely not sent. `retry_at` where the supplier said when.
    NotSent {
        retry_after: Option<Duration>,
        why: String,
        unauthorized: bool,
    },
    InDoubt {
        why: String,
        evidence: Vec<u8>,
    },
}

/// How far a look-up may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupPolicy {
    /// Two "not there" answers at least `lag` apart prove absence. `None`: absence is never proved.
    pub authoritative_after: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupAnswer {
    Found { reference: Option<String> },
    NotFound(LookupFinding),
}

/// Asks the supplier, or the place we wrote to, whether it has our purchase order.
#[async_trait]
pub trait SendLookup: Send + Sync {
    fn policy(&self) -> LookupPolicy;
    async fn find(&self, number: &PurchaseOrderNumber) -> LookupAnswer;
}

#[async_trait]
pub trait Supplier: Send + Sync {
    /// Pure: the same hand-over gives the same bytes.
    fn prepare(&self, handover: &Handover) -> Result<Artifact, PrepareError>;
    /// What a reader of the artifact sees.
    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError>;
    /// Hard limit of one send, answer included.
    fn timeout(&self) -> Duration;
    /// Exactly one step, without any retry below it.
    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendOutcome;
    /// What settles a doubt, where anything does.
    fn lookup(&self) -> Option<&dyn SendLookup> {
        None
    }
}

/// Sends finished MIME messages.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// `key` is the same for every attempt of one purchase order.
    async fn send(&self, key: &str, message: &[u8]) -> MailOutcome;
    /// Whether the message of that key went out; `None` where that cannot be known.
    async fn was_sent(&self, key: &str) -> Option<bool>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailOutcome {
    Sent,
    NotSent(String),
    InDoubt(String),
}
