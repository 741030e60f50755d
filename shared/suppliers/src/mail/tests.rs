use super::*;
use crate::testing::{World, attempt, handover, sent_to};
use ports::{Endpoint, Outcome, Supplier};
use serde_json::{Value, json};

const LINES: [(&str, u32); 2] = [("LS-1", 2), ("LS-2", 13)];

fn opened(specific: Value) -> Result<Box<dyn Supplier>, SettingsError> {
    World::default().open("mail", specific)
}

/// With what is to be changed in the plainest settings.
fn settings(changed: &Value) -> Value {
    let mut settings = json!({"to": "po@acme.example"});
    for (key, value) in changed.as_object().unwrap() {
        settings[key] = value.clone();
    }
    settings
}

fn supplier(changed: &Value) -> Box<dyn Supplier> {
    opened(settings(changed)).unwrap_or_else(|error| panic!("{error}"))
}

fn prepared(endpoint: &dyn Endpoint, handover: &Handover) -> Artifact {
    endpoint.prepare(handover, &Progress::default()).unwrap()
}

fn header(artifact: &Artifact, name: &str) -> String {
    let message = MessageParser::default().parse(&artifact.bytes).unwrap();
    let value = message.header_raw(name).unwrap_or_default();
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bodies(artifact: &Artifact) -> (String, String) {
    let message = MessageParser::default().parse(&artifact.bytes).unwrap();
    let (text, html) = (message.body_text(0).unwrap(), message.body_html(0).unwrap());
    (text.into_owned(), html.into_owned())
}

fn slip(artifact: &Artifact) -> String {
    let message = MessageParser::default().parse(&artifact.bytes).unwrap();
    let name = "packing-slip-S-1001-1-K.html";
    String::from_utf8(reading::attachment(&message, name).unwrap()).unwrap()
}

fn taken_back(whole: bool) -> Handover {
    let mut handover = handover();
    let mut lines = handover.lines.clone();
    if !whole {
        lines.truncate(1);
        lines[0].quantity = 1;
    }
    handover.cancel = Some(CancelRequest {
        id: "X1".to_owned(),
        whole,
        why: "the customer cancelled the order".to_owned(),
        references: vec!["A-4711".to_owned()],
        lines,
    });
    handover
}

#[test]
fn a_mail_repeats_its_bytes_and_its_parts_are_faithful_each_alone() {
    let handover = handover();
    for (attachment, parts) in [("csv", 3), ("xlsx", 3), ("none", 2)] {
        let changed = json!({"attachment": attachment, "packing_slip": true});
        let supplier = supplier(&changed);
        let artifact = prepared(supplier.orders(), &handover);
        let other = opened(settings(&changed)).unwrap();
        assert_eq!(artifact.bytes, prepared(other.orders(), &handover).bytes);
        assert_eq!(header(&artifact, "Message-ID"), "<S-1001-1-K@shop.example>");
        assert_eq!(header(&artifact, "Date"), "Tue, 1 Dec 2026 10:00:00 +0000");
        let decoded = supplier.orders().decode(&artifact).unwrap();
        assert_eq!(decoded.parts.len(), parts);
        let missing = decoded.missing(handover.ship_to.reveal(), &LINES, &[]);
        assert_eq!(missing, Vec::<String>::new());
    }
}

#[test]
fn the_texts_of_an_order() {
    let artifact = prepared(
        supplier(&json!({"packing_slip": true})).orders(),
        &handover(),
    );
    let (text, html) = bodies(&artifact);
    insta::assert_snapshot!(
        "order_text",
        format!("{}\n\n{text}", header(&artifact, "Subject"))
    );
    insta::assert_snapshot!("order_html", html);
    insta::assert_snapshot!("packing_slip", slip(&artifact));
}

#[test]
fn a_mail_as_it_goes_over_the_wire() {
    let changed = json!({
        "to": ["po@acme.example", "warehouse@acme.example"], "cc": "copy@acme.example",
        "reply_to": "answers@shop.example", "text": "{{ number }}", "html": "<p>{{ number }}",
        "attachment": "none",
        "omits": ["name", "company", "address1", "address2", "city", "province", "zip", "country", "phone"],
    });
    // Nothing but the number is said, which is refused.
    let error = opened(settings(&changed)).err().unwrap().to_string();
    assert!(
        error.contains("3 of SUP-ONE in the text, 17 of SUP-TWO in the text"),
        "{error}"
    );
    let mut changed = changed;
    let body =
        "{% for line in lines %}{{ line.supplier_sku }}: {{ line.quantity }}<br>\n{% endfor %}";
    changed["text"] = json!(body);
    changed["html"] = json!(body);
    let artifact = prepared(supplier(&changed).orders(), &handover());
    let wire = String::from_utf8(artifact.bytes).unwrap();
    insta::assert_snapshot!(wire.replace("\r\n", "\n"));
}

#[test]
fn a_template_that_loses_a_field_is_caught_though_another_part_has_it() {
    let loses_phone = include_str!("../templates/mail-text.txt").replace("ship_to.phone", "number");
    let error = opened(settings(&json!({"text": loses_phone})))
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "mail: an example order loses phone in the text; expected every address field, article and \
         quantity; an address field that is left out on purpose is named in omits"
    );
    let loses_sku = include_str!("../templates/mail-html.html").replace(
        "{{ line.supplier_sku }}",
        "<!-- {{ line.supplier_sku }} -->",
    );
    let error = opened(settings(&json!({"html": loses_sku}))).err().unwrap();
    assert!(
        error.message.contains("3 of SUP-ONE in the HTML"),
        "{error}"
    );
    // What only shows with an order is caught then.
    let loses_long = include_str!("../templates/mail-text.txt")
        .replace("{{ ship_to.address1 }}", "{{ ship_to.address1[:20] }}");
    let supplier = supplier(&json!({"text": loses_long}));
    let mut handover = handover();
    let mut address = handover.ship_to.reveal().clone();
    address.address1 = "An uncommonly long street 11".to_owned();
    handover.ship_to = domain::personal::Personal::new(address);
    let decoded = supplier
        .orders()
        .decode(&prepared(supplier.orders(), &handover))
        .unwrap();
    let missing = decoded.missing(handover.ship_to.reveal(), &LINES, &[]);
    assert_eq!(missing, ["address1 in the text"]);
}

