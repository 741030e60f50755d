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
use rusqlite::{Connection, OpenFlags, params};
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
    let kept = keep_copy(connection, path, found).map_err(OpenError::MigrationCopy)?;
    tracing::info!(form = found, copy = %kept.display(), "a copy of the database is kept");
    if let Err(broken) = take(connection, &missing) {
        // The database still is what the copy is, and a server that is started again and again must not
        // fill the disk with copies.
        super::abandon(connection);
        let _ = std::fs::remove_file(&kept);
        return Err(failed(broken));
    }
    tracing::info!(form = FORM, "the database has another form");
    Ok(())
}

fn take(connection: &Connection, missing: &[&(i64, Step)]) -> Result<(), Broken> {
    for (form, step) in missing {
        step(connection)?;
        connection.pragma_update(None, "user_version", form)?;
    }
    Ok(connection.execute_batch("COMMIT")?)
}

pub(super) fn form(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// `waybill.db.form-1`, or with a number behind it where there is another one already: no copy replaces
/// another. One that a migration made which was broken off is the copy.
fn keep_copy(connection: &Connection, path: &Path, form: i64) -> Result<PathBuf, BackupError> {
    let mut number = 1_u32;
    loop {
        let mut name = OsString::from(path);
        name.push(format!(".form-{form}"));
        if number > 1 {
            name.push(format!(".{number}"));
        }
        let file = PathBuf::from(name);
        match copy(path, &file) {
            Err(BackupError::AlreadyThere) if is_copy_of(&file, connection) => return Ok(file),
            Err(BackupError::AlreadyThere) => number += 1,
            copied => return copied.map(|()| file),
        }
    }
}

/// Whether nothing was written since that copy was made.
fn is_copy_of(file: &Path, connection: &Connection) -> bool {
    let written = |connection: &Connection| -> rusqlite::Result<(String, i64)> {
        let sql = "SELECT id, commits FROM installation";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let is_whole = |copy: &Connection| -> rusqlite::Result<bool> {
        let checked: String = copy.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
        Ok(checked == "ok")
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let is_plain = std::fs::symlink_metadata(file).is_ok_and(|file| file.is_file());
    is_plain
        && Connection::open_with_flags(file, flags).is_ok_and(|copy| {
            matches!((written(&copy), written(connection)), (Ok(copied), Ok(now)) if copied == now)
                && matches!(is_whole(&copy), Ok(true))
        })
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
