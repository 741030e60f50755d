//! The merchant's files, brought to where the functions find them.

use crate::stack::Opened;
use anyhow::Context as _;
use async_trait::async_trait;
use aws::bundle::{KEY, S3Bundles, of_files};
use aws::ses::SendingQuota;
use aws::ssm::SsmSecrets;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::DateTime;
use configuration::{OFFERS, Section};
use domain::digest::Digest;
use domain::ids::{ChannelId, SupplierId};
use domain::settings::{MailVia, Settings};
use domain::text::{counted, moment};
use jiff::Timestamp;
use ports::configuration::{Bundle, Bundles as _};
use ports::{Secrets as _, StoreError, Unavailable};
use registry::Registry;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use waybill::check::{Checked, Contents, look, named_secrets};
use waybill::{Exit, Instead, Parties, say, say_lines};

/// Longer than SES takes for an answer.
const QUOTA_WITHIN: Duration = Duration::from_secs(10);

/// Nothing is touched where a function would refuse it.
pub(crate) async fn push(
    opened: &Opened,
    config: &Path,
    registry: Registry,
    json: bool,
) -> anyhow::Result<Exit> {
    let checked = checked(opened, config, registry).await?;
    if !json {
        say_lines(format_args!("{}", checked.text()));
    }
    let Some(contents) = right(&checked) else {
        if json {
            say_lines(format_args!("{:#}", checked.json()));
        } else {
            say(format_args!("not pushed: what was there stays"));
        }
        return Ok(checked.exit());
    };
    let pushed = put(opened, contents).await?;
    if json {
        let mut document = checked.json();
        document["changed"] = json!(pushed.changed);
        document["offers_applied"] = pushed.offers_applied.into();
        say_lines(format_args!("{document:#}"));
    } else {
        pushed.show(contents);
    }
    Ok(Exit::Done)
}

/// As [`push`], of files that are right, and without a word.
pub(crate) async fn push_right(
    opened: &Opened,
    config: &Path,
    registry: Registry,
) -> anyhow::Result<()> {
    let checked = checked(opened, config, registry).await?;
    let contents = right(&checked).with_context(|| checked.text())?;
    put(opened, contents).await.map(drop)
}

async fn checked(opened: &Opened, config: &Path, registry: Registry) -> anyhow::Result<Checked> {
    let mut checked = look(config, registry).await?;
    miss_secrets(opened, registry, &mut checked).await?;
    warn_of_sending_quota(opened, registry, &mut checked).await;
    checked.sort();
    Ok(checked)
}

/// What was read, where a function would take it.
fn right(checked: &Checked) -> Option<&Contents> {
    let contents = checked.contents.as_ref();
    contents.filter(|_| checked.problems.is_empty())
}

struct Pushed {
    /// Files by name, with what became of them.
    changed: BTreeMap<String, &'static str>,
    offers_applied: bool,
}

impl Pushed {
    fn show(&self, contents: &Contents) {
        for (name, how) in &self.changed {
            say(format_args!("  {name} {how}"));
        }
        if self.offers_applied {
            let offers = counted(contents.configuration.catalogue.len(), "offer");
            say(format_args!("  {offers} applied"));
        }
        let digest = contents.configuration.settings.digest.short();
        if self.changed.is_empty() {
            say(format_args!("configuration {digest} was there already"));
        } else {
            say(format_args!(
                "configuration {digest} pushed; the functions take it over within a minute"
            ));
        }
    }
}

/// Offers first: a bundle whose offers are not there yet would hold orders for nothing.
async fn put(opened: &Opened, contents: &Contents) -> anyhow::Result<Pushed> {
    let loaded = &contents.configuration;
    let installation = opened.installation();
    let offers_applied = installation
        .offers
        .apply(
            &loaded.catalogue_digest,
            &loaded.catalogue,
            installation.clock.now(),
        )
        .await
        .context("the offers may be applied in part; push again")?;
    let bundle = of_files(&contents.files);
    let changed = match stored(opened).await? {
        // What cannot be read is replaced whole.
        Some((Err(_), _)) | None => changes(&BTreeMap::new(), &bundle.digests),
        Some((Ok(before), _)) => changes(&before.digests, &bundle.digests),
    };
    if !changed.is_empty() {
        bundles(opened)
            .put(&bundle)
            .await
            .context("the configuration may not be pushed; push again")?;
    }
    // No reason to keep a configuration back: they are found by their own ids all the same.
    if let Err(error) = opened.orders().complete_indexes().await {
        say(format_args!(
            "orders that an older version stored are not all found by their numbers yet: {error}; push again"
        ));
    }
    Ok(Pushed {
        changed,
        offers_applied,
    })
}

