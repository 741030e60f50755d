//! What every kind of channel and every method of a supplier must keep, found through the
//! registries and told apart by fixtures alone: whoever adds a kind adds its folder below
//! `tests/fixtures` and reads the snapshots. A method of a supplier has a folder for each way in
//! which it can be set up.
//!
//! A trial is named after its kind, so that `cargo test -p tests --test contract shopify` runs what
//! concerns one, and `... http::two-steps` what concerns one way.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the whole program is a test: a panic is its answer"
)]

mod channel;
mod fixtures;
mod presets;
mod supplier;

use libtest_mimic::{Arguments, Trial, run};
use std::process::ExitCode;
use tests::opening::REGISTRY;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for entry in REGISTRY.channels {
        trials.extend(channel::trials(entry));
    }
    for entry in REGISTRY.suppliers {
        trials.extend(supplier::trials(entry));
    }
    trials.extend(fixtures::trials());
    trials.extend(presets::trials());
    run(&Arguments::from_args(), trials).exit_code()
}

/// A trial that fails by panicking.
fn trial(kind: &str, name: &str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(format!("{kind}::{name}"), move || {
        test();
        Ok(())
    })
}
