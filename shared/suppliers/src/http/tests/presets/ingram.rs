use super::{Way, accepted, cancel, doubt, open, opening, preset, with_skus};
use crate::testing::entry;
use domain::order::answer::{CancelAnswer, LookupFinding, Progress, Rejection, RejectionReason};
use doubles::exchange::Twist;
use doubles::ingram::Ingram;
use jiff::SignedDuration;
use ports::{Answer, LineOutcome, LineStatus, Outcome, SendSubject, Trouble};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SKUS: [&str; 2] = ["DF4128", "4U0212"];

#[tokio::test]
async fn one_order_becomes_several() {
    let double = Ingram::default();
    double.move_elsewhere("4U0212");
    let supplier = open("ingram", double.clone());
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let acceptance = accepted(way.step().await);
    assert_eq!(acceptance.references, ["20-RF000", "20-RF001"]);
    assert!(acceptance.lines.is_empty());
    assert_eq!(double.orders(way.handover.number.as_str()).len(), 2);
    let Answer::Accepted(found) = way.look_up().await else {
        panic!("not found")
    };
    assert_eq!(found.references, acceptance.references);
    // One request takes one of them back: the other would be shipped.
    let back = cancel(&way.handover, &["20-RF000", "20-RF001"], true);
    let cancels = supplier.cancels().unwrap();
    let error = cancels.prepare(&back, &Progress::default()).err().unwrap();
    assert_eq!(
        error.0,
        "acme has it under 2 numbers, and this request names one: ask them"
    );
}

#[tokio::test]
async fn single_lines_are_backordered_or_refused() {
    let double = Ingram::default();
    double.backorder("DF4128");
    double.forget("4U0212");
    let supplier = open("ingram", double.clone());
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let acceptance = accepted(way.step().await);
    assert_eq!(acceptance.references, ["20-RF000"]);
    assert_eq!(
        acceptance.lines,
        [
            LineOutcome {
                supplier_sku: "DF4128".to_owned(),
                quantity: 2,
                status: LineStatus::Backordered(None),
            },
            LineOutcome {
                supplier_sku: "4U0212".to_owned(),
                quantity: 13,
                status: LineStatus::Rejected(Rejection {
                    reason: RejectionReason::InvalidSku,
                    detail: "the supplier refuses it: EN".to_owned(),
                    evidence: None,
                }),
            },
        ]
    );
    double.forget("DF4128");
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    way.handover.number = number(2);
    way.attempt.id = SendSubject::PurchaseOrder(number(2));
    // Nothing maps why; the look-up shows that it is not there.
    let heard = way.step().await;
    assert!(
        matches!(heard.outcome, Outcome::Rejected { .. }),
        "{heard:?}"
    );
    assert_eq!(heard.trouble, Some(Trouble::Unexplained));
}

fn number(counter: u32) -> domain::purchase_order_number::PurchaseOrderNumber {
    let code = domain::ids::ChannelCode::parse("S").unwrap();
    domain::purchase_order_number::PurchaseOrderNumber::new(&code, "1001", counter)
}

#[tokio::test]
async fn a_token_serves_many_orders_and_is_renewed_when_it_is_withdrawn() {
    let double = Ingram::default();
    let supplier = open("ingram", double.clone());
    let send = async |counter| {
        let mut handover = with_skus(SKUS);
        handover.number = number(counter);
        Way::new(supplier.orders(), handover).step().await
    };
    accepted(send(1).await);
    accepted(send(2).await);
    assert_eq!(double.tokens(), 1);
    double.withdraw_tokens();
    // The token had been good: no reason to stop the supplier.
    let heard = send(3).await;
    let Outcome::NotSent { retry_after, why } = heard.outcome else {
        panic!("{heard:?}")
    };
    assert_eq!(heard.trouble, None);
    assert_eq!(retry_after, Some(SignedDuration::from_secs(1)));
    assert_eq!(why, "HTTP 401: the access token is not valid any more");
    accepted(send(3).await);
    assert_eq!(double.tokens(), 2);
    // Now they do not know us any more.
    double.withdraw_tokens();
    double.refuse_client(true);
    assert!(matches!(send(4).await.outcome, Outcome::NotSent { .. }));
    let heard = send(4).await;
    let Outcome::NotSent { why, .. } = heard.outcome else {
        panic!("{heard:?}")
    };
    assert_eq!(heard.trouble, Some(Trouble::Unauthorized));
    assert_eq!(why, "no access token: HTTP 401");
    assert!(double.orders(number(4).as_str()).is_empty());
    double.refuse_client(false);
    accepted(send(4).await);
    // Three times the timeout: a token first, and a look-up where it exists already.
    assert_eq!(supplier.orders().sender().timeout(), Duration::from_mins(3));
}

