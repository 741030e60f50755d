//! The ports on one machine: `SQLite` for what must be durable together, folders for what suppliers
//! fetch.
//!
//! A second process (the command line beside the server) may open the same directory; only one
//! server may hold its [`DirectoryLock`].

mod access;
mod backup;
mod batches;
mod clock;
mod columns;
mod commit;
mod damage;
mod database;
mod files;
mod incidents;
mod index;
mod installation;
mod lock;
mod mailer;
mod marks;
mod offers;
mod orders;
mod queue;
mod refusals;
mod restored;
mod secrets;
mod smtp;

use damage::Place;
use database::{Database, Form};
use files::Folders;
use jiff::Timestamp;
use marks::Marks;
use queue::Wakeups;
use restored::Beside;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use access::{FileGroup, GroupError, Restricted};
pub use backup::BackupError;
pub use clock::SystemClock;
pub use damage::Damage;
pub use lock::{DirectoryLock, LockError};
pub use mailer::OutboxMailer;
pub use queue::{InLane, Room};
pub use restored::Restored;
pub use secrets::EnvironmentSecrets;
pub use smtp::{SmtpError, SmtpMailer};

/// Orders, offers, queues and files of one data directory.
#[derive(Clone)]
pub struct Embedded {
    database: Database,
    folders: Arc<Folders>,
    wakeups: Arc<Wakeups>,
    restored_at: Option<Timestamp>,
    /// `None` where nothing lies on disk but the outbox.
    place: Option<Place>,
}

