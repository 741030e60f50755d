//! Stock that is taken, given back, sold out and counted anew.

use crate::facts;
use crate::given::{Stores, at, change, changing, commit, number, order};
use domain::commit::{Change, Commit};
use domain::ids::SupplierSku;
use ports::CommitError;

facts![
    stock_is_reserved_and_given_back_once,
    a_newer_count_ends_sent_reservations,
    one_commit_gives_back_and_takes,
    what_is_given_back_in_the_same_commit_is_not_there_yet,
    a_part_is_refused_and_the_rest_sent,
    a_supplier_has_none_left_while_another_order_holds_some,
    of_two_articles_one_is_short,
    a_reservation_of_two_lines_is_one,
];

async fn stock_is_reserved_and_given_back_once(stores: Stores) {
    let store = &stores.one;
    let orders = &store.orders;
    let short = orders.commit(changing(1, 0, 1, Change::Reserve(1))).await;
    assert!(
        matches!(short, Err(CommitError::ShortOf(_))),
        "no stock row"
    );

    store.feed("a", 5, 10).await;
    let taking = changing(1, 0, 1, Change::Reserve(3));
    orders.commit(taking).await.unwrap();
    assert_eq!(store.available().await, 2);
    let short = orders.commit(changing(2, 0, 2, Change::Reserve(3))).await;
    assert!(matches!(short, Err(CommitError::ShortOf(sku)) if sku.as_str() == "NW-1"));
    assert!(orders.load(&order(2)).await.unwrap().is_none());

    let changes = [
        (Change::GiveBack(1), 3),
        (Change::GiveBack(2), 5),
        // No more than was reserved comes back.
        (Change::GiveBack(1), 5),
        (Change::SoldOut, 0),
        (Change::SoldOut, 0),
    ];
    for (version, (change, left)) in (1..).zip(changes) {
        let commit = changing(1, version, 1, change.clone());
        orders.commit(commit).await.unwrap();
        assert_eq!(store.available().await, left, "{change:?}");
    }
    assert!(store.offers.reservations().await.unwrap().is_empty());
    // A newer feed knows better.
    store.feed("b", 4, 11).await;
    assert_eq!(store.available().await, 4);
}

async fn a_newer_count_ends_sent_reservations(stores: Stores) {
    let store = &stores.one;
    store.feed("a", 10, 10).await;
    for (own, counter) in [(1, 1), (2, 2)] {
        let taking = changing(own, 0, counter, Change::Reserve(2));
        store.orders.commit(taking).await.unwrap();
    }
    let sent = changing(1, 1, 1, Change::Sent(at(20)));
    store.orders.commit(sent).await.unwrap();
    let stamped = store.offers.reservations().await.unwrap();
    assert_eq!(stamped[0].sent_at, Some(at(20)));
    store.feed("b", 10, 20).await;
    assert_eq!(
        store.available().await,
        6,
        "counted at the time of sending, not after it"
    );
    store.feed("c", 8, 21).await;
    assert_eq!(store.available().await, 6);
    let left = store.offers.reservations().await.unwrap();
    assert_eq!(left.len(), 1);
    let (own, sent_at) = (&left[0].purchase_order, left[0].sent_at);
    assert_eq!((own, sent_at), (&number(2), None));

    // Nothing of it is left to give back or to stamp.
    for (version, late) in [(2, Change::GiveBack(2)), (3, Change::Sent(at(30)))] {
        let late = changing(1, version, 1, late);
        store.orders.commit(late).await.unwrap();
        assert_eq!(store.available().await, 6);
        assert_eq!(store.offers.reservations().await.unwrap().len(), 1);
    }
}

/// A purchase order is voided and the next takes the same article.
async fn one_commit_gives_back_and_takes(stores: Stores) {
    let store = &stores.one;
    store.feed("a", 5, 10).await;
    let taking = changing(1, 0, 1, Change::Reserve(2));
    store.orders.commit(taking).await.unwrap();
    let again = Commit {
        reservations: vec![
            change(2, Change::Reserve(3)),
            change(1, Change::GiveBack(2)),
        ],
        ..commit(1, 1)
    };
    store.orders.commit(again).await.unwrap();
    assert_eq!(store.available().await, 2);
    let held = store.offers.reservations().await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!((&held[0].purchase_order, held[0].quantity), (&number(2), 3));
}

