//! Connectors to reach a supplier. A method is one file here and one line in [`SUPPLIERS`]; the rest of
//! Waybill knows only the traits of `ports`.
//!
//! Every method keeps the same promises: `prepare` is pure and repeats its bytes exactly, `send` is
//! one step without a retry below it, and whatever is not known to have failed is in doubt.

mod csv;
mod http;
mod mail;
mod problem;
mod sample;
mod table;
mod templates;
#[cfg(test)]
mod testing;

use domain::order::answer::Progress;
use http_client::Http;
use ports::{Files, Mailer, PrepareError, Supplier};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use http::{Rehearsal, StepReport, allow_private, rehearsal, sandbox_secrets};
pub use problem::{SettingsError, Unknown};

/// What a method may use, though none uses everything.
pub struct Opening<'a> {
    pub settings: &'a domain::settings::SupplierSettings,
    /// The merchant's address, from which mails are sent.
    pub sender: &'a str,
    /// Pinned to the hosts that [`Entry::hosts`] names.
    pub http: Arc<dyn Http>,
    pub files: Arc<dyn Files>,
    pub mailer: Arc<dyn Mailer>,
    /// The values of the names that [`Entry::secrets`] gives.
    pub secrets: BTreeMap<String, SecretString>,
    /// Somebody has opened the same settings before, and tried them with an example: that is not
    /// done again. What a real artifact lacks shows all the same, when it is made.
    pub tried_before: bool,
}

pub struct Entry {
    /// As written in the supplier's settings.
    pub method: &'static str,
    pub open: fn(Opening) -> Result<Box<dyn Supplier>, SettingsError>,
    /// Names of the secrets that the settings mention; none where the settings cannot be read.
    pub secrets: fn(&serde_json::Value) -> Vec<String>,
    /// The only hosts that requests may go to.
    pub hosts: fn(&serde_json::Value) -> Vec<String>,
}

pub const SUPPLIERS: &[Entry] = &[mail::ENTRY, csv::ENTRY, http::ENTRY];

pub fn entry(method: &str) -> Option<&'static Entry> {
    SUPPLIERS.iter().find(|entry| entry.method == method)
}

/// The settings of one method, with its name as the path of what does not fit at all.
fn read<T: DeserializeOwned>(
    method: &str,
    specific: &serde_json::Value,
) -> Result<T, SettingsError> {
    let nothing = serde_json::Value::Object(serde_json::Map::new());
    let specific = if specific.is_null() {
        &nothing
    } else {
        specific
    };
    serde_path_to_error::deserialize(specific).map_err(|error| {
        let path = match error.path().to_string().as_str() {
            "." => method.to_owned(),
            path => path.to_owned(),
        };
        SettingsError::of_reading(method, &path, &error.into_inner().to_string())
    })
}

/// What only a trial with an example order shows of a supplier's settings, beside what opening it
/// refuses.
#[derive(Debug, Default)]
pub struct Tried {
    pub errors: Vec<SettingsError>,
    /// What can be taken, and is hardly what somebody wants.
    pub warnings: Vec<SettingsError>,
}

/// Renders every request that the supplier may be sent, as far as the method does not already when
/// it is opened. Settings that cannot be opened tell nothing here.
pub fn tried(opening: Opening) -> Tried {
    match opening.settings.method.as_str() {
        "http" => http::tried(opening),
        _ => Tried::default(),
    }
}

/// For methods that hand everything over at once. Steps that are done were made under other
/// settings, and what they handed over must not go a second time.
fn no_steps(progress: &Progress) -> Result<(), PrepareError> {
    progress.steps.first().map_or(Ok(()), |step| {
        Err(PrepareError(format!(
            "the step {step:?} is done, but the settings know no such step"
        )))
    })
}

/// For methods that need none.
fn no_names(_: &serde_json::Value) -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_once() {
        for method in ["mail", "csv", "http"] {
            assert_eq!(entry(method).unwrap().method, method);
        }
        assert_eq!(SUPPLIERS.len(), 3);
        assert!(entry("fax").is_none());
    }
}
