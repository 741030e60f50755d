//! Texts that people paste, and texts that people are shown: characters that show nothing and yet make
//! two texts differ, or move what a terminal shows.

use jiff::Timestamp;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether the character shows nothing and says nothing of its neighbours' shapes: spaces of no
/// width, soft hyphens, byte order marks and marks of writing direction. Joiners and non-joiners
/// are letters' own in several scripts and stay.
pub fn is_invisible_mark(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// The text without such marks, and trimmed.
pub fn without_marks(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|character| !is_invisible_mark(*character))
        .collect();
    text.trim().to_owned()
}

/// Whether a terminal may act on the character instead of showing it: controls, separators of
/// lines, and marks of writing direction, which reorder what stands beside them.
fn acts_on_terminal(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// The text on one line as a terminal may show it: what would act on the terminal stands as JSON
/// writes it, such as `\u001b`. A JSON document without line breaks is the same document then.
pub fn shown_on_one_line(text: &str) -> Cow<'_, str> {
    escaped(text, acts_on_terminal)
}

/// The same for a text of several lines, which keeps its line breaks and tabs.
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |character| {
        acts_on_terminal(character) && !matches!(character, '\n' | '\t')
    })
}

fn escaped(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts(character) {
            // None of them is beyond U+FFFF, so that four digits are enough.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// A moment as people read it, to the second.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `1 unit`, `2 units`.
pub fn counted(number: impl TryInto<u64>, one: &str) -> String {
    match number.try_into() {
        Ok(1) => format!("1 {one}"),
        Ok(number) => format!("{number} {one}s"),
        Err(_) => format!("many {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_as_json_writes_it() {
        for (text, line) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("\u{1b}[2J\u{7}", "\\u001b[2J\\u0007"),
            ("one\ntwo\tthree\r", "one\\u000atwo\\u0009three\\u000d"),
            ("\u{9b}31m\u{7f}", "\\u009b31m\\u007f"),
            ("gpj.\u{202e}exe\u{2066}", "gpj.\\u202eexe\\u2066"),
            ("می\u{200c}خواهم عربي", "می\u{200c}خواهم عربي"),
        ] {
            assert_eq!(shown_on_one_line(text), line);
        }
        assert_eq!(shown("one\ntwo\t\u{1b}"), "one\ntwo\t\\u001b");
    }

    /// Ordinary characters and, as often, those that act.
    fn any_text() -> impl Strategy<Value = String> {
        let acting = prop_oneof![
            prop::char::range('\0', '\u{1f}'),
            prop::char::range('\u{7f}', '\u{9f}'),
            prop::char::range('\u{2028}', '\u{202e}'),
            prop::char::range('\u{2060}', '\u{206f}'),
            prop::char::range('\u{200b}', '\u{200f}'),
        ];
        let character = prop_oneof![acting, any::<char>()];
        prop::collection::vec(character, 0..40).prop_map(|text| text.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nothing_that_acts_is_left_and_nothing_else_is_changed(text in any_text()) {
            let line = shown_on_one_line(&text);
            prop_assert!(!line.contains(acts_on_terminal));
            prop_assert_eq!(shown_on_one_line(&line), line.clone());
            let mut rest: &str = &line;
            for part in text.split_inclusive(acts_on_terminal) {
                let plain = part.trim_end_matches(acts_on_terminal);
                rest = rest.strip_prefix(plain).unwrap();
                if plain.len() < part.len() {
                    prop_assert!(rest.starts_with("\\u"), "{}", rest);
                    rest = &rest[6..];
                }
            }
            prop_assert_eq!(rest, "");
            let lines = shown(&text);
            prop_assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(shown_on_one_line(&lines), line);
        }

        #[test]
        fn a_json_document_stays_the_same(text in any_text()) {
            let value = serde_json::json!({"name": text, "tags": [1, null]});
            let compact = value.to_string();
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            prop_assert_eq!(read(&shown_on_one_line(&compact)), value.clone());
            prop_assert_eq!(read(&shown(&format!("{value:#}"))), value);
        }
    }

    #[test]
    fn marks_are_dropped_and_joiners_stay() {
        for (text, read) in [
            ("\u{202a}+1 937 555 0100\u{202c}", "+1 937 555 0100"),
            ("\u{feff}SKU\u{200b}-1 \u{ad}", "SKU-1"),
            ("\u{2066}Ada\u{2069} \u{200e}\u{200f}\u{61c}\u{2060}", "Ada"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("क\u{200d}ष", "क\u{200d}ष"),
            ("\u{202e}", ""),
        ] {
            assert_eq!(without_marks(text), read);
        }
    }
}
