//! What is wrong in the settings of a connector, said so that whoever shows it can find the place and what
//! was meant.

use std::fmt;

const UNKNOWN_KEY: &str = "unknown key";

/// `path` is relative to the connector's own table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    pub path: String,
    pub message: String,
    /// What would be right, where the message does not say it.
    pub expected: Option<String>,
    /// A word that is none of those that would be right.
    pub unknown: Option<Box<Unknown>>,
    /// Counted in the text that the path leads to.
    pub line: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    pub word: String,
    pub known: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)?;
        match &self.expected {
            Some(expected) => write!(formatter, "; expected {expected}"),
            None => Ok(()),
        }
    }
}

impl SettingsError {
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            expected: None,
            unknown: None,
            line: None,
        }
    }

    pub fn expecting(self, expected: impl Into<String>) -> Self {
        Self {
            expected: Some(expected.into()),
            ..self
        }
    }

    pub fn unknown<'k>(self, word: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        let known = known.into_iter().map(str::to_owned).collect();
        let unknown = Unknown {
            word: word.to_owned(),
            known,
        };
        Self {
            unknown: Some(Box::new(unknown)),
            ..self
        }
    }

    /// An example order that does not come through whole.
    pub fn losing(path: impl Into<String>, lacks: &[String]) -> Self {
        Self::new(path, format!("an example order loses {}", lacks.join(", "))).expecting(
            "every address field, article and quantity; an address field that is left out on \
             purpose is named in omits",
        )
    }

    /// Of a table whose other keys somebody else read.
    pub fn beside(mut self, others: &[&str]) -> Self {
        if self.message == UNKNOWN_KEY
            && let Some(unknown) = &mut self.unknown
        {
            let known = others.iter().map(|other| (*other).to_owned());
            unknown.known.splice(0..0, known);
            self.expected = Some(format!("one of {}", unknown.known.join(", ")));
        }
        self
    }

    /// In the merchant's words what the reader of the settings says in its own: it shows values,
    /// which may be secrets in the wrong place, and types of ours.
    pub fn of_reading(method: &str, path: &str, told: &str) -> Self {
        let path = if path == method { "" } else { path };
        let below = |key: &str| match path {
            "" => key.to_owned(),
            path if path == key || path.ends_with(&format!(".{key}")) => path.to_owned(),
            path => format!("{path}.{key}"),
        };
        let words: Vec<&str> = told.split('`').skip(1).step_by(2).collect();
        let first = words.first().copied().unwrap_or_default();
        let known = words.get(1..).unwrap_or_default();
        let one_of = match known {
            [only] => (*only).to_owned(),
            _ => format!("one of {}", known.join(", ")),
        };
        if told.starts_with("unknown field") {
            return Self::new(below(first), UNKNOWN_KEY)
                .expecting(one_of)
                .unknown(first, known.iter().copied());
        }
        if told.starts_with("unknown variant") {
            // The kind of a table is told at the table itself.
            let path = if path == "auth" { "auth.kind" } else { path };
            return Self::new(path, format!("there is no {first:?}"))
                .expecting(one_of)
                .unknown(first, known.iter().copied());
        }
        if told.starts_with("missing field") {
            return Self::new(below(first), "missing").expecting(format!("a line {first} = ..."));
        }
        let place = if path.is_empty() { method } else { path };
        let wrong = told
            .strip_prefix("invalid type: ")
            .or_else(|| told.strip_prefix("invalid value: "));
        match wrong.and_then(|wrong| wrong.rsplit_once(", expected ")) {
            Some((found, expected)) => Self::new(
                place,
                format!("{} where it does not belong", kind_of(found)),
            )
            .expecting(in_words(expected)),
            None => Self::new(place, told),
        }
    }
}

fn kind_of(found: &str) -> &'static str {
    let begins = [
        ("string", "a text"),
        ("boolean", "true or false"),
        ("integer", "a number"),
        ("floating", "a number with decimals"),
        ("sequence", "a list"),
        ("map", "a table"),
        ("null", "nothing"),
    ];
    begins
        .into_iter()
        .find(|(begin, _)| found.starts_with(begin))
        .map_or("something", |(_, kind)| kind)
}

fn in_words(expected: &str) -> String {
    let words = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "a string" | "str" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        "a character" => "one character in quotes",
        // Our own types, whose names say nothing to the merchant.
        other if other.starts_with("struct") || other.contains("enum") => "a table",
        other => other,
    };
    words.to_owned()
}
