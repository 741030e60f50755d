//! The plain form: one step, [create] and [lookup].

mod bodies;
mod existing;
mod identity;
mod lines;
mod presets;
mod refusals;
mod rehearsals;
mod steps;

use crate::testing::{World, attempt, entry, handover, sent_to};
use domain::fidelity;
use domain::order::answer::{LookupFinding, Progress};
use http_client::{Failure, Response};
use jiff::SignedDuration;
use ports::{Accepted, Answer, Handover, Outcome, SendAnswer, Trouble};
use serde_json::{Value, json};
use std::time::Duration;

const BODY_TEMPLATE: &str = r#"{"po": {{ number }}, "to": {{ ship_to }}, "items": [
{%- for line in lines %}{"sku": {{ line.supplier_sku }}, "qty": {{ line.quantity }}}{% if not loop.last %},{% endif %}{% endfor -%}
]}"#;

fn specific() -> Value {
    json!({
        "create": {
            "url": "https://api.acme.example/orders/{{ order_name }}",
            "headers": {"Idempotency-Key": "{{ number }}"},
            "secret_headers": {"Authorization": "Bearer {ACME_KEY}"},
            "body": BODY_TEMPLATE,
            "already_exists": "status == 409 and body.code == 'duplicate'",
            "retryable": "status == 503",
            "reference": "body.id",
        },
        "lookup": {
            "url": "https://find.acme.example/orders?po={{ number }}",
            "secret_headers": {"X-Key": "ACME_KEY"},
            "found": "status == 200 and body.orders|length > 0",
            "reference": "body.orders[0].id",
            "absent": "status == 404 or (status == 200 and body.orders|length == 0)",
            "authoritative": true,
            "lag": 90,
        },
    })
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut specific = specific();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    specific.pointer_mut(parent).unwrap()[key] = value;
    specific
}

fn response(status: u16, body: &str) -> Response {
    let headers = vec![("Retry-After".to_owned(), "120".to_owned())];
    Response {
        status,
        headers,
        body: body.as_bytes().to_vec(),
    }
}

async fn outcome_of(
    specific: Value,
    doubted: bool,
    answers: impl IntoIterator<Item = Result<Response, Failure>>,
) -> SendAnswer {
    let world = World::default();
    answers.into_iter().for_each(|answer| world.answer(answer));
    let supplier = world.open("http", specific).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    supplier
        .orders()
        .sender()
        .send(&artifact, &attempt(doubted))
        .await
}

async fn answered(doubted: bool, status: u16, body: &str) -> SendAnswer {
    outcome_of(specific(), doubted, [Ok(response(status, body))]).await
}

#[tokio::test]
async fn the_request_repeats_and_holds_no_secret_until_it_is_sent() {
    let world = World::default();
    let supplier = world.open("http", specific()).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    let again = World::default().open("http", specific()).unwrap();
    assert_eq!(
        artifact.bytes,
        again
            .orders()
            .prepare(&handover(), &Progress::default())
            .unwrap()
            .bytes
    );
    assert!(!String::from_utf8_lossy(&artifact.bytes).contains("hush"));
    world.answer(Ok(response(201, "{}")));
    sent_to(supplier.as_ref(), &artifact).await;
    let request = world.requests().remove(0);
    assert_eq!(request.url, "https://api.acme.example/orders/%231001");
    assert_eq!(
        request.secret_headers,
        [("Authorization".to_owned(), "Bearer hush".to_owned())]
    );
    let number = handover().number.to_string();
    assert!(
        request
            .headers
            .contains(&("Idempotency-Key".to_owned(), number.clone()))
    );
    assert!(
        request
            .headers
            .contains(&("Content-Type".to_owned(), "application/json".to_owned()))
    );
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["po"], number);
    assert_eq!(body["to"]["address2"], "Unit \"4\"");
    let records = supplier
        .orders()
        .decode(&artifact)
        .unwrap()
        .parts
        .remove(0)
        .records;
    let (lines, handover) = ([("LS-1", 2), ("LS-2", 13)], handover());
    let missing = fidelity::missing(handover.ship_to.reveal(), &lines, &records, &[]);
    assert!(missing.is_empty(), "{missing:?}");
    assert!(
        records.contains(&vec!["2".to_owned(), "LS-1".to_owned()])
            || records.contains(&vec!["LS-1".to_owned(), "2".to_owned()])
    );
}

