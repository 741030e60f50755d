//! A purchase order as a table, for files and for what is attached to mails: columns and dialect as
//! the supplier wants them.
//!
//! A table is read back as soon as it is written: one that its reader would take for something else
//! is an error and never sent.

mod cells;
mod columns;
mod encoding;
mod settings;
#[cfg(test)]
mod tests;
mod workbook;

use columns::{Columns, Place};
use domain::purchase_order_number::PurchaseOrderNumber;
use encoding::Encoding;
use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use ports::supplier::HandoverLine;
use ports::{Handover, PrepareError};
use settings::{LineEnding, Quotes, Rows};
use std::collections::BTreeSet;

pub(crate) use settings::{TableSettings, known_fields};

/// Of one purchase order: more than anybody ships would only fill the memory.
const MOST_ROWS: usize = 100_000;

/// How a moment becomes a day in a cell.
struct Dates {
    format: String,
    zone: TimeZone,
}

impl Dates {
    fn format(&self, moment: Timestamp) -> Result<String, PrepareError> {
        strtime::format(&self.format, &moment.to_zoned(self.zone.clone()))
            .map_err(|error| PrepareError(error.to_string()))
    }
}

/// What only text knows; a workbook has none of it.
struct Dialect {
    delimiter: u8,
    quotes: Quotes,
    line_ending: LineEnding,
    encoding: Encoding,
    /// What the encoding cannot hold is written in the letters that it has.
    transliterate: bool,
    /// For people, whose spreadsheet would run a cell as a formula; off for machines.
    spreadsheet_safe: bool,
}

pub(crate) struct Table {
    columns: Columns,
    header: bool,
    rows: Rows,
    dialect: Dialect,
    dates: Dates,
    decimal: char,
    omits: Vec<String>,
}

impl Table {
    pub(crate) fn omits(&self) -> &[String] {
        &self.omits
    }