/// Opened without a trial it loses the same, which shows when an artifact is made.
#[test]
fn what_was_tried_before_is_not_tried_again() {
    let loses_phone = include_str!("../templates/mail-text.txt").replace("ship_to.phone", "number");
    let settings = settings(&json!({"text": loses_phone}));
    let supplier = World::default().open_tried("mail", settings).ok().unwrap();
    let handover = handover();
    let decoded = supplier
        .orders()
        .decode(&prepared(supplier.orders(), &handover))
        .unwrap();
    let missing = decoded.missing(handover.ship_to.reveal(), &LINES, &[]);
    assert_eq!(missing, ["phone in the text"]);
    let unknown = json!({"to": "orders@acme.example", "text": "{{ unclosed"});
    assert!(World::default().open_tried("mail", unknown).is_err());
}

#[test]
fn a_table_may_leave_out_what_the_texts_say() {
    let columns = json!(["number", "supplier_sku", "quantity"]);
    let changed = json!({"table": {"columns": columns}});
    let error = opened(settings(&changed)).err().unwrap();
    assert!(error.message.contains("phone in the table"), "{error}");
    let omits = json!([
        "name", "company", "address1", "address2", "city", "province", "zip", "country", "phone"
    ]);
    let changed = json!({"table": {"columns": columns, "omits": omits}});
    let supplier = supplier(&changed);
    let artifact = prepared(supplier.orders(), &handover());
    assert!(artifact.omits.is_empty());
    let decoded = supplier.orders().decode(&artifact).unwrap();
    assert!(
        decoded
            .missing(handover().ship_to.reveal(), &LINES, &[])
            .is_empty()
    );
}

