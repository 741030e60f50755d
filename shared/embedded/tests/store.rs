//! What only this store has: a restart, its queue, its folders, its lock. What every store keeps is
//! told by the suite of the package `tests`.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::{ChannelCode, OrderId};
use domain::messages::{QueueMessage as _, QueueName, RouteOrder};
use domain::order::events::{Event, Recorded};
use domain::order::index::Index;
use domain::order::news::Payload;
use domain::order::topics::channel::ChannelChange;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::routing::trace::Trace;
use embedded::{DirectoryLock, Embedded, LockError, OutboxMailer};
use jiff::Timestamp;
use ports::{
    Area, Deliveries, Files, MAX_RECEIVES, MailOutcome, Mailer, OrderStore, Put, Queue,
    SendSubject, Unavailable,
};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

fn opened() -> (TempDir, Embedded) {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path()).unwrap();
    (dir, store)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn order(own: u32) -> OrderId {
    OrderId::parse(&format!("acme/{own}")).unwrap()
}

fn number(counter: u32) -> PurchaseOrderNumber {
    PurchaseOrderNumber::new(&ChannelCode::parse("SH1").unwrap(), "1001", counter)
}

fn commit(own: u32, expected_version: u64) -> Commit {
    Commit {
        order: order(own),
        expected_version,
        events: vec![Recorded {
            at: at(1),
            event: Event::Channel(ChannelChange::PaymentReceived),
        }],
        index: Index::default(),
        reservations: Vec::new(),
        spending: Vec::new(),
        references: Vec::new(),
        payload: None,
        trace: None,
    }
}

#[tokio::test]
async fn what_was_committed_survives_a_restart() {
    let (dir, store) = opened();
    let payload = Payload {
        ship_to: Personal::default(),
        email: Personal::new("jo@example.com".to_owned()),
        order_name: "#1001".to_owned(),
        placed_at: at(0),
        shipping_method: "Standard".to_owned(),
        lines: Vec::new(),
        note: Personal::default(),
        attributes: Vec::new(),
    };
    let trace = Trace {
        configuration: Digest::of(b"c"),
        at: at(1),
        triggers: Vec::new(),
        lines: Vec::new(),
        grouping: "by supplier".to_owned(),
        groupings: Vec::new(),
        notes: Vec::new(),
    };
    let full = Commit {
        payload: Some((1, payload.clone())),
        trace: Some((1, trace.clone())),
        ..commit(1, 0)
    };
    store.commit(full.clone()).await.unwrap();
    drop(store);

    let store = Embedded::open(dir.path()).unwrap();
    assert_eq!(
        store.load(&order(1)).await.unwrap().unwrap().events,
        full.events
    );
    assert_eq!(store.payload(&order(1), 1).await.unwrap(), Some(payload));
    assert_eq!(store.trace(&order(1), 1).await.unwrap(), Some(trace));
    assert_eq!(store.payload(&order(1), 2).await.unwrap(), None);
}

