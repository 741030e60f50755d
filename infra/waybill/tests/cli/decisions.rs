//! What a person decides of orders and purchase orders, beside a running server.

use crate::place::{OFFERS, Place};
use crate::{DONE, NO, NOT_FOUND, USAGE};
use doubles::shop::ShopOrder;

const WHY: [&str; 4] = ["--who", "ada", "--why", "the customer called"];

fn because<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [words, &WHY].concat()
}

/// The number of the order's purchase order at that supplier.
fn number(shown: &str, supplier: &str) -> String {
    let line = shown.lines().find(|line| line.contains(supplier)).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_and_routed_elsewhere() {
    let mut place = Place::new().await;
    place.write(
        "offers.csv",
        &format!("{OFFERS}KETTLE,northwind,NW-5,25.00,USD,\n"),
    );
    place.serve().await;
    place.order(&ShopOrder::new(1001, &[("KETTLE", 1)])).await;
    place.until(&["order", "1001"], "again at").await;

    assert_says!(place, "hold", place.says(DONE, &because(&["hold", "1001"])));
    place.until(&["order", "1001"], ": held\n").await;
    place.says(DONE, &because(&["hold", "1001"]));
    place.says(NOT_FOUND, &because(&["hold", "1099"]));
    place.says(USAGE, &["hold", "1001"]);
    assert_says!(place, "held", place.says(DONE, &["order", "1001"]));
    place.says(DONE, &because(&["release", "1001"]));
    place
        .until(&["order", "1001"], "SH-1001-2-O not sent by attempt 1")
        .await;

    for neither in [
        &["reroute", "1001"][..],
        &["reroute", "1001", "--without", "a", "--only", "b"],
        &["reroute", "1001", "--without", "No Such"],
    ] {
        place.says(USAGE, &because(neither));
    }
    let config = place.config().display().to_string();
    let wrong = [
        "reroute",
        "1001",
        "--without",
        "eastgat",
        "--config",
        &config,
    ];
    assert_says!(
        place,
        "reroute_unknown",
        place.says(NOT_FOUND, &because(&wrong))
    );
    let right = [
        "reroute",
        "1001",
        "--without",
        "eastgate",
        "--config",
        &config,
    ];
    assert_says!(place, "reroute", place.says(DONE, &because(&right)));
    place.until(&["order", "1001"], ": sent\n").await;
    assert_says!(place, "rerouted", place.says(DONE, &["order", "1001"]));
    assert_eq!(place.terminate(), DONE);
    place.says(DONE, &["report"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_corrected_before_and_after_it_was_sent() {
    let mut place = Place::new().await;
    place.serve().await;
    let nowhere = ShopOrder::new(1001, &[("MUG", 1)]).with_address("country_code", "XQ");
    place.order(&nowhere).await;
    let held = place.until(&["order", "1001"], ": held\n").await;
    assert!(held.contains("waybill edit-address acme/"), "{held}");

    let edit = |settings: &[&'static str]| {
        let set = settings.iter().flat_map(|setting| ["--set", setting]);
        let words: Vec<_> = ["edit-address", "1001"].into_iter().chain(set).collect();
        because(&words)
    };
    let slip = place.run(&edit(&["ctiy=Lexington"]));
    assert_eq!(slip.code, USAGE);
    assert!(slip.err.contains("did you mean city?"), "{}", slip.err);
    place.says(USAGE, &because(&["edit-address", "1001"]));
    assert_says!(
        place,
        "edit_half",
        place.says(NO, &edit(&["country_code=US"]))
    );
    let right = edit(&["country_code=us", "country=United States"]);
    assert_says!(place, "edit", place.says(DONE, &right));
    place.until(&["order", "1001"], ": sent\n").await;
    let sent = place.northwind.taken();
    let (sent, _) = sent.first_key_value().unwrap();
    let body = &place.northwind.bodies(sent)[0];
    assert_eq!(body["ship_to"]["country_code"], "US");
    assert_eq!(body["ship_to"]["city"], "Louisville");

    place.says(NO, &right);
    place.says(DONE, &edit(&["city=Lexington", "zip=40507"]));
    place.until(&["order", "1001"], "routed: nothing").await;
    assert_says!(place, "edited", place.says(DONE, &["order", "1001"]));
    // A document names what changed, and nothing of the person.
    let document = place.says(DONE, &["order", "1001", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(
        document["cases"][0]["changed"],
        serde_json::json!(["city", "zip"])
    );
    assert!(!document.to_string().contains("Lexington"));
    place.says(
        NOT_FOUND,
        &because(&["edit-address", "1099", "--set", "city=Lexington"]),
    );
    // Another address from the channel takes the place of the correction.
    let moved = nowhere
        .with_address("country_code", "CA")
        .with_address("country", "Canada")
        .at(60);
    place.order(&moved).await;
    let order = place
        .until(&["order", "1001"], "country_code: \"US\" -> \"CA\"")
        .await;
    assert!(!order.contains("Lexington"), "{order}");
    assert_eq!(place.terminate(), DONE);
    place.says(DONE, &["report"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_supplier_says_of_lines_is_passed_on() {
    let mut place = Place::new().await;
    place.serve().await;
    place.order(&ShopOrder::new(1001, &[("MUG", 3)])).await;
    let order = place.until(&["order", "1001"], ": sent\n").await;
    let own = number(&order, "northwind");
    let acknowledge =
        |words: &[&'static str]| because(&[&["acknowledge", own.as_str()][..], words].concat());
    let gone = place.run(&acknowledge(&["--reject", "NW-100=1:gone"]));
    assert_eq!(gone.code, USAGE);
    assert!(gone.err.contains("inventory-out-of-stock"), "{}", gone.err);
    place.says(USAGE, &acknowledge(&["--backorder", "NW-100"]));
    let too_many = acknowledge(&["--backorder", "NW-100=9"]);
    assert_says!(place, "acknowledge_refused", place.says(NO, &too_many));
    let later = acknowledge(&["--backorder", "NW-100=2@2099-12-01"]);
    assert_says!(place, "acknowledge", place.says(DONE, &later));
    assert_says!(place, "backordered", place.says(DONE, &["order", "1001"]));
    assert_eq!(
        place.says(DONE, &acknowledge(&[])).lines().count(),
        1,
        "everything comes as ordered"
    );
    assert!(!place.says(DONE, &["cases"]).contains("backordered"));
    place.says(
        DONE,
        &acknowledge(&["--reject", "NW-100=1:inventory-out-of-stock"]),
    );
    let order = place.until(&["order", "1001"], ": held\n").await;
    assert!(
        order.contains("3 ordered: 2 in purchase orders, 1 held"),
        "{order}"
    );
    place.says(NOT_FOUND, &because(&["acknowledge", "SH-1099-1-A"]));
    place.order(&ShopOrder::new(1002, &[("KETTLE", 1)])).await;
    let order = place.until(&["order", "1002"], "again at").await;
    let unsent = number(&order, "eastgate");
    place.says(NO, &because(&["acknowledge", &unsent]));
    assert_eq!(place.terminate(), DONE);
    place.says(DONE, &["report"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_is_asked_for_and_resolved() {
    let mut place = Place::new().await;
    place.serve().await;
    place.order(&ShopOrder::new(1001, &[("TOWEL", 2)])).await;
    let order = place.until(&["order", "1001"], ": in the outbox\n").await;
    let own = number(&order, "harbour");
    let resolve =
        |verdict: &[&'static str]| because(&[&["resolve", own.as_str()][..], verdict].concat());
    assert_says!(
        place,
        "resolve_nothing",
        place.says(NO, &resolve(&["--cancelled"]))
    );
    place.says(DONE, &because(&["cancel", "1001"]));
    place.until(&["order", "1001"], "cancel-requested").await;
    assert_says!(place, "asked_back", place.says(DONE, &["order", "1001"]));
    let request = format!("{own}/X1");
    assert_eq!(
        place.says(DONE, &["order", &request]),
        place.says(DONE, &["order", "1001"])
    );
    assert_says!(
        place,
        "resolve_what_is_open",
        place.says(NO, &resolve(&["--sent", "7"]))
    );
    assert_says!(
        place,
        "asked_json",
        place.says(DONE, &["order", "1001", "--json"])
    );
    assert_says!(
        place,
        "orders_json",
        place.says(DONE, &["orders", "--json"])
    );
    assert_says!(place, "cases_json", place.says(DONE, &["cases", "--json"]));
    let late = place.says(DONE, &resolve(&["--too-late"]));
    assert!(late.contains("cancel too late, ada said"), "{late}");
    assert_says!(
        place,
        "too_late",
        place.until(&["cases"], "cancel-refused").await
    );
    place.says(DONE, &because(&["release", "1001"]));
    place.until(&["cases"], "Nothing needs").await;
    assert_eq!(place.terminate(), DONE);
    assert_says!(
        place,
        "report_json",
        place.says(DONE, &["report", "--json"])
    );
    assert_says!(
        place,
        "not_found_json",
        place.says(NOT_FOUND, &["order", "1099", "--json"])
    );
}

/// What a supplier's absence keeps back is tried again when somebody asks for it, and by a corrected
/// address at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_tried_again() {
    let mut place = Place::new().await;
    place.serve().await;
    place.order(&ShopOrder::new(1001, &[("KETTLE", 1)])).await;
    let shown = place.until(&["order", "1001"], "again at").await;
    let waiting = number(&shown, "eastgate");
    let retry = |what: &str| place.says(DONE, &because(&["retry", what]));
    assert_says!(place, "retry_supplier", retry("eastgate"));
    place.until(&["order", "1001"], "attempt 2: ").await;
    assert_says!(place, "retry_purchase_order", retry(&waiting));
    place.until(&["order", "1001"], "attempt 3: ").await;
    let nothing = place.says(NO, &because(&["retry", "northwind"]));
    assert_says!(place, "retry_nothing", nothing);
    place.says(NOT_FOUND, &because(&["retry", "No Such"]));
    place.says(USAGE, &["retry", "eastgate"]);
    // The address was wrong: both suppliers are at the same one.
    let northwind = place.suppliers.split("url = \"").nth(1).unwrap();
    let right = northwind.split('"').next().unwrap();
    let eastgate = place.suppliers.split("url = \"").nth(2).unwrap();
    let wrong = eastgate.split('"').next().unwrap();
    place.write("suppliers.toml", &place.suppliers.replace(wrong, right));
    place
        .until(&["order", "1001"], "the supplier's settings changed")
        .await;
    place.until(&["order", "1001"], ": sent\n").await;
    let sent = place.says(NO, &because(&["retry", &waiting]));
    assert!(sent.contains("nothing waits"), "{sent}");
    assert_eq!(place.northwind.taken().len(), 1);
    assert_eq!(place.terminate(), DONE);
    place.says(DONE, &["report"]);
}
