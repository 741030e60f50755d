//! What would only show when an order is sent is refused when the settings are read.

use super::settings::{Auth, Lookup, Retry429, SecretForm, Settings, Step};
use domain::order::answer::RejectionReason;
use http_client::host_of;
use registry::{Hosts, SecretNames, SettingsError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Longer than any supplier takes, and short enough that a claim is settled the same hour.
const LONGEST_TIMEOUT: u64 = 300;

pub(super) fn read(specific: &Value) -> Result<Settings, SettingsError> {
    let nothing = Value::Object(serde_json::Map::new());
    let specific = if specific.is_null() {
        &nothing
    } else {
        specific
    };
    serde_path_to_error::deserialize(specific).map_err(|error| {
        let path = match error.path().to_string().as_str() {
            "." => "http".to_owned(),
            path => path.to_owned(),
        };
        SettingsError::of_reading("http", &path, &error.into_inner().to_string())
    })
}

/// The settings of a supplier that can be opened.
pub(super) fn checked(specific: &Value) -> Result<Settings, SettingsError> {
    let settings = read(specific)?;
    if !(1..=LONGEST_TIMEOUT).contains(&settings.timeout) {
        let message = format!("1 to {LONGEST_TIMEOUT} seconds");
        return Err(SettingsError::new("timeout", message));
    }
    shape(&settings)?;
    distinct("", &settings.headers, &settings.secret_headers)?;
    if let Some(rate) = &settings.rate
        && (rate.per_minute == 0 || rate.burst == 0)
    {
        let message = "per_minute and burst count from 1: at 0 nothing would ever be sent";
        return Err(SettingsError::new("rate", message));
    }
    if let Some(Auth::OAuth2 { token_url, .. }) = &settings.auth {
        url(&settings, "auth.token_url", token_url)?;
    }
    if let Some(Auth::Header { header, .. }) = &settings.auth {
        header_name("auth.header", header)?;
    }
    if is_twice(&settings, &settings.headers) || is_twice(&settings, &settings.secret_headers) {
        return Err(SettingsError::new("headers", "[auth] gives that header"));
    }
    for (word, reason) in &settings.reasons {
        if RejectionReason::parse(reason).is_none() {
            let names: Vec<&str> = RejectionReason::ALL.map(RejectionReason::name).to_vec();
            let message = format!("{reason:?} is no reason");
            return Err(SettingsError::new(format!("reasons.{word}"), message)
                .expecting(format!("one of {}", names.join(", ")))
                .unknown(reason, names));
        }
    }
    if let Some(sandbox) = &settings.sandbox {
        for to in sandbox.urls.values() {
            url(&settings, "sandbox.urls", to)?;
        }
    }
    let (steps, cancels) = (settings.steps(), settings.cancels());
    sequence(&settings, &steps)?;
    sequence(&settings, &cancels)?;
    if settings.retry_429 == Retry429::LookUp
        && let Some((path, _)) = steps.iter().find(|(_, step)| step.lookup.is_none())
    {
        let message = format!("{path} has no look-up to ask");
        return Err(SettingsError::new("retry_429", message)
            .expecting("a look-up for every step, or retry_429 = \"send\""));
    }
    for (path, step) in &steps {
        let lookup = step.lookup.as_ref();
        let answers = [
            step.accepted.as_ref(),
            step.refused.as_ref(),
            step.too_late.as_ref(),
            lookup.and_then(|lookup| lookup.accepted.as_ref()),
            lookup.and_then(|lookup| lookup.refused.as_ref()),
            lookup.and_then(|lookup| lookup.too_late.as_ref()),
        ];
        if answers.into_iter().flatten().next().is_some()
            || step.whole_only.is_some()
            || step.one_reference.is_some()
        {
            let message = "accepted, refused, too_late, whole_only and one_reference are for \
                           [[cancel]] only";
            return Err(SettingsError::new(path, message));
        }
    }
    Ok(settings)
}

/// Whether headers hold the one that `[auth]` gives.
fn is_twice(settings: &Settings, headers: &BTreeMap<String, String>) -> bool {
    let shown = settings.auth.as_ref().map(|auth| match auth {
        Auth::Header { header, .. } => header.as_str(),
        Auth::Bearer { .. } | Auth::Basic { .. } | Auth::OAuth2 { .. } => "authorization",
    });
    shown.is_some_and(|shown| headers.keys().any(|name| name.eq_ignore_ascii_case(shown)))
}

fn shape(settings: &Settings) -> Result<(), SettingsError> {
    let refused = |path: &str, message: &str| Err(SettingsError::new(path, message));
    if settings.create.is_some() && !settings.step.is_empty() {
        return refused(
            "create",
            "one step is [create], several are [[step]]; not both",
        );
    }
    if settings.create.is_none() && settings.step.is_empty() {
        return refused("http", "without [create] or a [[step]] nothing can be sent");
    }
    if settings.create.is_none() && settings.lookup.is_some() {
        return refused(
            "lookup",
            "beside [[step]] each step has its own [step.lookup]",
        );
    }
    if let Some(create) = &settings.create
        && create.lookup.is_some()
        && settings.lookup.is_some()
    {
        return refused("lookup", "the step has a look-up already");
    }
    Ok(())
}

fn sequence(settings: &Settings, steps: &[(String, Step)]) -> Result<(), SettingsError> {
    let mut names = BTreeSet::new();
    let last = steps.len().saturating_sub(1);
    for (index, (path, step)) in steps.iter().enumerate() {
        let refused =
            |key: &str, message: String| Err(SettingsError::new(format!("{path}.{key}"), message));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if step.name.is_empty() || !step.name.bytes().all(plain) {
            return refused(
                "name",
                "a name of a-z, 0-9 and -, such as \"create\"".to_owned(),
            );
        }
        if !names.insert(step.name.as_str()) {
            return refused("name", format!("two steps are called {}", step.name));
        }
        request(settings, path, &step.url, step.method.as_deref())?;
        distinct(path, &step.headers, &step.secret_headers)?;
        if step.reference.is_some() && step.references.is_some() {
            return refused(
                "references",
                "reference is one, references is a list; not both".to_owned(),
            );
        }
        if index != last && (step.reference.is_some() || step.references.is_some()) {
            let message = "only the last step gives references: extract it here, and there write \
                           reference = \"extracted.NAME\"";
            return refused("reference", message.to_owned());
        }
        if index == last && !step.extract.is_empty() {
            let message = "no step follows that could use it".to_owned();
            return refused("extract", message);
        }
        if is_twice(settings, &step.headers) || is_twice(settings, &step.secret_headers) {
            return refused("headers", "[auth] gives that header".to_owned());
        }
        if let Some(lookup) = &step.lookup {
            let needed = if index == last {
                None
            } else {
                Some(&step.extract)
            };
            self::lookup(settings, &Step::lookup_path(path), lookup, needed)?;
        }
    }
    Ok(())
}

fn lookup(
    settings: &Settings,
    path: &str,
    lookup: &Lookup,
    needed: Option<&BTreeMap<String, String>>,
) -> Result<(), SettingsError> {
    request(settings, path, &lookup.url, lookup.method.as_deref())?;
    distinct(path, &lookup.headers, &lookup.secret_headers)?;
    if lookup.authoritative && lookup.lag.is_none() {
        let message = "an authoritative look-up needs the seconds after which it knows";
        return Err(SettingsError::new(format!("{path}.lag"), message));
    }
    let missing = needed
        .into_iter()
        .flat_map(BTreeMap::keys)
        .find(|name| !lookup.extract.contains_key(*name));
    if let Some(name) = missing {
        let message = format!("the steps that follow need {name} from the look-up too");
        return Err(SettingsError::new(format!("{path}.extract"), message));
    }
    Ok(())
}

fn request(
    settings: &Settings,
    path: &str,
    template: &str,
    method: Option<&str>,
) -> Result<(), SettingsError> {
    if let Some(method) = method
        && (method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()))
    {
        let message = "a method is written in upper case, such as POST";
        return Err(SettingsError::new(format!("{path}.method"), message));
    }
    url(settings, &format!("{path}.url"), template)
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

fn url(settings: &Settings, path: &str, template: &str) -> Result<(), SettingsError> {
    if literal_host(template).is_none() {
        let message = "no order may choose the host that it goes to";
        let expected = "a URL of https:// and a host without placeholders or user name";
        return Err(SettingsError::new(path, message).expecting(expected));
    }
    let plain = template
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    if plain && !settings.allow_private {
        let message =
            "plain http:// shows the customer's address and your secret to everyone between";
        let expected = "https://, or allow_private = true for a program on your own network";
        return Err(SettingsError::new(path, message).expecting(expected));
    }
    Ok(())
}

fn header_name(path: &str, name: &str) -> Result<(), SettingsError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        let message = format!("{name:?} cannot be a header");
        return Err(SettingsError::new(path, message));
    }
    Ok(())
}

