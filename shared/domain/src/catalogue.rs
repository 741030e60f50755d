//! Who sells which of our SKUs, and what they have.

use crate::ids::{Sku, SupplierId, SupplierSku};
use crate::money::Money;
use crate::region::Region;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// That a supplier sells our SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub sku: Sku,
    pub supplier: SupplierId,
    pub supplier_sku: SupplierSku,
    /// Of one unit.
    pub cost: Option<Money>,
    /// Ours to ship from our own shelf, or never to forward.
    #[serde(default)]
    pub not_dropshipped: bool,
    /// The merchant's word for what kind of article it is; rules name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Where this article may go, beside where its supplier ships; empty for everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<Region>,
}

/// Units that a supplier has of one of its SKUs, shared by all offers that name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// As the supplier told.
    pub stock: u32,
    /// What is left of it after our reservations. Negative after a feed that told less than was
    /// reserved.
    pub available: i64,
    pub as_of: Timestamp,
}

/// An offer with the stock of its supplier SKU; no stock means it is not tracked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferWithStock {
    pub offer: Offer,
    pub stock: Option<Stock>,
}

/// A row of `offers.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueRow {
    pub offer: Offer,
    pub stock: Option<u32>,
    /// When the stock was counted; the time of applying where the file does not say.
    pub as_of: Option<Timestamp>,
}
