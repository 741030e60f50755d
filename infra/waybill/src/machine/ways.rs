//! How channels and suppliers are reached, as the configuration says.

use configuration::Configuration;
use domain::ids::{ChannelId, SupplierId};
use domain::settings::{Settings, Smtp, SupplierSettings};
use embedded::{Embedded, OutboxMailer, SmtpMailer};
use ports::{Channel, Clock, Mailer, Secrets, Supplier, Unavailable};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use suppliers::{Entry, Opening};
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
    /// To work with; usable only where `problems` stayed empty.
    pub(crate) async fn of(
        loaded: &Configuration,
        store: &Embedded,
        secrets: &dyn Secrets,
        clock: Arc<dyn Clock>,
        problems: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let mailer = mailer(loaded.smtp.as_ref(), store, secrets, clock, problems).await?;
        Self::with(&loaded.settings, store, mailer, secrets, problems).await
    }

    /// To try settings out: mails go to the outbox of `store`.
    pub(crate) async fn open(
        settings: &Settings,
        store: &Embedded,
        secrets: &dyn Secrets,
        problems: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        Self::with(settings, store, outbox(store), secrets, problems).await
    }

    async fn with(
        settings: &Settings,
        store: &Embedded,
        mailer: Arc<dyn Mailer>,
        secrets: &dyn Secrets,
        problems: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let limits = settings.suppliers.values();
        let limits = limits.map(|known| (known.id.clone(), Limit::new(known.concurrency)));
        Ok(Self {
            channels: Arc::new(open_channels(settings, secrets, problems).await?),
            suppliers: Arc::new(open_suppliers(settings, store, mailer, secrets, problems).await?),
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

    pub(super) fn limit(&self, supplier: &SupplierId) -> Option<&Semaphore> {
        self.limits
            .get(supplier)
            .map(|limit| limit.permits.as_ref())
    }
}

/// Names of the secrets that serving needs.
pub(crate) fn named(settings: &Settings) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for channel in settings.channels.values() {
        names.extend(channel.secrets.iter().cloned());
    }
    for supplier in settings.suppliers.values() {
        if let Some(entry) = suppliers::entry(&supplier.method) {
            let rehearsing = suppliers::sandbox_secrets(&supplier.specific);
            let all = (entry.secrets)(&supplier.specific);
            names.extend(all.into_iter().filter(|name| !rehearsing.contains(name)));
        }
    }
    names
}

fn outbox(store: &Embedded) -> Arc<dyn Mailer> {
    let files = Arc::new(store.clone());
    Arc::new(OutboxMailer { files })
}

/// The merchant's mail server where there is one, else the outbox; also where the settings are
/// wrong, which is a problem.
async fn mailer(
    smtp: Option<&Smtp>,
    store: &Embedded,
    secrets: &dyn Secrets,
    clock: Arc<dyn Clock>,
    problems: &mut Vec<String>,
) -> anyhow::Result<Arc<dyn Mailer>> {
    let Some(smtp) = smtp else {
        return Ok(outbox(store));
    };
    let password = match &smtp.login {
        Some(login) => secrets.get(&login.password).await?,
        None => None,
    };
    match SmtpMailer::new(smtp, password, clock) {
        Ok(mailer) => Ok(Arc::new(mailer)),
        Err(error) => {
            let problem = anyhow::Error::from(error);
            problems.push(format!("channels.toml: merchant.smtp: {problem:#}"));
            Ok(outbox(store))
        }
    }
}

/// Of one supplier.
pub(crate) struct SupplierSecrets {
    pub(crate) found: BTreeMap<String, SecretString>,
    /// Serving needs them, and they are not set.
    missing: Vec<String>,
}

pub(crate) async fn secrets_of(
    entry: &Entry,
    supplier: &SupplierSettings,
    secrets: &dyn Secrets,
) -> Result<SupplierSecrets, Unavailable> {
    let rehearsing = suppliers::sandbox_secrets(&supplier.specific);
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    for name in (entry.secrets)(&supplier.specific) {
        match secrets.get(&name).await? {
            Some(secret) => {
                found.insert(name, secret);
            }
            None if rehearsing.contains(&name) => {}
            None => missing.push(name),
        }
    }
    Ok(SupplierSecrets { found, missing })
}

/// What a supplier's code may use.
pub(crate) fn opening<'a>(
    entry: &Entry,
    supplier: &'a SupplierSettings,
    files: Arc<Embedded>,
    mailer: Arc<dyn Mailer>,
    secrets: BTreeMap<String, SecretString>,
) -> anyhow::Result<Opening<'a>> {
    let http = http_client::Client::new(
        (entry.hosts)(&supplier.specific),
        suppliers::allow_private(&supplier.specific),
    )?;
    Ok(Opening {
        settings: supplier,
        http: Arc::new(http),
        files,
        mailer,
        secrets,
    })
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
    mailer: Arc<dyn Mailer>,
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
        let values = secrets_of(entry, supplier, secrets).await?;
        problems.extend(values.missing.iter().map(|name| {
            format!(
                "suppliers.toml: supplier {}: the secret {name} is not set",
                supplier.id
            )
        }));
        let opening = opening(entry, supplier, files.clone(), mailer.clone(), values.found)?;
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
