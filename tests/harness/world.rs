//! One merchant's whole system on one thread.

mod opening;
mod oracle;
mod persons;
mod restored;

pub use opening::configuration;
use opening::{Doubles, load, opened};

use crate::faults::{Faults, Faulty, Mutant};
use crate::mail::{FaultyMailer, MailService};
use crate::mutated::FirstArtifacts;
use crate::slots::TestSlots;
use domain::ids::OrderId;
use domain::messages::{ForwardPurchaseOrder, Message, QueueName, RouteOrder};
use domain::order::Order;
use domain::settings::Settings;
use domain::timeline::timeline;
use doubles::printful::Printful;
use doubles::shop::{Shop, SignedWebhook};
use doubles::supplier::SupplierDouble;
use embedded::Embedded;
use execution::purchase_orders::{PurchaseOrders, Trust};
use execution::{ConcurrencyLimit, Execution};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Clock, Deliveries as _, Moment, OfferStore as _, OrderIndex as _, OrderStore as _, Queue as _,
    Shared, Steady, WebhookRequest,
};
use registry::Registry;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Time moved by hand.
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<Moment>>);

impl TestClock {
    fn new(at: Timestamp) -> Self {
        let steady = Steady {
            process: Some("first".to_owned()),
            since: SignedDuration::ZERO,
        };
        Self(Arc::new(Mutex::new(Moment { at, steady })))
    }

    /// Time passes.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        now.at += by;
        now.steady.since += by;
    }

    /// Somebody sets the wall clock.
    pub fn set(&self, by: SignedDuration) {
        self.0.lock().unwrap().at += by;
    }

    /// Another process looks at it from now on.
    pub fn restart(&self) {
        let mut now = self.0.lock().unwrap();
        now.steady.process = now
            .steady
            .process
            .take()
            .map(|name| format!("{name}, again"));
        now.steady.since = SignedDuration::ZERO;
    }

    /// Processes come and go from now on.
    pub fn without_process(&self) {
        self.0.lock().unwrap().steady.process = None;
    }
}

#[async_trait::async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().at
    }
    fn steady(&self) -> Steady {
        self.0.lock().unwrap().steady.clone()
    }
    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// What is there whatever becomes of our own data.
struct Outside {
    folder: Arc<tempfile::TempDir>,
    clock: TestClock,
    supplier: SupplierDouble,
    elsewhere: SupplierDouble,
    printful: Printful,
    mail: MailService,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            folder: Arc::new(tempfile::tempdir().unwrap()),
            clock: TestClock::new("2026-11-23T10:00:00Z".parse().unwrap()),
            supplier: SupplierDouble::default(),
            elsewhere: SupplierDouble::default(),
            printful: Printful::default(),
            mail: MailService::default(),
        }
    }
}

pub struct World {
    pub store: Embedded,
    pub ports: Arc<Faulty>,
    pub clock: TestClock,
    pub supplier: SupplierDouble,
    /// Another supplier of the same kind, at `api.elsewhere.example`.
    pub elsewhere: SupplierDouble,
    pub printful: Printful,
    first: FirstArtifacts,
    pub mail: MailService,
    mailer: FaultyMailer,
    pub shop: Shop,
    registry: Registry,
    pub configuration: BTreeMap<String, Vec<u8>>,
    pub faults: Faults,
    settings: Shared<Settings>,
    webhook: order_webhook::Deps,
    routing: routing::Deps,
    forwarding: forwarding::Deps,
    exceptions: exceptions::Deps,
    /// Where several processes hand over.
    slots: Option<TestSlots>,
    /// Webhooks that were not answered 2xx: the channel sends them again.
    unanswered: Vec<SignedWebhook>,
    pub folder: Arc<tempfile::TempDir>,
    /// Two workers take this delivery, counted from the first.
    pub race: Option<Race>,
    /// Whether time passing wakes what is due; without it only redelivery repairs.
    pub sweeps: bool,
    deliveries: usize,
}

