use super::*;
use domain::ids::ChannelCode;
use domain::purchase_order_number::PurchaseOrderNumber;
use ports::{MailEvent, MailReport};
use serde_json::{Value, json};

fn id(cancel: Option<u32>) -> SendSubject {
    let code = ChannelCode::parse("SH").unwrap();
    SendSubject::new(PurchaseOrderNumber::new(&code, "1001", 1), cancel)
}

/// As `EventBridge` delivers it, with the tags of the second attempt.
fn event(kind: &str, detail: &Value) -> Value {
    let mut event = json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Email Event",
        "source": "aws.ses",
        "account": "123456789012",
        "time": "2026-11-23T10:00:05Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:ses:eu-west-1:123456789012:configuration-set/waybill"],
        "detail": {
            "eventType": kind,
            "mail": {
                "timestamp": "2026-11-23T10:00:00.000Z",
                "source": "orders@acme.example",
                "sendingAccountId": "123456789012",
                "messageId": "0102018c00000000-example-000000",
                "destination": ["po@north.example", "copy@acme.example"],
                "headersTruncated": false,
                "headers": [{ "name": "From", "value": "Acme <orders@acme.example>" }],
                "commonHeaders": {
                    "from": ["Acme <orders@acme.example>"],
                    "to": ["North Goods <po@north.example>"],
                    "cc": ["copy@acme.example"],
                    "messageId": "0102018c00000000-example-000000",
                    "subject": "Purchase order",
                },
                "tags": {
                    "ses:configuration-set": ["waybill"],
                    "ses:source-ip": ["192.0.2.1"],
                    "purchase_order": [id(None).purchase_order().to_string()],
                    "attempt": ["2"],
                },
            },
        },
    });
    for (name, value) in detail.as_object().unwrap() {
        event["detail"][name] = value.clone();
    }
    event
}

fn bounce(kind: &str, recipients: &[&str]) -> Value {
    let recipients: Vec<_> = recipients
        .iter()
        .map(|address| {
            json!({
                "emailAddress": address,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            })
        })
        .collect();
    json!({ "bounce": {
        "feedbackId": "0102018c-example",
        "bounceType": kind,
        "bounceSubType": "General",
        "bouncedRecipients": recipients,
        "timestamp": "2026-11-23T10:00:04.000Z",
        "reportingMTA": "dns; mail.example",
    }})
}

fn delivery(recipients: &[&str]) -> Value {
    json!({ "delivery": {
        "timestamp": "2026-11-23T10:00:03.000Z",
        "processingTimeMillis": 1850,
        "recipients": recipients,
        "smtpResponse": "250 2.6.0 queued",
        "reportingMTA": "a8-60.smtp-out.example",
    }})
}

fn delay(kind: &str, recipients: &[&str]) -> Value {
    let recipients: Vec<_> = recipients
        .iter()
        .map(|address| json!({ "emailAddress": address, "status": "4.4.1" }))
        .collect();
    json!({ "deliveryDelay": {
        "timestamp": "2026-11-23T10:12:00.000Z",
        "delayType": kind,
        "expirationTime": "2026-11-24T00:00:00.000Z",
        "delayedRecipients": recipients,
    }})
}

/// SES takes the mail and then does not send it.
fn suppressed(sub_type: &str, recipients: &[&str]) -> Value {
    let mut detail = bounce("Permanent", recipients);
    detail["bounce"]["bounceSubType"] = json!(sub_type);
    detail["bounce"]["reportingMTA"] = json!("dns; amazonses.example");
    detail
}

fn told(event: &Value) -> Option<Reported> {
    reported(&event.to_string())
}

fn report(event: &Value) -> MailReport {
    let Some(Reported::Mail(MailEvent {
        id: of,
        attempt,
        report,
        evidence,
    })) = told(event)
    else {
        panic!("{event} reports nothing");
    };
    assert_eq!((of, attempt), (id(None), 2));
    assert_eq!(evidence, event.to_string().as_bytes());
    report
}

