//! How a connection is set up, and the schema that it finds or makes.

use crate::OpenError;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::time::Duration;

const SCHEMA: i64 = 5;
const CHECKPOINT_PAGES: i64 = 4000;
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Long enough for the command line, which writes from another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn prepare(connection: &Connection) -> Result<(), OpenError> {
    settings(connection).map_err(OpenError::Database)?;
    let found = create(connection).map_err(OpenError::Database)?;
    if found == SCHEMA {
        Ok(())
    } else {
        Err(OpenError::Schema {
            found,
            known: SCHEMA,
        })
    }
}

fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Else a statement on a table with a partial index is planned anew at every use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Whoever closes last would take away the log, whose absence shows that it was lost.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Pages that many orders change are then written back once for all of them, and are not read
/// again meanwhile. What is committed is durable in the log all the same.
pub(super) fn writer_settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)
}

pub(super) fn read_only(connection: &Connection) -> rusqlite::Result<()> {
    settings(connection)?;
    connection.pragma_update(None, "query_only", true)
}

/// The schema that is then in place. Two processes may try at once.
fn create(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let found = match connection.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => {
            connection.execute_batch(include_str!("../schema.sql"))?;
            connection.pragma_update(None, "user_version", SCHEMA)?;
            SCHEMA
        }
        other => other,
    };
    connection.execute_batch("COMMIT")?;
    Ok(found)
}
