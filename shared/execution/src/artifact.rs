//! Artifacts as evidence keeps them, under their digest. What a claim names is never replaced.

use crate::Execution;
use domain::digest::Digest;
use domain::sending::subject::SendSubject;
use ports::{Area, Artifact, PrepareError, StepError, StoreError, Unavailable};

/// Why there is no artifact.
#[derive(Debug, thiserror::Error)]
pub enum PreparationError {
    /// None can be made of what is stored by the settings in force: a person must look.
    #[error("{0}")]
    Impossible(String),
    #[error(transparent)]
    Step(StepError),
}

impl From<PrepareError> for PreparationError {
    fn from(error: PrepareError) -> Self {
        Self::Impossible(error.to_string())
    }
}

impl From<StepError> for PreparationError {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl From<StoreError> for PreparationError {
    fn from(error: StoreError) -> Self {
        Self::Step(error.into())
    }
}

impl From<Unavailable> for PreparationError {
    fn from(error: Unavailable) -> Self {
        Self::Step(error.into())
    }
}

impl Execution {
    pub(crate) async fn store_artifact(
        &self,
        subject: &SendSubject,
        artifact: &Artifact,
    ) -> Result<(), StepError> {
        let key = key(subject, &Digest::of(&artifact.bytes));
        let evidence = to_evidence(artifact);
        // One that is there already has the same bytes.
        self.files.put_new(Area::Evidence, &key, &evidence).await?;
        Ok(())
    }

    /// The artifact that a claim names.
    pub(crate) async fn stored_artifact(
        &self,
        subject: &SendSubject,
        artifact: &Digest,
    ) -> Result<Option<Artifact>, StepError> {
        let key = key(subject, artifact);
        let stored = self.files.get(Area::Evidence, &key).await?;
        Ok(stored.and_then(|stored| from_evidence(&stored)))
    }
}

/// `artifact/SH-1001-1-K/3f2a...`, and `artifact/SH-1001-1-K/X1/...` of a request to cancel.
fn key(subject: &SendSubject, artifact: &Digest) -> String {
    format!("artifact/{subject}/{artifact}")
}

/// Media type, whether it carries the order, omitted fields, then the bytes as they are.
fn to_evidence(artifact: &Artifact) -> Vec<u8> {
    let carries = if artifact.carries_order {
        "order"
    } else {
        "step"
    };
    let head = format!(
        "{}\n{carries}\n{}\n",
        artifact.media_type,
        artifact.omits.join(",")
    );
    [head.as_bytes(), &artifact.bytes].concat()
}

fn from_evidence(stored: &[u8]) -> Option<Artifact> {
    let mut parts = stored.splitn(4, |byte| *byte == b'\n');
    let mut text = || String::from_utf8(parts.next()?.to_vec()).ok();
    let (media_type, carries, omits) = (text()?, text()?, text()?);
    let omits = omits
        .split(',')
        .filter(|field| !field.is_empty())
        .map(str::to_owned)
        .collect();
    Some(Artifact {
        media_type,
        omits,
        carries_order: carries == "order",
        bytes: parts.next()?.to_vec(),
    })
}
