//! Effects counted on one deterministic schedule, and one of them made to go wrong.

use crate::world::TestClock;
use async_trait::async_trait;
use domain::batch::{Batch, BatchName, Uploaded};
use domain::cases::CaseKind;
use domain::catalogue::{CatalogueRow, OfferWithStock, Stock};
use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::{ChannelCode, OrderId, Sku, SupplierId, SupplierSku};
use domain::messages::{Message, QueueName};
use domain::order::Reference;
use domain::order::answer::By;
use domain::order::events::Event;
use domain::order::index::Index;
use domain::order::news::Payload;
use domain::order::topics::sending::SendChange;
use domain::order::topics::supplier::SupplierReport;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::routing::trace::Trace;
use domain::sending::machine::{SendEvent, SendState};
use domain::sending::subject::SendSubject;
use domain::spending::Spent;
use domain::trust::RefusalStreak;
use embedded::Embedded;
use http_client::{Failure, Http, Request, Response};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ports::{
    Area, BatchStore, CasePage, Clock as _, Closing, CommitError, DeadLetter, Deliveries, Delivery,
    Files, History, Incident, IncidentStore, OfferStore, OrderIndex, OrderStore, Page, Provenance,
    Put, Queue, RefusalStore, ReservationPage, StoreError, Unavailable,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// What happens to the k-th effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not happen, and everything in memory is lost.
    CrashBefore,
    /// It happens, and everything in memory is lost.
    CrashAfter,
    /// It happens, and the caller is told that it failed.
    AnswerLost,
    /// It does not happen, and the caller is told so.
    Fails,
}

pub const FAULTS: [Fault; 4] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::AnswerLost,
    Fault::Fails,
];

/// In what way an order cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// What is stored is no event.
    Body,
    /// The events are, and cannot have happened.
    History,
}

#[derive(Default)]
struct State {
    effects: usize,
    unreadable: Option<(OrderId, Unreadable)>,
    /// The data was restored, and nobody took note of it.
    unnoted: bool,
    /// Commits asked for so far, where every other one meets a conflict inside the store.
    conflicts: Option<usize>,
    /// Effects that go wrong, each once.
    plan: Vec<(usize, Fault)>,
    crashed: bool,
    /// Before that effect somebody sets the wall clock by so much.
    clock_set: Option<(usize, SignedDuration)>,
    clock: Option<TestClock>,
    /// Effects before which the worker that reaches them stands still until it is resumed.
    pauses: Vec<(usize, Arc<Notify>)>,
}

/// Shared by all ports of one World.
#[derive(Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    crash: Arc<Notify>,
    paused: Arc<Notify>,
    pub mutant: Mutant,
}

/// A World that is wrong in one way, to show that the tests would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mutant {
    #[default]
    None,
    /// A commit succeeds whatever version it expects.
    StoreIgnoresVersion,
    /// An old claim is given up and planned again without a look-up.
    ClaimExpires,
    /// What a day may come to is not looked at when a purchase order is committed.
    StoreIgnoresSpendLimit,
    /// Each request to a supplier is made twice.
    SendsTwice,
    /// What is due stays due.
    NoSweep,
    /// A message is gone before its work is done.
    AcknowledgesFirst,
    /// A look-up says "not there" before the supplier can know.
    HastyLookUp,
    /// Whatever way the settings have now proves that an attempt did not arrive.
    AbsenceByAnyWay,
    /// What was rendered for the first attempt goes by every later one.
    FirstArtifactForEver,
    /// An answer with a status of 200 to 299 counts as an accepted order, though it names no number.
    BelievesAnySuccess,
    /// A refusal that does not say why is believed without a look-up.
    BelievesAnyRefusal,
    /// Data that was restored from a copy is worked on as if nothing had been sent since.
    TakesACopyForCurrent,
    /// Time passes as the wall clock says, though somebody sets it.
    BelievesTheWallClock,
}

impl Faults {
    pub fn at(effect: usize, fault: Fault) -> Self {
        Self::at_each([(effect, fault)])
    }

    /// Several effects go wrong: what repairs the first fault meets the second.
    pub fn at_each(plan: impl IntoIterator<Item = (usize, Fault)>) -> Self {
        let faults = Self::default();
        faults.state.lock().unwrap().plan = plan.into_iter().collect();
        faults
    }

    /// Nothing goes wrong, but before that effect somebody sets the wall clock by so much.
    pub fn clock_set_at(effect: usize, by: SignedDuration) -> Self {
        let faults = Self::default();
        faults.state.lock().unwrap().clock_set = Some((effect, by));
        faults
    }