/// Two workers on one message: the first up to an effect of its own, the second up to one of its
/// own or to its end, then both on.
#[derive(Debug, Clone, Copy)]
pub struct Race {
    pub delivery: usize,
    pub first_until: usize,
    pub second_until: Option<usize>,
}

/// Signs the webhooks of every channel.
pub const SECRET: &str = "a webhook secret for tests";
const VISIBILITY: Duration = Duration::from_mins(3);

/// The kinds that a world knows, and the merchant's files.
pub struct Setup {
    pub registry: Registry,
    pub configuration: BTreeMap<String, Vec<u8>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            registry: crate::opening::REGISTRY,
            configuration: configuration(),
        }
    }
}

impl World {
    /// What its sweep may touch.
    pub fn sweeper(&self) -> exceptions::Deps {
        self.exceptions.clone()
    }

    pub async fn new(faults: Faults) -> Self {
        let outside = Outside::default();
        let store = Embedded::in_memory(&outside.folder.path().join("outbox")).unwrap();
        Self::over(store, outside, Setup::default(), faults).await
    }

    /// With other kinds of channels and suppliers, and the configuration that names them.
    pub async fn of(setup: Setup, faults: Faults) -> Self {
        let outside = Outside::default();
        let store = Embedded::in_memory(&outside.folder.path().join("outbox")).unwrap();
        Self::over(store, outside, setup, faults).await
    }

    /// A process that begins on that store, in that world.
    async fn over(store: Embedded, outside: Outside, setup: Setup, faults: Faults) -> Self {
        crate::watch::the_log(SECRET);
        let Outside {
            folder,
            clock,
            supplier,
            elsewhere,
            printful,
            mail,
        } = outside;
        if faults.mutant == Mutant::BelievesTheWallClock {
            clock.without_process();
        }
        faults.tell_by(&clock);
        let mailer = FaultyMailer {
            service: mail,
            faults: faults.clone(),
            listener: Arc::default(),
        };
        let Setup {
            registry,
            configuration: files,
        } = setup;
        let loaded = load(&files);
        store
            .apply(&loaded.catalogue_digest, &loaded.catalogue, clock.now())
            .await
            .unwrap();
        let ports = Arc::new(Faulty {
            inner: store.clone(),
            faults: faults.clone(),
            clock: clock.clone(),
        });
        let settings = Shared::new(loaded.settings);
        let current = settings.get();
        let channels = current.channels.values().map(|channel| {
            let entry = registry.channel(&channel.kind).unwrap();
            let opening = crate::opening::channel(&channel.specific, &[SECRET]);
            (channel.id.clone(), (entry.open)(opening).unwrap())
        });
        let webhook = order_webhook::Deps {
            orders: ports.clone(),
            incidents: ports.clone(),
            queue: ports.clone(),
            files: ports.clone(),
            clock: Arc::new(clock.clone()),
            channels: Arc::new(channels.collect()),
            refused: Arc::default(),
        };
        let first = FirstArtifacts::default();
        let doubles = Doubles {
            supplier: &supplier,
            elsewhere: &elsewhere,
            printful: &printful,
            mailer: &mailer,
            first: &first,
        };
        let suppliers = opened(&current, registry, &ports, &doubles);
        let forwarding = forwarding::Deps {
            queue: ports.clone(),
            purchase_orders: PurchaseOrders {
                execution: Execution {
                    orders: ports.clone(),
                    files: ports.clone(),
                    clock: Arc::new(clock.clone()),
                },
                index: ports.clone(),
                incidents: ports.clone(),
                batches: ports.clone(),
                refusals: ports.clone(),
                settings: settings.clone(),
                suppliers,
                concurrency: None,
                trust: Arc::new(Trust::alone()),
            },
        };
        // Whoever hears a report sends nothing.
        let mut listener = forwarding.clone();
        listener.purchase_orders.suppliers = Arc::default();
        drop(mailer.listener.set(listener));
        let routing = routing::Deps {
            orders: ports.clone(),
            index: ports.clone(),
            offers: ports.clone(),
            queue: ports.clone(),
            clock: Arc::new(clock.clone()),
            settings: settings.clone(),
        };
        let exceptions = exceptions::Deps {
            orders: ports.clone(),
            index: ports.clone(),
            incidents: ports.clone(),
            queue: ports.clone(),
            files: ports.clone(),
            clock: Arc::new(clock.clone()),
            settings: settings.clone(),
            memory: Arc::default(),
            others_follow_within: SignedDuration::ZERO,
        };
        let shop = Shop {
            domain: "acme.myshopify.com".to_owned(),
            secret: SECRET.to_owned(),
        };
        Self {
            store,
            ports,
            clock,
            supplier,
            elsewhere,
            printful,
            first,
            mail: mailer.service.clone(),
            mailer,
            shop,
            registry,
            configuration: files,
            settings,
            webhook,
            routing,
            forwarding,
            exceptions,
            slots: None,
            unanswered: Vec::new(),
            folder,
            race: None,
            sweeps: faults.mutant != Mutant::NoSweep,
            faults,
            deliveries: 0,
        }
    }