#[tokio::test]
async fn what_exists_already_is_ours_after_a_doubt_only() {
    let double = Ingram::default();
    let supplier = open("ingram", double.clone());
    double.script([Twist::BadGateway]);
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    doubt(way.step().await);
    assert_eq!(accepted(way.step().await).references, ["20-RF000"]);
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let (why, _) = doubt(way.step().await);
    assert!(why.contains("nobody knows by whom"), "{why}");
    way.handover.number = number(9);
    way.attempt.id = SendSubject::PurchaseOrder(number(9));
    assert_eq!(way.look_up().await, Answer::NotFound(LookupFinding::Absent));
    double.script([Twist::TooMany]);
    let heard = way.step().await;
    let Outcome::NotSent { retry_after, .. } = heard.outcome else {
        panic!("{heard:?}")
    };
    assert_eq!(retry_after, Some(SignedDuration::from_secs(30)));
}

#[tokio::test]
async fn an_order_on_hold_is_taken_back() {
    let double = Ingram::default();
    let supplier = open("ingram", double.clone());
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    accepted(way.step().await);
    let cancels = supplier.cancels().unwrap();
    let back = cancel(&way.handover, &["20-RF000"], true);
    double.release("20-RF000");
    let acceptance = accepted(Way::new(cancels, back).step().await);
    assert_eq!(acceptance.cancel, Some(CancelAnswer::TooLate));
    assert!(!double.is_deleted("20-RF000"));
    way.handover.number = number(2);
    accepted(
        Way::new(supplier.orders(), way.handover.clone())
            .step()
            .await,
    );
    let back = cancel(&way.handover, &["20-RF002"], true);
    let acceptance = accepted(Way::new(cancels, back.clone()).step().await);
    assert_eq!(acceptance.cancel, Some(CancelAnswer::Accepted));
    assert!(double.is_deleted("20-RF002"));
    // Once more: they do not know it any more, and that is no answer to us.
    let heard = Way::new(cancels, back).step().await;
    assert!(
        matches!(heard.outcome, Outcome::Rejected { .. }),
        "{heard:?}"
    );
}

/// The whole way over a socket and the real client.
#[tokio::test]
async fn the_preset_speaks_over_a_real_connection() {
    let double = Ingram::default();
    let listen = "127.0.0.1:0".parse().unwrap();
    let address = doubles::server::serve(double.clone(), listen)
        .await
        .unwrap();
    let mut settings = preset("ingram");
    let text = settings.specific.to_string();
    let local = text.replace("https://api.ingrammicro.com", &format!("http://{address}"));
    settings.specific = serde_json::from_str(&local).unwrap();
    let refused = (entry("http").open)(opening(
        &settings,
        Arc::new(doubles::exchange::InProcess(double.clone())),
    ));
    assert_eq!(refused.err().unwrap().path, "auth.token_url");
    settings.specific["allow_private"] = json!(true);
    let hosts = (entry("http").hosts)(&settings.specific).names;
    let client = http_client::Client::new(hosts, true).unwrap();
    let supplier = (entry("http").open)(opening(&settings, Arc::new(client))).unwrap();
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    assert_eq!(accepted(way.step().await).references, ["20-RF000"]);
    assert!(matches!(way.look_up().await, Answer::Accepted(_)));
    assert_eq!(double.tokens(), 1);
}
