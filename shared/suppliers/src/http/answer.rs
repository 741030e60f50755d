//! A supplier's answer as expressions see it and as evidence keeps it.

use super::decode::{Form, decode};
use domain::digest::Digest;
use http_client::Response;
use jiff::Timestamp;
use minijinja::value::{Serde, ValueKind};
use ports::Evidence;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const LONGEST_REFERENCE: usize = 100;
/// More than any order becomes; they are kept in the order's history.
const MOST_REFERENCES: usize = 50;
/// Above it a reset is a moment in seconds since 1970, below it seconds from now.
const EARLIEST_MOMENT: i64 = 1_000_000_000;
/// What helps to find the exchange in the supplier's own records; no cookie, no token. Beside each,
/// whether it differs though the same answer comes again.
const TELLING: [(&str, bool); 10] = [
    ("content-type", false),
    ("date", true),
    ("location", false),
    ("retry-after", true),
    ("ratelimit-reset", true),
    ("x-ratelimit-remaining", true),
    ("x-ratelimit-reset", true),
    ("x-request-id", true),
    ("x-correlation-id", true),
    ("im-correlationid", true),
];

pub(super) struct Answer {
    pub(super) status: u16,
    /// By their names in lower case.
    headers: BTreeMap<String, String>,
    /// The body as it came, decompressed.
    raw: Vec<u8>,
    pub(super) form: Form,
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
        let content_type = headers.get("content-type").map(String::as_str);
        let decoded = decode(content_type, response.body);
        let seen = minijinja::Value::from(Serde(&json!({
            "status": response.status,
            "headers": headers,
            "body": decoded.body,
            "text": decoded.text,
            "number": number,
            "extracted": plain(extracted),
        })));
        Self {
            status: response.status,
            headers,
            raw: decoded.bytes,
            form: decoded.form,
            seen,
        }
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence {
            bytes: self.written(true),
            identity: Some(Digest::of(&self.written(false))),
        }
    }

    /// The status, the telling headers, with those that differ each time or without, and the body.
    fn written(&self, with_volatile: bool) -> Vec<u8> {
        let mut head = format!("HTTP {}\n", self.status);
        for (name, value) in &self.headers {
            let telling = TELLING.iter().find(|(known, _)| known == name);
            if telling.is_some_and(|(_, volatile)| with_volatile || !volatile) {
                let value: String = value.chars().filter(|held| !held.is_control()).collect();
                head.extend([name.as_str(), ": ", &value, "\n"]);
            }
        }
        head.push('\n');
        let mut written = head.into_bytes();
        written.extend_from_slice(&self.raw);
        written
    }

    /// The moment at which it was given, by the supplier's clock.
    pub(super) fn date(&self) -> Option<Timestamp> {
        moment(self.headers.get("date")?.trim())
    }

    /// How long the supplier wants to be left alone: `Retry-After` in seconds or as a date, else
    /// when its limit is reset. Moments are measured from its own `Date`, since its clock need not
    /// be ours; `now` stands in for that.
    pub(super) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let header = |name: &str| Some(self.headers.get(name)?.trim());
        let now = self.date().unwrap_or(now);
        let until = |at: Timestamp| until(at, now);
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
        asked.or_else(reset)
    }

    /// The same of a value that an expression found in the answer: seconds from now, seconds since
    /// 1970, or a date as RFC 9110 or RFC 3339 write it. `None` where it asks for no wait: absent,
    /// unreadable, zero or less.
    pub(super) fn wait_of(&self, value: &minijinja::Value, now: Timestamp) -> Option<Duration> {
        let now = self.date().unwrap_or(now);
        let text = match value.as_str() {
            Some(text) => text.trim().to_owned(),
            None if value.is_number() => value.to_string(),
            None => return None,
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let wait = match whole.parse::<i64>() {
            Ok(seconds) if digits(fraction) => {
                let begun = i64::from(fraction.bytes().any(|digit| digit != b'0'));
                let seconds = seconds.checked_add(begun)?;
                if seconds < EARLIEST_MOMENT {
                    Duration::from_secs(u64::try_from(seconds).ok()?)
                } else {
                    until(Timestamp::from_second(seconds).ok()?, now)
                }
            }
            Ok(_) | Err(_) => until(moment(&text).or_else(|| text.parse().ok())?, now),
        };
        (!wait.is_zero()).then_some(wait)
    }

    /// Whether the supplier says that the next request would be one too many.
    pub(super) fn is_exhausted(&self) -> bool {
        ["ratelimit-remaining", "x-ratelimit-remaining"]
            .into_iter()
            .filter_map(|name| self.headers.get(name))
            .any(|left| left.trim() == "0")
    }
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
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
    let text = domain::text::without_marks(&text);
    (!text.is_empty()).then_some(text)
}

/// Zero, the word of a program for nothing, and text with markup number no order.
fn is_number_of_an_order(text: &str) -> bool {
    let nothing = ["0", "null", "none", "nil", "undefined", "false"];
    !text.contains('<') && !nothing.contains(&text.to_lowercase().as_str())
}

/// What an expression for the supplier's number finds in an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// Absent, null, empty, zero, true or false, or a page: no number of an order.
    Nothing,
    /// Something is there that cannot be kept exactly: too many values, a number with a fraction or
    /// beyond 64 bits, a text with bytes that could not be decoded.
    Unreadable,
    Given(Vec<String>),
}

