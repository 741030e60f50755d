//! Messages in lanes, by the supplier that they wait for.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use domain::commit::Commit;
use domain::ids::{ChannelCode, OrderId};
use domain::messages::{ForwardPurchaseOrder, Message, QueueName, RouteOrder};
use domain::order::Reference;
use domain::order::events::{Event, Recorded};
use domain::order::index::Index;
use domain::order::topics::routing::RoutingDecision;
use domain::purchase_order_number::PurchaseOrderNumber;
use embedded::{Embedded, InLane, Room};
use jiff::Timestamp;
use ports::{Deliveries, OrderStore, Queue};
use serde_json::json;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);
const FORWARDING: QueueName = QueueName::Forwarding;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn order() -> OrderId {
    OrderId::parse("acme/1").unwrap()
}

fn number(counter: u32) -> PurchaseOrderNumber {
    PurchaseOrderNumber::new(&ChannelCode::parse("SH").unwrap(), "1001", counter)
}

fn forward(counter: u32) -> Message {
    let (order, purchase_order) = (order(), number(counter));
    let message = ForwardPurchaseOrder {
        order,
        purchase_order,
    };
    message.into()
}

/// A plan with a purchase order for each of the suppliers, whose numbers count from 1.
async fn plan(store: &Embedded, suppliers: &[&str]) {
    let references: Vec<_> = (1..).map(number).take(suppliers.len()).collect();
    let planned: Vec<_> = references
        .iter()
        .zip(suppliers)
        .map(|(number, supplier)| json!({"number": number, "supplier": supplier, "lines": []}))
        .collect();
    let digest = "0".repeat(64);
    let routed = json!({"trace": 1, "payload": 1, "edit": digest,
        "purchase_orders": planned, "state": {"configuration": digest}});
    let event = Event::Routing(RoutingDecision::Routed(
        serde_json::from_value(routed).unwrap(),
    ));
    let commit = Commit {
        order: order(),
        expected_version: 0,
        events: vec![Recorded { at: at(1), event }],
        index: Index::default(),
        reservations: Vec::new(),
        spending: Vec::new(),
        references: references
            .into_iter()
            .map(Reference::PurchaseOrder)
            .collect(),
        payload: None,
        trace: None,
    };
    store.commit(commit).await.unwrap();
}

fn room(lanes: &[(&str, usize)], others: usize) -> Room {
    let lanes = lanes.iter().map(|(lane, room)| ((*lane).to_owned(), *room));
    Room {
        lanes: lanes.collect(),
        others,
    }
}

async fn receive(store: &Embedded, done: Vec<i64>, room: Room, now: i64) -> Vec<InLane> {
    store
        .receive_in_lanes(FORWARDING, done, room, at(now), LEASE)
        .await
        .unwrap()
}

fn seen(received: &[InLane]) -> Vec<(&str, Message)> {
    received
        .iter()
        .map(|known| {
            let message = serde_json::from_str(&known.delivery.body).unwrap();
            (known.lane.as_str(), message)
        })
        .collect()
}

#[tokio::test]
async fn a_lane_without_room_keeps_its_messages() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path()).unwrap();
    plan(&store, &["slow", "slow", "slow", "quick"]).await;
    // The last is of no plan.
    let messages: Vec<Message> = (1..=5).map(forward).collect();
    store.send_all(&messages).await.unwrap();

    let first = receive(&store, Vec::new(), room(&[("slow", 2)], 1), 0).await;
    assert_eq!(
        seen(&first),
        [
            ("", forward(5)),
            ("quick", forward(4)),
            ("slow", forward(1)),
            ("slow", forward(2))
        ]
    );
    let none = receive(&store, Vec::new(), room(&[("slow", 0)], 9), 1).await;
    assert_eq!(seen(&none), []);

    let done = first.iter().map(|known| known.delivery.id).collect();
    let last = receive(&store, done, room(&[], 9), 1).await;
    assert_eq!(seen(&last), [("slow", forward(3))]);
    // Those that were done are gone; this one comes again when its lease has ended.
    let again = receive(&store, Vec::new(), room(&[], 9), 32).await;
    assert_eq!(seen(&again), [("slow", forward(3))]);
    assert_eq!(again[0].delivery.receives, 2);
}

#[tokio::test]
async fn without_lanes_the_oldest_come_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path()).unwrap();
    plan(&store, &["zebra", "aardvark", "zebra", "aardvark"]).await;
    for counter in [1, 2, 3, 4] {
        store.send(&forward(counter)).await.unwrap();
    }
    let received = store.receive(FORWARDING, 3, at(0), LEASE).await.unwrap();
    let counters: Vec<Message> = received
        .iter()
        .map(|delivery| serde_json::from_str(&delivery.body).unwrap())
        .collect();
    assert_eq!(counters, [forward(1), forward(2), forward(3)]);
}

#[tokio::test]
async fn a_message_rings_for_whoever_waits() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path()).unwrap();
    let waiting = store.sent(FORWARDING);
    let message = RouteOrder { order: order() }.into();
    store.send(&message).await.unwrap();
    store.send(&forward(1)).await.unwrap();
    waiting.await;
    let other = tokio::time::timeout(Duration::from_millis(1), store.sent(FORWARDING));
    assert!(other.await.is_err(), "rung once");
}
