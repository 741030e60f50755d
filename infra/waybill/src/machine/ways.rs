//! How channels and suppliers are reached, as the configuration says.

use configuration::{Configuration, Problem, Section};
use domain::ids::{ChannelId, SupplierId};
use domain::settings::SupplierSettings;
use embedded::{Embedded, OutboxMailer, SmtpMailer};
use ports::{Channel, Clock, Mailer, Secrets, Supplier, Unavailable};
use secrecy::SecretString;
use std::collections::BTreeMap;
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
        problems: &mut Vec<Problem>,
    ) -> anyhow::Result<Self> {
        let mailer = mailer(loaded, store, secrets, clock, problems).await?;
        Self::with(loaded, store, mailer, secrets, problems).await
    }

    /// To try settings out: mails go to the outbox of `store`.
    pub(crate) async fn open(
        loaded: &Configuration,
        store: &Embedded,
        secrets: &dyn Secrets,
        problems: &mut Vec<Problem>,
    ) -> anyhow::Result<Self> {
        Self::with(loaded, store, outbox(store), secrets, problems).await
    }

    async fn with(
        loaded: &Configuration,
        store: &Embedded,
        mailer: Arc<dyn Mailer>,
        secrets: &dyn Secrets,
        problems: &mut Vec<Problem>,
    ) -> anyhow::Result<Self> {
        let limits = loaded.settings.suppliers.values();
        let limits = limits.map(|known| (known.id.clone(), Limit::new(known.concurrency)));
        Ok(Self {
            channels: Arc::new(open_channels(loaded, secrets, problems).await?),
            suppliers: Arc::new(open_suppliers(loaded, store, mailer, secrets, problems).await?),
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

/// A secret that `serve` needs and does not have.
pub(crate) fn unset(loaded: &Configuration, section: Section<'_>, name: &str) -> Problem {
    let message = format!("the secret {name} is not set");
    let expected = format!("{name} in the environment of `waybill serve`");
    let problem = loaded.sources.problem_with_word(section, name, message);
    problem.expecting(expected)
}

/// What a supplier's own code finds, where the file says it.
pub(crate) fn of_settings(
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

fn outbox(store: &Embedded) -> Arc<dyn Mailer> {
    let files = Arc::new(store.clone());
    Arc::new(OutboxMailer { files })
}

/// The merchant's mail server where there is one, else the outbox; also where the settings are
/// wrong, which is a problem.
async fn mailer(
    loaded: &Configuration,
    store: &Embedded,
    secrets: &dyn Secrets,
    clock: Arc<dyn Clock>,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Arc<dyn Mailer>> {
    let Some(smtp) = &loaded.smtp else {
        return Ok(outbox(store));
    };
    let password = match &smtp.login {
        Some(login) => secrets.get(&login.password).await?,
        None => None,
    };
    match SmtpMailer::new(smtp, password, clock) {
        Ok(mailer) => Ok(Arc::new(mailer)),
        Err(error) => {
            let message = format!("{:#}", anyhow::Error::from(error));
            let problem = loaded
                .sources
                .problem(Section::Merchant, "smtp", None, message);
            problems.push(problem.expecting("a mail server that can be spoken to so"));
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
    loaded: &Configuration,
    secrets: &dyn Secrets,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Channels> {
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
            match secrets.get(name).await? {
                Some(secret) => values.push(secret),
                None => problems.push(unset(loaded, section, name)),
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

async fn open_suppliers(
    loaded: &Configuration,
    store: &Embedded,
    mailer: Arc<dyn Mailer>,
    secrets: &dyn Secrets,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Suppliers> {
    let methods: Vec<_> = suppliers::SUPPLIERS
        .iter()
        .map(|known| known.method)
        .collect();
    let mut suppliers = Suppliers::new();
    let files = Arc::new(store.clone());
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
        problems.extend(missing.map(|name| unset(loaded, section, name)));
        let opening = opening(entry, supplier, files.clone(), mailer.clone(), values.found)?;
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
