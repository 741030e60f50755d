//! Files on S3: evidence in the artifacts bucket, what suppliers fetch under `out/` of the drops
//! bucket. Both are versioned.

use crate::clock::SystemClock;
use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use ports::{Area, Backoff, Files, Put, Unavailable};

/// Tries where another request for the same key is under way.
const TRIES: u32 = 5;

#[derive(Debug, Clone)]
pub struct S3Files {
    client: Client,
    artifacts: String,
    /// Absent where a function has no business with it.
    drops: Option<String>,
}

impl S3Files {
    pub fn new(client: Client, artifacts: String, drops: Option<String>) -> Self {
        Self {
            client,
            artifacts,
            drops,
        }
    }

    fn place(&self, area: Area, key: &str) -> Result<(&str, String), Unavailable> {
        match (area, &self.drops) {
            (Area::Evidence, _) => Ok((&self.artifacts, key.to_owned())),
            (Area::Outbox, Some(drops)) => Ok((drops, format!("out/{key}"))),
            (Area::Outbox, None) => Err(Unavailable::new("no outbox is known here")),
        }
    }
}

#[async_trait]
impl Files for S3Files {
    /// What a supplier fetched and deleted is not put again: the key was there.
    async fn put_new(&self, area: Area, key: &str, bytes: &[u8]) -> Result<Put, Unavailable> {
        if area == Area::Outbox && self.was_published(key).await? {
            return Ok(Put::AlreadyThere);
        }
        let (bucket, key) = self.place(area, key)?;
        let mut backoff = Backoff::new(&SystemClock);
        for _ in 0..TRIES {
            let put = self
                .client
                .put_object()
                .bucket(bucket)
                .key(&key)
                .if_none_match("*")
                .body(ByteStream::from(bytes.to_vec()))
                .customize();
            // Put again after a lost answer, a file that the supplier has deleted meanwhile would
            // be there a second time.
            let put = match area {
                Area::Evidence => put,
                Area::Outbox => put.config_override(
                    aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled()),
                ),
            };
            let Err(error) = put.send().await else {
                return Ok(Put::Created);
            };
            match (status(&error), error.code()) {
                (Some(412), _) => return Ok(Put::AlreadyThere),
                (Some(409), Some("ConditionalRequestConflict")) => backoff.pause().await,
                _ => return Err(Unavailable::because("an object cannot be put", error)),
            }
        }
        Err(Unavailable::new(
            "an object cannot be put: others are putting it",
        ))
    }

    async fn get(&self, area: Area, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        let (bucket, key) = self.place(area, key)?;
        let got = self.client.get_object().bucket(bucket).key(key).send();
        let object = match got.await {
            Ok(object) => object,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(Unavailable::because("an object cannot be got", error)),
        };
        let bytes = object.body.collect().await;
        let bytes = bytes.map_err(|error| Unavailable::because("an object was cut off", error))?;
        Ok(Some(bytes.to_vec()))
    }

    async fn was_published(&self, key: &str) -> Result<bool, Unavailable> {
        let (bucket, key) = self.place(Area::Outbox, key)?;
        // Versions come in the order of keys, and no key that begins with this one is before it.
        let versions = self
            .client
            .list_object_versions()
            .bucket(bucket)
            .prefix(&key)
            .max_keys(1)
            .send()
            .await
            .map_err(|error| Unavailable::because("versions cannot be listed", error))?;
        let kept = versions.versions().iter().filter_map(|entry| entry.key());
        let deleted = versions.delete_markers().iter();
        let deleted = deleted.filter_map(|entry| entry.key());
        Ok(kept.chain(deleted).any(|known| known == key))
    }
}

pub(crate) fn status<E>(
    error: &SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}