/// Changes happen one after the other.
async fn what_is_given_back_in_the_same_commit_is_not_there_yet(stores: Stores) {
    let store = &stores.one;
    store.feed("a", 5, 10).await;
    let taking = changing(1, 0, 1, Change::Reserve(4));
    store.orders.commit(taking).await.unwrap();
    let takes_first = Commit {
        reservations: vec![
            change(2, Change::Reserve(3)),
            change(1, Change::GiveBack(4)),
        ],
        ..commit(1, 1)
    };
    let short = store.orders.commit(takes_first).await;
    assert!(matches!(short, Err(CommitError::ShortOf(_))));
    let gives_first = Commit {
        reservations: vec![
            change(1, Change::GiveBack(4)),
            change(2, Change::Reserve(3)),
        ],
        ..commit(1, 1)
    };
    store.orders.commit(gives_first).await.unwrap();
    assert_eq!(store.available().await, 2);
}

async fn a_part_is_refused_and_the_rest_sent(stores: Stores) {
    let store = &stores.one;
    store.feed("a", 9, 10).await;
    let taking = changing(1, 0, 1, Change::Reserve(5));
    store.orders.commit(taking).await.unwrap();
    let answered = Commit {
        reservations: vec![
            change(1, Change::GiveBack(2)),
            change(1, Change::Sent(at(20))),
            change(1, Change::SoldOut),
        ],
        ..commit(1, 1)
    };
    store.orders.commit(answered).await.unwrap();
    let held = store.offers.reservations().await.unwrap();
    assert_eq!((held[0].quantity, held[0].sent_at), (3, Some(at(20))));
    let stock = store.offers.stock().await.unwrap();
    assert_eq!((stock[0].2.stock, stock[0].2.available), (3, 0));
}

async fn a_supplier_has_none_left_while_another_order_holds_some(stores: Stores) {
    let store = &stores.one;
    store.feed("a", 9, 10).await;
    for own in [1, 2] {
        let taking = changing(own, 0, own, Change::Reserve(2));
        store.orders.commit(taking).await.unwrap();
    }
    let refused = Commit {
        reservations: vec![change(1, Change::GiveBack(2)), change(1, Change::SoldOut)],
        ..commit(1, 1)
    };
    store.orders.commit(refused).await.unwrap();
    let stock = store.offers.stock().await.unwrap();
    assert_eq!((stock[0].2.stock, stock[0].2.available), (2, 0));
    let short = store
        .orders
        .commit(changing(3, 0, 3, Change::Reserve(1)))
        .await;
    assert!(matches!(short, Err(CommitError::ShortOf(_))));
    // The other order's comes back all the same.
    let given = changing(2, 1, 2, Change::GiveBack(2));
    store.orders.commit(given).await.unwrap();
    assert_eq!(store.available().await, 2);
}

async fn of_two_articles_one_is_short(stores: Stores) {
    let store = &stores.one;
    store.feed("a", 5, 10).await;
    let mut missing = change(1, Change::Reserve(1));
    missing.supplier_sku = SupplierSku::parse("NW-2").unwrap();
    let both = Commit {
        reservations: vec![change(1, Change::Reserve(1)), missing],
        ..commit(1, 0)
    };
    let short = store.orders.commit(both).await;
    assert!(matches!(short, Err(CommitError::ShortOf(sku)) if sku.as_str() == "NW-2"));
    assert_eq!(store.available().await, 5);
    assert!(store.offers.reservations().await.unwrap().is_empty());
}

async fn a_reservation_of_two_lines_is_one(stores: Stores) {
    let store = &stores.one;
    store.feed("a", 5, 10).await;
    let twice = Commit {
        reservations: vec![change(1, Change::Reserve(2)), change(1, Change::Reserve(1))],
        ..commit(1, 0)
    };
    store.orders.commit(twice).await.unwrap();
    assert_eq!(store.available().await, 2);
    let held = store.offers.reservations().await.unwrap();
    assert_eq!((held.len(), held[0].quantity), (1, 3));
}
