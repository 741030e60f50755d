//! Secrets by name, and how what a person put there is read.

use crate::Unavailable;
use async_trait::async_trait;
use secrecy::SecretString;

/// Named in the configuration, kept elsewhere.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// `None` where nothing has that name, or something blank.
    async fn get(&self, name: &str) -> Result<Option<SecretString>, Unavailable>;
    /// Where a person puts it.
    fn place(&self, name: &str) -> String {
        format!("{name} where secrets are kept")
    }
}

/// A secret as it is used, of the text that is kept.
pub struct SecretText {
    pub secret: SecretString,
    /// The text ended in a line break, as a file does that an editor wrote: a person should be warned.
    pub was_cut: bool,
}

impl SecretText {
    /// `None` for an empty or blank text: anybody could sign with it.
    pub fn read(mut text: String) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let kept = text.trim_end_matches(['\r', '\n']).len();
        let was_cut = kept < text.len();
        text.truncate(kept);
        Some(Self {
            secret: text.into(),
            was_cut,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    fn read(text: &str) -> Option<(String, bool)> {
        let read = SecretText::read(text.to_owned())?;
        Some((read.secret.expose_secret().to_owned(), read.was_cut))
    }

    #[test]
    fn what_is_blank_is_none_and_the_line_break_of_a_file_is_no_part() {
        for blank in ["", " ", "\n", "\r\n", " \t\n", "\u{a0}"] {
            assert_eq!(read(blank), None, "{blank:?}");
        }
        for (text, secret, was_cut) in [
            ("shpss_1", "shpss_1", false),
            ("shpss_1\n", "shpss_1", true),
            ("shpss_1\r\n", "shpss_1", true),
            ("shpss_1\n\n", "shpss_1", true),
            // Blanks around it may be its own.
            (" pass phrase ", " pass phrase ", false),
            ("one\ntwo", "one\ntwo", false),
        ] {
            assert_eq!(read(text), Some((secret.to_owned(), was_cut)), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_line_breaks_at_the_end_is_cut(text in "[ -~\\r\\n\\t\u{e9}]{0,12}") {
            match read(&text) {
                None => prop_assert!(text.trim().is_empty()),
                Some((secret, was_cut)) => {
                    prop_assert!(!secret.ends_with(['\r', '\n']) && !secret.trim().is_empty());
                    let cut = text.strip_prefix(&secret).unwrap();
                    prop_assert!(cut.chars().all(|character| "\r\n".contains(character)));
                    prop_assert_eq!(was_cut, !cut.is_empty());
                }
            }
        }
    }
}
