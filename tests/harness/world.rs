//! One merchant's whole system on one thread.

use crate::faults::{Faults, Faulty, FaultyHttp, Mutant};
use crate::mail::{FaultyMailer, MailService};
use configuration::Configuration;
use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::{OrderId, SupplierId};
use domain::messages::{Message, QueueName};
use domain::order::attention::CaseKind;
use domain::order::decide::Command;
use domain::order::machine::SendState;
use domain::order::{AddressEdit, Order};
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::settings::Settings;
use domain::timeline::timeline;
use doubles::exchange::InProcess;
use doubles::printful::Printful;
use doubles::shop::{Shop, SignedWebhook};
use doubles::supplier::SupplierDouble;
use embedded::{Embedded, OutboxMailer};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Clock, Deliveries as _, OfferStore as _, OrderStore as _, Queue as _, Supplier, WebhookRequest,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

/// Time moved by hand.
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<Timestamp>>);

impl TestClock {
    pub fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

#[async_trait::async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

pub struct World {
    pub store: Embedded,
    pub ports: Arc<Faulty>,
    pub clock: TestClock,
    pub supplier: SupplierDouble,
    pub printful: Printful,
    pub mail: MailService,
    mailer: FaultyMailer,
    pub shop: Shop,
    pub configuration: BTreeMap<String, Vec<u8>>,
    pub faults: Faults,
    settings: Arc<RwLock<Arc<Settings>>>,
    webhook: order_webhook::Deps,
    routing: routing::Deps,
    forwarding: forwarding::Deps,
    exceptions: exceptions::Deps,
    /// Webhooks that were not answered 2xx: the channel sends them again.
    unanswered: Vec<SignedWebhook>,
    pub folder: tempfile::TempDir,
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

const SECRET: &str = "a webhook secret for tests";
const VISIBILITY: Duration = Duration::from_mins(3);

/// A shop, a supplier for each method, one that takes batches, and one of the presets.
pub fn configuration() -> BTreeMap<String, Vec<u8>> {
    let suppliers = [
        include_str!("configuration/suppliers.toml"),
        include_str!("../../infra/config/presets/printful.toml"),
    ];
    let files = [
        (
            "channels.toml",
            include_str!("configuration/channels.toml").to_owned(),
        ),
        ("suppliers.toml", suppliers.join("\n")),
        (
            "offers.csv",
            include_str!("configuration/offers.csv").to_owned(),
        ),
    ];
    files
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.into_bytes()))
        .collect()
}

impl World {
    pub async fn new(faults: Faults) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::in_memory(&folder.path().join("outbox")).unwrap();
        let clock = TestClock(Arc::new(Mutex::new(
            "2026-11-23T10:00:00Z".parse().unwrap(),
        )));
        let supplier = SupplierDouble::default();
        let printful = Printful::default();
        let mailer = FaultyMailer {
            service: MailService::default(),
            faults: faults.clone(),
            listener: Arc::default(),
        };
        let files = configuration();
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
        let settings = Arc::new(RwLock::new(Arc::new(loaded.settings)));
        let secret = || secrecy::SecretString::from(SECRET.to_owned());
        let current = settings.read().unwrap().clone();
        let channels = current.channels.values().map(|channel| {
            let entry = channels::entry(&channel.kind).unwrap();
            (
                channel.id.clone(),
                (entry.open)(channel, vec![secret()]).unwrap(),
            )
        });
        let webhook = order_webhook::Deps {
            orders: ports.clone(),
            queue: ports.clone(),
            files: ports.clone(),
            clock: Arc::new(clock.clone()),
            channels: Arc::new(channels.collect()),
            refused: Arc::default(),
        };
        let suppliers = opened(&current, &ports, &supplier, &printful, &mailer);
        let forwarding = forwarding::Deps {
            orders: ports.clone(),
            batches: ports.clone(),
            queue: ports.clone(),
            files: ports.clone(),
            clock: Arc::new(clock.clone()),
            settings: settings.clone(),
            suppliers,
        };
        // Whoever hears a report sends nothing.
        let listener = forwarding::Deps {
            suppliers: Arc::default(),
            ..forwarding.clone()
        };
        drop(mailer.listener.set(listener));
        let routing = routing::Deps {
            orders: ports.clone(),
            offers: ports.clone(),
            queue: ports.clone(),
            clock: Arc::new(clock.clone()),
            settings: settings.clone(),
        };
        let exceptions = exceptions::Deps {
            orders: ports.clone(),
            queue: ports.clone(),
            files: ports.clone(),
            clock: Arc::new(clock.clone()),
            settings: settings.clone(),
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
            printful,
            mail: mailer.service.clone(),
            mailer,
            shop,
            configuration: files,
            settings,
            webhook,
            routing,
            forwarding,
            exceptions,
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
        let request = WebhookRequest {
            headers: webhook.headers.clone(),
            body: webhook.body.clone(),
        };
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
        self.forwarding.suppliers = opened(
            &loaded.settings,
            &self.ports,
            &self.supplier,
            &self.printful,
            &self.mailer,
        );
        *self.settings.write().unwrap() = Arc::new(loaded.settings);
    }

