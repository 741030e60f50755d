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
        let (sku, quantity) = (folded(supplier_sku), quantity.to_string());
        let found = records.iter().any(|record| {
            record.iter().any(|text| text.contains(&sku))
                && record.iter().any(|text| {
                    text.split(|character: char| !character.is_alphanumeric())
                        .any(|word| word == quantity)
                })
        });
        if !found {
            missing.push(format!("{quantity} of {supplier_sku}"));
        }
    }
    missing
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
}
