//! Whatever arrives, reading it ends in news or in an error that names no person, never in a panic.

use super::{Kind, orders, personal};
use crate::contract::fixtures::property;
use domain::order::news::ChannelEvent;
use ports::WebhookRequest;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// Reads a request that may have been tampered with.
fn survive(kind: &Kind, original: &WebhookRequest, body: Vec<u8>) -> Result<(), TestCaseError> {
    let channel = kind.channel();
    let mut request = original.clone();
    request.body = body;
    let untouched = request.body == original.body;
    prop_assert_eq!(channel.verify(&request).is_ok(), untouched);
    let read = channel.parse(&request);
    prop_assert_eq!(&read, &channel.parse(&request));
    match read {
        Ok(events) => {
            for text in texts(&events) {
                prop_assert!(!text.contains(char::is_control), "{text:?} got in");
            }
        }
        Err(error) => {
            for text in personal(&channel.parse(original).unwrap()) {
                prop_assert!(!error.0.contains(&text), "{error} shows {text:?}");
            }
        }
    }
    Ok(())
}

/// Everything that a supplier may come to see, where no control character belongs.
fn texts(events: &[ChannelEvent]) -> Vec<&str> {
    let mut texts = Vec::new();
    for order in orders(events) {
        let payload = &order.payload;
        let address = payload.ship_to.reveal();
        texts.extend(address.fields().into_iter().flat_map(|(_, forms)| forms));
        texts.extend([&payload.order_name, &payload.shipping_method].map(String::as_str));
        for line in &payload.lines {
            texts.extend([line.sku.as_str(), line.title.as_str()]);
        }
    }
    texts
}

#[derive(Debug, Clone)]
enum Change {
    Anything(Vec<u8>),
    Flip(Vec<(Index, u8)>),
    Cut(Index),
    Twice(Index),
}

pub(super) fn bytes(kind: &Kind) {
    let change = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400).prop_map(Change::Anything),
        prop::collection::vec((any::<Index>(), 1..=u8::MAX), 1..8).prop_map(Change::Flip),
        any::<Index>().prop_map(Change::Cut),
        any::<Index>().prop_map(Change::Twice),
    ];
    property(256, &(any::<Index>(), change), |(which, change)| {
        let (_, request) = which.get(&kind.requests);
        let mut body = request.body.clone();
        match change {
            Change::Anything(bytes) => body = bytes,
            Change::Flip(flips) => {
                for (at, with) in flips {
                    *at.get_mut(&mut body) ^= with;
                }
            }
            Change::Cut(at) => body.truncate(at.index(body.len())),
            Change::Twice(at) => {
                let tail = body[at.index(body.len())..].to_vec();
                body.extend(tail);
            }
        }
        survive(kind, request, body)
    });
}

/// A text has control characters; a member is taken away or becomes another type.
pub(super) fn structure(kind: &Kind) {
    let documents: Vec<(&WebhookRequest, Value)> = kind
        .requests
        .iter()
        .filter_map(|(_, request)| Some((request, serde_json::from_slice(&request.body).ok()?)))
        .collect();
    if documents.is_empty() {
        return;
    }
    for (request, document) in &documents {
        let mut places = Vec::new();
        collect(document, "", &mut places);
        for place in places {
            let mut document = document.clone();
            let value = document.pointer_mut(&place).unwrap();
            if value.is_string() {
                *value = json!("one\u{0}\r\ntwo\u{1b}\u{85}");
                let body = document.to_string().into_bytes();
                survive(kind, request, body).unwrap_or_else(|error| panic!("{place}: {error}"));
            }
        }
    }
    let change = (any::<Index>(), prop::option::of(replacement()));
    let changes = prop::collection::vec(change, 1..4);
    property(256, &(any::<Index>(), changes), |(which, changes)| {
        let (request, document) = which.get(&documents);
        let mut document = document.clone();
        for (at, with) in changes {
            let mut places = Vec::new();
            collect(&document, "", &mut places);
            if places.is_empty() {
                break;
            }
            let place = at.get(&places);
            match with {
                Some(value) => *document.pointer_mut(place).unwrap() = value,
                None => remove(&mut document, place),
            }
        }
        survive(kind, request, document.to_string().into_bytes())
    });
}

fn replacement() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![
            Value::Null,
            json!(true),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(""),
            json!("\u{0}"),
            json!("9".repeat(400)),
            json!([]),
            json!({}),
            json!([[]]),
            json!([null, 1, "a"]),
            json!({"amount": {}, "id": []}),
            json!("9999-12-31T23:59:59Z"),
            json!("-009999-01-01T00:00:00+25:59"),
        ]),
        any::<String>().prop_map(Value::String),
        any::<u64>().prop_map(Value::from),
    ]
}

fn collect(value: &Value, path: &str, places: &mut Vec<String>) {
    let mut below = |key: &str, value: &Value| {
        let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
        places.push(path.clone());
        collect(value, &path, places);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                below(&at.to_string(), item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn remove(document: &mut Value, place: &str) {
    let (parent, key) = place.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) => {
            members.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Value::Array(items) => {
            items.remove(key.parse().unwrap());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
