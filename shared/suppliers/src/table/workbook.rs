//! The same table as an Excel workbook, for suppliers who open what is attached.

use super::Table;
use calamine::{Data, Reader, Xlsx};
use ports::{Handover, PrepareError};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};
use std::io::Cursor;

const SHEET: &str = "Purchase order";
/// In pixels: a longer text is cut on the screen and not in the cell.
const WIDEST: u32 = 400;

impl Table {
    /// Its time of creation is the plan's, so that the bytes repeat.
    pub(crate) fn write_workbook(&self, handover: &Handover) -> Result<Vec<u8>, PrepareError> {
        let rows: Vec<Vec<String>> = self
            .rendered(handover)?
            .iter()
            .map(|row| row.iter().map(|cell| plain(cell)).collect())
            .collect();
        let seconds = handover.planned_at.as_second();
        let bytes = self
            .sheet(&rows, seconds)
            .map_err(|error| PrepareError(format!("the workbook cannot be written: {error}")))?;
        if self.read_workbook(&bytes)? != rows {
            let message = "the workbook would not be read as it was written";
            return Err(PrepareError(message.to_owned()));
        }
        Ok(bytes)
    }

    fn sheet(&self, rows: &[Vec<String>], created: i64) -> Result<Vec<u8>, XlsxError> {
        let mut workbook = Workbook::new();
        let created = ExcelDateTime::from_timestamp(created)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
        let bold = Format::new().set_bold();
        let sheet = workbook.add_worksheet().set_name(SHEET)?;
        let mut below = 0;
        if self.header {
            for (column, header) in (0..).zip(self.columns.headers()) {
                sheet.write_string_with_format(0, column, header, &bold)?;
            }
            sheet.set_freeze_panes(1, 0)?;
            below = 1;
        }
        for (row, cells) in (below..).zip(rows) {
            for ((column, cell), settings) in (0..).zip(cells).zip(self.columns.iter()) {
                match cell.parse::<u32>() {
                    // Everything else stays text: a spreadsheet would eat the zeros of a postal code.
                    Ok(number) if settings.is_quantity() => {
                        sheet.write_number(row, column, number)?
                    }
                    _ => sheet.write_string(row, column, cell)?,
                };
            }
        }
        sheet.set_autofit_max_width(WIDEST).autofit();
        sheet.set_landscape().set_print_fit_to_pages(1, 0);
        workbook.save_to_buffer()
    }

    /// The rows below the header.
    pub(crate) fn read_workbook(&self, bytes: &[u8]) -> Result<Vec<Vec<String>>, PrepareError> {
        let unreadable = |why: String| PrepareError(format!("the workbook cannot be read: {why}"));
        let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes))
            .map_err(|error: calamine::XlsxError| unreadable(error.to_string()))?;
        let range = workbook
            .worksheet_range(SHEET)
            .map_err(|error| unreadable(error.to_string()))?;
        let height = range.end().map_or(0, |(row, _)| row + 1);
        let headers = self.columns.headers();
        let mut rows = (0..height).map(|row| -> Vec<String> {
            (0..)
                .zip(&headers)
                .map(|(column, _)| text(range.get_value((row, column))))
                .collect()
        });
        if self.header && rows.next().as_ref() != Some(&headers) {
            return Err(unreadable("its header is another".to_owned()));
        }
        Ok(rows.collect())
    }
}

fn text(cell: Option<&Data>) -> String {
    cell.map_or_else(String::new, ToString::to_string)
}

/// What a cell of a workbook can hold.
fn plain(cell: &str) -> String {
    cell.replace("\r\n", "\n")
        .chars()
        .map(|character| match character {
            '\n' => '\n',
            character if character.is_control() => ' ',
            character => character,
        })
        .collect()
}
