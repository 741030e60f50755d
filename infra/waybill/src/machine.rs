//! Everything on one machine: the store, the functions and what drives them.

mod configuration;
pub(crate) mod connectors;
mod damage;
mod work;

use crate::installation::opened_to_serve;
use ::connectors::folder::FolderBundles;
use ::connectors::running::{Company, Running, Source};
use configuration::Everything;
use connectors::Connectors;
use domain::messages::QueueName;
use embedded::{DirectoryLock, Embedded, FileGroup};
use execution::Execution;
use execution::purchase_orders::{PurchaseOrders, Trust};
use ports::{Clock, Secrets};
use registry::Registry;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const SWEEP_EVERY: Duration = Duration::from_secs(5);
const RELOAD_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct Machine {
    pub(crate) store: Embedded,
    /// Signatures refused, which are counted on over a reload.
    refused: Arc<order_webhook::Refused>,
    trust: Arc<Trust>,
    routing: routing::Deps,
    exceptions: exceptions::Deps,
    clock: Arc<dyn Clock>,
    running: Running<Everything>,
    folder: Arc<FolderBundles>,
    _lock: DirectoryLock,
}

impl Machine {
    /// Refuses, inside, a configuration that is not wholly right. `restored`: the data is what a copy
    /// held.
    pub(crate) async fn open(
        data: &Path,
        config: &Path,
        registry: Registry,
        clock: Arc<dyn Clock>,
        secrets: Arc<dyn Secrets>,
        restored: bool,
    ) -> anyhow::Result<Result<Arc<Self>, Vec<String>>> {
        let lock = DirectoryLock::acquire(data)?;
        if !restored && embedded::is_of_older_form(data) {
            // An older version must still be able to go on where this one cannot start.
            let problems = configuration::problems(config, registry, &clock, &secrets).await?;
            if !problems.is_empty() {
                return Ok(Err(problems));
            }
        }
        let store = if restored {
            Embedded::open_restored(data, clock.now())?
        } else {
            opened_to_serve(data, &lock)?
        };
        // Whoever held a lease is gone, for we hold the lock.
        store.release_leases().await?;
        let shared = Arc::new(store.clone());
        let everything = Everything {
            registry,
            store: store.clone(),
            data: data.to_owned(),
            clock: clock.clone(),
            secrets,
        };
        let folder = Arc::new(FolderBundles::new(config));
        let source = Source {
            bundles: folder.clone(),
            incidents: shared.clone(),
            clock: clock.clone(),
            company: Company::Alone,
        };
        let running = match Running::start_attended(everything, source).await? {
            Ok(running) => running,
            Err(refused) => return Ok(Err(refused.problems)),
        };
        let settings = running.settings.clone();
        let machine = Self {
            refused: Arc::default(),
            trust: Arc::new(Trust::alone()),
            routing: routing::Deps {
                orders: shared.clone(),
                index: shared.clone(),
                offers: shared.clone(),
                queue: shared.clone(),
                clock: clock.clone(),
                settings: settings.clone(),
            },
            exceptions: exceptions::Deps {
                orders: shared.clone(),
                index: shared.clone(),
                incidents: shared.clone(),
                queue: shared.clone(),
                files: shared,
                clock: clock.clone(),
                settings,
                memory: Arc::default(),
                others_follow_within: jiff::SignedDuration::ZERO,
            },
            store,
            clock,
            running,
            folder,
            _lock: lock,
        };
        machine.running.close_refusals().await?;
        machine.store.begin_serving().await?;
        Ok(Ok(Arc::new(machine)))
    }

    fn connectors(&self) -> Connectors {
        self.running.opened().connectors.clone()
    }

    /// What the webhook needs, with the channels of the configuration in place.
    pub(crate) fn webhook(&self) -> order_webhook::Deps {
        let shared = Arc::new(self.store.clone());
        order_webhook::Deps {
            orders: shared.clone(),
            incidents: shared.clone(),
            queue: shared.clone(),
            files: shared,
            clock: self.clock.clone(),
            channels: self.connectors().channels,
            refused: self.refused.clone(),
        }
    }

    fn forwarding(&self, connectors: &Connectors) -> forwarding::Deps {
        let shared = Arc::new(self.store.clone());
        forwarding::Deps {
            queue: shared.clone(),
            purchase_orders: PurchaseOrders {
                execution: Execution {
                    orders: shared.clone(),
                    files: shared.clone(),
                    clock: self.clock.clone(),
                },
                index: shared.clone(),
                incidents: shared.clone(),
                batches: shared.clone(),
                refusals: shared,
                settings: self.running.settings.clone(),
                suppliers: connectors.suppliers.clone(),
                // Messages wait in lanes here.
                concurrency: None,
                trust: self.trust.clone(),
            },
        }
    }

    /// Until `shutdown` is true and what was in flight has ended.
    pub(crate) async fn run(self: Arc<Self>, shutdown: watch::Receiver<bool>) {
        let machine = self.clone();
        let workers = QueueName::ALL
            .iter()
            .map(|queue| tokio::spawn(self.clone().work(*queue, shutdown.clone())));
        let mut tasks: Vec<_> = workers.collect();
        tasks.extend([
            tokio::spawn(self.clone().sweep_often(shutdown.clone())),
            tokio::spawn(self.clone().look_often(shutdown.clone())),
            tokio::spawn(self.follow_files(shutdown)),
        ]);
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(error = %error, "a worker ended");
            }
        }
        if let Err(error) = machine.store.end_serving().await {
            tracing::error!(error = %error, "the database may have to be opened with its log");
        }
    }

    pub(crate) async fn sweep(&self) {
        if let Err(error) = exceptions::sweep(&self.exceptions).await {
            tracing::warn!(error = %error, "sweep not finished; the next one goes on");
        }
        if let Err(error) = exceptions::quarantine_dead_letters(&self.exceptions, &self.store).await
        {
            tracing::warn!(error = %error, "dead letters stay until the next sweep");
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

/// Lets nobody but the owner and the group into the data folder, and says what was open.
fn restrict(store: &Embedded, data: &Path, group: Option<FileGroup>) {
    let restricted = store.restrict(data, group);
    if let Some(example) = &restricted.example {
        let (changed, example) = (restricted.changed, example.display());
        tracing::warn!(changed, %example, "others could read files in the data folder, and cannot any more");
    }
    if let Some(example) = restricted.failed.first() {
        let (files, example) = (restricted.failed.len(), example.display());
        tracing::warn!(files, %example, "files in the data folder belong to another user, and stay as open as they are");
    }
}

/// Shorter where `shutdown` becomes true meanwhile.
pub(crate) async fn pause(shutdown: &mut watch::Receiver<bool>, time: Duration) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        // Without a sender nobody can ask to stop any more; the time is waited out then.
        changed = shutdown.changed() => if changed.is_err() {
            tokio::time::sleep(time).await;
        },
    }
}
