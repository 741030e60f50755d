//! What orders are found by without loading them.

use super::StoreError;
use async_trait::async_trait;
use domain::cases::CaseEntry;
use domain::digest::Digest;
use domain::ids::{OrderId, SupplierId};
use domain::order::Reference;
use domain::order::index::Index;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Some orders of many.
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

/// The cases of some orders of many, each with all of its own.
#[derive(Debug, Clone)]
pub struct CasePage {
    pub rows: Vec<CaseRow>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// Orders of which one page is read at once.
const ORDERS_A_PAGE: usize = 500;

/// What is found may be older or newer than the order: who asks looks at the order, and believes that.
#[async_trait]
pub trait OrderIndex: Send + Sync {
    /// Orders that are known by the reference, or were: at most 50. One that belongs to another order, or
    /// to none any more, may be among them. A purchase order number belongs to one order at most.
    async fn find(&self, reference: &Reference) -> Result<Vec<OrderId>, StoreError>;
    /// Orders whose `due` is not later than `now`, the longest due first. An order may come up to half
    /// a minute late, and one that has moved to a later time may come once more: who asks looks at the
    /// order, and postpones it.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError>;
    /// The cases of about `limit` orders from where another page ended.
    async fn cases(&self, after: Option<&str>, limit: usize) -> Result<CasePage, StoreError>;
    /// About `limit` orders with a purchase order of the supplier whose outcome is open, from where
    /// another page ended.
    async fn open(
        &self,
        supplier: &SupplierId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError>;
    /// About `limit` orders from where another page ended; those that were received last come first.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page, StoreError>;
    /// Where a page of [`OrderIndex::list`] begins that goes on after the order, whatever was received since;
    /// `None` where nothing of it is stored.
    async fn place_after(&self, order: &OrderId) -> Result<Option<String>, StoreError>;
    /// Rewrites only the index entry: when the order is woken again, and what of it shows only with
    /// time. Ignored where the order has another version; `None` stands for any, since the version of
    /// what cannot be read is not known.
    async fn postpone(
        &self,
        order: &OrderId,
        version: Option<u64>,
        index: &Index,
    ) -> Result<(), StoreError>;

    /// The cases of all orders.
    async fn all_cases(&self) -> Result<Vec<CaseRow>, StoreError> {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = self.cases(after.as_deref(), ORDERS_A_PAGE).await?;
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    /// Orders of which anything is due some time, at most `limit` of these, or is a case. What waits for
    /// a person is due at no time.
    async fn unfinished(&self, limit: usize) -> Result<BTreeSet<OrderId>, StoreError> {
        let due = self.due(Timestamp::MAX, limit).await?;
        let mut orders: BTreeSet<_> = due.into_iter().collect();
        let mut after = None;
        loop {
            let page = self.cases(after.as_deref(), ORDERS_A_PAGE).await?;
            orders.extend(page.rows.into_iter().map(|row| row.order));
            after = page.next;
            if after.is_none() {
                return Ok(orders);
            }
        }
    }
}
