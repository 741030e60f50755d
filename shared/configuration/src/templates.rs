//! Templates that lie in files of their own: `html_file = "north.html"` beside `suppliers.toml` stands
//! for `html` with what the file holds.

use crate::problem::Wrong;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const ENDING: &str = "_file";

/// Puts the files' text in the place of their names, in this table and those below it. What is wrong
/// comes with the path of the key it is about.
pub(crate) fn inline(
    table: &mut Value,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), (String, Wrong)> {
    match table {
        Value::Object(members) => inline_members(members, files),
        Value::Array(items) => items.iter_mut().enumerate().try_for_each(|(index, item)| {
            inline(item, files).map_err(|(path, wrong)| (format!("[{index}].{path}"), wrong))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn inline_members(
    members: &mut Map<String, Value>,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), (String, Wrong)> {
    let named: Vec<(String, String)> = members
        .iter()
        .filter_map(|(key, value)| {
            let place = key.strip_suffix(ENDING).filter(|place| !place.is_empty())?;
            Some((place.to_owned(), value.as_str()?.to_owned()))
        })
        .collect();
    for (place, name) in named {
        let key = format!("{place}{ENDING}");
        let wrong = |message: String| Err((key.clone(), Wrong::from(message)));
        let Some(bytes) = files.get(&name) else {
            let message = format!("there is no file {name:?} in this folder");
            let known = files.keys().map(String::as_str);
            return Err((key, Wrong::none_of(&name, message, known)));
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
    members.iter_mut().try_for_each(|(key, member)| {
        inline(member, files).map_err(|(path, wrong)| {
            let parted = if path.starts_with('[') { "" } else { "." };
            (format!("{key}{parted}{path}"), wrong)
        })
    })
}
