//! What SES reports of mails, and what becomes of a mail whose answer was lost.
//!
//! The local AWS takes mails and never reports one, and an event of `aws.ses` is for nobody but AWS
//! to put onto a bus. So each report is put where the template's rule puts it, into the queue of
//! forwarding as the event itself; that the deployed rule lets it through is asked of the local AWS.

use super::TURN;
use super::place::{Place, eventually, id, only};
use domain::cases::CaseKind;
use domain::ids::ChannelCode;
use domain::messages::{ForwardPurchaseOrder, Message, QueueName, RouteOrder};
use domain::order::Order;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::machine::SendState;
use doubles::recorder::Fault;
use doubles::shop::ShopOrder;
use ports::Area;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Tags = BTreeMap<String, String>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_sent_once_whatever_is_reported_of_it() {
    let _turn = TURN.lock().await;
    let Some(place) = Place::set("reports of mails").await else {
        return;
    };
    place.deployment.hide_messages_for(2).await.unwrap();
    let lost = [4001, 4002].map(|number| ShopOrder::new(number, &[("TOWEL", 1)]));
    lose_answers(&place, &lost).await;
    bounced(&place).await;
    others(&place).await;
    settled_by_a_report_alone(&place, &lost).await;
    place.every_promise_is_kept().await;
}

/// SES takes each mail, and its answer never arrives.
async fn lose_answers(place: &Place, orders: &[ShopOrder]) {
    let recorder = &place.deployment.emulator.recorder;
    recorder.disturb(|call| (call.action == "SendRawEmail").then_some(Fault::CutAfter));
    for order in orders {
        place.post("orders/create", order).await;
        place.until(order, "in doubt", is_in_doubt).await;
    }
    recorder.calm();
}

/// The mail comes back for good; what is reported afterwards, or again, changes nothing.
async fn bounced(place: &Place) {
    let order = ShopOrder::new(4003, &[("TOWEL", 2)]);
    place.post("orders/create", &order).await;
    let sent = place
        .until(&order, "sent", |order| {
            order
                .purchase_orders
                .iter()
                .any(|own| own.sending.is_sent())
        })
        .await;
    let number = only(&sent).number.clone();
    let tags = tags(place, &number);
    let bounce = event(place, "Bounce", &tags);
    report(place, &bounce).await;
    let after = place
        .until(&order, "bounced", |order| only(order).sending.has_bounced())
        .await;
    let state = &only(&after).sending.state;
    let SendState::Rejected { why, .. } = state else {
        panic!("{}", state.name());
    };
    assert_eq!(place.cases(&order).await, [CaseKind::MailBounced]);
    let files = &place.installation().files;
    let evidence = format!("answer/{number}/{}", why.evidence.clone().unwrap());
    let kept = files.get(Area::Evidence, &evidence).await.unwrap();
    assert_eq!(kept.unwrap(), bounce.to_string().as_bytes());

    for again in [&bounce, &event(place, "Send", &tags), &bounce] {
        report(place, again).await;
    }
    place.until_quiet().await;
    let still = place.stored(&order).await.unwrap();
    assert_eq!(still.version, after.version, "another event in its history");
    assert_eq!(place.told("eml", &number).await, 1);
}

/// Mails that are not ours, and what is no report: the one is let go, the other a dead letter.
async fn others(place: &Place) {
    let store = &place.installation().incidents;
    assert_eq!(store.incidents().await.unwrap(), []);
    let unknown = PurchaseOrderNumber::new(&ChannelCode::parse("AC").unwrap(), "9999", 1);
    let of_nobody = Tags::from([
        ("purchase_order".to_owned(), unknown.to_string()),
        ("attempt".to_owned(), "1".to_owned()),
    ]);
    report(place, &event(place, "Bounce", &Tags::new())).await;
    report(place, &event(place, "Bounce", &of_nobody)).await;
    place.until_quiet().await;
    assert_eq!(store.incidents().await.unwrap(), []);

    let mut malformed = event(place, "Send", &Tags::new());
    malformed["detail"]["mail"] = json!("gone");
    let body = malformed.to_string();
    place.put_for_forwarding(&body).await;
    let incidents = eventually("an incident of the dead letter", async || {
        Some(store.incidents().await.unwrap()).filter(|incidents| !incidents.is_empty())
    })
    .await;
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}");
    };
    assert_eq!(incident.kind, CaseKind::DeadLetter);
    let (_, key) = incident.detail.split_once("; it is ").unwrap();
    let kept = place.installation().files.get(Area::Evidence, key).await;
    assert_eq!(kept.unwrap().unwrap(), body.as_bytes());
}

