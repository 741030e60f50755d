//! Offers, and the stock that reservations are taken from.

use crate::Embedded;
use crate::columns::{from_json, from_text, limited, time, to_json};
use crate::database::Broken;
use async_trait::async_trait;
use domain::catalogue::{CatalogueRow, OfferWithStock, Stock};
use domain::digest::Digest;
use domain::ids::{Sku, SupplierId, SupplierSku};
use domain::money::Money;
use domain::spending::Spent;
use jiff::Timestamp;
use jiff::civil::Date;
use ports::{OfferStore, Reservation, ReservationPage, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params};

#[async_trait]
impl OfferStore for Embedded {
    async fn offers(&self, skus: &[Sku]) -> Result<Vec<OfferWithStock>, StoreError> {
        let skus = skus.to_vec();
        Ok(self
            .database
            .read(move |connection| offers(connection, &skus))
            .await?)
    }

    async fn apply(
        &self,
        digest: &Digest,
        rows: &[CatalogueRow],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (digest, rows) = (digest.clone(), rows.to_vec());
        Ok(self
            .database
            .write(move |connection| apply(connection, &digest, &rows, now))
            .await?)
    }

    async fn spent(&self, suppliers: &[SupplierId], from: Date) -> Result<Vec<Spent>, StoreError> {
        if suppliers.is_empty() {
            return Ok(Vec::new());
        }
        let (suppliers, from) = (suppliers.to_vec(), from.to_string());
        let spent = move |connection: &Connection| {
            let of = |supplier: &SupplierId| spent(connection, supplier.as_str(), &from);
            let found: Result<Vec<Vec<Spent>>, Broken> = suppliers.iter().map(of).collect();
            Ok(found?.concat())
        };
        Ok(self.database.read(spent).await?)
    }

    async fn spending(&self) -> Result<Vec<Spent>, StoreError> {
        let all = |connection: &Connection| {
            let sql = "SELECT supplier, day, currency, spent FROM spending ORDER BY 1, 2, 3";
            rows_of_spending(connection, sql, params![])
        };
        Ok(self.database.read(all).await?)
    }

    /// A page ends with a key, and the next begins after it.
    async fn reservation_page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ReservationPage, StoreError> {
        let after: [String; 3] = match after {
            Some(after) => from_json("where a page ended", after)?,
            None => Default::default(),
        };
        let page = move |connection: &Connection| reservations(connection, &after, limit);
        let reservations = self.database.read(page).await?;
        let last = reservations.last().filter(|_| reservations.len() >= limit);
        let next = last.map(|last| {
            let Reservation {
                supplier,
                supplier_sku,
                purchase_order,
                ..
            } = last;
            to_json(&(supplier, supplier_sku, purchase_order))
        });
        Ok(ReservationPage {
            next: next.transpose()?,
            reservations,
        })
    }

    async fn stock(&self) -> Result<Vec<(SupplierId, SupplierSku, Stock)>, StoreError> {
        Ok(self.database.read(all_stock).await?)
    }
}

fn offers(connection: &Connection, skus: &[Sku]) -> Result<Vec<OfferWithStock>, Broken> {
    let mut statement = connection.prepare_cached(
        "SELECT stock.stock, stock.available, stock.as_of, offers.body
         FROM offers LEFT JOIN stock USING (supplier, supplier_sku) WHERE offers.sku = ?1 ORDER BY offers.id",
    )?;
    let mut found = Vec::new();
    for sku in skus {
        let mut rows = statement.query([sku.as_str()])?;
        while let Some(row) = rows.next()? {
            let stock = match row.get::<_, Option<u32>>(0)? {
                Some(_) => Some(stock_of(row)?),
                None => None,
            };
            found.push(OfferWithStock {
                offer: from_json("an offer", &row.get::<_, String>(3)?)?,
                stock,
            });
        }
    }
    Ok(found)
}

fn spent(connection: &Connection, supplier: &str, from: &str) -> Result<Vec<Spent>, Broken> {
    let sql = "SELECT supplier, day, currency, spent FROM spending
               WHERE supplier = ?1 AND day >= ?2 ORDER BY day, currency";
    rows_of_spending(connection, sql, params![supplier, from])
}

