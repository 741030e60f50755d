//! Files with all purchase orders of a cut-off.

use super::StoreError;
use async_trait::async_trait;
use domain::batch::{Batch, BatchName, Uploaded};
use domain::ids::{OrderId, SupplierId};
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;

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
