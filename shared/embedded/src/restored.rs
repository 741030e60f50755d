//! Whether a database is what it was when somebody last worked with it, or was put there from a copy.
//!
//! Facts are gathered before anything is opened, since opening creates files; the judgement is pure.

use crate::marks::Mark;
use crate::{OpenError, marks};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::{fs, io};

/// How it shows that the data is older than what was done with it, or may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Restored {
    #[error("the database knows of {database} groups of writes, and its mark of {mark}")]
    Behind { database: u64, mark: u64 },
    #[error("a mark beside it belongs to another installation")]
    AnotherInstallation,
    #[error("no mark lies beside the database")]
    NoMark,
    #[error("a mark or files in the outbox are there, and no database is")]
    NoDatabase,
    #[error("the database is a copy that `waybill backup` made")]
    Copy,
    #[error(
        "a server worked on the database, and its last writes, which were in waybill.db-wal, are gone"
    )]
    WalLost,
}

/// What the database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Itself {
    pub(crate) mark: Mark,
    pub(crate) is_copy: bool,
}

/// What the files beside the database say.
pub(crate) struct Beside {
    pub(crate) marks: Vec<Mark>,
    has_database: bool,
    outbox_is_used: bool,
    /// What its log shows: that it is lost, or that a copy took the place of the database with which it
    /// goes.
    log: Option<Restored>,
}

impl Beside {
    pub(crate) fn look(data: &Path) -> Result<Self, OpenError> {
        let database = data.join("waybill.db");
        // Before the database: a mark never leads it.
        let marks = marks::read(data).map_err(OpenError::Directory)?;
        let has_database = is_used_file(&database).map_err(OpenError::Directory)?;
        let outbox_is_used = is_used_folder(&data.join("outbox")).map_err(OpenError::Directory)?;
        Ok(Self {
            marks,
            has_database,
            outbox_is_used,
            log: if has_database {
                log_shows(&database)?
            } else {
                None
            },
        })
    }

    /// Renames the log that does not go with the copy, before anybody opens the two together. What
    /// is in it the marks know of.
    pub(crate) fn set_log_aside(&self, data: &Path, now: Timestamp) -> io::Result<()> {
        if self.log != Some(Restored::Copy) {
            return Ok(());
        }
        let wal = wal_of(&data.join("waybill.db"));
        let mut aside = wal.clone();
        aside.push(format!(".{}", now.as_second()));
        fs::rename(&wal, &aside)?;
        match fs::remove_file(data.join("waybill.db-shm")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What shows before the database is opened.
    pub(crate) fn judge(&self) -> Option<Restored> {
        let is_used = self.outbox_is_used || !self.marks.is_empty();
        if !self.has_database && is_used {
            Some(Restored::NoDatabase)
        } else {
            self.log.clone()
        }
    }

    /// What shows then.
    pub(crate) fn judge_with(&self, database: &Itself) -> Option<Restored> {
        let own = &database.mark;
        let ahead = self.marks.iter().map(|mark| mark.commits).max();
        if database.is_copy {
            return Some(Restored::Copy);
        }
        if self
            .marks
            .iter()
            .any(|mark| mark.installation != own.installation)
        {
            return Some(Restored::AnotherInstallation);
        }
        match ahead {
            None => (own.commits > 0).then_some(Restored::NoMark),
            Some(mark) => (mark > own.commits).then_some(Restored::Behind {
                database: own.commits,
                mark,
            }),
        }
    }

    /// More than any mark says.
    pub(crate) fn beyond(&self) -> u64 {
        let marks = self.marks.iter().map(|mark| mark.commits);
        marks.max().unwrap_or(0).saturating_add(1)
    }
}

fn is_used_file(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.len() > 0),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_used_folder(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().transpose()?.is_some()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The main file is read alone, so that no log is made. In it lie the flags that it is a copy, and that
/// somebody serves it, so that a log goes with it.
fn log_shows(database: &Path) -> Result<Option<Restored>, OpenError> {
    let wal = wal_of(database);
    let has_wal = || fs::exists(&wal).map_err(OpenError::Directory);
    if has_wal()? {
        let is_used = is_used_file(Path::new(&wal)).map_err(OpenError::Directory)?;
        // A server that is at work may be writing the main file: what cannot be read then is no copy.
        let is_copy = is_used && in_main_file(database, "is_copy").unwrap_or(false);
        return Ok(is_copy.then_some(Restored::Copy));
    }
    let serving = in_main_file(database, "serving").map_err(OpenError::Database)?;
    // A server that begins makes the log before it sets the flag.
    Ok((serving && !has_wal()?).then_some(Restored::WalLost))
}

fn wal_of(database: &Path) -> OsString {
    let mut wal = database.as_os_str().to_owned();
    wal.push("-wal");
    wal
}

/// A flag of the installation as the main file alone has it.
fn in_main_file(database: &Path, flag: &str) -> rusqlite::Result<bool> {
    let path = database.to_string_lossy();
    let path = path.replace('%', "%25").replace('?', "%3f");
    let uri = format!("file:{}?immutable=1", path.replace('#', "%23"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags)?;
    // Of another version it is refused for that.
    let has_table = "SELECT 1 FROM sqlite_schema WHERE name = 'installation'";
    let has_table = connection.query_row(has_table, [], |_| Ok(())).optional()?;
    if has_table.is_none() {
        return Ok(false);
    }
    let flag = format!("SELECT {flag} FROM installation");
    connection.query_row(&flag, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(installation: &str, commits: u64) -> Mark {
        Mark {
            installation: installation.to_owned(),
            commits,
        }
    }

    #[test]
    fn every_kind_of_copy_shows() {
        let beside = |marks: &[Mark]| Beside {
            marks: marks.to_vec(),
            has_database: true,
            outbox_is_used: true,
            log: None,
        };
        let database = |commits, is_copy| Itself {
            mark: mark("own", commits),
            is_copy,
        };
        let behind = Some(Restored::Behind {
            database: 5,
            mark: 6,
        });
        let cases = [
            // As it should be, and with marks that lag.
            (
                vec![mark("own", 5), mark("own", 5)],
                database(5, false),
                None,
            ),
            (vec![mark("own", 3)], database(5, false), None),
            (vec![], database(0, false), None),
            // Either mark.
            (
                vec![mark("own", 6), mark("own", 5)],
                database(5, false),
                behind.clone(),
            ),
            (
                vec![mark("own", 5), mark("own", 6)],
                database(5, false),
                behind,
            ),
            (
                vec![mark("own", 5), mark("other", 1)],
                database(5, false),
                Some(Restored::AnotherInstallation),
            ),
            (vec![], database(5, false), Some(Restored::NoMark)),
            (
                vec![mark("own", 5)],
                database(5, true),
                Some(Restored::Copy),
            ),
            (vec![], database(0, true), Some(Restored::Copy)),
        ];
        for (marks, database, expected) in cases {
            let found = beside(&marks).judge_with(&database);
            assert_eq!(found, expected, "{marks:?} {database:?}");
        }
    }

    #[test]
    fn what_shows_without_a_database() {
        let cases = [
            (false, false, false, None),
            (false, true, false, Some(Restored::NoDatabase)),
            (false, false, true, Some(Restored::NoDatabase)),
            (true, true, true, None),
        ];
        for (has_database, outbox_is_used, has_mark, expected) in cases {
            let beside = Beside {
                marks: has_mark.then(|| mark("own", 1)).into_iter().collect(),
                has_database,
                outbox_is_used,
                log: None,
            };
            assert_eq!(beside.judge(), expected);
        }
    }
}
