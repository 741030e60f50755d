//! What an answer proves: a success that names no number, refusals that do and do not say why, pages
//! of web servers, and answers in every encoding.

use super::{changed, outcome_of, response, specific};
use crate::testing::{World, attempt, handover, looked_up, sent_to};
use domain::order::answer::{LookupFinding, Progress};
use http_client::{Failure, Response};
use ports::{Accepted, Answer, Moment, Outcome, SendAnswer, Trouble};
use serde_json::{Value, json};
use std::time::Duration;

/// In few words: its kind, and what tells it from others of the kind.
fn told(heard: &SendAnswer) -> String {
    match (&heard.outcome, heard.trouble) {
        (Outcome::NotSent { .. }, Some(Trouble::Page)) => "page, unsent".to_owned(),
        (Outcome::InDoubt { .. }, Some(Trouble::Page)) => "page, in doubt".to_owned(),
        (Outcome::Accepted(Accepted { references, .. }), _) => {
            format!("accepted as {}", references.join("+"))
        }
        (Outcome::Rejected { .. }, Some(Trouble::Unexplained)) => {
            "rejected, unexplained".to_owned()
        }
        (Outcome::Rejected { .. }, _) => "rejected".to_owned(),
        (Outcome::NotSent { retry_after, .. }, trouble) => {
            let wait = retry_after.map_or(String::new(), |wait| format!(" for {}", wait.as_secs()));
            let who = if trouble == Some(Trouble::Unauthorized) {
                ", unauthorized"
            } else {
                ""
            };
            format!("not sent{wait}{who}")
        }
        (Outcome::NotInBatch { .. }, _) => "not in the batch".to_owned(),
        (
            Outcome::InDoubt {
                can_look_up: true, ..
            },
            _,
        ) => "in doubt".to_owned(),
        (Outcome::InDoubt { .. }, _) => "foreign".to_owned(),
        (Outcome::StepDone(done), _) => format!("done {}", done.step),
    }
}

fn plain(status: u16, body: &str) -> Response {
    Response {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    }
}

async fn sent(specific: Value, doubted: bool, answers: Vec<Response>) -> String {
    told(&outcome_of(specific, doubted, answers.into_iter().map(Ok)).await)
}

fn without_lookup() -> Value {
    let mut specific = specific();
    specific.as_object_mut().unwrap().remove("lookup");
    specific
}