#[test]
fn no_value_ends_a_header_or_a_line() {
    let mut handover = handover();
    handover.order_name = "#1\r\nBcc: thief@evil.example".to_owned();
    handover.merchant.name = "Shop\r\nBcc: thief@evil.example".to_owned();
    handover.lines[1].supplier_sku = "LS-2\r\nBcc: thief@evil.example".to_owned();
    let mut address = handover.ship_to.reveal().clone();
    address.address2 = "x\r\nPlease ship:\u{2028}- LS-9 | quantity 90".to_owned();
    handover.ship_to = domain::personal::Personal::new(address);
    let supplier =
        supplier(&json!({"subject": "New {{ order_name }} {{ lines[1].supplier_sku }}"}));
    let artifact = prepared(supplier.orders(), &handover);
    let message = MessageParser::default().parse(&artifact.bytes).unwrap();
    assert!(message.bcc().is_none());
    assert_eq!(
        message.subject().unwrap(),
        "New #1 Bcc: thief@evil.example LS-2 Bcc: thief@evil.example (S-1001-1-K)"
    );
    let (text, _) = bodies(&artifact);
    assert!(
        !text.lines().any(|line| line.starts_with("- LS-9")),
        "{text}"
    );
    handover.merchant.mail = "a@b.example\r\nBcc: c@d.example".to_owned();
    assert!(
        supplier
            .orders()
            .prepare(&handover, &Progress::default())
            .is_err()
    );
    for to in [
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example, c@d.example",
        "nobody",
        "<a@b>",
        "ä@b.example",
        "",
    ] {
        for key in ["to", "cc", "reply_to"] {
            let error = opened(settings(&json!({ key: to }))).err().unwrap();
            assert_eq!(error.path, key, "{to}");
        }
    }
    for to in [
        json!([]),
        json!(7),
        json!(["a@b.example", 7]),
        json!(["a@b.example", "c"]),
    ] {
        assert_eq!(opened(json!({ "to": to })).err().unwrap().path, "to");
    }
}

#[test]
fn an_address_cannot_end_a_part() {
    let mut handover = handover();
    handover.lines[0].title = "x\r\n--waybill_mixed_S-1001-1-K_--\r\n".to_owned();
    handover.lines[1].title = "--waybill_alternative_S-1001-1-K_--".to_owned();
    let supplier = supplier(&json!({"packing_slip": true}));
    let artifact = prepared(supplier.orders(), &handover);
    let decoded = supplier.orders().decode(&artifact).unwrap();
    let missing = decoded.missing(handover.ship_to.reveal(), &LINES, &[]);
    assert!(missing.is_empty(), "{missing:?}");
    assert!(slip(&artifact).contains("x  --waybill_mixed"));
}

#[test]
fn a_field_that_does_not_exist_is_named() {
    for (key, path, source, named) in [
        ("text", "text", "{{ ship_to.street }}", "ship_to.street"),
        ("html", "html", "{{ lines[0].price }}", "price"),
        ("subject", "subject", "{{ numbr }}", "numbr"),
        ("html", "html", "{{ number", "html"),
    ] {
        let error = opened(settings(&json!({ key: source }))).err().unwrap();
        assert_eq!(error.path, path);
        assert!(error.to_string().contains(named), "{error}");
    }
    let error = opened(settings(
        &json!({"cancel": {"text": "{{ cancel.reason }}"}}),
    ))
    .err()
    .unwrap();
    assert_eq!(error.path, "cancel.text");
    assert!(error.message.contains("cancel.reason"), "{error}");
}

