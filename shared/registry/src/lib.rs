//! What a kind of channel or a method of a supplier is registered with, and what it is opened with.
//!
//! A connector is a folder with an [`Entry`], and a line in a slice of entries. Nothing else names its
//! kind: whatever the rest of Waybill has to know of it, the entry says. Which slices there are is
//! said by a program's `main`, which passes a [`Registry`] on.

mod problem;
mod rehearsal;

use http_client::Http;
use ports::{Channel, Files, Mailer, Supplier};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use problem::{SettingsError, Unknown};
pub use rehearsal::{Rehearsal, StepReport};

/// What a connector may use, though none uses everything.
pub struct Opening<'a> {
    /// The merchant's name of the channel or supplier.
    pub id: &'a str,
    /// The table of the connector's own settings.
    pub settings: &'a Value,
    /// The merchant's address, from which mails are sent.
    pub sender: &'a str,
    /// Pinned to the hosts that [`Entry::hosts`] names.
    pub http: Arc<dyn Http>,
    pub files: Arc<dyn Files>,
    pub mailer: Arc<dyn Mailer>,
    /// The values of the names that [`Entry::secrets`] gives.
    pub secrets: BTreeMap<String, SecretString>,
    /// Of a channel: the values of its `secrets`, several while one is being rotated.
    pub webhook_secrets: Vec<SecretString>,
    /// Somebody has opened the same settings before, and tried them with an example: that is not
    /// done again. What a real artifact lacks shows all the same, when it is made.
    pub tried_before: bool,
}

/// Secrets that settings mention by name; none where the settings cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretNames {
    pub all: Vec<String>,
    /// Those of `all` that only a test order needs.
    pub rehearsed: Vec<String>,
}

/// The only hosts that requests may go to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    pub names: Vec<String>,
    /// They may be in a private network.
    pub may_be_private: bool,
}

/// What only a trial with an example shows of settings, beside what opening them refuses.
#[derive(Debug, Default)]
pub struct Tried {
    pub errors: Vec<SettingsError>,
    /// What can be taken, and is hardly what somebody wants.
    pub warnings: Vec<SettingsError>,
}

pub type Open<C> = fn(Opening<'_>) -> Result<Box<C>, SettingsError>;
pub type OpenRehearsal = fn(Opening<'_>) -> Result<Box<dyn Rehearsal>, SettingsError>;

/// A kind of channel, or a method of a supplier.
pub struct Entry<C: ?Sized> {
    /// As the merchant's file says it.
    pub kind: &'static str,
    pub open: Open<C>,
    pub secrets: fn(&Value) -> SecretNames,
    pub hosts: fn(&Value) -> Hosts,
    /// Renders whatever may be sent, as far as opening does not already. Settings that cannot be
    /// opened show nothing here.
    pub try_out: fn(Opening<'_>) -> Tried,
    /// Opens the sandbox, where there can be one.
    pub rehearse: Option<OpenRehearsal>,
    /// What it sends goes through the merchant's mail service.
    pub sends_mail: bool,
    /// Webhooks are verified by secrets of ours, so that a channel without one could receive none.
    pub needs_webhook_secrets: bool,
}

impl<C: ?Sized> Entry<C> {
    /// One that needs no secret and no host, and tries nothing beyond opening.
    pub const fn new(kind: &'static str, open: Open<C>) -> Self {
        Self {
            kind,
            open,
            secrets: |_| SecretNames::default(),
            hosts: |_| Hosts::default(),
            try_out: |_| Tried::default(),
            rehearse: None,
            sends_mail: false,
            needs_webhook_secrets: false,
        }
    }
}

pub type ChannelEntry = Entry<dyn Channel>;
pub type SupplierEntry = Entry<dyn Supplier>;

/// Every kind that a program knows.
#[derive(Clone, Copy)]
pub struct Registry {
    pub channels: &'static [ChannelEntry],
    pub suppliers: &'static [SupplierEntry],
}

impl Registry {
    /// `None` for a kind that is not registered.
    pub fn channel(&self, kind: &str) -> Option<&'static ChannelEntry> {
        find(self.channels, kind)
    }

    /// `None` for a method that is not registered.
    pub fn supplier(&self, method: &str) -> Option<&'static SupplierEntry> {
        find(self.suppliers, method)
    }
}

/// The entry of that kind.
pub fn find<'a, C: ?Sized>(entries: &'a [Entry<C>], kind: &str) -> Option<&'a Entry<C>> {
    entries.iter().find(|entry| entry.kind == kind)
}

/// Reads the settings of one kind, with its name as the path of what does not fit at all.
pub fn read<T: DeserializeOwned>(kind: &str, settings: &Value) -> Result<T, SettingsError> {
    let nothing = Value::Object(serde_json::Map::new());
    let settings = if settings.is_null() {
        &nothing
    } else {
        settings
    };
    serde_path_to_error::deserialize(settings).map_err(|error| {
        let path = match error.path().to_string().as_str() {
            "." => kind.to_owned(),
            path => path.to_owned(),
        };
        SettingsError::of_reading(kind, &path, &error.into_inner().to_string())
    })
}
