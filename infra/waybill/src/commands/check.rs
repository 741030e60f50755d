//! Whether the configuration would be taken, whether every supplier could be told an order, and what
//! could be taken and is hardly what the merchant wants.

#[cfg(test)]
mod tests;
mod trial;

use crate::machine::connectors::{
    Account, files_group, mail_problems, on_trial, opening, problem, trial_means, unset,
};
use crate::{Exit, say_lines};
use async_trait::async_trait;
use configuration::{Configuration, Problem, Section};
use domain::text::counted;
use embedded::{Embedded, EnvironmentSecrets};
use ports::{Secrets, Supplier, Unavailable};
use registry::Registry;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Any secret will do to see whether the settings are right.
struct AnySecret;

#[async_trait]
impl Secrets for AnySecret {
    async fn get(&self, _: &str) -> Result<Option<SecretString>, Unavailable> {
        Ok(Some("any".to_owned().into()))
    }
}

#[derive(Default)]
pub struct Checked {
    /// With one of these nothing of the configuration is used.
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
    /// What there is, where it could be read.
    pub contents: Option<Contents>,
}

pub struct Contents {
    /// By name, as they were read.
    pub files: BTreeMap<String, Vec<u8>>,
    pub configuration: Configuration,
}

/// A secret, where it is named first.
pub struct NamedSecret<'a> {
    pub section: Section<'a>,
    pub name: String,
    /// `supplier test` needs it, and nothing else does.
    pub is_rehearsed: bool,
}

pub(crate) async fn check(
    config: &Path,
    registry: Registry,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let mut checked = look(config, registry).await?;
    if let Some(contents) = &checked.contents {
        checked
            .problems
            .extend(mail_problems(&contents.configuration, registry));
    }
    checked.miss_secrets(registry, &EnvironmentSecrets).await?;
    checked.miss_group();
    if as_json {
        say_lines(format_args!("{:#}", checked.json()));
    } else {
        say_lines(format_args!("{}", checked.text()));
    }
    Ok(checked.exit())
}

