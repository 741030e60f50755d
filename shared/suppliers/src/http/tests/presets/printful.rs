use super::{Way, accepted, cancel, doubt, is_done, open, with_skus};
use domain::order::answer::{CancelAnswer, LookupFinding, Rejection, RejectionReason};
use doubles::exchange::Twist;
use doubles::printful::Printful;
use jiff::SignedDuration;
use ports::{Answer, Moment, Outcome};
use std::time::Duration;

const SKUS: [&str; 2] = ["4012/leaf", "4013/wave"];

#[tokio::test]
async fn a_draft_is_made_and_bought() {
    let double = Printful::default();
    let supplier = open("printful", double.clone());
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let number = way.handover.number.to_string();
    assert!(is_done(&way.step().await));
    assert_eq!(double.order(&number), Some(("draft".to_owned(), 0)));
    let acceptance = accepted(way.step().await);
    assert_eq!(acceptance.references, ["4000001"]);
    assert_eq!(double.order(&number), Some(("pending".to_owned(), 1)));
    let requests = double.requests();
    let body = requests[0].json();
    assert_eq!(body["order_items"][1]["catalog_variant_id"], 4013);
    assert_eq!(
        body["order_items"][1]["placements"][0]["layers"][0]["url"],
        "https://designs.shop.example/wave.png"
    );
    assert_eq!(
        requests[0].header("authorization"),
        "Bearer value of PRINTFUL_TOKEN"
    );
    assert_eq!(requests[1].path, "/v2/orders/4000001/confirmation");
    assert!(requests[1].body.is_empty());
    assert!(way.step_is_refused());
}

impl Way<'_> {
    /// After the last step there is no other.
    fn step_is_refused(&mut self) -> bool {
        self.go_on("confirm", std::collections::BTreeMap::new());
        let progress = &self.attempt.progress;
        self.supplier.prepare(&self.handover, progress).is_err()
    }
}

#[tokio::test]
async fn a_draft_without_an_answer_is_found_and_bought_once() {
    for twist in [Twist::Silence, Twist::BadGateway] {
        let double = Printful::default();
        let supplier = open("printful", double.clone());
        let mut way = Way::new(supplier.orders(), with_skus(SKUS));
        double.script([twist]);
        doubt(way.step().await);
        let Answer::StepDone(done) = way.look_up().await else {
            panic!("not found")
        };
        assert_eq!(done.extracted["order"], ["4000001"]);
        accepted(way.step().await);
        let number = way.handover.number.to_string();
        assert_eq!(double.order(&number), Some(("pending".to_owned(), 1)));
    }
}

#[tokio::test]
async fn a_draft_that_exists_already_is_ours_after_a_doubt() {
    let double = Printful::default();
    let supplier = open("printful", double.clone());
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    double.script([Twist::Silence]);
    doubt(way.step().await);
    assert!(is_done(&way.step().await));
    assert_eq!(way.attempt.progress.extracted["order"], ["4000001"]);
    accepted(way.step().await);
}

#[tokio::test]
async fn a_draft_of_somebody_else_is_not_bought() {
    let double = Printful::default();
    let supplier = open("printful", double.clone());
    assert!(is_done(
        &Way::new(supplier.orders(), with_skus(SKUS)).step().await
    ));
    // The same lines under the same number: we lost our memory, but it is what we want.
    assert!(is_done(
        &Way::new(supplier.orders(), with_skus(SKUS)).step().await
    ));
    let mut way = Way::new(supplier.orders(), with_skus(["4012/leaf", "4999/sun"]));
    let (why, evidence) = doubt(way.step().await);
    assert_eq!(why, "HTTP 400: it exists already, with other lines");
    assert!(evidence.contains("4013/wave"), "{evidence}");
}

#[tokio::test]
async fn a_purchase_in_doubt_is_settled_by_its_status() {
    let double = Printful::default();
    let supplier = open("printful", double.clone());
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let number = way.handover.number.to_string();
    way.step().await;
    double.script([Twist::Silence]);
    doubt(way.step().await);
    let Answer::Accepted(acceptance) = way.look_up().await else {
        panic!("not found")
    };
    assert_eq!(acceptance.references, ["4000001"]);
    assert_eq!(double.order(&number), Some(("pending".to_owned(), 1)));
    // A draft was not bought, and the look-up may be believed a minute later.
    double.set_status(&number, "draft");
    assert_eq!(way.look_up().await, Answer::NotFound(LookupFinding::Absent));
    let policy = supplier
        .orders()
        .sender()
        .lookup()
        .unwrap()
        .policy(&way.attempt);
    assert_eq!(policy.authoritative_after, Some(Duration::from_mins(1)));
    // Bought, and then refused for a problem of its own: a person looks.
    double.set_status(&number, "failed");
    assert_eq!(
        way.look_up().await,
        Answer::NotFound(LookupFinding::Unclear)
    );
}