    /// Posts a webhook; the answer's status, or none where the process died.
    pub async fn post(&mut self, webhook: &SignedWebhook) -> Option<u16> {
        let request = WebhookRequest::post(webhook.headers.clone(), webhook.body.clone());
        let answer = self
            .faults
            .drive(order_webhook::handle(&self.webhook, "acme", &request))
            .await;
        let status = answer.map(|answer| answer.status);
        if status.is_none_or(|status| status >= 500) {
            self.unanswered.push(webhook.clone());
        }
        status
    }

    pub async fn topic(&mut self, topic: &str, body: &serde_json::Value) {
        let webhook = self.shop.sign(topic, body);
        self.post(&webhook).await;
    }

    /// Replaces a file and reads all of them again, as a reload does.
    pub async fn configure(&mut self, file: &str, text: &str) {
        self.configuration
            .insert(file.to_owned(), text.as_bytes().to_vec());
        let loaded = load(&self.configuration);
        self.store
            .apply(
                &loaded.catalogue_digest,
                &loaded.catalogue,
                self.clock.now(),
            )
            .await
            .unwrap();
        let doubles = Doubles {
            supplier: &self.supplier,
            elsewhere: &self.elsewhere,
            printful: &self.printful,
            mailer: &self.mailer,
            first: &self.first,
        };
        self.forwarding.purchase_orders.suppliers =
            opened(&loaded.settings, self.registry, &self.ports, &doubles);
        self.settings.replace(loaded.settings);
    }

    /// A new process takes over: what the one before it only had in memory is lost.
    pub fn forget_memory(&mut self) {
        self.forwarding.purchase_orders.trust = Arc::new(Trust::alone());
    }

    /// A new process takes over that is not the only one which forwards, as on AWS.
    pub fn is_one_of_many(&mut self) {
        self.forwarding.purchase_orders.trust = Arc::new(Trust::among_others());
    }

    /// From now on it is one of so many processes that hand over.
    pub fn limit_concurrency(&mut self, processes: usize) -> TestSlots {
        let slots = TestSlots::new(&self.faults);
        let limit = ConcurrencyLimit {
            processes,
            slots: Arc::new(slots.clone()),
            later: Arc::new(slots.clone()),
        };
        self.forwarding.purchase_orders.concurrency = Some(Arc::new(limit));
        self.slots = Some(slots.clone());
        slots
    }

    /// Handles messages until none is visible.
    pub async fn pump(&mut self) {
        while self.pump_one().await.is_some() {}
    }

