//! Values that several files hold: amounts, percentages, regions, days and times.

use crate::near::near;
use crate::problem::Wrong;
use crate::table::{text, texts};
use domain::calendar::{Hours, MINUTES_A_DAY, WEEKDAYS};
use domain::money::{BasisPoints, Currency, Money};
use domain::region::{Region, is_country};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use std::collections::BTreeSet;
use toml::de::DeValue;

pub(crate) const AMOUNT: &str = "an amount with its currency, such as \"12.50 USD\"";
pub(crate) const REGIONS: &str =
    "a list of countries and subdivisions, such as [\"US\", \"US-HI\"], or \"EU\" for its members";

/// Stands for its members.
const EUROPEAN_UNION: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];
/// More days than this are more likely a mistake in a year.
const LONGEST_HOLIDAY: usize = 366;

pub(crate) fn amount(value: &DeValue<'_>) -> Result<Money, String> {
    let text = text(value)?;
    let Some((amount, code)) = text.split_once(char::is_whitespace) else {
        return Err(format!("{text:?} has no currency"));
    };
    let currency = currency_of(code.trim())?;
    let money = Money::parse(amount, currency).map_err(|error| error.to_string())?;
    if money.minor < 0 {
        return Err(format!("{text:?} is less than nothing"));
    }
    Ok(money)
}

pub(crate) fn currency(value: &DeValue<'_>) -> Result<Currency, String> {
    currency_of(&text(value)?)
}

pub(crate) fn currency_of(code: &str) -> Result<Currency, String> {
    Currency::parse(code).map_err(|error| error.to_string())
}

/// From 0 % to 100 %.
pub(crate) fn percent(value: &DeValue<'_>) -> Result<BasisPoints, String> {
    let text = text(value)?;
    let Some(number) = text.strip_suffix('%') else {
        return Err(format!("{text:?} has no % sign"));
    };
    let number = Decimal::from_str_exact(number.trim())
        .map_err(|_| format!("{text:?} is not a percentage"))?;
    let points = number * Decimal::ONE_HUNDRED;
    if points.is_sign_negative() && !points.is_zero() {
        return Err(format!("{text:?} is less than nothing"));
    }
    if number > Decimal::ONE_HUNDRED {
        return Err(format!("{text:?} is more than everything"));
    }
    if !points.fract().is_zero() {
        return Err(format!("{text:?} has more than two decimals"));
    }
    i64::try_from(points)
        .map(BasisPoints)
        .map_err(|_| format!("{text:?} is too large"))
}

/// What one unit of a currency is worth in the base.
pub(crate) fn rate(value: &DeValue<'_>) -> Result<Decimal, String> {
    let text = value
        .as_str()
        .ok_or_else(|| format!("not a string but {}", value.type_str()))?;
    match Decimal::from_str_exact(text.trim()) {
        Ok(rate) if rate > Decimal::ZERO => Ok(rate),
        Ok(_) | Err(_) => Err(format!("{text:?} is not a number above 0")),
    }
}

pub(crate) fn regions(value: &DeValue<'_>) -> Result<Vec<Region>, Wrong> {
    let list = texts(value)?;
    regions_of(list.iter().map(String::as_str))
}

/// An empty list would be nowhere, which is what `paused` is for.
pub(crate) fn regions_of<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Vec<Region>, Wrong> {
    let mut regions = BTreeSet::new();
    for text in texts {
        if text == "EU" {
            let members = EUROPEAN_UNION.iter().flat_map(|code| Region::parse(code));
            regions.extend(members);
            continue;
        }
        let wrong = |message: String| Wrong {
            message,
            near: meant_region(text),
        };
        let region = Region::parse(text).map_err(|error| wrong(error.to_string()))?;
        if !is_country(&region.country) {
            let country = &region.country;
            return Err(wrong(format!("{country:?} is no country of ISO 3166-1")));
        }
        regions.insert(region);
    }
    if regions.is_empty() {
        return Err("an empty list".into());
    }
    Ok(regions.into_iter().collect())
}

/// People write countries in many ways: `uk`, `USA`, `Germany`, `us-hi`.
fn meant_region(text: &str) -> Option<String> {
    let (country, subdivision) = match text.split_once('-') {
        Some((country, subdivision)) => (country, Some(subdivision)),
        None => (text, None),
    };
    let upper = country.to_uppercase();
    let code = match upper.as_str() {
        "UK" => "GB",
        "EL" => "GR",
        "EU" => return Some("EU".to_owned()),
        code => {
            let known = rust_iso3166::from_alpha2(code).or_else(|| rust_iso3166::from_alpha3(code));
            let Some(known) = known else {
                let all = rust_iso3166::ALL;
                let name = near(text, all.iter().map(|known| known.name))?;
                let named = all.iter().find(|known| known.name == name)?;
                return Some(named.alpha2.to_owned());
            };
            known.alpha2
        }
    };
    let meant = match subdivision {
        Some(subdivision) => format!("{code}-{}", subdivision.to_uppercase()),
        None => code.to_owned(),
    };
    Region::parse(&meant).ok().map(|region| region.to_string())
}

