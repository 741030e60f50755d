//! Many at the same time.

use crate::facts;
use crate::given::{Store, Stores, at, change, changing, commit, numbered, order};
use domain::commit::{Change, Commit};
use ports::{CommitError, Incident};
use std::time::Duration;

facts![
    of_commits_to_one_version_one_is_made,
    a_failing_commit_does_not_harm_the_others,
    no_more_is_reserved_than_there_is,
    a_number_goes_to_one_of_many,
    counts_and_reservations_add_up,
    an_incident_opens_once_for_many,
];

/// Busy is answered as the functions do it: again, a little later.
async fn patiently(store: &Store, commit: Commit) -> Result<(), CommitError> {
    for attempt in 1_u64.. {
        match store.orders.commit(commit.clone()).await {
            Err(CommitError::Busy) if attempt < 100 => {
                tokio::time::sleep(Duration::from_millis(attempt)).await;
            }
            other => return other,
        }
    }
    unreachable!()
}

async fn all_at_once(
    stores: &Stores,
    commits: impl IntoIterator<Item = Commit>,
) -> Vec<Result<(), CommitError>> {
    let tasks: Vec<_> = commits
        .into_iter()
        .enumerate()
        .map(|(index, commit)| {
            let store = [&stores.one, &stores.other][index % 2].clone();
            tokio::spawn(async move { patiently(&store, commit).await })
        })
        .collect();
    let mut ends = Vec::new();
    for task in tasks {
        ends.push(task.await.unwrap());
    }
    ends
}

async fn of_commits_to_one_version_one_is_made(stores: Stores) {
    for version in 0..5 {
        let same = (0..10).map(|_| commit(1, version));
        let ends = all_at_once(&stores, same).await;
        let made = ends.iter().filter(|end| end.is_ok()).count();
        let stale = |end: &&Result<_, _>| matches!(end, Err(CommitError::Stale));
        assert_eq!((made, ends.iter().filter(stale).count()), (1, 9));
    }
    assert_eq!(stores.one.version(1).await, 5);
}

async fn a_failing_commit_does_not_harm_the_others(stores: Stores) {
    stores.one.orders.commit(commit(7, 0)).await.unwrap();
    let ends = all_at_once(&stores, (0..50).map(|own| commit(own, 0))).await;
    for (own, end) in ends.iter().enumerate() {
        let stale = matches!(end, Err(CommitError::Stale));
        assert_eq!((end.is_ok(), stale), (own != 7, own == 7), "{own}: {end:?}");
    }
    let listed = stores.one.index.list(None, 100).await.unwrap();
    assert_eq!(listed.orders.len(), 50);
    assert_eq!(stores.one.version(7).await, 1);
}

async fn no_more_is_reserved_than_there_is(stores: Stores) {
    stores.one.feed("a", 10, 10).await;
    let taking = (0..20).map(|own| changing(own, 0, own, Change::Reserve(1)));
    let ends = all_at_once(&stores, taking).await;
    let short = |end: &&Result<_, _>| matches!(end, Err(CommitError::ShortOf(_)));
    let made = ends.iter().filter(|end| end.is_ok()).count();
    assert_eq!((made, ends.iter().filter(short).count()), (10, 10));
    assert_eq!(stores.one.available().await, 0);
    let held = stores.one.offers.reservations().await.unwrap();
    assert_eq!(held.len(), 10);
    for (own, end) in (0..).zip(&ends) {
        let there = stores.one.orders.load(&order(own)).await.unwrap().is_some();
        assert_eq!(there, end.is_ok());
    }
}

async fn a_number_goes_to_one_of_many(stores: Stores) {
    let wants = |own| Commit {
        references: vec![numbered(1)],
        ..commit(own, 0)
    };
    let ends = all_at_once(&stores, (0..10).map(wants)).await;
    let taken = |end: &&Result<_, _>| matches!(end, Err(CommitError::Taken(_)));
    let made = ends.iter().filter(|end| end.is_ok()).count();
    assert_eq!((made, ends.iter().filter(taken).count()), (1, 9));
    let winner = ends.iter().position(Result::is_ok).unwrap();
    let found = stores.one.index.find(&numbered(1)).await.unwrap();
    assert_eq!(found, [order(u32::try_from(winner).unwrap())]);
}

/// Whatever is reserved, given back, sent, sold out and counted meanwhile.
async fn counts_and_reservations_add_up(stores: Stores) {
    stores.one.feed("0", 100, 10).await;
    let life = |own: u32, store: Store| async move {
        let taking = changing(own, 0, own, Change::Reserve(2));
        if patiently(&store, taking).await.is_err() {
            return;
        }
        let next = match own % 4 {
            0 => vec![change(own, Change::GiveBack(2))],
            1 => vec![change(own, Change::Sent(at(15)))],
            2 => vec![
                change(own, Change::GiveBack(1)),
                change(own, Change::SoldOut),
            ],
            _ => return,
        };
        let then = Commit {
            reservations: next,
            ..commit(own, 1)
        };
        patiently(&store, then).await.unwrap();
    };
    let mut tasks = Vec::new();
    for own in 0..24 {
        let store = [&stores.one, &stores.other][own as usize % 2].clone();
        tasks.push(tokio::spawn(life(own, store)));
    }
    let feeder = stores.other.clone();
    tasks.push(tokio::spawn(async move {
        for (as_of, stock) in (11..).zip([90, 80, 70, 60, 50, 40, 30, 20]) {
            feeder.feed(&as_of.to_string(), stock, as_of).await;
        }
    }));
    for task in tasks {
        task.await.unwrap();
    }
    let stock = stores.one.offers.stock().await.unwrap()[0].2.clone();
    let held = stores.one.offers.reservations().await.unwrap();
    let reserved: i64 = held.iter().map(|own| i64::from(own.quantity)).sum();
    assert_eq!(stock.available, i64::from(stock.stock) - reserved);
    stores.one.feed("last", 20, 99).await;
    let waiting = held.iter().filter(|own| own.sent_at.is_none());
    let waiting: i64 = waiting.map(|own| i64::from(own.quantity)).sum();
    assert_eq!(stores.one.available().await, 20 - waiting);
}

async fn an_incident_opens_once_for_many(stores: Stores) {
    let tasks: Vec<_> = (0..10_usize)
        .map(|index| {
            let store = [&stores.one, &stores.other][index % 2].clone();
            tokio::spawn(async move {
                let incident = Incident {
                    kind: domain::cases::CaseKind::DeadLetter,
                    cause: "one".to_owned(),
                    detail: "the same".to_owned(),
                    opened_at: at(1),
                };
                store.incidents.open_incident(&incident).await.unwrap()
            })
        })
        .collect();
    let mut opened = 0;
    for task in tasks {
        opened += u32::from(task.await.unwrap());
    }
    assert_eq!(opened, 1);
}
