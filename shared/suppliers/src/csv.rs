//! A file for each purchase order in the outbox, or one for all of a cut-off, which the supplier
//! fetches or a person uploads to its portal.
//!
//! A file's name follows from the purchase order or the batch and is created once, so sending twice
//! is the same as sending once, and whether it ever appeared settles every doubt.

use crate::table::{Table, TableSettings};
use crate::{Entry, Opening, SettingsError, no_names, no_steps, read, sample};
use async_trait::async_trait;
use domain::order::answer::Progress;
use domain::order::event::LookupFinding;
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::SignedDuration;
use ports::supplier::LookupAnswer;
use ports::{
    Acceptance, Area, Artifact, Attempt, Batches, Decoded, Files, Handover, LookupPolicy,
    PrepareError, SendLookup, SendOutcome, Supplier, Unavailable,
};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) const ENTRY: Entry = Entry {
    method: "csv",
    open,
    secrets: no_names,
    hosts: no_names,
};

const TIMEOUT: Duration = Duration::from_secs(30);
const NAME: &str = "table";

/// The method's own keys; all others are the table's.
#[derive(Deserialize)]
struct Settings {
    /// Below the outbox; the supplier's id where absent.
    folder: Option<String>,
    batch: Option<BatchSettings>,
}

const OWN: [&str; 2] = ["folder", "batch"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchSettings {
    upload: Upload,
    /// `2h`, `90m`: how long after the cut-off.
    upload_within: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Upload {
    /// Somebody puts the file into the supplier's portal.
    Person,
    /// The supplier takes it from the outbox.
    Fetched,
}

struct Csv {
    folder: String,
    table: Table,
    /// Where purchase orders wait for a cut-off.
    batch: Option<Batch>,
    files: Arc<dyn Files>,
}

struct Batch {
    upload_within: Option<Duration>,
}

fn open(opening: Opening) -> Result<Box<dyn Supplier>, SettingsError> {
    let specific = &opening.settings.specific;
    let settings: Settings = read("csv", specific)?;
    let mut of_table = specific.clone();
    if let Some(keys) = of_table.as_object_mut() {
        keys.retain(|key, _| !OWN.contains(&key.as_str()));
    }
    let table: TableSettings = read("csv", &of_table).map_err(|error| error.beside(&OWN))?;
    let folder = settings
        .folder
        .unwrap_or_else(|| opening.settings.id.to_string());
    if !folder.split('/').all(plain) {
        let message = "a folder has names of letters, digits, '-', '_' and '.', parted by '/'";
        return Err(SettingsError::new("folder", message));
    }
    let table = Table::open(table, "")?;
    let batch = settings.batch.map(Batch::open).transpose()?;
    if batch.is_some() && !table.has_number() {
        let message = "a batch is read back by its numbers: one column has to hold \"number\"";
        return Err(SettingsError::new("columns", message));
    }
    let supplier = Csv {
        folder,
        table,
        batch,
        files: opening.files,
    };
    if !opening.tried_before {
        let lacks = sample::missing(&supplier, &sample::handover())
            .map_err(|error| SettingsError::new("columns", error.to_string()))?;
        if !lacks.is_empty() {
            return Err(SettingsError::losing("columns", &lacks));
        }
    }
    Ok(Box::new(supplier))
}

impl Batch {
    fn open(settings: BatchSettings) -> Result<Self, SettingsError> {
        const PATH: &str = "batch.upload_within";
        let within = settings.upload_within.map(|text| {
            let duration: Option<SignedDuration> = text.parse().ok();
            duration
                .and_then(|duration| Duration::try_from(duration).ok())
                .filter(|duration| !duration.is_zero())
                .ok_or_else(|| SettingsError::new(PATH, "a length of time such as \"2h\""))
        });
        match (settings.upload, within.transpose()?) {
            (Upload::Person, None) => {
                let message = "how long a person may take, such as \"2h\"";
                Err(SettingsError::new(PATH, message))
            }
            (Upload::Fetched, Some(_)) => {
                let message = "only for upload = \"person\"";
                Err(SettingsError::new(PATH, message))
            }
            (Upload::Person | Upload::Fetched, upload_within) => Ok(Self { upload_within }),
        }
    }
}

/// A name that stays in its folder.
fn plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Csv {
    fn key(&self, name: &str) -> String {
        format!("{}/{name}.csv", self.folder)
    }
}

#[async_trait]
impl Supplier for Csv {
    fn prepare(&self, handover: &Handover, progress: &Progress) -> Result<Artifact, PrepareError> {
        no_steps(progress)?;
        Ok(Artifact {
            media_type: "text/csv".to_owned(),
            bytes: self.table.write(handover)?,
            omits: self.table.omits().to_vec(),
            carries_order: true,
        })
    }

    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError> {
        let rows = self.table.read(&artifact.bytes)?;
        Ok(Decoded::one(NAME, self.table.records(&rows)))
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendOutcome {
        if self.batch.is_some() {
            return SendOutcome::not_sent("it goes with the file of the next cut-off");
        }
        let key = self.key(&attempt.id.file_name());
        let put = self.files.put_new(Area::Outbox, &key, &artifact.bytes);
        let why = match timeout(TIMEOUT, put).await {
            // Only we make this key, so a file that is there is ours.
            Ok(Ok(_)) => return SendOutcome::accepted(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the outbox did not answer in time".to_owned(),
        };
        SendOutcome::InDoubt {
            why,
            evidence: Vec::new(),
        }
    }

    /// In a batch the file of the cut-off alone says what was sent.
    fn lookup(&self) -> Option<&dyn SendLookup> {
        self.batch.is_none().then_some(self as &dyn SendLookup)
    }

    fn batches(&self) -> Option<&dyn Batches> {
        self.batch.is_some().then_some(self as &dyn Batches)
    }
}

#[async_trait]
impl SendLookup for Csv {
    /// The outbox is ours: what it does not know never was there.
    fn policy(&self, _: &Attempt) -> LookupPolicy {
        LookupPolicy {
            authoritative_after: Some(Duration::ZERO),
        }
    }

    async fn find(&self, attempt: &Attempt) -> LookupAnswer {
        let key = self.key(&attempt.id.file_name());
        match timeout(TIMEOUT, self.files.was_published(&key)).await {
            Ok(Ok(true)) => LookupAnswer::Accepted(Acceptance::default()),
            Ok(Ok(false)) => LookupAnswer::NotFound(LookupFinding::Absent),
            Ok(Err(_)) | Err(_) => LookupAnswer::NotFound(LookupFinding::Unclear),
        }
    }
}

#[async_trait]
impl Batches for Csv {
    fn assemble(
        &self,
        artifacts: &[(PurchaseOrderNumber, Artifact)],
    ) -> Result<Vec<u8>, PrepareError> {
        let mut files: Vec<_> = artifacts
            .iter()
            .map(|(number, artifact)| (number, artifact.bytes.as_slice()))
            .collect();
        files.sort();
        let file = self.table.joined(&files)?;
        let expected: BTreeSet<_> = artifacts.iter().map(|(number, _)| number.clone()).collect();
        if expected.len() != artifacts.len() || self.contents(&file)? != expected {
            let message = "the file would not hold each purchase order once";
            return Err(PrepareError(message.to_owned()));
        }
        Ok(file)
    }

    fn contents(&self, file: &[u8]) -> Result<BTreeSet<PurchaseOrderNumber>, PrepareError> {
        self.table.numbers(file)
    }

    async fn publish(&self, name: &str, file: &[u8]) -> Result<(), Unavailable> {
        let key = self.key(name);
        let put = self.files.put_new(Area::Outbox, &key, file);
        match timeout(TIMEOUT, put).await {
            Ok(put) => put.map(|_| ()),
            Err(_) => Err(Unavailable::new("the outbox did not answer in time")),
        }
    }

    fn upload_within(&self) -> Option<Duration> {
        self.batch.as_ref()?.upload_within
    }
}

#[cfg(test)]
mod tests;