#[tokio::test]
async fn buying_again_what_was_bought_is_settled_by_its_look_up() {
    let double = Printful::default();
    let supplier = open("printful", double.clone());
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let number = way.handover.number.to_string();
    way.step().await;
    double.script([Twist::Silence]);
    doubt(way.step().await);
    // 409 after a doubt is a conflict with ourselves, which the look-up shows at once.
    assert_eq!(accepted(way.step().await).references, ["4000001"]);
    assert_eq!(double.order(&number), Some(("pending".to_owned(), 1)));
}

#[tokio::test]
async fn one_request_too_many_closes_the_supplier_for_a_minute() {
    let double = Printful::default();
    let supplier = open("printful", double.clone());
    let now = "2026-12-01T10:00:00Z".parse().unwrap();
    assert_eq!(
        supplier
            .orders()
            .sender()
            .not_before(&Moment::of_unset_clock(now), None),
        None
    );
    double.script([Twist::None, Twist::TooMany]);
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    way.step().await;
    let heard = way.step().await;
    let Outcome::NotSent {
        retry_after: Some(after),
        ..
    } = heard.outcome
    else {
        panic!("{heard:?}")
    };
    assert_eq!(heard.trouble, None);
    assert_eq!(after, SignedDuration::from_mins(1));
    let until = supplier
        .orders()
        .sender()
        .not_before(&Moment::of_unset_clock(now), None)
        .unwrap();
    let wait = until.duration_since(now).as_secs();
    assert!((59..=61).contains(&wait), "{wait}");
    let asked = double.requests().len();
    assert!(matches!(way.step().await.outcome, Outcome::NotSent { .. }));
    assert_eq!(double.requests().len(), asked);
    let later = now + jiff::SignedDuration::from_secs(90);
    assert_eq!(
        supplier
            .orders()
            .sender()
            .not_before(&Moment::of_unset_clock(later), None),
        None
    );
    accepted(way.step().await);
}

#[tokio::test]
async fn what_was_not_reached_goes_again_and_what_is_unknown_is_rejected() {
    let double = Printful::default();
    let supplier = open("printful", double.clone());
    double.script([Twist::Unreachable]);
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let heard = way.step().await;
    assert!(
        matches!(heard.outcome, Outcome::NotSent { .. }),
        "{heard:?}"
    );
    assert!(is_done(&way.step().await));
    let mut way = Way::new(supplier.orders(), with_skus(["0/leaf", "4013/wave"]));
    let heard = way.step().await;
    let Outcome::Rejected {
        why: Rejection { reason, detail, .. },
        ..
    } = heard.outcome
    else {
        panic!("{heard:?}")
    };
    assert_eq!(reason, RejectionReason::InvalidSku);
    assert_eq!(detail, "HTTP 404: NotFound");
}

#[tokio::test]
async fn an_order_is_taken_back_until_it_is_in_production() {
    let double = Printful::default();
    let supplier = open("printful", double.clone());
    let mut way = Way::new(supplier.orders(), with_skus(SKUS));
    let number = way.handover.number.to_string();
    way.step().await;
    accepted(way.step().await);
    let cancels = supplier.cancels().unwrap();
    let back = cancel(&way.handover, &["4000001"], true);
    double.set_status(&number, "inprocess");
    let acceptance = accepted(Way::new(cancels, back.clone()).step().await);
    assert_eq!(acceptance.cancel, Some(CancelAnswer::TooLate));
    double.set_status(&number, "pending");
    double.script([Twist::Silence]);
    let (why, _) = doubt(Way::new(cancels, back.clone()).step().await);
    assert_eq!(why, "no answer in time");
    let mut way = Way::new(cancels, back.clone());
    for (status, expected) in [
        ("canceled", Some(CancelAnswer::Accepted)),
        ("fulfilled", Some(CancelAnswer::TooLate)),
        ("pending", None),
    ] {
        double.set_status(&number, status);
        let found = match way.look_up().await {
            Answer::Accepted(acceptance) => acceptance.cancel,
            Answer::NotFound(LookupFinding::Absent) => None,
            other @ (Answer::StepDone(_) | Answer::NotFound(_)) => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
    }
    let acceptance = accepted(Way::new(cancels, back).step().await);
    assert_eq!(acceptance.cancel, Some(CancelAnswer::Accepted));
    assert_eq!(double.order(&number).unwrap().0, "canceled");
    // Asked for once more after a doubt: they refuse, since our first request was enough.
    let mut way = Way::new(cancels, cancel(&with_skus(SKUS), &["4000001"], true));
    way.attempt.doubted = true;
    let acceptance = accepted(way.step().await);
    assert_eq!(acceptance.cancel, Some(CancelAnswer::Accepted));
    let part = cancel(&with_skus(SKUS), &["4000001"], false);
    let error = cancels.prepare(&part, &domain::order::answer::Progress::default());
    assert_eq!(
        error.err().unwrap().0,
        "acme can only take back the whole order, not single lines of it: ask them"
    );
}
