//! Where the files say something: for problems that show only when a channel or a supplier is made
//! of its settings, or when all files are seen together.

use crate::problem::{Problem, line_at, without_mark};
use crate::{CHANNELS, RULES, SUPPLIERS};
use domain::ids::{ChannelId, SupplierId};
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The files as they were read.
#[derive(Debug, Clone, Default)]
pub struct Sources(Arc<BTreeMap<String, Vec<u8>>>);

/// A part of the files that has settings of its own.
#[derive(Debug, Clone, Copy)]
pub enum Section<'a> {
    Rules,
    Merchant,
    Channel(&'a ChannelId),
    Supplier(&'a SupplierId),
}

/// What a path leads to, or comes nearest to.
struct Spot<'a> {
    key: String,
    /// Where the key begins.
    offset: usize,
    value: Option<&'a Spanned<DeValue<'a>>>,
    /// The file of its own that holds the value.
    file: Option<String>,
}

impl Sources {
    pub(crate) fn new(files: &BTreeMap<String, Vec<u8>>) -> Self {
        Self(Arc::new(files.clone()))
    }

    /// A problem with what `path` leads to in a section: `http.create.body`, `csv.columns[0]`,
    /// `http.step.draft.url`. `line` counts within a text of several lines.
    pub fn problem(
        &self,
        section: Section<'_>,
        path: &str,
        line: Option<usize>,
        message: impl Into<String>,
    ) -> Problem {
        self.find(section, message.into(), |spot, table| {
            descend(table, path, spot);
            if line.is_some() {
                into_template(spot);
            }
            line
        })
    }

    /// A problem with the first text of a section that holds a word, such as a secret's name.
    pub fn problem_with_word(
        &self,
        section: Section<'_>,
        word: &str,
        message: impl Into<String>,
    ) -> Problem {
        self.find(section, message.into(), |spot, table| {
            search_table(table, word, spot);
            None
        })
    }

    fn find(
        &self,
        section: Section<'_>,
        message: String,
        look: impl for<'a> FnOnce(&mut Spot<'a>, &'a DeTable<'a>) -> Option<usize>,
    ) -> Problem {
        let (file, list, id) = match section {
            Section::Rules => (RULES, "", None),
            Section::Merchant => (CHANNELS, "merchant", None),
            Section::Channel(id) => (CHANNELS, "channel", Some(id.as_str())),
            Section::Supplier(id) => (SUPPLIERS, "supplier", Some(id.as_str())),
        };
        let problem = |file: &str, line, key| Problem {
            file: file.to_owned(),
            line,
            key: Some(key),
            message,
            expected: None,
            near: None,
        };
        let text = self.text(file);
        let (document, _) = DeTable::parse_recoverable(text);
        let Some((mut spot, table)) = entry(document.get_ref(), list, id) else {
            return problem(file, None, list.to_owned());
        };
        let within = look(&mut spot, table);
        if let (Some(own), Some(line)) = (&spot.file, within) {
            return problem(own, Some(line), spot.key);
        }
        let line = match (spot.value, within) {
            (Some(value), Some(line)) => first_line(text, value) + line - 1,
            (Some(_) | None, _) => line_at(text, spot.offset),
        };
        problem(file, Some(line), spot.key)
    }

    fn text(&self, file: &str) -> &str {
        let bytes = self.0.get(file).map_or(&[][..], Vec::as_slice);
        without_mark(std::str::from_utf8(bytes).unwrap_or_default())
    }
}

