//! A file for each purchase order in the outbox, or one for all of a cut-off, which the supplier
//! fetches or a person uploads to its portal.
//!
//! A file's name follows from the purchase order or the batch and is created once, so sending twice
//! is the same as sending once, and whether it ever appeared settles every doubt.

use crate::table::{Table, TableSettings};
use crate::{no_steps, sample};
use async_trait::async_trait;
use domain::order::answer::Progress;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::subject::SendSubject;
use domain::sending::via::Via;
use jiff::SignedDuration;
use ports::{
    Area, Artifact, Attempt, Batches, Decoded, Endpoint, Evidence, Files, Handover, PrepareError,
    SendAnswer, Sender, Supplier,
};
use registry::{Opening, SettingsError, SupplierEntry, read};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) const ENTRY: SupplierEntry = SupplierEntry::new("csv", open);

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
    terms: Terms,
}

#[derive(Clone)]
struct Batch {
    upload_within: Option<Duration>,
}

/// What says where a file goes and how it is written: a batch is finished as it was begun.
#[derive(Clone, Serialize, Deserialize)]
struct Terms {
    folder: String,
    /// The table's settings as they were written.
    table: Value,
}

impl Terms {
    fn open(self, batch: Option<Batch>, files: Arc<dyn Files>) -> Result<Csv, SettingsError> {
        let table: TableSettings = read("csv", &self.table).map_err(|error| error.beside(&OWN))?;
        if !self.folder.split('/').all(plain) {
            let message = "a folder has names of letters, digits, '-', '_' and '.', parted by '/'";
            return Err(SettingsError::new("folder", message));
        }
        let table = Table::open(table, "")?;
        if batch.is_some() && !table.has_number() {
            let message = "a batch is read back by its numbers: one column has to hold \"number\"";
            return Err(SettingsError::new("columns", message));
        }
        Ok(Csv {
            folder: self.folder.clone(),
            table,
            batch,
            files,
            terms: self,
        })
    }
}

fn open(opening: Opening) -> Result<Box<dyn Supplier>, SettingsError> {
    let specific = opening.settings;
    let settings: Settings = read("csv", specific)?;
    let mut of_table = specific.clone();
    if let Some(keys) = of_table.as_object_mut() {
        keys.retain(|key, _| !OWN.contains(&key.as_str()));
    }
    let terms = Terms {
        folder: settings.folder.unwrap_or_else(|| opening.id.to_owned()),
        table: of_table,
    };
    let batch = settings.batch.map(Batch::open).transpose()?;
    let supplier = terms.open(batch, opening.files)?;
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

impl Supplier for Csv {
    fn orders(&self) -> &dyn Endpoint {
        self
    }

    fn batches(&self) -> Option<&dyn Batches> {
        self.batch.is_some().then_some(self as &dyn Batches)
    }
}

impl Endpoint for Csv {
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
        let mut decoded = Decoded::one(NAME, self.table.records(&rows));
        for part in &mut decoded.parts {
            part.spelling = self.table.spelling();
        }
        Ok(decoded)
    }

    fn sender(&self) -> &dyn Sender {
        self
    }
}

#[async_trait]
impl Sender for Csv {
    /// In a batch the file of the cut-off alone says what was sent.
    fn via(&self, id: &SendSubject, _: usize) -> Via {
        let alone = self.batch.is_none().then(|| self.key(&id.file_name()));
        let place = match &alone {
            Some(file) => format!("file {file}"),
            None => format!("batches in {}", self.folder),
        };
        Via {
            file: alone,
            ..Via::new(ENTRY.kind, place)
        }
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendAnswer {
        if self.batch.is_some() {
            return SendAnswer::not_sent("it goes with the file of the next cut-off");
        }
        let key = self.key(&attempt.id.file_name());
        let put = self.files.put_new(Area::Outbox, &key, &artifact.bytes);
        let why = match timeout(TIMEOUT, put).await {
            // Only we make this key, so a file that is there is ours.
            Ok(Ok(_)) => return SendAnswer::accepted(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the outbox did not answer in time".to_owned(),
        };
        SendAnswer::in_doubt(why, Evidence::default())
    }
}

impl Batches for Csv {
    fn terms(&self) -> Vec<u8> {
        // Texts, numbers and tables always have a JSON form.
        serde_json::to_vec(&self.terms).unwrap_or_default()
    }

    fn under(&self, terms: &[u8]) -> Result<Box<dyn Supplier>, PrepareError> {
        let unusable =
            |why: String| PrepareError(format!("the terms of the batch cannot be used: {why}"));
        let terms: Terms =
            serde_json::from_slice(terms).map_err(|error| unusable(error.to_string()))?;
        let opened = terms.open(self.batch.clone(), self.files.clone());
        let opened = opened.map_err(|error| unusable(error.message))?;
        Ok(Box::new(opened))
    }

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

    fn key(&self, name: &str) -> String {
        Self::key(self, name)
    }

    fn upload_within(&self) -> Option<Duration> {
        self.batch.as_ref()?.upload_within
    }
}

#[cfg(test)]
mod tests;
