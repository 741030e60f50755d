//! What is wrong with a file, and the file that knows its lines.

use crate::near::near;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

/// One thing to mend, said so that it can be found and put right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct Problem {
    pub file: String,
    pub line: Option<usize>,
    /// The path of a key, `supplier[2].http.create.body`, or the column of a row.
    pub key: Option<String>,
    pub message: String,
    /// What would be right.
    pub expected: Option<String>,
    /// What was probably meant.
    pub near: Option<String>,
}

impl Problem {
    pub fn expecting(self, expected: impl Into<String>) -> Self {
        Self {
            expected: Some(expected.into()).filter(|expected| !expected.is_empty()),
            ..self
        }
    }

    /// With the nearest of the words that would be right in the place of `word`.
    pub fn near<'k>(self, word: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        Self {
            near: near(word, known).map(str::to_owned),
            ..self
        }
    }
}

/// A near match says enough: a list of everything that would be right would only hide it.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(formatter, ": {key}")?;
        }
        write!(formatter, ": {}", self.message)?;
        match (&self.near, &self.expected) {
            (Some(near), _) => write!(formatter, "; did you mean {near}?"),
            (None, Some(expected)) => write!(formatter, "; expected {expected}"),
            (None, None) => Ok(()),
        }
    }
}

/// Why a value is not what its key should hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) near: Option<String>,
}

impl Wrong {
    /// A word where only some are right.
    pub(crate) fn none_of<'k>(
        word: &str,
        message: String,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Self {
        let near = near(word, known).map(str::to_owned);
        Self { message, near }
    }
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self {
            message,
            near: None,
        }
    }
}

impl From<&String> for Wrong {
    fn from(message: &String) -> Self {
        Self::from(message.clone())
    }
}

impl From<&str> for Wrong {
    fn from(message: &str) -> Self {
        Self::from(message.to_owned())
    }
}

/// What was found in all files.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: RefCell<Vec<Problem>>,
    /// What can be taken, and is hardly what somebody wants.
    pub(crate) warnings: RefCell<Vec<Problem>>,
}

/// A file being read; what is found goes to the lists that all files share.
pub(crate) struct File<'a> {
    name: &'a str,
    pub(crate) text: &'a str,
    findings: &'a Findings,
}

impl<'a> File<'a> {
    pub(crate) fn named(name: &'a str, findings: &'a Findings) -> Self {
        Self {
            name,
            text: "",
            findings,
        }
    }

    /// `None`, and a problem, for a file that is absent or not text.
    pub(crate) fn open(
        name: &'a str,
        files: &'a BTreeMap<String, Vec<u8>>,
        findings: &'a Findings,
    ) -> Option<Self> {
        let file = Self::named(name, findings);
        let Some(bytes) = files.get(name) else {
            file.problem(None, None, "missing", &format!("a file {name}"));
            return None;
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(Self {
                text: without_mark(text),
                ..file
            }),
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = before.split(|byte| *byte == b'\n').count();
                file.problem(Some(line), None, "not UTF-8", "text saved as UTF-8");
                None
            }
        }
    }

    pub(crate) fn line_at(&self, offset: usize) -> usize {
        line_at(self.text, offset)
    }

    pub(crate) fn add(&self, problem: Problem) {
        self.findings.problems.borrow_mut().push(problem);
    }

    pub(crate) fn problem(
        &self,
        line: Option<usize>,
        key: Option<&str>,
        wrong: impl Into<Wrong>,
        expected: &str,
    ) {
        let problem = self.found(line, key, wrong.into(), expected);
        self.findings.problems.borrow_mut().push(problem);
    }

    pub(crate) fn warning(
        &self,
        line: Option<usize>,
        key: Option<&str>,
        wrong: impl Into<Wrong>,
        expected: &str,
    ) {
        let warning = self.found(line, key, wrong.into(), expected);
        self.findings.warnings.borrow_mut().push(warning);
    }

    fn found(
        &self,
        line: Option<usize>,
        key: Option<&str>,
        wrong: Wrong,
        expected: &str,
    ) -> Problem {
        Problem {
            file: self.name.to_owned(),
            line,
            key: key.map(str::to_owned),
            message: wrong.message,
            expected: (!expected.is_empty()).then(|| expected.to_owned()),
            near: wrong.near,
        }
    }
}

/// Spreadsheets and some editors put a byte order mark there.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Counted from one.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}