#[test]
fn what_changes_an_order() {
    assert_eq!(
        report(&event("Send", &json!({ "send": {} }))),
        MailReport::Sent
    );
    let bounced = |detail: &str| MailReport::Bounced(detail.to_owned());
    assert_eq!(
        report(&event(
            "Bounce",
            &bounce("Permanent", &["PO@north.example"])
        )),
        bounced("its mailbox does not take the mail: General, status 5.1.1")
    );
    assert_eq!(
        report(&event("Delivery", &delivery(&["PO@north.example"]))),
        MailReport::Delivered
    );
    assert_eq!(
        report(&event(
            "DeliveryDelay",
            &delay("MailboxFull", &["po@north.example"])
        )),
        MailReport::Delayed("MailboxFull".to_owned())
    );
    let rejected = json!({ "reject": { "reason": "Bad content" } });
    assert_eq!(
        report(&event("Reject", &rejected)),
        bounced("SES did not deliver it: Bad content")
    );
}

#[test]
fn what_is_only_noted() {
    for (kind, detail, noted) in [
        // Without the part that belongs to it an event proves nothing.
        ("Delivery", json!({}), "Delivery"),
        ("Delivery", json!({ "delivery": {} }), "Delivery"),
        ("DeliveryDelay", json!({}), "DeliveryDelay"),
        ("Bounce", json!({}), "Bounce"),
        ("Complaint", json!({ "complaint": {} }), "Complaint"),
        ("Open", json!({ "open": {} }), "Open"),
        ("Rendering Failure", json!({}), "Rendering Failure"),
        // That the copy arrives says nothing of the supplier.
        ("Delivery", delivery(&["copy@acme.example"]), "Delivery"),
        (
            "DeliveryDelay",
            delay("General", &["copy@acme.example"]),
            "DeliveryDelay",
        ),
        (
            "Bounce",
            suppressed("OnAccountSuppressionList", &["copy@acme.example"]),
            "Bounce, Permanent",
        ),
        // The copy does not arrive, and the supplier has it.
        (
            "Bounce",
            bounce("Permanent", &["copy@acme.example"]),
            "Bounce, Permanent",
        ),
    ] {
        assert_eq!(
            told(&event(kind, &detail)),
            Some(Reported::Noted(noted.to_owned()))
        );
    }
}

/// The supplier may have it: an automatic answer counts as a transient bounce, too.
#[test]
fn what_may_not_have_arrived() {
    for kind in ["Transient", "Undetermined", "SomethingNew"] {
        assert_eq!(
            report(&event("Bounce", &bounce(kind, &["po@north.example"]))),
            MailReport::Returned(format!("bounce, {kind}, General"))
        );
    }
    // One of two to whom it was written.
    for list in ["General", "OnAccountSuppressionList", "Suppressed"] {
        let mut partly = event("Bounce", &suppressed(list, &["po@north.example"]));
        partly["detail"]["mail"]["commonHeaders"]["to"] =
            json!(["po@north.example", "desk@north.example"]);
        assert_eq!(
            report(&partly),
            MailReport::Returned(format!("bounce, Permanent, {list}"))
        );
        partly["detail"]["eventType"] = json!("Delivery");
        partly["detail"]["delivery"] = delivery(&["desk@north.example"])["delivery"].clone();
        assert_eq!(report(&partly), MailReport::Delivered);
    }
}

fn remedy(event: &Value) -> String {
    let MailReport::Suppressed { why, remedy } = report(event) else {
        panic!("{event} suppresses nothing");
    };
    assert!(why.contains("suppression list"), "{why}");
    remedy
}

