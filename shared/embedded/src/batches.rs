//! Batches: which purchase orders go with each, and what became of its file.

use crate::Embedded;
use crate::columns::{from_json, from_text, limited, time, to_json};
use crate::database::Broken;
use async_trait::async_trait;
use domain::batch::{Batch, BatchName, Uploaded};
use domain::ids::{OrderId, SupplierId};
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use ports::{BatchStore, StoreError};
use rusqlite::{Connection, params};

#[async_trait]
impl BatchStore for Embedded {
    async fn entries(
        &self,
        supplier: &SupplierId,
        cut_off: Timestamp,
    ) -> Result<Vec<(OrderId, PurchaseOrderNumber)>, StoreError> {
        let supplier = supplier.to_string();
        let found = self
            .database
            .read(move |connection| entries(connection, &supplier, cut_off));
        Ok(found.await?)
    }

    async fn put_batch(&self, batch: &Batch) -> Result<(), StoreError> {
        let batch = batch.clone();
        let put = self.database.write(move |connection| {
            let sql = "INSERT INTO batches (name, supplier, cut_off, purchase_orders, upload_by)
                       VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
            let row = params![
                batch.name.as_str(),
                batch.supplier.as_str(),
                batch.cut_off.as_microsecond(),
                to_json(&batch.purchase_orders)?,
                batch.upload_by.map(Timestamp::as_microsecond)
            ];
            connection.prepare_cached(sql)?.execute(row)?;
            Ok::<_, Broken>(())
        });
        Ok(put.await?)
    }

    async fn batches(&self, limit: usize) -> Result<Vec<Batch>, StoreError> {
        let found = self
            .database
            .read(move |connection| batches(connection, limited(limit)));
        Ok(found.await?)
    }

    async fn mark_uploaded(
        &self,
        name: &BatchName,
        uploaded: &Uploaded,
    ) -> Result<bool, StoreError> {
        let (name, uploaded) = (name.clone(), uploaded.clone());
        let marked = self.database.write(move |connection| {
            let sql = "UPDATE batches SET uploaded = ?2 WHERE name = ?1 AND uploaded IS NULL";
            let row = params![name.as_str(), to_json(&uploaded)?];
            Ok::<_, Broken>(connection.prepare_cached(sql)?.execute(row)? == 1)
        });
        Ok(marked.await?)
    }
}

fn entries(
    connection: &Connection,
    supplier: &str,
    cut_off: Timestamp,
) -> Result<Vec<(OrderId, PurchaseOrderNumber)>, Broken> {
    let sql = "SELECT order_id, purchase_order FROM batch_entries
               WHERE supplier = ?1 AND cut_off = ?2 ORDER BY purchase_order";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![supplier, cut_off.as_microsecond()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let number: String = row.get(1)?;
        let number = PurchaseOrderNumber::parse(&number)
            .map_err(|_| Broken::Unreadable("a purchase order number".to_owned()))?;
        found.push((from_text("an order id", row.get(0)?)?, number));
    }
    Ok(found)
}

fn batches(connection: &Connection, limit: i64) -> Result<Vec<Batch>, Broken> {
    let sql = "SELECT name, supplier, cut_off, purchase_orders, upload_by, uploaded FROM batches
               ORDER BY cut_off DESC, name LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, numbers): (String, String) = (row.get(0)?, row.get(3)?);
        let (upload_by, uploaded): (Option<i64>, Option<String>) = (row.get(4)?, row.get(5)?);
        found.push(Batch {
            name: BatchName::from_text(&name),
            supplier: from_text("a supplier", row.get(1)?)?,
            cut_off: time("the cut-off of a batch", row.get(2)?)?,
            purchase_orders: from_json("the purchase orders of a batch", &numbers)?,
            upload_by: upload_by
                .map(|by| time("the deadline of a batch", by))
                .transpose()?,
            uploaded: uploaded
                .map(|uploaded| from_json("who uploaded a batch", &uploaded))
                .transpose()?,
        });
    }
    Ok(found)
}
