//! Texts that people paste: characters that show nothing and yet make two texts differ.

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

#[cfg(test)]
mod tests {
    use super::*;

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
