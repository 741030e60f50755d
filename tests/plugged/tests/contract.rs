//! The contract suite, run on kinds that it has never heard of.

#![expect(
    clippy::unwrap_used,
    reason = "the whole program is a test: a panic is its answer"
)]

use libtest_mimic::{Arguments, run};
use plugged::{REGISTRY, SIGNATURE, sign};
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use tests::contract::Suite;

/// As `fixtures/channels/stall/channel.toml` has it.
const SECRET: &str = "the till's own webhook secret";

fn main() -> ExitCode {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    copy(&here.join("fixtures"), folder.path());
    sign_requests(
        &here.join("../fixtures/channels/shopify"),
        &folder.path().join("channels/stall"),
    );
    let suite = Suite {
        registry: REGISTRY,
        fixtures: folder.path().to_owned(),
        snapshots: here.join("snapshots"),
    };
    run(&Arguments::from_args(), suite.trials()).exit_code()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// Each document of another kind, with the headers of a till.
fn sign_requests(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path
            .file_name()
            .filter(|_| path.extension() == Some("json".as_ref()))
        else {
            continue;
        };
        let body = fs::read(&path).unwrap();
        let headers = fs::read_to_string(path.with_extension("headers")).unwrap();
        let topic = headers.lines().find(|line| line.contains("-topic: "));
        let signature = sign(SECRET, &body);
        let headers = format!("{}\n{SIGNATURE}: {signature}\n", topic.unwrap());
        let copied = to.join(name);
        fs::write(copied.with_extension("headers"), headers).unwrap();
        fs::write(copied, body).unwrap();
    }
}