    pub(crate) fn tell_by(&self, clock: &TestClock) {
        self.state.lock().unwrap().clock = Some(clock.clone());
    }

    pub fn with(mutant: Mutant) -> Self {
        Self {
            mutant,
            ..Self::default()
        }
    }

    pub fn mutated(mut self, mutant: Mutant) -> Self {
        self.mutant = mutant;
        self
    }

    /// From now on that order cannot be read, or all can.
    pub fn set_unreadable(&self, order: Option<(OrderId, Unreadable)>) {
        self.state.lock().unwrap().unreadable = order;
    }

    /// From now on every other commit, the first included, meets a conflict inside the store, and is
    /// not made.
    pub fn conflict(&self) {
        self.state.lock().unwrap().conflicts = Some(0);
    }

    /// From now on nobody took note of a restore of the data, or somebody did.
    pub fn set_unnoted(&self, unnoted: bool) {
        self.state.lock().unwrap().unnoted = unnoted;
    }

    fn meets_a_conflict(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        let Some(asked) = &mut state.conflicts else {
            return false;
        };
        *asked += 1;
        *asked % 2 == 1
    }

    fn unreadable(&self, order: &OrderId) -> Option<Unreadable> {
        let state = self.state.lock().unwrap();
        let unreadable = state.unreadable.as_ref();
        unreadable.and_then(|(known, how)| (known == order).then_some(*how))
    }

    pub fn effects(&self) -> usize {
        self.state.lock().unwrap().effects
    }

    fn next(&self) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let now = state.effects;
        state.effects += 1;
        if let (Some((effect, by)), Some(clock)) = (state.clock_set, &state.clock)
            && effect == now
        {
            clock.set(by);
        }
        state
            .plan
            .iter()
            .find(|(effect, _)| *effect == now)
            .map(|(_, fault)| *fault)
    }

    pub(crate) async fn effect<T, E>(
        &self,
        lost: impl FnOnce() -> E,
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let pause = {
            let state = self.state.lock().unwrap();
            let now = state.effects;
            state
                .pauses
                .iter()
                .find(|(effect, _)| *effect == now)
                .map(|(_, resume)| resume.clone())
        };
        if let Some(resume) = pause {
            // Counted at once, so that nobody else stops at the same place.
            self.state.lock().unwrap().effects += 1;
            self.paused.notify_one();
            resume.notified().await;
            return act.await;
        }
        match self.next() {
            None => act.await,
            Some(Fault::Fails) => Err(lost()),
            Some(Fault::AnswerLost) => {
                let _ = act.await;
                Err(lost())
            }
            Some(Fault::CrashBefore) => self.die().await,
            Some(Fault::CrashAfter) => {
                let _ = act.await;
                self.die().await
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.state.lock().unwrap().crashed = true;
        self.crash.notify_one();
        std::future::pending().await
    }

    /// The worker that reaches the effect stands still before it; the handle lets it go on.
    pub fn pause_before(&self, effect: usize) -> Arc<Notify> {
        let resume = Arc::new(Notify::new());
        self.state
            .lock()
            .unwrap()
            .pauses
            .push((effect, resume.clone()));
        resume
    }

    /// No further worker stands still; those that do stay so until resumed.
    pub fn forget_pauses(&self) {
        self.state.lock().unwrap().pauses.clear();
    }

    /// A worker stands still.
    pub async fn paused(&self) {
        self.paused.notified().await;
    }

    /// The work's result, or `None` where the process died in it.
    pub async fn drive<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.crash.notified() => {
                self.state.lock().unwrap().crashed = false;
                None
            }
            result = work => Some(result),
        }
    }
}

/// The embedded ports with faults.
#[derive(Clone)]
pub struct Faulty {
    pub inner: Embedded,
    pub faults: Faults,
    pub clock: TestClock,
}

impl Faulty {
    /// What no store may do: plan a purchase order again because its claim is old.
    async fn expire_claim(&self, id: &OrderId) {
        let Ok(Some(history)) = self.inner.load(id).await else {
            return;
        };
        let order = history.fold().unwrap();
        let now = self.clock.now();
        for own in &order.purchase_orders {
            if let SendState::SendStarted {
                attempt,
                resolve_at,
                ..
            } = &own.sending.state
                && now >= *resolve_at
            {
                let why = "the claim is old".to_owned();
                let event = SendEvent::SendDeferred {
                    attempt: *attempt,
                    retry_at: Some(now),
                    why,
                    by: By::Answer,
                };
                let event = Event::Send(SendChange {
                    subject: SendSubject::PurchaseOrder(own.number.clone()),
                    event,
                });
                let (commit, _) = Commit::new(&order, vec![event], now).unwrap();
                self.inner.commit(commit).await.unwrap();
                return;
            }
        }
    }
}

