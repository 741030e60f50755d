//! The commands as processes, beside a server and without one: what they print, and how they end.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

mod fair;
mod place;

use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use place::{CHANNELS, HARBOUR, OFFERS, Place, SECRET};

const DONE: i32 = 0;
const NO: i32 = 1;
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 3;
const FAILED: i32 = 4;

/// Without what differs from run to run.
macro_rules! assert_says {
    ($place:expr, $name:expr, $said:expr) => {
        let folder = $place.folder.path().display().to_string();
        let said = $said.replace(&folder, "[folder]");
        insta::with_settings!({filters => vec![
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
            (r"(artifact|configuration) [0-9a-f]{12}", "$1 [digest]"),
            (r#""configuration": "[0-9a-f]{12}""#, r#""configuration": "[digest]""#),
        ]}, {
            insta::assert_snapshot!($name, said);
        });
    };
}

mod batches;
mod decisions;
mod elsewhere;
mod logged;
mod migrated;
mod private;
mod redriven;
mod shown;
mod suppliers;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server() {
    let mut place = Place::new().await;
    assert_says!(place, "no_data", place.says(NOT_FOUND, &["orders"]));
    for words in [
        &["order", "acme/1"][..],
        &["cases"],
        &["report"],
        &["evidence", "SH"],
    ] {
        place.says(NOT_FOUND, words);
    }
    for words in [
        &["order"][..],
        &["releese", "acme/1"],
        &["release", "acme/1"],
        &["release", "acme/1", "--why", " "],
        &["cancel", "acme/1", "--why", "two\nlines"],
        &["resolve", "SH-1-1-A", "--why", "none of the verdicts"],
        &[
            "resolve",
            "SH-1-1-A",
            "--why",
            "two",
            "--not-sent",
            "--sent",
            "A",
        ],
    ] {
        place.says(USAGE, words);
    }
    assert_says!(place, "check_right", place.says(DONE, &["check"]));

    let wrong = place
        .suppliers
        .replace("orders@harbour.example", "nobody")
        .replace("{{ ship_to }}", "{}");
    place.write("suppliers.toml", &wrong);
    assert_says!(place, "check_opened", place.says(NO, &["check"]));
    place.says(NO, &["serve"]);

    let wrong = place
        .suppliers
        .replace("method = \"mail\"", "method = \"fax\"");
    place.write("suppliers.toml", &wrong);
    place.write("channels.toml", &CHANNELS.replace("\"SH\"", "\"shop\""));
    place.write("offers.csv", &OFFERS.replace("HB-77,8.40", "HB-77,cheap"));
    assert_says!(place, "check_read", place.says(NO, &["check"]));
    place.says(NO, &["serve"]);

    place.write("suppliers.toml", &place.suppliers);
    place.write("channels.toml", CHANNELS);
    place.write("offers.csv", OFFERS);
    place.serve().await;
    let second = place.run(&["serve"]);
    assert_eq!(second.code, FAILED);
    assert_eq!(
        second.err,
        "waybill: another server uses this data directory\n"
    );
    assert_eq!(place.terminate(), DONE);
    assert_says!(place, "no_orders", place.says(DONE, &["orders"]));
    assert_says!(place, "no_cases", place.says(DONE, &["cases"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_and_decisions() {
    let mut place = Place::new().await;
    place.serve().await;
    place
        .order(&ShopOrder::new(1001, &[("MUG", 2), ("TOWEL", 1)]))
        .await;
    place.until(&["order", "1001"], ": in the outbox\n").await;
    let nowhere = ShopOrder::new(1002, &[("MUG", 1)]).with_address("country_code", "XQ");
    place.order(&nowhere).await;
    place.until(&["order", "1002"], ": held\n").await;
    place.order(&ShopOrder::new(1003, &[("KETTLE", 1)])).await;
    place.until(&["order", "1003"], "again at").await;
    place.northwind.script([Behaviour::SoftError]);
    place.order(&ShopOrder::new(1004, &[("MUG", 1)])).await;
    place.until(&["order", "1004"], ": in doubt\n").await;
    place.northwind.script([Behaviour::Reject]);
    place.order(&ShopOrder::new(1005, &[("MUG", 1)])).await;
    place.until(&["order", "1005"], ": held\n").await;
    place
        .order(&ShopOrder::new(1006, &[("MUG", 1)]).with("test", true))
        .await;
    place.until(&["order", "1006"], ": not ours\n").await;
    place.order(&ShopOrder::new(1007, &[("TEAPOT", 1)])).await;
    place.until(&["order", "1007"], ": held\n").await;

    assert_says!(place, "orders", place.says(DONE, &["orders"]));
    assert_says!(place, "cases", place.says(DONE, &["cases"]));
    assert_says!(place, "unreachable", place.says(DONE, &["order", "1003"]));
    assert_says!(place, "in_doubt", place.says(DONE, &["order", "#1004"]));
    let id = "acme/9007199254741994";
    let shown = place.says(DONE, &["order", id]);
    for same in [
        "1001",
        "#1001",
        "9007199254741994",
        "SH-1001-1-Q",
        "sh-1001-1-q",
    ] {
        assert_eq!(place.says(DONE, &["order", same]), shown, "{same}");
    }
    for nothing in ["nonsense", "acme/1", "SH-1001-1-X", "1099", "/", "", "ä/ö"] {
        place.says(NOT_FOUND, &["order", nothing]);
    }

    // Released: sent at once, and the second release finds it so or finds nothing.
    let why = ["--who", "ada", "--why", "it is a new country"];
    let with = |words: &[&'static str]| [words, &why].concat();
    assert_says!(
        place,
        "release",
        place.says(DONE, &with(&["release", "1002"]))
    );
    place.until(&["order", "1002"], ": sent\n").await;
    assert_says!(
        place,
        "release_refused",
        place.says(NO, &with(&["release", "1002"]))
    );
    assert_says!(place, "released", place.says(DONE, &["order", "1002"]));
    place.says(NO, &with(&["release", "1007"]));
    place.says(NOT_FOUND, &with(&["release", "1099"]));

    place.says(DONE, &with(&["release", "1005"]));
    assert_says!(
        place,
        "freed",
        place.until(&["order", "1005"], ": sent\n").await
    );

    // Cancelled before it was sent, and after.
    place.says(DONE, &with(&["cancel", "1003"]));
    assert_says!(
        place,
        "voided",
        place.until(&["order", "1003"], "voided").await
    );
    place.says(DONE, &with(&["cancel", "1003"]));
    place.says(DONE, &with(&["cancel", "1001"]));
    let cancel = place.until(&["order", "1001"], "cancel-after-send").await;
    let number = cancel
        .lines()
        .find(|line| line.contains("northwind"))
        .and_then(|line| line.split_whitespace().next())
        .unwrap();
    place.says(NO, &with(&["resolve", "SH-1001-1-Q", "--sent", "7"]));
    let resolve = |number: &str, verdict: &[&str]| {
        let words = [&["resolve", number][..], verdict, &why].concat();
        place.run(&words)
    };
    assert_eq!(resolve(number, &["--cancelled"]).code, DONE);
    assert_eq!(resolve(number, &["--cancelled"]).code, NO);

    // In doubt: a person knows.
    let said = place.says(DONE, &with(&["resolve", "SH-1004-1-E", "--not-sent"]));
    assert_says!(place, "resolve", said);
    assert_says!(
        place,
        "resolved",
        place.until(&["order", "1004"], ": sent\n").await
    );
    place.says(NO, &with(&["resolve", "SH-1004-1-E", "--not-sent"]));
    assert_says!(
        place,
        "resolve_unknown",
        place.says(NOT_FOUND, &with(&["resolve", "SH-1099-1-A", "--not-sent"]))
    );

    assert_eq!(place.terminate(), DONE);
    assert_says!(place, "report", place.says(DONE, &["report"]));
    let evidence = place.says(DONE, &["evidence", "SH-1005-1-A"]);
    let answer = evidence
        .lines()
        .find(|key| key.starts_with("answer/"))
        .unwrap();
    let answer = place.says(DONE, &["evidence", answer]);
    assert!(answer.starts_with("HTTP 422\n"), "{answer}");
    let body = "\n\n{\"error\":\"no such article\"}";
    assert!(answer.ends_with(body), "{answer}");
    // Without a server a decision waits in the store for the next one.
    place.says(DONE, &with(&["cancel", "1007"]));
    place.serve().await;
    place.until(&["order", "1007"], "1 cancelled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_an_incident() {
    let mut place = Place::new().await;
    place.serve().await;
    let order = ShopOrder::new(1001, &[("MUG", 1)]).0;
    for _ in 0..4 {
        assert_eq!(place.post("orders/create", &order, "guessed").await, 401);
    }
    assert_eq!(
        place.says(DONE, &["cases"]),
        "Nothing needs your attention\n"
    );
    for _ in 0..2 {
        assert_eq!(place.post("orders/create", &order, "guessed").await, 401);
    }
    let unreadable = serde_json::json!({"id": 7, "line_items": "none"});
    for _ in 0..2 {
        assert_eq!(place.post("orders/create", &unreadable, SECRET).await, 200);
    }
    assert_eq!(place.post("products/update", &order, SECRET).await, 200);
    // Whose headers cannot be the shop's is answered before its body is looked at.
    let long = vec![0; (5 << 20) + 1];
    assert_eq!(place.send(Vec::new(), long.clone()).await, 401);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let signed_like_the_shop = vec![
        header("x-shopify-hmac-sha256", &format!("{}=", "A".repeat(43))),
        header("x-shopify-shop-domain", "acme.myshopify.com"),
    ];
    assert_eq!(place.send(signed_like_the_shop, long).await, 413);
    let cases = place.says(DONE, &["cases"]);
    assert_says!(place, "incidents", cases);
    assert_eq!(place.says(DONE, &["orders"]), "0 orders\n");

    let id = cases
        .lines()
        .find_map(|line| line.strip_prefix("quarantined-payload, incident "))
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap();
    let keys = place.says(DONE, &["evidence", "quarantine/"]);
    let key = keys.lines().next().unwrap();
    assert_eq!(place.says(DONE, &["evidence", key]), unreadable.to_string());
    place.says(NOT_FOUND, &["evidence", "SH-1"]);
    let why = ["--who", "ada", "--why", "the shop's test button"];
    let again = [&["redrive", key][..], &why].concat();
    assert_says!(place, "redrive_in_vain", place.says(NO, &again));
    assert!(place.says(DONE, &["cases"]).contains(id), "it stays open");
    place.says(USAGE, &["close", id]);
    place.says(NOT_FOUND, &[&["close", "00000000"][..], &why].concat());
    let close = [&["close", id][..], &why].concat();
    assert_says!(place, "close", place.says(DONE, &close));
    assert_says!(place, "close_again", place.says(DONE, &close));
    assert!(!place.says(DONE, &["cases"]).contains(id));
    assert_says!(place, "closed", place.says(DONE, &["cases", "--closed"]));
    let json = ["cases", "--closed", "--json"];
    assert_says!(place, "closed_json", place.says(DONE, &json));
    let json = ["cases", "--json"];
    assert_says!(place, "incidents_json", place.says(DONE, &json));
    // It comes again: it is open again, and the closing is not forgotten.
    assert_eq!(place.post("orders/create", &unreadable, SECRET).await, 200);
    assert!(place.says(DONE, &["cases"]).contains(id));
    assert!(place.says(DONE, &["cases", "--closed"]).contains("ada"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_configuration_is_taken_wholly_or_not_at_all() {
    let mut place = Place::new().await;
    place.serve().await;
    place.order(&ShopOrder::new(1001, &[("LAMP", 1)])).await;
    place.until(&["order", "1001"], ": held\n").await;
    // Right to read, wrong to open: a restart would refuse it.
    let wrong = place.suppliers.replace("orders@harbour.example", "nobody");
    place.write("suppliers.toml", &wrong);
    let refused = place.until(&["cases"], "refused-configuration").await;
    assert!(
        refused.contains("suppliers.toml:39: supplier[2].mail.to: "),
        "{refused}"
    );
    // A new supplier and its offers, without a restart.
    let lakeside = HARBOUR
        .replace("harbour", "lakeside")
        .replace("Harbour", "Lakeside");
    place.write(
        "offers.csv",
        &format!("{OFFERS}LAMP,lakeside,LS-1,13.00,USD,\n"),
    );
    place.write("suppliers.toml", &format!("{}{lakeside}", place.suppliers));
    place.until(&["cases"], "Nothing needs").await;
    place.until(&["order", "1001"], ": in the outbox\n").await;
    let closed = place.says(DONE, &["cases", "--closed"]);
    assert!(
        closed.contains("by waybill: good files were applied"),
        "{closed}"
    );
    assert_eq!(place.terminate(), DONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_unreadable_order_hides_no_other() {
    let mut place = Place::new().await;
    place.serve().await;
    for number in [1001, 1002] {
        place.order(&ShopOrder::new(number, &[("MUG", 1)])).await;
        let number = number.to_string();
        place.until(&["order", &number], ": sent\n").await;
    }
    assert_eq!(place.terminate(), DONE);
    let path = place.folder.path().join("data/waybill.db");
    let database = rusqlite::Connection::open(path).unwrap();
    let id = "acme/9007199254741994";
    let spoil = "UPDATE events SET body = '{}' WHERE order_id = ?1 AND sequence = 2";
    assert_eq!(database.execute(spoil, [id]).unwrap(), 1);
    let orders = place.says(DONE, &["orders"]);
    assert!(orders.contains("1002    sent"), "{orders}");
    assert!(
        orders.contains(&format!("{id}          unreadable")),
        "{orders}"
    );
    let report = place.says(NO, &["report"]);
    let lost = format!("BROKEN  nothing lost: {id} cannot be read: event 2 of {id}");
    assert!(report.contains(&lost), "{report}");
    let shown = place.run(&["order", id]);
    assert_eq!(shown.code, FAILED);
    assert!(shown.err.contains("event 2"), "{}", shown.err);
    place.says(DONE, &["order", "1002"]);
    place.says(DONE, &["cases"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_ends_what_is_under_way() {
    let mut place = Place::new().await;
    place.serve().await;
    place.northwind.script([Behaviour::TakeSilently]);
    place.order(&ShopOrder::new(1001, &[("MUG", 1)])).await;
    place.until(&["order", "1001"], "attempt 1 started").await;
    assert_eq!(place.terminate(), DONE);
    // Its outcome is recorded, not left to whoever finds the claim.
    let order = place.says(DONE, &["order", "1001"]);
    assert!(
        order.contains("in doubt, attempt 1: no answer within 2 s"),
        "{order}"
    );
    assert_eq!(place.northwind.taken().values().sum::<usize>(), 1);
}