fn changes(
    before: &BTreeMap<String, Digest>,
    after: &BTreeMap<String, Digest>,
) -> BTreeMap<String, &'static str> {
    let mut changes = BTreeMap::new();
    for (name, digest) in after {
        match before.get(name) {
            None => drop(changes.insert(name.clone(), "added")),
            Some(known) if known != digest => drop(changes.insert(name.clone(), "changed")),
            Some(_) => {}
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        changes.insert(name.clone(), "removed");
    }
    changes
}

/// The functions refuse a configuration that names a secret which is not there. Those for test
/// orders never leave the machine where `supplier test` is typed, and mails go through SES.
async fn miss_secrets(
    opened: &Opened,
    registry: Registry,
    checked: &mut Checked,
) -> anyhow::Result<()> {
    let Some(contents) = &checked.contents else {
        return Ok(());
    };
    let loaded = &contents.configuration;
    let of_merchant = |key, message: &str| {
        let sources = &loaded.sources;
        sources.problem(Section::Merchant, key, None, message.to_owned())
    };
    match loaded.mail_via {
        Some(MailVia::Smtp(_)) => checked.warnings.push(of_merchant(
            "smtp",
            "[merchant.smtp] is for one machine: on AWS mails go through SES",
        )),
        // Whoever wants nothing sent must not find it sent.
        Some(MailVia::Outbox) => checked.problems.push(
            of_merchant(
                "mail_via",
                "there is no outbox for mails on AWS, where they go through SES to your suppliers",
            )
            .expecting("a configuration without it"),
        ),
        None => {}
    }
    if loaded.files_group.is_some() {
        checked.warnings.push(of_merchant(
            "files",
            "[merchant.files] is for one machine: on AWS roles say who reads the drops bucket",
        ));
    }
    let ssm = opened.account.clients.ssm();
    let path = &opened.outputs.parameters_path;
    let channels = SsmSecrets::read(ssm.clone(), format!("{path}/channels")).await?;
    let suppliers = SsmSecrets::read(ssm, format!("{path}/suppliers")).await?;
    for secret in named_secrets(loaded, registry) {
        let secrets = match secret.section {
            Section::Channel(_) => &channels,
            Section::Supplier(_) => &suppliers,
            Section::Rules | Section::Merchant => continue,
        };
        let name = &secret.name;
        if !secret.is_rehearsed && secrets.get(name).await?.is_none() {
            let problem = connectors::unset(loaded, secret.section, name, secrets.place(name));
            checked.problems.push(problem);
        }
    }
    Ok(())
}

/// Where orders go out by mail, SES has to take them all. Whoever may push and not read the quota is
/// told so, and pushes all the same.
async fn warn_of_sending_quota(opened: &Opened, registry: Registry, checked: &mut Checked) {
    let Some(contents) = &checked.contents else {
        return;
    };
    let loaded = &contents.configuration;
    let mut suppliers = loaded.settings.suppliers.values();
    if !suppliers.any(|supplier| {
        let entry = registry.supplier(&supplier.method);
        entry.is_some_and(|entry| entry.sends_mail)
    }) {
        return;
    }
    let client = opened.account.clients.ses(QUOTA_WITHIN);
    let message = match SendingQuota::read(&client).await {
        Ok(quota) => quota.warning(),
        Err(error) => Some(format!(
            "the sending quota of SES cannot be read, which needs ses:GetSendQuota: {error}"
        )),
    };
    let warning = message.map(|message| {
        loaded
            .sources
            .problem(Section::Merchant, "mail", None, message)
    });
    checked.warnings.extend(warning);
}

/// What the functions find, which may be no bundle, and since when; `None` where nothing was pushed.
type Stored = Option<(Result<Bundle, String>, Timestamp)>;

