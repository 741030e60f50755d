//! Whether the configuration would be taken, whether every supplier could be told an order, and what
//! could be taken and is hardly what the merchant wants.

#[cfg(test)]
mod tests;
mod trial;

use crate::machine::ways::{of_settings, on_trial, unset};
use crate::{Exit, say};
use async_trait::async_trait;
use configuration::{Configuration, Problem, Section};
use domain::timeline::counted;
use embedded::{Embedded, EnvironmentSecrets, OutboxMailer};
use ports::{Secrets, Supplier, Unavailable};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Any secret will do to see whether the settings are right.
struct AnySecret;

#[async_trait]
impl Secrets for AnySecret {
    async fn get(&self, _: &str) -> Result<Option<SecretString>, Unavailable> {
        Ok(Some("any".to_owned().into()))
    }
}

#[derive(Default)]
struct Checked {
    /// With one of these nothing of the configuration is used.
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// What there is, where it could be read.
    contents: Option<Contents>,
}

struct Contents {
    channels: usize,
    suppliers: usize,
    offers: usize,
    digest: String,
}

pub(crate) async fn check(config: &Path, as_json: bool) -> anyhow::Result<Exit> {
    let checked = look(config, &EnvironmentSecrets).await?;
    if as_json {
        say(format_args!("{:#}", checked.json()));
    } else {
        say(format_args!("{}", checked.text()));
    }
    Ok(if checked.problems.is_empty() {
        Exit::Done
    } else {
        Exit::No
    })
}

/// `secrets` are those of the environment: what is not set is only a warning here.
async fn look(config: &Path, secrets: &dyn Secrets) -> anyhow::Result<Checked> {
    let loaded = match configuration::load_dir(config) {
        Ok(loaded) => loaded,
        Err(problems) => {
            return Ok(Checked {
                problems,
                ..Checked::default()
            });
        }
    };
    let folder = tempfile::tempdir()?;
    let store = Embedded::in_memory(folder.path())?;
    let mut problems = Vec::new();
    let mut warnings = loaded.warnings.clone();
    let ways = on_trial(&loaded, &store, &AnySecret, &mut problems).await?;
    for (id, supplier) in ways.suppliers.iter() {
        let tried = tried(&loaded, id, supplier.as_ref(), &store)?;
        problems.extend(tried.problems);
        warnings.extend(tried.warnings);
    }
    warnings.extend(missing_secrets(&loaded, secrets).await?);
    for list in [&mut problems, &mut warnings] {
        list.sort();
        list.dedup();
    }
    let settings = &loaded.settings;
    Ok(Checked {
        problems,
        warnings,
        contents: Some(Contents {
            channels: settings.channels.len(),
            suppliers: settings.suppliers.len(),
            offers: loaded.catalogue.len(),
            digest: settings.digest.short().to_string(),
        }),
    })
}

