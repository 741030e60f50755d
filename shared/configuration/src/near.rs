//! What somebody meant who wrote something else.

/// The known word that is nearest to one that is not known; `None` where none is near enough to be
/// what was meant.
pub fn near<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let written = folded(word);
    let most = written.chars().count().div_ceil(3).min(3);
    known
        .into_iter()
        .map(|known| (strsim::osa_distance(&written, &folded(known)), known))
        // A short word is near to every other one; only its case can be told to be wrong.
        .filter(|(distance, _)| *distance <= most && (written.len() > 2 || *distance == 0))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Case, and what parts words, are mistaken most often.
fn folded(word: &str) -> String {
    word.trim().to_lowercase().replace(['_', ' '], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_told_and_a_far_one_is_not() {
        let known = ["priority", "po_box", "paused", "fee"];
        for (word, meant) in [
            ("prority", Some("priority")),
            ("pirority", Some("priority")),
            ("PO-Box", Some("po_box")),
            ("pause", Some("paused")),
            ("fees", Some("fee")),
            ("colour", None),
            ("fe", None),
            ("", None),
        ] {
            assert_eq!(near(word, known), meant, "{word}");
        }
    }
}
