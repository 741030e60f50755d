//! The ports on one machine: `SQLite` for what must be durable together, folders for what suppliers
//! fetch.
//!
//! A second process (the command line beside the server) may open the same directory; only one
//! server may hold its [`DirectoryLock`].

mod batches;
mod clock;
mod columns;
mod commit;
mod database;
mod files;
mod incidents;
mod lock;
mod mailer;
mod offers;
mod orders;
mod queue;
mod refusals;
mod secrets;
mod smtp;

use database::Database;
use files::Folders;
use queue::Bells;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use clock::SystemClock;
pub use lock::{DirectoryLock, LockError};
pub use mailer::OutboxMailer;
pub use queue::{InLane, Room};
pub use secrets::EnvironmentSecrets;
pub use smtp::{SmtpError, SmtpMailer};

/// Orders, offers, queues and files of one data directory.
#[derive(Clone)]
pub struct Embedded {
    database: Database,
    folders: Arc<Folders>,
    bells: Arc<Bells>,
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
    /// Written by another version of Waybill than this one.
    #[error("the database has schema {found}, this program knows {known}")]
    Schema { found: i64, known: i64 },
}

impl Embedded {
    /// `dir/waybill.db` and `dir/outbox`, created where they are missing.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let folders = Folders::create(&dir.join("outbox")).map_err(OpenError::Directory)?;
        Ok(Self {
            database: Database::open(&dir.join("waybill.db"))?,
            folders: Arc::new(folders),
            bells: Arc::default(),
        })
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
            bells: Arc::default(),
        })
    }
}
