//! The merchant's configuration as one object: applied as a whole, or not at all.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::digest::Digest;
use ports::Unavailable;
use ports::configuration::{BadBundle, Bundle, Bundles};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Where it lies in the artifacts bucket.
pub const KEY: &str = "configuration/bundle.json";
/// Applied to the stock when it is pushed, and not in the bundle.
pub const OFFERS: &str = "offers.csv";
/// Former ones that are tried where the newest is bad.
const FORMER: i32 = 5;

#[derive(Serialize, Deserialize)]
struct Wire {
    digests: BTreeMap<String, Digest>,
    /// In base64.
    files: BTreeMap<String, String>,
}

/// All files of a configuration, `offers.csv` by its digest only.
pub fn of_files(files: &BTreeMap<String, Vec<u8>>) -> Bundle {
    let digests = files
        .iter()
        .map(|(name, bytes)| (name.clone(), Digest::of(bytes)));
    Bundle {
        digests: digests.collect(),
        files: files
            .iter()
            .filter(|(name, _)| *name != OFFERS)
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect(),
    }
}

pub fn write(bundle: &Bundle) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Wire {
        digests: bundle.digests.clone(),
        files: bundle
            .files
            .iter()
            .map(|(name, bytes)| (name.clone(), STANDARD.encode(bytes)))
            .collect(),
    })
}

/// Refuses what is not whole: each file as its digest says, and a file for each digest.
pub fn read(bytes: &[u8]) -> Result<Bundle, BadBundle> {
    let bad = |why: String| BadBundle {
        digest: Digest::of(bytes),
        why,
    };
    let wire: Wire = serde_json::from_slice(bytes)
        .map_err(|error| bad(format!("{KEY} is no bundle of a configuration: {error}")))?;
    let mut files = BTreeMap::new();
    for (name, text) in wire.files {
        let Ok(bytes) = STANDARD.decode(text) else {
            return Err(bad(format!("{KEY}: {name} is not in base64")));
        };
        if wire.digests.get(&name) != Some(&Digest::of(&bytes)) {
            return Err(bad(format!("{KEY}: {name} is not as its digest says")));
        }
        files.insert(name, bytes);
    }
    let missing = wire
        .digests
        .keys()
        .find(|name| *name != OFFERS && !files.contains_key(*name));
    if let Some(name) = missing {
        return Err(bad(format!("{KEY}: {name} is missing")));
    }
    Ok(Bundle {
        digests: wire.digests,
        files,
    })
}

/// The bundle in the artifacts bucket.
pub struct S3Bundles {
    client: Client,
    bucket: String,
    /// Of the one that was given last.
    tag: Mutex<Option<String>>,
}

impl S3Bundles {
    pub fn new(client: Client, bucket: String) -> Self {
        Self {
            client,
            bucket,
            tag: Mutex::new(None),
        }
    }

    pub async fn put(&self, bundle: &Bundle) -> Result<(), Unavailable> {
        let bytes = write(bundle)
            .map_err(|error| Unavailable::because("the bundle is unwritable", error))?;
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(KEY)
            .content_type("application/json")
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(drop)
            .map_err(|error| Unavailable::because("the bundle cannot be put", error))
    }

    fn tag(&self) -> Option<String> {
        self.tag
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Bundles for S3Bundles {
    async fn newer(&self) -> Result<Option<Result<Bundle, BadBundle>>, Unavailable> {
        let got = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(KEY)
            .set_if_none_match(self.tag())
            .send()
            .await;
        let object = match got {
            Ok(object) => object,
            Err(error) if crate::s3::status(&error) == Some(304) => return Ok(None),
            Err(error) => return Err(unread(error)),
        };
        let tag = object.e_tag().map(str::to_owned);
        let bytes = whole(object).await?;
        *self.tag.lock().unwrap_or_else(PoisonError::into_inner) = tag;
        Ok(Some(read(&bytes)))
    }

    async fn former(&self) -> Result<Vec<Result<Bundle, BadBundle>>, Unavailable> {
        let versions = self
            .client
            .list_object_versions()
            .bucket(&self.bucket)
            .prefix(KEY)
            .max_keys(FORMER)
            .send()
            .await
            .map_err(|error| Unavailable::because("versions cannot be listed", error))?;
        let mut former = Vec::new();
        for version in versions.versions() {
            if version.key() != Some(KEY) || version.is_latest() == Some(true) {
                continue;
            }
            let object = self
                .client
                .get_object()
                .bucket(&self.bucket)
                .key(KEY)
                .set_version_id(version.version_id().map(str::to_owned))
                .send()
                .await
                .map_err(unread)?;
            former.push(read(&whole(object).await?));
        }
        Ok(former)
    }
}

fn unread<R>(error: SdkError<GetObjectError, R>) -> Unavailable
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    if error
        .as_service_error()
        .is_some_and(GetObjectError::is_no_such_key)
    {
        return Unavailable::new(format!(
            "there is no configuration: {KEY} is missing; `waybill config push` puts it there"
        ));
    }
    Unavailable::because("the configuration cannot be read", error)
}

async fn whole(object: GetObjectOutput) -> Result<Vec<u8>, Unavailable> {
    let bytes = object.body.collect().await;
    let bytes = bytes.map_err(|error| Unavailable::because("the bundle was cut off", error))?;
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests;