pub(crate) fn zone(value: &DeValue<'_>) -> Result<TimeZone, Wrong> {
    let name = text(value)?;
    TimeZone::get(&name).map_err(|_| Wrong {
        message: format!("{name:?} is no time zone"),
        near: meant_zone(&name),
    })
}

/// By the whole name, or by the place alone: `Berlin`.
pub fn meant_zone(name: &str) -> Option<String> {
    let all: Vec<String> = jiff::tz::db()
        .available()
        .map(|zone| zone.as_str().to_owned())
        .collect();
    let whole = near(name, all.iter().map(String::as_str));
    let place = |zone: &str| zone.rsplit('/').next().unwrap_or(zone).to_owned();
    let by_place = || {
        let places: Vec<String> = all.iter().map(|zone| place(zone)).collect();
        let written = place(name);
        let place_meant = near(&written, places.iter().map(String::as_str))?.to_owned();
        all.iter().find(|zone| place(zone) == place_meant)
    };
    whole.map(str::to_owned).or_else(|| by_place().cloned())
}

/// `mon` or `mon-fri`, which may go over the end of the week.
pub(crate) fn days(value: &DeValue<'_>) -> Result<[bool; 7], Wrong> {
    let place = |name: &str| {
        WEEKDAYS
            .iter()
            .position(|(known, _)| name.trim().eq_ignore_ascii_case(known))
            .ok_or_else(|| Wrong {
                message: format!("{name:?} is no weekday"),
                // `monday` begins like it; others are near.
                near: WEEKDAYS
                    .iter()
                    .map(|(known, _)| *known)
                    .find(|known| name.trim().to_lowercase().starts_with(known))
                    .or_else(|| near(name, WEEKDAYS.iter().map(|(known, _)| *known)))
                    .map(str::to_owned),
            })
    };
    let mut open = [false; 7];
    for entry in texts(value)? {
        let (first, last) = entry.split_once('-').unwrap_or((&entry, &entry));
        let (first, last) = (place(first)?, place(last)?);
        for step in 0..7 {
            let day = (first + step) % 7;
            open[day] = true;
            if day == last {
                break;
            }
        }
    }
    if open == [false; 7] {
        return Err("no day, so that it would never open".into());
    }
    Ok(open)
}

/// Windows of a day, in order and apart.
pub(crate) fn hours(value: &DeValue<'_>) -> Result<Vec<Hours>, String> {
    let mut hours = Vec::new();
    for entry in texts(value)? {
        let window = entry.split_once('-').and_then(|(from, to)| {
            Some(Hours {
                from: minute(from)?,
                to: minute(to)?,
            })
        });
        match window {
            Some(window) if window.from < window.to => hours.push(window),
            Some(_) => return Err(format!("{entry:?} ends before it begins")),
            None => return Err(format!("{entry:?} are not hours")),
        }
    }
    hours.sort();
    if hours.is_empty() {
        return Err("no hours, so that it would never open".to_owned());
    }
    let overlap = hours.iter().zip(hours.iter().skip(1));
    if overlap.into_iter().any(|(one, next)| next.from < one.to) {
        return Err("hours that overlap".to_owned());
    }
    Ok(hours)
}

pub(crate) fn cut_offs(value: &DeValue<'_>) -> Result<BTreeSet<u16>, String> {
    texts(value)?
        .iter()
        .map(|text| {
            minute(text)
                .filter(|minute| *minute < MINUTES_A_DAY)
                .ok_or_else(|| format!("{text:?} is no time of a day"))
        })
        .collect()
}

/// `08:30`; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str| {
        (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(hour) || minute.len() != 2 || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= MINUTES_A_DAY).then_some(hour * 60 + minute)
}

/// Days, or the first and last day of several: `2026-12-24..2027-01-02`.
pub(crate) fn holidays(value: &DeValue<'_>) -> Result<BTreeSet<Date>, String> {
    let list = value
        .as_array()
        .ok_or_else(|| format!("not an array but {}", value.type_str()))?;
    let mut days = BTreeSet::new();
    for element in list {
        let element = element.get_ref();
        let written = match element.as_datetime() {
            Some(date) => date.to_string(),
            None => text(element)?,
        };
        let (first, last) = written.split_once("..").unwrap_or((&written, &written));
        let day = |text: &str| -> Result<Date, String> {
            let text = text.trim();
            text.parse().map_err(|_| format!("{text:?} is no day"))
        };
        let (first, last) = (day(first)?, day(last)?);
        if last < first {
            return Err(format!("{written:?} ends before it begins"));
        }
        let all = std::iter::successors(Some(first), |date| date.tomorrow().ok());
        let all: Vec<Date> = all
            .take_while(|date| *date <= last)
            .take(LONGEST_HOLIDAY + 1)
            .collect();
        if all.len() > LONGEST_HOLIDAY {
            return Err(format!("{written:?} is longer than a year"));
        }
        days.extend(all);
    }
    Ok(days)
}
