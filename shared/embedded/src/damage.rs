//! What is the matter with the place where the data lies, found out at the moment somebody asks: what
//! is damaged could not store it.

use crate::database::{Broken, Fault};
use crate::{Embedded, installation};
use ports::Unavailable;
use rusqlite::Connection;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Nothing that happens from then on is surely stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error(
        "the disk is full: nothing is accepted or sent until there is room; make room, it goes on by itself"
    )]
    DiskFull,
    #[error(
        "the database cannot be written: look at the disk and who owns the data folder; it goes on by itself"
    )]
    Unwritable,
    #[error(
        "pages of the database are damaged: stop `serve`, move the whole folder away, put the last backup into a new one and start with --restored"
    )]
    Malformed,
    #[error(
        "{} is not the database that is worked on: it was moved, removed or replaced; stop `serve`, put it back, and start again, with --restored if it is a copy",
        .0.display()
    )]
    Moved(PathBuf),
}

/// Which file the database is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    database: Arc<Path>,
    file: (u64, u64),
}

impl Place {
    pub(crate) fn of(database: &Path) -> io::Result<Self> {
        Ok(Self {
            file: file(&std::fs::metadata(database)?),
            database: database.into(),
        })
    }

    pub(crate) fn database(&self) -> &Path {
        &self.database
    }

    fn is_there(&self) -> bool {
        std::fs::metadata(&self.database).is_ok_and(|found| file(&found) == self.file)
    }
}

/// Device and inode.
fn file(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

impl Embedded {
    /// What the last reads and writes met, and whether the database is where it was. Quick.
    pub fn damage(&self) -> Vec<Damage> {
        let faults = self.database.health().faults();
        let met = faults.into_iter().map(|fault| match fault {
            Fault::DiskFull => Damage::DiskFull,
            Fault::Unwritable => Damage::Unwritable,
            Fault::Malformed => Damage::Malformed,
        });
        let moved = self.place.iter().filter(|place| !place.is_there());
        met.chain(moved.map(|place| Damage::Moved(place.database.to_path_buf())))
            .collect()
    }

    /// Writes, so that a disk without room shows though nothing happens, and one with room again.
    pub async fn try_to_write(&self) {
        let written = self.database.write(|connection| {
            // What is there already, which still is a write.
            connection.execute("UPDATE installation SET id = id", [])?;
            Ok::<_, Broken>(())
        });
        if let Err(broken) = written.await {
            tracing::debug!(error = %broken, "the database could not be written");
        }
    }

    /// Of the main file, in bytes; 0 where there is none.
    pub fn size(&self) -> u64 {
        let found = self.place.as_ref();
        let found = found.and_then(|place| std::fs::metadata(&place.database).ok());
        found.map_or(0, |found| found.len())
    }

    /// Reads every page; takes about a second for each gigabyte. Damage shows from then on.
    pub async fn check_pages(&self) -> Result<(), Unavailable> {
        let Some(place) = self.place.clone() else {
            return Ok(());
        };
        let checked = tokio::task::spawn_blocking(move || {
            let connection = Connection::open(&place.database)?;
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        });
        let checked = checked.await;
        let checked =
            checked.map_err(|error| Unavailable::because("the check was broken off", error))?;
        match checked.map_err(Broken::from) {
            Ok(said) if said == "ok" => {}
            Ok(_) => self.database.health().found_malformed(),
            Err(broken) => self.database.health().saw(&broken),
        }
        Ok(())
    }

    pub(crate) async fn set_serving(&self, serving: bool) -> Result<(), Unavailable> {
        let set = self.database.write(move |connection| {
            Ok::<_, Broken>(installation::set_serving(connection, serving)?)
        });
        set.await?;
        if let Some(place) = &self.place {
            let checkpointed = Connection::open(&place.database)
                .and_then(|connection| installation::checkpoint(&connection));
            checkpointed.map_err(Broken::from)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::{Area, Files as _};

    /// As `SQLite` itself meets a full disk.
    async fn allow(store: &Embedded, pages: u32) {
        let allowed = store.database.write(move |connection| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            connection.query_row(&sql, [], |_| Ok(()))?;
            Ok::<_, Broken>(())
        });
        allowed.await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_shows_until_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path()).unwrap();
        let put = async |key: &'static str| {
            let bytes = vec![1; 200_000];
            store.put_new(Area::Evidence, key, &bytes).await
        };
        put("one").await.unwrap();
        allow(&store, 1).await;
        assert!(put("two").await.is_err());
        assert!(!store.damage().is_empty());
        allow(&store, 1_000_000).await;
        store.try_to_write().await;
        assert_eq!(store.damage(), []);
        put("two").await.unwrap();
    }
}
