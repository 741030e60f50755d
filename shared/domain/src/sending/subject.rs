//! What is sent once.

use crate::purchase_order_number::PurchaseOrderNumber;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names what is sent once; everything about one attempt to send it carries the name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendSubject {
    PurchaseOrder(PurchaseOrderNumber),
    /// A request to cancel units of a purchase order; the first request is 1.
    Cancel {
        purchase_order: PurchaseOrderNumber,
        request: u32,
    },
}

impl SendSubject {
    /// The purchase order, or that request to cancel units of it.
    pub fn new(purchase_order: PurchaseOrderNumber, request: Option<u32>) -> Self {
        match request {
            None => Self::PurchaseOrder(purchase_order),
            Some(request) => Self::Cancel {
                purchase_order,
                request,
            },
        }
    }

    /// The purchase order that it is, or belongs to.
    pub fn purchase_order(&self) -> &PurchaseOrderNumber {
        match self {
            Self::PurchaseOrder(number)
            | Self::Cancel {
                purchase_order: number,
                ..
            } => number,
        }
    }

    /// The number of the request to cancel, where it is one.
    pub fn request(&self) -> Option<u32> {
        match self {
            Self::PurchaseOrder(_) => None,
            Self::Cancel { request, .. } => Some(*request),
        }
    }

    /// For files and mails, where a slash would be a folder: `SH-1001-1-K-X1`.
    pub fn file_name(&self) -> String {
        self.to_string().replace('/', "-")
    }
}

impl From<&PurchaseOrderNumber> for SendSubject {
    fn from(number: &PurchaseOrderNumber) -> Self {
        Self::PurchaseOrder(number.clone())
    }
}

/// `SH-1001-1-K`, and `SH-1001-1-K/X1` for a request to cancel.
impl fmt::Display for SendSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PurchaseOrder(number) => write!(formatter, "{number}"),
            Self::Cancel {
                purchase_order,
                request,
            } => write!(formatter, "{purchase_order}/X{request}"),
        }
    }
}
