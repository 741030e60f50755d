//! A test order in the sandbox, as the command line shows it.

use super::super::rehearsal::rehearse;
use super::presets::{opening, preset, with_skus};
use domain::ids::ChannelCode;
use domain::purchase_order_number::PurchaseOrderNumber;
use doubles::bigbuy::{BigBuy, Mood};
use doubles::exchange::{Double, InProcess, Received};
use doubles::ingram::Ingram;
use doubles::printful::Printful;
use doubles::supplier::Reply;
use ports::Handover;
use serde_json::{Value, json};
use std::sync::Arc;

fn test_order(skus: [&str; 2]) -> Handover {
    let mut handover = with_skus(skus);
    let code = ChannelCode::parse("TEST").unwrap();
    handover.number = PurchaseOrderNumber::new(&code, "1", 1);
    handover
}

async fn shown(name: &str, double: impl Double, handover: &Handover) -> String {
    let settings = preset(name);
    let http = Arc::new(InProcess(double));
    let rehearsal = rehearse(opening(&settings, http))
        .map_err(|error| panic!("{error}"))
        .unwrap();
    let reports = rehearsal.perform(handover).await.unwrap();
    reports.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_draft_stays_a_draft() {
    let double = Printful::default();
    let order = test_order(["4012/leaf", "4013/wave"]);
    let shown = shown("printful", double.clone(), &order).await;
    insta::assert_snapshot!(shown);
    assert!(!shown.contains("value of"));
    assert_eq!(
        double.order(order.number.as_str()),
        Some(("draft".to_owned(), 0))
    );
}

/// Every request goes to the sandbox, with the sandbox's key; what goes wrong is shown as it is.
#[tokio::test]
async fn a_sandbox_has_its_own_urls_and_keys() {
    #[derive(Clone)]
    struct Watched(BigBuy);
    impl Double for Watched {
        fn reply(&self, request: &Received) -> Reply {
            let key = "Bearer value of BIGBUY_SANDBOX_KEY";
            assert_eq!(request.header("authorization"), key);
            self.0.reply(request)
        }
    }
    let double = BigBuy::default();
    double.moods([Mood::OutOfStock]);
    let order = test_order(["F1505138", "V1300179"]);
    let shown = shown("bigbuy", Watched(double), &order).await;
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn several_orders_and_refused_lines_are_shown() {
    /// Its double knows no sandbox path.
    #[derive(Clone)]
    struct Moved(Ingram);
    impl Double for Moved {
        fn reply(&self, request: &Received) -> Reply {
            let mut request = request.clone();
            request.path = request.path.replacen("/sandbox", "", 1);
            self.0.reply(&request)
        }
    }
    let double = Ingram::default();
    double.move_elsewhere("4U0212");
    double.backorder("DF4128");
    let order = test_order(["DF4128", "4U0212"]);
    let shown = shown("ingram", Moved(double), &order).await;
    let judged: Vec<&str> = shown
        .lines()
        .filter(|line| line.contains("judged") || line.contains("looked up"))
        .collect();
    assert_eq!(
        judged,
        [
            "  judged: accepted, as 20-RF000 and 20-RF001; 2 of DF4128 backordered",
            "  looked up: found, as 20-RF000 and 20-RF001",
        ]
    );
    assert!(shown.contains("POST https://api.ingrammicro.com/sandbox/resellers/v6/orders\n"));
}

#[tokio::test]
async fn a_real_order_is_never_rehearsed_and_a_test_never_real() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut settings = preset("bigbuy");
        change(&mut settings.specific);
        let http = Arc::new(InProcess(BigBuy::default()));
        rehearse(opening(&settings, http)).err().unwrap()
    };
    let none = refused(&|all| {
        all.as_object_mut().unwrap().remove("sandbox");
    });
    assert_eq!(none.path, "sandbox");
    assert!(none.message.contains("would be a real one"), "{none}");
    let empty = refused(&|all| all["sandbox"] = json!({}));
    assert_eq!(empty.path, "sandbox");
    let partial = refused(&|all| {
        all["lookup"]["url"] = json!("https://other.bigbuy.eu/{{ number }}");
    });
    assert_eq!(
        partial.to_string(),
        "sandbox.urls: lookup.url begins like none of these"
    );
    let unknown = refused(&|all| all["sandbox"]["last_step"] = json!("draft"));
    assert_eq!(unknown.path, "sandbox.last_step");
    let settings = preset("bigbuy");
    let http = Arc::new(InProcess(BigBuy::default()));
    let open = rehearse(opening(&settings, http)).ok().unwrap();
    let error = open.perform(&with_skus(["A", "B"])).await.unwrap_err();
    assert!(error.0.contains("is no test order"), "{error}");
}
