//! Cases without an order.

use super::StoreError;
use async_trait::async_trait;
use domain::cases::CaseKind;
use domain::digest::Digest;
use jiff::Timestamp;

/// A case without an order. While it is open, the same kind and cause open no second one; after it
/// was closed they do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    pub kind: CaseKind,
    /// A digest or an id; the same cause is the same incident.
    pub cause: String,
    /// Without personal data.
    pub detail: String,
    pub opened_at: Timestamp,
}

impl Incident {
    /// Short enough to be typed; follows from kind and cause.
    pub fn id(&self) -> String {
        let digest = Digest::of_value(&(self.kind, &self.cause));
        digest.short().get(..8).unwrap_or_default().to_owned()
    }
}

/// Who closed an incident, why and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    pub who: String,
    pub why: String,
    pub at: Timestamp,
}

#[async_trait]
pub trait IncidentStore: Send + Sync {
    /// `false` where an incident of that kind and cause is open.
    async fn open_incident(&self, incident: &Incident) -> Result<bool, StoreError>;
    /// `false` where no incident of that kind and cause is open.
    async fn close_incident(
        &self,
        kind: CaseKind,
        cause: &str,
        closing: &Closing,
    ) -> Result<bool, StoreError>;
    /// Those that are open, the oldest first.
    async fn incidents(&self) -> Result<Vec<Incident>, StoreError>;
    /// Those that were closed, the last closed first.
    async fn closed_incidents(&self, limit: usize) -> Result<Vec<(Incident, Closing)>, StoreError>;
}
