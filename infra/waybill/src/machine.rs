//! Everything on one machine: the store, the functions and what drives them.

mod reload;
pub(crate) mod ways;

use anyhow::Context as _;
use domain::digest::Digest;
use domain::messages::{Message, QueueName};
use domain::settings::Settings;
use embedded::{DirectoryLock, Embedded};
use jiff::SignedDuration;
use ports::{
    Clock, Deliveries as _, Delivery, OfferStore as _, OrderStore as _, Secrets, StepError,
};
use reload::digest_of;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use ways::Ways;

const IN_FLIGHT: u32 = 32;
const BATCH: usize = 16;
/// Longer than a send may take, so that a message is rarely handled twice at once.
const VISIBILITY: Duration = Duration::from_mins(3);
const GIVE_BACK_FOR: SignedDuration = SignedDuration::from_secs(5);
const IDLE: Duration = Duration::from_millis(100);
const SWEEP_EVERY: Duration = Duration::from_secs(5);
const RELOAD_EVERY: Duration = Duration::from_secs(2);

pub(crate) struct Machine {
    pub(crate) store: Embedded,
    /// Signatures refused, which are counted on over a reload.
    refused: Arc<order_webhook::Refused>,
    routing: routing::Deps,
    exceptions: exceptions::Deps,
    clock: Arc<dyn Clock>,
    secrets: Arc<dyn Secrets>,
    settings: Arc<RwLock<Arc<Settings>>>,
    ways: RwLock<Ways>,
    config: PathBuf,
    /// Of the files that were read last, good or bad.
    seen: Mutex<Option<Digest>>,
    _lock: DirectoryLock,
}

impl Machine {
    /// Refuses, inside, a configuration that is not wholly right.
    pub(crate) async fn open(
        data: &Path,
        config: &Path,
        clock: Arc<dyn Clock>,
        secrets: Arc<dyn Secrets>,
    ) -> anyhow::Result<Result<Arc<Self>, Vec<String>>> {
        let lock = DirectoryLock::acquire(data)?;
        let store = Embedded::open(data)?;
        // Whoever held a lease is gone, for we hold the lock.
        store.release_leases().await?;
        let seen = digest_of(config);
        let loaded = match configuration::load_dir(config) {
            Ok(loaded) => loaded,
            Err(problems) => return Ok(Err(problems.iter().map(ToString::to_string).collect())),
        };
        let mut problems = Vec::new();
        let ways = Ways::of(
            &loaded,
            &store,
            secrets.as_ref(),
            clock.clone(),
            &mut problems,
        );
        let ways = ways.await?;
        if !problems.is_empty() {
            return Ok(Err(problems));
        }
        store
            .apply(&loaded.catalogue_digest, &loaded.catalogue, clock.now())
            .await
            .context("the offers cannot be stored")?;
        let settings = Arc::new(RwLock::new(Arc::new(loaded.settings)));
        let shared = Arc::new(store.clone());
        let machine = Self {
            refused: Arc::default(),
            routing: routing::Deps {
                orders: shared.clone(),
                offers: shared.clone(),
                queue: shared.clone(),
                clock: clock.clone(),
                settings: settings.clone(),
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
            secrets,
            settings,
            ways: RwLock::new(ways),
            config: config.to_owned(),
            seen: Mutex::new(Some(seen)),
            _lock: lock,
        };
        machine.close_refusals("started with good files").await?;
        Ok(Ok(Arc::new(machine)))
    }

    fn ways(&self) -> Ways {
        self.ways
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What the webhook needs, with the channels of the configuration in place.
    pub(crate) fn webhook(&self) -> order_webhook::Deps {
        let shared = Arc::new(self.store.clone());
        order_webhook::Deps {
            orders: shared.clone(),
            queue: shared.clone(),
            files: shared,
            clock: self.clock.clone(),
            channels: self.ways().channels,
            refused: self.refused.clone(),
        }
    }

    fn forwarding(&self, ways: &Ways) -> forwarding::Deps {
        let shared = Arc::new(self.store.clone());
        forwarding::Deps {
            batches: Arc::new(self.store.clone()),
            queue: Arc::new(self.store.clone()),
            orders: shared.clone(),
            files: shared,
            clock: self.clock.clone(),
            settings: self.settings.clone(),
            suppliers: ways.suppliers.clone(),
        }
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
                let ways = self.ways();
                let limit = supplier.and_then(|supplier| ways.limit(&supplier));
                let _permit = match limit {
                    Some(limit) => limit.acquire().await.ok(),
                    None => None,
                };
                forwarding::handle(&self.forwarding(&ways), order, purchase_order).await
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
