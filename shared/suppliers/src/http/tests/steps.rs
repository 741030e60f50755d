//! Several steps: each with a claim, a judge and a look-up of its own.

use crate::testing::{World, attempt, handover};
use domain::order::answer::{CancelAnswer, LookupFinding, Progress, RejectionReason};
use http_client::{Failure, Response};
use ports::{
    Answer, Attempt, CancelRequest, Endpoint, Handover, Outcome, SendAnswer, SendSubject, StepDone,
    Trouble,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ORDER: &str = r#"{"po": {{ number }}, "to": {{ ship_to }}, "items": {{ lines }}}"#;

pub(super) fn specific() -> Value {
    json!({
        "step": [
            {
                "name": "create",
                "url": "https://api.acme.example/orders",
                "body": {"json": ORDER},
                "success": "status == 201 and body.ok",
                "already_exists": "status == 409 and body.code == 'duplicate'",
                "retryable": "status == 503",
                "extract": {
                    "order": "headers.location | capture('/orders/([0-9]+)')",
                    "parts": "body.parts | map(attribute='id') | list",
                },
                "lookup": {
                    "url": "https://api.acme.example/orders?po={{ number }}",
                    "found": "status == 200",
                    "extract": {"order": "body.id", "parts": "body.parts"},
                },
            },
            {
                "name": "confirm",
                "url": "https://api.acme.example/orders/{{ extracted.order }}/confirm",
                "body": {"json": r#"{"parts": {{ extracted.parts | as_list }}}"#},
                "success": "status == 200 and body.ok",
                "retryable": "status == 503",
                "extract": {"invoice": "body.invoice"},
                "lookup": {
                    "url": "https://api.acme.example/orders/{{ extracted.order }}",
                    "method": "POST",
                    "body": {"form": "of={{ number }}"},
                    "found": "body.confirmed",
                    "absent": "not body.confirmed",
                    "extract": {"invoice": "body.invoice"},
                    "authoritative": true,
                    "lag": 5,
                },
            },
            {
                "name": "pay",
                "url": "https://pay.acme.example/invoices/{{ extracted.invoice }}",
                "method": "PUT",
                "success": "status == 200 and body.ok",
                "retryable": "status == 503",
                "references": "extracted.parts",
            },
        ],
        "cancel": [{
            "name": "ask",
            "url": "https://api.acme.example/orders/{{ cancel.references[0] }}/cancel",
            "body": {"json": r#"{"why": {{ cancel.why }}, "lines": {{ cancel.lines }}}"#},
            "success": "status == 202",
            "accepted": "status == 200 and body.result == 'cancelled'",
            "refused": "status == 200 and body.result == 'refused'",
            "too_late": "status == 200 and body.result == 'shipped'",
            "retryable": "status == 503",
        }],
    })
}

fn done(step: &str, values: &[(&str, &[&str])]) -> StepDone {
    StepDone {
        step: step.to_owned(),
        extracted: extracted(values),
    }
}

fn extracted(values: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    values
        .iter()
        .map(|(name, values)| {
            let values = values.iter().map(|&value| value.to_owned()).collect();
            ((*name).to_owned(), values)
        })
        .collect()
}

fn created() -> Progress {
    let values: &[(&str, &[&str])] = &[("order", &["119"]), ("parts", &["a", "b"])];
    Progress::default().with("create", extracted(values))
}

fn confirmed() -> Progress {
    created().with("confirm", extracted(&[("invoice", &["I-1"])]))
}

fn to_cancel() -> Handover {
    let mut handover = handover();
    handover.cancel = Some(CancelRequest {
        id: "X1".to_owned(),
        whole: false,
        why: "the customer cancelled".to_owned(),
        references: vec!["119".to_owned()],
        lines: vec![handover.lines[0].clone()],
    });
    handover
}

type Reply = Result<Response, Failure>;

pub(super) fn answer(status: u16, body: &str) -> Response {
    let headers = [
        ("Location", "/orders/119"),
        ("Set-Cookie", "hidden"),
        ("X-Request-Id", "r-1"),
    ];
    Response {
        status,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        body: body.as_bytes().to_vec(),
    }
}

fn at(progress: &Progress, doubted: bool) -> Attempt {
    Attempt {
        progress: progress.clone(),
        ..attempt(doubted)
    }
}

/// Sends one step of the four that there are: create, confirm, pay, and the request to cancel.
async fn sent(kind: &str, answer: Reply) -> (SendAnswer, World) {
    let world = World::default();
    world.answer(answer);
    // What a refusal that does not say why is looked up for.
    match kind {
        "create" => world.answer(Ok(self::answer(404, "{}"))),
        "confirm" => world.answer(Ok(self::answer(200, r#"{"confirmed": false}"#))),
        _ => {}
    }
    let supplier = world.open("http", specific()).unwrap();
    let (endpoint, handover, progress): (&dyn Endpoint, _, _) = match kind {
        "create" => (supplier.orders(), handover(), Progress::default()),
        "confirm" => (supplier.orders(), handover(), created()),
        "pay" => (supplier.orders(), handover(), confirmed()),
        _ => (
            supplier.cancels().unwrap(),
            to_cancel(),
            Progress::default(),
        ),
    };
    let artifact = endpoint.prepare(&handover, &progress).unwrap();
    assert_eq!(artifact.carries_order, kind == "create");
    let heard = endpoint
        .sender()
        .send(&artifact, &at(&progress, false))
        .await;
    (heard, world.clone())
}

#[tokio::test]
async fn every_step_has_every_class() {
    for kind in ["create", "confirm", "pay", "cancel"] {
        for status in [400, 404, 422] {
            let (heard, _) = sent(kind, Ok(answer(status, r#"{"ok": false}"#))).await;
            let Outcome::Rejected { why, .. } = heard.outcome else {
                panic!("{kind} {status} {heard:?}")
            };
            assert_eq!(why.reason, RejectionReason::Unknown);
            assert_eq!(heard.trouble, Some(Trouble::Unexplained));
        }
        let (heard, _) = sent(kind, Ok(answer(409, r#"{"ok": false}"#))).await;
        assert!(
            matches!(heard.outcome, Outcome::InDoubt { .. }),
            "{kind} {heard:?}"
        );
        for (status, denied) in [(401, true), (403, true), (429, false), (503, false)] {
            let (heard, _) = sent(kind, Ok(answer(status, r#"{"ok": false}"#))).await;
            assert!(
                matches!(heard.outcome, Outcome::NotSent { .. }),
                "{kind} {status} {heard:?}"
            );
            assert_eq!(heard.trouble, denied.then_some(Trouble::Unauthorized));
        }
        for (status, body) in [
            (200, r#"{"ok": false}"#),
            (201, r#"{"ok": "false"}"#),
            (302, "{}"),
            (418, "{}"),
            (500, "<html>"),
            (502, "{}"),
        ] {
            let (heard, _) = sent(kind, Ok(answer(status, body))).await;
            assert!(
                matches!(heard.outcome, Outcome::InDoubt { .. }),
                "{kind} {status} {heard:?}"
            );
            let evidence = String::from_utf8(heard.evidence.bytes).unwrap();
            let head = format!("HTTP {status}\nlocation: /orders/119\nx-request-id: r-1\n\n{body}");
            assert_eq!(evidence, head);
        }
        let refused = Err(Failure::NotSent("connection refused".to_owned()));
        let (heard, _) = sent(kind, refused).await;
        assert!(
            matches!(heard.outcome, Outcome::NotSent { .. }),
            "{heard:?}"
        );
        let silent = Err(Failure::InDoubt("no answer within 20 s".to_owned()));
        let (heard, _) = sent(kind, silent).await;
        assert!(
            matches!(heard.outcome, Outcome::InDoubt { .. }),
            "{heard:?}"
        );
    }
}

#[tokio::test]
async fn each_step_uses_what_the_one_before_gave() {
    let body = r#"{"ok": true, "parts": [{"id": "a"}, {"id": "b"}]}"#;
    let (heard, world) = sent("create", Ok(answer(201, body))).await;
    let Outcome::StepDone(first) = heard.outcome else {
        panic!("{heard:?}")
    };
    assert_eq!(
        first,
        done("create", &[("order", &["119"]), ("parts", &["a", "b"])])
    );
    assert_eq!(world.requests()[0].method, "POST");
    let (heard, world) = sent("confirm", Ok(answer(200, r#"{"ok": true, "invoice": 7}"#))).await;
    let Outcome::StepDone(second) = heard.outcome else {
        panic!("{heard:?}")
    };
    assert_eq!(second, done("confirm", &[("invoice", &["7"])]));
    let request = &world.requests()[0];
    assert_eq!(request.url, "https://api.acme.example/orders/119/confirm");
    assert_eq!(request.body, br#"{"parts": ["a","b"]}"#);
    let (heard, world) = sent("pay", Ok(answer(200, r#"{"ok": true}"#))).await;
    let Outcome::Accepted(acceptance) = heard.outcome else {
        panic!("{heard:?}")
    };
    assert_eq!(acceptance.references, ["a", "b"]);
    let request = &world.requests()[0];
    assert_eq!(request.method, "PUT");
    assert_eq!(request.url, "https://pay.acme.example/invoices/I-1");
    assert!(request.body.is_empty() && request.headers.is_empty());
}

#[tokio::test]
async fn a_step_whose_ids_cannot_be_read_is_in_doubt() {
    for body in [
        r#"{"ok": true}"#,
        r#"{"ok": true, "parts": []}"#,
        r#"{"ok": true, "parts": [{"id": 1.5}]}"#,
        // More than any order becomes.
        &json!({"ok": true, "parts": vec![json!({"id": 1}); 51]}).to_string(),
    ] {
        let (heard, _) = sent("create", Ok(answer(201, body))).await;
        let Outcome::InDoubt { why, .. } = heard.outcome else {
            panic!("{heard:?}")
        };
        assert_eq!(
            why,
            "HTTP 201: it is done, but step.create.extract.parts finds nothing"
        );
    }
}

#[tokio::test]
async fn every_step_is_looked_up_in_its_own_way() {
    let world = World::default();
    let supplier = world.open("http", specific()).unwrap();
    let lookup = supplier.orders().sender().lookup().unwrap();
    let unclear = Answer::NotFound(LookupFinding::Unclear);
    world.answer(Ok(answer(200, r#"{"id": 119, "parts": ["a", "b"]}"#)));
    let start = at(&Progress::default(), true);
    assert_eq!(
        lookup.find(&start).await.answer,
        Answer::StepDone(done(
            "create",
            &[("order", &["119"]), ("parts", &["a", "b"])]
        ))
    );
    assert_eq!(lookup.policy(&start).authoritative_after, None);
    // Found, but with nothing to go on with.
    world.answer(Ok(answer(200, r#"{"id": 119}"#)));
    assert_eq!(lookup.find(&start).await.answer, unclear);
    let second = at(&created(), true);
    world.answer(Ok(answer(200, r#"{"confirmed": true, "invoice": "I-1"}"#)));
    assert_eq!(
        lookup.find(&second).await.answer,
        Answer::StepDone(done("confirm", &[("invoice", &["I-1"])]))
    );
    let request = world.requests().pop().unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.body, format!("of={}", handover().number).as_bytes());
    world.answer(Ok(answer(200, r#"{"confirmed": false}"#)));
    assert_eq!(
        lookup.find(&second).await.answer,
        Answer::NotFound(LookupFinding::Absent)
    );
    let lag = lookup.policy(&second).authoritative_after.unwrap();
    assert_eq!(lag.as_secs(), 5);
    // Nothing settles a payment here, and nothing is asked.
    assert_eq!(lookup.find(&at(&confirmed(), true)).await.answer, unclear);
    assert_eq!(world.requests().len(), 4);
}

/// "Confirmed already" is about the order whose number our own first step gave us.
#[tokio::test]
async fn a_later_step_that_is_done_already_is_ours() {
    let mut specific = specific();
    specific["step"][1]["already_exists"] = json!("status == 409");
    let world = World::default();
    let supplier = world.open("http", specific).unwrap();
    let artifact = supplier.orders().prepare(&handover(), &created()).unwrap();
    world.answer(Ok(answer(409, "{}")));
    world.answer(Ok(answer(200, r#"{"confirmed": true, "invoice": "I-1"}"#)));
    let heard = supplier
        .orders()
        .sender()
        .send(&artifact, &at(&created(), false))
        .await;
    let Outcome::StepDone(second) = heard.outcome else {
        panic!("{heard:?}")
    };
    assert_eq!(second, done("confirm", &[("invoice", &["I-1"])]));
}

#[tokio::test]
async fn settings_that_changed_between_two_steps_are_no_reason_to_guess() {
    let world = World::default();
    let supplier = world.open("http", specific()).unwrap();
    let why = |progress: &Progress| {
        let error = supplier
            .orders()
            .prepare(&handover(), progress)
            .err()
            .unwrap();
        error.0
    };
    let renamed = Progress::default().with("draft", BTreeMap::new());
    assert_eq!(
        why(&renamed),
        "the step \"draft\" is done, but the settings have \"create\" in its place"
    );
    let longer = confirmed()
        .with("pay", BTreeMap::new())
        .with("thank", BTreeMap::new());
    assert_eq!(
        why(&longer),
        "the step \"thank\" is done, but the settings know no such step"
    );
    assert_eq!(
        why(&confirmed().with("pay", BTreeMap::new())),
        "all steps are done"
    );
    // An artifact of one step is never sent as another.
    let artifact = supplier.orders().prepare(&handover(), &created()).unwrap();
    let heard = supplier
        .orders()
        .sender()
        .send(&artifact, &at(&Progress::default(), false))
        .await;
    assert!(
        matches!(heard.outcome, Outcome::NotSent { .. }),
        "{heard:?}"
    );
    assert!(world.requests().is_empty());
    // What the settings no longer extract is missed by name.
    let bare = Progress::default().with("create", BTreeMap::new());
    assert!(why(&bare).contains("extracted.order"), "{}", why(&bare));
}

#[tokio::test]
async fn a_request_to_cancel_is_answered_at_once_or_later() {
    for (status, body, expected) in [
        (202, "{}", None),
        (
            200,
            r#"{"result": "cancelled"}"#,
            Some(CancelAnswer::Accepted),
        ),
        (200, r#"{"result": "refused"}"#, Some(CancelAnswer::Refused)),
        (200, r#"{"result": "shipped"}"#, Some(CancelAnswer::TooLate)),
    ] {
        let (heard, world) = sent("cancel", Ok(answer(status, body))).await;
        let Outcome::Accepted(acceptance) = heard.outcome else {
            panic!("{heard:?}")
        };
        assert_eq!(acceptance.cancel, expected);
        let body: Value = serde_json::from_slice(&world.requests()[0].body).unwrap();
        assert_eq!(body["why"], "the customer cancelled");
        assert_eq!(body["lines"].as_array().unwrap().len(), 1);
        assert_eq!(body["lines"][0]["quantity"], 2);
    }
    let world = World::default();
    let supplier = world.open("http", specific()).unwrap();
    let cancels = supplier.cancels().unwrap();
    assert!(cancels.sender().lookup().is_none());
    let error = cancels.prepare(&handover(), &Progress::default());
    assert_eq!(error.err().unwrap().0, "this is no request to cancel");
    let id = SendSubject::Cancel {
        purchase_order: handover().number,
        request: 1,
    };
    assert!(id.to_string().ends_with("/X1"));
}
