//! Offers, stock and what is spent.

use super::StoreError;
use async_trait::async_trait;
use domain::catalogue::{CatalogueRow, OfferWithStock, Stock};
use domain::digest::Digest;
use domain::ids::{Sku, SupplierId, SupplierSku};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::spending::Spent;
use jiff::Timestamp;
use jiff::civil::Date;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reservation {
    pub supplier: SupplierId,
    pub supplier_sku: SupplierSku,
    pub purchase_order: PurchaseOrderNumber,
    pub quantity: u32,
    pub sent_at: Option<Timestamp>,
}

/// Some of everything reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationPage {
    pub reservations: Vec<Reservation>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

const ROWS_A_PAGE: usize = 1000;

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
    /// About `limit` of everything reserved from where another page ended, for the report.
    async fn reservation_page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ReservationPage, StoreError>;
    /// Everything reserved, in the order of suppliers, their SKUs and numbers.
    async fn reservations(&self) -> Result<Vec<Reservation>, StoreError> {
        let mut reservations = Vec::new();
        let mut after = None;
        loop {
            let page = self.reservation_page(after.as_deref(), ROWS_A_PAGE).await?;
            reservations.extend(page.reservations);
            after = page.next;
            if after.is_none() {
                reservations.sort();
                return Ok(reservations);
            }
        }
    }
    async fn stock(&self) -> Result<Vec<(SupplierId, SupplierSku, Stock)>, StoreError>;
}