    pub(crate) fn charset(&self) -> &'static str {
        self.dialect.encoding.charset()
    }

    /// How its cells spell what its encoding cannot hold, where they may.
    pub(crate) fn spelling(&self) -> Option<fn(&str) -> String> {
        let spelling = self.dialect.encoding.spelling();
        self.dialect.transliterate.then_some(spelling)
    }

    pub(crate) fn has_number(&self) -> bool {
        self.columns.number().is_some()
    }

    /// The rows below the header, the address repeated in every one.
    fn rendered(&self, handover: &Handover) -> Result<Vec<Vec<String>>, PrepareError> {
        let mut rows = Vec::new();
        for (index, line) in handover.lines.iter().enumerate() {
            let unit = HandoverLine {
                quantity: 1,
                ..line.clone()
            };
            let (line, repeated) = match self.rows {
                Rows::Line => (line, 1),
                Rows::Unit => (&unit, line.quantity),
            };
            let row = self.columns.row(&Place {
                handover,
                line,
                line_number: index + 1,
                dates: &self.dates,
                decimal: self.decimal,
            })?;
            let repeated = usize::try_from(repeated).unwrap_or(usize::MAX);
            if rows.len().saturating_add(repeated) > MOST_ROWS {
                let message = format!("the table would have more than {MOST_ROWS} rows");
                return Err(PrepareError(message));
            }
            rows.extend(std::iter::repeat_n(row, repeated));
        }
        Ok(rows)
    }

    pub(crate) fn write(&self, handover: &Handover) -> Result<Vec<u8>, PrepareError> {
        let mut rows = self.rendered(handover)?;
        for row in &mut rows {
            if let Some(spelling) = self.spelling() {
                self.respell(row, spelling);
            }
            self.check_row(row)?;
            if self.dialect.spreadsheet_safe {
                for cell in row {
                    *cell = cells::neutral(cell);
                }
            }
        }
        self.file(&rows)
    }

    /// An article's name is never another.
    fn respell(&self, row: &mut [String], spelling: fn(&str) -> String) {
        for (column, cell) in self.columns.iter().zip(row) {
            let names = ["sku", "supplier_sku"];
            if !names.iter().any(|name| self.columns.says(column, name)) {
                *cell = spelling(cell);
            }
        }
    }

    /// So that what cannot be written is named with its column.
    fn check_row(&self, row: &[String]) -> Result<(), PrepareError> {
        let Dialect {
            delimiter,
            quotes,
            encoding,
            ..
        } = self.dialect;
        for (column, cell) in self.columns.iter().zip(row) {
            let wrong = |why: String| Err(PrepareError(format!("{}: {why}", column.called())));
            if let Some(character) = encoding.unable(cell) {
                let code = u32::from(character);
                let charset = encoding.charset();
                let what = format!("{charset} has no {character:?} (U+{code:04X})");
                return wrong(if self.dialect.transliterate {
                    format!("{what}, and no letters that stand for it")
                } else {
                    format!("{what}; transliterate = true writes the letters that come closest")
                });
            }
            let needs_quotes = ['\r', '\n', char::from(delimiter)];
            if quotes == Quotes::Never && cell.contains(needs_quotes) {
                return wrong("a delimiter or line end needs quotes".to_owned());
            }
        }
        Ok(())
    }

    /// The header and the rows as they are.
    fn file(&self, rows: &[Vec<String>]) -> Result<Vec<u8>, PrepareError> {
        let failed = |error: ::csv::Error| PrepareError(error.to_string());
        let mut writer = ::csv::WriterBuilder::new()
            .delimiter(self.dialect.delimiter)
            .quote_style(match self.dialect.quotes {
                Quotes::Needed => ::csv::QuoteStyle::Necessary,
                Quotes::Always => ::csv::QuoteStyle::Always,
                Quotes::Never => ::csv::QuoteStyle::Never,
            })
            .terminator(match self.dialect.line_ending {
                LineEnding::Crlf => ::csv::Terminator::CRLF,
                LineEnding::Lf => ::csv::Terminator::Any(b'\n'),
            })
            .from_writer(Vec::new());
        if self.header {
            writer
                .write_record(self.columns.headers())
                .map_err(failed)?;
        }
        for row in rows {
            writer.write_record(row).map_err(failed)?;
        }
        let text = writer
            .into_inner()
            .map_err(|error| failed(error.into_error().into()))?;
        let text = String::from_utf8(text).map_err(|error| PrepareError(error.to_string()))?;
        let charset = self.charset();
        let bytes = self
            .dialect
            .encoding
            .encode(&text)
            .ok_or_else(|| PrepareError(format!("the table cannot be written in {charset}")))?;
        if self.raw(&bytes)? != rows {
            let message = "the table would not be read as it was written";
            return Err(PrepareError(message.to_owned()));
        }
        Ok(bytes)
    }

    /// The rows below the header as they are.
    fn raw(&self, bytes: &[u8]) -> Result<Vec<Vec<String>>, PrepareError> {
        let unreadable = |why: String| PrepareError(format!("the table cannot be read: {why}"));
        let text = self
            .dialect
            .encoding
            .decode(bytes)
            .ok_or_else(|| unreadable(format!("it is not {}", self.charset())))?;
        // The reader would take a mark in the first cell for the encoding's.
        let text = format!("\u{feff}{text}");
        let mut reader = ::csv::ReaderBuilder::new()
            .delimiter(self.dialect.delimiter)
            .quoting(self.dialect.quotes != Quotes::Never)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|error| unreadable(error.to_string()))?;
            let cells: Vec<String> = row.iter().map(str::to_owned).collect();
            if cells.len() != self.columns.iter().count() {
                return Err(unreadable(
                    "a row has not one cell for each column".to_owned(),
                ));
            }
            rows.push(cells);
        }
        if self.header {
            if rows.first() != Some(&self.columns.headers()) {
                return Err(unreadable("its header is another".to_owned()));
            }
            rows.remove(0);
        }
        Ok(rows)
    }

    /// The rows below the header as they are meant.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Vec<Vec<String>>, PrepareError> {
        let mut rows = self.raw(bytes)?;
        if self.dialect.spreadsheet_safe {
            for cell in rows.iter_mut().flatten() {
                *cell = cells::original(cell).to_owned();
            }
        }
        Ok(rows)
    }

    /// What a reader learns from the rows: of each the cells that name the line, and apart from them
    /// the others, where a house number would pass for a quantity. Units are counted.
    pub(crate) fn records(&self, rows: &[Vec<String>]) -> Vec<Vec<String>> {
        let mut records = Vec::new();
        let mut units: Vec<(Vec<String>, usize)> = Vec::new();
        for row in rows {
            let mut line = Vec::new();
            let mut others = Vec::new();
            for (column, cell) in self.columns.iter().zip(row) {
                let sku = self.columns.says(column, "supplier_sku");
                let quantity = self.columns.says(column, "quantity");
                match self.rows {
                    Rows::Line if sku || quantity => line.push(cell.clone()),
                    Rows::Unit if sku => line.push(cell.clone()),
                    Rows::Unit if quantity => {}
                    Rows::Line | Rows::Unit => others.push(cell.clone()),
                }
            }
            records.push(others);
            match self.rows {
                Rows::Line => records.push(line),
                Rows::Unit => match units.iter_mut().find(|(known, _)| *known == line) {
                    Some((_, count)) => *count += 1,
                    None => units.push((line, 1)),
                },
            }
        }
        records.extend(units.into_iter().map(|(mut line, count)| {
            line.push(count.to_string());
            line
        }));
        records
    }

    /// One file with the rows of many; one that was written with other settings is named.
    pub(crate) fn joined(
        &self,
        files: &[(&PurchaseOrderNumber, &[u8])],
    ) -> Result<Vec<u8>, PrepareError> {
        let mut rows = Vec::new();
        for (number, file) in files {
            let named = |error: PrepareError| PrepareError(format!("{number}: {error}"));
            rows.extend(self.raw(file).map_err(named)?);
        }
        self.file(&rows)
    }

    /// The purchase orders that rows of the file belong to.
    pub(crate) fn numbers(
        &self,
        file: &[u8],
    ) -> Result<BTreeSet<PurchaseOrderNumber>, PrepareError> {
        let column = self
            .columns
            .number()
            .ok_or_else(|| PrepareError("no column holds the number".to_owned()))?;
        self.read(file)?
            .iter()
            .map(|row| {
                let cell = row.get(column).map_or("", String::as_str);
                PurchaseOrderNumber::parse(cell).map_err(|error| PrepareError(error.to_string()))
            })
            .collect()
    }
}
