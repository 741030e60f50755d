//! The merchant's configuration as types. The crate `configuration` reads it from the text files;
//! everything else only looks at it.

mod rules;
pub mod terms;

pub use rules::{
    Allowed, ByChannel, Comparison, CostRules, Extra, Extras, Limits, PaymentRules, Release, Risk,
    Rules, Split, Unmapped, Unpaid,
};

use crate::calendar::{next_cut_off, next_opening};
use crate::digest::Digest;
use crate::ids::{ChannelCode, ChannelId, SupplierId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use terms::Terms;

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

/// How mails leave one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailVia {
    Smtp(Smtp),
    /// They lie there as files, and nobody sends them.
    Outbox,
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
    /// Picks the code.
    pub kind: String,
    pub code: ChannelCode,
    /// Orders placed earlier are never forwarded.
    pub start_from: Timestamp,
    /// Names of the webhook secrets, several while one is being rotated; none where the kind needs none.
    pub secrets: Vec<String>,
    /// What only that kind knows.
    pub specific: serde_json::Value,
}

/// When a purchase order goes out, and the day of that in the supplier's own zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    pub day: Date,
    pub at: Timestamp,
    /// Where it goes with a batch.
    pub cut_off: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct SupplierSettings {
    pub id: SupplierId,
    pub name: String,
    /// Whom to call, for what no method can ask.
    pub contact: Option<String>,
    /// Picks the code: `mail`, `csv`, `http`.
    pub method: String,
    /// Lower goes first.
    pub priority: u32,
    pub po_box: bool,
    pub military: bool,
    /// Sends at once.
    pub concurrency: usize,
    /// Where it ships, what it charges and when it works.
    pub terms: Terms,
    /// Its purchase orders are gathered in one file for each cut-off of its calendar.
    pub batched: bool,
    /// What only that method knows.
    pub specific: serde_json::Value,
}

impl SupplierSettings {
    /// Every other setting as where the files say nothing of it.
    pub fn plain(id: SupplierId, method: &str, specific: serde_json::Value) -> Self {
        Self {
            name: id.to_string(),
            id,
            contact: None,
            method: method.to_owned(),
            priority: 10,
            po_box: true,
            military: true,
            concurrency: 4,
            terms: Terms::default(),
            batched: false,
            specific,
        }
    }

    /// When a purchase order that is planned `now` goes out: with the next batch, else once the
    /// supplier is open.
    pub fn departure(&self, now: Timestamp) -> Departure {
        let cut_off = self.next_batch(now);
        let opening = || match &self.terms.calendar {
            Some(calendar) => next_opening(calendar, now),
            None => now,
        };
        let at = cut_off.unwrap_or_else(opening);
        Departure {
            day: self.zone().to_datetime(at).date(),
            at,
            cut_off,
        }
    }

    /// The first on a later day than that; none at the end of time.
    pub fn departure_after(&self, day: Date) -> Option<Departure> {
        let morning = day.tomorrow().ok()?.to_zoned(self.zone()).ok()?;
        let before = morning.timestamp() - SignedDuration::from_secs(1);
        match self.next_batch(before) {
            Some(_) => Some(self.departure(before)),
            None => Some(self.departure(morning.timestamp())),
        }
    }

    /// Of its calendar; UTC where it has none.
    fn zone(&self) -> TimeZone {
        let calendar = self.terms.calendar.as_ref();
        calendar.map_or(TimeZone::UTC, |calendar| calendar.zone.clone())
    }

    /// The cut-off after `now` with which a purchase order goes, where the supplier takes batches.
    pub fn next_batch(&self, now: Timestamp) -> Option<Timestamp> {
        let calendar = self.terms.calendar.as_ref().filter(|_| self.batched)?;
        next_cut_off(calendar, now + SignedDuration::from_secs(1))
    }
}
