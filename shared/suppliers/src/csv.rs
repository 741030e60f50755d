//! A file for each purchase order in the outbox, which the supplier fetches.
//!
//! The file's name follows from the number and is created once, so sending twice is the same as
//! sending once, and whether it ever appeared settles every doubt.

use crate::table::{self, Format};
use crate::{Entry, Opening, SettingsError, no_names, read};
use async_trait::async_trait;
use domain::order::answer::Progress;
use domain::order::event::LookupFinding;
use ports::supplier::LookupAnswer;
use ports::{
    Acceptance, Area, Artifact, Attempt, Decoded, Files, Handover, LookupPolicy, PrepareError,
    SendLookup, SendOutcome, Supplier,
};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const ENTRY: Entry = Entry {
    method: "csv",
    open,
    secrets: no_names,
    hosts: no_names,
};

const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Below the outbox; the supplier's id where absent.
    folder: Option<String>,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default = "yes")]
    spreadsheet_safe: bool,
}

fn comma() -> char {
    ','
}

fn yes() -> bool {
    true
}

struct Csv {
    folder: String,
    format: Format,
    files: Arc<dyn Files>,
}

fn open(opening: Opening) -> Result<Box<dyn Supplier>, SettingsError> {
    let settings: Settings = read("csv", &opening.settings.specific)?;
    let folder = settings
        .folder
        .unwrap_or_else(|| opening.settings.id.to_string());
    if !folder.split('/').all(plain) {
        let message = "a folder has names of letters, digits, '-', '_' and '.', parted by '/'";
        return Err(SettingsError::new("folder", message));
    }
    let delimiter = u8::try_from(settings.delimiter)
        .ok()
        .filter(|delimiter| b",;\t|".contains(delimiter))
        .ok_or_else(|| SettingsError::new("delimiter", "one of , ; | and tab"))?;
    Ok(Box::new(Csv {
        folder,
        format: Format {
            delimiter,
            spreadsheet_safe: settings.spreadsheet_safe,
        },
        files: opening.files,
    }))
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
    fn key(&self, attempt: &Attempt) -> String {
        format!("{}/{}.csv", self.folder, attempt.id.file_name())
    }
}

#[async_trait]
impl Supplier for Csv {
    fn prepare(&self, handover: &Handover, _: &Progress) -> Result<Artifact, PrepareError> {
        Ok(Artifact {
            media_type: "text/csv".to_owned(),
            bytes: table::write(handover, self.format)?,
            omits: Vec::new(),
            carries_order: true,
        })
    }

    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError> {
        table::read(&artifact.bytes, self.format)
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendOutcome {
        let key = self.key(attempt);
        match self
            .files
            .put_new(Area::Outbox, &key, &artifact.bytes)
            .await
        {
            // Only we make this key, so a file that is there is ours.
            Ok(_) => SendOutcome::accepted(),
            Err(error) => SendOutcome::InDoubt {
                why: error.to_string(),
                evidence: Vec::new(),
            },
        }
    }

    fn lookup(&self) -> Option<&dyn SendLookup> {
        Some(self)
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
        match self.files.was_published(&self.key(attempt)).await {
            Ok(true) => LookupAnswer::Accepted(Acceptance::default()),
            Ok(false) => LookupAnswer::NotFound(LookupFinding::Absent),
            Err(_) => LookupAnswer::NotFound(LookupFinding::Unclear),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, attempt, handover};
    use serde_json::json;

    fn supplier(
        world: &World,
        specific: serde_json::Value,
    ) -> Result<Box<dyn Supplier>, SettingsError> {
        world.open("csv", specific)
    }

    #[tokio::test]
    async fn the_file_is_named_after_the_number() {
        let world = World::default();
        let supplier = supplier(&world, json!({"folder": "acme/in", "delimiter": ";"})).unwrap();
        let artifact = supplier.prepare(&handover(), &Progress::default()).unwrap();
        supplier.send(&artifact, &attempt(false)).await;
        let key = format!("acme/in/{}.csv", handover().number);
        assert_eq!(world.file(&key), Some(artifact.bytes));
    }

    #[test]
    fn bad_settings_are_named() {
        let world = World::default();
        let path = |specific| supplier(&world, specific).err().unwrap().path;
        assert_eq!(path(json!({"folder": "../evidence"})), "folder");
        assert_eq!(path(json!({"folder": "/tmp"})), "folder");
        assert_eq!(path(json!({"delimiter": "ü"})), "delimiter");
        let error = supplier(&world, json!({"quotes": true})).err().unwrap();
        assert!(error.message.contains("quotes"), "{error}");
    }
}
