//! Orders, stock and incidents.

use crate::Unavailable;
use async_trait::async_trait;
use domain::batch::{Batch, BatchName, Uploaded};
use domain::cases::{CaseEntry, CaseKind};
use domain::catalogue::{CatalogueRow, OfferWithStock, Stock};
use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::{OrderId, Sku, SupplierId, SupplierSku};
use domain::order::events::Recorded;
use domain::order::index::Index;
use domain::order::news::Payload;
use domain::order::{Order, Refusal};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::routing::trace::Trace;
use domain::spending::Spent;
use domain::trust::RefusalStreak;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeSet;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store did not answer")]
    Unavailable(#[source] Unavailable),
    /// What is stored cannot be read; a person must look.
    #[error("{0}")]
    Corrupt(String),
}

#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody committed first: load and decide again.
    #[error("the order changed")]
    Stale,
    /// Less is available than was to be reserved: look at the offers again.
    #[error("{0} has too little available")]
    ShortOf(SupplierSku),
    /// What a day's purchase orders come to would pass the supplier's spend limit: look at what is
    /// spent again.
    #[error("{0}'s spend limit has too little room")]
    SpendLimit(SupplierId),
    /// Another order has that purchase order number.
    #[error("{0} belongs to another order")]
    Taken(PurchaseOrderNumber),
    /// Contention inside the store: try again a little later.
    #[error("the store is busy")]
    Busy,
    /// It may have been committed.
    #[error("the store did not answer")]
    Unavailable(#[source] Unavailable),
}

/// An order as stored.
#[derive(Debug, Clone)]
pub struct History {
    pub order: OrderId,
    pub events: Vec<Recorded>,
}

impl History {
    pub fn fold(&self) -> Result<Order, StoreError> {
        Order::fold(self.order.clone(), &self.events).map_err(|refusal: Refusal| {
            StoreError::Corrupt(format!("history of {}: {refusal}", self.order))
        })
    }
}

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub supplier: SupplierId,
    pub supplier_sku: SupplierSku,
    pub purchase_order: PurchaseOrderNumber,
    pub quantity: u32,
    pub sent_at: Option<Timestamp>,
}

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

/// Whether what is stored is all that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provenance {
    /// It is, but for what happened before it was last restored from a copy, where it was.
    Known { restored_at: Option<Timestamp> },
    /// It was restored from a copy, and nobody took note of that yet: nothing may be sent. Says how
    /// it shows, and what to do.
    Suspect(String),
}

/// Who closed an incident, why and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    pub who: String,
    pub why: String,
    pub at: Timestamp,
}

#[async_trait]
pub trait OrderStore: Send + Sync {
    /// What is known of where the data comes from.
    async fn provenance(&self) -> Result<Provenance, StoreError>;
    /// `None` where nothing was committed yet.
    async fn load(&self, order: &OrderId) -> Result<Option<History>, StoreError>;
    /// All of it or nothing; durable when it returns.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;
    async fn payload(&self, order: &OrderId, number: u32) -> Result<Option<Payload>, StoreError>;
    async fn trace(&self, order: &OrderId, number: u32) -> Result<Option<Trace>, StoreError>;
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

#[async_trait]
pub trait OfferStore: Send + Sync {
    async fn offers(&self, skus: &[Sku]) -> Result<Vec<OfferWithStock>, StoreError>;
    /// Replaces all offers, and the stock of each supplier SKU that has no newer as-of. `false` where
    /// the catalogue of that digest is the one in place.
    async fn apply(
        &self,
        digest: &Digest,
        rows: &[CatalogueRow],
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// What is counted against these suppliers' spend limits on that day and later. Asks nothing
    /// where none is named.
    async fn spent(&self, suppliers: &[SupplierId], from: Date) -> Result<Vec<Spent>, StoreError>;
    /// The same of all suppliers and days, for the report.
    async fn spending(&self) -> Result<Vec<Spent>, StoreError>;
    /// Everything reserved, for the report.
    async fn reservations(&self) -> Result<Vec<Reservation>, StoreError>;
    async fn stock(&self) -> Result<Vec<(SupplierId, SupplierSku, Stock)>, StoreError>;
}

/// Batches, and which purchase orders go with each.
#[async_trait]
pub trait BatchStore: Send + Sync {
    /// Purchase orders whose outcome is open and that go with the batch, in the order of numbers.
    async fn entries(
        &self,
        supplier: &SupplierId,
        cut_off: Timestamp,
    ) -> Result<Vec<(OrderId, PurchaseOrderNumber)>, StoreError>;
    /// Keeps what is there, where the batch is known.
    async fn put_batch(&self, batch: &Batch) -> Result<(), StoreError>;
    /// The newest first.
    async fn batches(&self, limit: usize) -> Result<Vec<Batch>, StoreError>;
    /// `false` where there is no such batch, or it was marked before.
    async fn mark_uploaded(
        &self,
        name: &BatchName,
        uploaded: &Uploaded,
    ) -> Result<bool, StoreError>;
}

/// What is remembered of the orders that a supplier refused in a row without saying why.
#[async_trait]
pub trait RefusalStore: Send + Sync {
    /// `None` where it refused none since it last accepted one.
    async fn streak(&self, supplier: &SupplierId) -> Result<Option<RefusalStreak>, StoreError>;
    /// Stores `new`, or forgets the streak where that is `None`; `true` where that is so already.
    /// `false`, and nothing changed, where something else than `known` is stored.
    async fn replace_streak(
        &self,
        supplier: &SupplierId,
        known: Option<&RefusalStreak>,
        new: Option<&RefusalStreak>,
    ) -> Result<bool, StoreError>;
}

/// A place among those who hand over to a supplier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub supplier: SupplierId,
    /// Counted from 0.
    pub number: usize,
    /// Nobody else says the same of itself.
    pub holder: String,
    /// Free again by itself from then on.
    pub until: Timestamp,
}

/// By which processes that know nothing of each other keep a supplier's `concurrency`.
#[async_trait]
pub trait SupplierSlots: Send + Sync {
    /// One of `of` slots, to be held until it is freed, or until then; `None` where others hold all.
    async fn acquire(
        &self,
        supplier: &SupplierId,
        of: usize,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Slot>, StoreError>;
    /// Changes nothing where it is somebody else's by now.
    async fn free(&self, slot: &Slot) -> Result<(), StoreError>;
}
