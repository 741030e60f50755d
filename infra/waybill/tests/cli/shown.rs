//! Foreign texts on a terminal: whatever a shop or a supplier sends, no command prints what would act on
//! it. And secrets as people paste them.

use crate::place::{Ended, Place, SECRET};
use crate::{DONE, NO, USAGE};
use doubles::shop::ShopOrder;
use serde_json::{Value, json};

/// Clears the screen, colours, rings, reverses, begins a line of its own; in one- and two-byte forms.
const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{2066}b\r\nok: forged\u{7f}";

/// Where it acts on a terminal: what a text of ours may not have, either.
fn acting(text: &str) -> Option<char> {
    let acts = |character: &char| match character {
        '\n' | '\t' => false,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    };
    text.chars().find(acts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_foreign_acts_on_a_terminal() {
    let mut place = Place::new().await;
    place.set("RUST_LOG", "trace");
    place.serve().await;
    let order = ShopOrder::new(1001, &[("MUG", 1)]);
    place.order(&order).await;
    place.until(&["order", "1001"], ": sent\n").await;
    // An edit that comes too late, of which old and new are shown.
    let address = order.clone().at(60).with_address("name", HOSTILE);
    let edited = address
        .with_address("address2", HOSTILE)
        .with("note", HOSTILE);
    assert_eq!(place.post("orders/updated", &edited.0, SECRET).await, 200);
    place.until(&["order", "1001"], "edited-after-send").await;
    let strange = ShopOrder::new(1002, &[(HOSTILE, 1)]).with("name", HOSTILE);
    let strange = strange.with("tags", HOSTILE);
    place.order(&strange).await;
    place.until(&["orders"], "held").await;
    let line = |title: &str| json!({"title": title, "code": "A", "price": "5.00"});
    let methods = json!([line(HOSTILE), line("By air")]);
    let several = ShopOrder::new(1003, &[("MUG", 1)]).with("shipping_lines", methods);
    place.order(&several).await;
    place.until(&["order", "1003"], ": held").await;
    let unreadable = json!({"id": 7, "line_items": HOSTILE, HOSTILE: 1});
    assert_eq!(place.post("orders/create", &unreadable, SECRET).await, 200);
    place.write("suppliers.toml", &format!("# {HOSTILE}\n[[{HOSTILE}]]\n"));
    let cases = place.until(&["cases"], "refused-configuration").await;
    assert!(cases.contains("quarantined-payload"), "{cases}");

    let keys = place.says(DONE, &["evidence", "quarantine/"]);
    let key = keys.lines().find(|key| !key.ends_with("/headers")).unwrap();
    let id = "acme/9007199254741995";
    let why = ["--who", "ada", "--why", "to see it"];
    let commands = [
        &["orders"][..],
        &["orders", "--json"],
        &["order", "1001"],
        &["order", "1001", "--json"],
        &["order", id],
        &["order", id, "--json"],
        &["order", "1003"],
        &["order", "1003", "--json"],
        &["order", HOSTILE],
        &["order", HOSTILE, "--json"],
        &["cases"],
        &["cases", "--json"],
        &["cases", "--closed"],
        &["report"],
        &["report", "--json"],
        &["batches"],
        &["evidence", "SH-1001"],
        &["evidence", key],
        &["evidence", HOSTILE],
        &["check"],
        &["check", "--json"],
        &["supplier", "test", HOSTILE],
        &[&["release", id][..], &why].concat(),
        &[&["hold", id][..], &why].concat(),
        &[&["retry", HOSTILE][..], &why].concat(),
        &[&["reroute", id, "--without", "northwind"][..], &why].concat(),
        &[&["resolve", HOSTILE, "--not-sent"][..], &why].concat(),
        &[&["redrive", key][..], &why].concat(),
    ];
    for words in commands {
        let Ended { code, out, err } = place.run(words);
        assert!(
            code != 2 && !(out.is_empty() && err.is_empty()),
            "{words:?}: {err}"
        );
        assert_eq!(acting(&out), None, "{words:?}: {out}");
        assert_eq!(acting(&err), None, "{words:?}: {err}");
        assert!(!out.contains("\nok: forged"), "{words:?}: {out}");
        if words.contains(&"--json") {
            serde_json::from_str::<Value>(&out).unwrap();
        }
    }
    let usage = place.run(&[&["reroute", id, "--without", HOSTILE][..], &why].concat());
    assert_eq!(
        (usage.code, acting(&usage.err)),
        (USAGE, None),
        "{}",
        usage.err
    );
    // Seen as JSON writes it, and with --raw as it came.
    let shown = place.says(DONE, &["evidence", key]);
    assert!(shown.contains("\\u202e\\u2066b"), "{shown}");
    let raw = place.says(DONE, &["evidence", key, "--raw"]);
    assert_eq!(raw, unreadable.to_string());

    assert_eq!(place.terminate(), DONE);
    let log = std::fs::read_to_string(place.log_file()).unwrap();
    assert!(log.contains("incident opened"), "{log}");
    assert_eq!(acting(&log), None, "{log}");
    // What begins a line is the time.
    let forged = log.lines().find(|line| !line.starts_with("20"));
    assert_eq!(forged, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_as_an_editor_saves_it_is_the_secret_and_a_blank_one_is_none() {
    let mut place = Place::new().await;
    for blank in ["", " ", "\n"] {
        place.environment.clear();
        place.set("WAYBILL_TEST_SECRET", blank);
        let refused = place.run(&["serve"]);
        assert_eq!(refused.code, NO, "{blank:?}: {}", refused.err);
        let why = "the secret WAYBILL_TEST_SECRET is not set";
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    place.environment.clear();
    place.set("WAYBILL_TEST_SECRET", &format!("{SECRET}\r\n"));
    place.serve().await;
    place.order(&ShopOrder::new(1001, &[("MUG", 1)])).await;
    assert_eq!(place.terminate(), DONE);
    let log = std::fs::read_to_string(place.log_file()).unwrap();
    let warned = "a secret ended in a line break, which was cut off name=\"WAYBILL_TEST_SECRET\"";
    assert!(log.contains(warned), "{log}");
}
