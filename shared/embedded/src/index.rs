//! What orders are found by without loading them.

use crate::Embedded;
use crate::columns::{from_json, from_text, limited};
use crate::commit::{number_of, postpone};
use crate::database::Broken;
use async_trait::async_trait;
use domain::ids::OrderId;
use domain::order::index::Index;
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use ports::{CaseRow, OrderIndex, Page, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};

#[async_trait]
impl OrderIndex for Embedded {
    async fn find(&self, number: &PurchaseOrderNumber) -> Result<Option<OrderId>, StoreError> {
        let number = number.clone();
        let found = self
            .database
            .read(move |connection| Ok(owner(connection, &number)?))
            .await?;
        Ok(found.map(|id| from_text("an order id", id)).transpose()?)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError> {
        let sql = "SELECT id FROM orders WHERE due <= ?1 ORDER BY due, id LIMIT ?2";
        Ok(self
            .database
            .read(move |connection| {
                ids(
                    connection,
                    sql,
                    params![now.as_microsecond(), limited(limit)],
                )
            })
            .await?)
    }

    async fn postpone(
        &self,
        order: &OrderId,
        version: Option<u64>,
        index: &Index,
    ) -> Result<(), StoreError> {
        let (order, index) = (order.to_string(), index.clone());
        let version = version.map(number_of);
        let postponed = self
            .database
            .write(move |connection| postpone(connection, &order, version, &index));
        Ok(postponed.await?)
    }

    async fn cases(&self) -> Result<Vec<CaseRow>, StoreError> {
        Ok(self.database.read(cases).await?)
    }

    /// A page ends with an id, and the next begins after it.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let after = after.unwrap_or_default().to_owned();
        let sql = "SELECT id FROM orders WHERE id > ?1 ORDER BY id LIMIT ?2";
        let orders = self
            .database
            .read(move |connection| ids(connection, sql, params![after, limited(limit)]))
            .await?;
        let next = orders.last().filter(|_| orders.len() >= limit);
        Ok(Page {
            next: next.map(OrderId::to_string),
            orders,
        })
    }
}

pub(crate) fn owner(
    connection: &Connection,
    number: &PurchaseOrderNumber,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT order_id FROM reference_numbers WHERE number = ?1")?
        .query_row([number.as_str()], |row| row.get(0))
        .optional()
}

fn ids(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<OrderId>, Broken> {
    let mut statement = connection.prepare_cached(sql)?;
    let texts: Vec<String> = statement
        .query_map(values, |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    texts
        .into_iter()
        .map(|text| from_text("an order id", text))
        .collect()
}

fn cases(connection: &Connection) -> Result<Vec<CaseRow>, Broken> {
    let mut statement = connection.prepare_cached(
        "SELECT order_id, body, configuration FROM cases JOIN orders ON orders.id = cases.order_id
         ORDER BY order_id, number",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let configuration: Option<String> = row.get(2)?;
        found.push(CaseRow {
            order: from_text("an order id", row.get(0)?)?,
            entry: from_json("a case", &row.get::<_, String>(1)?)?,
            configuration: configuration
                .map(|text| from_text("a digest", text))
                .transpose()?,
        });
    }
    Ok(found)
}
