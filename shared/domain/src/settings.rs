//! The merchant's configuration as types. The crate `configuration` reads it from the text files;
//! everything else only looks at it.

use crate::digest::Digest;
use crate::ids::{ChannelCode, ChannelId, SupplierId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything the text files say, and the digest of it that decisions record.
#[derive(Debug, Clone)]
pub struct Settings {
    pub digest: Digest,
    pub merchant: Merchant,
    pub channels: BTreeMap<ChannelId, ChannelSettings>,
    pub suppliers: BTreeMap<SupplierId, SupplierSettings>,
    pub rules: Rules,
}

/// Who writes to suppliers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Merchant {
    pub name: String,
    /// Sender of purchase order mails.
    pub mail: String,
    /// Where customers send returns, in lines as on a label.
    pub returns_address: String,
    pub phone: String,
    pub website: String,
}

/// The merchant's mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    /// Both or neither; the password is the name of a secret.
    pub login: Option<SmtpLogin>,
    pub tls: SmtpTls,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpLogin {
    pub user: String,
    pub password: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// Asked for in the open and never done without.
    StartTls,
    /// From the first byte.
    Implicit,
    /// For a server on this machine.
    NoneOnLoopback,
}

#[derive(Debug, Clone)]
pub struct ChannelSettings {
    pub id: ChannelId,
    /// Picks the code: `shopify`.
    pub kind: String,
    pub code: ChannelCode,
    /// Orders placed earlier are never forwarded.
    pub start_from: Timestamp,
    /// Names of the webhook secrets, several while one is being rotated.
    pub secrets: Vec<String>,
    /// What only that kind knows.
    pub specific: serde_json::Value,
}

#[derive(Debug, Clone)]
pub struct SupplierSettings {
    pub id: SupplierId,
    pub name: String,
    /// Picks the code: `mail`, `csv`, `http`.
    pub method: String,
    /// Lower goes first.
    pub priority: u32,
    pub po_box: bool,
    pub military: bool,
    /// Sends at once.
    pub concurrency: usize,
    /// What only that method knows.
    pub specific: serde_json::Value,
}

/// Rules of routing with their defaults: none need be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub split: Split,
    /// Stock told longer ago is not trusted.
    pub stock_max_age: SignedDuration,
    /// Tags with which an order is never sent, in lower case.
    pub never_send_tags: BTreeSet<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            split: Split::Allow,
            stock_max_age: SignedDuration::from_hours(72),
            never_send_tags: ["never-send".to_owned(), "no-dropship".to_owned()].into(),
        }
    }
}

/// Whether several suppliers may ship one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// One supplier where one has everything, else line by line.
    Allow,
    /// One supplier for everything, else the order is held.
    Never,
}
