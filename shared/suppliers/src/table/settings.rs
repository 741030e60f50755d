//! How the merchant describes a table, and the table that this makes.

use super::columns::{Columns, Place};
use super::encoding::Encoding;
use super::{Dates, Dialect, Table};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use registry::SettingsError;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TableSettings {
    columns: Option<Vec<serde_json::Value>>,
    /// Whether the first row names the columns.
    header: bool,
    rows: Rows,
    delimiter: Option<char>,
    quotes: Option<Quotes>,
    line_ending: Option<LineEnding>,
    encoding: Option<Encoding>,
    /// Whether what the encoding cannot hold is written in the letters that come closest.
    transliterate: Option<bool>,
    spreadsheet_safe: Option<bool>,
    /// As `strftime` has it.
    date_format: String,
    /// The supplier's, in which a moment becomes a day.
    time_zone: String,
    decimal: char,
    /// Address fields that the columns leave out on purpose.
    omits: Vec<String>,
}

impl Default for TableSettings {
    fn default() -> Self {
        Self {
            columns: None,
            header: true,
            rows: Rows::Line,
            delimiter: None,
            quotes: None,
            line_ending: None,
            encoding: None,
            transliterate: None,
            spreadsheet_safe: None,
            date_format: "%Y-%m-%d".to_owned(),
            time_zone: "UTC".to_owned(),
            decimal: '.',
            omits: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Rows {
    Line,
    /// Quantity 3 is three rows.
    Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Quotes {
    #[default]
    Needed,
    Always,
    /// For readers that know none: a cell that needs them is an error.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LineEnding {
    #[default]
    Crlf,
    Lf,
}

impl Table {
    /// `prefix` is where the settings are in the method's own, `""` or `"table."`.
    pub(crate) fn open(settings: TableSettings, prefix: &str) -> Result<Self, SettingsError> {
        let wrong = |path: &str, message: String| {
            Err(SettingsError::new(format!("{prefix}{path}"), message))
        };
        let delimiter = settings.delimiter.unwrap_or(',');
        let Some(delimiter) = u8::try_from(delimiter)
            .ok()
            .filter(|delimiter| b",;\t|".contains(delimiter))
        else {
            return wrong("delimiter", "one of , ; | and tab".to_owned());
        };
        if !matches!(settings.decimal, '.' | ',') {
            return wrong("decimal", "\".\" or \",\"".to_owned());
        }
        let Ok(zone) = TimeZone::get(&settings.time_zone) else {
            let zone = &settings.time_zone;
            let known: Vec<String> = jiff::tz::db()
                .available()
                .map(|zone| zone.as_str().to_owned())
                .collect();
            let path = format!("{prefix}time_zone");
            let error = SettingsError::new(path, format!("{zone:?} is no time zone"))
                .expecting("a zone of the IANA database, such as \"Europe/Berlin\"")
                .unknown(zone, known.iter().map(String::as_str));
            return Err(error);
        };
        let dates = Dates {
            format: settings.date_format,
            zone,
        };
        if let Err(error) = dates.format(Timestamp::UNIX_EPOCH) {
            return wrong("date_format", error.to_string());
        }
        known_fields(&settings.omits, &format!("{prefix}omits"))?;
        let path = format!("{prefix}columns");
        let table = Self {
            columns: Columns::open(settings.columns.as_deref(), settings.header, &path)?,
            header: settings.header,
            rows: settings.rows,
            dialect: Dialect {
                delimiter,
                quotes: settings.quotes.unwrap_or_default(),
                line_ending: settings.line_ending.unwrap_or_default(),
                encoding: settings.encoding.unwrap_or_default(),
                transliterate: settings.transliterate.unwrap_or(false),
                spreadsheet_safe: settings.spreadsheet_safe.unwrap_or(true),
            },
            dates,
            decimal: settings.decimal,
            omits: settings.omits,
        };
        table.check_columns(&path)?;
        table.try_columns()?;
        Ok(table)
    }

    /// For a workbook, where the words of a text's dialect have no meaning.
    pub(crate) fn open_workbook(
        settings: TableSettings,
        prefix: &str,
    ) -> Result<Self, SettingsError> {
        for (name, written) in [
            ("delimiter", settings.delimiter.is_some()),
            ("quotes", settings.quotes.is_some()),
            ("line_ending", settings.line_ending.is_some()),
            ("encoding", settings.encoding.is_some()),
            ("transliterate", settings.transliterate.is_some()),
            ("spreadsheet_safe", settings.spreadsheet_safe.is_some()),
        ] {
            if written {
                let path = format!("{prefix}{name}");
                return Err(SettingsError::new(path, "only a CSV file has this"));
            }
        }
        Self::open(settings, prefix)
    }

    /// Without a line's SKU and quantity no purchase order can be read off the table.
    fn check_columns(&self, path: &str) -> Result<(), SettingsError> {
        let needed: &[&str] = match self.rows {
            Rows::Line => &["supplier_sku", "quantity"],
            Rows::Unit => &["supplier_sku"],
        };
        for field in needed {
            if !self.any_says(field) {
                let message = format!("no column holds {field}");
                return Err(SettingsError::new(path, message));
            }
        }
        Ok(())
    }

    /// Templates of columns with an example order.
    fn try_columns(&self) -> Result<(), SettingsError> {
        let handover = crate::sample::handover();
        let Some(line) = handover.lines.first() else {
            return Ok(());
        };
        self.columns.tried(&Place {
            handover: &handover,
            line,
            line_number: 1,
            dates: &self.dates,
            decimal: self.decimal,
        })
    }

    fn any_says(&self, field: &str) -> bool {
        self.columns
            .iter()
            .any(|column| self.columns.says(column, field))
    }
}

/// A name that no field has would leave out nothing.
pub(crate) fn known_fields(omits: &[String], path: &str) -> Result<(), SettingsError> {
    let address = domain::address::Address::default();
    let address = address.fields().map(|(name, _)| name);
    let texts = ["properties", "note", "attributes"];
    let names: Vec<&str> = address.into_iter().chain(texts).collect();
    match omits.iter().find(|name| !names.contains(&name.as_str())) {
        Some(unknown) => {
            let message = format!("there is no field {unknown:?}");
            Err(SettingsError::new(path, message)
                .expecting(format!("of {}", names.join(", ")))
                .unknown(unknown, names))
        }
        None => Ok(()),
    }
}
