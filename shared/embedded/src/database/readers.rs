//! Connections that only read.

use super::schema::read_only;
use super::{Broken, abandon, step_of};
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

/// As many as a machine's threads ever read at once.
pub(super) struct Readers {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

impl Readers {
    const COUNT: usize = 4;

    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connections = (0..Self::COUNT).map(|_| {
            let connection = Connection::open(path)?;
            read_only(&connection)?;
            Ok(Mutex::new(connection))
        });
        Ok(Self {
            connections: connections.collect::<rusqlite::Result<_>>()?,
            next: AtomicUsize::new(0),
        })
    }

    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let free = self
            .connections
            .iter()
            .find_map(|connection| match connection.try_lock() {
                Ok(connection) => Some(connection),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            });
        let connection = free.unwrap_or_else(|| {
            let next = self.next.fetch_add(1, Ordering::Relaxed) % Self::COUNT;
            self.connections[next]
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        });
        // Of a read that panicked.
        abandon(&connection);
        step_of(&connection, "BEGIN")?;
        let read = work(&connection);
        step_of(&connection, "COMMIT")?;
        read
    }
}
