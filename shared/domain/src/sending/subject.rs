//! What is sent once.

use crate::purchase_order_number::PurchaseOrderNumber;
use std::fmt;

/// What is handed over: a purchase order, or the n-th request to take it back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SendId {
    pub number: PurchaseOrderNumber,
    pub cancel: Option<u32>,
}

impl SendId {
    pub fn of(number: &PurchaseOrderNumber) -> Self {
        Self {
            number: number.clone(),
            cancel: None,
        }
    }

    /// For files and mails, where a slash would be a folder: `SH-1001-1-K-X1`.
    pub fn file_name(&self) -> String {
        self.to_string().replace('/', "-")
    }
}

/// `SH-1001-1-K`, and `SH-1001-1-K/X1` for a request to cancel.
impl fmt::Display for SendId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cancel {
            None => write!(formatter, "{}", self.number),
            Some(request) => write!(formatter, "{}/X{request}", self.number),
        }
    }
}
