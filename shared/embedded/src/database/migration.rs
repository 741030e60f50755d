//! What takes a database that an older version made to the form of this one: numbered steps in one
//! transaction, after a copy of it was put beside it. Wherever it is broken off, the database is of the
//! old form or of the new one.

use super::Broken;
use super::schema::FORM;
use crate::OpenError;
use crate::backup::{BackupError, copy};
use crate::commit::{refer, set_open};
use crate::orders::load;
use domain::ids::OrderId;
use rusqlite::{Connection, params};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Leads from the form before to the form of its number.
type Step = fn(&Connection) -> Result<(), Broken>;

const STEPS: [(i64, Step); 1] = [(2, references)];

/// For the holder of the directory lock: whoever works on the older form must have ended.
pub(crate) fn migrate(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    // From here on nobody else writes, so the copy is what the steps begin with.
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    begun.map_err(OpenError::Database)?;
    let migrated = steps(connection, path);
    if migrated.is_err() {
        super::abandon(connection);
    }
    migrated
}

fn steps(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |broken: Broken| OpenError::Migration(broken.into());
    let found = form(connection).map_err(|error| failed(error.into()))?;
    let missing: Vec<_> = STEPS.iter().filter(|(form, _)| *form > found).collect();
    if missing.is_empty() {
        super::abandon(connection);
        return Ok(());
    }
    let kept = keep_copy(path, found).map_err(OpenError::MigrationCopy)?;
    tracing::info!(form = found, copy = %kept.display(), "a copy of the database is kept");
    for (form, step) in missing {
        step(connection).map_err(failed)?;
        let set = connection.pragma_update(None, "user_version", form);
        set.map_err(|error| failed(error.into()))?;
    }
    let committed = connection.execute_batch("COMMIT");
    committed.map_err(|error| failed(error.into()))?;
    tracing::info!(form = FORM, "the database has another form");
    Ok(())
}

pub(super) fn form(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// `waybill.db.form-1`, or with a number behind it where there is one already: no copy replaces another.
fn keep_copy(path: &Path, form: i64) -> Result<PathBuf, BackupError> {
    let mut number = 1_u32;
    loop {
        let mut name = OsString::from(path);
        name.push(format!(".form-{form}"));
        if number > 1 {
            name.push(format!(".{number}"));
        }
        let file = PathBuf::from(name);
        match copy(path, &file) {
            Err(BackupError::AlreadyThere) => number += 1,
            copied => return copied.map(|()| file),
        }
    }
}

/// Form 2: what an order is known by, suppliers with something open, and when it was received.
fn references(connection: &Connection) -> Result<(), Broken> {
    connection.execute_batch(include_str!("form-2.sql"))?;
    let mut after = String::new();
    loop {
        let next = "SELECT id FROM orders WHERE id > ?1 ORDER BY id LIMIT 1";
        let mut statement = connection.prepare_cached(next)?;
        let mut rows = statement.query([&after])?;
        let Some(row) = rows.next()? else {
            return Ok(());
        };
        after = row.get(0)?;
        index(connection, &after)?;
    }
}

/// Of an order that cannot be read nothing is known but that it is there: it is found by its id.
fn index(connection: &Connection, id: &str) -> Result<(), Broken> {
    let Ok(order) = OrderId::parse(id) else {
        return Ok(());
    };
    let history = match load(connection, order) {
        Ok(Some(history)) => history,
        Ok(None) | Err(Broken::Unreadable(_)) => return Ok(()),
        Err(broken) => return Err(broken),
    };
    if let Some(first) = history.events.first() {
        let sql = "UPDATE orders SET received_at = ?2 WHERE id = ?1";
        let row = params![id, first.at.as_microsecond()];
        connection.prepare_cached(sql)?.execute(row)?;
    }
    let Ok(order) = history.fold() else {
        return Ok(());
    };
    for reference in order.references() {
        // Purchase order numbers have a table of their own since form 1.
        if !matches!(reference, domain::order::Reference::PurchaseOrder(_)) {
            refer(connection, id, &reference)?;
        }
    }
    Ok(set_open(connection, id, &order.open_suppliers())?)
}
