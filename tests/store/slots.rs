//! Slots, which processes on AWS alone need; and those in memory, by which the flow is tested.

use crate::given::at;
use crate::{Shared, on_aws, trial};
use aws::dynamodb::DynamoDb;
use domain::ids::SupplierId;
use libtest_mimic::Trial;
use ports::{Slot, SupplierSlots};
use std::collections::BTreeSet;
use std::sync::Arc;
use tests::emulator::{Cuts, Emulator, tables};
use tests::slots::TestSlots;

pub(crate) fn trials(emulator: &Shared) -> Vec<Trial> {
    vec![
        on_aws(
            "no_more_hold_a_slot_than_there_are",
            emulator.clone(),
            async |emulator: &Emulator| {
                let clients = emulator.clients();
                let (orders, stock) = tables(&clients, "slots").await;
                let store = DynamoDb::new(clients.dynamodb(), orders, Some(stock));
                no_more_hold_a_slot_than_there_are(Arc::new(store)).await;
            },
        ),
        trial(
            "memory::no_more_hold_a_slot_than_there_are".to_owned(),
            async || no_more_hold_a_slot_than_there_are(Arc::new(TestSlots::default())).await,
        ),
        on_aws(
            "a_slot_whose_answer_was_lost_is_held_once",
            emulator.clone(),
            a_slot_whose_answer_was_lost_is_held_once,
        ),
    ]
}

const OF: usize = 3;

/// At that second, for a minute.
async fn acquire(store: &dyn SupplierSlots, holder: usize, second: i64) -> Option<Slot> {
    let supplier = SupplierId::parse("harbour").unwrap();
    let holder = format!("holder {holder}");
    let taken = store.acquire(&supplier, OF, &holder, at(second), at(second + 60));
    taken.await.unwrap()
}

async fn no_more_hold_a_slot_than_there_are(store: Arc<dyn SupplierSlots>) {
    for second in [10, 1000, 10_000] {
        let takers: Vec<_> = (0..12)
            .map(|holder| {
                let store = store.clone();
                tokio::spawn(async move { acquire(&*store, holder, second).await })
            })
            .collect();
        let mut held = Vec::new();
        for taker in takers {
            held.extend(taker.await.unwrap());
        }
        let numbers: BTreeSet<_> = held.iter().map(|slot| slot.number).collect();
        assert_eq!((held.len(), numbers.len()), (OF, OF), "{held:?}");
        // One is left, and is there for the next, once.
        store.free(&held[1]).await.unwrap();
        let next = acquire(&*store, 20, second + 1).await.unwrap();
        assert_eq!(next.number, held[1].number);
        store.free(&held[1]).await.unwrap();
        assert_eq!(
            acquire(&*store, 21, second + 1).await,
            None,
            "it was another's"
        );
        // At their very end all are free, but for the one that was taken a second later.
        let ended = second + 60;
        assert!(acquire(&*store, 22, ended).await.is_some());
        assert!(acquire(&*store, 23, ended).await.is_some());
        assert_eq!(acquire(&*store, 24, ended).await, None);
    }
}

async fn a_slot_whose_answer_was_lost_is_held_once(emulator: &Emulator) {
    let cuts = Cuts::default();
    let (orders, stock) = tables(&emulator.clients(), "lost-slots").await;
    let clients = emulator.clients_through(&cuts).await;
    let store = DynamoDb::new(clients.dynamodb(), orders, Some(stock));
    for holder in 0..OF {
        cuts.lose(1);
        assert!(acquire(&store, holder, 10).await.is_some());
        assert!(!cuts.are_left());
    }
    assert_eq!(acquire(&store, OF, 10).await, None);
    let other = acquire(&store, OF, 100).await.unwrap();
    cuts.lose(1);
    store.free(&other).await.unwrap();
    assert!(!cuts.are_left());
    store.free(&other).await.unwrap();
}
