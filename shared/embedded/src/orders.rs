//! Orders: their events are the truth, everything else in a commit is an index of them.

use crate::Embedded;
use crate::columns::from_json;
use crate::commit::{apply, may_be_refused_late};
use crate::database::Broken;
use async_trait::async_trait;
use domain::commit::Commit;
use domain::ids::OrderId;
use domain::order::news::Payload;
use domain::routing::trace::Trace;
use ports::{CommitError, History, OrderStore, Provenance, StoreError};
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
}

pub(crate) fn load(connection: &Connection, order: OrderId) -> Result<Option<History>, Broken> {
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
