//! What the merchant says about a supplier's HTTP interface.

use crate::{SettingsError, read};
use http_client::host_of;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Longer than any supplier takes, and short enough that a claim is settled the same hour.
const LONGEST_TIMEOUT: u64 = 300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    #[serde(default = "twenty")]
    timeout: u64,
    /// For a supplier's program on this machine or its network.
    #[serde(default)]
    allow_private: bool,
    pub(super) create: Create,
    pub(super) lookup: Option<Lookup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    pub(super) url: String,
    #[serde(default = "post")]
    pub(super) method: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// A header and the name of its secret, or `Bearer {NAME}`.
    #[serde(default)]
    pub(super) secret_headers: BTreeMap<String, String>,
    pub(super) body: String,
    #[serde(default = "success")]
    pub(super) success: String,
    pub(super) already_exists: Option<String>,
    #[serde(default = "rejected")]
    pub(super) rejected: String,
    pub(super) retryable: Option<String>,
    pub(super) reference: Option<String>,
    /// Address fields that the body leaves out on purpose.
    #[serde(default)]
    pub(super) omits: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lookup {
    pub(super) url: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) secret_headers: BTreeMap<String, String>,
    /// Without a default: many suppliers answer 200 with an empty list.
    pub(super) found: String,
    pub(super) reference: Option<String>,
    #[serde(default = "absent")]
    pub(super) absent: String,
    /// Whether "not there" proves anything, and how late the supplier may be to know.
    #[serde(default)]
    authoritative: bool,
    lag: Option<u64>,
}

fn twenty() -> u64 {
    20
}

fn post() -> String {
    "POST".to_owned()
}

fn success() -> String {
    "status >= 200 and status < 300".to_owned()
}

fn rejected() -> String {
    "status in [400, 404, 409, 422]".to_owned()
}

fn absent() -> String {
    "status == 404".to_owned()
}

impl Settings {
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

impl Create {
    pub(super) fn expressions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("create.success", Some(self.success.as_str())),
            ("create.already_exists", self.already_exists.as_deref()),
            ("create.rejected", Some(self.rejected.as_str())),
            ("create.retryable", self.retryable.as_deref()),
            ("create.reference", self.reference.as_deref()),
        ]
        .into_iter()
        .filter_map(|(path, expression)| Some((path, expression?)))
    }

    pub(super) fn names_header(&self, name: &str) -> bool {
        self.headers
            .keys()
            .chain(self.secret_headers.keys())
            .any(|header| header.eq_ignore_ascii_case(name))
    }
}

impl Lookup {
    pub(super) fn expressions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("lookup.found", Some(self.found.as_str())),
            ("lookup.absent", Some(self.absent.as_str())),
            ("lookup.reference", self.reference.as_deref()),
        ]
        .into_iter()
        .filter_map(|(path, expression)| Some((path, expression?)))
    }

    pub(super) fn lag(&self) -> Option<Duration> {
        self.lag
            .filter(|_| self.authoritative)
            .map(Duration::from_secs)
    }
}

/// `Bearer {NAME}` taken apart; without braces the whole is the name.
pub(super) struct SecretHeader<'a> {
    pub(super) before: &'a str,
    pub(super) name: &'a str,
    pub(super) after: &'a str,
}

impl<'a> SecretHeader<'a> {
    pub(super) fn parse(form: &'a str) -> Self {
        let braces = form.split_once('{').and_then(|(before, rest)| {
            let (name, after) = rest.split_once('}')?;
            Some(Self {
                before,
                name,
                after,
            })
        });
        braces.unwrap_or(Self {
            before: "",
            name: form,
            after: "",
        })
    }
}

/// The settings, with everything refused that would only show when an order is sent.
pub(super) fn checked(specific: &Value) -> Result<Settings, SettingsError> {
    let settings: Settings = read("http", specific)?;
    if !(1..=LONGEST_TIMEOUT).contains(&settings.timeout) {
        let message = format!("1 to {LONGEST_TIMEOUT} seconds");
        return Err(SettingsError::new("timeout", message));
    }
    let create = &settings.create;
    if create.method.is_empty() || !create.method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let message = "a method is written in upper case, such as POST";
        return Err(SettingsError::new("create.method", message));
    }
    named("create.url", &create.url)?;
    distinct("create", &create.headers, &create.secret_headers)?;
    if let Some(lookup) = &settings.lookup {
        named("lookup.url", &lookup.url)?;
        distinct("lookup", &lookup.headers, &lookup.secret_headers)?;
        if lookup.authoritative && lookup.lag.is_none() {
            let message = "an authoritative look-up needs the seconds after which it knows";
            return Err(SettingsError::new("lookup.lag", message));
        }
    }
    Ok(settings)
}

/// The host of a URL's template, which must be written out: no order may choose it.
fn literal_host(template: &str) -> Option<String> {
    let (_, rest) = template.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    if authority.contains(['{', '}', '@', '\\']) {
        return None;
    }
    host_of(template)
}

fn named(path: &str, template: &str) -> Result<(), SettingsError> {
    if literal_host(template).is_some() {
        return Ok(());
    }
    let message = "a URL starts with https:// and a host without placeholders or user name";
    Err(SettingsError::new(path, message))
}

fn distinct(
    part: &str,
    headers: &BTreeMap<String, String>,
    secret_headers: &BTreeMap<String, String>,
) -> Result<(), SettingsError> {
    let mut seen = BTreeSet::new();
    for name in headers.keys().chain(secret_headers.keys()) {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            let message = format!("{name:?} cannot be a header");
            return Err(SettingsError::new(format!("{part}.headers"), message));
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            let message = format!("the header {name} is there twice");
            return Err(SettingsError::new(format!("{part}.headers"), message));
        }
    }
    Ok(())
}

pub(super) fn secrets(specific: &Value) -> Vec<String> {
    let Ok(settings) = read::<Settings>("http", specific) else {
        return Vec::new();
    };
    let lookup = settings
        .lookup
        .as_ref()
        .map(|lookup| &lookup.secret_headers);
    let names: BTreeSet<String> = settings
        .create
        .secret_headers
        .values()
        .chain(lookup.into_iter().flat_map(BTreeMap::values))
        .map(|form| SecretHeader::parse(form).name.to_owned())
        .collect();
    names.into_iter().collect()
}

pub(super) fn hosts(specific: &Value) -> Vec<String> {
    let Ok(settings) = read::<Settings>("http", specific) else {
        return Vec::new();
    };
    let urls = [
        Some(&settings.create.url),
        settings.lookup.as_ref().map(|lookup| &lookup.url),
    ];
    let hosts: BTreeSet<String> = urls
        .into_iter()
        .flatten()
        .filter_map(|url| literal_host(url))
        .collect();
    hosts.into_iter().collect()
}

/// Whether these settings of the method `http` let requests go to private addresses.
pub fn allow_private(specific: &Value) -> bool {
    read::<Settings>("http", specific).is_ok_and(|settings| settings.allow_private)
}
