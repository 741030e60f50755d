//! What the functions rely on when they call the store.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use domain::catalogue::{CatalogueRow, Offer};
use domain::commit::{Change, Commit, Index, ReservationChange};
use domain::digest::Digest;
use domain::ids::{ChannelCode, OrderId, Sku, SupplierId, SupplierSku};
use domain::messages::{Message, QueueName};
use domain::money::{Currency, Money};
use domain::order::attention::{Attention, CaseKind};
use domain::order::event::{Event, Recorded};
use domain::order::news::Payload;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::routing::trace::Trace;
use domain::spending::{SpendingChange, Spent};
use embedded::{DirectoryLock, Embedded, LockError, OutboxMailer};
use jiff::Timestamp;
use jiff::civil::Date;
use ports::{
    Area, Closing, CommitError, Deliveries, Files, Incident, MAX_RECEIVES, MailOutcome, Mailer,
    OfferStore, OrderStore, Put, Queue, SendId, Unavailable,
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
            event: Event::PaymentReceived,
        }],
        index: Index {
            batches: Vec::new(),
            due: None,
            attention: Vec::new(),
            configuration: None,
        },
        reservations: Vec::new(),
        spending: Vec::new(),
        references: Vec::new(),
        payload: None,
        trace: None,
    }
}

fn changing(own: u32, expected_version: u64, counter: u32, change: Change) -> Commit {
    let reservations = vec![ReservationChange {
        supplier: SupplierId::parse("northwind").unwrap(),
        supplier_sku: SupplierSku::parse("NW-1").unwrap(),
        purchase_order: number(counter),
        change,
    }];
    Commit {
        reservations,
        ..commit(own, expected_version)
    }
}

fn usd(minor: i64) -> Money {
    let currency = Currency::parse("USD").unwrap();
    Money { minor, currency }
}

fn day(of_november: i8) -> Date {
    Date::new(2026, 11, of_november).unwrap()
}

/// To what northwind's purchase orders of the 23rd come.
fn spending(own: u32, expected_version: u64, by: i64, limit: Option<i64>) -> Commit {
    let change = SpendingChange {
        supplier: SupplierId::parse("northwind").unwrap(),
        day: day(23),
        currency: usd(0).currency,
        by,
        limit,
    };
    Commit {
        spending: vec![change],
        ..commit(own, expected_version)
    }
}

fn row(stock: Option<u32>, as_of: Option<i64>) -> CatalogueRow {
    let offer = Offer {
        category: None,
        countries: Vec::new(),
        sku: Sku::parse("MUG").unwrap(),
        supplier: SupplierId::parse("northwind").unwrap(),
        supplier_sku: SupplierSku::parse("NW-1").unwrap(),
        cost: None,
        not_dropshipped: false,
    };
    CatalogueRow {
        offer,
        stock,
        as_of: as_of.map(at),
    }
}

async fn feed(store: &Embedded, name: &str, stock: u32, as_of: i64) -> bool {
    store
        .apply(
            &Digest::of(name.as_bytes()),
            &[row(Some(stock), Some(as_of))],
            at(as_of),
        )
        .await
        .unwrap()
}

async fn available(store: &Embedded) -> i64 {
    store.stock().await.unwrap()[0].2.available
}

#[tokio::test]
async fn a_stale_commit_changes_nothing() {
    let (_dir, store) = opened();
    assert!(store.load(&order(1)).await.unwrap().is_none());
    store.commit(commit(1, 0)).await.unwrap();
    assert!(matches!(
        store.commit(commit(1, 0)).await,
        Err(CommitError::Stale)
    ));
    assert!(matches!(
        store.commit(commit(1, 2)).await,
        Err(CommitError::Stale)
    ));
    store.commit(commit(1, 1)).await.unwrap();
    assert_eq!(
        store.load(&order(1)).await.unwrap().unwrap().events.len(),
        2
    );
}

