//! Countries and their subdivisions, as configuration names them: `US`, `US-HI`.

use crate::address::{Country, Destination};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Not of the form `US` or `US-HI`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a country such as US nor a subdivision such as US-HI")]
pub struct NotARegion(pub String);

/// An ISO 3166-1 country, or a subdivision of one by the code that channels give it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region {
    pub country: String,
    pub subdivision: Option<String>,
}

impl Region {
    /// The form only; that the country exists is for the reader of the configuration to see.
    pub fn parse(text: &str) -> Result<Self, NotARegion> {
        let (country, subdivision) = match text.split_once('-') {
            Some((country, subdivision)) => (country, Some(subdivision)),
            None => (text, None),
        };
        let code = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        let right = country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && subdivision.is_none_or(|code_of| (1..=3).contains(&code_of.len()) && code(code_of));
        if right {
            Ok(Self {
                country: country.to_owned(),
                subdivision: subdivision.map(str::to_owned),
            })
        } else {
            Err(NotARegion(text.to_owned()))
        }
    }

    pub fn contains(&self, destination: &Destination) -> bool {
        let Country::Known(country) = &destination.country else {
            return false;
        };
        country == &self.country
            && self.subdivision.as_ref().is_none_or(|wanted| {
                destination
                    .subdivision
                    .as_ref()
                    .is_some_and(|known| known.eq_ignore_ascii_case(wanted))
            })
    }
}

/// Whether any of them does.
pub fn any_contains(regions: &[Region], destination: &Destination) -> bool {
    regions.iter().any(|region| region.contains(destination))
}

/// As the configuration would name it: `US-KY`.
pub fn name(destination: &Destination) -> String {
    match (&destination.country, &destination.subdivision) {
        (Country::Known(country), Some(subdivision)) => format!("{country}-{subdivision}"),
        (Country::Known(country), None) => country.clone(),
        (Country::Unknown(raw), _) => format!("{raw:?}"),
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.country)?;
        match &self.subdivision {
            Some(subdivision) => write!(formatter, "-{subdivision}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for Region {
    type Error = NotARegion;
    fn try_from(text: String) -> Result<Self, NotARegion> {
        Self::parse(&text)
    }
}

impl From<Region> for String {
    fn from(region: Region) -> String {
        region.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_contains_its_subdivisions_and_not_the_other_way() {
        let destination = |country: &str, subdivision: Option<&str>| Destination {
            country: Country::Known(country.to_owned()),
            subdivision: subdivision.map(str::to_owned),
            po_box: false,
            military: false,
            missing: Vec::new(),
        };
        let region = |text: &str| Region::parse(text).unwrap();
        assert!(region("US").contains(&destination("US", Some("HI"))));
        assert!(region("US-HI").contains(&destination("US", Some("hi"))));
        assert!(!region("US-HI").contains(&destination("US", Some("KY"))));
        assert!(!region("US-HI").contains(&destination("US", None)));
        assert!(!region("US-HI").contains(&destination("DE", Some("HI"))));
        let unknown = Destination {
            country: Country::Unknown("US".to_owned()),
            ..destination("US", None)
        };
        assert!(!region("US").contains(&unknown));
        for wrong in ["", "us", "USA", "US-", "US-HAWA", "US-H I", "-HI"] {
            assert!(Region::parse(wrong).is_err(), "{wrong}");
        }
    }
}
