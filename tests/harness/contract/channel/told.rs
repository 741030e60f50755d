//! What the requests tell, and what they must never be taken for.

use super::{Kind, ids, orders, personal, refunds};
use domain::order::news::{OrderSnapshot, Payment};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const EXACT_AS_FLOAT: u64 = 1 << 53;

/// Without any of these a kind would be tried on fair weather only.
pub(super) fn coverage(kind: &Kind) {
    let events = kind.events();
    let any = |what: &str, holds: fn(&OrderSnapshot) -> bool| {
        assert!(orders(&events).any(holds), "no request tells of {what}");
    };
    any("an order that is paid", |order| order.paid);
    any("an order that is not paid", |order| !order.paid);
    any("a cancelled order", |order| order.cancelled_at.is_some());
    any("an order without an address", |order| {
        !order.content.destination.missing.is_empty()
    });
    any("several lines", |order| order.content.lines.len() > 1);
    any("a line without a SKU", |order| {
        order.content.lines.iter().any(|line| line.sku.is_none())
    });
    assert!(
        refunds(&events).any(|refund| !refund.units.is_empty()),
        "no request tells of refunded units"
    );
    assert!(!kind.sheet.status.is_empty(), "no status is described");
}

pub(super) fn snapshots(kind: &Kind) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&kind.snapshots);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let (channel, again) = (kind.channel(), kind.channel());
    for (name, request) in &kind.requests {
        let events = channel
            .parse(request)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Ok(&events), channel.parse(request).as_ref(), "{name} twice");
        assert_eq!(Ok(&events), again.parse(request).as_ref(), "{name} again");
        settings.bind(|| {
            insta::assert_snapshot!(format!("{}__{name}", kind.entry), format!("{events:#?}"));
        });
    }
}

pub(super) fn nothing_personal(kind: &Kind) {
    let events = kind.events();
    let shown = format!("{events:?}");
    let personal = personal(&events);
    assert!(!personal.is_empty(), "no request has an address");
    for text in personal {
        assert!(!shown.contains(&text), "{text:?} is shown");
    }
}

pub(super) fn statuses(kind: &Kind) {
    for status in &kind.sheet.status {
        let payload: Value = serde_json::from_slice(&kind.request(&status.request).body).unwrap();
        let with = |value: Option<Value>| {
            let mut payload = payload.clone();
            let (parent, key) = status.pointer.rsplit_once('/').unwrap();
            let parent = payload
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap();
            assert!(
                parent.remove(key).is_some(),
                "nothing at {}",
                status.pointer
            );
            if let Some(value) = value {
                parent.insert(key.to_owned(), value);
            }
            kind.told(&status.request, payload.to_string().into_bytes())
        };
        for paid in &status.paid {
            let events = with(Some(json!(paid))).unwrap();
            assert!(orders(&events).all(|order| order.paid), "{paid} is paid");
        }
        let mut others = vec![
            None,
            Some(Value::Null),
            Some(json!("")),
            Some(json!("a-status-of-tomorrow")),
            Some(json!(true)),
            Some(json!(1)),
            Some(json!([&status.paid])),
            Some(json!({ "status": &status.paid })),
        ];
        for paid in &status.paid {
            others.push(Some(json!(format!("{paid}_soon"))));
            others.push(Some(json!(format!("un{paid}"))));
        }
        for other in others {
            // Refusing it is as good: a person then looks at the payload.
            let Ok(events) = with(other.clone()) else {
                continue;
            };
            for order in orders(&events) {
                assert!(!order.paid, "{other:?} was taken for paid");
                assert!(
                    order.content.payment != Payment::Refunded,
                    "{other:?} was taken for refunded"
                );
            }
        }
    }
}

/// Each number that is an id becomes one that a float cannot hold, in the text as it is sent.
pub(super) fn large_ids(kind: &Kind) {
    let mut changed = 0;
    for (name, request) in &kind.requests {
        let before = ids(&kind.told(name, request.body.clone()).unwrap());
        let mut text = String::from_utf8(request.body.clone()).unwrap();
        let mut expected = before.clone();
        let numbers: BTreeSet<&String> = before
            .iter()
            .filter(|id| id.len() >= 6 && id.bytes().all(|byte| byte.is_ascii_digit()))
            .collect();
        for (at, id) in (0_u64..).zip(numbers) {
            assert!(
                text.contains(id.as_str()),
                "{name}: {id} is not what was sent"
            );
            // Beyond the ids that the fixtures have already, so that no two become one.
            let large = (EXACT_AS_FLOAT + 1_000_001 + 2 * at).to_string();
            text = text.replace(id.as_str(), &large);
            for known in expected.iter_mut().filter(|known| *known == id) {
                known.clone_from(&large);
            }
            changed += 1;
        }
        let after = ids(&kind.told(name, text.into_bytes()).unwrap());
        assert_eq!(after, expected, "{name}");
    }
    assert!(changed > 0, "no id is a number");
}

pub(super) fn money(kind: &Kind) {
    let total = &kind.sheet.total;
    let payload: Value = serde_json::from_slice(&kind.request(&total.request).body).unwrap();
    let with = |amount: &Value| {
        let mut payload = payload.clone();
        for pointer in &total.pointers {
            *payload.pointer_mut(pointer).expect(pointer) = amount.clone();
        }
        kind.told(&total.request, payload.to_string().into_bytes())
            .map(|events| orders(&events).next().unwrap().content.total)
    };
    for (amount, minor) in [
        ("0.29", 29),
        ("0.07", 7),
        ("1.10", 110),
        ("1.1", 110),
        ("14", 1_400),
        ("14.5000", 1_450),
        ("1234567.89", 123_456_789),
        ("90071992547409.93", 9_007_199_254_740_993),
        ("92233720368547758.07", i64::MAX),
    ] {
        let read = with(&json!(amount)).unwrap();
        assert_eq!(read.currency.exponent(), 2, "{}", read.currency);
        assert_eq!(read.minor, minor, "{amount}");
    }
    for nonsense in [
        "",
        " ",
        "free",
        "1e3",
        "1,50",
        "1.234.567,89",
        "0x10",
        "NaN",
        "inf",
        "1.001",
        "0.299",
        "92233720368547758.08",
        "99999999999999999999999999999999",
    ] {
        assert!(with(&json!(nonsense)).is_err(), "{nonsense:?}");
    }
    // A number of JSON may have been a float on its way: refused, or exact all the same.
    for (number, minor) in [("0.29", 29), ("1234567.89", 123_456_789), ("1.1", 110)] {
        let number: Value = serde_json::from_str(number).unwrap();
        if let Ok(read) = with(&number) {
            assert_eq!(read.minor, minor, "{number}");
        }
    }
}
