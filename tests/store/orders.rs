//! Orders: commits, what is read back, and what they are found by.

use crate::facts;
use crate::given::{Stores, at, commit, northwind, number, numbered, order};
use domain::cases::{CaseEntry, CaseKind};
use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::{LineId, Sku, SupplierSku};
use domain::order::events::{Event, Recorded};
use domain::order::index::Index;
use domain::order::news::Payload;
use domain::order::topics::routing::{PlannedPurchaseOrder, Routed, RoutingDecision};
use domain::order::{PurchaseOrderLine, RoutingState};
use domain::personal::Personal;
use domain::routing::trace::Trace;
use ports::CommitError;
use std::collections::BTreeSet;

facts![
    a_stale_commit_changes_nothing,
    a_purchase_order_number_belongs_to_one_order,
    what_was_committed_is_read_by_another_process,
    a_plan_is_explained,
    two_processes_take_turns,
    the_index_finds_orders,
    an_earlier_time_is_found_earlier,
    a_postponement_of_another_version_is_ignored,
    cases_open_and_close,
    all_orders_are_listed_once,
];

async fn a_stale_commit_changes_nothing(stores: Stores) {
    let orders = &stores.one.orders;
    assert!(orders.load(&order(1)).await.unwrap().is_none());
    orders.commit(commit(1, 0)).await.unwrap();
    for (version, why) in [(0, "the same commit again"), (2, "of a later version")] {
        let committed = orders.commit(commit(1, version)).await;
        assert!(matches!(committed, Err(CommitError::Stale)), "{why}");
        let committed = stores.other.orders.commit(commit(1, version)).await;
        assert!(matches!(committed, Err(CommitError::Stale)), "{why}");
    }
    let unknown = orders.commit(commit(2, 1)).await;
    assert!(matches!(unknown, Err(CommitError::Stale)));
    orders.commit(commit(1, 1)).await.unwrap();
    assert_eq!(stores.one.version(1).await, 2);
}

async fn a_purchase_order_number_belongs_to_one_order(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.one.index);
    let with = |own, version| Commit {
        references: vec![numbered(1)],
        ..commit(own, version)
    };
    orders.commit(with(1, 0)).await.unwrap();
    let taken = orders.commit(with(2, 0)).await;
    assert!(matches!(taken, Err(CommitError::Taken(taken)) if taken == number(1)));
    assert!(orders.load(&order(2)).await.unwrap().is_none());
    orders.commit(with(1, 1)).await.unwrap();
    assert_eq!(index.find(&numbered(1)).await.unwrap(), [order(1)]);
    assert_eq!(index.find(&numbered(2)).await.unwrap(), []);
}

fn trace(note: &str) -> Trace {
    Trace {
        configuration: Digest::of(b"c"),
        at: at(1),
        triggers: Vec::new(),
        lines: Vec::new(),
        grouping: "by supplier".to_owned(),
        groupings: Vec::new(),
        notes: vec![note.to_owned()],
    }
}

async fn what_was_committed_is_read_by_another_process(stores: Stores) {
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
    let full = Commit {
        payload: Some((1, payload.clone())),
        trace: Some((1, trace("one"))),
        ..commit(1, 0)
    };
    stores.one.orders.commit(full.clone()).await.unwrap();

    let orders = &stores.other.orders;
    let history = orders.load(&order(1)).await.unwrap().unwrap();
    assert_eq!(history.events, full.events);
    assert_eq!(orders.payload(&order(1), 1).await.unwrap(), Some(payload));
    assert_eq!(
        orders.trace(&order(1), 1).await.unwrap(),
        Some(trace("one"))
    );
    assert_eq!(orders.payload(&order(1), 2).await.unwrap(), None);
    assert_eq!(orders.trace(&order(1), 2).await.unwrap(), None);
    assert_eq!(orders.trace(&order(2), 1).await.unwrap(), None);
}

/// A decision that makes purchase orders, with the number of its trace.
fn planned(own: u32, version: u64, trace_number: u32, counters: &[u32]) -> Commit {
    let purchase_orders = counters.iter().map(|counter| PlannedPurchaseOrder {
        number: number(*counter),
        supplier: northwind(),
        lines: vec![PurchaseOrderLine {
            line: LineId::parse("1").unwrap(),
            sku: Sku::parse("MUG").unwrap(),
            supplier_sku: SupplierSku::parse("NW-1").unwrap(),
            quantity: 1,
            cost: None,
            reserved: false,
        }],
        service: None,
        method: None,
        due: None,
        released_at: None,
        cut_off: None,
        spending: None,
    });
    let routed = Routed {
        trace: trace_number,
        payload: 1,
        address: None,
        edit: Digest::of(b"e"),
        purchase_orders: purchase_orders.collect(),
        state: RoutingState {
            configuration: Digest::of(b"c"),
            holds: Vec::new(),
            waits: Vec::new(),
            not_ours: Vec::new(),
        },
    };
    Commit {
        events: vec![Recorded {
            at: at(2),
            event: Event::Routing(RoutingDecision::Routed(routed)),
        }],
        references: counters.iter().copied().map(numbered).collect(),
        trace: Some((trace_number, trace(&format!("of {trace_number}")))),
        ..commit(own, version)
    }
}