#[tokio::test]
async fn success_is_accepted_with_an_exact_reference() {
    for (body, expected) in [
        (r#"{"id": 9007199254740993}"#, Some("9007199254740993")),
        (
            r#"{"id": 18446744073709551615}"#,
            Some("18446744073709551615"),
        ),
        (r#"{"id": 123456789012345678901234}"#, None),
        (r#"{"id": " A-1\n"}"#, Some("A-1")),
    ] {
        let heard = answered(false, 201, body).await;
        let Outcome::Accepted(Accepted { references, .. }) = heard.outcome else {
            panic!("{heard:?}")
        };
        assert_eq!(references.first().map(String::as_str), expected, "{body}");
    }
    let long = format!(r#"{{"id": "{}"}}"#, "é".repeat(300));
    let heard = answered(false, 200, &long).await;
    let Outcome::Accepted(Accepted { references, .. }) = heard.outcome else {
        panic!("{heard:?}")
    };
    assert_eq!(references[0].chars().count(), 100);
}

#[tokio::test]
async fn busy_and_unauthorized_were_not_sent() {
    for (status, denied) in [(429, false), (401, true), (403, true), (503, false)] {
        let heard = answered(false, status, "<html>").await;
        let Outcome::NotSent { retry_after, .. } = heard.outcome else {
            panic!("{heard:?}")
        };
        assert_eq!(retry_after, Some(SignedDuration::from_mins(2)));
        let unauthorized = heard.trouble == Some(Trouble::Unauthorized);
        assert_eq!(unauthorized, denied, "{status}");
    }
}

#[tokio::test]
async fn everything_else_is_in_doubt() {
    for status in [302, 500, 502, 418] {
        let heard = answered(false, status, r#"{"oops": 1}"#).await;
        assert!(
            matches!(heard.outcome, Outcome::InDoubt { .. }),
            "{heard:?}"
        );
        assert!(heard.evidence.bytes.ends_with(br#"{"oops": 1}"#));
    }
    let specific = || changed("/create/success", json!("body.result.ok"));
    let heard = outcome_of(
        specific(),
        false,
        [Ok(response(200, r#"{"id": 7, "result": {"ok": true}}"#))],
    )
    .await;
    assert!(
        matches!(heard.outcome, Outcome::Accepted { .. }),
        "{heard:?}"
    );
    for body in [
        "<html>",
        r#"{"result": {}}"#,
        r#"{"result": {"ok": "false"}}"#,
        r#"{"error": 1}"#,
    ] {
        let heard = outcome_of(specific(), false, [Ok(response(200, body))]).await;
        assert!(
            matches!(heard.outcome, Outcome::InDoubt { .. }),
            "{body} {heard:?}"
        );
    }
    let heard = outcome_of(specific(), false, [Ok(response(429, "<html>"))]).await;
    assert!(
        matches!(heard.outcome, Outcome::NotSent { .. }),
        "{heard:?}"
    );
}

#[tokio::test]
async fn failures_of_the_connection_keep_their_class() {
    let refused = || Err(Failure::NotSent("refused".to_owned()));
    let heard = outcome_of(specific(), false, [refused()]).await;
    assert!(matches!(heard.outcome, Outcome::NotSent { .. }));
    let silent = || Err(Failure::InDoubt("no answer in time".to_owned()));
    let heard = outcome_of(specific(), false, [silent()]).await;
    assert!(matches!(heard.outcome, Outcome::InDoubt { .. }));
}

#[tokio::test]
async fn a_look_up_finds_misses_or_does_not_know() {
    let world = World::default();
    let supplier = world.open("http", specific()).unwrap();
    let lookup = supplier.orders().sender().lookup().unwrap();
    assert_eq!(
        lookup.policy(&attempt(false)).authoritative_after,
        Some(Duration::from_secs(90))
    );
    assert_eq!(
        supplier.orders().sender().timeout(),
        Duration::from_secs(40)
    );
    let absent = Answer::NotFound(LookupFinding::Absent);
    let unclear = Answer::NotFound(LookupFinding::Unclear);
    let found = Answer::Accepted(Accepted {
        references: vec!["9007199254740993".to_owned()],
        ..Accepted::default()
    });
    for (answer, expected) in [
        (
            Ok(response(200, r#"{"orders": [{"id": 9007199254740993}]}"#)),
            &found,
        ),
        (Ok(response(200, r#"{"orders": []}"#)), &absent),
        (Ok(response(404, "{}")), &absent),
        (Ok(response(404, "")), &absent),
        // A web server's page, which knows of no order.
        (Ok(response(404, "<html>")), &unclear),
        (Ok(response(200, "<html>")), &unclear),
        (Ok(response(500, "")), &unclear),
        (Err(Failure::NotSent(String::new())), &unclear),
    ] {
        world.answer(answer);
        assert_eq!(&lookup.find(&attempt(false)).await.answer, expected);
    }
    let request = world.requests().remove(0);
    assert_eq!(request.method, "GET");
    assert!(request.url.ends_with(&format!("?po={}", handover().number)));
    assert_eq!(
        request.secret_headers,
        [("X-Key".to_owned(), "hush".to_owned())]
    );
    let supplier = world
        .open("http", changed("/lookup/authoritative", json!(false)))
        .unwrap();
    assert_eq!(
        supplier
            .orders()
            .sender()
            .lookup()
            .unwrap()
            .policy(&attempt(false))
            .authoritative_after,
        None
    );
}

#[test]
fn bad_templates_stop_before_sending() {
    let prepared = |specific: Value, handover: &Handover| {
        World::default()
            .open("http", specific)
            .unwrap()
            .orders()
            .prepare(handover, &Progress::default())
    };
    let body = r#"{"street": {{ ship_to.street }}}"#;
    let error = prepared(changed("/create/body", json!(body)), &handover())
        .err()
        .unwrap();
    assert!(error.0.contains("street"), "{error}");
    let error = prepared(changed("/create/body", json!("{\"a\": }")), &handover())
        .err()
        .unwrap();
    assert!(error.0.contains("create.body"), "{error}");
    let mut evil = handover();
    evil.order_name = "1\r\nX-Evil: 1".to_owned();
    let headers = json!({"X-Order": "{{ order_name }}"});
    let error = prepared(changed("/create/headers", headers), &evil)
        .err()
        .unwrap();
    assert!(error.0.contains("X-Order"), "{error}");
    // A value with a slash or a question mark stays one part of the path.
    evil.order_name = "../admin?x=1&y".to_owned();
    let artifact = prepared(specific(), &evil).unwrap();
    assert!(String::from_utf8_lossy(&artifact.bytes).contains("orders/..%2Fadmin%3Fx%3D1%26y"));
}

#[test]
fn bad_settings_are_named() {
    for (pointer, value, path) in [
        (
            "/create/url",
            json!("https://{{ supplier }}.example/"),
            "create.url",
        ),
        (
            "/create/url",
            json!("https://api.acme.example@evil.example/"),
            "create.url",
        ),
        (
            "/create/url",
            json!("ftp://api.acme.example/"),
            "create.url",
        ),
        ("/create/body", json!("{{ number"), "create.body"),
        ("/create/success", json!("status >"), "create.success"),
        ("/create/method", json!("post it"), "create.method"),
        (
            "/create/url",
            json!("http://api.acme.example/"),
            "create.url",
        ),
        (
            "/create/secret_headers",
            json!({"A": "{OTHER}"}),
            "create.secret_headers.A",
        ),
        (
            "/create/secret_headers",
            json!({"idempotency-key": "ACME_KEY"}),
            "create.headers",
        ),
        ("/create/bodyy", json!(""), "create.bodyy"),
        ("/lookup/lag", json!(null), "lookup.lag"),
        ("/timeout", json!(0), "timeout"),
    ] {
        let error = World::default()
            .open("http", changed(pointer, value))
            .err()
            .unwrap();
        assert_eq!(error.path, path, "{error}");
    }
}

#[test]
fn secrets_and_hosts_are_told_before_opening() {
    let entry = entry("http");
    assert_eq!((entry.secrets)(&specific()).all, ["ACME_KEY"]);
    assert_eq!(
        (entry.hosts)(&specific()).names,
        ["api.acme.example", "find.acme.example"]
    );
    assert!((entry.hosts)(&json!({})).names.is_empty());
    assert!(!(entry.hosts)(&specific()).may_be_private);
    let private = changed("/allow_private", json!(true));
    assert!((entry.hosts)(&private).may_be_private);
}
