//! What every fact begins with: a new store as two processes see it, and small commits.

use aws::s3::S3Files;
use domain::catalogue::{CatalogueRow, Offer};
use domain::commit::{Change, Commit, ReservationChange};
use domain::digest::Digest;
use domain::ids::{ChannelCode, OrderId, Sku, SupplierId, SupplierSku};
use domain::order::Reference;
use domain::order::events::{Event, Recorded};
use domain::order::index::Index;
use domain::order::topics::channel::ChannelChange;
use domain::purchase_order_number::PurchaseOrderNumber;
use embedded::Embedded;
use jiff::Timestamp;
use ports::{BatchStore, Files, IncidentStore, OfferStore, OrderIndex, OrderStore, RefusalStore};
use std::any::Any;
use std::sync::Arc;
use tests::emulator::{Emulator, buckets, two_processes};

/// A store as one process sees it.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) orders: Arc<dyn OrderStore>,
    pub(crate) index: Arc<dyn OrderIndex>,
    pub(crate) incidents: Arc<dyn IncidentStore>,
    pub(crate) offers: Arc<dyn OfferStore>,
    pub(crate) batches: Arc<dyn BatchStore>,
    pub(crate) refusals: Arc<dyn RefusalStore>,
    pub(crate) files: Arc<dyn Files>,
}

pub(crate) struct Stores {
    pub(crate) one: Store,
    /// The same, seen by another process.
    pub(crate) other: Store,
    _kept: Box<dyn Any + Send>,
}

impl Store {
    fn of(
        store: impl OrderStore
        + OrderIndex
        + IncidentStore
        + OfferStore
        + BatchStore
        + RefusalStore
        + Clone
        + 'static,
        files: impl Files + 'static,
    ) -> Self {
        Self {
            orders: Arc::new(store.clone()),
            index: Arc::new(store.clone()),
            incidents: Arc::new(store.clone()),
            offers: Arc::new(store.clone()),
            batches: Arc::new(store.clone()),
            refusals: Arc::new(store),
            files: Arc::new(files),
        }
    }

    pub(crate) async fn feed(&self, name: &str, stock: u32, as_of: i64) -> bool {
        let rows = [row(Some(stock), Some(as_of))];
        self.apply(name, &rows, as_of).await
    }

    pub(crate) async fn apply(&self, name: &str, rows: &[CatalogueRow], now: i64) -> bool {
        let digest = Digest::of(name.as_bytes());
        let applied = self.offers.apply(&digest, rows, at(now));
        applied.await.unwrap()
    }

    pub(crate) async fn available(&self) -> i64 {
        self.offers.stock().await.unwrap()[0].2.available
    }

    pub(crate) async fn version(&self, own: u32) -> usize {
        let history = self.orders.load(&order(own)).await.unwrap();
        history.map_or(0, |history| history.events.len())
    }
}

pub(crate) fn embedded() -> Stores {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let store = Embedded::open(folder.path()).unwrap();
        Store::of(store.clone(), store)
    };
    Stores {
        one: open(),
        other: open(),
        _kept: Box::new(folder),
    }
}

pub(crate) async fn aws(emulator: &Emulator, name: &str) -> Stores {
    let clients = emulator.clients();
    let (one, other) = two_processes(&clients, name).await;
    let (artifacts, drops) = buckets(&clients, name).await;
    let files = || S3Files::new(clients.s3(), artifacts.clone(), Some(drops.clone()));
    Stores {
        one: Store::of(one, files()),
        other: Store::of(other, files()),
        _kept: Box::new(()),
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn order(own: u32) -> OrderId {
    OrderId::parse(&format!("acme/{own}")).unwrap()
}

pub(crate) fn number(counter: u32) -> PurchaseOrderNumber {
    PurchaseOrderNumber::new(&ChannelCode::parse("SH1").unwrap(), "1001", counter)
}

pub(crate) fn numbered(counter: u32) -> Reference {
    Reference::PurchaseOrder(number(counter))
}

pub(crate) fn northwind() -> SupplierId {
    SupplierId::parse("northwind").unwrap()
}

pub(crate) fn commit(own: u32, expected_version: u64) -> Commit {
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

/// Of Northwind's `NW-1`.
pub(crate) fn change(counter: u32, change: Change) -> ReservationChange {
    ReservationChange {
        supplier: northwind(),
        supplier_sku: SupplierSku::parse("NW-1").unwrap(),
        purchase_order: number(counter),
        change,
    }
}

pub(crate) fn changing(own: u32, expected_version: u64, counter: u32, single: Change) -> Commit {
    Commit {
        reservations: vec![change(counter, single)],
        ..commit(own, expected_version)
    }
}

pub(crate) fn offer(sku: &str, supplier: &str, supplier_sku: &str) -> Offer {
    Offer {
        category: None,
        countries: Vec::new(),
        sku: Sku::parse(sku).unwrap(),
        supplier: SupplierId::parse(supplier).unwrap(),
        supplier_sku: SupplierSku::parse(supplier_sku).unwrap(),
        cost: None,
        not_dropshipped: false,
    }
}

/// Of the one offer there is in most facts.
pub(crate) fn row(stock: Option<u32>, as_of: Option<i64>) -> CatalogueRow {
    CatalogueRow {
        offer: offer("MUG", "northwind", "NW-1"),
        stock,
        as_of: as_of.map(at),
    }
}
