//! Purchase orders that a supplier takes in one file at its cut-off times.

use crate::cases::{CaseEntry, CaseKind, severity};
use crate::ids::SupplierId;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::text::counted;
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

    /// What a person must see of it: its purchase orders count as sent, and are not there.
    pub fn case(&self, now: Timestamp) -> Option<CaseEntry> {
        let since = self.upload_by.filter(|_| self.is_overdue(now))?;
        let orders = counted(self.purchase_orders.len(), "purchase order");
        Some(CaseEntry {
            kind: CaseKind::BatchNotUploaded,
            cause: self.supplier.to_string(),
            severity: severity(CaseKind::BatchNotUploaded),
            since,
            detail: format!("nobody has marked it as uploaded: {orders}"),
            purchase_order: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_a_case_from_its_deadline_until_it_is_marked() {
        let supplier = SupplierId::parse("harbour").unwrap();
        let cut_off: Timestamp = "2026-11-23T14:00:00Z".parse().unwrap();
        let deadline: Timestamp = "2026-11-23T16:00:00Z".parse().unwrap();
        let mut batch = Batch {
            name: BatchName::new(&supplier, cut_off),
            supplier,
            cut_off,
            purchase_orders: BTreeSet::from([PurchaseOrderNumber::parse("SH-1001-1-Q").unwrap()]),
            upload_by: Some(deadline),
            uploaded: None,
        };
        assert!(batch.case(cut_off).is_none());
        let entry = batch.case(deadline).unwrap();
        assert_eq!(entry.since, deadline);
        assert_eq!(
            entry.detail,
            "nobody has marked it as uploaded: 1 purchase order"
        );
        batch.uploaded = Some(Uploaded {
            at: deadline,
            by: "ada".to_owned(),
        });
        assert!(batch.case(deadline).is_none());
        // Fetched by the supplier, nobody has to do anything.
        batch.uploaded = None;
        batch.upload_by = None;
        assert!(batch.case(deadline).is_none());
    }
}
