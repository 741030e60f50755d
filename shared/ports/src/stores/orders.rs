//! Orders: what a step loads and commits.

use super::StoreError;
use crate::Unavailable;
use async_trait::async_trait;
use domain::commit::Commit;
use domain::ids::{OrderId, SupplierId, SupplierSku};
use domain::order::events::Recorded;
use domain::order::news::Payload;
use domain::order::{Order, Refusal};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::routing::trace::Trace;
use jiff::Timestamp;

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

/// Whether what is stored is all that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provenance {
    /// It is, but for what happened before it was last restored from a copy, where it was.
    Known { restored_at: Option<Timestamp> },
    /// It was restored from a copy, and nobody took note of that yet: nothing may be sent. Says how
    /// it shows, and what to do.
    Suspect(String),
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
}
