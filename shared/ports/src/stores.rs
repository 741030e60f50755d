//! What is stored, one trait for each capability that a function may have.

mod batches;
mod incidents;
mod index;
mod orders;
mod stock;
mod suppliers;

use crate::Unavailable;

pub use batches::BatchStore;
pub use incidents::{Closing, Incident, IncidentStore};
pub use index::{CasePage, CaseRow, OrderIndex, Page};
pub use orders::{CommitError, History, OrderStore, Provenance};
pub use stock::{OfferStore, Reservation, ReservationPage};
pub use suppliers::{RefusalStore, Slot, SupplierSlots};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store did not answer")]
    Unavailable(#[source] Unavailable),
    /// What is stored cannot be read; a person must look.
    #[error("{0}")]
    Corrupt(String),
}
