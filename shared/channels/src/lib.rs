//! Sales channels: one file each, and one line each in [`CHANNELS`].
//!
//! A channel verifies a webhook and translates it; both are pure, so that a stored request gives
//! the same events when it is read again.

mod shopify;

use registry::ChannelEntry;

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

/// Every kind there is.
pub const CHANNELS: &[ChannelEntry] = &[shopify::ENTRY];
