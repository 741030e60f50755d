//! What every kind of channel and every method of a supplier must keep, found through the
//! registries and told apart by fixtures alone: whoever adds a kind adds its folder of fixtures and
//! reads the snapshots. A method of a supplier has a folder for each way in which it can be set up.

#![expect(
    clippy::expect_used,
    reason = "a suite is test code: a panic is its answer"
)]

mod channel;
mod fixtures;
mod supplier;

use libtest_mimic::Trial;
use registry::Registry;
use std::path::PathBuf;

/// Kinds, and where their fixtures and snapshots lie.
pub struct Suite {
    pub registry: Registry,
    pub fixtures: PathBuf,
    pub snapshots: PathBuf,
}

impl Suite {
    /// Named after their kinds.
    pub fn trials(&self) -> Vec<Trial> {
        let mut trials = Vec::new();
        for entry in self.registry.channels {
            trials.extend(channel::trials(self, entry));
        }
        for entry in self.registry.suppliers {
            trials.extend(supplier::trials(self, entry));
        }
        trials.extend(fixtures::trials(self));
        trials
    }

    /// Of a kind, or of all where it is empty.
    fn folder(&self, registry: &str, kind: &str) -> PathBuf {
        self.fixtures.join(registry).join(kind)
    }
}

/// A trial that fails by panicking.
pub fn trial(kind: &str, name: &str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(format!("{kind}::{name}"), move || {
        test();
        Ok(())
    })
}