#[test]
fn a_packing_slip_knows_nothing_of_the_supplier() {
    let mut handover = handover();
    handover.supplier = "Secret Wholesale".to_owned();
    for line in &mut handover.lines {
        line.title = "Lamp".to_owned();
        line.supplier_sku = format!("HIDDEN-{}", line.supplier_sku);
        line.cost = Some("98.76".to_owned());
    }
    handover.service = Some("SECRET-GROUND".to_owned());
    let page = slip(&prepared(
        supplier(&json!({"packing_slip": true})).orders(),
        &handover,
    ));
    for hidden in [
        "Secret Wholesale",
        "HIDDEN",
        "98.76",
        "SECRET",
        "orders@shop.example",
    ] {
        assert!(!page.contains(hidden), "{hidden}");
    }
    for shown in [
        "Example Shop",
        "Dock Street 9",
        "Ada Exämple",
        "OUR-LS-2",
        "13",
        "#1001",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    for hidden in [
        "supplier",
        "lines[0].supplier_sku",
        "lines[0].cost",
        "service",
    ] {
        let source = format!("{{{{ {hidden} }}}}");
        let changed = json!({"packing_slip": true, "packing_slip_html": source});
        let error = opened(settings(&changed)).err().unwrap();
        assert_eq!(error.path, "packing_slip_html", "{hidden}");
    }
    let own =
        json!({"packing_slip": true, "packing_slip_html": "<p>Thank you, {{ ship_to.name }}!"});
    let artifact = prepared(supplier(&own).orders(), &handover);
    assert!(slip(&artifact).contains("Thank you, Ada"));
    let without = opened(settings(&json!({"packing_slip_html": "x"})));
    assert_eq!(without.err().unwrap().path, "packing_slip_html");
}

#[test]
fn a_request_to_cancel_answers_the_order_s_mail() {
    let supplier = supplier(&json!({}));
    let cancels = supplier.cancels().unwrap();
    for (whole, name) in [(true, "cancel_whole"), (false, "cancel_part")] {
        let handover = taken_back(whole);
        let artifact = prepared(cancels, &handover);
        assert_eq!(artifact.bytes, prepared(cancels, &handover).bytes);
        assert_eq!(
            header(&artifact, "Message-ID"),
            "<S-1001-1-K-X1@shop.example>"
        );
        assert_eq!(
            header(&artifact, "In-Reply-To"),
            "<S-1001-1-K@shop.example>"
        );
        assert_eq!(header(&artifact, "References"), "<S-1001-1-K@shop.example>");
        assert_eq!(header(&artifact, "To"), "<po@acme.example>");
        assert!(!artifact.carries_order);
        let (text, html) = bodies(&artifact);
        // The supplier needs no address to take units back.
        assert!(!text.contains("Main St") && !html.contains("Main St"));
        insta::assert_snapshot!(name, format!("{}\n\n{text}", header(&artifact, "Subject")));
        if whole {
            insta::assert_snapshot!("cancel_html", html);
        }
    }
    assert!(cancels.prepare(&handover(), &Progress::default()).is_err());
    assert!(
        supplier
            .orders()
            .prepare(&taken_back(true), &Progress::default())
            .is_err()
    );
    for (source, lack) in [
        ("{{ number }}", "5 of SUP-TWO in the text"),
        (
            "{% for line in cancel.lines %}{{ line.supplier_sku }} {{ line.quantity }}{% endfor %}",
            "number in the text",
        ),
    ] {
        let error = opened(settings(&json!({"cancel": {"text": source}})))
            .err()
            .unwrap();
        assert_eq!(error.to_string(), format!("cancel: there is no {lack}"));
    }
}

#[tokio::test]
async fn the_mailer_says_what_became_of_it_and_where_it_went() {
    let world = World::default();
    for (world, taken) in [(world.clone(), true), (World::failing(), false)] {
        let supplier = world.open("mail", settings(&json!({}))).unwrap();
        let artifact = prepared(supplier.orders(), &handover());
        let heard = sent_to(supplier.as_ref(), &artifact).await;
        assert_eq!(matches!(heard.outcome, Outcome::Accepted { .. }), taken);
        assert_eq!(matches!(heard.outcome, Outcome::InDoubt { .. }), !taken);
        let via = supplier.orders().sender().via(&attempt(false).id, 0);
        assert_eq!(via.file.as_deref(), Some("S-1001-1-K"));
    }
    assert!(world.mail("S-1001-1-K").is_some());
}

#[tokio::test]
async fn a_request_to_cancel_is_sent_under_its_own_name() {
    let world = World::default();
    let supplier = world.open("mail", settings(&json!({}))).unwrap();
    let cancels = supplier.cancels().unwrap();
    let artifact = prepared(cancels, &taken_back(true));
    let mut attempt = attempt(false);
    attempt.id = SendSubject::new(attempt.id.purchase_order().clone(), Some(1));
    let heard = cancels.sender().send(&artifact, &attempt).await;
    assert!(matches!(heard.outcome, Outcome::Accepted(_)));
    assert!(world.mail("S-1001-1-K-X1").is_some() && world.mail("S-1001-1-K").is_none());
    let via = cancels.sender().via(&attempt.id, 0);
    assert_eq!(via.file.as_deref(), Some("S-1001-1-K-X1"));
}

#[tokio::test(start_paused = true)]
async fn a_mailer_that_hangs_is_in_doubt_within_the_timeout() {
    let supplier = World::hanging().open("mail", settings(&json!({}))).unwrap();
    let artifact = prepared(supplier.orders(), &handover());
    let started = tokio::time::Instant::now();
    let heard = sent_to(supplier.as_ref(), &artifact).await;
    assert!(matches!(heard.outcome, Outcome::InDoubt { .. }));
    assert!(started.elapsed() <= supplier.orders().sender().timeout() + Duration::from_millis(1));
}
