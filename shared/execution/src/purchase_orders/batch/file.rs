//! The file of a batch as evidence keeps it.

use domain::batch::{Batch, BatchName};
use domain::ids::SupplierId;
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use ports::{Artifact, Batches, PrepareError, StepError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What stands in the place of the file of a batch that was given up: no real one is empty.
pub(super) const GIVEN_UP: &[u8] = b"";

/// The key in evidence.
pub(in crate::purchase_orders) fn key(name: &BatchName) -> String {
    format!("batch/{name}")
}

/// The file of a batch as evidence keeps it: a line of JSON that says what is done with it, then its
/// bytes. Whoever finds it finishes the batch by it, whatever the settings say by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFile {
    pub(super) head: Head,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The key in the outbox.
    pub(super) key: String,
    pub(super) purchase_orders: BTreeSet<PurchaseOrderNumber>,
    /// Until when a person has to upload it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload_by: Option<Timestamp>,
}

impl BatchFile {
    /// `None` where the evidence is no such file, or of a batch that was given up.
    pub fn from_evidence(stored: &[u8]) -> Option<Self> {
        let end = stored.iter().position(|byte| *byte == b'\n')?;
        let (head, bytes) = stored.split_at_checked(end)?;
        Some(Self {
            head: serde_json::from_slice(head).ok()?,
            bytes: bytes.get(1..)?.to_vec(),
        })
    }

    pub(super) fn to_evidence(&self) -> Result<Vec<u8>, StepError> {
        let mut evidence = serde_json::to_vec(&self.head)
            .map_err(|error| StepError::Permanent(error.to_string()))?;
        evidence.push(b'\n');
        evidence.extend_from_slice(&self.bytes);
        Ok(evidence)
    }

    pub(super) fn assemble(
        batches: &dyn Batches,
        name: &BatchName,
        cut_off: Timestamp,
        artifacts: &[(PurchaseOrderNumber, Artifact)],
    ) -> Result<Self, PrepareError> {
        let bytes = batches.assemble(artifacts)?;
        let head = Head {
            key: batches.key(name.as_str()),
            purchase_orders: batches.contents(&bytes)?,
            upload_by: upload_by(batches, cut_off),
        };
        Ok(Self { head, bytes })
    }

    pub(super) fn batch(
        &self,
        name: &BatchName,
        supplier: &SupplierId,
        cut_off: Timestamp,
    ) -> Batch {
        Batch {
            name: name.clone(),
            supplier: supplier.clone(),
            cut_off,
            purchase_orders: self.head.purchase_orders.clone(),
            upload_by: self.head.upload_by,
            uploaded: None,
        }
    }
}

/// Until when a person has to upload the file, where one does.
pub(in crate::purchase_orders) fn upload_by(
    batches: &dyn Batches,
    cut_off: Timestamp,
) -> Option<Timestamp> {
    let within = batches.upload_within()?;
    let within = jiff::SignedDuration::try_from(within).ok()?;
    Some(cut_off + within)
}
