//! That a measurement runs, and that what it counts is right; never how fast it was.

use std::process::Command;

#[test]
fn a_small_bench_ends_with_every_order_sent_once() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["bench", "--orders", "50", "--connections", "4", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}{error}");
    for line in [
        "0 webhooks not accepted; 100 purchase orders taken, none more than 1 times",
        "50 orders, 100 purchase orders",
        "  100 sent",
    ] {
        assert!(said.lines().any(|known| known == line), "{line}: {said}");
    }
    for figure in [
        "orders/s, webhook to two purchase orders sent",
        "accept p99, 4 connections",
        "transactions (one fsync each) an order",
        "plan, 5 lines, 20 offers, 30 rules, split = \"allow\"",
    ] {
        assert!(said.contains(figure), "{figure}: {said}");
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "left behind"
    );
}
