//! Purchase orders that a supplier takes in one file at its cut-off times.

use crate::ids::SupplierId;
use crate::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// `harbour-20261123T140000Z`: the supplier and its cut-off in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchName(String);

impl BatchName {
    pub fn new(supplier: &SupplierId, cut_off: Timestamp) -> Self {
        Self(format!("{supplier}-{}", cut_off.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// As somebody wrote it; whether such a batch exists is another question.
    pub fn from_text(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A batch whose file was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub name: BatchName,
    pub supplier: SupplierId,
    pub cut_off: Timestamp,
    /// What its file holds.
    pub purchase_orders: BTreeSet<PurchaseOrderNumber>,
    /// Until when a person has to upload it; `None` where the supplier fetches it.
    pub upload_by: Option<Timestamp>,
    pub uploaded: Option<Uploaded>,
}

/// A person put the file into the supplier's portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    pub at: Timestamp,
    pub by: String,
}

impl Batch {
    /// Nobody has marked it in time.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.uploaded.is_none() && self.upload_by.is_some_and(|by| now >= by)
    }
}
