//! What a sweep reads follows what is due, not what is stored or held.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use async_trait::async_trait;
use domain::cases::{CaseEntry, CaseKind, severity};
use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::{OrderId, SupplierId};
use domain::order::events::Event;
use domain::order::index::Index;
use domain::order::topics::channel::ChannelChange;
use domain::order::{Order, Reference};
use embedded::Embedded;
use exceptions::sweep;
use jiff::{SignedDuration, Timestamp};
use ports::{
    CasePage, Clock as _, CommitError, History, OrderIndex, OrderStore, Page, Provenance,
    StoreError,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::faults::Faults;
use tests::world::World;

/// Counts orders and cases that are read.
#[derive(Clone)]
struct Counting {
    inner: Embedded,
    read: Arc<AtomicUsize>,
}

impl Counting {
    fn count<T>(
        &self,
        found: Result<T, StoreError>,
        rows: impl Fn(&T) -> usize,
    ) -> Result<T, StoreError> {
        let found = found?;
        self.read.fetch_add(rows(&found), Ordering::Relaxed);
        Ok(found)
    }
}

#[async_trait]
impl OrderStore for Counting {
    async fn provenance(&self) -> Result<Provenance, StoreError> {
        self.inner.provenance().await
    }
    async fn load(&self, order: &OrderId) -> Result<Option<History>, StoreError> {
        self.count(self.inner.load(order).await, |_| 1)
    }
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.inner.commit(commit).await
    }
    async fn payload(
        &self,
        order: &OrderId,
        number: u32,
    ) -> Result<Option<domain::order::news::Payload>, StoreError> {
        self.inner.payload(order, number).await
    }
    async fn trace(
        &self,
        order: &OrderId,
        number: u32,
    ) -> Result<Option<domain::routing::trace::Trace>, StoreError> {
        self.inner.trace(order, number).await
    }
}

#[async_trait]
impl OrderIndex for Counting {
    async fn find(&self, reference: &Reference) -> Result<Vec<OrderId>, StoreError> {
        self.count(self.inner.find(reference).await, Vec::len)
    }
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError> {
        self.count(self.inner.due(now, limit).await, Vec::len)
    }
    async fn cases(&self, after: Option<&str>, limit: usize) -> Result<CasePage, StoreError> {
        self.count(self.inner.cases(after, limit).await, |page| page.rows.len())
    }
    async fn open(
        &self,
        supplier: &SupplierId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.inner.open(supplier, after, limit).await
    }
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.inner.list(after, limit).await
    }
    async fn place_after(&self, order: &OrderId) -> Result<Option<String>, StoreError> {
        self.inner.place_after(order).await
    }
    async fn postpone(
        &self,
        order: &OrderId,
        version: Option<u64>,
        index: &Index,
    ) -> Result<(), StoreError> {
        self.inner.postpone(order, version, index).await
    }
}

fn held(configuration: &Digest, at: Timestamp) -> Index {
    Index {
        due: None,
        cases: vec![CaseEntry {
            kind: CaseKind::UnmappedSku,
            cause: "MUG".to_owned(),
            severity: severity(CaseKind::UnmappedSku),
            since: at,
            detail: "nobody offers it".to_owned(),
            purchase_order: None,
        }],
        configuration: Some(configuration.clone()),
        ..Index::default()
    }
}

/// What each sweep of a process reads while 20 orders are due at each, a minute after the other: the first
/// ones also look for what another configuration holds, and prepare what waits by this one.
async fn reads(stored: u32, cases: u32) -> [usize; 12] {
    let world = World::new(Faults::default()).await;
    let read = Arc::new(AtomicUsize::new(0));
    let store = Counting {
        inner: world.store.clone(),
        read: read.clone(),
    };
    let mut deps = world.sweeper();
    let configuration = deps.settings.get().digest.clone();
    let start = world.clock.now();
    for own in 0..stored {
        let index = if own < cases {
            held(&configuration, start)
        } else {
            Index::default()
        };
        let id = OrderId::parse(&format!("acme/{own}")).unwrap();
        let event = Event::Channel(ChannelChange::PaymentReceived);
        let (commit, _) = Commit::new(&Order::new(id), vec![event], start).unwrap();
        let commit = Commit { index, ..commit };
        world.store.commit(commit).await.unwrap();
    }
    deps.orders = Arc::new(store.clone());
    deps.index = Arc::new(store);
    deps.memory = Arc::default();
    let mut counted = [0; 12];
    for (turn, counted) in counted.iter_mut().enumerate() {
        let minutes = i64::from(turn > 0);
        world.clock.advance(SignedDuration::from_mins(minutes));
        for own in 0..20 {
            let id = OrderId::parse(&format!("acme/{}", stored - 1 - own)).unwrap();
            let due = Index {
                due: Some(world.clock.now()),
                ..Index::default()
            };
            world.store.postpone(&id, None, &due).await.unwrap();
        }
        let before = read.load(Ordering::Relaxed);
        sweep(&deps).await.unwrap();
        *counted = read.load(Ordering::Relaxed) - before;
    }
    counted
}

#[tokio::test]
async fn reads_of_a_sweep_follow_what_is_due() {
    let (few, many) = (reads(1_000, 100).await, reads(20_000, 10_000).await);
    println!("reads of sweeps: {few:?} with 100 held, {many:?} with 10,000 held");
    assert_eq!(few[11], many[11]);
    assert!(few[11] <= 2 * 20, "each is found and loaded once");
}
