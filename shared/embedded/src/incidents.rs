//! Incidents, open and closed; who closed them stays.

use crate::columns::{from_text, limited, time};
use crate::database::Broken;
use domain::cases::CaseKind;
use ports::{Closing, Incident};
use rusqlite::{Connection, Row, params};

pub(crate) fn open(connection: &Connection, incident: &Incident) -> Result<bool, Broken> {
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

pub(crate) fn close(
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

pub(crate) fn all_open(connection: &Connection) -> Result<Vec<Incident>, Broken> {
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

pub(crate) fn closed(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<(Incident, Closing)>, Broken> {
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
