//! Where a parcel goes. The address itself is personal and stays in payloads; what rules need of
//! it is a [`Destination`], which is not.

mod boxes;

use serde::{Deserialize, Serialize};

/// As the channel gave it; every field may be absent, since an app without access to personal
/// data receives only country and province.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub company: String,
    pub address1: String,
    pub address2: String,
    pub city: String,
    pub province: String,
    pub province_code: String,
    pub zip: String,
    /// ISO 3166-1 alpha-2 where the channel gave one.
    pub country_code: String,
    pub country: String,
    pub phone: String,
}

impl Address {
    /// Name and value of each field that must be found again in what a supplier receives.
    /// Country and province count as found when either their code or their name is.
    pub fn fields(&self) -> [(&'static str, Vec<&str>); 9] {
        [
            ("name", vec![&self.name]),
            ("company", vec![&self.company]),
            ("address1", vec![&self.address1]),
            ("address2", vec![&self.address2]),
            ("city", vec![&self.city]),
            ("province", vec![&self.province_code, &self.province]),
            ("zip", vec![&self.zip]),
            ("country", vec![&self.country_code, &self.country]),
            ("phone", vec![&self.phone]),
        ]
    }

    /// Every text as `spelling` writes it.
    pub fn respelled(&self, spelling: impl Fn(&str) -> String) -> Self {
        Self {
            name: spelling(&self.name),
            company: spelling(&self.company),
            address1: spelling(&self.address1),
            address2: spelling(&self.address2),
            city: spelling(&self.city),
            province: spelling(&self.province),
            province_code: spelling(&self.province_code),
            zip: spelling(&self.zip),
            country_code: spelling(&self.country_code),
            country: spelling(&self.country),
            phone: spelling(&self.phone),
        }
    }

    pub fn destination(&self, country_known: bool) -> Destination {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Destination {
            country: match text(&self.country_code) {
                Some(code) if country_known => Country::Known(code.to_ascii_uppercase()),
                Some(raw) => Country::Unknown(raw),
                None => Country::Unknown(self.country.trim().to_owned()),
            },
            subdivision: text(&self.province_code),
            po_box: boxes::is_box(self),
            military: boxes::is_military(self),
            missing: self.missing(),
        }
    }

    fn missing(&self) -> Vec<String> {
        let blank = |text: &str| text.trim().is_empty();
        let code = self.country_code.as_str();
        [
            ("name or company", blank(&self.name) && blank(&self.company)),
            ("street", blank(&self.address1)),
            ("city", blank(&self.city) && !WITHOUT_CITY.contains(&code)),
            (
                "province",
                blank(&self.province_code)
                    && blank(&self.province)
                    && WITH_PROVINCE.contains(&code),
            ),
            (
                "postal code",
                blank(&self.zip) && !WITHOUT_POSTAL_CODE.contains(&code),
            ),
            ("country", blank(&self.country_code) && blank(&self.country)),
        ]
        .into_iter()
        .filter(|(_, missing)| *missing)
        .map(|(field, _)| field.to_owned())
        .collect()
    }
}

/// Parts that every parcel needs; a province or a postal code may be looked up on the way.
const ESSENTIAL: &[&str] = &["name or company", "street", "city", "country"];

/// Countries whose required address fields, after libaddressinput, include an administrative area
/// without which a parcel cannot be sorted.
const WITH_PROVINCE: &[&str] = &["AU", "BR", "CA", "CN", "IN", "JP", "KR", "MX", "US"];
/// City states.
const WITHOUT_CITY: &[&str] = &["GI", "HK", "MC", "MO", "SG", "VA"];
/// Countries whose postal service has no code, or where it is not needed for delivery.
const WITHOUT_POSTAL_CODE: &[&str] = &[
    "AE", "AG", "AO", "AW", "BF", "BI", "BJ", "BO", "BS", "BW", "BZ", "CD", "CF", "CG", "CI", "CK",
    "CM", "DJ", "DM", "ER", "FJ", "GA", "GD", "GH", "GM", "GQ", "GY", "HK", "IE", "JM", "KI", "KM",
    "KN", "KP", "LC", "LY", "ML", "MO", "MR", "MW", "NR", "NU", "PA", "QA", "RW", "SB", "SC", "SL",
    "SR", "ST", "SY", "TD", "TF", "TG", "TK", "TL", "TO", "TT", "TV", "TZ", "UG", "VU", "YE", "ZW",
];

/// A country code that the channel's code found in ISO 3166-1, or what was given instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Country {
    Known(String),
    Unknown(String),
}

/// What rules may know of an address; nothing of it points to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    pub country: Country,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdivision: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub po_box: bool,
    /// An APO, FPO or DPO address of the United States.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub military: bool,
    /// Names of the parts without which nothing can be shipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

impl Destination {
    /// The missing parts without which a parcel arrives nowhere, whatever a person lets through.
    pub fn lacks_essentials(&self) -> Vec<&str> {
        let missing = self.missing.iter().map(String::as_str);
        missing.filter(|part| ESSENTIAL.contains(part)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_parts_depend_on_the_country() {
        let mut address = Address {
            name: "Ada".into(),
            address1: "1 Main St".into(),
            city: "Springfield".into(),
            country_code: "US".into(),
            ..Address::default()
        };
        assert_eq!(
            address.destination(true).missing,
            ["province", "postal code"]
        );
        address.country_code = "HK".into();
        assert!(address.destination(true).missing.is_empty());
        assert_eq!(Address::default().destination(false).missing.len(), 5);
    }
}