/// What the database did since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Groups of writes, each durable by one fsync.
    pub transactions: u64,
    pub writes: u64,
    pub reads: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data directory cannot be used")]
    Directory(#[source] std::io::Error),
    #[error("the database cannot be opened")]
    Database(#[source] rusqlite::Error),
    #[error(
        "the database was made by a version of Waybill before its first release, which none reads any more: \
         begin with an empty data directory"
    )]
    BeforeBaseline,
    #[error("waybill.db is another program's database: use another data directory")]
    Foreign,
    #[error(
        "the database has form {found}, and this version of Waybill knows forms up to {known}: use the \
         version that wrote it, or a newer one"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "the database has form {found}, and this version of Waybill works with form {known}: stop the \
         server that uses it and start `waybill serve` of this version, which keeps a copy and takes it \
         to form {known}"
    )]
    Older { found: i64, known: i64 },
    #[error(
        "the database is of an older form, and no copy of it can be kept beside it, so it was left as it is"
    )]
    MigrationCopy(#[source] BackupError),
    #[error("the database is of an older form, and was left as it is")]
    Migration(#[source] ports::Unavailable),
    /// The data may be older than what was done with it.
    #[error(transparent)]
    Restored(Restored),
}

impl OpenError {
    fn broken(broken: database::Broken) -> Self {
        Self::Directory(std::io::Error::other(broken))
    }
}

impl Embedded {
    /// `dir/waybill.db` and `dir/outbox`, created where they are missing. Data that was put there from
    /// a copy is refused.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_as(dir, |_, _, form| form.current())
    }

    /// As [`Embedded::open`], and takes a database of an older form to that of this version, with a copy
    /// kept beside it. The lock shows that no server works on the older form.
    pub fn open_to_serve(dir: &Path, _: &DirectoryLock) -> Result<Self, OpenError> {
        Self::open_as(dir, take_to_form)
    }

    fn open_as(
        dir: &Path,
        prepare: impl FnOnce(&rusqlite::Connection, &Path, Form) -> Result<(), OpenError>,
    ) -> Result<Self, OpenError> {
        let beside = Beside::look(dir)?;
        beside.judge().map_or(Ok(()), refused)?;
        let folders = Folders::create(&dir.join("outbox")).map_err(OpenError::Directory)?;
        let path = dir.join("waybill.db");
        let (connection, form) = Database::connect(&path)?;
        let itself = installation::itself(&connection).map_err(OpenError::Database)?;
        beside.judge_with(&itself).map_or(Ok(()), refused)?;
        prepare(&connection, &path, form)?;
        let restored_at = installation::restored_at(&connection).map_err(OpenError::broken)?;
        let marks = Marks::create(dir, &itself.mark).map_err(OpenError::Directory)?;
        Self::start(dir, folders, connection, marks, restored_at)
    }

    /// As [`Embedded::open`], whatever shows that it was put there from a copy: it is taken for
    /// current, and remembers that it was restored `now`. For the holder of the [`DirectoryLock`].
    ///
    /// When it is broken off, the data is as before, or refused as another installation's, or taken
    /// for current.
    pub fn open_restored(dir: &Path, now: Timestamp) -> Result<Self, OpenError> {
        let beside = Beside::look(dir)?;
        beside
            .set_log_aside(dir, now)
            .map_err(OpenError::Directory)?;
        let folders = Folders::create(&dir.join("outbox")).map_err(OpenError::Directory)?;
        let path = dir.join("waybill.db");
        let (connection, form) = Database::connect(&path)?;
        take_to_form(&connection, &path, form)?;
        let mark = installation::adopt(&connection, now, beside.beyond())?;
        // The main file must not say that it is a copy when the log has more than the copy.
        installation::checkpoint_all(&connection).map_err(OpenError::Database)?;
        let restored_at = installation::restored_at(&connection).map_err(OpenError::broken)?;
        let marks = Marks::create(dir, &mark).map_err(OpenError::Directory)?;
        Self::start(dir, folders, connection, marks, restored_at)
    }

    fn start(
        dir: &Path,
        folders: Folders,
        connection: rusqlite::Connection,
        marks: Marks,
        restored_at: Option<Timestamp>,
    ) -> Result<Self, OpenError> {
        let path = dir.join("waybill.db");
        let place = Place::of(&path).map_err(OpenError::Directory)?;
        Ok(Self {
            database: Database::start(&path, connection, marks)?,
            folders: Arc::new(folders),
            wakeups: Arc::default(),
            restored_at,
            place: Some(place),
        })
    }

    /// From now on a lost log shows. Durable when it returns.
    pub async fn begin_serving(&self) -> Result<(), ports::Unavailable> {
        self.set_serving(true).await
    }

    /// The main file holds everything, and nothing is in flight any more.
    pub async fn end_serving(&self) -> Result<(), ports::Unavailable> {
        self.set_serving(false).await
    }

    /// Lets nobody but the owner into `dir`, which is the folder that was opened; and the group, where
    /// there is one, to what is published in the outbox, now and from now on. Only the process that
    /// holds the [`DirectoryLock`] may do so: another knows the wrong group.
    pub fn restrict(&self, dir: &Path, group: Option<FileGroup>) -> Restricted {
        self.folders.restrict(dir, group)
    }

    pub fn counts(&self) -> Counts {
        let counted = self.database.counts();
        Counts {
            transactions: counted.transactions.load(Ordering::Relaxed),
            writes: counted.writes.load(Ordering::Relaxed),
            reads: counted.reads.load(Ordering::Relaxed),
        }
    }

    /// A database that is gone with the last clone; `outbox` is the folder that suppliers see.
    pub fn in_memory(outbox: &Path) -> Result<Self, OpenError> {
        let folders = Folders::create(outbox).map_err(OpenError::Directory)?;
        Ok(Self {
            database: Database::in_memory()?,
            folders: Arc::new(folders),
            wakeups: Arc::default(),
            restored_at: None,
            place: None,
        })
    }
}

/// What shows in a data folder before anything is opened, and nothing is made there.
pub fn restored(dir: &Path) -> Result<Option<Restored>, OpenError> {
    Ok(Beside::look(dir)?.judge())
}

/// Whether whoever serves would migrate it. Reads the file's own head, and opens nothing: that would make
/// the log whose absence shows a copy. A form that only the log has yet counts as the older one.
pub fn is_of_older_form(dir: &Path) -> bool {
    database::form_in_head(&dir.join("waybill.db")).is_some_and(|form| form < database::FORM)
}

fn take_to_form(
    connection: &rusqlite::Connection,
    path: &Path,
    form: Form,
) -> Result<(), OpenError> {
    match form {
        Form::Current => Ok(()),
        Form::Older(_) => database::migrate(connection, path),
    }
}

fn refused(restored: Restored) -> Result<(), OpenError> {
    Err(OpenError::Restored(restored))
}
