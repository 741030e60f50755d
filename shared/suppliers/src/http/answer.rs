//! A supplier's answer as expressions see it, and JSON as a reader of the request sees it.

use http_client::Response;
use ports::Decoded;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longer waits are a supplier's mistake, and a case sooner than that.
const LONGEST_WAIT: u64 = 24 * 60 * 60;
const LONGEST_REFERENCE: usize = 100;

#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// By their names in lower case.
    headers: BTreeMap<String, String>,
    /// Null where the answer is no JSON.
    body: Value,
    text: String,
    #[serde(skip)]
    raw: Vec<u8>,
}

impl Answer {
    pub(super) fn new(response: Response) -> Self {
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in response.headers {
            headers
                .entry(name.to_ascii_lowercase())
                .and_modify(|known| {
                    known.push_str(", ");
                    known.push_str(&value);
                })
                .or_insert(value);
        }
        Self {
            status: response.status,
            headers,
            body: serde_json::from_slice(&response.body).unwrap_or(Value::Null),
            text: String::from_utf8_lossy(&response.body).into_owned(),
            raw: response.body,
        }
    }

    pub(super) fn evidence(&self) -> Vec<u8> {
        let mut evidence = format!("HTTP {}\n\n", self.status).into_bytes();
        evidence.extend_from_slice(&self.raw);
        evidence
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.headers.get("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
    }
}

/// Texts and whole numbers; a number with a fraction or beyond 64 bits has lost its digits, and an id
/// that is not exact is worse than none.
pub(super) fn reference(value: &minijinja::Value) -> Option<String> {
    let text = match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_integer() => value.to_string(),
        None => return None,
    };
    let text: String = text
        .chars()
        .filter(|character| !character.is_control())
        .take(LONGEST_REFERENCE)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A record for each object, of its own values; for an entry of a list also one of everything below
/// it, since a line may keep its SKU in an object of its own. Never one of the whole body: there
/// any number would pass for any line's quantity.
pub(super) fn records(body: &Value) -> Decoded {
    let mut records = Vec::new();
    collect(body, &mut records);
    Decoded::one("request", records)
}

fn collect(value: &Value, records: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(members) => {
            records.push(members.values().filter_map(scalar).collect());
            for member in members.values() {
                collect(member, records);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut below = Vec::new();
                scalars(item, &mut below);
                records.push(below);
                collect(item, records);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn scalars(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| scalars(member, found)),
        Value::Array(items) => items.iter().for_each(|item| scalars(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.extend(scalar(value));
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