    /// Handles the next message; whether the process lived on, or none where none is visible.
    async fn pump_one(&mut self) -> Option<bool> {
        let delivery = self.next_delivery().await?;
        let race = self.race.filter(|race| race.delivery == self.deliveries);
        self.deliveries += 1;
        let worked = match race {
            None => self.faults.drive(Box::pin(self.work(&delivery))).await,
            Some(race) => {
                let both = Box::pin(self.work_both(&delivery, &delivery, race));
                self.faults.drive(both).await
            }
        };
        if worked.is_none() {
            self.faults.forget_pauses();
            self.forget_memory();
            self.store.release_leases().await.unwrap();
        }
        Some(worked.is_some())
    }

    async fn work_both(&self, one: &ports::Delivery, other: &ports::Delivery, race: Race) {
        let begun = self.faults.effects();
        let resume_first = self.faults.pause_before(begun + race.first_until);
        let mut first = std::pin::pin!(self.work(one));
        tokio::select! {
            biased;
            // It never came so far: nothing to race against.
            () = &mut first => return self.faults.forget_pauses(),
            () = self.faults.paused() => {}
        }
        // The first worker's pause counted one effect.
        let resume_second = race.second_until.map(|until| {
            self.faults
                .pause_before(begun + race.first_until + 1 + until)
        });
        let mut second = std::pin::pin!(self.work(other));
        let second_stands = tokio::select! {
            biased;
            () = &mut second => false,
            () = self.faults.paused() => true,
        };
        self.faults.forget_pauses();
        resume_first.notify_one();
        first.await;
        if second_stands {
            if let Some(resume) = resume_second {
                resume.notify_one();
            }
            second.await;
        }
    }

    async fn next_delivery(&self) -> Option<ports::Delivery> {
        for queue in QueueName::ALL {
            let received = self
                .ports
                .receive(*queue, 1, self.clock.now(), VISIBILITY)
                .await
                .unwrap();
            if let Some(delivery) = received.into_iter().next() {
                return Some(delivery);
            }
        }
        None
    }

    async fn work(&self, delivery: &ports::Delivery) {
        if self.faults.mutant == Mutant::AcknowledgesFirst {
            self.store.acknowledge(delivery).await.unwrap();
        }
        let done = match serde_json::from_str::<Message>(&delivery.body).unwrap() {
            Message::Routing(RouteOrder { order }) => {
                Box::pin(routing::handle(&self.routing, &order)).await
            }
            Message::Forwarding(ForwardPurchaseOrder {
                order,
                purchase_order,
            }) => {
                Box::pin(forwarding::handle(
                    &self.forwarding,
                    &order,
                    &purchase_order,
                ))
                .await
            }
        };
        if done.is_ok() {
            drop(self.ports.acknowledge(delivery).await);
        } else {
            let at = self.clock.now() + SignedDuration::from_secs(5);
            drop(self.ports.nack(delivery, at).await);
        }
    }

    /// Time passes: the channel repeats what was not answered, the mail service reports, leases end,
    /// the sweep runs.
    pub async fn pass(&mut self, by: SignedDuration) {
        self.clock.advance(by);
        for webhook in std::mem::take(&mut self.unanswered) {
            self.post(&webhook).await;
        }
        for message in self.slots.iter().flat_map(TestSlots::waited) {
            self.store.send(&message).await.unwrap();
        }
        if !self.sweeps {
            return self.pump().await;
        }
        let told = Box::pin(self.mailer.tell(&self.forwarding));
        if self.faults.drive(told).await.is_none() {
            self.store.release_leases().await.unwrap();
        }
        if self
            .faults
            .drive(self.sweep_and_quarantine())
            .await
            .is_none()
        {
            self.store.release_leases().await.unwrap();
        }
        self.pump().await;
    }

    async fn sweep_and_quarantine(&self) {
        drop(Box::pin(exceptions::sweep(&self.exceptions)).await);
        drop(exceptions::quarantine_dead_letters(&self.exceptions, self.ports.as_ref()).await);
    }

    /// The sweep alone, while nobody works on the queues.
    pub async fn sweep(&self) {
        exceptions::sweep(&self.exceptions).await.unwrap();
    }

