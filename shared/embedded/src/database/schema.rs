//! How a connection is set up, and the schema that it finds or makes.

use crate::OpenError;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// The number of the form in which everything is stored, the JSON in the tables included. Form 1 is the
/// baseline: whatever changed after it has another number and a migration.
pub(crate) const FORM: i64 = 2;
const BASELINE: i64 = 1;
/// `Wayb`: a database without it was made before the baseline.
const APPLICATION: i64 = 0x5761_7962;
const CHECKPOINT_PAGES: i64 = 4000;
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Long enough for the command line, which writes from another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the database has the form of this version, or an older one that can be migrated to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Current,
    Older(i64),
}

impl Form {
    /// For whoever must not migrate it.
    pub(crate) fn current(self) -> Result<(), OpenError> {
        match self {
            Self::Current => Ok(()),
            Self::Older(found) => Err(OpenError::Older { found, known: FORM }),
        }
    }
}

pub(super) fn prepare(connection: &Connection) -> Result<Form, OpenError> {
    settings(connection).map_err(OpenError::Database)?;
    let (application, found) = create(connection).map_err(OpenError::Database)?;
    if application != APPLICATION && application != 0 {
        Err(OpenError::Foreign)
    } else if application == 0 || found < BASELINE {
        Err(OpenError::BeforeBaseline)
    } else if found > FORM {
        Err(OpenError::Newer { found, known: FORM })
    } else if found < FORM {
        Ok(Form::Older(found))
    } else {
        Ok(Form::Current)
    }
}

/// As the file format of `SQLite` has it: `user_version` as four bytes from byte 60 on, the greatest first.
pub(crate) fn form_in_head(file: &Path) -> Option<i64> {
    let mut head = [0; 64];
    File::open(file).ok()?.read_exact(&mut head).ok()?;
    let bytes = head.get(60..)?.try_into().ok()?;
    Some(i64::from(u32::from_be_bytes(bytes)))
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

/// The application and the form that are then in place. Two processes may try at once.
fn create(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let pragma = |name: &str| -> rusqlite::Result<i64> {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    };
    let found = match (pragma("application_id")?, pragma("user_version")?) {
        (0, 0) => {
            connection.execute_batch(include_str!("../schema.sql"))?;
            connection.pragma_update(None, "application_id", APPLICATION)?;
            connection.pragma_update(None, "user_version", FORM)?;
            (APPLICATION, FORM)
        }
        other => other,
    };
    connection.execute_batch("COMMIT")?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(application: i64, form: i64) -> String {
        let connection = Connection::open_in_memory().unwrap();
        let set = |name: &str, value: i64| connection.pragma_update(None, name, value).unwrap();
        set("application_id", application);
        set("user_version", form);
        prepare(&connection).unwrap_err().to_string()
    }

    #[test]
    fn a_form_that_this_version_does_not_know_is_refused_with_what_to_do() {
        for before in [refused(0, 5), refused(0, 1), refused(APPLICATION, 0)] {
            assert!(before.contains("before its first release"), "{before}");
            assert!(
                before.ends_with("begin with an empty data directory"),
                "{before}"
            );
        }
        let foreign = refused(7, 1);
        assert!(foreign.contains("another program's"), "{foreign}");
        let newer = refused(APPLICATION, FORM + 1);
        assert!(
            newer.contains("form 3, and this version of Waybill knows forms up to 2"),
            "{newer}"
        );
    }

    #[test]
    fn a_database_of_this_form_is_opened_again() {
        let connection = Connection::open_in_memory().unwrap();
        for _ in 0..2 {
            assert_eq!(prepare(&connection).unwrap(), Form::Current);
        }
    }
}
