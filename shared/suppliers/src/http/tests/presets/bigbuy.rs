use super::{Way, accepted, doubt, open, with_skus};
use crate::testing::handover;
use domain::order::answer::{LookupFinding, Rejection, RejectionReason};
use doubles::bigbuy::{BigBuy, Mood};
use doubles::exchange::Twist;
use jiff::SignedDuration;
use ports::{Answer, Moment, Outcome};
use serde_json::json;
use std::time::Duration;

const SKUS: [&str; 2] = ["F1505138", "V1300179"];

#[tokio::test]
async fn the_number_of_a_new_order_is_in_location() {
    let double = BigBuy::default();
    let supplier = open("bigbuy", double.clone());
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    assert_eq!(accepted(way.step().await).references, ["119"]);
    let body = double.order(way.handover.number.as_str()).unwrap();
    let address = &body["order"]["shippingAddress"];
    assert_eq!(address["firstName"], "Ada");
    assert_eq!(address["lastName"], "Exämple");
    assert_eq!(address["address"], "1 Main St Unit \"4\"");
    assert_eq!(body["order"]["products"][1]["quantity"], 13);
}

#[tokio::test]
async fn what_exists_already_is_ours_after_a_doubt_with_every_status() {
    for soft in [false, true] {
        let double = BigBuy::default();
        if soft {
            double.soften();
        }
        let supplier = open("bigbuy", double.clone());
        double.script([Twist::Silence]);
        let mut way = Way::new(supplier.orders(), with_skus(SKUS));
        doubt(way.step().await);
        assert_eq!(accepted(way.step().await).references, ["119"]);
        let Answer::Accepted(found) = way.look_up().await else {
            panic!("not found")
        };
        assert_eq!(found.references, ["119"]);
    }
}

#[tokio::test]
async fn what_exists_already_with_other_lines_is_not_ours() {
    let double = BigBuy::default();
    let supplier = open("bigbuy", double.clone());
    let number = handover().number.to_string();
    let line = |sku: &str, quantity: u32| json!({"reference": sku, "quantity": quantity});
    double.place(&number, &json!([line(SKUS[0], 2)]));
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let (why, evidence) = doubt(way.step().await);
    assert_eq!(why, "HTTP 409: it exists already, with other lines");
    assert!(evidence.contains("ER008") && evidence.contains("the look-up: HTTP 200"));
    double.place(&number, &json!([line(SKUS[1], 13), line(SKUS[0], 2)]));
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    assert_eq!(accepted(way.step().await).references, ["77"]);
}

#[tokio::test]
async fn errors_that_look_like_success_are_doubts() {
    let double = BigBuy::default();
    let supplier = open("bigbuy", double.clone());
    for (mood, why, word) in [
        (Mood::SoftError, "HTTP 200: 500", "Something went wrong"),
        (Mood::ResponseInBody, "HTTP 200", "HTTP/1.0 500"),
        (Mood::Swapped, "HTTP 400", "Bad request"),
    ] {
        double.moods([mood]);
        let mut way = Way::new(supplier.orders(), with_skus(SKUS));
        let (told, evidence) = doubt(way.step().await);
        assert_eq!(told, why);
        assert!(evidence.starts_with(&why[..8]), "{evidence}");
        assert!(evidence.contains(word), "{evidence}");
        assert_eq!(way.look_up().await, Answer::NotFound(LookupFinding::Absent));
        let policy = supplier
            .orders()
            .sender()
            .lookup()
            .unwrap()
            .policy(&way.attempt);
        assert_eq!(policy.authoritative_after, None);
    }
}

#[tokio::test]
async fn their_codes_are_our_reasons() {
    let double = BigBuy::default();
    let supplier = open("bigbuy", double.clone());
    for (mood, expected, told) in [
        (
            Mood::OutOfStock,
            RejectionReason::InventoryOutOfStock,
            "HTTP 409: ER003",
        ),
        (
            Mood::MoneyBoxTooLow,
            RejectionReason::PaymentDeclined,
            "HTTP 400: ER005",
        ),
    ] {
        double.moods([mood]);
        let heard = Way::new(supplier.orders(), with_skus(SKUS)).step().await;
        let Outcome::Rejected {
            why: Rejection { reason, detail, .. },
            ..
        } = heard.outcome
        else {
            panic!("{heard:?}")
        };
        assert_eq!((reason, detail.as_str()), (expected, told));
        assert_eq!(heard.trouble, None);
        assert!(!heard.evidence.bytes.is_empty());
    }
    // Their validation names the field; nothing maps its code.
    let mut blank = with_skus(SKUS);
    let mut address = blank.ship_to.reveal().clone();
    address.phone.clear();
    blank.ship_to = domain::personal::Personal::new(address);
    let heard = Way::new(supplier.orders(), blank).step().await;
    let Outcome::Rejected {
        why: Rejection { reason, detail, .. },
        ..
    } = heard.outcome
    else {
        panic!("{heard:?}")
    };
    assert_eq!(reason, RejectionReason::Unknown);
    assert_eq!(detail, "HTTP 400: 400");
}

#[tokio::test]
async fn the_limit_told_as_plain_text_closes_until_its_reset() {
    let double = BigBuy::default();
    let supplier = open("bigbuy", double.clone());
    let now: jiff::Timestamp = "2026-12-01T10:00:00Z".parse().unwrap();
    assert_eq!(
        supplier
            .orders()
            .sender()
            .not_before(&Moment::of_unset_clock(now), None),
        None
    );
    double.resets_at(now.as_second() + 90);
    double.script([Twist::TooMany]);
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let heard = way.step().await;
    let Outcome::NotSent {
        retry_after: Some(after),
        ..
    } = heard.outcome
    else {
        panic!("{heard:?}")
    };
    assert_eq!(heard.trouble, None);
    assert!((88..=90).contains(&after.as_secs()), "{after:?}");
    assert!(
        supplier
            .orders()
            .sender()
            .not_before(&Moment::of_unset_clock(now), None)
            .is_some()
    );
    assert_eq!(
        supplier
            .orders()
            .sender()
            .not_before(&Moment::of_unset_clock(now + Duration::from_secs(91)), None),
        None
    );
    accepted(way.step().await);
}

/// Five at once, then one every two seconds.
#[tokio::test]
async fn the_own_bucket_holds_before_theirs() {
    let double = BigBuy::default();
    let supplier = open("bigbuy", double.clone());
    let now: jiff::Timestamp = "2026-12-01T10:00:00Z".parse().unwrap();
    assert_eq!(
        supplier
            .orders()
            .sender()
            .not_before(&Moment::of_unset_clock(now), None),
        None
    );
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    for _ in 0..5 {
        double.moods([Mood::SoftError]);
        doubt(way.step().await);
    }
    let heard = way.step().await;
    let Outcome::NotSent {
        retry_after: Some(after),
        ..
    } = heard.outcome
    else {
        panic!("{heard:?}")
    };
    assert!(after <= SignedDuration::from_secs(2), "{after:?}");
    let until = supplier
        .orders()
        .sender()
        .not_before(&Moment::of_unset_clock(now), None)
        .unwrap();
    assert!(until.duration_since(now).as_secs() <= 2);
}
