//! What is wrong with a file, and the file that knows its lines.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

/// One thing to mend, said so that it can be found and put right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    pub file: String,
    pub line: Option<usize>,
    /// The key of a table or the column of a row.
    pub key: Option<String>,
    pub message: String,
    /// What would be right.
    pub expected: Option<String>,
}

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
        if let Some(expected) = &self.expected {
            write!(formatter, "; expected {expected}")?;
        }
        Ok(())
    }
}

/// A file being read; problems go to the list that all files share.
pub(crate) struct File<'a> {
    name: &'a str,
    pub(crate) text: &'a str,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> File<'a> {
    pub(crate) fn named(name: &'a str, problems: &'a RefCell<Vec<Problem>>) -> Self {
        Self {
            name,
            text: "",
            problems,
        }
    }

    /// `None`, and a problem, for a file that is absent or not text.
    pub(crate) fn open(
        name: &'a str,
        files: &'a BTreeMap<String, Vec<u8>>,
        problems: &'a RefCell<Vec<Problem>>,
    ) -> Option<Self> {
        let file = Self::named(name, problems);
        let Some(bytes) = files.get(name) else {
            file.problem(None, None, "missing", &format!("a file {name}"));
            return None;
        };
        match std::str::from_utf8(bytes) {
            // Spreadsheets put the mark there.
            Ok(text) => Some(Self {
                text: text.strip_prefix('\u{feff}').unwrap_or(text),
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

    /// Counted from one.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        1 + self
            .text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
    }

    pub(crate) fn problem(
        &self,
        line: Option<usize>,
        key: Option<&str>,
        message: &str,
        expected: &str,
    ) {
        self.problems.borrow_mut().push(Problem {
            file: self.name.to_owned(),
            line,
            key: key.map(str::to_owned),
            message: message.to_owned(),
            expected: (!expected.is_empty()).then(|| expected.to_owned()),
        });
    }
}
