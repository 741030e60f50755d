//! The merchant's configuration where a running function finds it.

use crate::Unavailable;
use async_trait::async_trait;
use domain::digest::Digest;
use std::collections::BTreeMap;

/// Every file but `offers.csv`, which is applied when it is pushed; each as its digest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Of every file, `offers.csv` included.
    pub digests: BTreeMap<String, Digest>,
    pub files: BTreeMap<String, Vec<u8>>,
}

/// What is there is not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadBundle {
    /// Of its bytes.
    pub digest: Digest,
    pub why: String,
}

#[async_trait]
pub trait Bundles: Send + Sync {
    /// The newest; `None` where it is the one that was given last.
    async fn newer(&self) -> Result<Option<Result<Bundle, BadBundle>>, Unavailable>;
    /// Those before the newest, the last first.
    async fn former(&self) -> Result<Vec<Result<Bundle, BadBundle>>, Unavailable>;
}
