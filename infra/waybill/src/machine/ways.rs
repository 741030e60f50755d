//! How channels and suppliers are reached, as the configuration says.

use configuration::{Configuration, Problem, Section};
use domain::ids::{ChannelId, SupplierId};
use domain::settings::SupplierSettings;
use embedded::{Embedded, OutboxMailer};
use ports::{Channel, Secrets, Supplier};
use std::collections::BTreeMap;
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
        loaded: &Configuration,
        store: &Embedded,
        secrets: &dyn Secrets,
        problems: &mut Vec<Problem>,
    ) -> anyhow::Result<Self> {
        let limits = loaded.settings.suppliers.values();
        let limits = limits.map(|known| (known.id.clone(), Limit::new(known.concurrency)));
        Ok(Self {
            channels: Arc::new(open_channels(loaded, secrets, problems).await?),
            suppliers: Arc::new(open_suppliers(loaded, store, secrets, problems).await?),
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
        let mut values = BTreeMap::new();
        for name in (entry.secrets)(&supplier.specific) {
            match secrets.get(&name).await? {
                Some(secret) => {
                    values.insert(name, secret);
                }
                None => problems.push(unset(loaded, section, &name)),
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
                problems.push(of_settings(loaded, supplier, error));
            }
        }
    }
    Ok(suppliers)
}
