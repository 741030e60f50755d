//! Everything on one machine: the store, the functions and what drives them.

use anyhow::{Context as _, bail};
use domain::digest::Digest;
use domain::ids::{ChannelId, SupplierId};
use domain::messages::{Message, QueueName};
use domain::order::attention::CaseKind;
use domain::settings::Settings;
use embedded::{DirectoryLock, Embedded, OutboxMailer};
use jiff::SignedDuration;
use ports::{
    Channel, Clock, Deliveries as _, Delivery, Incident, OfferStore as _, OrderStore as _, Secrets,
    StepError, Supplier,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

const IN_FLIGHT: u32 = 32;
const BATCH: usize = 16;
/// Longer than a send may take, so that a message is rarely handled twice at once.
const VISIBILITY: Duration = Duration::from_mins(3);
const GIVE_BACK_FOR: SignedDuration = SignedDuration::from_secs(5);
const IDLE: Duration = Duration::from_millis(100);
const SWEEP_EVERY: Duration = Duration::from_secs(5);
const RELOAD_EVERY: Duration = Duration::from_secs(2);

pub(crate) type Channels = BTreeMap<ChannelId, Box<dyn Channel>>;
pub(crate) type Suppliers = BTreeMap<SupplierId, Box<dyn Supplier>>;

/// The suppliers and channels are those of the start: a reload changes offers, rules, priorities
/// and names, but how a supplier or channel is reached changes only with a restart.
pub(crate) struct Machine {
    pub(crate) store: Embedded,
    pub(crate) webhook: order_webhook::Deps,
    routing: routing::Deps,
    forwarding: forwarding::Deps,
    exceptions: exceptions::Deps,
    clock: Arc<dyn Clock>,
    settings: Arc<RwLock<Arc<Settings>>>,
    config: PathBuf,
    /// Of the files that were read last, good or bad.
    seen: Mutex<Option<Digest>>,
    /// Purchase orders on their way at once, by supplier.
    limits: BTreeMap<SupplierId, Arc<Semaphore>>,
    _lock: DirectoryLock,
}

impl Machine {
    /// Refuses to start with a configuration that is not wholly right.
    pub(crate) async fn open(
        data: &Path,
        config: &Path,
        clock: Arc<dyn Clock>,
        secrets: &dyn Secrets,
    ) -> anyhow::Result<Arc<Self>> {
        let lock = DirectoryLock::acquire(data)?;
        let store = Embedded::open(data)?;
        // Whoever held a lease is gone, for we hold the lock.
        store.release_leases().await?;
        let seen = digest_of(config).ok();
        let loaded = configuration::load_dir(config).map_err(|problems| {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("the configuration is not right\n{}", problems.join("\n"))
        })?;
        let mut problems = Vec::new();
        let channels = open_channels(&loaded.settings, secrets, &mut problems).await?;
        let suppliers = open_suppliers(&loaded.settings, &store, secrets, &mut problems).await?;
        if !problems.is_empty() {
            bail!("the configuration is not right\n{}", problems.join("\n"));
        }
        store
            .apply(&loaded.catalogue_digest, &loaded.catalogue, clock.now())
            .await
            .context("the offers cannot be stored")?;
        let limits = loaded
            .settings
            .suppliers
            .values()
            .map(|supplier| {
                let limit = Arc::new(Semaphore::new(supplier.concurrency.max(1)));
                (supplier.id.clone(), limit)
            })
            .collect();
        let settings = Arc::new(RwLock::new(Arc::new(loaded.settings)));
        let shared = Arc::new(store.clone());
        Ok(Arc::new(Self {
            webhook: order_webhook::Deps {
                orders: shared.clone(),
                queue: shared.clone(),
                files: shared.clone(),
                clock: clock.clone(),
                channels: Arc::new(channels),
                refused: Arc::default(),
            },
            routing: routing::Deps {
                orders: shared.clone(),
                offers: shared.clone(),
                queue: shared.clone(),
                clock: clock.clone(),
                settings: settings.clone(),
            },
            forwarding: forwarding::Deps {
                orders: shared.clone(),
                batches: shared.clone(),
                queue: shared.clone(),
                files: shared.clone(),
                clock: clock.clone(),
                settings: settings.clone(),
                suppliers: Arc::new(suppliers),
            },
            exceptions: exceptions::Deps {
                orders: shared.clone(),
                queue: shared.clone(),
                deliveries: shared.clone(),
                files: shared,
                clock: clock.clone(),
                settings: settings.clone(),
            },
            store,
            clock,
            settings,
            config: config.to_owned(),
            seen: Mutex::new(seen),
            limits,
            _lock: lock,
        }))
    }

    /// Until `shutdown` is true and what was in flight has ended.
    pub(crate) async fn run(self: Arc<Self>, shutdown: watch::Receiver<bool>) {
        let tasks = [
            tokio::spawn(self.clone().work(QueueName::Routing, shutdown.clone())),
            tokio::spawn(self.clone().work(QueueName::Forwarding, shutdown.clone())),
            tokio::spawn(self.clone().sweep_often(shutdown.clone())),
            tokio::spawn(self.reload_often(shutdown)),
        ];
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(error = %error, "a worker ended");
            }
        }
    }

    async fn work(self: Arc<Self>, queue: QueueName, mut shutdown: watch::Receiver<bool>) {
        let slots = Arc::new(Semaphore::new(IN_FLIGHT as usize));
        while !*shutdown.borrow() {
            // At least one slot before anything is leased.
            let Ok(slot) = slots.acquire().await else {
                return;
            };
            let free = (slots.available_permits() + 1).min(BATCH);
            drop(slot);
            let received = self
                .store
                .receive(queue, free, self.clock.now(), VISIBILITY)
                .await
                .unwrap_or_else(|error| {
                    tracing::warn!(queue = queue.as_str(), error = %error, "nothing received");
                    Vec::new()
                });
            if received.is_empty() {
                pause(&mut shutdown, IDLE).await;
            }
            for delivery in received {
                let Ok(slot) = slots.clone().acquire_owned().await else {
                    return;
                };
                tokio::spawn(self.clone().deliver(delivery, slot));
            }
        }
        drop(slots.acquire_many(IN_FLIGHT).await);
    }

    /// A panic fails its own message only, hence a task of its own for the handler.
    async fn deliver(self: Arc<Self>, delivery: Delivery, _slot: OwnedSemaphorePermit) {
        let machine = self.clone();
        let body = delivery.body.clone();
        let handler = tokio::spawn(async move {
            match serde_json::from_str(&body) {
                Ok(message) => machine.handle(&message).await,
                Err(_) => Err(StepError::Stop("the message cannot be read".to_owned())),
            }
        });
        let failed = match handler.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the handler panicked".to_owned()),
        };
        let told = match &failed {
            None => self.store.acknowledge(&delivery).await,
            Some(why) => {
                tracing::warn!(
                    message.id = delivery.id,
                    message.receives = delivery.receives,
                    why,
                    "message given back"
                );
                let at = self.clock.now() + GIVE_BACK_FOR;
                self.store.give_back(&delivery, at).await
            }
        };
        if let Err(error) = told {
            // Its lease ends by itself, and a second delivery is harmless.
            tracing::warn!(message.id = delivery.id, error = %error, "message stays leased");
        }
    }

    async fn handle(&self, message: &Message) -> Result<(), StepError> {
        match message {
            Message::Route { order } => routing::handle(&self.routing, order).await,
            Message::Forward {
                order,
                purchase_order,
            } => {
                // Before the claim: a claim that waits would grow too old to be sent.
                let supplier = match self.store.load(order).await? {
                    Some(history) => history
                        .fold()?
                        .purchase_order(purchase_order)
                        .map(|own| own.supplier.clone()),
                    None => None,
                };
                let limit = supplier.and_then(|supplier| self.limits.get(&supplier));
                let _permit = match limit {
                    Some(limit) => limit.acquire().await.ok(),
                    None => None,
                };
                forwarding::handle(&self.forwarding, order, purchase_order).await
            }
        }
    }

    pub(crate) async fn sweep(&self) {
        if let Err(error) = exceptions::sweep(&self.exceptions).await {
            tracing::warn!(error = %error, "sweep not finished; the next one goes on");
        }
    }

    async fn sweep_often(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        while !*shutdown.borrow() {
            let machine = self.clone();
            if tokio::spawn(async move { machine.sweep().await })
                .await
                .is_err()
            {
                tracing::error!("the sweep panicked");
            }
            pause(&mut shutdown, SWEEP_EVERY).await;
        }
    }

    async fn reload_often(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        while !*shutdown.borrow() {
            if let Err(error) = self.reload().await {
                tracing::warn!(error = %format!("{error:#}"), "configuration not looked at");
            }
            pause(&mut shutdown, RELOAD_EVERY).await;
        }
    }

    /// Takes over files that changed; bad ones become an incident, and the former run on.
    pub(crate) async fn reload(&self) -> anyhow::Result<()> {
        let found = digest_of(&self.config).context("the configuration cannot be read")?;
        if self.last_seen().as_ref() == Some(&found) {
            return Ok(());
        }
        match configuration::load_dir(&self.config) {
            Ok(loaded) => {
                self.store
                    .apply(
                        &loaded.catalogue_digest,
                        &loaded.catalogue,
                        self.clock.now(),
                    )
                    .await?;
                let mut current = self
                    .settings
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                if !same_ways(&current, &loaded.settings) {
                    tracing::warn!("a changed channel or supplier is used only after a restart");
                }
                *current = Arc::new(loaded.settings);
                tracing::info!(configuration = found.short(), "configuration taken over");
            }
            Err(problems) => {
                let detail: Vec<_> = problems.iter().map(ToString::to_string).collect();
                let incident = Incident {
                    kind: CaseKind::RefusedConfiguration,
                    cause: found.to_string(),
                    detail: detail.join("\n"),
                    opened_at: self.clock.now(),
                };
                self.store.open_incident(&incident).await?;
                tracing::error!(detail = %incident.detail, "configuration refused, the former runs on");
            }
        }
        // Only now: what failed on our side is tried again.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }

    fn last_seen(&self) -> Option<Digest> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Whether every channel and supplier is reached as before.
fn same_ways(before: &Settings, after: &Settings) -> bool {
    let ways = |settings: &Settings| {
        let channels: Vec<_> = settings
            .channels
            .values()
            .map(|known| {
                (
                    known.id.to_string(),
                    known.kind.clone(),
                    known.specific.clone(),
                )
            })
            .collect();
        let suppliers: Vec<_> = settings
            .suppliers
            .values()
            .map(|known| {
                (
                    known.id.to_string(),
                    known.method.clone(),
                    known.specific.clone(),
                )
            })
            .collect();
        (channels, suppliers)
    };
    ways(before) == ways(after)
}

async fn pause(shutdown: &mut watch::Receiver<bool>, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        // Without a sender nobody can ask to stop any more; the time is waited out then.
        changed = shutdown.changed() => if changed.is_err() {
            tokio::time::sleep(time).await;
        },
    }
}

