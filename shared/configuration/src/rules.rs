//! `rules.toml`: how orders are routed. Every key has a default.

use crate::problem::File;
use crate::table;
use domain::settings::{Rules, Split};
use jiff::SignedDuration;
use toml::de::DeValue;

pub(crate) fn read(file: &File<'_>) -> Rules {
    table::parse(file, |mut root| {
        let mut rules = Rules::default();
        if let Some(mut routing) = root.table("routing") {
            if let Some(given) = routing.optional("split", "\"allow\" or \"never\"", split) {
                rules.split = given;
            }
            routing.finish();
        }
        if let Some(mut freshness) = root.table("freshness") {
            if let Some(given) =
                freshness.optional("stock", "hours or days, such as \"72h\" or \"3d\"", age)
            {
                rules.stock_max_age = given;
            }
            freshness.finish();
        }
        if let Some(mut tags) = root.table("tags") {
            if let Some(given) = tags.optional("never_send", "a list of tags", table::texts) {
                rules.never_send_tags = given.iter().map(|tag| tag.to_lowercase()).collect();
            }
            tags.finish();
        }
        root.finish();
        rules
    })
}

fn split(value: &DeValue<'_>) -> Result<Split, String> {
    match table::text(value)?.as_str() {
        "allow" => Ok(Split::Allow),
        "never" => Ok(Split::Never),
        other => Err(format!("{other:?} is neither")),
    }
}

fn age(value: &DeValue<'_>) -> Result<SignedDuration, String> {
    let text = table::text(value)?;
    let hours = |number: &str, each: i64| Some(i64::from(number.parse::<u16>().ok()?) * each);
    let hours = match (text.strip_suffix('h'), text.strip_suffix('d')) {
        (Some(number), _) => hours(number, 1),
        (None, Some(number)) => hours(number, 24),
        (None, None) => None,
    };
    match hours {
        Some(hours) if hours > 0 => Ok(SignedDuration::from_hours(hours)),
        _ => Err(format!("{text:?} is not an age")),
    }
}
