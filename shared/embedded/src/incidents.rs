//! Incidents, open and closed; who closed them stays.

use crate::Embedded;
use crate::columns::{from_text, limited, time};
use crate::database::Broken;
use async_trait::async_trait;
use domain::cases::CaseKind;
use ports::{Closing, Incident, IncidentStore, StoreError};
use rusqlite::{Connection, Row, params};

#[async_trait]
impl IncidentStore for Embedded {
    async fn open_incident(&self, incident: &Incident) -> Result<bool, StoreError> {
        let incident = incident.clone();
        let opened = self
            .database
            .write(move |connection| open(connection, &incident));
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
            .write(move |connection| close(connection, kind, &cause, &closing));
        Ok(closed.await?)
    }

    async fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        Ok(self.database.read(all_open).await?)
    }

    async fn closed_incidents(&self, limit: usize) -> Result<Vec<(Incident, Closing)>, StoreError> {
        Ok(self
            .database
            .read(move |connection| closed(connection, limit))
            .await?)
    }
}

fn open(connection: &Connection, incident: &Incident) -> Result<bool, Broken> {
    let sql = "INSERT INTO incidents (kind, cause, detail, opened_at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (kind, cause) WHERE closed_at IS NULL DO NOTHING";
    let row = params![
        incident.kind.to_string(),
        incident.cause,
        incident.detail,
        incident.opened_at.as_microsecond()
    ];
    Ok(connection.prepare_cached(sql)?.execute(row)? == 1)
}

fn close(
    connection: &Connection,
    kind: CaseKind,
    cause: &str,
    closing: &Closing,
) -> Result<bool, Broken> {
    let sql = "UPDATE incidents SET closed_at = ?3, closed_by = ?4, closed_why = ?5
               WHERE kind = ?1 AND cause = ?2 AND closed_at IS NULL";
    let row = params![
        kind.to_string(),
        cause,
        closing.at.as_microsecond(),
        closing.who,
        closing.why
    ];
    Ok(connection.prepare_cached(sql)?.execute(row)? == 1)
}

fn all_open(connection: &Connection) -> Result<Vec<Incident>, Broken> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, cause, detail, opened_at FROM incidents WHERE closed_at IS NULL
         ORDER BY opened_at, id",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(incident(row)?);
    }
    Ok(found)
}

fn closed(connection: &Connection, limit: usize) -> Result<Vec<(Incident, Closing)>, Broken> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, cause, detail, opened_at, closed_at, closed_by, closed_why FROM incidents
         WHERE closed_at IS NOT NULL ORDER BY closed_at DESC, id DESC LIMIT ?1",
    )?;
    let mut rows = statement.query([limited(limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let closing = Closing {
            at: time("an incident's closing", row.get(4)?)?,
            who: row.get(5)?,
            why: row.get(6)?,
        };
        found.push((incident(row)?, closing));
    }
    Ok(found)
}

fn incident(row: &Row<'_>) -> Result<Incident, Broken> {
    Ok(Incident {
        kind: from_text("the kind of an incident", row.get(0)?)?,
        cause: row.get(1)?,
        detail: row.get(2)?,
        opened_at: time("an incident's opening", row.get(3)?)?,
    })
}
