//! Whether the database can be read and written, by what the last tries met.

use super::Broken;
use rusqlite::ErrorCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why the database cannot be trusted with more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    DiskFull,
    /// It cannot be written for another reason, such as a disk that fails.
    Unwritable,
    /// What is stored is damaged.
    Malformed,
}

#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Until a write succeeds.
    write: Option<Fault>,
    /// Pages do not heal.
    malformed: bool,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wrote(&self) {
        self.state().write = None;
    }

    pub(crate) fn saw(&self, broken: &Broken) {
        let mut state = self.state();
        match fault(broken) {
            Some(Fault::Malformed) => state.malformed = true,
            Some(fault) => state.write = Some(fault),
            None => {}
        }
    }

    pub(crate) fn found_malformed(&self) {
        self.state().malformed = true;
    }

    pub(crate) fn faults(&self) -> Vec<Fault> {
        let state = self.state();
        let malformed = state.malformed.then_some(Fault::Malformed);
        state.write.into_iter().chain(malformed).collect()
    }
}

/// `None` where it says nothing about the disk or what lies there.
fn fault(broken: &Broken) -> Option<Fault> {
    let (Broken::Sqlite(error) | Broken::Commit(error)) = broken else {
        return None;
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Some(Fault::DiskFull),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Some(Fault::Malformed),
        Some(ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            Some(Fault::Unwritable)
        }
        // The transaction was undone by an error that its job met.
        _ if matches!(broken, Broken::Commit(_)) => Some(Fault::Unwritable),
        _ => None,
    }
}
