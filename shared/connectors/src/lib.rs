//! How channels and suppliers are reached, as the configuration says: what their kinds and methods
//! need is looked for, and what is wrong is told with its file and line.

pub mod folder;
pub mod running;

use async_trait::async_trait;
use configuration::{Configuration, Problem, Section};
use domain::ids::{ChannelId, SupplierId};
use domain::settings::{ChannelSettings, Settings, SupplierSettings};
use ports::{
    Channel, Files, MailOutcome, MailPlace, Mailer, Secrets, SendSubject, Supplier, Unavailable,
};
use registry::{ChannelEntry, Entry, Opening, Registry, SettingsError, SupplierEntry};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
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
        registry: Registry,
        means: &Means,
        secrets: &dyn Secrets,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, ConnectError> {
        let (channels, suppliers) = (registry.channels, registry.suppliers);
        let channels = open_channels(loaded, channels, means, secrets, problems).await?;
        let suppliers = open_suppliers(loaded, suppliers, means, secrets, problems, false);
        Ok(Self {
            channels: Arc::new(channels),
            suppliers: Arc::new(suppliers.await?),
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

/// What a connector's own code finds in its table, where the file says it.
pub fn problem(
    loaded: &Configuration,
    section: Section<'_>,
    table: &str,
    error: SettingsError,
) -> Problem {
    let path = below(table, &error.path);
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

/// One configured channel or supplier, as its connector sees it.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    pub id: &'a str,
    /// The table of the connector's own settings.
    pub settings: &'a Value,
}

impl<'a> From<&'a SupplierSettings> for Account<'a> {
    fn from(supplier: &'a SupplierSettings) -> Self {
        Self {
            id: supplier.id.as_str(),
            settings: &supplier.specific,
        }
    }
}

impl<'a> From<&'a ChannelSettings> for Account<'a> {
    fn from(channel: &'a ChannelSettings) -> Self {
        Self {
            id: channel.id.as_str(),
            settings: &channel.specific,
        }
    }
}

/// What connectors may use beside HTTP.
#[derive(Clone)]
pub struct Means {
    pub files: Arc<dyn Files>,
    pub mailer: Arc<dyn Mailer>,
}

/// For whoever opens channels and sends no mail.
pub struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _: &SendSubject, _: u32, _: &[u8]) -> MailOutcome {
        MailOutcome::NotSent("no mail is sent from here".to_owned())
    }

    fn place(&self, _: &SendSubject) -> MailPlace {
        MailPlace {
            server: "none".to_owned(),
            file: None,
        }
    }
}

/// The secrets that one account names.
#[derive(Default)]
pub struct AccountSecrets {
    pub found: BTreeMap<String, SecretString>,
    /// Serving needs them, and they are not set.
    missing: Vec<String>,
}

/// Looks for the secrets that the connector's own settings name.
pub async fn secrets_of<C: ?Sized>(
    entry: &Entry<C>,
    account: Account<'_>,
    secrets: &dyn Secrets,
) -> Result<AccountSecrets, ConnectError> {
    let names = (entry.secrets)(account.settings);
    let mut of_account = AccountSecrets::default();
    for name in names.all {
        match secrets.get(&name).await.map_err(ConnectError::Secrets)? {
            Some(secret) => {
                of_account.found.insert(name, secret);
            }
            None if names.rehearsed.contains(&name) => {}
            None => of_account.missing.push(name),
        }
    }
    Ok(of_account)
}

/// What a connector's code may use.
pub fn opening<'a, C: ?Sized>(
    entry: &Entry<C>,
    account: Account<'a>,
    sender: &'a str,
    means: &Means,
    secrets: BTreeMap<String, SecretString>,
    tried_before: bool,
) -> Result<Opening<'a>, ConnectError> {
    let hosts = (entry.hosts)(account.settings);
    let http = http_client::Client::new(hosts.names, hosts.may_be_private);
    Ok(Opening {
        id: account.id,
        settings: account.settings,
        sender,
        http: Arc::new(http.map_err(ConnectError::Http)?),
        files: means.files.clone(),
        mailer: means.mailer.clone(),
        secrets,
        webhook_secrets: Vec::new(),
        tried_before,
    })
}

