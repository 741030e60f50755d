//! How values become columns and come back.

use crate::database::Broken;

/// A value as the JSON that a column holds.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String, Broken> {
    serde_json::to_string(value).map_err(Broken::Unwritable)
}

/// The message names the place in the JSON, not its content.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    what: &str,
    body: &str,
) -> Result<T, Broken> {
    serde_json::from_str(body).map_err(|error| {
        Broken::Unreadable(format!(
            "{what} cannot be read at character {}",
            error.column()
        ))
    })
}

/// A column that holds the bare text of a type which serialises as a string.
pub(crate) fn from_text<T: serde::de::DeserializeOwned>(
    what: &str,
    text: String,
) -> Result<T, Broken> {
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|_| Broken::Unreadable(format!("{what} cannot be read")))
}

pub(crate) fn time(what: &str, microsecond: i64) -> Result<jiff::Timestamp, Broken> {
    jiff::Timestamp::from_microsecond(microsecond)
        .map_err(|_| Broken::Unreadable(format!("{what} is no time")))
}

/// What `SQLite` takes for a limit.
pub(crate) fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
