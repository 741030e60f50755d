//! SHA-256 digests: what the history keeps of bytes that live elsewhere.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::fmt;

/// A SHA-256 in lower-case hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(HEXLOWER.encode(&sha2::Sha256::digest(bytes)))
    }

    /// Of the value's JSON, whose keys are in the order of the type's fields or sorted.
    pub fn of_value(value: &impl Serialize) -> Self {
        // A value of our own types always has a JSON form; the error text stands for one that has not.
        Self::of(&serde_json::to_vec(value).unwrap_or_else(|error| error.to_string().into_bytes()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.short())
    }
}

/// The first `length` characters of base32(SHA-256(text)).
pub fn base32_of(text: &str, length: usize) -> String {
    let mut encoded = BASE32_NOPAD.encode(&sha2::Sha256::digest(text.as_bytes()));
    encoded.truncate(length);
    encoded
}