fn found() -> Response {
    plain(200, r#"{"orders": [{"id": "C1"}]}"#)
}

fn absent() -> Response {
    plain(200, r#"{"orders": []}"#)
}

fn unclear() -> Response {
    plain(500, "{}")
}

/// No 2xx is believed without the number that the settings say where to read.
#[tokio::test]
async fn a_success_without_its_reference_is_in_doubt() {
    for body in [
        "",
        " ",
        "OK",
        "null",
        "7",
        "{}",
        "[]",
        r#"{"id": null}"#,
        r#"{"id": ""}"#,
        r#"{"id": " "}"#,
        r#"{"id": 0}"#,
        r#"{"id": false}"#,
        r#"{"id": "null"}"#,
        r#"{"id": "\u200b"}"#,
        r#"{"id": []}"#,
        r#"{"success": false, "error": {"code": "no_stock"}}"#,
        "<html><body>Please log in</body></html>",
        "<!doctype html><html><hr></html>",
        "<error>no stock</error>",
        "Warning: a notice\n{\"id\": 7}",
        r#"{"id": 7"#,
    ] {
        for status in [200, 201, 202, 204] {
            let heard = outcome_of(specific(), false, [Ok(plain(status, body))]).await;
            let Outcome::InDoubt { why, .. } = &heard.outcome else {
                panic!("{status} {body}: {heard:?}")
            };
            assert!(why.contains("does not name the supplier's number"), "{why}");
            assert!(heard.evidence.bytes.ends_with(body.as_bytes()), "{body}");
        }
    }
}

/// What looks into no answer cannot prove one; what is to be read from a header or text is as good as
/// the body.
#[tokio::test]
async fn the_reference_is_read_where_the_settings_say() {
    let with = |reference: &str| changed("/create/reference", json!(reference));
    let located = || Response {
        status: 201,
        headers: vec![("Location".to_owned(), "/orders/119".to_owned())],
        body: Vec::new(),
    };
    let capture = "headers.location | capture('/orders/([0-9]+)')";
    assert_eq!(
        sent(with(capture), false, vec![located()]).await,
        "accepted as 119"
    );
    assert_eq!(
        sent(with(capture), false, vec![plain(201, "")]).await,
        "in doubt"
    );
    let line = "text | capture('^OK ([0-9]+)$')";
    assert_eq!(
        sent(with(line), false, vec![plain(200, "OK 119")]).await,
        "accepted as 119"
    );
    assert_eq!(
        sent(with(line), false, vec![plain(200, "OK")]).await,
        "in doubt"
    );
    // The whole of a page is no number.
    assert_eq!(
        sent(with("text"), false, vec![plain(200, "<html>hi</html>")]).await,
        "in doubt"
    );
    assert_eq!(
        sent(with("text"), false, vec![plain(200, "A-119")]).await,
        "accepted as A-119"
    );
    // `references` counts alike, and one entry without a number is one too many.
    let mut list = specific();
    list["create"].as_object_mut().unwrap().remove("reference");
    list["create"]["references"] = json!("body.ids");
    for (body, expected) in [
        (r#"{"ids": ["A", 7]}"#, "accepted as A+7"),
        (r#"{"ids": []}"#, "in doubt"),
        (r#"{"ids": ["A", null]}"#, "in doubt"),
    ] {
        assert_eq!(
            sent(list.clone(), false, vec![plain(201, body)]).await,
            expected,
            "{body}"
        );
    }
}

/// Controls: who says where no number is to be found is believed as the settings say.
#[tokio::test]
async fn a_success_is_believed_where_nothing_more_is_asked_of_it() {
    let mut none = specific();
    none["create"].as_object_mut().unwrap().remove("reference");
    assert_eq!(
        sent(none.clone(), false, vec![plain(202, "")]).await,
        "accepted as "
    );
    none["create"]["success"] = json!("status == 200 and body.ok");
    assert_eq!(
        sent(none.clone(), false, vec![plain(200, r#"{"ok": true}"#)]).await,
        "accepted as "
    );
    assert_eq!(
        sent(none, false, vec![plain(200, "<html>")]).await,
        "in doubt"
    );
    // A number that cannot be kept exactly is there all the same.
    let long = r#"{"id": 123456789012345678901234}"#;
    assert_eq!(
        sent(specific(), false, vec![plain(201, long)]).await,
        "accepted as "
    );
}

/// A number that comes later is configured in the look-up only, which settles without one, too.
#[tokio::test]
async fn a_look_up_that_finds_it_needs_no_reference() {
    let world = World::default();
    let supplier = world.open("http", specific()).unwrap();
    let lookup = supplier.orders().sender().lookup().unwrap();
    for body in [r#"{"orders": [{}]}"#, r#"{"orders": [{"id": null}]}"#] {
        world.answer(Ok(plain(200, body)));
        let found = lookup.find(&attempt(true)).await.answer;
        assert_eq!(found, Answer::Accepted(Accepted::default()), "{body}");
    }
}

/// Every status of a refusal with every kind of body, without and with each answer of the look-up.
#[tokio::test]
async fn refusals_are_believed_as_far_as_they_say_why() {
    let mut specific = specific();
    specific["reason"] = json!("body.code");
    specific["reasons"] = json!({"no_stock": "inventory-out-of-stock"});
    specific["create"]
        .as_object_mut()
        .unwrap()
        .remove("already_exists");
    let mut without = specific.clone();
    without.as_object_mut().unwrap().remove("lookup");
    let page = "<html>nginx</html>";
    let (word, other) = (r#"{"code": "no_stock"}"#, r#"{"code": "duplicate"}"#);
    let [refused, doubt] = ["rejected, unexplained", "in doubt"];
    for (status, body, alone, there, missing, unknown) in [
        // Whoever says why is believed, and asked nothing.
        (400, word, "rejected", "", "", ""),
        (402, word, "rejected", "", "", ""),
        (404, word, "rejected", "", "", ""),
        (409, word, "rejected", "", "", ""),
        (422, word, "rejected", "", "", ""),
        // A word that nothing translates says nothing.
        (400, other, refused, "accepted as C1", refused, doubt),
        (404, other, refused, "accepted as C1", refused, doubt),
        (422, other, refused, "accepted as C1", refused, doubt),
        (
            422,
            "<error>7</error>",
            refused,
            "accepted as C1",
            refused,
            doubt,
        ),
        (409, other, doubt, "accepted as C1", doubt, doubt),
        (402, other, doubt, "", "", ""),
        (418, other, doubt, "", "", ""),
        // A web server that passed it on to nobody.
        (404, page, "page, unsent", "", "", ""),
        (404, "", "page, unsent", "", "", ""),
        (404, "404 page not found", "page, unsent", "", "", ""),
        (404, "404", "page, unsent", "", "", ""),
        (404, "null", "page, unsent", "", "", ""),
        (405, page, "page, unsent", "", "", ""),
        (410, "", "page, unsent", "", "", ""),
        (413, page, "page, unsent", "", "", ""),
        (414, page, "page, unsent", "", "", ""),
        (415, page, "page, unsent", "", "", ""),
        (421, page, "page, unsent", "", "", ""),
        (431, page, "page, unsent", "", "", ""),
        // One that may have.
        (400, page, "page, in doubt", "", "", ""),
        (400, "", "page, in doubt", "", "", ""),
        (408, page, "page, in doubt", "", "", ""),
        (418, "", "page, in doubt", "", "", ""),
        (422, "<h1>Unprocessable</h1>", "page, in doubt", "", "", ""),
        (451, page, "page, in doubt", "", "", ""),
        (
            409,
            page,
            "page, in doubt",
            "accepted as C1",
            "page, in doubt",
            "page, in doubt",
        ),
        // As ever.
        (401, page, "not sent, unauthorized", "", "", ""),
        (403, "", "not sent, unauthorized", "", "", ""),
        (429, page, "not sent", "", "", ""),
        (405, other, doubt, "", "", ""),
        (500, page, doubt, "", "", ""),
        (502, "", doubt, "", "", ""),
    ] {
        let what = format!("{status} {body}");
        let answer = || plain(status, body);
        assert_eq!(
            sent(without.clone(), false, vec![answer()]).await,
            alone,
            "{what}"
        );
        if there.is_empty() {
            // The look-up is not asked: nothing is there to answer it.
            assert_eq!(
                sent(specific.clone(), false, vec![answer()]).await,
                alone,
                "{what}"
            );
            continue;
        }
        for (looked, expected) in [(found(), there), (absent(), missing), (unclear(), unknown)] {
            let answers = vec![answer(), looked];
            assert_eq!(
                sent(specific.clone(), false, answers).await,
                expected,
                "{what}"
            );
        }
        let silent = Err(Failure::InDoubt("no answer within 20 s".to_owned()));
        let answers = [Ok(answer()), silent];
        assert_eq!(
            told(&outcome_of(specific.clone(), false, answers).await),
            unknown,
            "{what}"
        );
    }
}

/// A conflict after a doubt may be with what we sent before, whatever it says.
#[tokio::test]
async fn a_conflict_after_a_doubt_is_looked_up_though_it_explains_itself() {
    let mut specific = specific();
    specific["reason"] = json!("body.code");
    specific["reasons"] = json!({"no_stock": "inventory-out-of-stock"});
    let conflict = || plain(409, r#"{"code": "no_stock"}"#);
    for (looked, expected) in [(found(), "accepted as C1"), (absent(), "in doubt")] {
        let answers = vec![conflict(), looked];
        assert_eq!(sent(specific.clone(), true, answers).await, expected);
    }
}

/// `rejected` as the merchant writes it: what reads the answer explains, a status alone does not.
#[tokio::test]
async fn a_written_rejected_explains_where_it_reads_the_answer() {
    let with = |rejected: &str| changed("/create/rejected", json!(rejected));
    let reads = || with("'refused' in text | lower");
    let refused = || plain(200, r#"{"status": "REFUSED"}"#);
    let mut soft = reads();
    soft["create"]["success"] = json!("status == 201");
    assert_eq!(sent(soft, false, vec![refused()]).await, "rejected");
    let html = || plain(404, "<html>refused</html>");
    assert_eq!(sent(reads(), false, vec![html()]).await, "rejected");
    assert_eq!(
        sent(reads(), false, vec![plain(404, "<html>nginx</html>")]).await,
        "page, unsent"
    );
    // Its status says that it was taken, and it names no number: what it says of itself counts.
    let mut taken = reads();
    taken["create"]["success"] = json!("status in [200, 201]");
    for (body, expected) in [
        (r#"{"status": "REFUSED"}"#, "rejected"),
        (r#"{"status": "?"}"#, "in doubt"),
        (r#"{"status": "refused", "id": "C1"}"#, "accepted as C1"),
    ] {
        let answers = vec![plain(200, body)];
        assert_eq!(
            sent(taken.clone(), false, answers).await,
            expected,
            "{body}"
        );
    }
    // Written, and it does not hold: nothing is refused.
    assert_eq!(
        sent(reads(), false, vec![plain(422, r#"{"status": "?"}"#)]).await,
        "in doubt"
    );
    let status = || with("status in [400, 409, 410]");
    let body = r#"{"error": 1}"#;
    for (code, looked, expected) in [
        (410, absent(), "rejected, unexplained"),
        (410, found(), "accepted as C1"),
        (409, absent(), "in doubt"),
    ] {
        let answers = vec![plain(code, body), looked];
        assert_eq!(sent(status(), false, answers).await, expected, "{code}");
    }
    assert_eq!(
        sent(status(), false, vec![plain(422, body)]).await,
        "in doubt"
    );
    // A refusal counts though `success` finds nothing to judge in it.
    let strict = changed("/create/success", json!("body.result.ok"));
    let answers = vec![plain(422, body), absent()];
    assert_eq!(sent(strict, false, answers).await, "rejected, unexplained");
}

/// What is found may be somebody else's under our number: its lines tell, where the settings say
/// where they are.
#[tokio::test]
async fn what_is_found_after_a_refusal_must_have_our_lines() {
    let ordered = json!({
        "each": "body.orders[0].lines", "sku": "it.article", "quantity": "it.quantity",
    });
    let specific = changed("/lookup/ordered", ordered);
    let holding = |lines: Value| {
        let body = json!({"orders": [{"id": "C1", "lines": lines}]});
        plain(200, &body.to_string())
    };
    let ours = || {
        holding(json!([
            {"article": "LS-1", "quantity": 2}, {"article": "LS-2", "quantity": 13},
        ]))
    };
    let other = || holding(json!([{"article": "LS-1", "quantity": 2}]));
    for (status, body) in [(409, r#"{"code": "?"}"#), (422, r#"{"code": "?"}"#)] {
        for (doubted, looked, expected) in [
            (false, ours(), "accepted as C1"),
            (false, other(), "foreign"),
            // Ours, since an attempt of ours may have arrived.
            (true, other(), "accepted as C1"),
        ] {
            let answers = vec![plain(status, body), looked];
            let heard = sent(specific.clone(), doubted, answers).await;
            assert_eq!(heard, expected, "{status} {doubted}");
        }
    }
}

/// The look-up of a refusal goes within the send, whose claim is settled after it.
#[test]
fn the_look_up_of_a_refusal_is_part_of_the_send() {
    let timeout = |specific| {
        World::default()
            .open("http", specific)
            .unwrap()
            .orders()
            .sender()
            .timeout()
    };
    let mut specific = specific();
    specific["create"]
        .as_object_mut()
        .unwrap()
        .remove("already_exists");
    assert_eq!(timeout(specific.clone()), Duration::from_secs(40));
    specific.as_object_mut().unwrap().remove("lookup");
    assert_eq!(timeout(specific), Duration::from_secs(20));
}

/// A page says nothing of an order, not even that it is not there.
#[tokio::test]
async fn a_page_settles_no_doubt() {
    let finds = async |found: &str, absent: &str, reply: Response| {
        let mut specific = changed("/lookup/found", json!(found));
        specific["lookup"]["absent"] = json!(absent);
        let world = World::default();
        let supplier = world.open("http", specific).unwrap();
        world.answer(Ok(reply));
        looked_up(supplier.as_ref()).await
    };
    let unclear = Answer::NotFound(LookupFinding::Unclear);
    let absent = Answer::NotFound(LookupFinding::Absent);
    let there = Answer::Accepted(Accepted::default());
    for page in ["<html>moved</html>", "404 page not found"] {
        for status in [200, 404] {
            let found = finds("status == 200", "status == 404", plain(status, page)).await;
            assert_eq!(found, unclear, "{status} {page}");
        }
    }
    // An interface that says "not there" without a word is common.
    assert_eq!(
        finds("status == 200", "status == 404", plain(404, "")).await,
        absent
    );
    assert_eq!(
        finds("status == 200", "status == 404", plain(404, "{}")).await,
        absent
    );
    assert_eq!(
        finds("status == 200", "status == 404", plain(200, "{}")).await,
        there
    );
    // A single value is an answer, too.
    let (yes, no) = ("body == true", "body == false");
    assert_eq!(finds(yes, no, plain(200, "true")).await, there);
    assert_eq!(finds(yes, no, plain(200, "false")).await, absent);
    // Who speaks in plain text says which text it is.
    let (yes, no) = ("text == 'KNOWN'", "text == 'UNKNOWN'");
    assert_eq!(finds(yes, no, plain(200, "KNOWN")).await, there);
    assert_eq!(finds(yes, no, plain(200, "UNKNOWN")).await, absent);
    assert_eq!(finds(yes, no, plain(200, "<html>")).await, unclear);
}

fn soft() -> Value {
    let mut specific = specific();
    specific["unauthorized"] = json!("body.error == 'token'");
    specific["retry_after"] = json!("body.wait");
    specific
}

/// Suppliers that answer HTTP 200 to everything.
#[tokio::test]
async fn expressions_say_what_other_suppliers_say_by_their_status() {
    for (body, expected) in [
        (r#"{"error": "token"}"#, "not sent, unauthorized"),
        (r#"{"error": "busy", "wait": 30}"#, "not sent for 30"),
        (r#"{"error": "busy", "wait": "45"}"#, "not sent for 45"),
        (r#"{"wait": 0}"#, "in doubt"),
        (r#"{"error": "other"}"#, "in doubt"),
        // Taken, with its number: what else it says is for the next request.
        (r#"{"id": "A-1", "wait": 30}"#, "accepted as A-1"),
    ] {
        assert_eq!(
            sent(soft(), false, vec![plain(200, body)]).await,
            expected,
            "{body}"
        );
    }
    // A step's own take the place of the supplier's.
    let mut own = soft();
    own["create"]["unauthorized"] = json!("body.error == 'key'");
    own["create"]["retry_after"] = json!("body.pause");
    for (body, expected) in [
        (r#"{"error": "key"}"#, "not sent, unauthorized"),
        (r#"{"pause": 30}"#, "not sent for 30"),
        (r#"{"error": "token", "wait": 30}"#, "in doubt"),
    ] {
        assert_eq!(
            sent(own.clone(), false, vec![plain(200, body)]).await,
            expected,
            "{body}"
        );
    }
}

/// Nothing more goes until the wait is over, and a look-up that is told to wait has learnt nothing.
#[tokio::test]
async fn a_wait_that_an_expression_finds_closes_the_supplier() {
    let now = "2026-12-01T10:00:00Z".parse().unwrap();
    let world = World::default();
    let supplier = world.open("http", soft()).unwrap();
    assert_eq!(
        supplier
            .orders()
            .sender()
            .not_before(&Moment::of_unset_clock(now), None),
        None
    );
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    world.answer(Ok(plain(200, r#"{"wait": "2030-01-01T00:00:00Z"}"#)));
    let heard = sent_to(supplier.as_ref(), &artifact).await;
    assert_eq!(told(&heard), "not sent for 3600");
    assert!(
        supplier
            .orders()
            .sender()
            .not_before(&Moment::of_unset_clock(now), None)
            .is_some()
    );
    let unclear = Answer::NotFound(LookupFinding::Unclear);
    for body in [
        r#"{"orders": [], "wait": 30}"#,
        r#"{"orders": [], "error": "token"}"#,
    ] {
        let world = World::default();
        let supplier = world.open("http", soft()).unwrap();
        world.answer(Ok(plain(200, body)));
        let found = looked_up(supplier.as_ref()).await;
        assert_eq!(found, unclear, "{body}");
    }
}

/// Whoever may have taken the order with HTTP 429 is asked before it is sent again.
#[tokio::test]
async fn retry_429_asks_first() {
    let with = |how: &str| {
        let mut specific = specific();
        specific["retry_429"] = json!(how);
        specific
    };
    let busy = |status: u16| response(status, "{}");
    assert_eq!(
        sent(with("look-up"), false, vec![busy(429)]).await,
        "in doubt"
    );
    assert_eq!(
        sent(with("look-up"), false, vec![busy(451)]).await,
        "in doubt"
    );
    assert_eq!(
        sent(with("send"), false, vec![busy(429)]).await,
        "not sent for 120"
    );
    let refused = World::default().open("http", with("never")).err().unwrap();
    assert_eq!(refused.path, "retry_429");
    let mut alone = without_lookup();
    alone["retry_429"] = json!("look-up");
    let refused = World::default().open("http", alone).err().unwrap();
    assert!(
        refused.to_string().contains("create has no look-up"),
        "{refused}"
    );
}

/// Sends and look-ups alike.
#[tokio::test]
async fn answers_are_read_in_every_encoding() {
    let utf_16: Vec<u8> = "\u{feff}{\"id\": \"S77\"}"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let reply = |content_type: &str, body: Vec<u8>| Response {
        status: 200,
        headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
        body,
    };
    for (content_type, body) in [
        (
            "application/json",
            "\u{feff}{\"id\": \"S77\"}".as_bytes().to_vec(),
        ),
        (
            "application/json; charset=ISO-8859-1",
            b"{\"id\": \"S77\", \"to\": \"M\xfcller\"}".to_vec(),
        ),
        ("application/json; charset=utf-16", utf_16),
    ] {
        let heard = sent(specific(), false, vec![reply(content_type, body.clone())]).await;
        assert_eq!(heard, "accepted as S77");
        let mut specific = changed("/lookup/found", json!("body.id is given"));
        specific["lookup"]["reference"] = json!("body.id");
        let world = World::default();
        let supplier = world.open("http", specific).unwrap();
        world.answer(Ok(reply(content_type, body)));
        let found = looked_up(supplier.as_ref()).await;
        let expected = Accepted {
            references: vec!["S77".to_owned()],
            ..Accepted::default()
        };
        assert_eq!(found, Answer::Accepted(expected));
    }
}

/// The history gets a code, never a sentence, whatever becomes of the order.
#[tokio::test]
async fn a_code_word_is_told_and_a_sentence_is_not() {
    let mut specific = specific();
    specific["reason"] = json!("body.code");
    for (status, body, expected) in [
        (500, r#"{"code": "E-99"}"#, "HTTP 500: E-99"),
        (500, r#"{"code": "No delivery to Ada Example"}"#, "HTTP 500"),
        (503, r#"{"code": "BUSY"}"#, "HTTP 503: BUSY"),
        (403, r#"{"code": "KEY_EXPIRED"}"#, "HTTP 403: KEY_EXPIRED"),
    ] {
        let heard = outcome_of(specific.clone(), false, [Ok(plain(status, body))]).await;
        let (Outcome::InDoubt { why, .. } | Outcome::NotSent { why, .. }) = heard.outcome else {
            panic!("{heard:?}")
        };
        assert_eq!(why, expected);
    }
}
