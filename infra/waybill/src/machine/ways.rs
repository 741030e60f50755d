//! How channels and suppliers are reached, as the configuration says.

use domain::ids::{ChannelId, SupplierId};
use domain::settings::Settings;
use embedded::{Embedded, OutboxMailer};
use ports::{Channel, Secrets, Supplier};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Semaphore;

type Channels = BTreeMap<ChannelId, Box<dyn Channel>>;
type Suppliers = BTreeMap<SupplierId, Box<dyn Supplier>>;

/// Taken over as a whole, so that a step sees the ways of one configuration.
#[derive(Clone)]
pub(crate) struct Ways {
    pub(crate) channels: Arc<Channels>,
    pub(crate) suppliers: Arc<Suppliers>,
    /// Purchase orders on their way at once, by supplier.
    limits: Arc<BTreeMap<SupplierId, Limit>>,
}

#[derive(Clone)]
struct Limit {
    concurrency: usize,
    permits: Arc<Semaphore>,
}

impl Limit {
    fn new(concurrency: usize) -> Self {
        let permits = Arc::new(Semaphore::new(concurrency.max(1)));
        Self {
            concurrency,
            permits,
        }
    }
}

impl Ways {
    /// Usable only where `problems` stayed empty.
    pub(crate) async fn open(
        settings: &Settings,
        store: &Embedded,
        secrets: &dyn Secrets,
        problems: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let limits = settings.suppliers.values();
        let limits = limits.map(|known| (known.id.clone(), Limit::new(known.concurrency)));
        Ok(Self {
            channels: Arc::new(open_channels(settings, secrets, problems).await?),
            suppliers: Arc::new(open_suppliers(settings, store, secrets, problems).await?),
            limits: Arc::new(limits.collect()),
        })
    }

    /// What is on its way by the former ways counts on where the limit is the same.
    pub(super) fn keeping_limits_of(mut self, former: &Self) -> Self {
        let limits = self.limits.iter().map(|(id, limit)| {
            let same = former.limits.get(id);
            let same = same.filter(|same| same.concurrency == limit.concurrency);
            (id.clone(), same.unwrap_or(limit).clone())
        });
        self.limits = Arc::new(limits.collect());
        self
    }

    pub(super) fn limits(&self) -> BTreeMap<String, Arc<Semaphore>> {
        let limits = self.limits.iter();
        limits
            .map(|(id, limit)| (id.to_string(), limit.permits.clone()))
            .collect()
    }
}

/// Names of all secrets that the configuration mentions.
pub(crate) fn named(settings: &Settings) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for channel in settings.channels.values() {
        names.extend(channel.secrets.iter().cloned());
    }
    for supplier in settings.suppliers.values() {
        if let Some(entry) = suppliers::entry(&supplier.method) {
            names.extend((entry.secrets)(&supplier.specific));
        }
    }
    names
}

async fn open_channels(
    settings: &Settings,
    secrets: &dyn Secrets,
    problems: &mut Vec<String>,
) -> anyhow::Result<Channels> {
    let kinds: Vec<_> = channels::CHANNELS.iter().map(|known| known.kind).collect();
    let mut channels = Channels::new();
    for channel in settings.channels.values() {
        let Some(entry) = channels::entry(&channel.kind) else {
            problems.push(format!(
                "channels.toml: channel {}: kind {:?} is unknown; expected one of {}",
                channel.id,
                channel.kind,
                kinds.join(", ")
            ));
            continue;
        };
        let mut values = Vec::new();
        for name in &channel.secrets {
            match secrets.get(name).await? {
                Some(secret) => values.push(secret),
                None => problems.push(format!(
                    "channels.toml: channel {}: the secret {name} is not set",
                    channel.id
                )),
            }
        }
        match (entry.open)(channel, values) {
            Ok(open) => {
                channels.insert(channel.id.clone(), open);
            }
            Err(error) => problems.push(format!("channels.toml: channel {}: {error}", channel.id)),
        }
    }
    Ok(channels)
}

async fn open_suppliers(
    settings: &Settings,
    store: &Embedded,
    secrets: &dyn Secrets,
    problems: &mut Vec<String>,
) -> anyhow::Result<Suppliers> {
    let methods: Vec<_> = suppliers::SUPPLIERS
        .iter()
        .map(|known| known.method)
        .collect();
    let mut suppliers = Suppliers::new();
    let files = Arc::new(store.clone());
    for supplier in settings.suppliers.values() {
        let Some(entry) = suppliers::entry(&supplier.method) else {
            problems.push(format!(
                "suppliers.toml: supplier {}: method {:?} is unknown; expected one of {}",
                supplier.id,
                supplier.method,
                methods.join(", ")
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
                    "suppliers.toml: supplier {}: the secret {name} is not set",
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
            Err(error) => {
                problems.push(format!("suppliers.toml: supplier {}: {error}", supplier.id));
            }
        }
    }
    Ok(suppliers)
}