/// Of two mails whose answers were lost SES reports one. However often both are worked on, neither
/// is sent again, and the other stays for a person.
async fn settled_by_a_report_alone(place: &Place, lost: &[ShopOrder; 2]) {
    for order in lost {
        // Nothing looks a mail over SES up.
        let known = place.stored(order).await.unwrap();
        let state = &only(&known).sending.state;
        let waits_for_a_report =
            matches!(state, SendState::InDoubt { look_ups, .. } if look_ups.next_at.is_none());
        assert!(waits_for_a_report, "{state:?}");
        work_on(place, order).await;
    }
    for order in lost {
        let known = place.stored(order).await.unwrap();
        assert!(is_in_doubt(&known), "{}", only(&known).sending.state.name());
        assert_eq!(place.cases(order).await, [CaseKind::SendInDoubt]);
    }

    let [reported, other] = lost;
    let known = place.stored(reported).await.unwrap();
    let number = only(&known).number.clone();
    let sent = event(place, "Send", &tags(place, &number));
    for _ in 0..2 {
        report(place, &sent).await;
    }
    let settled = place
        .until(reported, "settled", |order| only(order).sending.is_sent())
        .await;
    assert_eq!(only(&settled).sending.attempts, 1);
    place.until_quiet().await;
    let still = place.stored(reported).await.unwrap();
    assert_eq!(still.version, settled.version, "settled once");
    assert_eq!(place.cases(reported).await, []);

    work_on(place, other).await;
    assert!(is_in_doubt(&place.stored(other).await.unwrap()));
    assert_eq!(place.cases(other).await, [CaseKind::SendInDoubt]);
    for order in lost {
        let known = place.stored(order).await.unwrap();
        assert_eq!(place.told("eml", &only(&known).number).await, 1);
    }
}

/// As queues and the schedule do, and more often.
async fn work_on(place: &Place, order: &ShopOrder) {
    let known = place.stored(order).await.unwrap();
    let route = Message::from(RouteOrder { order: id(order) });
    let forward = Message::from(ForwardPurchaseOrder {
        order: id(order),
        purchase_order: only(&known).number.clone(),
    });
    for _ in 0..3 {
        let messages = [route.clone(), forward.clone(), forward.clone()];
        let queue = &place.installation().queue;
        queue.send_all(&messages).await.unwrap();
        place.deployment.sweep().await.unwrap();
    }
    place.until_quiet().await;
}

fn is_in_doubt(order: &Order) -> bool {
    let own = &order.purchase_orders;
    let in_doubt = |state: &SendState| matches!(state, SendState::InDoubt { .. });
    own.len() == 1 && own.iter().all(|own| in_doubt(&own.sending.state))
}

/// Of the one mail about the purchase order, as it was sent.
fn tags(place: &Place, number: &PurchaseOrderNumber) -> Tags {
    let calls = place.deployment.emulator.recorder.calls();
    let own = number.to_string();
    let mut mails = calls
        .into_iter()
        .filter(|call| call.tags.get("purchase_order") == Some(&own));
    let mail = mails.next().unwrap();
    assert_eq!(mails.count(), 0, "another mail about {number}");
    mail.tags
}

/// As SES tells a bus of it.
fn event(place: &Place, kind: &str, tags: &Tags) -> Value {
    let set = place.deployment.resource("MailConfigurationSet").unwrap();
    let mut told = json!({ "ses:configuration-set": [set], "ses:caller-identity": ["forwarding"] });
    for (name, value) in tags {
        told[name] = json!([value]);
    }
    let mut detail = json!({
        "eventType": kind,
        "mail": {
            "timestamp": "2026-11-26T08:00:00.000Z",
            "source": "orders@acme.example",
            "messageId": "0100019a-example",
            "destination": ["orders@harbour.example"],
            "commonHeaders": {
                "from": ["Acme Store <orders@acme.example>"],
                "to": ["orders@harbour.example"],
            },
            "tags": told,
        },
    });
    let title = match kind {
        "Send" => "Email Sent",
        "Bounce" => {
            detail["bounce"] = json!({
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [{
                    "emailAddress": "orders@harbour.example",
                    "action": "failed",
                    "status": "5.1.1",
                }],
                "timestamp": "2026-11-26T08:00:02.000Z",
                "feedbackId": "0100019a-feedback",
            });
            "Email Bounced"
        }
        kind => panic!("{kind}"),
    };
    json!({
        "version": "0",
        "id": "8c2c5b1e-6f0a-4d0e-9d2f-7a1b6f0c3d5e",
        "detail-type": title,
        "source": "aws.ses",
        "account": "000000000000",
        "time": "2026-11-26T08:00:02Z",
        "region": "us-east-1",
        "resources": [format!("arn:aws:ses:us-east-1:000000000000:configuration-set/{set}")],
        "detail": detail,
    })
}

/// Into the queue that the rule names, once the rule's pattern lets it through.
async fn report(place: &Place, event: &Value) {
    let deployment = &place.deployment;
    let rule = deployment.resource("MailEventsRule").unwrap();
    let ask = async |action: &str, asked: Value| {
        let target = format!("AWSEvents.{action}");
        let answer = deployment.emulator.json("events", &target, &asked).await;
        answer.unwrap()
    };
    let known = ask("DescribeRule", json!({ "Name": rule })).await;
    let tested = json!({ "EventPattern": known["EventPattern"], "Event": event.to_string() });
    let tested = ask("TestEventPattern", tested).await;
    assert_eq!(tested["Result"], true, "the rule keeps {event} out");
    let targets = ask("ListTargetsByRule", json!({ "Rule": rule })).await;
    let [target] = targets["Targets"].as_array().unwrap().as_slice() else {
        panic!("the rule has other targets, too: {targets}");
    };
    let url = &deployment.opened.outputs.queue_urls[&QueueName::Forwarding];
    let queue = url.rsplit('/').next().unwrap();
    let arn = target["Arn"].as_str().unwrap();
    assert_eq!(arn.rsplit(':').next(), Some(queue));
    for changed in ["Input", "InputPath", "InputTransformer"] {
        assert!(
            target[changed].is_null(),
            "the event comes changed: {target}"
        );
    }
    place.put_for_forwarding(&event.to_string()).await;
}
