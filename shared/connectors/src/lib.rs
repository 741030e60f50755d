//! How channels and suppliers are reached, as the configuration says: what their kinds and methods
//! need is looked for, and what is wrong is told with its file and line.

pub mod folder;
pub mod running;

use configuration::{Configuration, Problem, Section};
use domain::ids::{ChannelId, SupplierId};
use domain::settings::{Settings, SupplierSettings};
use ports::{Channel, Files, Mailer, Secrets, Supplier, Unavailable};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;
use suppliers::{Entry, Opening};
use tokio::sync::Semaphore;

/// Nothing is wrong with the configuration; it could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the secrets cannot be read")]
    Secrets(#[source] Unavailable),
    #[error("a client of HTTP cannot be made")]
    Http(#[source] http_client::BuildError),
}

pub type Channels = BTreeMap<ChannelId, Box<dyn Channel>>;
pub type Suppliers = BTreeMap<SupplierId, Box<dyn Supplier>>;

/// Replaced as a whole, so that a step sees the connectors of one configuration.
#[derive(Clone)]
pub struct Connectors {
    pub channels: Arc<Channels>,
    pub suppliers: Arc<Suppliers>,
    pub limits: Limits,
}

/// Purchase orders on their way at once, by supplier.
#[derive(Clone, Default)]
pub struct Limits(Arc<BTreeMap<SupplierId, Limit>>);

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

impl Connectors {
    /// To work with; usable only where `problems` stayed empty.
    pub async fn open(
        loaded: &Configuration,
        files: Arc<dyn Files>,
        mailer: Arc<dyn Mailer>,
        secrets: &dyn Secrets,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, ConnectError> {
        Ok(Self {
            channels: Arc::new(open_channels(loaded, secrets, problems).await?),
            suppliers: Arc::new(
                open_suppliers(loaded, files, mailer, secrets, problems, false).await?,
            ),
            limits: Limits::of(&loaded.settings),
        })
    }

    /// What is on its way by the previous connectors counts on where the limit is the same.
    #[must_use]
    pub fn keeping_limits_of(mut self, former: &Self) -> Self {
        self.limits = self.limits.keeping(&former.limits);
        self
    }
}

impl Limits {
    pub fn of(settings: &Settings) -> Self {
        let suppliers = settings.suppliers.values();
        let limits = suppliers.map(|known| (known.id.clone(), Limit::new(known.concurrency)));
        Self(Arc::new(limits.collect()))
    }

    /// What is on its way counts on where the limit is the same.
    #[must_use]
    pub fn keeping(&self, former: &Self) -> Self {
        let limits = self.0.iter().map(|(id, limit)| {
            let same = former.0.get(id);
            let same = same.filter(|same| same.concurrency == limit.concurrency);
            (id.clone(), same.unwrap_or(limit).clone())
        });
        Self(Arc::new(limits.collect()))
    }

    /// As many permits as purchase orders may be on their way to that supplier; `None` where it is
    /// not configured.
    pub fn of_supplier(&self, supplier: &SupplierId) -> Option<Arc<Semaphore>> {
        self.0.get(supplier).map(|limit| limit.permits.clone())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&SupplierId, &Arc<Semaphore>)> {
        self.0.iter().map(|(id, limit)| (id, &limit.permits))
    }
}

/// A secret that serving needs and does not have; `place` is where it belongs.
pub fn unset(
    loaded: &Configuration,
    section: Section<'_>,
    name: &str,
    place: impl Into<String>,
) -> Problem {
    let message = format!("the secret {name} is not set");
    let problem = loaded.sources.problem_with_word(section, name, message);
    problem.expecting(place)
}

/// What a supplier's own code finds, where the file says it.
pub fn of_settings(
    loaded: &Configuration,
    supplier: &SupplierSettings,
    error: suppliers::SettingsError,
) -> Problem {
    let path = below(&supplier.method, &error.path);
    let section = Section::Supplier(&supplier.id);
    let problem = loaded
        .sources
        .problem(section, &path, error.line, error.message);
    let problem = problem.expecting(error.expected.unwrap_or_default());
    match error.unknown {
        Some(unknown) => {
            let known = unknown.known.iter().map(String::as_str);
            problem.near(&unknown.word, known)
        }
        None => problem,
    }
}

/// A path in the table of a kind or a method, which stands for itself where it is all meant.
fn below(table: &str, path: &str) -> String {
    match path {
        "" => table.to_owned(),
        path if path == table => table.to_owned(),
        path if path.starts_with('[') => format!("{table}{path}"),
        path => format!("{table}.{path}"),
    }
}

/// Of one supplier.
pub struct SupplierSecrets {
    pub found: BTreeMap<String, SecretString>,
    /// Serving needs them, and they are not set.
    missing: Vec<String>,
}

pub async fn secrets_of(
    entry: &Entry,
    supplier: &SupplierSettings,
    secrets: &dyn Secrets,
) -> Result<SupplierSecrets, ConnectError> {
    let rehearsing = suppliers::sandbox_secrets(&supplier.specific);
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    for name in (entry.secrets)(&supplier.specific) {
        match secrets.get(&name).await.map_err(ConnectError::Secrets)? {
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
pub fn opening<'a>(
    entry: &Entry,
    supplier: &'a SupplierSettings,
    sender: &'a str,
    files: Arc<dyn Files>,
    mailer: Arc<dyn Mailer>,
    secrets: BTreeMap<String, SecretString>,
    tried_before: bool,
) -> Result<Opening<'a>, ConnectError> {
    let http = http_client::Client::new(
        (entry.hosts)(&supplier.specific),
        suppliers::allow_private(&supplier.specific),
    )
    .map_err(ConnectError::Http)?;
    Ok(Opening {
        settings: supplier,
        sender,
        http: Arc::new(http),
        files,
        mailer,
        secrets,
        tried_before,
    })
}

pub async fn open_channels(
    loaded: &Configuration,
    secrets: &dyn Secrets,
    problems: &mut Vec<Problem>,
) -> Result<Channels, ConnectError> {
    let kinds: Vec<_> = channels::CHANNELS.iter().map(|known| known.kind).collect();
    let mut channels = Channels::new();
    for channel in loaded.settings.channels.values() {
        let section = Section::Channel(&channel.id);
        let at = |path: &str, message: String| loaded.sources.problem(section, path, None, message);
        let Some(entry) = channels::entry(&channel.kind) else {
            let problem = at("kind", format!("there is no kind {:?}", channel.kind));
            let problem = problem.expecting(format!("one of {}", kinds.join(", ")));
            problems.push(problem.near(&channel.kind, kinds.iter().copied()));
            continue;
        };
        let mut values = Vec::new();
        for name in &channel.secrets {
            match secrets.get(name).await.map_err(ConnectError::Secrets)? {
                Some(secret) => values.push(secret),
                None => problems.push(unset(loaded, section, name, secrets.place(name))),
            }
        }
        match (entry.open)(channel, values) {
            Ok(open) => {
                channels.insert(channel.id.clone(), open);
            }
            Err(error) => {
                let path = below(&channel.kind, &error.path);
                let word = error.path.rsplit('.').next().unwrap_or_default();
                let problem = at(&path, error.message).expecting(error.expected);
                problems.push(problem.near(word, error.known.iter().copied()));
            }
        }
    }
    Ok(channels)
}

/// `tried_before` is as [`Opening`] has it.
pub async fn open_suppliers(
    loaded: &Configuration,
    files: Arc<dyn Files>,
    mailer: Arc<dyn Mailer>,
    secrets: &dyn Secrets,
    problems: &mut Vec<Problem>,
    tried_before: bool,
) -> Result<Suppliers, ConnectError> {
    let methods: Vec<_> = suppliers::SUPPLIERS
        .iter()
        .map(|known| known.method)
        .collect();
    let mut suppliers = Suppliers::new();
    for supplier in loaded.settings.suppliers.values() {
        let section = Section::Supplier(&supplier.id);
        let Some(entry) = suppliers::entry(&supplier.method) else {
            let message = format!("there is no method {:?}", supplier.method);
            let problem = loaded.sources.problem(section, "method", None, message);
            let problem = problem.expecting(format!("one of {}", methods.join(", ")));
            problems.push(problem.near(&supplier.method, methods.iter().copied()));
            continue;
        };
        let values = secrets_of(entry, supplier, secrets).await?;
        let missing = values.missing.iter();
        problems.extend(missing.map(|name| unset(loaded, section, name, secrets.place(name))));
        let (files, mailer) = (files.clone(), mailer.clone());
        let sender = &loaded.settings.merchant.mail;
        let opening = opening(
            entry,
            supplier,
            sender,
            files,
            mailer,
            values.found,
            tried_before,
        )?;
        match (entry.open)(opening) {
            Ok(open) => {
                suppliers.insert(supplier.id.clone(), open);
            }
            Err(error) => {
                problems.push(of_settings(loaded, supplier, error));
            }
        }
    }
    Ok(suppliers)
}