    /// Every message that waits is gone without having been handled; how many there were.
    pub async fn lose_messages(&self) -> usize {
        let mut lost = 0;
        while let Some(delivery) = self.next_delivery().await {
            self.store.acknowledge(&delivery).await.unwrap();
            lost += 1;
        }
        lost
    }

    /// Handles what waits for routing, and nothing else.
    pub async fn route_only(&self) {
        let received = self
            .ports
            .receive(QueueName::Routing, 100, self.clock.now(), VISIBILITY)
            .await
            .unwrap();
        for delivery in received {
            self.work(&delivery).await;
        }
    }

    /// Two workers route two orders, the first up to an effect of its own, the second to its end,
    /// then the first on.
    pub async fn route_two_at_once(&self, first_until: usize) {
        let received = self
            .ports
            .receive(QueueName::Routing, 2, self.clock.now(), VISIBILITY)
            .await
            .unwrap();
        let [one, other] = received.as_slice() else {
            panic!("two orders wait for routing");
        };
        let race = Race {
            delivery: 0,
            first_until,
            second_until: None,
        };
        self.work_both(one, other, race).await;
    }

    /// Two workers hand over two purchase orders, the first up to an effect of its own, the second to
    /// its end, then the first on. How many were received when the second was at its end; `None` where
    /// the first never came so far.
    pub async fn forward_two_at_once(&self, first_until: usize) -> Option<usize> {
        let received = self
            .ports
            .receive(QueueName::Forwarding, 2, self.clock.now(), VISIBILITY)
            .await
            .unwrap();
        let [one, other] = received.as_slice() else {
            panic!("two purchase orders wait");
        };
        let resume = self
            .faults
            .pause_before(self.faults.effects() + first_until);
        let mut first = std::pin::pin!(self.work(one));
        let stands = tokio::select! {
            biased;
            () = &mut first => false,
            () = self.faults.paused() => true,
        };
        self.faults.forget_pauses();
        self.work(other).await;
        let count = self.received().len();
        if stands {
            resume.notify_one();
            first.await;
        }
        stands.then_some(count)
    }

    /// Long enough for every retry and look-up to have had its turn.
    pub async fn settle(&mut self) {
        self.pump().await;
        for _ in 0..12 {
            self.pass(SignedDuration::from_secs(61)).await;
        }
        for _ in 0..6 {
            self.pass(SignedDuration::from_mins(20)).await;
        }
        // What began at the cut-off of a batch may still have to be repaired.
        for minutes in [2, 2, 5, 20] {
            self.pass(SignedDuration::from_mins(minutes)).await;
        }
    }

    /// How many messages were delivered.
    pub fn delivered(&self) -> usize {
        self.deliveries
    }

    pub async fn orders(&self) -> Vec<(Order, Vec<domain::order::events::Recorded>)> {
        let mut orders = Vec::new();
        let mut ids = self.store.list(None, 1000).await.unwrap().orders;
        ids.sort();
        for id in ids {
            let history = self.store.load(&id).await.unwrap().unwrap();
            if let Ok(order) = history.fold() {
                orders.push((order, history.events));
            }
        }
        orders
    }

    pub async fn order(&self, id: &OrderId) -> Order {
        self.store.load(id).await.unwrap().unwrap().fold().unwrap()
    }

    /// The timeline of every order, and what the suppliers have.
    pub async fn story(&self) -> String {
        let mut lines = Vec::new();
        for (order, history) in self.orders().await {
            lines.push(order.id.to_string());
            let start = history.first().map_or(self.clock.now(), |first| first.at);
            for entry in timeline(&history) {
                let since = entry.at.duration_since(start);
                lines.push(format!("  +{:>5}s  {}", since.as_secs(), entry.text));
            }
            for entry in order.cases(self.clock.now()) {
                lines.push(format!(
                    "  case {:?} {}: {}",
                    entry.kind, entry.cause, entry.detail
                ));
            }
        }
        for (reference, times) in self.received() {
            lines.push(format!("supplier has {reference} x {times}"));
        }
        lines.join("\n")
    }
}
