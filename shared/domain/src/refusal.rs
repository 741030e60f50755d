//! A command or an event that does not fit the state.

use crate::purchase_order_number::PurchaseOrderNumber;

/// A command or event that does not fit the state. A business answer, not a failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{event} is not possible while {state}")]
    Illegal { state: String, event: String },
    #[error("purchase order {0} does not exist")]
    NoSuchPurchaseOrder(PurchaseOrderNumber),
    #[error("attempt {0} does not exist")]
    NoSuchAttempt(u32),
    #[error("the order changed since it was planned")]
    NoLongerHolds,
    #[error("{0}")]
    NotPossible(String),
}
