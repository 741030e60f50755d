//! What the functions rely on when they call a store: one suite, run over every store there is, so
//! that no two of them drift apart. It is written against the ports alone; what only one store has
//! is tested beside it.
//!
//! A trial is named after its store: `cargo test -p tests --test store aws::` runs those on the
//! emulator, which must be prepared.

#![expect(
    clippy::unwrap_used,
    reason = "the whole program is a test: a panic is its answer"
)]

mod batches;
mod files;
mod given;
mod incidents;
mod lost_answers;
mod offers;
mod orders;
mod races;
mod references;
mod refusals;
mod reservations;
mod slots;
mod spending;

use given::Stores;
use libtest_mimic::{Arguments, Trial, run};
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use tests::emulator::{Emulator, PREPARE};

type Fact = (
    &'static str,
    fn(Stores) -> Pin<Box<dyn Future<Output = ()>>>,
);

/// Names the facts of a module once.
macro_rules! facts {
    ($($fact:ident),* $(,)?) => {
        pub(crate) const FACTS: &[crate::Fact] =
            &[$((stringify!($fact), |stores| Box::pin($fact(stores)))),*];
    };
}
pub(crate) use facts;

fn main() -> ExitCode {
    let facts = [
        orders::FACTS,
        references::FACTS,
        reservations::FACTS,
        spending::FACTS,
        offers::FACTS,
        batches::FACTS,
        files::FACTS,
        incidents::FACTS,
        refusals::FACTS,
        races::FACTS,
    ];
    let emulator = Arc::new(OnceLock::new());
    let mut trials = Vec::new();
    for (name, fact) in facts.into_iter().flatten().copied() {
        trials.push(trial(format!("embedded::{name}"), async move || {
            fact(given::embedded()).await;
        }));
        let emulator = emulator.clone();
        trials.push(on_aws(name, emulator, async move |emulator: &Emulator| {
            fact(given::aws(emulator, name).await).await;
        }));
    }
    trials.extend(lost_answers::trials(&emulator));
    trials.extend(slots::trials(&emulator));
    run(&Arguments::from_args(), trials).exit_code()
}

/// One emulator for all trials, started by the first that needs it.
type Shared = Arc<OnceLock<Option<Emulator>>>;

fn on_aws(
    name: &str,
    emulator: Shared,
    test: impl AsyncFnOnce(&Emulator) + Send + 'static,
) -> Trial {
    let name = format!("aws::{name}");
    let skipped = format!("SKIPPED {name}: {PREPARE}");
    trial(name, async move || {
        match emulator.get_or_init(Emulator::start) {
            Some(emulator) => test(emulator).await,
            None => println!("{skipped}"),
        }
    })
}

/// A trial that fails by panicking.
fn trial(name: String, test: impl AsyncFnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
            .block_on(test());
        Ok(())
    })
}