pub(crate) fn lost() -> Unavailable {
    Unavailable::new("injected fault")
}

#[async_trait]
impl OrderStore for Faulty {
    async fn provenance(&self) -> Result<Provenance, StoreError> {
        if self.faults.mutant == Mutant::TakesACopyForCurrent {
            return Ok(Provenance::Known { restored_at: None });
        }
        if self.faults.state.lock().unwrap().unnoted {
            return Ok(Provenance::Suspect("the table has another name".to_owned()));
        }
        self.inner.provenance().await
    }
    async fn load(&self, order: &OrderId) -> Result<Option<History>, StoreError> {
        if self.faults.mutant == Mutant::ClaimExpires {
            self.expire_claim(order).await;
        }
        match self.faults.unreadable(order) {
            Some(Unreadable::Body) => {
                return Err(StoreError::Corrupt(format!(
                    "an event of {order} is cut off"
                )));
            }
            Some(Unreadable::History) => {
                let mut history = self.inner.load(order).await?;
                // What no history begins with.
                let known = history.iter_mut().flat_map(|history| &mut history.events);
                for recorded in known {
                    let code = ChannelCode::parse("SH").unwrap();
                    let purchase_order = PurchaseOrderNumber::new(&code, "1", 99);
                    let report = SupplierReport::Acknowledged {
                        purchase_order,
                        backordered: BTreeMap::new(),
                        by: By::Answer,
                    };
                    recorded.event = report.into();
                }
                return Ok(history);
            }
            None => {}
        }
        self.inner.load(order).await
    }
    async fn commit(&self, mut commit: Commit) -> Result<(), CommitError> {
        if self.faults.meets_a_conflict() {
            return Err(CommitError::Busy);
        }
        if self.faults.mutant == Mutant::StoreIgnoresVersion {
            let stored = self
                .inner
                .load(&commit.order)
                .await
                .ok()
                .flatten()
                .map_or(0, |stored| stored.events.len());
            commit.expected_version = stored as u64;
        }
        if self.faults.mutant == Mutant::StoreIgnoresSpendLimit {
            let changes = commit.spending.iter_mut();
            changes.for_each(|change| change.limit = None);
        }
        self.faults
            .effect(
                || CommitError::Unavailable(lost()),
                self.inner.commit(commit),
            )
            .await
    }
    async fn payload(&self, order: &OrderId, number: u32) -> Result<Option<Payload>, StoreError> {
        self.inner.payload(order, number).await
    }
    async fn trace(&self, order: &OrderId, number: u32) -> Result<Option<Trace>, StoreError> {
        self.inner.trace(order, number).await
    }
}

#[async_trait]
impl OrderIndex for Faulty {
    async fn find(&self, reference: &Reference) -> Result<Vec<OrderId>, StoreError> {
        self.inner.find(reference).await
    }
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError> {
        self.inner.due(now, limit).await
    }
    async fn postpone(
        &self,
        order: &OrderId,
        version: Option<u64>,
        index: &Index,
    ) -> Result<(), StoreError> {
        self.faults
            .effect(
                || StoreError::Unavailable(lost()),
                self.inner.postpone(order, version, index),
            )
            .await
    }
    async fn cases(&self, after: Option<&str>, limit: usize) -> Result<CasePage, StoreError> {
        self.inner.cases(after, limit).await
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
}

#[async_trait]
impl IncidentStore for Faulty {
    async fn open_incident(&self, incident: &Incident) -> Result<bool, StoreError> {
        self.faults
            .effect(
                || StoreError::Unavailable(lost()),
                self.inner.open_incident(incident),
            )
            .await
    }
    async fn close_incident(
        &self,
        kind: CaseKind,
        cause: &str,
        closing: &Closing,
    ) -> Result<bool, StoreError> {
        self.faults
            .effect(
                || StoreError::Unavailable(lost()),
                self.inner.close_incident(kind, cause, closing),
            )
            .await
    }
    async fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        self.inner.incidents().await
    }
    async fn closed_incidents(&self, limit: usize) -> Result<Vec<(Incident, Closing)>, StoreError> {
        self.inner.closed_incidents(limit).await
    }
}

