//! A TOML table that is read key by key. It knows the line of each key, reports what it cannot
//! read, and at the end every key that nobody asked for.

use crate::problem::{File, Wrong};
use domain::ids::InvalidId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Hands the file's table to `read`; a file with broken syntax has no table worth reading.
pub(crate) fn parse<T: Default>(file: &File<'_>, read: impl FnOnce(Table<'_>) -> T) -> T {
    let (document, errors) = DeTable::parse_recoverable(file.text);
    for error in &errors {
        let line = error.span().map(|span| file.line_at(span.start));
        let (message, expected) = error
            .message()
            .rsplit_once(", expected ")
            .unwrap_or((error.message(), "TOML as in the lines around it"));
        // The key as it is written, for the path is not known yet.
        let written = line.and_then(|line| file.text.lines().nth(line.checked_sub(1)?));
        let key = written.and_then(|line| Some(line.split_once('=')?.0.trim()));
        file.problem(line, key, message, expected);
    }
    if errors.is_empty() {
        read(Table::new(file, document.get_ref(), 1, ""))
    } else {
        T::default()
    }
}

pub(crate) struct Table<'a> {
    file: &'a File<'a>,
    entries: &'a DeTable<'a>,
    line: usize,
    prefix: String,
    asked: Vec<String>,
}

impl<'a> Table<'a> {
    fn new(file: &'a File<'a>, table: &'a DeTable<'a>, line: usize, prefix: &str) -> Self {
        Self {
            file,
            entries: table,
            line,
            prefix: prefix.to_owned(),
            asked: Vec::new(),
        }
    }

    /// Why the key does not hold what it should, at its own line or else the table's.
    pub(crate) fn problem(&self, key: &str, wrong: impl Into<Wrong>, expected: &str) {
        let (line, path) = self.place(key);
        self.file.problem(Some(line), Some(&path), wrong, expected);
    }

    /// The same for what can be taken, and is hardly what somebody wants.
    pub(crate) fn warning(&self, key: &str, wrong: impl Into<Wrong>, expected: &str) {
        let (line, path) = self.place(key);
        self.file.warning(Some(line), Some(&path), wrong, expected);
    }

    fn place(&self, key: &str) -> (usize, String) {
        let line = self
            .offset(key)
            .map_or(self.line, |offset| self.file.line_at(offset));
        (line, format!("{}{key}", self.prefix))
    }

    /// `None`, and a problem, where the key is absent or `read` refuses its value.
    pub(crate) fn required<T, E: Into<Wrong>>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, E>,
    ) -> Option<T> {
        if self.find(key).is_none() {
            self.asked.push(key.to_owned());
            self.problem(key, "missing", expected);
            return None;
        }
        self.optional(key, expected, read)
    }

    pub(crate) fn optional<T, E: Into<Wrong>>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, E>,
    ) -> Option<T> {
        self.asked.push(key.to_owned());
        let (_, value) = self.find(key)?;
        read(value)
            .map_err(|wrong| self.problem(key, wrong, expected))
            .ok()
    }

    /// The tables of `[[key]]`, whose keys are then named `key[0].` and so on.
    pub(crate) fn tables(&mut self, key: &str) -> Vec<Table<'a>> {
        self.asked.push(key.to_owned());
        let Some((_, value)) = self.find(key) else {
            return Vec::new();
        };
        let Some(list) = value.as_array() else {
            self.problem(key, "not a list of tables", &format!("[[{key}]]"));
            return Vec::new();
        };
        list.iter()
            .enumerate()
            .filter_map(|(index, element)| {
                let line = self.file.line_at(element.span().start);
                let path = format!("{}{key}[{index}]", self.prefix);
                let Some(table) = element.get_ref().as_table() else {
                    let expected = "a table such as { name = value }";
                    self.file
                        .problem(Some(line), Some(&path), "not a table", expected);
                    return None;
                };
                Some(Table::new(self.file, table, line, &format!("{path}.")))
            })
            .collect()
    }

    /// The table `[key]`, whose keys are then named with it.
    pub(crate) fn table(&mut self, key: &str) -> Option<Table<'a>> {
        self.asked.push(key.to_owned());
        let (span, value) = self.find(key)?;
        let Some(table) = value.as_table() else {
            self.problem(key, "not a table", &format!("[{key}]"));
            return None;
        };
        Some(Table::new(
            self.file,
            table,
            self.file.line_at(span.start),
            &format!("{}{key}.", self.prefix),
        ))
    }

    pub(crate) fn required_table(&mut self, key: &str, expected: &str) -> Option<Table<'a>> {
        if self.find(key).is_none() {
            self.problem(key, "missing", expected);
        }
        self.table(key)
    }

    /// The table of what only one kind knows, for its own code to judge; `named_by` is the key that
    /// names the kind.
    pub(crate) fn specific(&mut self, named_by: &str, key: &str) -> Value {
        // Settings of another kind: either the name is wrong or the table is.
        let other = self.entries.iter().find(|(other, value)| {
            let other = other.get_ref().as_ref();
            value.get_ref().is_table() && !self.asked.iter().any(|asked| asked == other)
        });
        if self.find(key).is_none()
            && let Some((other, _)) = other
        {
            let other = other.get_ref().as_ref();
            self.asked.push(other.to_owned());
            let message = format!("{key:?}, but the settings are in a table {other}");
            let wrong = Wrong::none_of(key, message, [other]);
            let expected = format!("{other:?}, or a table {key}");
            self.problem(named_by, wrong, &expected);
        }
        let read = |value: &DeValue<'_>| {
            if value.is_table() {
                json(value)
            } else {
                Err("not a table".to_owned())
            }
        };
        self.optional(key, "a table", read)
            .unwrap_or_else(|| Value::Object(serde_json::Map::new()))
    }

    /// Every key with its value, where the keys are the merchant's own words. Those that `read`
    /// refuses are problems.
    pub(crate) fn each<T>(
        &mut self,
        expected: &str,
        mut read: impl FnMut(&str, &DeValue<'_>) -> Result<T, String>,
    ) -> Vec<T> {
        let keys: Vec<String> = self
            .entries
            .keys()
            .map(|key| key.get_ref().as_ref().to_owned())
            .filter(|key| !self.asked.contains(key))
            .collect();
        keys.iter()
            .filter_map(|key| self.optional(key, expected, |value| read(key, value)))
            .collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys that nobody asked for yet.
    pub(crate) fn keys(&self) -> Vec<String> {
        let keys = self.entries.keys().map(|key| key.get_ref().as_ref());
        keys.filter(|key| !self.asked.iter().any(|asked| asked == key))
            .map(str::to_owned)
            .collect()
    }

    /// A key that nobody asked for is misspelt or in the wrong place.
    pub(crate) fn finish(self) {
        for key in self.entries.keys().map(|key| key.get_ref().as_ref()) {
            if !self.asked.iter().any(|asked| asked == key) {
                let known = self.asked.iter().map(String::as_str);
                let wrong = Wrong::none_of(key, "unknown key".to_owned(), known);
                self.problem(key, wrong, &format!("one of {}", self.asked.join(", ")));
            }
        }
    }

    /// Where a key begins, or `table.key` of a table in this one.
    fn offset(&self, key: &str) -> Option<usize> {
        if let Some((span, _)) = self.find(key) {
            return Some(span.start);
        }
        let (outer, inner) = key.split_once('.')?;
        let table = self.find(outer)?.1.as_table()?;
        let found = table
            .keys()
            .find(|known| known.get_ref().as_ref() == inner)?;
        Some(Spanned::span(found).start)
    }

    /// Whether `key`, or `table.key`, is written at all, rightly or not.
    pub(crate) fn is_written(&self, key: &str) -> bool {
        self.offset(key).is_some()
    }

    fn find(&self, key: &str) -> Option<(Range<usize>, &'a DeValue<'a>)> {
        let found = self
            .entries
            .iter()
            .find(|(known, _)| known.get_ref().as_ref() == key);
        found.map(|(known, value)| (Spanned::span(known), value.get_ref()))
    }
}

pub(crate) fn text(value: &DeValue<'_>) -> Result<String, String> {
    let text = value
        .as_str()
        .ok_or_else(|| format!("not a string but {}", value.type_str()))?;
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("blank or with control characters".to_owned());
    }
    Ok(text.trim().to_owned())
}

