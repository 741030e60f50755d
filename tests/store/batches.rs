//! Which purchase orders go with a batch, and what became of its file.

use crate::facts;
use crate::given::{Stores, at, commit, northwind, number, order};
use domain::batch::{Batch, BatchName, Uploaded};
use domain::commit::Commit;
use domain::order::index::{BatchEntry, Index};
use std::collections::BTreeSet;

facts![
    a_purchase_order_is_in_its_batch_while_it_is_open,
    what_cannot_be_read_is_taken_out,
    a_batch_is_kept_as_it_was_first,
    a_batch_is_marked_once,
];

fn entry(counter: u32, cut_off: i64) -> BatchEntry {
    BatchEntry {
        supplier: northwind(),
        cut_off: at(cut_off),
        purchase_order: number(counter),
    }
}

fn listed(own: u32, version: u64, entries: &[BatchEntry]) -> Commit {
    Commit {
        index: Index {
            batches: entries.to_vec(),
            ..Index::default()
        },
        ..commit(own, version)
    }
}

async fn a_purchase_order_is_in_its_batch_while_it_is_open(stores: Stores) {
    let (one, other) = (&stores.one, &stores.other);
    let entries = async |cut_off: i64| {
        let found = one.batches.entries(&northwind(), at(cut_off)).await;
        found.unwrap()
    };
    assert_eq!(entries(100).await, []);
    one.orders
        .commit(listed(1, 0, &[entry(2, 100), entry(3, 200)]))
        .await
        .unwrap();
    one.orders
        .commit(listed(2, 0, &[entry(1, 100)]))
        .await
        .unwrap();
    let both = [(order(2), number(1)), (order(1), number(2))];
    assert_eq!(entries(100).await, both);
    assert_eq!(entries(200).await, [(order(1), number(3))]);
    // Another process goes on with the order, and has not loaded it.
    other
        .orders
        .commit(listed(1, 1, &[entry(2, 200), entry(3, 200)]))
        .await
        .unwrap();
    assert_eq!(entries(100).await, [(order(2), number(1))]);
    assert_eq!(
        entries(200).await,
        [(order(1), number(2)), (order(1), number(3))]
    );
    // What the first remembers is old: it has to look.
    one.orders.load(&order(1)).await.unwrap();
    one.orders
        .commit(listed(1, 2, &[entry(3, 200)]))
        .await
        .unwrap();
    assert_eq!(entries(200).await, [(order(1), number(3))]);
    one.orders.commit(listed(1, 3, &[])).await.unwrap();
    assert_eq!(entries(200).await, []);
    assert_eq!(entries(100).await, [(order(2), number(1))]);
}

/// An order that cannot be folded must not keep the others out of their file.
async fn what_cannot_be_read_is_taken_out(stores: Stores) {
    let (one, other) = (&stores.one, &stores.other);
    one.orders
        .commit(listed(1, 0, &[entry(1, 100)]))
        .await
        .unwrap();
    other
        .index
        .postpone(&order(1), Some(1), &Index::default())
        .await
        .unwrap();
    let left = one.batches.entries(&northwind(), at(100)).await.unwrap();
    assert_eq!(left, []);
    // The one that remembers the entry commits all the same, and it is there again.
    one.orders
        .commit(listed(1, 1, &[entry(1, 100)]))
        .await
        .unwrap();
    let left = one.batches.entries(&northwind(), at(100)).await.unwrap();
    assert_eq!(left, [(order(1), number(1))]);
}

fn batch(cut_off: i64) -> Batch {
    Batch {
        name: BatchName::new(&northwind(), at(cut_off)),
        supplier: northwind(),
        cut_off: at(cut_off),
        purchase_orders: BTreeSet::from([number(1), number(2)]),
        upload_by: Some(at(cut_off + 60)),
        uploaded: None,
    }
}

async fn a_batch_is_kept_as_it_was_first(stores: Stores) {
    let batches = &stores.one.batches;
    assert_eq!(batches.batches(10).await.unwrap(), []);
    for cut_off in [86_400, 3600, 7200] {
        batches.put_batch(&batch(cut_off)).await.unwrap();
    }
    let other = Batch {
        purchase_orders: BTreeSet::new(),
        upload_by: None,
        ..batch(3600)
    };
    stores.other.batches.put_batch(&other).await.unwrap();
    let newest_first = [batch(86_400), batch(7200), batch(3600)];
    assert_eq!(batches.batches(10).await.unwrap(), newest_first);
    assert_eq!(batches.batches(2).await.unwrap(), newest_first[..2]);
}

async fn a_batch_is_marked_once(stores: Stores) {
    let batches = &stores.one.batches;
    batches.put_batch(&batch(3600)).await.unwrap();
    let by = |who: &str| Uploaded {
        at: at(4000),
        by: who.to_owned(),
    };
    let name = &batch(3600).name;
    let mark =
        async |name: &BatchName, who: &str| batches.mark_uploaded(name, &by(who)).await.unwrap();
    assert!(!mark(&batch(7200).name, "ada").await, "no such batch");
    assert!(!mark(&BatchName::from_text("rubbish"), "ada").await);
    assert!(mark(name, "ada").await);
    assert!(!mark(name, "ada").await, "marked before");
    assert!(!mark(name, "bob").await);
    let found = batches.batches(10).await.unwrap();
    assert_eq!(found.len(), 1, "no batch came of marking");
    assert_eq!(found[0].uploaded, Some(by("ada")));
}
