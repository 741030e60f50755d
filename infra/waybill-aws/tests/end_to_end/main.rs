//! Orders from the webhook to the supplier, by the functions as they are deployed, on a local AWS.
//!
//! Where nothing is prepared this is skipped with a line that says so. What the local AWS cannot show
//! is in `shared/aws`'s own tests: conflicts of transactions.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

mod again;
mod disturbed;
mod mails;
mod place;
mod roles;
mod suppliers;
mod told;

use registry::Registry;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use tokio::sync::Mutex;
use waybill_aws::local_aws::deployment::Deployment;
use waybill_aws::local_aws::emulator::{Emulator, Permissions};
use waybill_aws::local_aws::preparation::Preparation;

/// The kinds that the programs know.
const REGISTRY: Registry = Registry {
    channels: channels::CHANNELS,
    suppliers: ::suppliers::SUPPLIERS,
};

/// One at a time: each starts a process for every function, and waits for what takes its time.
static TURN: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);

/// `None` where nothing is prepared.
async fn deployed(test: &str) -> Option<Arc<Deployment>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let preparation = Preparation::of(&root).unwrap();
    if !preparation.is_complete() {
        // Past what the test harness keeps to itself of a test that passes.
        let line = format!(
            "SKIPPED {test}: `cargo run -p waybill-aws -- local-aws --prepare` makes what it needs\n"
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    }
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let emulator = Emulator::start(&preparation, anywhere, Permissions::Enforced)
        .await
        .unwrap();
    let deployment = Deployment::deploy(&preparation, emulator, REGISTRY)
        .await
        .unwrap();
    Some(Arc::new(deployment))
}
