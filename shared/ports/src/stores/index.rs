//! What orders are found by without loading them.

use super::StoreError;
use async_trait::async_trait;
use domain::cases::CaseEntry;
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::order::index::Index;
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Some of all orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub orders: Vec<OrderId>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// An entry of the index of cases.
#[derive(Debug, Clone)]
pub struct CaseRow {
    pub order: OrderId,
    pub entry: CaseEntry,
    pub configuration: Option<Digest>,
}

#[async_trait]
pub trait OrderIndex: Send + Sync {
    async fn find(&self, number: &PurchaseOrderNumber) -> Result<Option<OrderId>, StoreError>;
    /// Orders whose `due` is not later than `now`, the longest due first. An order may come up to half
    /// a minute late, and one that has moved to a later time may come once more: who asks looks at the
    /// order, and postpones it.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError>;
    /// Orders of which anything is due some time, at most `limit` of these, or is a case. What waits for
    /// a person is due at no time.
    async fn unfinished(&self, limit: usize) -> Result<BTreeSet<OrderId>, StoreError> {
        let due = self.due(Timestamp::MAX, limit).await?;
        let cases = self.cases().await?;
        let cases = cases.into_iter().map(|row| row.order);
        Ok(due.into_iter().chain(cases).collect())
    }
    /// Rewrites only the index entry: when the order is woken again, and what of it shows only with
    /// time. Ignored where the order has another version; `None` stands for any, since the version of
    /// what cannot be read is not known.
    async fn postpone(
        &self,
        order: &OrderId,
        version: Option<u64>,
        index: &Index,
    ) -> Result<(), StoreError>;
    async fn cases(&self) -> Result<Vec<CaseRow>, StoreError>;
    /// About `limit` orders from where another page ended, in any order.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page, StoreError>;
}