#[tokio::test]
async fn a_message_comes_until_it_is_acknowledged_or_dead() {
    let (_dir, store) = opened();
    let lease = Duration::from_secs(30);
    let receive = async |now| {
        store
            .receive(QueueName::Routing, 10, at(now), lease)
            .await
            .unwrap()
    };
    for own in [1, 2] {
        store
            .send(&RouteOrder { order: order(own) }.into())
            .await
            .unwrap();
    }
    assert!(
        store
            .receive(QueueName::Forwarding, 10, at(0), lease)
            .await
            .unwrap()
            .is_empty()
    );

    let first = receive(0).await;
    assert_eq!(first.len(), 2);
    let message = RouteOrder::parse(&first[0].body).unwrap();
    assert_eq!(message, RouteOrder { order: order(1) });
    assert!(receive(29).await.is_empty(), "leased");
    store.acknowledge(&first[0]).await.unwrap();
    store.nack(&first[1], at(5)).await.unwrap();
    assert!(receive(4).await.is_empty());
    assert_eq!(receive(5).await[0].receives, 2);
    store.nack(&first[1], at(6)).await.unwrap();
    assert!(receive(6).await.is_empty(), "the lease is another's");

    store.release_leases().await.unwrap();
    let mut last = receive(6).await;
    assert_eq!(last[0].receives, 3);
    for now in [100, 200] {
        last = receive(now).await;
    }
    assert_eq!(last[0].receives, MAX_RECEIVES);
    assert!(store.dead_letters(10).await.unwrap().is_empty());
    assert!(receive(300).await.is_empty());
    let dead = store.dead_letters(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].queue.as_str()), (1, "routing"));
    assert_eq!(dead[0].body, last[0].body);
    store.remove_dead_letter(dead[0].id).await.unwrap();
    assert!(store.dead_letters(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_supplier_fetched_stays_published() {
    let (dir, store) = opened();
    let key = "northwind/SH1-1001-1.json";
    assert!(!store.was_published(key).await.unwrap());
    assert_eq!(
        store.put_new(Area::Outbox, key, b"one").await.unwrap(),
        Put::Created
    );
    assert_eq!(
        store.put_new(Area::Outbox, key, b"two").await.unwrap(),
        Put::AlreadyThere
    );
    assert_eq!(store.get(Area::Outbox, key).await.unwrap().unwrap(), b"one");

    std::fs::remove_dir_all(dir.path().join("outbox/northwind")).unwrap();
    assert!(store.was_published(key).await.unwrap());
    assert_eq!(
        store.put_new(Area::Outbox, key, b"two").await.unwrap(),
        Put::AlreadyThere
    );
    assert_eq!(store.get(Area::Outbox, key).await.unwrap(), None);
    assert!(
        store
            .put_new(Area::Outbox, "../escape", b"x")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn of_many_puts_of_one_key_one_wins() {
    let (dir, store) = opened();
    let tasks: Vec<_> = (0..20_u8)
        .map(|byte| {
            let store = store.clone();
            tokio::spawn(async move { store.put_new(Area::Outbox, "one", &[byte]).await.unwrap() })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        created += u32::from(task.await.unwrap() == Put::Created);
    }
    assert_eq!(created, 1);
    assert!(store.was_published("one").await.unwrap());
    assert_eq!(
        std::fs::read_dir(dir.path().join(".staging"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn mail_of_one_hand_over_goes_out_once() {
    let (_dir, store) = opened();
    let mailer = OutboxMailer {
        files: Arc::new(store.clone()),
    };
    let id = SendSubject::from(&number(1));
    let file = mailer.place(&id).file.unwrap();
    assert!(!store.was_published(&file).await.unwrap());
    assert_eq!(mailer.send(&id, 1, b"one").await, MailOutcome::Sent);
    assert_eq!(mailer.send(&id, 2, b"two").await, MailOutcome::Sent);
    assert!(store.was_published(&file).await.unwrap());
    let key = format!("mail/{}.eml", number(1));
    let sent = store.get(Area::Outbox, &key).await.unwrap();
    assert_eq!(sent.unwrap(), b"one");
}

/// Files that answer nothing.
struct Gone;

#[async_trait::async_trait]
impl Files for Gone {
    async fn put_new(&self, _: Area, _: &str, _: &[u8]) -> Result<Put, Unavailable> {
        Err(Unavailable::new("the disk is gone"))
    }
    async fn get(&self, _: Area, _: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        Err(Unavailable::new("the disk is gone"))
    }
    async fn was_published(&self, _: &str) -> Result<bool, Unavailable> {
        Err(Unavailable::new("the disk is gone"))
    }
}

#[tokio::test]
async fn mail_whose_file_may_be_there_is_in_doubt() {
    let mailer = OutboxMailer {
        files: Arc::new(Gone),
    };
    let id = SendSubject::from(&number(1));
    let outcome = mailer.send(&id, 1, b"one").await;
    assert!(matches!(outcome, MailOutcome::InDoubt(_)), "{outcome:?}");
}

#[test]
fn a_second_server_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = DirectoryLock::acquire(dir.path()).unwrap();
    assert!(matches!(
        DirectoryLock::acquire(dir.path()),
        Err(LockError::Held)
    ));
    drop(first);
    DirectoryLock::acquire(dir.path()).unwrap();
}