fn digest_of(dir: &Path) -> std::io::Result<Digest> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let ours = path
            .extension()
            .is_some_and(|ending| ending == "toml" || ending == "csv");
        if ours && path.is_file() {
            files.insert(
                path.display().to_string(),
                Digest::of(&std::fs::read(&path)?),
            );
        }
    }
    Ok(Digest::of_value(&files))
}

pub(crate) async fn open_channels(
    settings: &Settings,
    secrets: &dyn Secrets,
    problems: &mut Vec<String>,
) -> anyhow::Result<Channels> {
    let mut channels = Channels::new();
    for channel in settings.channels.values() {
        let Some(entry) = channels::entry(&channel.kind) else {
            problems.push(format!(
                "channel {}: kind {:?} is unknown",
                channel.id, channel.kind
            ));
            continue;
        };
        let mut values = Vec::new();
        for name in &channel.secrets {
            match secrets.get(name).await? {
                Some(secret) => values.push(secret),
                None => problems.push(format!("channel {}: secret {name} is not set", channel.id)),
            }
        }
        match (entry.open)(channel, values) {
            Ok(open) => {
                channels.insert(channel.id.clone(), open);
            }
            Err(error) => problems.push(format!("channel {}: {error}", channel.id)),
        }
    }
    Ok(channels)
}