/// A text in lines, as on a label.
pub(crate) fn lines(value: &DeValue<'_>) -> Result<String, String> {
    let text = value
        .as_str()
        .ok_or_else(|| format!("not a string but {}", value.type_str()))?;
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if lines.is_empty() || lines.iter().any(|line| line.contains(char::is_control)) {
        return Err("blank or with control characters".to_owned());
    }
    Ok(lines.join("\n"))
}

pub(crate) fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| format!("not a boolean but {}", value.type_str()))
}

pub(crate) fn number(value: &DeValue<'_>) -> Result<u32, String> {
    let integer = value
        .as_integer()
        .ok_or_else(|| format!("not an integer but {}", value.type_str()))?;
    u32::from_str_radix(integer.as_str(), integer.radix())
        .map_err(|_| format!("{integer} is out of range"))
}

pub(crate) fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let list = value
        .as_array()
        .ok_or_else(|| format!("not an array but {}", value.type_str()))?;
    list.iter().map(|element| text(element.get_ref())).collect()
}

/// Any of the domain's ids.
pub(crate) fn id<T>(
    parse: fn(String) -> Result<T, InvalidId>,
) -> impl Fn(&DeValue<'_>) -> Result<T, String> {
    move |value| {
        parse(text(value)?).map_err(|error| format!("{:?} is not a {}", error.text, error.kind))
    }
}

pub(crate) fn time(value: &DeValue<'_>) -> Result<Timestamp, String> {
    let text = match value.as_datetime() {
        Some(datetime) => datetime.to_string(),
        None => text(value)?,
    };
    moment(&text).ok_or_else(|| format!("{text:?} is not a moment"))
}

/// A day begins at midnight UTC; a time without an offset could mean any of a day's moments.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    if text.len() == "2026-01-31".len() {
        let date: Date = text.parse().ok()?;
        return Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp());
    }
    text.parse().ok()
}

fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_| format!("{integer} is out of range"))?
            .into(),
        DeValue::Float(float) => {
            let number = float
                .as_str()
                .parse()
                .ok()
                .and_then(serde_json::Number::from_f64);
            Value::Number(number.ok_or_else(|| format!("{} is not a number", float.as_str()))?)
        }
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Array(array) => Value::Array(
            array
                .iter()
                .map(|element| json(element.get_ref()))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| {
                    Ok((key.get_ref().clone().into_owned(), json(value.get_ref())?))
                })
                .collect::<Result<_, String>>()?,
        ),
    })
}