    /// A person decides the same of every order of which it is possible.
    pub async fn decides(&mut self, decision: fn(&Order) -> Option<Command>) {
        for (order, _) in self.orders().await {
            let now = self.clock.now();
            let Some(Ok(events)) = decision(&order).map(|command| order.decide(command, now))
            else {
                continue;
            };
            if !events.is_empty() {
                let (commit, after) = Commit::new(&order, events, now).unwrap();
                self.store.commit(commit).await.unwrap();
                self.wake(&after).await;
            }
        }
    }

    /// A person corrects the postal code of every order.
    pub async fn corrects(&mut self, zip: &str) {
        for (order, _) in self.orders().await {
            let (number, _) = order.payload.clone().unwrap();
            let mut payload = self
                .store
                .payload(&order.id, number)
                .await
                .unwrap()
                .unwrap();
            let mut address = payload.ship_to.reveal().clone();
            zip.clone_into(&mut address.zip);
            let edit = AddressEdit {
                replaces: payload.address_digest(),
                destination: address.destination(true),
                address: Digest::of_value(&address),
            };
            payload.ship_to = Personal::new(address);
            let command = Command::EditAddress {
                edit,
                who: "Ada".to_owned(),
                why: "the customer called".to_owned(),
            };
            let now = self.clock.now();
            let events = order.decide(command, now).unwrap();
            let (mut commit, after) = Commit::new(&order, events, now).unwrap();
            commit.payload = Some((order.payloads + 1, payload));
            self.store.commit(commit).await.unwrap();
            self.wake(&after).await;
        }
    }

    async fn wake(&self, order: &Order) {
        for message in domain::exceptions::wake(order, self.clock.now()) {
            self.store.send(&message).await.unwrap();
        }
    }