/// Whether it made no purchase order, one or two: each decision keeps its own reasons.
async fn a_plan_is_explained(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.one.index);
    orders.commit(planned(1, 0, 0, &[1, 2])).await.unwrap();
    orders.commit(planned(1, 1, 1, &[])).await.unwrap();
    orders.commit(planned(1, 2, 2, &[3])).await.unwrap();
    for number in 0..3 {
        let found = stores.other.orders.trace(&order(1), number).await.unwrap();
        assert_eq!(found, Some(trace(&format!("of {number}"))));
    }
    assert_eq!(orders.trace(&order(1), 3).await.unwrap(), None);
    for counter in 1..=3 {
        assert_eq!(index.find(&numbered(counter)).await.unwrap(), [order(1)]);
    }
}

/// What one remembers of an order is old when the other has committed.
async fn two_processes_take_turns(stores: Stores) {
    let turns = [&stores.one, &stores.other, &stores.other, &stores.one];
    for (version, store) in (0..).zip(turns) {
        store.orders.commit(commit(1, version)).await.unwrap();
        let old = store.orders.commit(commit(1, version)).await;
        assert!(matches!(old, Err(CommitError::Stale)), "{version}");
    }
    let late = stores.other.orders.commit(commit(1, 3)).await;
    assert!(matches!(late, Err(CommitError::Stale)));
    assert_eq!(stores.one.version(1).await, 4);
    assert_eq!(stores.other.version(1).await, 4);
}

fn due(second: Option<i64>) -> Index {
    Index {
        due: second.map(at),
        ..Index::default()
    }
}

fn indexed(own: u32, version: u64, index: Index) -> Commit {
    Commit {
        index,
        ..commit(own, version)
    }
}

async fn the_index_finds_orders(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.one.index);
    orders.commit(indexed(1, 0, due(Some(2000)))).await.unwrap();
    orders.commit(indexed(2, 0, due(Some(1000)))).await.unwrap();
    orders.commit(indexed(3, 0, due(None))).await.unwrap();
    assert_eq!(index.due(at(900), 10).await.unwrap(), []);
    assert_eq!(index.due(at(1000), 10).await.unwrap(), [order(2)]);
    let both = [order(2), order(1)];
    assert_eq!(index.due(at(2000), 10).await.unwrap(), both);
    assert_eq!(index.due(at(2000), 1).await.unwrap(), [order(2)]);

    index
        .postpone(&order(2), Some(1), &due(Some(9000)))
        .await
        .unwrap();
    assert_eq!(index.due(at(2000), 10).await.unwrap(), [order(1)]);
    index
        .postpone(&order(2), Some(1), &due(None))
        .await
        .unwrap();
    assert_eq!(index.due(at(9999), 10).await.unwrap(), [order(1)]);
    // Nothing is left to do.
    orders.commit(indexed(1, 1, due(None))).await.unwrap();
    assert_eq!(index.due(at(9999), 10).await.unwrap(), []);
}

/// Whoever committed or postponed last, whatever each process remembers.
async fn an_earlier_time_is_found_earlier(stores: Stores) {
    let (one, other) = (&stores.one, &stores.other);
    one.orders
        .commit(indexed(1, 0, due(Some(5000))))
        .await
        .unwrap();
    one.orders
        .commit(indexed(1, 1, due(Some(3000))))
        .await
        .unwrap();
    assert_eq!(one.index.due(at(3000), 10).await.unwrap(), [order(1)]);
    // It may come too early, and is postponed then.
    one.orders
        .commit(indexed(1, 2, due(Some(7000))))
        .await
        .unwrap();
    other
        .index
        .postpone(&order(1), Some(3), &due(Some(8000)))
        .await
        .unwrap();
    assert_eq!(one.index.due(at(7999), 10).await.unwrap(), []);
    // What the first remembers would be early enough; what is stored is not.
    one.orders
        .commit(indexed(1, 3, due(Some(7500))))
        .await
        .unwrap();
    assert_eq!(one.index.due(at(7500), 10).await.unwrap(), [order(1)]);
    other.orders.load(&order(1)).await.unwrap();
    other
        .index
        .postpone(&order(1), Some(4), &due(None))
        .await
        .unwrap();
    one.orders
        .commit(indexed(1, 4, due(Some(7600))))
        .await
        .unwrap();
    assert_eq!(one.index.due(at(7600), 10).await.unwrap(), [order(1)]);
}

