//! What the code relies on AWS to do, one trial for each fact: on the emulator, and on AWS itself
//! by whoever has an account:
//!
//! ```sh
//! export AWS_REGION=eu-central-1
//! eval "$(aws configure export-credentials --profile NAME --format env)"
//! cargo test -p tests --test aws_semantics -- --ignored
//! ```
//!
//! That makes tables, buckets, queues and stacks named `waybill-semantics-…`, the stacks with a function
//! and its role, and costs a few cents. A trial that comes to its end deletes them again. Where the
//! emulator is known to do otherwise, the trial says so and asks less of it.

#![expect(
    clippy::unwrap_used,
    reason = "the whole program is a test: a panic is its answer"
)]

mod dynamodb;
mod mapping;
mod s3;
mod sqs;

use aws::clients::{Clients, Place};
use libtest_mimic::{Arguments, Trial, run};
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tests::emulator::{Emulator, PREPARE};

/// An AWS to try something on.
pub(crate) struct Aws {
    pub(crate) clients: Clients,
    /// For everything that the trial makes.
    pub(crate) name: String,
    is_emulator: bool,
}

impl Aws {
    /// Whether this AWS does what AWS does; the emulator is known not to.
    pub(crate) fn is_exact(&self, emulator: &str) -> bool {
        if self.is_emulator {
            println!("deviation of the emulator: {emulator}");
        }
        !self.is_emulator
    }
}

pub(crate) type Fact = (&'static str, fn(Aws) -> Pin<Box<dyn Future<Output = ()>>>);

macro_rules! facts {
    ($($fact:ident),* $(,)?) => {
        pub(crate) const FACTS: &[crate::Fact] =
            &[$((stringify!($fact), |aws| Box::pin($fact(aws)))),*];
    };
}
pub(crate) use facts;

/// What becomes so in a while: indexes follow their table, tables, queues and their readers come up.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..360 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{what} within three minutes");
}

fn main() -> ExitCode {
    let emulator: Arc<OnceLock<Option<Emulator>>> = Arc::default();
    let facts = [dynamodb::FACTS, mapping::FACTS, s3::FACTS, sqs::FACTS];
    let mut trials = Vec::new();
    for (name, fact) in facts.into_iter().flatten().copied() {
        let emulator = emulator.clone();
        trials.push(trial(format!("emulator::{name}"), move || {
            let Some(emulator) = emulator.get_or_init(Emulator::start) else {
                println!("SKIPPED emulator::{name}: {PREPARE}");
                return;
            };
            tell(fact, emulator.clients(), name, true);
        }));
        let account = trial(format!("account::{name}"), move || {
            let place = Place::from_environment().unwrap();
            tell(fact, Clients::new(place), name, false);
        });
        trials.push(account.with_ignored_flag(true));
    }
    run(&Arguments::from_args(), trials).exit_code()
}

fn tell(
    fact: fn(Aws) -> Pin<Box<dyn Future<Output = ()>>>,
    clients: Clients,
    name: &str,
    is_emulator: bool,
) {
    let aws = Aws {
        clients,
        name: format!(
            "waybill-semantics-{}-{}",
            name.replace('_', "-"),
            std::process::id()
        ),
        is_emulator,
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(fact(aws));
}

fn trial(name: String, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