pub(crate) async fn open_suppliers(
    settings: &Settings,
    store: &Embedded,
    secrets: &dyn Secrets,
    problems: &mut Vec<String>,
) -> anyhow::Result<Suppliers> {
    let mut suppliers = Suppliers::new();
    let files = Arc::new(store.clone());
    for supplier in settings.suppliers.values() {
        let Some(entry) = suppliers::entry(&supplier.method) else {
            problems.push(format!(
                "supplier {}: method {:?} is unknown",
                supplier.id, supplier.method
            ));
            continue;
        };
        let mut values = BTreeMap::new();
        for name in (entry.secrets)(&supplier.specific) {
            match secrets.get(&name).await? {
                Some(secret) => {
                    values.insert(name, secret);
                }
                None => problems.push(format!(
                    "supplier {}: secret {name} is not set",
                    supplier.id
                )),
            }
        }
        let http = http_client::Client::new(
            (entry.hosts)(&supplier.specific),
            suppliers::allow_private(&supplier.specific),
        )?;
        let opening = suppliers::Opening {
            settings: supplier,
            http: Arc::new(http),
            files: files.clone(),
            mailer: Arc::new(OutboxMailer {
                files: files.clone(),
            }),
            secrets: values,
        };
        match (entry.open)(opening) {
            Ok(open) => {
                suppliers.insert(supplier.id.clone(), open);
            }
            Err(error) => problems.push(format!("supplier {}: {error}", supplier.id)),
        }
    }
    Ok(suppliers)
}
