//! Countries and their subdivisions, as configuration names them: `US`, `US-HI`.

use crate::address::{Country, Destination};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Not of the form `US` or `US-HI`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a country such as US nor a subdivision such as US-HI")]
pub struct NotARegion(pub String);

/// Every country of ISO 3166-1, and Kosovo, which has no code there and is `XK` by common use.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ \
    BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ \
    DE DJ DK DM DO DZ \
    EC EE EG EH ER ES ET \
    FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY \
    HK HM HN HR HT HU \
    ID IE IL IM IN IO IQ IR IS IT \
    JE JM JO JP \
    KE KG KH KI KM KN KP KR KW KY KZ \
    LA LB LC LI LK LR LS LT LU LV LY \
    MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ \
    NA NC NE NF NG NI NL NO NP NR NU NZ \
    OM \
    PA PE PF PG PH PK PL PM PN PR PS PT PW PY \
    QA \
    RE RO RS RU RW \
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ \
    TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
    UA UG UM US UY UZ \
    VA VC VE VG VI VN VU \
    WF WS \
    XK \
    YE YT \
    ZA ZM ZW";

/// Whether there is a country of this code.
pub fn is_country(code: &str) -> bool {
    COUNTRIES.split(' ').any(|country| country == code)
}

/// A country, or a subdivision of one by the code that channels give it.
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
    fn countries_are_those_of_the_standard_and_kosovo() {
        let letters = || 'A'..='Z';
        for code in letters().flat_map(|one| letters().map(move |other| format!("{one}{other}"))) {
            let known = rust_iso3166::from_alpha2(&code).is_some() || code == "XK";
            assert_eq!(is_country(&code), known, "{code}");
        }
        for code in ["", " ", "us", "USA", "U", "US CA"] {
            assert!(!is_country(code), "{code:?}");
        }
    }

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