#[async_trait]
impl BatchStore for Faulty {
    async fn entries(
        &self,
        supplier: &SupplierId,
        cut_off: Timestamp,
    ) -> Result<Vec<(OrderId, PurchaseOrderNumber)>, StoreError> {
        self.inner.entries(supplier, cut_off).await
    }
    async fn put_batch(&self, batch: &Batch) -> Result<(), StoreError> {
        self.faults
            .effect(
                || StoreError::Unavailable(lost()),
                self.inner.put_batch(batch),
            )
            .await
    }
    async fn batches(&self, limit: usize) -> Result<Vec<Batch>, StoreError> {
        self.inner.batches(limit).await
    }
    async fn mark_uploaded(
        &self,
        name: &BatchName,
        uploaded: &Uploaded,
    ) -> Result<bool, StoreError> {
        self.faults
            .effect(
                || StoreError::Unavailable(lost()),
                self.inner.mark_uploaded(name, uploaded),
            )
            .await
    }
}

#[async_trait]
impl RefusalStore for Faulty {
    async fn streak(&self, supplier: &SupplierId) -> Result<Option<RefusalStreak>, StoreError> {
        self.inner.streak(supplier).await
    }
    async fn replace_streak(
        &self,
        supplier: &SupplierId,
        known: Option<&RefusalStreak>,
        new: Option<&RefusalStreak>,
    ) -> Result<bool, StoreError> {
        self.faults
            .effect(
                || StoreError::Unavailable(lost()),
                self.inner.replace_streak(supplier, known, new),
            )
            .await
    }
}

#[async_trait]
impl OfferStore for Faulty {
    async fn offers(&self, skus: &[Sku]) -> Result<Vec<OfferWithStock>, StoreError> {
        self.inner.offers(skus).await
    }
    async fn apply(
        &self,
        digest: &Digest,
        rows: &[CatalogueRow],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.faults
            .effect(
                || StoreError::Unavailable(lost()),
                self.inner.apply(digest, rows, now),
            )
            .await
    }
    async fn spent(&self, suppliers: &[SupplierId], from: Date) -> Result<Vec<Spent>, StoreError> {
        self.inner.spent(suppliers, from).await
    }
    async fn spending(&self) -> Result<Vec<Spent>, StoreError> {
        self.inner.spending().await
    }
    async fn reservation_page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ReservationPage, StoreError> {
        self.inner.reservation_page(after, limit).await
    }
    async fn stock(&self) -> Result<Vec<(SupplierId, SupplierSku, Stock)>, StoreError> {
        self.inner.stock().await
    }
}

#[async_trait]
impl Queue for Faulty {
    async fn send(&self, message: &Message) -> Result<(), Unavailable> {
        self.faults.effect(lost, self.inner.send(message)).await
    }
}

#[async_trait]
impl Deliveries for Faulty {
    async fn receive(
        &self,
        queue: QueueName,
        limit: usize,
        now: Timestamp,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, Unavailable> {
        self.inner.receive(queue, limit, now, visibility).await
    }
    async fn acknowledge(&self, delivery: &Delivery) -> Result<(), Unavailable> {
        self.faults
            .effect(lost, self.inner.acknowledge(delivery))
            .await
    }
    async fn nack(&self, delivery: &Delivery, at: Timestamp) -> Result<(), Unavailable> {
        self.faults
            .effect(lost, self.inner.nack(delivery, at))
            .await
    }
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Unavailable> {
        self.inner.dead_letters(limit).await
    }
    async fn remove_dead_letter(&self, id: i64) -> Result<(), Unavailable> {
        self.faults
            .effect(lost, self.inner.remove_dead_letter(id))
            .await
    }
}

#[async_trait]
impl Files for Faulty {
    async fn put_new(&self, area: Area, key: &str, bytes: &[u8]) -> Result<Put, Unavailable> {
        self.faults
            .effect(lost, self.inner.put_new(area, key, bytes))
            .await
    }
    async fn get(&self, area: Area, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        self.inner.get(area, key).await
    }
    async fn was_published(&self, key: &str) -> Result<bool, Unavailable> {
        self.inner.was_published(key).await
    }
}

/// A supplier's API behind a line that can be cut.
pub struct FaultyHttp<H> {
    pub inner: H,
    pub faults: Faults,
}

#[async_trait]
impl<H: Http> Http for FaultyHttp<H> {
    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, Failure> {
        let look_up = request.method == "GET";
        if look_up && self.faults.mutant == Mutant::HastyLookUp {
            return Ok(Response {
                status: 404,
                headers: Vec::new(),
                body: b"{}".to_vec(),
            });
        }
        if !look_up && self.faults.mutant == Mutant::SendsTwice {
            drop(self.inner.send(request, timeout).await);
        }
        let cut = || Failure::InDoubt("the connection was cut".to_owned());
        self.faults
            .effect(cut, self.inner.send(request, timeout))
            .await
    }
}
