//! How an attempt reached its supplier: only that way can prove that it did not arrive.

use serde::{Deserialize, Serialize};

/// Method and place of one attempt, stored with its claim. It holds no secret and no personal data.
///
/// Absence is proved only by asking the same way; another way may confirm, and never deny.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via {
    /// Of the supplier: `mail`, `csv`, `http`.
    pub method: String,
    /// In the method's own words: HTTP method, URL template, names of secrets with a salted digest of
    /// their values; the file of the outbox; mail server, sender and recipients.
    pub place: String,
    /// The key of the file in the outbox that the attempt created, or may have created. It is asked
    /// for by this name, whatever the settings say by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Digest of the settings of its look-up, twelve hexadecimal digits; `None` where nothing of that
    /// method looks an attempt up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<String>,
    /// The mail service reports later whether it delivered the mail, so that silence means something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reports_delivery: bool,
}

impl Via {
    /// A way that leaves no file and has no look-up.
    pub fn new(method: &str, place: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            place: place.into(),
            file: None,
            lookup: None,
            reports_delivery: false,
        }
    }
}
