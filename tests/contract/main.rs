//! What every kind of channel and every method of a supplier must keep, and the presets.
//!
//! A trial is named after its kind, so that `cargo test -p tests --test contract shopify` runs what
//! concerns one, and `... http::two-steps` what concerns one way.

#![expect(
    clippy::unwrap_used,
    reason = "the whole program is a test: a panic is its answer"
)]

mod presets;

use libtest_mimic::{Arguments, run};
use std::path::Path;
use std::process::ExitCode;
use tests::contract::Suite;
use tests::opening::REGISTRY;

fn main() -> ExitCode {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let suite = Suite {
        registry: REGISTRY,
        fixtures: here.join("fixtures"),
        snapshots: here.join("contract/snapshots"),
    };
    let mut trials = suite.trials();
    trials.extend(presets::trials());
    run(&Arguments::from_args(), trials).exit_code()
}