#[tokio::test]
async fn a_day_is_spent_up_to_its_limit_and_given_back() {
    let (_dir, store) = opened();
    feed(&store, "a", 5, 10).await;
    let northwind = [SupplierId::parse("northwind").unwrap()];
    let spent = async || {
        let rows = store.spent(&northwind, day(23)).await.unwrap();
        rows.iter().map(|row| row.money.minor).sum::<i64>()
    };
    let refused = |result: Result<(), CommitError>| {
        assert!(
            matches!(&result, Err(CommitError::SpendLimit(supplier)) if *supplier == northwind[0]),
            "{result:?}"
        );
    };
    refused(store.commit(spending(1, 0, 101, Some(100))).await);
    assert_eq!(store.spending().await.unwrap(), []);
    store.commit(spending(1, 0, 60, Some(100))).await.unwrap();
    // Refused as a whole.
    let too_much = Commit {
        reservations: changing(2, 0, 2, Change::Reserve(1)).reservations,
        references: vec![number(2)],
        ..spending(2, 0, 41, Some(100))
    };
    refused(store.commit(too_much).await);
    assert!(store.load(&order(2)).await.unwrap().is_none());
    assert!(store.find(&number(2)).await.unwrap().is_none());
    assert_eq!((spent().await, available(&store).await), (60, 5));
    store.commit(spending(2, 0, 40, Some(100))).await.unwrap();
    assert_eq!(spent().await, 100);
    // What is given back is another's; what a person released asks for no room.
    store.commit(spending(1, 1, -60, None)).await.unwrap();
    store.commit(spending(3, 0, 50, Some(100))).await.unwrap();
    store.commit(spending(4, 0, 500, None)).await.unwrap();
    assert_eq!(spent().await, 590);
    refused(store.commit(spending(3, 1, 0, Some(100))).await);
    // A day, a supplier and a currency each have a row of their own.
    let elsewhere = [
        ("northwind", day(22), "USD"),
        ("northwind", day(24), "USD"),
        ("northwind", day(24), "EUR"),
        ("lakeside", day(23), "USD"),
    ];
    for (own, (supplier, day, currency)) in (5..).zip(elsewhere) {
        let change = SpendingChange {
            supplier: SupplierId::parse(supplier).unwrap(),
            day,
            currency: Currency::parse(currency).unwrap(),
            by: 90,
            limit: Some(100),
        };
        let commit = Commit {
            spending: vec![change],
            ..commit(own, 0)
        };
        store.commit(commit).await.unwrap();
    }
    let told = |rows: Vec<Spent>| -> Vec<String> {
        let rows = rows.iter();
        rows.map(|row| format!("{} {} {}", row.supplier, row.day, row.money))
            .collect()
    };
    assert_eq!(
        told(store.spent(&northwind, day(23)).await.unwrap()),
        [
            "northwind 2026-11-23 5.90 USD",
            "northwind 2026-11-24 0.90 EUR",
            "northwind 2026-11-24 0.90 USD"
        ]
    );
    assert_eq!(store.spent(&[], day(1)).await.unwrap(), []);
    assert_eq!(store.spending().await.unwrap().len(), 5);
}

/// However many plan at the same moment, the last room is given once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commits_at_once_do_not_pass_the_limit() {
    let (_dir, store) = opened();
    let mut commits = tokio::task::JoinSet::new();
    for own in 1..=40 {
        let store = store.clone();
        commits.spawn(async move { store.commit(spending(own, 0, 9, Some(100))).await });
    }
    let results = commits.join_all().await;
    let taken = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(taken, 11);
    assert_eq!(store.spending().await.unwrap()[0].money, usd(99));
    let refused = results.iter().filter_map(|result| result.as_ref().err());
    for error in refused {
        assert!(matches!(error, CommitError::SpendLimit(_)), "{error}");
    }
}