fn rows_of_spending(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Spent>, Broken> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Spent {
            supplier: from_text("a supplier id", row.get(0)?)?,
            day: from_text("a day", row.get(1)?)?,
            money: Money {
                currency: from_text("a currency", row.get(2)?)?,
                minor: row.get(3)?,
            },
        });
    }
    Ok(found)
}

/// Of the first three columns.
fn stock_of(row: &Row<'_>) -> Result<Stock, Broken> {
    Ok(Stock {
        stock: row.get(0)?,
        available: row.get(1)?,
        as_of: time("the as-of of a stock", row.get(2)?)?,
    })
}

fn apply(
    connection: &Connection,
    digest: &Digest,
    rows: &[CatalogueRow],
    now: Timestamp,
) -> Result<bool, Broken> {
    let place = "INSERT INTO catalogue (only, digest) VALUES (1, ?1)
                 ON CONFLICT (only) DO UPDATE SET digest = excluded.digest WHERE digest <> excluded.digest";
    if connection
        .prepare_cached(place)?
        .execute([digest.as_str()])?
        == 0
    {
        return Ok(false);
    }
    connection.execute("DELETE FROM offers", [])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO offers (sku, supplier, supplier_sku, body) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for row in rows {
        let offer = &row.offer;
        let body = to_json(offer)?;
        insert.execute([
            offer.sku.as_str(),
            offer.supplier.as_str(),
            offer.supplier_sku.as_str(),
            &body,
        ])?;
        if let Some(stock) = row.stock {
            let as_of = row.as_of.unwrap_or(now).as_microsecond();
            count(
                connection,
                offer.supplier.as_str(),
                offer.supplier_sku.as_str(),
                stock,
                as_of,
            )?;
        }
    }
    Ok(true)
}

/// A count contains what was sent before it: those reservations end. The others are still to come
/// off it.
fn count(
    connection: &Connection,
    supplier: &str,
    sku: &str,
    stock: u32,
    as_of: i64,
) -> Result<(), Broken> {
    let known: Option<i64> = connection
        .prepare_cached("SELECT as_of FROM stock WHERE supplier = ?1 AND supplier_sku = ?2")?
        .query_row([supplier, sku], |row| row.get(0))
        .optional()?;
    if known.is_some_and(|known| known > as_of) {
        return Ok(());
    }
    connection
        .prepare_cached(
            "DELETE FROM reservations WHERE supplier = ?1 AND supplier_sku = ?2 AND sent_at < ?3",
        )?
        .execute(params![supplier, sku, as_of])?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO stock (supplier, supplier_sku, stock, available, as_of)
             SELECT ?1, ?2, ?3, ?3 - coalesce(sum(quantity), 0), ?4
             FROM reservations WHERE supplier = ?1 AND supplier_sku = ?2",
        )?
        .execute(params![supplier, sku, stock, as_of])?;
    Ok(())
}

fn reservations(
    connection: &Connection,
    after: &[String; 3],
    limit: usize,
) -> Result<Vec<Reservation>, Broken> {
    let mut statement = connection.prepare_cached(
        "SELECT supplier, supplier_sku, purchase_order, quantity, sent_at FROM reservations
         WHERE (supplier, supplier_sku, purchase_order) > (?1, ?2, ?3)
         ORDER BY supplier, supplier_sku, purchase_order LIMIT ?4",
    )?;
    let [supplier, sku, number] = after;
    let mut rows = statement.query(params![supplier, sku, number, limited(limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let sent_at: Option<i64> = row.get(4)?;
        found.push(Reservation {
            supplier: from_text("a supplier id", row.get(0)?)?,
            supplier_sku: from_text("a supplier SKU", row.get(1)?)?,
            purchase_order: from_text("a purchase order number", row.get(2)?)?,
            quantity: row.get(3)?,
            sent_at: sent_at
                .map(|at| time("the sending of a reservation", at))
                .transpose()?,
        });
    }
    Ok(found)
}

fn all_stock(connection: &Connection) -> Result<Vec<(SupplierId, SupplierSku, Stock)>, Broken> {
    let mut statement = connection.prepare_cached(
        "SELECT stock, available, as_of, supplier, supplier_sku FROM stock ORDER BY supplier, supplier_sku",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let supplier = from_text("a supplier id", row.get(3)?)?;
        found.push((
            supplier,
            from_text("a supplier SKU", row.get(4)?)?,
            stock_of(row)?,
        ));
    }
    Ok(found)
}