/// What one supplier that could be opened would make of an order.
fn tried(
    loaded: &Configuration,
    id: &domain::ids::SupplierId,
    supplier: &dyn Supplier,
    store: &Embedded,
) -> anyhow::Result<Checked> {
    let mut checked = Checked::default();
    let Some((known, entry)) = loaded
        .settings
        .suppliers
        .get(id)
        .and_then(|known| Some((known, suppliers::entry(&known.method)?)))
    else {
        return Ok(checked);
    };
    let names = (entry.secrets)(&known.specific).into_iter();
    let files = Arc::new(store.clone());
    let opening = suppliers::Opening {
        settings: known,
        http: Arc::new(http_client::Client::new(
            (entry.hosts)(&known.specific),
            suppliers::allow_private(&known.specific),
        )?),
        files: files.clone(),
        mailer: Arc::new(OutboxMailer { files }),
        secrets: names
            .map(|name| (name, SecretString::from("any")))
            .collect(),
    };
    let found = suppliers::tried(opening);
    let placed = |error| of_settings(loaded, known, error);
    checked
        .problems
        .extend(found.errors.into_iter().map(placed));
    checked
        .warnings
        .extend(found.warnings.into_iter().map(placed));
    if checked.problems.is_empty()
        && let Err(why) = trial::try_out(supplier, &loaded.settings, known)
    {
        let message = format!("an order with quotes and ampersands cannot be told: {why}");
        let section = Section::Supplier(id);
        let problem = loaded
            .sources
            .problem(section, &known.method, None, message);
        checked.problems.push(problem);
    }
    if known.contact.is_none() && supplier.cancels().is_none() {
        let message = format!(
            "Waybill cannot ask {id} to cancel, so that a person has to, and nothing says whom to call"
        );
        let problem = loaded
            .sources
            .problem(Section::Supplier(id), "contact", None, message);
        checked
            .warnings
            .push(problem.expecting("contact = \"a name and a phone number\""));
    } else if known.contact.is_none() && known.method == "mail" {
        let message =
            format!("where a mail to {id} stays without an answer, nothing says whom to call");
        let problem = loaded
            .sources
            .problem(Section::Supplier(id), "contact", None, message);
        checked
            .warnings
            .push(problem.expecting("contact = \"a name and a phone number\""));
    }
    Ok(checked)
}

/// Each secret where it is named first.
async fn missing_secrets(
    loaded: &Configuration,
    secrets: &dyn Secrets,
) -> anyhow::Result<Vec<Problem>> {
    let settings = &loaded.settings;
    let mut named: Vec<(Section<'_>, String)> = Vec::new();
    let mut rehearsed = BTreeSet::new();
    if let Some(login) = loaded.smtp.as_ref().and_then(|smtp| smtp.login.as_ref()) {
        named.push((Section::Merchant, login.password.clone()));
    }
    for channel in settings.channels.values() {
        let names = channel.secrets.iter().cloned();
        named.extend(names.map(|name| (Section::Channel(&channel.id), name)));
    }
    for supplier in settings.suppliers.values() {
        if let Some(entry) = suppliers::entry(&supplier.method) {
            let names = (entry.secrets)(&supplier.specific).into_iter();
            named.extend(names.map(|name| (Section::Supplier(&supplier.id), name)));
            rehearsed.extend(suppliers::sandbox_secrets(&supplier.specific));
        }
    }
    let mut seen = BTreeSet::new();
    let mut warnings = Vec::new();
    for (section, name) in named {
        if seen.insert(name.clone()) && secrets.get(&name).await?.is_none() {
            let mut warning = unset(loaded, section, &name, secrets.place(&name));
            if rehearsed.contains(&name) {
                warning = warning.expecting(format!("{name} in the environment, for test orders"));
            }
            warnings.push(warning);
        }
    }
    Ok(warnings)
}

impl Checked {
    fn text(&self) -> String {
        let mut lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        let warnings = self.warnings.iter();
        lines.extend(warnings.map(|warning| format!("warning: {warning}")));
        let mut summary = match (self.problems.len(), &self.contents) {
            (0, Some(contents)) => format!(
                "right: {}, {}, {}; configuration {}",
                counted(contents.channels, "channel"),
                counted(contents.suppliers, "supplier"),
                counted(contents.offers, "offer"),
                contents.digest
            ),
            (count, _) => counted(count, "problem"),
        };
        if !self.warnings.is_empty() {
            summary = format!("{summary}; {}", counted(self.warnings.len(), "warning"));
        }
        lines.push(summary);
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let each = |list: &[Problem]| -> Vec<Value> { list.iter().map(row).collect() };
        json!({
            "right": self.problems.is_empty(),
            "problems": each(&self.problems),
            "warnings": each(&self.warnings),
            "configuration": self.contents.as_ref().map(|contents| json!({
                "digest": contents.digest,
                "channels": contents.channels,
                "suppliers": contents.suppliers,
                "offers": contents.offers,
            })),
        })
    }
}

fn row(problem: &Problem) -> Value {
    json!({
        "file": problem.file,
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
        "expected": problem.expected,
        "near": problem.near,
    })
}