#[tokio::test]
async fn stock_is_reserved_and_given_back_once() {
    let (_dir, store) = opened();
    let short = store.commit(changing(1, 0, 1, Change::Reserve(1))).await;
    assert!(
        matches!(short, Err(CommitError::ShortOf(_))),
        "no stock row"
    );

    feed(&store, "a", 5, 10).await;
    store
        .commit(changing(1, 0, 1, Change::Reserve(3)))
        .await
        .unwrap();
    assert_eq!(available(&store).await, 2);
    let short = store.commit(changing(2, 0, 2, Change::Reserve(3))).await;
    assert!(matches!(short, Err(CommitError::ShortOf(sku)) if sku.as_str() == "NW-1"));
    assert!(store.load(&order(2)).await.unwrap().is_none());

    let changes = [
        (Change::GiveBack(1), 3),
        (Change::GiveBack(2), 5),
        // No more than was reserved comes back.
        (Change::GiveBack(1), 5),
        (Change::SoldOut, 0),
        (Change::SoldOut, 0),
        // The supplier has them after all, though nothing is left.
        (Change::ReserveAgain(2), -2),
        (Change::GiveBack(2), 0),
    ];
    for (version, (change, left)) in (1..).zip(changes) {
        let commit = changing(1, version, 1, change.clone());
        store.commit(commit).await.unwrap();
        assert_eq!(available(&store).await, left, "{change:?}");
    }
    assert!(store.reservations().await.unwrap().is_empty());
    // A newer feed knows better.
    feed(&store, "b", 4, 11).await;
    assert_eq!(available(&store).await, 4);
}

#[tokio::test]
async fn a_purchase_order_number_belongs_to_one_order() {
    let (_dir, store) = opened();
    let with = |own, version| Commit {
        references: vec![number(1)],
        ..commit(own, version)
    };
    store.commit(with(1, 0)).await.unwrap();
    let taken = store.commit(with(2, 0)).await;
    assert!(matches!(taken, Err(CommitError::Taken(taken)) if taken == number(1)));
    assert!(store.load(&order(2)).await.unwrap().is_none());
    assert_eq!(store.find(&number(1)).await.unwrap(), Some(order(1)));
    assert_eq!(store.find(&number(2)).await.unwrap(), None);
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
async fn a_failing_commit_does_not_harm_its_group() {
    let (_dir, store) = opened();
    store.commit(commit(7, 0)).await.unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|own| {
            let store = store.clone();
            tokio::spawn(async move { (own, store.commit(commit(own, 0)).await) })
        })
        .collect();
    for task in tasks {
        let (own, committed) = task.await.unwrap();
        assert_eq!(
            matches!(committed, Err(CommitError::Stale)),
            own == 7,
            "{own}: {committed:?}"
        );
        assert_eq!(committed.is_ok(), own != 7);
    }
    assert_eq!(store.list(None, 100).await.unwrap().orders.len(), 50);
    assert_eq!(
        store.load(&order(7)).await.unwrap().unwrap().events.len(),
        1
    );
}