fn case(cause: &str) -> CaseEntry {
    CaseEntry {
        kind: CaseKind::NoSupplier,
        cause: cause.to_owned(),
        severity: domain::cases::severity(CaseKind::NoSupplier),
        since: at(3),
        detail: "nobody sells it".to_owned(),
        purchase_order: None,
    }
}

pub(crate) fn with_cases(causes: &[&str], configuration: Option<&[u8]>) -> Index {
    Index {
        due: Some(at(1000)),
        cases: causes.iter().map(|cause| case(cause)).collect(),
        configuration: configuration.map(Digest::of),
        ..Index::default()
    }
}

async fn a_postponement_of_another_version_is_ignored(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.one.index);
    orders.commit(indexed(1, 0, due(Some(1000)))).await.unwrap();
    let later = Index {
        due: Some(at(9000)),
        ..with_cases(&["MUG"], None)
    };
    for version in [0, 2, 9] {
        index
            .postpone(&order(1), Some(version), &later)
            .await
            .unwrap();
    }
    index.postpone(&order(2), Some(1), &later).await.unwrap();
    assert_eq!(index.due(at(1000), 10).await.unwrap(), [order(1)]);
    assert_eq!(index.all_cases().await.unwrap().len(), 0);
    assert!(orders.load(&order(2)).await.unwrap().is_none());
    // Nor does the other process mistake what it remembers for what is stored.
    stores.other.orders.load(&order(1)).await.unwrap();
    orders.commit(indexed(1, 1, due(Some(1000)))).await.unwrap();
    let other = &stores.other.index;
    other.postpone(&order(1), Some(1), &later).await.unwrap();
    assert_eq!(index.due(at(1000), 10).await.unwrap(), [order(1)]);
}

async fn cases_open_and_close(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.one.index);
    let planned_with = Some(&b"c"[..]);
    let first = with_cases(&["MUG", "CUP"], planned_with);
    orders.commit(indexed(1, 0, first)).await.unwrap();
    let second = with_cases(&[], planned_with);
    orders.commit(indexed(2, 0, second)).await.unwrap();
    let rows = index.all_cases().await.unwrap();
    assert_eq!(rows.len(), 2);
    for (row, cause) in rows.iter().zip(["MUG", "CUP"]) {
        assert_eq!((&row.order, &row.entry), (&order(1), &case(cause)));
        assert_eq!(row.configuration, Some(Digest::of(b"c")));
    }

    // What shows only with time.
    index
        .postpone(&order(2), Some(1), &with_cases(&["PEN"], None))
        .await
        .unwrap();
    let rows = index.all_cases().await.unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[2].order, &rows[2].entry), (&order(2), &case("PEN")));
    let configuration = &rows[2].configuration;
    assert_eq!(
        *configuration,
        Some(Digest::of(b"c")),
        "as it was planned with"
    );

    index
        .postpone(&order(2), Some(1), &with_cases(&[], None))
        .await
        .unwrap();
    assert_eq!(index.all_cases().await.unwrap().len(), 2);
    let closed = with_cases(&[], planned_with);
    orders.commit(indexed(1, 1, closed)).await.unwrap();
    assert_eq!(index.all_cases().await.unwrap().len(), 0);
}

async fn all_orders_are_listed_once(stores: Stores) {
    let (orders, index) = (&stores.one.orders, &stores.one.index);
    let first = index.list(None, 10).await.unwrap();
    assert_eq!((first.orders, first.next), (Vec::new(), None));
    for own in 0..25 {
        let with_more = Commit {
            references: vec![numbered(own)],
            trace: Some((1, trace("one"))),
            ..commit(own, 0)
        };
        orders.commit(with_more).await.unwrap();
    }
    let mut listed = Vec::new();
    let mut after = None;
    for page in 0.. {
        assert!(page < 30, "it does not end");
        let found = index.list(after.as_deref(), 7).await.unwrap();
        listed.extend(found.orders);
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed.len(), 25);
    // On after one of them, whatever is received meanwhile.
    let place = index.place_after(&listed[4]).await.unwrap();
    assert!(index.place_after(&order(99)).await.unwrap().is_none());
    let more = Commit {
        references: vec![numbered(30)],
        ..commit(30, 0)
    };
    orders.commit(more).await.unwrap();
    let (mut rest, mut after) = (Vec::new(), place);
    while let Some(place) = after {
        let found = index.list(Some(&place), 7).await.unwrap();
        rest.extend(found.orders);
        after = found.next;
    }
    rest.retain(|listed| *listed != order(30));
    assert_eq!(rest, listed[5..]);
    let distinct: BTreeSet<_> = listed.into_iter().collect();
    assert_eq!(distinct, (0..25).map(order).collect());
}
