//! Templates that lie in files of their own: `html_file = "north.html"` beside `suppliers.toml` stands
//! for `html` with what the file holds.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

const ENDING: &str = "_file";

/// Puts the files' text in the place of their names, in this table and those below it. What is wrong
/// comes with the key it is about.
pub(crate) fn inline(
    table: &mut Value,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), (String, String)> {
    match table {
        Value::Object(members) => inline_members(members, files),
        Value::Array(items) => items.iter_mut().try_for_each(|item| inline(item, files)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn inline_members(
    members: &mut Map<String, Value>,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), (String, String)> {
    let named: Vec<(String, String)> = members
        .iter()
        .filter_map(|(key, value)| {
            let place = key.strip_suffix(ENDING).filter(|place| !place.is_empty())?;
            Some((place.to_owned(), value.as_str()?.to_owned()))
        })
        .collect();
    for (place, name) in named {
        let key = format!("{place}{ENDING}");
        let wrong = |message: String| Err((key.clone(), message));
        let Some(bytes) = files.get(&name) else {
            return wrong(format!("there is no file {name:?} in this folder"));
        };
        let Ok(text) = std::str::from_utf8(bytes) else {
            return wrong(format!("the file {name:?} is not UTF-8"));
        };
        if members.contains_key(&place) {
            return wrong(format!("{place} is given twice"));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        members.insert(place, Value::String(text.to_owned()));
        members.remove(&key);
    }
    members
        .values_mut()
        .try_for_each(|member| inline(member, files))
}
