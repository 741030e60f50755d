//! A copy of the database as it was at one moment, while others read and write it.

use crate::Embedded;
use crate::files::sync;
use rusqlite::Connection;
use rusqlite::backup::Backup;
use std::io;
use std::path::Path;
use std::time::Duration;
use tempfile::NamedTempFile;

/// Between two tries where another holds a lock.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("it is there already; a copy replaces no file")]
    AlreadyThere,
    #[error("there is no database on disk")]
    NoDatabase,
    #[error("the file cannot be written")]
    File(#[source] io::Error),
    #[error("the database cannot be copied")]
    Database(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Embedded {
    /// One file that only its owner may read, and that says of itself that it is a copy. Durable, and
    /// whole from the moment at which it has its name.
    pub async fn back_up(&self, file: &Path) -> Result<(), BackupError> {
        let place = self.place.as_ref().ok_or(BackupError::NoDatabase)?;
        let (database, file) = (place.database().to_owned(), file.to_owned());
        let copied = tokio::task::spawn_blocking(move || copy(&database, &file)).await;
        copied.unwrap_or_else(|error| Err(BackupError::File(io::Error::other(error))))
    }
}

pub(crate) fn copy(database: &Path, file: &Path) -> Result<(), BackupError> {
    if std::fs::exists(file).map_err(BackupError::File)? {
        return Err(BackupError::AlreadyThere);
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    // Readable by its owner alone, as every temporary file.
    let part = NamedTempFile::new_in(folder).map_err(BackupError::File)?;
    let source = Connection::open(database)?;
    let mut target = Connection::open(part.path())?;
    // In one go: whoever writes meanwhile would make several begin anew each time.
    Backup::new(&source, &mut target)?.run_to_completion(i32::MAX, TRY_AGAIN_AFTER, None)?;
    // A copy is one file.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    target.execute("UPDATE installation SET is_copy = 1, serving = 0", [])?;
    target.close().map_err(|(_, error)| error)?;
    part.as_file().sync_all().map_err(BackupError::File)?;
    let named = part.persist_noclobber(file);
    named.map_err(|failed| {
        if failed.error.kind() == io::ErrorKind::AlreadyExists {
            BackupError::AlreadyThere
        } else {
            BackupError::File(failed.error)
        }
    })?;
    sync(folder).map_err(BackupError::File)
}