#[tokio::test]
async fn the_index_finds_orders() {
    let (_dir, store) = opened();
    let attention = Attention {
        kind: CaseKind::NoSupplier,
        cause: "MUG".to_owned(),
        severity: domain::exceptions::severity(CaseKind::NoSupplier),
        since: at(3),
        detail: "nobody sells it".to_owned(),
        purchase_order: None,
    };
    let indexed = |own, version, due: i64, attention: Vec<Attention>| Commit {
        index: Index {
            batches: Vec::new(),
            due: Some(at(due)),
            attention,
            configuration: Some(Digest::of(b"c")),
        },
        ..commit(own, version)
    };
    store
        .commit(indexed(1, 0, 20, vec![attention.clone()]))
        .await
        .unwrap();
    store.commit(indexed(2, 0, 10, Vec::new())).await.unwrap();
    assert_eq!(store.due(at(9), 10).await.unwrap(), []);
    assert_eq!(store.due(at(20), 10).await.unwrap(), [order(2), order(1)]);
    assert_eq!(store.due(at(20), 1).await.unwrap(), [order(2)]);
    assert_eq!(store.list(Some(&order(1)), 10).await.unwrap(), [order(2)]);

    let later = Index {
        batches: Vec::new(),
        due: Some(at(99)),
        attention: vec![attention.clone()],
        configuration: None,
    };
    store.postpone(&order(2), Some(9), &later).await.unwrap();
    assert_eq!(
        store.due(at(20), 1).await.unwrap(),
        [order(2)],
        "another version"
    );
    assert_eq!(store.attention().await.unwrap().len(), 1, "another version");
    store.postpone(&order(2), Some(1), &later).await.unwrap();
    assert_eq!(store.due(at(20), 10).await.unwrap(), [order(1)]);
    let rows = store.attention().await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[1].order, &rows[1].attention),
        (&order(2), &attention)
    );
    assert_eq!(
        rows[1].configuration,
        Some(Digest::of(b"c")),
        "as it was planned with"
    );
    let closed = Index {
        attention: Vec::new(),
        ..later
    };
    store.postpone(&order(2), Some(1), &closed).await.unwrap();

    let rows = store.attention().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0].order, &rows[0].attention),
        (&order(1), &attention)
    );
    assert_eq!(rows[0].configuration, Some(Digest::of(b"c")));
    store.commit(indexed(1, 1, 20, Vec::new())).await.unwrap();
    assert!(store.attention().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_incident_opens_once() {
    let (_dir, store) = opened();
    let incident = Incident {
        kind: CaseKind::QuarantinedPayload,
        cause: "abc".to_owned(),
        detail: "no id".to_owned(),
        opened_at: at(5),
    };
    assert!(store.open_incident(&incident).await.unwrap());
    let later = Incident {
        opened_at: at(6),
        ..incident.clone()
    };
    assert!(!store.open_incident(&later).await.unwrap());
    assert_eq!(store.incidents().await.unwrap(), [incident]);
}

#[tokio::test]
async fn a_closed_incident_keeps_who_and_opens_again() {
    let (_dir, store) = opened();
    let incident = Incident {
        kind: CaseKind::SupplierRefusesUs,
        cause: "northwind".to_owned(),
        detail: "HTTP 401".to_owned(),
        opened_at: at(5),
    };
    let closing = Closing {
        who: "ada".to_owned(),
        why: "new key".to_owned(),
        at: at(6),
    };
    let close = async |cause: &'static str| {
        store
            .close_incident(incident.kind, cause, &closing)
            .await
            .unwrap()
    };
    assert!(!close("northwind").await, "nothing is open");
    assert!(store.open_incident(&incident).await.unwrap());
    assert!(!close("eastgate").await);
    assert!(close("northwind").await);
    assert!(!close("northwind").await, "closed already");
    assert_eq!(store.incidents().await.unwrap(), []);
    let again = Incident {
        opened_at: at(7),
        ..incident.clone()
    };
    assert!(store.open_incident(&again).await.unwrap());
    assert_eq!(store.incidents().await.unwrap(), [again]);
    assert_eq!(
        store.closed_incidents(10).await.unwrap(),
        [(incident.clone(), closing.clone())]
    );
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
            .send(&Message::Route { order: order(own) })
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
    let message: Message = serde_json::from_str(&first[0].body).unwrap();
    assert_eq!(message, Message::Route { order: order(1) });
    assert!(receive(29).await.is_empty(), "leased");
    store.acknowledge(&first[0]).await.unwrap();
    store.give_back(&first[1], at(5)).await.unwrap();
    assert!(receive(4).await.is_empty());
    assert_eq!(receive(5).await[0].receives, 2);
    store.give_back(&first[1], at(6)).await.unwrap();
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
    store.bury(dead[0].id).await.unwrap();
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
async fn evidence_is_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::in_memory(&dir.path().join("outbox")).unwrap();
    assert_eq!(
        store.put_new(Area::Evidence, "a/b", b"one").await.unwrap(),
        Put::Created
    );
    assert_eq!(
        store.put_new(Area::Evidence, "a/b", b"two").await.unwrap(),
        Put::AlreadyThere
    );
    assert_eq!(
        store.get(Area::Evidence, "a/b").await.unwrap().unwrap(),
        b"one"
    );
    assert_eq!(store.get(Area::Evidence, "a/c").await.unwrap(), None);
}

