//! A copy of the database, made under load, takes its place while suppliers are slow: nothing that was
//! sent since is sent again, and what nobody knows is a case. The new server is killed in the middle,
//! too.

use super::{Way, configure, files, outcomes, post, serve, serving};
use doubles::server::serve_supplier;
use doubles::supplier::{Behaviour, SupplierDouble};
use embedded::Embedded;
use http_client::{Client, Http as _, Request};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

const ORDERS: u64 = 90;

fn waybill(data: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    command.args(words).arg("--data").arg(data);
    command.output().unwrap()
}

/// Killed at its end, and where the test fails.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn until(what: &str, so: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

fn put_back(copy: &Path, data: &Path) {
    fs::copy(copy, data.join("waybill.db")).unwrap();
    for left in ["waybill.db-wal", "waybill.db-shm"] {
        fs::remove_file(data.join(left)).unwrap();
    }
}

fn assert_none_doubled(double: &SupplierDouble) {
    let taken = double.taken();
    let doubled: Vec<_> = taken.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_restored_under_load_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("config"), folder.path().join("data"));
    fs::create_dir_all(&config).unwrap();
    let double = SupplierDouble::default();
    let any = "127.0.0.1:0".parse().unwrap();
    let supplier = serve_supplier(double.clone(), any).await.unwrap();
    configure(&config, &Way::Http(supplier));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listener.local_addr().unwrap();
    drop(listener);
    let client = Arc::new(Client::new(["127.0.0.1".to_owned()], true).unwrap());
    // Every third order is taken, and its answer comes never.
    let slow = [Behaviour::Take, Behaviour::Take, Behaviour::TakeSilently];
    double.script(slow.into_iter().cycle().take(60));

    let process = Server(serve(&config, &data, listen));
    let mut posting = tokio::task::JoinSet::new();
    for number in 0..ORDERS {
        posting.spawn(post(client.clone(), listen, 5000 + number));
    }
    until("some are sent", async || double.taken().len() >= 10).await;
    let copy = folder.path().join("copy.db");
    let made = waybill(&data, &["backup", copy.to_str().unwrap()]);
    assert!(made.status.success(), "{made:?}");
    let mode = fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = waybill(&data, &["backup", copy.to_str().unwrap()]);
    assert!(!again.status.success(), "a copy replaces a file");
    let at_copy = double.taken().len();
    until("more are sent", async || {
        double.taken().len() >= at_copy + 20
    })
    .await;
    drop(process);
    posting.abort_all();
    while posting.join_next().await.is_some() {}
    let sent_since = double.taken().len() - at_copy;
    assert!(sent_since >= 20);

    double.forget_script();
    put_back(&copy, &data);
    let refused = serving(&config, &data, listen)
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(said.contains("serve --restored"), "{said}");
    let looked = waybill(&data, &["cases"]);
    assert_eq!(looked.status.code(), Some(1), "{looked:?}");

    // Killed in the middle of it, at several moments; whoever goes on need not know.
    let mut restored = serving(&config, &data, listen);
    restored.arg("--restored");
    let process = Server(restored.spawn().unwrap());
    let mut posting = tokio::task::JoinSet::new();
    // The channel repeats what it was not answered, and whatever the merchant has it repeat.
    for number in 0..ORDERS {
        posting.spawn(post(client.clone(), listen, 5000 + number));
    }
    let healthy = async || {
        let request = Request {
            method: "GET".to_owned(),
            url: format!("http://{listen}/healthz"),
            ..Request::default()
        };
        let answer = client.send(&request, Duration::from_secs(1)).await;
        answer.is_ok_and(|answer| answer.status == 200)
    };
    until("the restored server listens", &healthy).await;
    drop(process);
    for pause in [40, 400] {
        let process = Server(serve(&config, &data, listen));
        until("the next server listens", &healthy).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        drop(process);
    }
    let process = Server(serve(&config, &data, listen));
    while let Some(posted) = posting.join_next().await {
        posted.unwrap();
    }
    let store = Embedded::open(&data).unwrap();
    let expected = usize::try_from(ORDERS).unwrap();
    until(
        "look-ups settle all that went over HTTP, files are told or cases",
        async || {
            assert_none_doubled(&double);
            let (sent, _, open) = outcomes(&store).await;
            open == 0 && sent.len() == expected
        },
    )
    .await;
    drop(process);

    let (sent, cases, _) = outcomes(&store).await;
    let taken = double.taken();
    assert_none_doubled(&double);
    let lost: Vec<_> = sent
        .iter()
        .filter(|&number| !taken.contains_key(number))
        .collect();
    assert!(lost.is_empty(), "sent and not there: {lost:?}");
    // A file that lies there tells of itself; without one it is a case.
    assert_eq!(files(&data.join("outbox")) + cases.len(), expected);
    let nothing = waybill(
        &data,
        &["resolve", "northwind", "--not-sent", "--why", "their list"],
    );
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
    println!(
        "{sent_since} sent after the copy; in the end {} sent over HTTP, {} cases, none doubled",
        sent.len(),
        cases.len()
    );
}

/// A copied `waybill.db` without its log is no empty shop that reports all well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_its_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("config"), folder.path().join("data"));
    fs::create_dir_all(&config).unwrap();
    configure(&config, &Way::File);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listener.local_addr().unwrap();
    drop(listener);
    let client = Arc::new(Client::new(["127.0.0.1".to_owned()], true).unwrap());
    let process = Server(serve(&config, &data, listen));
    post(client, listen, 7000).await;
    let other = folder.path().join("other");
    fs::create_dir_all(&other).unwrap();
    fs::copy(data.join("waybill.db"), other.join("waybill.db")).unwrap();
    drop(process);
    for words in [["cases"], ["report"], ["orders"]] {
        let looked = waybill(&other, &words);
        assert_eq!(looked.status.code(), Some(1), "{looked:?}");
        let said = String::from_utf8(looked.stdout).unwrap();
        assert!(said.contains("waybill.db-wal"), "{said}");
        // The original is as it was, for a server that was killed leaves its log.
        assert!(waybill(&data, &words).status.success());
    }
    let refused = serving(&config, &other, listen).status().unwrap();
    assert_eq!(refused.code(), Some(1));
}
