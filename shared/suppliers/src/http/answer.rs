//! A supplier's answer as expressions see it and as evidence keeps it.

use super::xml;
use http_client::Response;
use jiff::Timestamp;
use minijinja::value::Serde;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longer waits are a supplier's mistake, and a case sooner than that.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
const LONGEST_REFERENCE: usize = 100;
/// More than any order becomes; they are kept in the order's history.
const MOST_REFERENCES: usize = 50;
/// Above it a reset is a moment in seconds since 1970, below it seconds from now.
const EARLIEST_MOMENT: i64 = 1_000_000_000;
/// What helps to find the exchange in the supplier's own records; no cookie, no token.
const TELLING: [&str; 10] = [
    "content-type",
    "date",
    "location",
    "retry-after",
    "ratelimit-reset",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
    "x-correlation-id",
    "im-correlationid",
];

pub(super) struct Answer {
    pub(super) status: u16,
    /// By their names in lower case.
    headers: BTreeMap<String, String>,
    raw: Vec<u8>,
    /// `status`, `headers`, `body`, `text`, `number`, `extracted`. The body is the tree of JSON or
    /// XML, and null where the answer is neither.
    pub(super) seen: minijinja::Value,
}

impl Answer {
    pub(super) fn new(
        response: Response,
        number: &str,
        extracted: &BTreeMap<String, Vec<String>>,
    ) -> Self {
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
        let text = String::from_utf8_lossy(&response.body);
        let body = serde_json::from_slice(&response.body)
            .ok()
            .or_else(|| {
                let marked = text.trim_start().starts_with('<');
                marked.then(|| xml::parse(text.trim_start_matches('\u{feff}')).ok())?
            })
            .unwrap_or(Value::Null);
        let seen = minijinja::Value::from(Serde(&json!({
            "status": response.status,
            "headers": headers,
            "body": body,
            "text": text,
            "number": number,
            "extracted": plain(extracted),
        })));
        Self {
            status: response.status,
            headers,
            raw: response.body,
            seen,
        }
    }

    pub(super) fn evidence(&self) -> Vec<u8> {
        let mut evidence = format!("HTTP {}\n", self.status);
        for (name, value) in &self.headers {
            if TELLING.contains(&name.as_str()) {
                let value: String = value.chars().filter(|held| !held.is_control()).collect();
                evidence.extend([name.as_str(), ": ", &value, "\n"]);
            }
        }
        evidence.push('\n');
        let mut evidence = evidence.into_bytes();
        evidence.extend_from_slice(&self.raw);
        evidence
    }

    /// How long the supplier wants to be left alone: `Retry-After` in seconds or as a date, else
    /// when its limit is reset. Moments are measured from its own `Date`, since its clock need not
    /// be ours; `now` stands in for that.
    pub(super) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let header = |name: &str| Some(self.headers.get(name)?.trim());
        let now = header("date").and_then(moment).unwrap_or(now);
        let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default();
        let asked = header("retry-after").and_then(|text| {
            let seconds = text.parse().ok().map(Duration::from_secs);
            seconds.or_else(|| moment(text).map(until))
        });
        let reset = || {
            ["ratelimit-reset", "x-ratelimit-reset"]
                .into_iter()
                .find_map(|name| {
                    let value: i64 = header(name)?.split(['.', ';']).next()?.parse().ok()?;
                    if value < EARLIEST_MOMENT {
                        return u64::try_from(value).ok().map(Duration::from_secs);
                    }
                    Timestamp::from_second(value).ok().map(until)
                })
        };
        asked.or_else(reset).map(|wait| wait.min(LONGEST_WAIT))
    }

    /// Whether the supplier says that the next request would be one too many.
    pub(super) fn is_exhausted(&self) -> bool {
        ["ratelimit-remaining", "x-ratelimit-remaining"]
            .into_iter()
            .filter_map(|name| self.headers.get(name))
            .any(|left| left.trim() == "0")
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn moment(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}

/// A value alone as itself: `extracted.order_id` is what a template wants to write.
pub(super) fn plain(extracted: &BTreeMap<String, Vec<String>>) -> Value {
    let plain = extracted.iter().map(|(name, values)| {
        let value = match values.as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        (name.clone(), value)
    });
    Value::Object(plain.collect())
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

/// One value or a list of them; `None` where any is no reference, or where they are too many.
pub(super) fn references(value: &minijinja::Value) -> Option<Vec<String>> {
    use minijinja::value::ValueKind;
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let found: Option<Vec<String>> = value
            .try_iter()
            .ok()?
            .take(MOST_REFERENCES + 1)
            .map(|entry| reference(&entry))
            .collect();
        return found.filter(|found| found.len() <= MOST_REFERENCES);
    }
    reference(value).map(|one| vec![one])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(&str, &str)]) -> Option<u64> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let response = Response {
            status: 429,
            headers,
            body: Vec::new(),
        };
        let now = "2026-12-01T10:00:00Z".parse().unwrap();
        Answer::new(response, "", &BTreeMap::new())
            .retry_after(now)
            .map(|wait| wait.as_secs())
    }

    #[test]
    fn the_wait_is_read_in_every_spelling() {
        let date = ("Date", "Tue, 01 Dec 2026 11:00:00 GMT");
        assert_eq!(wait(&[("Retry-After", "120")]), Some(120));
        assert_eq!(
            wait(&[("Retry-After", "Tue, 01 Dec 2026 10:01:30 GMT")]),
            Some(90)
        );
        // The supplier's clock is an hour ahead, and says so.
        assert_eq!(
            wait(&[("Retry-After", "Tue, 01 Dec 2026 11:00:30 GMT"), date]),
            Some(30)
        );
        assert_eq!(wait(&[("X-Ratelimit-Reset", "1796119260")]), Some(60));
        assert_eq!(wait(&[("X-Ratelimit-Reset", "17"), date]), Some(17));
        assert_eq!(wait(&[("RateLimit-Reset", "8")]), Some(8));
        assert_eq!(
            wait(&[("Retry-After", "Tue, 01 Dec 2020 10:00:00 GMT")]),
            Some(0)
        );
        assert_eq!(wait(&[("Retry-After", "9999999999")]), Some(86_400));
        for unreadable in ["soon", "-5", ""] {
            assert_eq!(wait(&[("Retry-After", unreadable)]), None);
        }
    }
}