fn distinct(
    part: &str,
    headers: &BTreeMap<String, String>,
    secret_headers: &BTreeMap<String, String>,
) -> Result<(), SettingsError> {
    let path = if part.is_empty() {
        "headers".to_owned()
    } else {
        format!("{part}.headers")
    };
    let mut seen = BTreeSet::new();
    for name in headers.keys().chain(secret_headers.keys()) {
        header_name(&path, name)?;
        if !seen.insert(name.to_ascii_lowercase()) {
            let message = format!("the header {name} is there twice");
            return Err(SettingsError::new(path, message));
        }
    }
    Ok(())
}

/// Names of all secrets that the settings mention, those of the sandbox included.
pub(super) fn secrets(specific: &Value) -> SecretNames {
    let Ok(settings) = read(specific) else {
        return SecretNames::default();
    };
    let mut forms: Vec<&str> = settings
        .secret_headers
        .values()
        .map(String::as_str)
        .collect();
    forms.extend(settings.auth.iter().flat_map(Auth::secrets));
    for step in settings
        .create
        .iter()
        .chain(&settings.step)
        .chain(&settings.cancel)
    {
        forms.extend(step.secret_headers.values().map(String::as_str));
        if let Some(lookup) = &step.lookup {
            forms.extend(lookup.secret_headers.values().map(String::as_str));
        }
    }
    if let Some(lookup) = &settings.lookup {
        forms.extend(lookup.secret_headers.values().map(String::as_str));
    }
    if let Some(sandbox) = &settings.sandbox {
        forms.extend(sandbox.secrets.values().map(String::as_str));
    }
    let names: BTreeSet<String> = forms
        .into_iter()
        .map(|form| SecretForm::parse(form).name.to_owned())
        .collect();
    let sandbox = settings.sandbox.iter();
    let mut rehearsed: Vec<String> = sandbox
        .flat_map(|sandbox| sandbox.secrets.values().cloned())
        .collect();
    rehearsed.dedup();
    SecretNames {
        all: names.into_iter().collect(),
        rehearsed,
    }
}

/// The only hosts that requests may go to, the sandbox's included.
pub(super) fn hosts(specific: &Value) -> Hosts {
    let Ok(settings) = read(specific) else {
        return Hosts::default();
    };
    let mut urls: Vec<&str> = Vec::new();
    if let Some(Auth::OAuth2 { token_url, .. }) = &settings.auth {
        urls.push(token_url);
    }
    for step in settings
        .create
        .iter()
        .chain(&settings.step)
        .chain(&settings.cancel)
    {
        urls.push(&step.url);
        urls.extend(step.lookup.as_ref().map(|lookup| lookup.url.as_str()));
    }
    urls.extend(settings.lookup.as_ref().map(|lookup| lookup.url.as_str()));
    if let Some(sandbox) = &settings.sandbox {
        urls.extend(sandbox.urls.values().map(String::as_str));
    }
    let names: BTreeSet<String> = urls.into_iter().filter_map(literal_host).collect();
    Hosts {
        names: names.into_iter().collect(),
        may_be_private: settings.allow_private,
    }
}
