//! Sales channels: one file each, and one line each in [`CHANNELS`].
//!
//! A channel verifies a webhook and translates it; both are pure, so that a stored request gives
//! the same events when it is read again.

mod shopify;

use domain::settings::ChannelSettings;
use ports::Channel;
use secrecy::SecretString;

/// Which of a channel's own settings is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}; expected {expected}")]
pub struct SettingsError {
    /// Below the table of the kind: `fulfillment_services[0]`.
    pub path: String,
    pub message: String,
    /// What would be right.
    pub expected: &'static str,
    /// Keys that would be right where this one is not known.
    pub known: &'static [&'static str],
}

impl SettingsError {
    fn new(path: impl Into<String>, message: impl Into<String>, expected: &'static str) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            expected,
            known: &[],
        }
    }
}

/// A text of an address as every channel reads it: without marks that show nothing, and a letter and
/// its accent as one character (Unicode's normalization form C), as the encodings of suppliers'
/// files have it.
pub fn address_text(text: &str) -> String {
    compose(&domain::text::without_marks(text))
}

pub(crate) fn compose(text: &str) -> String {
    icu_normalizer::ComposingNormalizerBorrowed::new_nfc()
        .normalize(text)
        .into_owned()
}

/// Makes a channel of its settings and the secrets they name.
pub type Open = fn(&ChannelSettings, Vec<SecretString>) -> Result<Box<dyn Channel>, SettingsError>;

/// A kind of channel.
pub struct Entry {
    /// As `kind` in `channels.toml` says it.
    pub kind: &'static str,
    pub open: Open,
}

/// Every kind there is.
pub const CHANNELS: &[Entry] = &[Entry {
    kind: "shopify",
    open: shopify::open,
}];

/// `None` for a kind that nobody has written.
pub fn entry(kind: &str) -> Option<&'static Entry> {
    CHANNELS.iter().find(|entry| entry.kind == kind)
}
