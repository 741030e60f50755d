//! What counts against a supplier's spend limit of a day.

use crate::facts;
use crate::given::{Stores, changing, commit, northwind, numbered, order};
use domain::commit::{Change, Commit};
use domain::ids::SupplierId;
use domain::money::{Currency, Money};
use domain::spending::{SpendingChange, Spent};
use jiff::civil::Date;
use ports::CommitError;
use tokio::task::JoinSet;

facts![
    a_day_is_spent_up_to_its_limit_and_given_back,
    each_day_supplier_and_currency_has_a_row,
    the_last_room_is_taken_once,
];

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
        supplier: northwind(),
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

async fn a_day_is_spent_up_to_its_limit_and_given_back(stores: Stores) {
    let store = &stores.one;
    let (orders, index) = (&store.orders, &store.index);
    store.feed("a", 5, 10).await;
    let spent = async || {
        let rows = store.offers.spent(&[northwind()], day(23)).await.unwrap();
        rows.iter().map(|row| row.money.minor).sum::<i64>()
    };
    let refused = |result: Result<(), CommitError>| {
        assert!(
            matches!(&result, Err(CommitError::SpendLimit(supplier)) if *supplier == northwind()),
            "{result:?}"
        );
    };
    refused(orders.commit(spending(1, 0, 101, Some(100))).await);
    assert_eq!(store.offers.spending().await.unwrap(), []);
    orders.commit(spending(1, 0, 60, Some(100))).await.unwrap();
    // Refused as a whole.
    let too_much = Commit {
        reservations: changing(2, 0, 2, Change::Reserve(1)).reservations,
        references: vec![numbered(2)],
        ..spending(2, 0, 41, Some(100))
    };
    refused(orders.commit(too_much).await);
    assert!(orders.load(&order(2)).await.unwrap().is_none());
    assert_eq!(index.find(&numbered(2)).await.unwrap(), []);
    assert_eq!((spent().await, store.available().await), (60, 5));
    orders.commit(spending(2, 0, 40, Some(100))).await.unwrap();
    assert_eq!(spent().await, 100);
    // What is given back is another's; what a person released asks for no room.
    orders.commit(spending(1, 1, -60, None)).await.unwrap();
    orders.commit(spending(3, 0, 50, Some(100))).await.unwrap();
    orders.commit(spending(4, 0, 500, None)).await.unwrap();
    assert_eq!(spent().await, 590);
    refused(orders.commit(spending(3, 1, 0, Some(100))).await);
}

async fn each_day_supplier_and_currency_has_a_row(stores: Stores) {
    let store = &stores.one;
    let rows = [
        ("northwind", day(22), "USD"),
        ("northwind", day(23), "USD"),
        ("northwind", day(24), "USD"),
        ("northwind", day(24), "EUR"),
        ("lakeside", day(23), "USD"),
    ];
    for (own, (supplier, day, currency)) in (5..).zip(rows) {
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
        store.orders.commit(commit).await.unwrap();
    }
    let told = |rows: Vec<Spent>| -> Vec<String> {
        let rows = rows.iter();
        rows.map(|row| format!("{} {} {}", row.supplier, row.day, row.money))
            .collect()
    };
    let from = |suppliers: Vec<SupplierId>, day| {
        let offers = stores.other.offers.clone();
        async move { told(offers.spent(&suppliers, day).await.unwrap()) }
    };
    assert_eq!(
        from(vec![northwind()], day(23)).await,
        [
            "northwind 2026-11-23 0.90 USD",
            "northwind 2026-11-24 0.90 EUR",
            "northwind 2026-11-24 0.90 USD"
        ]
    );
    assert!(from(Vec::new(), day(1)).await.is_empty());
    assert_eq!(store.offers.spending().await.unwrap().len(), 5);
}

async fn the_last_room_is_taken_once(stores: Stores) {
    let mut commits = JoinSet::new();
    for own in 1..=20 {
        let stores = [&stores.one, &stores.other];
        let orders = stores[own as usize % 2].orders.clone();
        commits.spawn(async move {
            loop {
                match orders.commit(spending(own, 0, 9, Some(100))).await {
                    Err(CommitError::Busy) => tokio::task::yield_now().await,
                    done => return done.is_ok(),
                }
            }
        });
    }
    let done = commits.join_all().await;
    assert_eq!(done.iter().filter(|done| **done).count(), 11);
    let rows = stores.one.offers.spending().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].money, usd(99));
}
