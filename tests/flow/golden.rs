//! Histories as form 1 stores them fold in this version, and are written as they were read.
//!
//! A line of the file is the history of one order. Lines are added, never changed: a merchant's table
//! has such histories. A later form has a file of its own and a migration.

use domain::batch::Uploaded;
use domain::cases::CaseEntry;
use domain::catalogue::Offer;
use domain::ids::OrderId;
use domain::invariants;
use domain::messages::Message;
use domain::order::Order;
use domain::order::events::Recorded;
use domain::order::news::Payload;
use domain::routing::trace::Trace;
use domain::trust::RefusalStreak;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use tests::faults::Faults;
use tests::stories::all;
use tests::world::World;

#[derive(Serialize, Deserialize)]
struct Stored {
    order: OrderId,
    events: Vec<Recorded>,
}

fn file() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("fixtures/histories/form-1.jsonl")
}

fn lines() -> Vec<String> {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn histories_of_form_1_fold_and_are_written_as_they_were() {
    let lines = lines();
    assert!(lines.len() > 10, "only {} histories", lines.len());
    for line in &lines {
        let stored: Stored = serde_json::from_str(line).unwrap();
        let order = Order::fold(stored.order.clone(), &stored.events).unwrap();
        let broken = invariants::broken(&order, &stored.events);
        assert!(broken.is_empty(), "{}: {broken:?}", stored.order);
        let written: Value = serde_json::to_value(&stored).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(line).unwrap());
    }
}

/// What form 1 stores as JSON, by what it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Item {
    Recorded(Box<Recorded>),
    Payload(Box<Payload>),
    Trace(Box<Trace>),
    Case(CaseEntry),
    Offer(Offer),
    Uploaded(Uploaded),
    Refusals(RefusalStreak),
    Message(Message),
}

/// Each line has every field that may be absent, and between them they have every value of the
/// enumerations: a name that changed would be read as absent, without an error.
#[test]
fn every_field_of_form_1_is_read() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("fixtures/histories/form-1-every-field.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.lines().count() > 70);
    let mut events = BTreeSet::new();
    for line in text.lines() {
        let item: Item =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let stored: Value = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_value(&item).unwrap(), stored);
        if let Item::Recorded(recorded) = &item {
            let recorded = serde_json::to_value([recorded]).unwrap();
            events.extend(kinds(&serde_json::json!({ "events": recorded })));
        }
    }
    let histories = lines();
    let histories = histories
        .iter()
        .flat_map(|line| kinds(&serde_json::from_str::<Value>(line).unwrap()));
    let missing: BTreeSet<_> = histories.filter(|kind| !events.contains(kind)).collect();
    assert!(missing.is_empty(), "only in histories: {missing:?}");
}

/// `WAYBILL_ADD_HISTORIES=1` adds the histories that are missing.
#[tokio::test]
async fn every_event_of_a_story_is_in_a_history_of_form_1() {
    let mut lines = lines();
    let mut known: BTreeSet<String> = lines
        .iter()
        .flat_map(|line| kinds(&serde_json::from_str::<Value>(line).unwrap()))
        .collect();
    let mut missing = Vec::new();
    for story in all() {
        let mut world = World::new(Faults::default()).await;
        story.run(&mut world).await;
        for (order, events) in world.orders().await {
            // A story may end in what must never happen, to show that it is seen.
            if !invariants::broken(&order, &events).is_empty() {
                continue;
            }
            let stored = Stored {
                order: order.id,
                events,
            };
            let value = serde_json::to_value(&stored).unwrap();
            let new: Vec<_> = kinds(&value)
                .into_iter()
                .filter(|kind| known.insert(kind.clone()))
                .collect();
            if !new.is_empty() {
                missing.push(format!("{}: {}", story.name, new.join(", ")));
                lines.push(value.to_string());
            }
        }
    }
    if std::env::var_os("WAYBILL_ADD_HISTORIES").is_some() {
        std::fs::create_dir_all(file().parent().unwrap()).unwrap();
        std::fs::write(file(), lines.join("\n") + "\n").unwrap();
        return;
    }
    assert!(missing.is_empty(), "no history has {missing:#?}");
}

/// Topic, event and, of optional fields, the names that are there: `send/sent/references`.
fn kinds(stored: &Value) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for recorded in stored["events"].as_array().into_iter().flatten() {
        let (topic, event) = tagged(&recorded["event"]);
        let inner = match topic {
            "send" => &event["event"],
            "person" => &event["decision"],
            _ => event,
        };
        let (name, fields) = tagged(inner);
        kinds.insert(format!("{topic}/{name}"));
        for field in fields
            .as_object()
            .into_iter()
            .flat_map(|fields| fields.keys())
        {
            kinds.insert(format!("{topic}/{name}/{field}"));
        }
    }
    kinds
}

fn tagged(value: &Value) -> (&str, &Value) {
    let tagged = value.as_object().and_then(|fields| fields.iter().next());
    match (value.as_str(), tagged) {
        (Some(name), _) => (name, &Value::Null),
        (None, Some((name, value))) => (name, value),
        (None, None) => panic!("{value} is no event"),
    }
}
