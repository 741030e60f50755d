//! One server per data directory: a second would deliver the first one's leased messages.

use crate::access::{create_folder, for_owner};
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Held until dropped; the operating system frees it when the process dies.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another server uses this data directory")]
    Held,
    #[error("the data directory cannot be locked")]
    Unusable(#[source] io::Error),
}

impl DirectoryLock {
    /// Creates the directory where it is missing; refuses at once where another holds it.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        create_folder(dir).map_err(LockError::Unusable)?;
        let mut options = for_owner();
        let options = options.write(true).create(true).truncate(true);
        let file = options.open(dir.join("waybill.lock"));
        let file = file.map_err(LockError::Unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held),
            Err(TryLockError::Error(error)) => Err(LockError::Unusable(error)),
        }
    }
}
