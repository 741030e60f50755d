//! A spool: each purchase order is a document in the outbox, which a printer at the supplier's takes.

use async_trait::async_trait;
use domain::order::answer::Progress;
use domain::sending::subject::SendSubject;
use domain::sending::via::Via;
use ports::{
    Area, Artifact, Attempt, Decoded, Endpoint, Evidence, Files, Handover, PrepareError,
    SendAnswer, Sender, Supplier,
};
use registry::{Opening, Rehearsal, SettingsError, StepReport, SupplierEntry, read};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

const METHOD: &str = "spool";

pub(crate) const ENTRY: SupplierEntry = SupplierEntry {
    rehearse: Some(rehearse),
    ..SupplierEntry::new(METHOD, open)
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Below the outbox.
    folder: String,
}

struct Spool {
    folder: String,
    files: Arc<dyn Files>,
}

fn spool(opening: Opening<'_>) -> Result<Spool, SettingsError> {
    let Settings { folder } = read(METHOD, opening.settings)?;
    let files = opening.files;
    Ok(Spool { folder, files })
}

fn open(opening: Opening<'_>) -> Result<Box<dyn Supplier>, SettingsError> {
    Ok(Box::new(spool(opening)?))
}

fn rehearse(opening: Opening<'_>) -> Result<Box<dyn Rehearsal>, SettingsError> {
    let mut spool = spool(opening)?;
    spool.folder.push_str("/tests");
    Ok(Box::new(spool))
}

impl Spool {
    fn key(&self, name: &str) -> String {
        format!("{}/{name}.json", self.folder)
    }
}

impl Supplier for Spool {
    fn orders(&self) -> &dyn Endpoint {
        self
    }
}

impl Endpoint for Spool {
    fn prepare(&self, handover: &Handover, progress: &Progress) -> Result<Artifact, PrepareError> {
        if let Some(done) = progress.steps.first() {
            let why = format!("the step {done:?} is done, and a spool knows no steps");
            return Err(PrepareError(why));
        }
        let bytes = serde_json::to_vec_pretty(handover);
        Ok(Artifact {
            media_type: "application/json".to_owned(),
            bytes: bytes.map_err(|error| PrepareError(error.to_string()))?,
            omits: Vec::new(),
            carries_order: true,
        })
    }

    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError> {
        let document: Value = serde_json::from_slice(&artifact.bytes)
            .map_err(|error| PrepareError(error.to_string()))?;
        let mut records = Vec::new();
        gather(&document, &mut records);
        Ok(Decoded::one("document", records))
    }

    fn sender(&self) -> &dyn Sender {
        self
    }
}

/// A record for every object, of the texts that it has itself.
fn gather(value: &Value, records: &mut Vec<Vec<String>>) {
    let entries: Vec<&Value> = match value {
        Value::Object(object) => object.values().collect(),
        Value::Array(list) => list.iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    let texts = entries.iter().filter_map(|entry| match entry {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    if value.is_object() {
        records.push(texts.collect());
    }
    for entry in entries {
        gather(entry, records);
    }
}

#[async_trait]
impl Sender for Spool {
    fn via(&self, id: &SendSubject, _: usize) -> Via {
        let key = self.key(&id.file_name());
        Via {
            file: Some(key.clone()),
            ..Via::new(METHOD, format!("file {key}"))
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendAnswer {
        let key = self.key(&attempt.id.file_name());
        match self
            .files
            .put_new(Area::Outbox, &key, &artifact.bytes)
            .await
        {
            // Only we make this key, so a file that is there is ours.
            Ok(_) => SendAnswer::accepted(),
            Err(error) => SendAnswer::in_doubt(error.to_string(), Evidence::default()),
        }
    }
}

#[async_trait]
impl Rehearsal for Spool {
    async fn perform(&self, handover: &Handover) -> Result<Vec<StepReport>, PrepareError> {
        let artifact = self.prepare(handover, &Progress::default())?;
        let key = self.key(handover.number.as_str());
        let put = self
            .files
            .put_new(Area::Outbox, &key, &artifact.bytes)
            .await;
        Ok(vec![StepReport {
            step: "spool".to_owned(),
            request: String::from_utf8_lossy(&artifact.bytes).into_owned(),
            judged: match &put {
                Ok(_) => "accepted".to_owned(),
                Err(error) => format!("in doubt: {error}"),
            },
            went_well: put.is_ok(),
            ..StepReport::default()
        }])
    }
}
