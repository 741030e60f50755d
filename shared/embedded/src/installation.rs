//! The database's own row about itself: which installation it is, how many groups of writes it has
//! committed, whether somebody serves it, and when it was last restored from a copy.

use crate::OpenError;
use crate::database::Broken;
use crate::marks::Mark;
use crate::restored::Itself;
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Row, params};
use std::time::Duration;

/// Whoever reads is given so long to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn itself(connection: &Connection) -> rusqlite::Result<Itself> {
    let sql = "SELECT id, commits, is_copy FROM installation";
    connection.query_row(sql, [], |row| {
        Ok(Itself {
            mark: mark(row)?,
            is_copy: row.get(2)?,
        })
    })
}

/// One more group, with what is written in it.
pub(crate) fn count(connection: &Connection) -> rusqlite::Result<Mark> {
    let sql = "UPDATE installation SET commits = commits + 1 RETURNING id, commits";
    connection.prepare_cached(sql)?.query_row([], mark)
}

fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    let commits: i64 = row.get(1)?;
    Ok(Mark {
        installation: row.get(0)?,
        commits: commits.unsigned_abs(),
    })
}

/// Taken for current from now on, as another installation: marks that were made after the copy, and
/// whoever still works on what it is a copy of, belong to the former one. What files were put into the
/// outbox after the copy is not known, so none counts as put.
pub(crate) fn adopt(
    connection: &Connection,
    now: Timestamp,
    beyond: u64,
) -> Result<Mark, OpenError> {
    let adopted = || {
        connection.execute_batch("BEGIN IMMEDIATE; DELETE FROM outbox;")?;
        let sql = "UPDATE installation SET id = lower(hex(randomblob(16))), is_copy = 0, serving = 0,
                       commits = max(commits + 1, ?1), restored_at = max(?2, coalesce(restored_at, ?2))
                   RETURNING id, commits";
        let beyond = i64::try_from(beyond).unwrap_or(i64::MAX);
        let mark = connection.query_row(sql, params![beyond, now.as_microsecond()], mark)?;
        connection.execute_batch("COMMIT")?;
        Ok(mark)
    };
    adopted().map_err(OpenError::Database)
}

pub(crate) fn restored_at(connection: &Connection) -> Result<Option<Timestamp>, Broken> {
    let sql = "SELECT restored_at FROM installation";
    let at: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    at.map(|at| crate::columns::time("when it was restored", at))
        .transpose()
}

pub(crate) fn set_serving(connection: &Connection, serving: bool) -> rusqlite::Result<()> {
    let sql = "UPDATE installation SET serving = ?1";
    connection.execute(sql, [serving]).map(drop)
}

/// Brings everything into the main file, or fails.
pub(crate) fn checkpoint_all(connection: &Connection) -> rusqlite::Result<()> {
    if truncate(connection)? {
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        let why = "somebody reads the database; end it, then start again".to_owned();
        return Err(rusqlite::Error::SqliteFailure(busy, Some(why)));
    }
    Ok(())
}

/// Brings everything into the main file, where it shows that the log is missing.
pub(crate) fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    if truncate(connection)? {
        tracing::warn!("somebody reads the database: that its log is lost would not show yet");
    }
    Ok(())
}

/// Whether somebody kept it from ending.
fn truncate(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Whoever closes last would take the log away.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(checkpoint, [], |row| row.get(0))
}