/// All but whether the secrets are where whoever needs them looks for them.
pub async fn look(config: &Path, registry: Registry) -> anyhow::Result<Checked> {
    let read = configuration::read_dir(config);
    let read = read.map_err(|error| vec![configuration::unreadable(config, &error)]);
    let loaded = read.and_then(|files| Ok((configuration::load(&files)?, files)));
    let (loaded, files) = match loaded {
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
    let connectors = on_trial(&loaded, registry, &store, &AnySecret, &mut problems).await?;
    for (id, supplier) in connectors.suppliers.iter() {
        let tried = tried(&loaded, registry, id, supplier.as_ref(), &store)?;
        problems.extend(tried.problems);
        warnings.extend(tried.warnings);
    }
    let mut checked = Checked {
        problems,
        warnings,
        contents: Some(Contents {
            files,
            configuration: loaded,
        }),
    };
    checked.sort();
    Ok(checked)
}

/// What one supplier that could be opened would make of an order.
fn tried(
    loaded: &Configuration,
    registry: Registry,
    id: &domain::ids::SupplierId,
    supplier: &dyn Supplier,
    store: &Embedded,
) -> anyhow::Result<Checked> {
    let mut checked = Checked::default();
    let Some((known, entry)) = loaded
        .settings
        .suppliers
        .get(id)
        .and_then(|known| Some((known, registry.supplier(&known.method)?)))
    else {
        return Ok(checked);
    };
    let names = (entry.secrets)(&known.specific).all.into_iter();
    let secrets = names.map(|name| (name, SecretString::from("any")));
    let (means, sender) = (trial_means(store), &loaded.settings.merchant.mail);
    let account = Account::from(known);
    let opening = opening(entry, account, sender, &means, secrets.collect(), false)?;
    let found = (entry.try_out)(opening);
    let placed = |error| problem(loaded, Section::Supplier(id), &known.method, error);
    checked
        .problems
        .extend(found.errors.into_iter().map(placed));
    checked
        .warnings
        .extend(found.warnings.into_iter().map(placed));
    if checked.problems.is_empty()
        && let Err(why) = trial::try_out(supplier.orders(), &loaded.settings, known)
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
    } else if known.contact.is_none() && entry.sends_mail {
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

pub fn named_secrets(loaded: &Configuration, registry: Registry) -> Vec<NamedSecret<'_>> {
    let settings = &loaded.settings;
    let mut named: Vec<(Section<'_>, String)> = Vec::new();
    let mut rehearsed = BTreeSet::new();
    if let Some(login) = loaded.smtp().and_then(|smtp| smtp.login.as_ref()) {
        named.push((Section::Merchant, login.password.clone()));
    }
    for channel in settings.channels.values() {
        let entry = registry.channel(&channel.kind);
        let names = entry.map(|entry| (entry.secrets)(&channel.specific));
        let names = names.unwrap_or_default().all;
        let names = channel.secrets.iter().cloned().chain(names);
        named.extend(names.map(|name| (Section::Channel(&channel.id), name)));
    }
    for supplier in settings.suppliers.values() {
        if let Some(entry) = registry.supplier(&supplier.method) {
            let names = (entry.secrets)(&supplier.specific);
            let all = names.all.into_iter();
            named.extend(all.map(|name| (Section::Supplier(&supplier.id), name)));
            rehearsed.extend(names.rehearsed);
        }
    }
    let mut seen = BTreeSet::new();
    named.retain(|(_, name)| seen.insert(name.clone()));
    let named = named.into_iter().map(|(section, name)| NamedSecret {
        section,
        is_rehearsed: rehearsed.contains(&name),
        name,
    });
    named.collect()
}

impl Checked {
    /// What the environment lacks is only a warning: `serve` may have another one.
    async fn miss_secrets(
        &mut self,
        registry: Registry,
        secrets: &dyn Secrets,
    ) -> Result<(), Unavailable> {
        let Some(contents) = &self.contents else {
            return Ok(());
        };
        let loaded = &contents.configuration;
        for secret in named_secrets(loaded, registry) {
            let name = &secret.name;
            if secrets.get(name).await?.is_none() {
                let mut warning = unset(loaded, secret.section, name, secrets.place(name));
                if secret.is_rehearsed {
                    warning =
                        warning.expecting(format!("{name} in the environment, for test orders"));
                }
                self.warnings.push(warning);
            }
        }
        self.sort();
        Ok(())
    }

    /// Only a warning too: `serve` may run as another user.
    fn miss_group(&mut self) {
        if let Some(contents) = &self.contents {
            files_group(&contents.configuration, &mut self.warnings);
            self.sort();
        }
    }

    pub fn sort(&mut self) {
        for list in [&mut self.problems, &mut self.warnings] {
            list.sort();
            list.dedup();
        }
    }

    pub fn exit(&self) -> Exit {
        if self.problems.is_empty() {
            Exit::Done
        } else {
            Exit::No
        }
    }

    pub fn text(&self) -> String {
        let mut lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        let warnings = self.warnings.iter();
        lines.extend(warnings.map(|warning| format!("warning: {warning}")));
        let mut summary = match (self.problems.len(), &self.contents) {
            (0, Some(Contents { configuration, .. })) => format!(
                "right: {}, {}, {}; configuration {}",
                counted(configuration.settings.channels.len(), "channel"),
                counted(configuration.settings.suppliers.len(), "supplier"),
                counted(configuration.catalogue.len(), "offer"),
                configuration.settings.digest.short()
            ),
            (count, _) => counted(count, "problem"),
        };
        if !self.warnings.is_empty() {
            summary = format!("{summary}; {}", counted(self.warnings.len(), "warning"));
        }
        lines.push(summary);
        lines.join("\n")
    }

    pub fn json(&self) -> Value {
        let each = |list: &[Problem]| -> Vec<Value> { list.iter().map(row).collect() };
        json!({
            "right": self.problems.is_empty(),
            "problems": each(&self.problems),
            "warnings": each(&self.warnings),
            "configuration": self.contents.as_ref().map(|Contents { configuration, .. }| json!({
                "digest": configuration.settings.digest.short(),
                "channels": configuration.settings.channels.len(),
                "suppliers": configuration.settings.suppliers.len(),
                "offers": configuration.catalogue.len(),
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