async fn stored(opened: &Opened) -> anyhow::Result<Stored> {
    let s3 = opened.account.clients.s3();
    stored_in(&s3, &opened.outputs.artifacts_bucket).await
}

async fn stored_in(s3: &Client, bucket: &str) -> anyhow::Result<Stored> {
    let head = s3.head_object().bucket(bucket).key(KEY).send();
    let head = match head.await {
        Ok(head) => head,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(HeadObjectError::is_not_found) =>
        {
            return Ok(None);
        }
        Err(error) => {
            let error = anyhow::Error::new(error);
            return Err(error.context(format!("{KEY} cannot be read")));
        }
    };
    let at = head.last_modified().map_or(0, DateTime::secs);
    let at = Timestamp::from_second(at)?;
    let bundles = S3Bundles::new(s3.clone(), bucket.to_owned());
    let newest = bundles.newer().await?;
    let newest = newest.context("the bundle is gone")?;
    Ok(Some((newest.map_err(|bad| bad.why), at)))
}

/// Whoever is in the configuration that was pushed last.
pub(crate) struct Configured {
    pub(crate) s3: Client,
    pub(crate) bucket: String,
}

impl Configured {
    async fn settings(&self) -> Result<Option<Settings>, StoreError> {
        let stored = stored_in(&self.s3, &self.bucket).await.map_err(|error| {
            let what = format!("the configuration did not answer: {error:#}");
            StoreError::Unavailable(Unavailable::new(what))
        });
        let bundle = stored?.and_then(|(bundle, _)| bundle.ok());
        let loaded =
            bundle.map(|bundle| configuration::load_without_offers(&bundle.files, &bundle.digests));
        Ok(loaded.and_then(Result::ok).map(|loaded| loaded.settings))
    }
}

#[async_trait]
impl Parties for Configured {
    async fn channels(&self) -> Result<Vec<ChannelId>, StoreError> {
        let settings = self.settings().await?;
        let channels = settings.map(|settings| settings.channels.into_keys().collect());
        Ok(channels.unwrap_or_default())
    }

    async fn suppliers(&self) -> Result<Vec<SupplierId>, StoreError> {
        let settings = self.settings().await?;
        let suppliers = settings.map(|settings| settings.suppliers.into_keys().collect());
        Ok(suppliers.unwrap_or_default())
    }
}

fn bundles(opened: &Opened) -> S3Bundles {
    S3Bundles::new(
        opened.account.clients.s3(),
        opened.outputs.artifacts_bucket.clone(),
    )
}

pub(crate) async fn show(opened: &Opened, json: bool) -> anyhow::Result<Exit> {
    let Some((bundle, at)) = stored(opened).await? else {
        let said = "no configuration was pushed yet; `waybill config push` does it";
        return Err(Instead::not_found(said).into());
    };
    let bundle = match bundle {
        Ok(bundle) => bundle,
        Err(why) => return Err(Instead::refused(&why).into()),
    };
    let digest = Digest::of_value(&bundle.digests);
    if json {
        let document = json!({
            "configuration": digest.short(),
            "pushed_at": at,
            "files": bundle.digests,
        });
        say_lines(format_args!("{document:#}"));
        return Ok(Exit::Done);
    }
    say(format_args!(
        "configuration {}, pushed {}",
        digest.short(),
        moment(at)
    ));
    for (name, digest) in &bundle.digests {
        let place = if name == OFFERS {
            ", applied to the stock"
        } else {
            ""
        };
        say(format_args!("  {name} {}{place}", digest.short()));
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_by_file() {
        let digests = |files: &[(&str, &str)]| {
            let files = files.iter();
            files
                .map(|(name, text)| ((*name).to_owned(), Digest::of(text.as_bytes())))
                .collect::<BTreeMap<_, _>>()
        };
        let before = digests(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let after = digests(&[("a", "1"), ("b", "2"), ("d", "1")]);
        let told: Vec<_> = changes(&before, &after).into_iter().collect();
        let expected = [("b", "changed"), ("c", "removed"), ("d", "added")];
        assert_eq!(told, expected.map(|(name, how)| (name.to_owned(), how)));
        assert!(changes(&after, &after).is_empty());
    }
}