/// The entry of that kind; where nobody registered it, a problem at `key`.
fn registered<'a, C: ?Sized>(
    loaded: &Configuration,
    entries: &'a [Entry<C>],
    section: Section<'_>,
    (key, kind): (&str, &str),
    problems: &mut Vec<Problem>,
) -> Option<&'a Entry<C>> {
    let entry = registry::find(entries, kind);
    if entry.is_none() {
        let known: Vec<_> = entries.iter().map(|known| known.kind).collect();
        let message = format!("there is no {key} {kind:?}");
        let problem = loaded.sources.problem(section, key, None, message);
        let problem = problem.expecting(format!("one of {}", known.join(", ")));
        problems.push(problem.near(kind, known.iter().copied()));
    }
    entry
}

pub async fn open_channels(
    loaded: &Configuration,
    entries: &[ChannelEntry],
    means: &Means,
    secrets: &dyn Secrets,
    problems: &mut Vec<Problem>,
) -> Result<Channels, ConnectError> {
    let mut channels = Channels::new();
    for channel in loaded.settings.channels.values() {
        let section = Section::Channel(&channel.id);
        let kind = ("kind", channel.kind.as_str());
        let Some(entry) = registered(loaded, entries, section, kind, problems) else {
            continue;
        };
        if entry.needs_webhook_secrets && channel.secrets.is_empty() {
            let message = "missing".to_owned();
            let problem = loaded.sources.problem(section, "secrets", None, message);
            problems.push(problem.expecting(configuration::CHANNEL_SECRETS));
        }
        let mut webhook_secrets = Vec::new();
        for name in &channel.secrets {
            match secrets.get(name).await.map_err(ConnectError::Secrets)? {
                Some(secret) => webhook_secrets.push(secret),
                None => problems.push(unset(loaded, section, name, secrets.place(name))),
            }
        }
        let account = Account::from(channel);
        let of_account = secrets_of(entry, account, secrets).await?;
        let missing = of_account.missing.iter();
        problems.extend(missing.map(|name| unset(loaded, section, name, secrets.place(name))));
        let sender = &loaded.settings.merchant.mail;
        let opening = opening(entry, account, sender, means, of_account.found, true)?;
        let opening = Opening {
            webhook_secrets,
            ..opening
        };
        match (entry.open)(opening) {
            Ok(open) => {
                channels.insert(channel.id.clone(), open);
            }
            Err(error) => problems.push(problem(loaded, section, &channel.kind, error)),
        }
    }
    Ok(channels)
}

/// `tried_before` is as [`Opening`] has it.
pub async fn open_suppliers(
    loaded: &Configuration,
    entries: &[SupplierEntry],
    means: &Means,
    secrets: &dyn Secrets,
    problems: &mut Vec<Problem>,
    tried_before: bool,
) -> Result<Suppliers, ConnectError> {
    let mut suppliers = Suppliers::new();
    for supplier in loaded.settings.suppliers.values() {
        let section = Section::Supplier(&supplier.id);
        let method = ("method", supplier.method.as_str());
        let Some(entry) = registered(loaded, entries, section, method, problems) else {
            continue;
        };
        let account = Account::from(supplier);
        let of_account = secrets_of(entry, account, secrets).await?;
        let missing = of_account.missing.iter();
        problems.extend(missing.map(|name| unset(loaded, section, name, secrets.place(name))));
        let sender = &loaded.settings.merchant.mail;
        let found = of_account.found;
        let opening = opening(entry, account, sender, means, found, tried_before)?;
        match (entry.open)(opening) {
            Ok(open) => {
                suppliers.insert(supplier.id.clone(), open);
            }
            Err(error) => problems.push(problem(loaded, section, &supplier.method, error)),
        }
    }
    Ok(suppliers)
}
