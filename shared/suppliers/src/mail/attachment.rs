//! What is attached to a mail: the purchase order as a table for the supplier's programs, and files
//! in general.

use crate::table::{Table, TableSettings};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_builder::headers::content_type::ContentType;
use mail_builder::mime::MimePart;
use ports::{Handover, Part, PrepareError};
use registry::SettingsError;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Attachment {
    #[default]
    Csv,
    Xlsx,
    None,
}

pub(super) enum TableFile {
    Csv(Table),
    Xlsx(Table),
}

impl TableFile {
    pub(super) fn open(
        attachment: Attachment,
        settings: Option<TableSettings>,
    ) -> Result<Option<Self>, SettingsError> {
        const PREFIX: &str = "table.";
        let written = settings.is_some();
        let settings = settings.unwrap_or_default();
        match attachment {
            Attachment::Csv => Ok(Some(Self::Csv(Table::open(settings, PREFIX)?))),
            Attachment::Xlsx => Ok(Some(Self::Xlsx(Table::open_workbook(settings, PREFIX)?))),
            Attachment::None if written => Err(SettingsError::new("table", "no table is attached")),
            Attachment::None => Ok(None),
        }
    }

    pub(super) fn file_name(&self, name: &str) -> String {
        match self {
            Self::Csv(_) => format!("{name}.csv"),
            Self::Xlsx(_) => format!("{name}.xlsx"),
        }
    }

    pub(super) fn write(
        &self,
        handover: &Handover,
        name: &str,
    ) -> Result<MimePart<'static>, PrepareError> {
        let (kind, bytes) = match self {
            Self::Csv(table) => {
                let kind = ContentType::new("text/csv").attribute("charset", table.charset());
                (kind, table.write(handover)?)
            }
            Self::Xlsx(table) => {
                let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
                (ContentType::new(kind), table.write_workbook(handover)?)
            }
        };
        Ok(file(kind, self.file_name(name), &bytes))
    }

    /// As its reader sees it.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Part, PrepareError> {
        let (table, rows) = match self {
            Self::Csv(table) => (table, table.read(bytes)?),
            Self::Xlsx(table) => (table, table.read_workbook(bytes)?),
        };
        Ok(Part {
            name: "table".to_owned(),
            records: table.records(&rows),
            omits: table.omits().to_vec(),
            spelling: table.spelling(),
        })
    }
}

/// In Base64: a way that changes line ends would change a table.
pub(super) fn file(kind: ContentType<'static>, name: String, bytes: &[u8]) -> MimePart<'static> {
    let encoded = STANDARD.encode(bytes);
    let mut wrapped = String::with_capacity(encoded.len() + encoded.len() / 38 + 2);
    for (place, character) in encoded.char_indices() {
        if place > 0 && place % 76 == 0 {
            wrapped.push_str("\r\n");
        }
        wrapped.push(character);
    }
    wrapped.push_str("\r\n");
    MimePart::new(kind, wrapped)
        .attachment(name)
        .transfer_encoding("base64")
}