/// The table of a section, and where it is.
fn entry<'a>(
    document: &'a DeTable<'a>,
    list: &str,
    id: Option<&str>,
) -> Option<(Spot<'a>, &'a DeTable<'a>)> {
    let spot = |key: String, offset: usize| Spot {
        key,
        offset,
        value: None,
        file: None,
    };
    if list.is_empty() {
        return Some((spot(String::new(), 0), document));
    }
    let (key, value) = document
        .iter()
        .find(|(key, _)| key.get_ref().as_ref() == list)?;
    let Some(id) = id else {
        let table = value.get_ref().as_table()?;
        return Some((spot(list.to_owned(), key.span().start), table));
    };
    let entries = value.get_ref().as_array()?.iter().enumerate();
    let mut tables =
        entries.filter_map(|(index, entry)| Some((index, entry, entry.get_ref().as_table()?)));
    let (index, entry, table) = tables
        .find(|(_, _, table)| text_of(table, "id").is_some_and(|known| known.trim() == id))?;
    Some((spot(format!("{list}[{index}]"), entry.span().start), table))
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn text_of<'a>(table: &'a DeTable<'a>, key: &str) -> Option<&'a str> {
    let (_, value) = table
        .iter()
        .find(|(known, _)| known.get_ref().as_ref() == key)?;
    value.get_ref().as_str()
}

fn descend<'a>(table: &'a DeTable<'a>, path: &str, spot: &mut Spot<'a>) {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    // The longest, for a key may itself have dots.
    let found = table
        .iter()
        .filter(|(key, _)| path.strip_prefix(key.get_ref().as_ref()).is_some_and(ends))
        .max_by_key(|(key, _)| key.get_ref().len());
    if let Some((key, value)) = found {
        let name = key.get_ref().as_ref();
        spot.key = below(&spot.key, name);
        spot.offset = key.span().start;
        spot.value = Some(value);
        let rest = path.strip_prefix(name).unwrap_or_default();
        into(value, rest, spot);
        return;
    }
    let name = path.split(['.', '[']).next().unwrap_or_default();
    let by_file = format!("{name}_file");
    let own = table
        .iter()
        .find(|(key, _)| key.get_ref().as_ref() == by_file);
    if let Some((key, value)) = own {
        spot.key = below(&spot.key, &by_file);
        spot.offset = key.span().start;
        spot.file = value.get_ref().as_str().map(str::to_owned);
    } else if !path.is_empty() {
        // What is missing is told at the table that should hold it.
        spot.key = below(&spot.key, path);
    }
}

fn into<'a>(value: &'a Spanned<DeValue<'a>>, rest: &str, spot: &mut Spot<'a>) {
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    if rest.is_empty() {
        return;
    }
    match value.get_ref() {
        DeValue::Table(table) => descend(table, rest, spot),
        DeValue::Array(array) => {
            let (name, after) = match rest.strip_prefix('[') {
                Some(rest) => rest.split_once(']').unwrap_or((rest, "")),
                None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
            };
            let numbered = |first: usize| {
                let index: usize = name.parse().ok()?;
                index.checked_sub(first)
            };
            let index = if rest.starts_with('[') {
                numbered(0)
            } else {
                // Steps go by their names, those without one by their place.
                let named = array.iter().position(|element| {
                    let table = element.get_ref().as_table();
                    table.and_then(|table| text_of(table, "name")) == Some(name)
                });
                named.or_else(|| numbered(1))
            };
            if let Some((index, element)) = index.and_then(|index| Some((index, array.get(index)?)))
            {
                spot.key = format!("{}[{index}]", spot.key);
                spot.offset = element.span().start;
                spot.value = Some(element);
                into(element, after, spot);
            }
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

/// `body` may be a text or `{ json = "..." }`.
fn into_template(spot: &mut Spot<'_>) {
    let table = spot.value.and_then(|value| value.get_ref().as_table());
    let Some(table) = table.filter(|table| table.len() == 1) else {
        return;
    };
    if let Some((key, value)) = table.iter().next()
        && value.get_ref().is_str()
    {
        spot.key = below(&spot.key, key.get_ref());
        spot.offset = key.span().start;
        spot.value = Some(value);
    }
}

/// Of a text's content: a line break right after the opening quotes is none of it.
fn first_line(text: &str, value: &Spanned<DeValue<'_>>) -> usize {
    let start = value.span().start;
    let written = text.get(start..).unwrap_or_default();
    let opened = written
        .strip_prefix("'''")
        .or_else(|| written.strip_prefix("\"\"\""));
    let breaks = opened.is_some_and(|rest| rest.starts_with(['\n', '\r']));
    line_at(text, start) + usize::from(breaks)
}

fn search_table<'a>(table: &'a DeTable<'a>, word: &str, spot: &mut Spot<'a>) -> bool {
    table.iter().any(|(key, value)| {
        let before = (spot.key.clone(), spot.offset);
        spot.key = below(&spot.key, key.get_ref());
        spot.offset = key.span().start;
        let found = search(value, word, spot);
        if !found {
            (spot.key, spot.offset) = before;
        }
        found
    })
}

fn search<'a>(value: &'a Spanned<DeValue<'a>>, word: &str, spot: &mut Spot<'a>) -> bool {
    match value.get_ref() {
        DeValue::String(text) => {
            let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
            text.split(|character| !plain(character))
                .any(|written| written == word)
        }
        DeValue::Table(table) => search_table(table, word, spot),
        DeValue::Array(array) => array.iter().any(|element| search(element, word, spot)),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            false
        }
    }
}