    /// Handles messages until none is visible.
    pub async fn pump(&mut self) {
        while let Some(delivery) = self.next_delivery().await {
            let race = self.race.filter(|race| race.delivery == self.deliveries);
            self.deliveries += 1;
            let worked = match race {
                None => self.faults.drive(self.work(&delivery)).await,
                Some(race) => {
                    let both = self.work_both(&delivery, &delivery, race);
                    self.faults.drive(both).await
                }
            };
            if worked.is_none() {
                self.faults.forget_pauses();
                self.store.release_leases().await.unwrap();
            }
        }
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
        for queue in [QueueName::Routing, QueueName::Forwarding] {
            let received = self
                .ports
                .receive(queue, 1, self.clock.now(), VISIBILITY)
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
            Message::Route { order } => routing::handle(&self.routing, &order).await,
            Message::Forward {
                order,
                purchase_order,
            } => {
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
            drop(self.ports.give_back(delivery, at).await);
        }
    }

    /// Time passes: the channel repeats what was not answered, the mail service reports, leases end,
    /// the sweep runs.
    pub async fn pass(&mut self, by: SignedDuration) {
        self.clock.advance(by);
        for webhook in std::mem::take(&mut self.unanswered) {
            self.post(&webhook).await;
        }
        if !self.sweeps {
            return self.pump().await;
        }
        let told = self.mailer.tell(&self.forwarding);
        if self.faults.drive(told).await.is_none() {
            self.store.release_leases().await.unwrap();
        }
        if self.faults.drive(self.sweep_and_bury()).await.is_none() {
            self.store.release_leases().await.unwrap();
        }
        self.pump().await;
    }

    async fn sweep_and_bury(&self) {
        drop(exceptions::sweep(&self.exceptions).await);
        drop(exceptions::bury_all(&self.exceptions, self.ports.as_ref()).await);
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

    pub async fn orders(&self) -> Vec<(Order, Vec<domain::order::event::Recorded>)> {
        let mut orders = Vec::new();
        for id in self.store.list(None, 1000).await.unwrap().orders {
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
            for entry in order.attention(self.clock.now()) {
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

    /// Every purchase order that any supplier has, by its own count.
    pub fn received(&self) -> BTreeMap<String, usize> {
        let mut received = self.supplier.taken();
        received.extend(self.mail.delivered());
        for request in self.printful.requests() {
            let number = request.json()["external_id"].as_str().map(str::to_owned);
            if let Some(number) = number
                && let Some((_, bought @ 1..)) = self.printful.order(&number)
            {
                received.insert(number, bought as usize);
            }
        }
        let mut folders = vec![self.folder.path().join("outbox")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                let hidden = entry.file_name().to_string_lossy().starts_with('.');
                if path.is_dir() && !hidden {
                    folders.push(path);
                } else if path
                    .extension()
                    .is_some_and(|ending| ending == "csv" || ending == "eml")
                {
                    for number in numbers_in(&path) {
                        *received.entry(number).or_default() += 1;
                    }
                }
            }
        }
        received
    }

    /// Every invariant, and that nothing stays where nothing would move it; empty when all holds.
    pub async fn broken(&self) -> Vec<String> {
        let received = self.received();
        let mut broken: Vec<String> = received
            .iter()
            .filter(|(_, times)| **times > 1)
            .map(|(number, times)| format!("nothing doubled: {number} x {times}"))
            .collect();
        for id in self.store.list(None, 1000).await.unwrap().orders {
            if let Err(error) = self.store.load(&id).await.unwrap().unwrap().fold() {
                broken.push(format!("state is the fold: {error}"));
            }
        }
        let mut reserved = BTreeMap::new();
        let mut sent = BTreeSet::new();
        for (order, history) in self.orders().await {
            broken.extend(
                domain::invariants::broken(&order, &history)
                    .into_iter()
                    .map(|why| format!("{}: {why}", order.id)),
            );
            if order.needs_routing.is_some() {
                broken.push(format!("{} still waits for routing", order.id));
            }
            for own in &order.purchase_orders {
                if matches!(own.sending.state, SendState::Sent { .. }) {
                    sent.insert(own.number.clone());
                }
                let has = received.contains_key(own.number.as_str());
                match &own.sending.state {
                    SendState::Sent { .. } if !has => broken.push(format!(
                        "nothing lost: {} is sent and not there",
                        own.number
                    )),
                    SendState::Voided { .. } | SendState::Rejected { .. } if has => {
                        broken.push(format!(
                            "{} is there and {}",
                            own.number,
                            own.sending.state.name()
                        ));
                    }
                    SendState::SendStarted { .. } => {
                        broken.push(format!("{} is stuck in sending", own.number));
                    }
                    SendState::BetweenSteps { .. }
                        if !self.is_case(&order, own.number.as_str()) =>
                    {
                        broken.push(format!("{} is between steps and no case", own.number));
                    }
                    // The webhook came so late that it goes with the next batch.
                    SendState::Planned { .. }
                        if own
                            .cut_off
                            .is_some_and(|cut_off| cut_off > self.clock.now()) => {}
                    SendState::Planned { .. } if !self.is_case(&order, own.number.as_str()) => {
                        broken.push(format!("{} is planned and no case", own.number));
                    }
                    SendState::InDoubt { .. } if !self.is_case(&order, own.number.as_str()) => {
                        broken.push(format!("{} is in doubt and no case", own.number));
                    }
                    SendState::Sent { .. }
                    | SendState::Voided { .. }
                    | SendState::Rejected { .. }
                    | SendState::Planned { .. }
                    | SendState::BetweenSteps { .. }
                    | SendState::InDoubt { .. } => {}
                }
                for line in own
                    .lines
                    .iter()
                    .filter(|line| line.reserved && own.holds_reservation())
                {
                    *reserved
                        .entry((own.number.clone(), line.supplier_sku.clone()))
                        .or_insert(0) += own.remaining(line);
                }
            }
        }
        let rows: BTreeMap<_, _> = self
            .store
            .reservations()
            .await
            .unwrap()
            .into_iter()
            .map(|row| ((row.purchase_order, row.supplier_sku), row.quantity))
            .collect();
        // A newer feed accounts for what was sent before it, and drops that reservation.
        let settled = |number: &PurchaseOrderNumber| sent.contains(number);
        let missing = reserved
            .iter()
            .any(|(key, quantity)| rows.get(key) != Some(quantity) && !settled(&key.0));
        if missing
            || rows
                .iter()
                .any(|(key, quantity)| reserved.get(key) != Some(quantity))
        {
            broken.push(format!(
                "stock adds up: reserved {rows:?}, live purchase orders want {reserved:?}"
            ));
        }
        let orders: Vec<Order> = self
            .orders()
            .await
            .into_iter()
            .map(|(order, _)| order)
            .collect();
        let spending = self.store.spending().await.unwrap();
        broken.extend(
            domain::spending::broken(&orders, &spending)
                .into_iter()
                .map(|why| format!("spending adds up: {why}")),
        );
        broken.extend(past_the_limit(&orders));
        for (supplier, sku, stock) in self.store.stock().await.unwrap() {
            let held: i64 = self
                .store
                .reservations()
                .await
                .unwrap()
                .iter()
                .filter(|row| row.supplier == supplier && row.supplier_sku == sku)
                .map(|row| i64::from(row.quantity))
                .sum();
            if stock.available + held != i64::from(stock.stock) {
                broken.push(format!(
                    "stock adds up: {supplier} {sku}: {} + {held} is not {}",
                    stock.available, stock.stock
                ));
            }
        }
        broken
    }

    fn is_case(&self, order: &Order, number: &str) -> bool {
        order.attention(self.clock.now()).iter().any(|entry| {
            entry
                .purchase_order
                .as_ref()
                .is_some_and(|own| own.as_str() == number)
                && entry.kind != CaseKind::Stuck
        })
    }
}

type Suppliers = Arc<BTreeMap<SupplierId, Box<dyn Supplier>>>;

/// Every supplier as the settings have it, over the ports with their faults.
fn opened(
    settings: &Settings,
    ports: &Arc<Faulty>,
    supplier: &SupplierDouble,
    printful: &Printful,
    mailer: &FaultyMailer,
) -> Suppliers {
    let secret = || secrecy::SecretString::from(SECRET.to_owned());
    let suppliers = settings.suppliers.values().map(|supplier_settings| {
        let entry = suppliers::entry(&supplier_settings.method).unwrap();
        let opening = suppliers::Opening {
            settings: supplier_settings,
            http: if supplier_settings.id.as_str() == "printful" {
                Arc::new(FaultyHttp {
                    inner: InProcess(printful.clone()),
                    faults: ports.faults.clone(),
                })
            } else {
                Arc::new(FaultyHttp {
                    inner: supplier.clone(),
                    faults: ports.faults.clone(),
                })
            },
            files: ports.clone(),
            mailer: if supplier_settings.id.as_str() == "bayside" {
                Arc::new(mailer.clone())
            } else {
                Arc::new(OutboxMailer {
                    files: ports.clone(),
                })
            },
            secrets: (entry.secrets)(&supplier_settings.specific)
                .into_iter()
                .map(|name| (name, secret()))
                .collect(),
        };
        (supplier_settings.id.clone(), (entry.open)(opening).unwrap())
    });
    Arc::new(suppliers.collect())
}

/// Days on which purchase orders that nobody released come to more than the limit they were planned
/// with.
fn past_the_limit(orders: &[Order]) -> Vec<String> {
    let mut days: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for own in orders.iter().flat_map(|order| &order.purchase_orders) {
        if let Some(spending) = &own.spending
            && let Some(limit) = spending.limit
        {
            let day = days.entry((&own.supplier, spending.day)).or_default();
            day.0 += domain::spending::spent(own);
            day.1 = day.1.max(limit);
        }
    }
    days.iter()
        .filter(|(_, (spent, limit))| spent > limit)
        .map(|((supplier, day), (spent, limit))| {
            format!("spend limit: {supplier} on {day}: {spent} of {limit}")
        })
        .collect()
}

/// A file's own name, or the first cells of the rows of a batch.
fn numbers_in(path: &Path) -> BTreeSet<String> {
    if path.parent().is_some_and(|folder| folder.ends_with("quay")) {
        let text = std::fs::read_to_string(path).unwrap();
        let cells = text.lines().skip(1).filter_map(|row| row.split(',').next());
        cells.map(str::to_owned).collect()
    } else {
        [path.file_stem().unwrap().to_string_lossy().into_owned()].into()
    }
}

fn load(files: &BTreeMap<String, Vec<u8>>) -> Configuration {
    configuration::load(files).unwrap_or_else(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", problems.join("\n"))
    })
}
