//! What an order is found by: numbers of others, which several may share, and lists by page.

use crate::facts;
use crate::given::{Stores, at, commit, northwind, order};
use domain::commit::Commit;
use domain::ids::{ChannelId, OrderId};
use domain::order::Reference;
use domain::order::index::Index;
use std::collections::BTreeSet;

facts![
    a_reference_finds_every_order_that_has_it,
    no_reference_keeps_anything_from_being_committed,
    what_is_open_at_a_supplier_is_found,
    orders_are_listed_newest_first,
    cases_are_read_by_page,
];

fn at_northwind(value: &str) -> Reference {
    Reference::of_supplier(&northwind(), value)
}

fn in_shop(number: &str) -> Reference {
    Reference::of_channel(&ChannelId::parse("acme").unwrap(), number)
}

fn known_by(own: u32, version: u64, references: &[Reference]) -> Commit {
    Commit {
        references: references.to_vec(),
        ..commit(own, version)
    }
}

async fn a_reference_finds_every_order_that_has_it(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.other.index);
    let first = [in_shop("1001"), at_northwind("PO-1")];
    orders.commit(known_by(1, 0, &first)).await.unwrap();
    // The second of a kind, and one that another order has, too.
    let more = [at_northwind("PO-2"), at_northwind("PO-3")];
    orders.commit(known_by(1, 1, &more)).await.unwrap();
    let shared = [in_shop("1001"), at_northwind("PO-2")];
    orders.commit(known_by(2, 0, &shared)).await.unwrap();
    // Again changes nothing.
    orders.commit(known_by(1, 2, &more)).await.unwrap();

    let both = vec![order(1), order(2)];
    for (reference, expected) in [
        (in_shop("1001"), both.clone()),
        (at_northwind("PO-1"), vec![order(1)]),
        (at_northwind("PO-2"), both),
        (at_northwind("PO-3"), vec![order(1)]),
        (at_northwind("1001"), Vec::new()),
        (in_shop("PO-1"), Vec::new()),
        (in_shop("1002"), Vec::new()),
    ] {
        let found = index.find(&reference).await.unwrap();
        assert_eq!(found, expected, "{reference:?}");
    }
}

async fn no_reference_keeps_anything_from_being_committed(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.one.index);
    let odd = [
        "9".repeat(100_000),
        "a#b~c".to_owned(),
        "tab\tand\nline".to_owned(),
        "'; DROP TABLE orders; --".to_owned(),
        "ﷺ 🦀".to_owned(),
    ];
    let references: Vec<_> = odd.iter().map(|text| at_northwind(text)).collect();
    orders.commit(known_by(1, 0, &references)).await.unwrap();
    for reference in &references {
        assert_eq!(index.find(reference).await.unwrap(), [order(1)]);
    }
    // More than one transaction of some stores holds.
    let many: Vec<_> = (0..300).map(|n| at_northwind(&format!("PO-{n}"))).collect();
    orders.commit(known_by(1, 1, &many)).await.unwrap();
    assert_eq!(stores.one.version(1).await, 2);
}

/// Other orders may be named, too.
async fn what_is_open_at_a_supplier_is_found(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.one.index);
    let open = |is_open: bool| Index {
        due: is_open.then(|| at(1000)),
        open: is_open.then(northwind).into_iter().collect(),
        ..Index::default()
    };
    for own in 0..10 {
        let index = open(own % 2 == 0);
        let commit = Commit {
            index,
            ..commit(own, 0)
        };
        orders.commit(commit).await.unwrap();
    }
    let closed = Commit {
        index: open(false),
        ..commit(4, 1)
    };
    orders.commit(closed).await.unwrap();
    let mut found = BTreeSet::new();
    let mut after = None;
    loop {
        let page = index.open(&northwind(), after.as_deref(), 2).await.unwrap();
        found.extend(page.orders);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [0, 2, 6, 8].map(order).into());
}

async fn orders_are_listed_newest_first(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.other.index);
    let received = |own: u32, version, second| {
        let mut commit = commit(own, version);
        for recorded in &mut commit.events {
            recorded.at = at(second);
        }
        commit
    };
    for (own, second) in [(1, 30), (2, 10), (3, 50), (4, 20), (5, 50)] {
        orders.commit(received(own, 0, second)).await.unwrap();
    }
    // A later step changes no place.
    orders.commit(received(2, 1, 90)).await.unwrap();
    let mut listed: Vec<OrderId> = Vec::new();
    let mut after = None;
    loop {
        let page = index.list(after.as_deref(), 2).await.unwrap();
        assert!(page.orders.len() <= 2);
        listed.extend(page.orders);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let (same_time, rest) = listed.split_at(2);
    let same_time: BTreeSet<_> = same_time.iter().cloned().collect();
    assert_eq!(same_time, [3, 5].map(order).into());
    assert_eq!(rest, [1, 4, 2].map(order));
}

async fn cases_are_read_by_page(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.one.index);
    for own in 0..7 {
        let commit = Commit {
            index: crate::orders::with_cases(&["MUG", "CUP"], None),
            ..commit(own, 0)
        };
        orders.commit(commit).await.unwrap();
    }
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = index.cases(after.as_deref(), 3).await.unwrap();
        assert!(page.rows.len() <= 6);
        found.extend(
            page.rows
                .into_iter()
                .map(|row| (row.order, row.entry.cause)),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    found.sort();
    let expected =
        (0..7).flat_map(|own| ["CUP", "MUG"].map(|cause| (order(own), cause.to_owned())));
    assert_eq!(found, expected.collect::<Vec<_>>());
}