#[tokio::test]
async fn mail_of_one_hand_over_goes_out_once() {
    let (_dir, store) = opened();
    let mailer = OutboxMailer {
        files: Arc::new(store.clone()),
    };
    let id = SendId::of(&number(1));
    assert_eq!(mailer.was_sent(&id).await, Some(false));
    assert_eq!(mailer.send(&id, 1, b"one").await, MailOutcome::Sent);
    assert_eq!(mailer.send(&id, 2, b"two").await, MailOutcome::Sent);
    assert_eq!(mailer.was_sent(&id).await, Some(true));
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
    let id = SendId::of(&number(1));
    let outcome = mailer.send(&id, 1, b"one").await;
    assert!(matches!(outcome, MailOutcome::InDoubt(_)), "{outcome:?}");
    assert_eq!(mailer.was_sent(&id).await, None);
}

#[tokio::test]
async fn a_catalogue_is_applied_once() {
    let (_dir, store) = opened();
    let mug = [Sku::parse("MUG").unwrap()];
    assert!(feed(&store, "a", 5, 10).await);
    store
        .commit(changing(1, 0, 1, Change::Reserve(2)))
        .await
        .unwrap();
    assert!(!feed(&store, "a", 5, 10).await);
    assert_eq!(available(&store).await, 3);

    assert!(feed(&store, "b", 50, 9).await, "other offers, older stock");
    let offers = store.offers(&mug).await.unwrap();
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].stock.as_ref().unwrap().stock, 5);

    assert!(feed(&store, "c", 1, 11).await);
    assert_eq!(available(&store).await, -1, "reserved more than there is");
    assert!(store.apply(&Digest::of(b"d"), &[], at(12)).await.unwrap());
    assert!(store.offers(&mug).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_newer_count_ends_sent_reservations() {
    let (_dir, store) = opened();
    feed(&store, "a", 10, 10).await;
    for (own, counter) in [(1, 1), (2, 2)] {
        store
            .commit(changing(own, 0, counter, Change::Reserve(2)))
            .await
            .unwrap();
    }
    store
        .commit(changing(1, 1, 1, Change::Sent(at(20))))
        .await
        .unwrap();
    feed(&store, "b", 10, 20).await;
    assert_eq!(
        available(&store).await,
        6,
        "counted at the time of sending, not after it"
    );
    feed(&store, "c", 8, 21).await;
    assert_eq!(available(&store).await, 6);
    let left = store.reservations().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(
        (&left[0].purchase_order, left[0].sent_at),
        (&number(2), None)
    );

    store
        .commit(changing(1, 2, 1, Change::GiveBack(2)))
        .await
        .unwrap();
    assert_eq!(available(&store).await, 6, "nothing left to give back");
}

#[tokio::test]
async fn a_second_process_sees_what_the_first_committed() {
    let (dir, store) = opened();
    let other = Embedded::open(dir.path()).unwrap();
    store.commit(commit(1, 0)).await.unwrap();
    other.commit(commit(1, 1)).await.unwrap();
    assert!(matches!(
        store.commit(commit(1, 1)).await,
        Err(CommitError::Stale)
    ));
    assert_eq!(
        store.load(&order(1)).await.unwrap().unwrap().events.len(),
        2
    );
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
