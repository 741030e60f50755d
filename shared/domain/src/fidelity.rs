//! Whether a supplier can read off an artifact what the customer ordered.

use crate::address::Address;

/// What the artifact lacks, by name; empty when it is faithful.
///
/// `records` are the artifact's records of texts as its reader sees them, `lines` the supplier SKU
/// and quantity of each line, `omits` the fields that the merchant's template declares to leave out.
pub fn missing(
    address: &Address,
    lines: &[(&str, u32)],
    records: &[Vec<String>],
    omits: &[String],
) -> Vec<String> {
    let records: Vec<Vec<String>> = records
        .iter()
        .map(|record| record.iter().map(|text| folded(text)).collect())
        .collect();
    let mut missing = Vec::new();
    for (field, forms) in address.fields() {
        let forms: Vec<String> = forms
            .into_iter()
            .map(folded)
            .filter(|form| !form.is_empty())
            .collect();
        let found = forms.is_empty()
            || omits.iter().any(|omitted| omitted == field)
            || records
                .iter()
                .flatten()
                .any(|text| forms.iter().any(|form| text.contains(form.as_str())));
        if !found {
            missing.push(field.to_owned());
        }
    }
    for (supplier_sku, quantity) in lines {
        let sku = folded(supplier_sku);
        // A reader may add the lines of one SKU up.
        let total: u64 = lines
            .iter()
            .filter(|(other, _)| other == supplier_sku)
            .map(|(_, quantity)| u64::from(*quantity))
            .sum();
        let accepted = [quantity.to_string(), total.to_string()];
        if !records.iter().any(|record| says(record, &sku, &accepted)) {
            missing.push(format!("{quantity} of {supplier_sku}"));
        }
    }
    missing
}

/// Whether a reader finds the text in one of the records; a text that shows nothing needs no place.
pub fn shows(text: &str, records: &[Vec<String>]) -> bool {
    let text = folded(text);
    text.is_empty()
        || records
            .iter()
            .flatten()
            .any(|record| folded(record).contains(text.as_str()))
}

/// Whether the record names the SKU, and beside it one of the quantities as a word of its own.
fn says(record: &[String], sku: &str, quantities: &[String]) -> bool {
    let mut named = false;
    let mut counted = false;
    for text in record {
        let mut rest = text.as_str();
        let counts = |text: &str| {
            text.split(|character: char| !character.is_alphanumeric())
                .any(|word| quantities.iter().any(|quantity| quantity == word))
        };
        while let Some((before, after)) = next(rest, sku) {
            named = true;
            counted |= counts(before);
            rest = after;
        }
        counted |= counts(rest);
    }
    named && counted
}

/// What stands before and after the next mention of the SKU, which is none within a longer one.
fn next<'a>(text: &'a str, sku: &str) -> Option<(&'a str, &'a str)> {
    if sku.is_empty() {
        return None;
    }
    let joins = |side: &mut dyn Iterator<Item = char>| match side.next() {
        Some('-' | '_' | '.') => side.next().is_some_and(char::is_alphanumeric),
        Some(character) => character.is_alphanumeric(),
        None => false,
    };
    text.match_indices(sku).find_map(|(start, found)| {
        let (before, after) = (text.get(..start)?, text.get(start + found.len()..)?);
        let whole = !joins(&mut before.chars().rev()) && !joins(&mut after.chars());
        whole.then_some((before, after))
    })
}

/// Whether a reader sees nothing of the text.
pub fn is_blank(text: &str) -> bool {
    folded(text).is_empty()
}

/// A control character shows nothing: to a reader it is a gap.
fn folded(text: &str) -> String {
    text.split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_field_or_quantity_is_named() {
        let address = Address {
            name: "Ada Example".into(),
            address1: "1  Main St".into(),
            province_code: "KY".into(),
            province: "Kentucky".into(),
            ..Address::default()
        };
        let records = |quantity: &str| {
            vec![
                vec![
                    "Ada Example".to_owned(),
                    "1 Main St".to_owned(),
                    "Kentucky".to_owned(),
                ],
                vec!["LS-1".to_owned(), quantity.to_owned()],
            ]
        };
        assert!(missing(&address, &[("LS-1", 2)], &records("2"), &[]).is_empty());
        assert_eq!(
            missing(&address, &[("LS-1", 2)], &records("12"), &[]),
            ["2 of LS-1"]
        );
        let mut without_name = records("2");
        without_name[0][0].clear();
        assert_eq!(
            missing(&address, &[("LS-1", 2)], &without_name, &[]),
            ["name"]
        );
        assert!(
            missing(
                &address,
                &[("LS-1", 2)],
                &without_name,
                &["name".to_owned()]
            )
            .is_empty()
        );
    }

    #[test]
    fn a_text_is_found_in_one_record_or_is_not_there() {
        let records = [
            vec!["Engraving:  For\nAda".to_owned()],
            vec!["For".to_owned()],
        ];
        assert!(shows("For Ada", &records));
        assert!(shows(" ", &records));
        assert!(!shows("For Bob", &records));
        assert!(!shows("Ada For", &records));
    }

    #[test]
    fn a_control_character_shows_nothing_and_its_letters_are_not_lost() {
        let lacks = |name: &str, text: &str| {
            let address = Address {
                name: name.into(),
                ..Address::default()
            };
            !missing(&address, &[], &[vec![text.to_owned()]], &[]).is_empty()
        };
        for (name, text) in [
            ("Ada\0Example", "Ada Example"),
            ("Ada\0Example", "to: Ada\0Example"),
            ("\u{1b}[31mAda", " [31mAda"),
            ("\u{7}", ""),
        ] {
            assert!(!lacks(name, text), "{name:?} in {text:?}");
        }
        assert!(lacks("Ada\0Example", "AdaExample"));
        assert!(lacks("Ada\0Example", "Ada"));
        assert!(is_blank(" \u{7}\n") && !is_blank("\u{7}."));
    }

    #[test]
    fn a_line_is_found_by_its_whole_sku_and_a_quantity_beside_it() {
        let lacks = |lines: &[(&str, u32)], text: &str| {
            !missing(&Address::default(), lines, &[vec![text.to_owned()]], &[]).is_empty()
        };
        assert!(lacks(&[("LS-1", 2)], "LS-10 | quantity 2"));
        assert!(lacks(&[("LS-1", 2)], "LS-1-B: 2"));
        assert!(lacks(&[("LS-1", 2)], "X.LS-1: 2"));
        // The SKU's own digits are no quantity.
        assert!(lacks(&[("LS-2", 2)], "LS-2 | quantity"));
        assert!(lacks(&[("", 2)], "2"));
        for text in [
            "LS-1: 2.",
            "2 x LS-1.",
            "(LS-1) 2",
            "LS-10 2, LS-1 2",
            "SKU:LS-1/2",
        ] {
            assert!(!lacks(&[("LS-1", 2)], text), "{text}");
        }
        assert!(!lacks(&[("LS-1", 2), ("LS-1", 3)], "LS-1 5"));
        assert!(lacks(&[("LS-1", 2), ("LS-1", 3)], "LS-1 2"));
    }
}
