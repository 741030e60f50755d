//! Orders that exist already, and refusals in the supplier's words.

use super::{changed, outcome_of, response, specific};
use crate::testing::World;
use domain::order::answer::{Rejection, RejectionReason};
use http_client::Failure;
use ports::{Accepted, Outcome, SendAnswer, Trouble};
use serde_json::{Value, json};

fn references(heard: &SendAnswer) -> &[String] {
    let Outcome::Accepted(Accepted { references, .. }) = &heard.outcome else {
        panic!("{heard:?}")
    };
    references
}

fn doubt(heard: &SendAnswer) -> &str {
    let Outcome::InDoubt { why, .. } = &heard.outcome else {
        panic!("{heard:?}")
    };
    why
}

#[tokio::test]
async fn what_exists_already_is_ours_after_a_doubt() {
    let duplicate = || Ok(response(409, r#"{"code": "duplicate", "id": 7}"#));
    let heard = outcome_of(specific(), true, [duplicate()]).await;
    assert_eq!(references(&heard), ["7"]);
    let mut without = specific();
    without.as_object_mut().unwrap().remove("lookup");
    let heard = outcome_of(without.clone(), true, [duplicate()]).await;
    assert_eq!(references(&heard), ["7"]);
    let heard = outcome_of(without, false, [duplicate()]).await;
    assert_eq!(
        doubt(&heard),
        "HTTP 409: it exists already, though not by us"
    );
    // The answer says no number of theirs, but the look-up does; where that fails, it is ours still.
    let nameless = || Ok(response(409, r#"{"code": "duplicate"}"#));
    let found = Ok(response(200, r#"{"orders": [{"id": "A-7"}]}"#));
    let heard = outcome_of(specific(), true, [nameless(), found]).await;
    assert_eq!(references(&heard), ["A-7"]);
    let silent = Err(Failure::InDoubt("no answer within 20 s".to_owned()));
    let heard = outcome_of(specific(), true, [nameless(), silent]).await;
    assert!(references(&heard).is_empty());
}

#[tokio::test]
async fn what_exists_already_is_ours_with_the_same_lines_only() {
    let duplicate = || Ok(response(409, r#"{"code": "duplicate", "id": 7}"#));
    let found = |lines: Value| {
        let body = json!({"orders": [{"id": "A-7", "lines": lines}]});
        Ok(response(200, &body.to_string()))
    };
    let ordered = json!({
        "each": "body.orders[0].lines", "sku": "it.article", "quantity": "it.quantity",
    });
    let specific_with = || changed("/lookup/ordered", ordered.clone());
    let same = || {
        json!([
            {"article": "LS-2", "quantity": "13"},
            {"article": "LS-1", "quantity": 1},
            {"article": "LS-1", "quantity": 1},
        ])
    };
    let heard = outcome_of(specific_with(), false, [duplicate(), found(same())]).await;
    assert_eq!(references(&heard), ["A-7"]);
    let other = json!([{"article": "LS-1", "quantity": 2}]);
    let heard = outcome_of(specific_with(), false, [duplicate(), found(other)]).await;
    assert_eq!(
        doubt(&heard),
        "HTTP 409: it exists already, with other lines"
    );
    let evidence = String::from_utf8(heard.evidence.bytes).unwrap();
    assert!(evidence.contains("duplicate") && evidence.contains("the look-up: HTTP 200"));
    let nonsense = json!([{"article": "LS-1", "quantity": "many"}]);
    let heard = outcome_of(specific_with(), false, [duplicate(), found(nonsense)]).await;
    assert!(doubt(&heard).contains("cannot be read"), "{heard:?}");
    let absent = || Ok(response(200, r#"{"orders": []}"#));
    let heard = outcome_of(specific_with(), false, [duplicate(), absent()]).await;
    assert!(doubt(&heard).contains("does not find it"), "{heard:?}");
    // Found by our number, but by whom?
    let heard = outcome_of(specific(), false, [duplicate(), found(same())]).await;
    assert!(doubt(&heard).contains("lookup.ordered"), "{heard:?}");
}

#[tokio::test]
async fn their_words_for_a_refusal_become_ours() {
    let mut specific = specific();
    specific["reason"] = json!("body.code");
    specific["reasons"] = json!({"OUT_OF_STOCK": "inventory-out-of-stock", "17": "invalid-sku"});
    for (body, expected, detail) in [
        (
            r#"{"code": "OUT_OF_STOCK"}"#,
            RejectionReason::InventoryOutOfStock,
            "HTTP 422: OUT_OF_STOCK",
        ),
        (
            r#"{"code": 17}"#,
            RejectionReason::InvalidSku,
            "HTTP 422: 17",
        ),
        (
            r#"{"code": "E99"}"#,
            RejectionReason::Unknown,
            "HTTP 422: E99",
        ),
        // A sentence may quote the customer: it stays in the evidence.
        (
            r#"{"code": "No delivery to Ada Example"}"#,
            RejectionReason::Unknown,
            "HTTP 422",
        ),
    ] {
        let absent = Ok(response(200, r#"{"orders": []}"#));
        let answers = [Ok(response(422, body)), absent];
        let heard = outcome_of(specific.clone(), false, answers).await;
        let Outcome::Rejected {
            why: Rejection {
                reason, detail: d, ..
            },
            ..
        } = heard.outcome
        else {
            panic!("{heard:?}")
        };
        assert_eq!((reason, d.as_str()), (expected, detail));
        let explained = heard.trouble != Some(Trouble::Unexplained);
        assert_eq!(explained, expected != RejectionReason::Unknown);
    }
    specific["reasons"] = json!({"X": "no-such-reason"});
    let error = World::default().open("http", specific).err().unwrap();
    assert_eq!(error.path, "reasons.X");
    assert!(
        error.to_string().contains("inventory-out-of-stock"),
        "{error}"
    );
}
