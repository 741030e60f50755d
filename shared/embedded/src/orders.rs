//! Orders: their events are the truth, everything else in a commit is an index of them.

use crate::columns::{from_json, from_text, limited};
use crate::commit::{apply, may_be_refused_late, number_of, postpone};
use crate::database::Broken;
use crate::{Embedded, incidents};
use async_trait::async_trait;
use domain::cases::CaseKind;
use domain::commit::Commit;
use domain::ids::OrderId;
use domain::order::index::Index;
use domain::order::news::Payload;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::routing::trace::Trace;
use jiff::Timestamp;
use ports::{
    CaseRow, Closing, CommitError, History, Incident, OrderStore, Page, Provenance, StoreError,
};
use rusqlite::{Connection, OptionalExtension, params};

#[async_trait]
impl OrderStore for Embedded {
    /// Data that nobody took note of was refused when it was opened.
    async fn provenance(&self) -> Result<Provenance, StoreError> {
        Ok(Provenance::Known {
            restored_at: self.restored_at,
        })
    }

    async fn load(&self, order: &OrderId) -> Result<Option<History>, StoreError> {
        let order = order.clone();
        Ok(self
            .database
            .read(move |connection| load(connection, order))
            .await?)
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let database = &self.database;
        let late = may_be_refused_late(&commit);
        let work = move |connection: &Connection| apply(connection, &commit);
        if late {
            database.write(work).await?;
        } else {
            database.write_at_once(work).await?;
        }
        Ok(())
    }

    async fn payload(&self, order: &OrderId, number: u32) -> Result<Option<Payload>, StoreError> {
        let order = order.to_string();
        let found = self
            .database
            .read(move |connection| item(connection, "payloads", &order, number))
            .await?;
        Ok(found
            .map(|body| from_json("a payload", &body))
            .transpose()?)
    }

    async fn trace(&self, order: &OrderId, number: u32) -> Result<Option<Trace>, StoreError> {
        let order = order.to_string();
        let found = self
            .database
            .read(move |connection| item(connection, "traces", &order, number))
            .await?;
        Ok(found.map(|body| from_json("a trace", &body)).transpose()?)
    }

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

    async fn open_incident(&self, incident: &Incident) -> Result<bool, StoreError> {
        let incident = incident.clone();
        let opened = self
            .database
            .write(move |connection| incidents::open(connection, &incident));
        Ok(opened.await?)
    }

    async fn close_incident(
        &self,
        kind: CaseKind,
        cause: &str,
        closing: &Closing,
    ) -> Result<bool, StoreError> {
        let (cause, closing) = (cause.to_owned(), closing.clone());
        let closed = self
            .database
            .write(move |connection| incidents::close(connection, kind, &cause, &closing));
        Ok(closed.await?)
    }

    async fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        Ok(self.database.read(incidents::all_open).await?)
    }

    async fn closed_incidents(&self, limit: usize) -> Result<Vec<(Incident, Closing)>, StoreError> {
        Ok(self
            .database
            .read(move |connection| incidents::closed(connection, limit))
            .await?)
    }
}

fn load(connection: &Connection, order: OrderId) -> Result<Option<History>, Broken> {
    let mut statement = connection
        .prepare_cached("SELECT body FROM events WHERE order_id = ?1 ORDER BY sequence")?;
    let mut rows = statement.query([order.to_string()])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let what = format!("event {} of {order}", events.len() + 1);
        events.push(from_json(
            &what,
            row.get_ref(0)?
                .as_str()
                .map_err(|_| Broken::Unreadable(what.clone()))?,
        )?);
    }
    Ok((!events.is_empty()).then_some(History { order, events }))
}

fn item(
    connection: &Connection,
    table: &str,
    order: &str,
    number: u32,
) -> Result<Option<String>, Broken> {
    let sql = format!("SELECT body FROM {table} WHERE order_id = ?1 AND number = ?2");
    Ok(connection
        .prepare_cached(&sql)?
        .query_row(params![order, number], |row| row.get(0))
        .optional()?)
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
