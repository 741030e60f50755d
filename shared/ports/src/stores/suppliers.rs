//! What processes share about suppliers: refusals in a row, and who sends at this moment.

use super::StoreError;
use async_trait::async_trait;
use domain::ids::SupplierId;
use domain::trust::RefusalStreak;
use jiff::Timestamp;

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