#[test]
fn a_suppressed_address_comes_with_the_command_that_helps() {
    let recipients = ["PO@north.example", "copy@acme.example"];
    let by_account = event(
        "Bounce",
        &suppressed("OnAccountSuppressionList", &recipients),
    );
    assert_eq!(
        remedy(&by_account),
        "remove the address from the list, then close the incident:\n  aws sesv2 delete-suppressed-destination --region eu-west-1 --email-address po@north.example"
    );
    let by_ses = event("Bounce", &suppressed("Suppressed", &recipients));
    assert_eq!(
        remedy(&by_ses),
        "let the account's own list replace that of SES, then close the incident:\n  aws sesv2 put-account-suppression-attributes --region eu-west-1 --suppressed-reasons BOUNCE COMPLAINT"
    );
    // Any other sub type is a bounce, and what it is called stays data.
    for sub_type in ["NoEmail", "OnTenantSuppressionList", "suppressed", ""] {
        let other = event("Bounce", &suppressed(sub_type, &recipients));
        let MailReport::Bounced(why) = report(&other) else {
            panic!("{sub_type} is no bounce");
        };
        assert!(why.contains(sub_type), "{why}");
    }
}

/// A person copies the command into a shell.
#[test]
fn what_a_shell_would_run_is_in_no_command() {
    for address in [
        "po$(reboot)@north.example",
        "po;reboot@north.example",
        "po`reboot`@north.example",
        "-po@north.example",
        "po'@north.example",
        "po@north.example --region x",
    ] {
        let mut hostile = event(
            "Bounce",
            &suppressed("OnAccountSuppressionList", &[address]),
        );
        hostile["detail"]["mail"]["commonHeaders"]["to"] = json!([address]);
        let remedy = remedy(&hostile);
        assert!(remedy.ends_with("--email-address ADDRESS"), "{remedy}");
    }
    for region in ["eu-west-1; reboot", "$(reboot)", "", "--profile"] {
        let mut hostile = event(
            "Bounce",
            &suppressed("OnAccountSuppressionList", &["po@north.example"]),
        );
        hostile["region"] = json!(region);
        let remedy = remedy(&hostile);
        assert!(!remedy.contains("--region"), "{remedy}");
    }
}

#[test]
fn whose_it_is() {
    let mut request = event("Send", &json!({}));
    request["detail"]["mail"]["tags"]["request"] = json!(["1"]);
    let Some(Reported::Mail(of_request)) = told(&request) else {
        panic!("{request} reports nothing");
    };
    assert_eq!(of_request.id, id(Some(1)));
    for (tag, value) in [
        ("purchase_order", json!(["SH-1001-1-0"])),
        ("purchase_order", json!([])),
        ("attempt", json!(["two"])),
        ("request", json!(["X1"])),
    ] {
        let mut foreign = event("Send", &json!({}));
        foreign["detail"]["mail"]["tags"][tag] = value;
        assert_eq!(told(&foreign), Some(Reported::Foreign), "{tag}");
    }
    let mut other = event("Send", &json!({}));
    other["source"] = json!("aws.s3");
    assert_eq!(told(&other), None);
    assert_eq!(told(&json!({ "kind": "route", "order": "acme/1" })), None);
}

/// What a stranger's server wrote reaches the history only where it is a plain word.
#[test]
fn foreign_text_stays_in_the_evidence() {
    let mut detail = bounce("Permanent", &["po@north.example"]);
    detail["bounce"]["bounceSubType"] = json!("Ada Example <ada@example.org>");
    let MailReport::Bounced(why) = report(&event("Bounce", &detail)) else {
        panic!("no bounce");
    };
    assert!(!why.contains("Ada") && why.contains("5.1.1"), "{why}");
}

#[test]
fn tags_are_within_the_rules_of_ses() {
    let plain = |text: &str| {
        (1..=256).contains(&text.len())
            && text
                .chars()
                .all(|one| one.is_ascii_alphanumeric() || one == '_' || one == '-')
    };
    let tags = tags(&id(Some(3)), 2).unwrap();
    let told: Vec<_> = tags.iter().map(|tag| (tag.name(), tag.value())).collect();
    let number = id(None).purchase_order().to_string();
    assert_eq!(
        told,
        [
            ("purchase_order", number.as_str()),
            ("attempt", "2"),
            ("request", "3")
        ]
    );
    assert!(told.iter().all(|(name, value)| plain(name) && plain(value)));
}