impl Reference {
    /// Reads one value or a list of them; a list is as good as its worst entry.
    pub(super) fn of(value: &minijinja::Value) -> Self {
        let kind = value.kind();
        if matches!(kind, ValueKind::Number | ValueKind::String) {
            return match reference(value) {
                Some(text) if text.contains('\u{fffd}') => Self::Unreadable,
                Some(text) if is_number_of_an_order(&text) => Self::Given(vec![text]),
                None if kind == ValueKind::Number => Self::Unreadable,
                Some(_) | None => Self::Nothing,
            };
        }
        if !matches!(kind, ValueKind::Seq | ValueKind::Iterable) {
            return Self::Nothing;
        }
        let Ok(entries) = value.try_iter() else {
            return Self::Nothing;
        };
        let mut given = Vec::new();
        let mut unreadable = false;
        for entry in entries.take(MOST_REFERENCES + 1) {
            match Self::of(&entry) {
                Self::Nothing => return Self::Nothing,
                Self::Unreadable => unreadable = true,
                Self::Given(references) => given.extend(references),
            }
        }
        if unreadable || given.len() > MOST_REFERENCES {
            Self::Unreadable
        } else if given.is_empty() {
            Self::Nothing
        } else {
            Self::Given(given)
        }
    }

    pub(super) fn given(self) -> Option<Vec<String>> {
        match self {
            Self::Given(references) => Some(references),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// One value or a list of them; `None` where any is no reference, or where they are too many.
pub(super) fn references(value: &minijinja::Value) -> Option<Vec<String>> {
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
    fn a_number_of_an_order_is_told_from_nothing() {
        let read = |value: Value| Reference::of(&minijinja::Value::from(Serde(value)));
        let given =
            |texts: &[&str]| Reference::Given(texts.iter().map(|&text| text.to_owned()).collect());
        for nothing in [
            json!(null),
            json!(""),
            json!(" \n"),
            json!(0),
            json!("0"),
            json!(false),
            json!(true),
            json!([]),
            json!({}),
            json!({"value": 7}),
            json!([null]),
            json!(["A", ""]),
            json!("<html>busy</html>"),
        ] {
            assert_eq!(read(nothing.clone()), Reference::Nothing, "{nothing}");
        }
        assert_eq!(
            Reference::of(&minijinja::Value::UNDEFINED),
            Reference::Nothing
        );
        for unreadable in [
            json!(1.5),
            json!("S\u{fffd}7"),
            json!(vec![7; 51]),
            json!([7, 1.5]),
        ] {
            assert_eq!(
                read(unreadable.clone()),
                Reference::Unreadable,
                "{unreadable}"
            );
        }
        assert_eq!(read(json!(" A-1\n")), given(&["A-1"]));
        assert_eq!(read(json!(u64::MAX)), given(&["18446744073709551615"]));
        assert_eq!(read(json!(["A", 7])), given(&["A", "7"]));
        assert_eq!(read(json!("00")), given(&["00"]));
    }

    #[test]
    fn the_wait_of_an_expression_is_seconds_or_a_date() {
        let now = "2026-12-01T10:00:00Z".parse().unwrap();
        let response = |date: Option<&str>| Response {
            status: 200,
            headers: date
                .map(|date| ("Date".to_owned(), date.to_owned()))
                .into_iter()
                .collect(),
            body: Vec::new(),
        };
        let wait = |value: Value, date| {
            let answer = Answer::new(response(date), "", &BTreeMap::new());
            let wait = answer.wait_of(&minijinja::Value::from(Serde(value)), now);
            wait.map(|wait| wait.as_secs())
        };
        for (value, expected) in [
            (json!(30), Some(30)),
            (json!("30"), Some(30)),
            (json!(1.5), Some(2)),
            (json!("2.0"), Some(2)),
            (json!(1_796_119_260), Some(60)),
            (json!("Tue, 01 Dec 2026 10:01:30 GMT"), Some(90)),
            (json!("2026-12-01T10:00:45Z"), Some(45)),
            (json!("2026-12-01T12:00:45.5+02:00"), Some(45)),
            (json!(9_999_999), Some(9_999_999)),
            (json!(0), None),
            (json!(-5), None),
            (json!(null), None),
            (json!(""), None),
            (json!(true), None),
            (json!("soon"), None),
            (json!([30]), None),
            (json!("2020-12-01T10:00:45Z"), None),
        ] {
            assert_eq!(wait(value.clone(), None), expected, "{value}");
        }
        let theirs = Some("Tue, 01 Dec 2026 11:00:00 GMT");
        assert_eq!(wait(json!("2026-12-01T11:00:30Z"), theirs), Some(30));
    }

    #[test]
    fn the_same_answer_is_the_same_evidence_though_its_date_differs() {
        let answer = |date: &str, body: &str| {
            let response = Response {
                status: 500,
                headers: vec![("Date".to_owned(), date.to_owned())],
                body: body.as_bytes().to_vec(),
            };
            Answer::new(response, "", &BTreeMap::new()).evidence()
        };
        let one = answer("Tue, 01 Dec 2026 11:00:00 GMT", "down");
        let again = answer("Tue, 01 Dec 2026 11:02:00 GMT", "down");
        let other = answer("Tue, 01 Dec 2026 11:02:00 GMT", "still down");
        assert_ne!(one.bytes, again.bytes);
        assert_eq!(one.digest(), again.digest());
        assert_ne!(one.digest(), other.digest());
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
        // How much of it is believed is the settings' matter.
        assert_eq!(wait(&[("Retry-After", "9999999999")]), Some(9_999_999_999));
        for unreadable in ["soon", "-5", ""] {
            assert_eq!(wait(&[("Retry-After", unreadable)]), None);
        }
    }
}
