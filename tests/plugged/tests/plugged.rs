//! `check`, an order from the webhook to the supplier, and `supplier test`, with kinds that only this
//! package knows.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use doubles::shop::{ShopOrder, SignedWebhook};
use plugged::{REGISTRY, SIGNATURE, sign};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use tests::faults::Faults;
use tests::world::{SECRET, Setup, World};

const CHANNELS: &str = r#"
[merchant]
name = "Acme Store"
mail = "orders@acme.example"

[[channel]]
id = "acme"
kind = "stall"
code = "ST"
start_from = 2026-11-01
secrets = ["STALL_SECRET"]

[channel.stall]
place = "acme"
"#;
const SUPPLIERS: &str = r#"
[[supplier]]
id = "printer"
name = "The Printer"
method = "spool"
contact = "Ada, +1 502 555 0100"

[supplier.spool]
folder = "printer"
"#;
const OFFERS: &str = "sku,supplier,supplier_sku,cost,currency,stock\nMUG,printer,P-1,4.00,USD,20\n";

fn files() -> BTreeMap<String, Vec<u8>> {
    [
        ("channels.toml", CHANNELS),
        ("suppliers.toml", SUPPLIERS),
        ("offers.csv", OFFERS),
    ]
    .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
    .into()
}

fn configured(files: &BTreeMap<String, Vec<u8>>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn run(config: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_plugged"))
        .args(arguments)
        .arg("--config")
        .arg(config)
        .env("STALL_SECRET", "secret")
        .output()
        .unwrap();
    let shown = [stdout, stderr].concat();
    (status.code(), String::from_utf8(shown).unwrap())
}

#[test]
fn check_takes_the_kinds_of_its_program_and_no_other() {
    let folder = configured(&files());
    let (status, shown) = run(folder.path(), &["check"]);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("1 channel, 1 supplier, 1 offer"), "{shown}");

    let mut files = files();
    let shop = CHANNELS.replace("stall", "shopify");
    files.insert("channels.toml".to_owned(), shop.into_bytes());
    let (status, shown) = run(configured(&files).path(), &["check"]);
    assert_eq!(status, Some(1), "{shown}");
    assert!(shown.contains("there is no kind \"shopify\""), "{shown}");
    assert!(shown.contains("one of stall"), "{shown}");
}

#[test]
fn a_setting_that_the_kind_does_not_know_is_found_in_its_line() {
    let mut files = files();
    let text = SUPPLIERS.replace("folder =", "folded =");
    files.insert("suppliers.toml".to_owned(), text.into_bytes());
    let (status, shown) = run(configured(&files).path(), &["check"]);
    assert_eq!(status, Some(1), "{shown}");
    assert!(shown.contains("suppliers.toml:9"), "{shown}");
    assert!(shown.contains("spool.folded"), "{shown}");
}

#[test]
fn a_test_order_goes_to_the_sandbox() {
    let folder = configured(&files());
    let (status, shown) = run(folder.path(), &["supplier", "test", "printer"]);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("judged: accepted"), "{shown}");
    assert!(shown.contains("P-1"), "{shown}");
}

#[tokio::test]
async fn an_order_goes_from_the_till_to_the_printer() {
    let setup = Setup {
        registry: REGISTRY,
        configuration: files(),
    };
    let mut world = World::of(setup, Faults::default()).await;
    let body = ShopOrder::new(1001, &[("MUG", 2)])
        .0
        .to_string()
        .into_bytes();
    let signed = |secret: &str| SignedWebhook {
        headers: vec![
            ("x-shopify-topic".to_owned(), "orders/create".to_owned()),
            (SIGNATURE.to_owned(), sign(secret, &body)),
        ],
        body: body.clone(),
    };
    assert_eq!(world.post(&signed("another")).await, Some(401));
    assert_eq!(world.post(&signed(SECRET)).await, Some(200));
    world.settle().await;

    let orders = world.orders().await;
    let [(order, _)] = orders.as_slice() else {
        panic!("one order was posted");
    };
    let [purchase_order] = order.purchase_orders.as_slice() else {
        panic!("one supplier has it");
    };
    assert!(purchase_order.sending.is_sent());
    assert_eq!(purchase_order.supplier.as_str(), "printer");
    let received = world.received();
    assert_eq!(received.values().collect::<Vec<_>>(), [&1], "{received:?}");
    assert_eq!(world.broken().await, Vec::<String>::new());
}
