//! A purchase order as a table, for files and for what is attached to mails.

use ports::{Decoded, Handover, PrepareError};

const COLUMNS: [&str; 16] = [
    "purchase_order",
    "order",
    "sku",
    "supplier_sku",
    "title",
    "quantity",
    "name",
    "company",
    "address1",
    "address2",
    "city",
    "province",
    "zip",
    "country",
    "phone",
    "shipping_method",
];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) delimiter: u8,
    /// For people, whose spreadsheet would run a cell as a formula; off for machines.
    pub(crate) spreadsheet_safe: bool,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            delimiter: b',',
            spreadsheet_safe: true,
        }
    }
}

/// A header and a row for each line, the address repeated in every one.
pub(crate) fn write(handover: &Handover, format: Format) -> Result<Vec<u8>, PrepareError> {
    let failed =
        |error: ::csv::Error| PrepareError(format!("the table cannot be written: {error}"));
    let mut writer = ::csv::WriterBuilder::new()
        .delimiter(format.delimiter)
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(failed)?;
    let ship_to = handover.ship_to.reveal();
    for line in &handover.lines {
        let quantity = line.quantity.to_string();
        let cells = [
            handover.number.as_str(),
            &handover.order_name,
            &line.sku,
            &line.supplier_sku,
            &line.title,
            &quantity,
            &ship_to.name,
            &ship_to.company,
            &ship_to.address1,
            &ship_to.address2,
            &ship_to.city,
            either(&ship_to.province_code, &ship_to.province),
            &ship_to.zip,
            either(&ship_to.country_code, &ship_to.country),
            &ship_to.phone,
            &handover.shipping_method,
        ];
        let cells = cells.map(|cell| {
            if format.spreadsheet_safe {
                neutral(cell)
            } else {
                cell.to_owned()
            }
        });
        writer.write_record(cells).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|error| failed(error.into_error().into()))
}

/// The rows below the header, as the supplier's program sees them.
pub(crate) fn read(bytes: &[u8], format: Format) -> Result<Decoded, PrepareError> {
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(format.delimiter)
        .from_reader(bytes);
    let mut records = Vec::new();
    for row in reader.records() {
        let row =
            row.map_err(|error| PrepareError(format!("the table cannot be read: {error}")))?;
        let cell = |cell: &str| {
            if format.spreadsheet_safe {
                original(cell).to_owned()
            } else {
                cell.to_owned()
            }
        };
        records.push(row.iter().map(cell).collect());
    }
    Ok(Decoded { records })
}

fn either<'a>(code: &'a str, name: &'a str) -> &'a str {
    if code.trim().is_empty() { name } else { code }
}

/// Text that begins like a formula after the apostrophes that may already be there.
fn formula(cell: &str) -> bool {
    cell.trim_start_matches('\'')
        .starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn neutral(cell: &str) -> String {
    if formula(cell) && !is_number(cell) && !is_phone(cell) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

fn original(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if formula(rest) => rest,
        _ => cell,
    }
}

fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    let bare = digits.replacen('.', "", 1);
    !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_phone(cell: &str) -> bool {
    cell.strip_prefix('+').is_some_and(|rest| {
        rest.bytes().any(|byte| byte.is_ascii_digit())
            && rest
                .chars()
                .all(|character| character.is_ascii_digit() || " ()-.".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::handover;

    #[test]
    fn formulas_are_neutralised_and_numbers_are_not() {
        for cell in [
            "=1+1",
            "+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "'=1",
            "-",
            "+",
        ] {
            assert_eq!(neutral(cell), format!("'{cell}"));
            assert_eq!(original(&neutral(cell)), cell);
        }
        for cell in [
            "",
            "Ada",
            "-5",
            "+1.5",
            "+49 (30) 123-45.6",
            "'t Hooft",
            "a=b",
            "O'-",
        ] {
            assert_eq!(neutral(cell), cell);
            assert_eq!(original(cell), cell);
        }
    }

    #[test]
    fn a_table_is_read_as_it_was_meant() {
        let mut handover = handover();
        handover.lines[0].title = "=HYPERLINK(\"x\"),\n2\" pipe".to_owned();
        let bytes = write(&handover, Format::default()).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.starts_with("purchase_order,order,sku,"));
        assert!(
            text.contains("\"'=HYPERLINK(\"\"x\"\"),\n2\"\" pipe\""),
            "{text}"
        );
        assert!(text.contains(",+1 (502) 555-0100,"), "{text}");
        let decoded = read(&bytes, Format::default()).unwrap();
        assert_eq!(decoded.records.len(), 2);
        assert_eq!(decoded.records[0][4], handover.lines[0].title);
        assert_eq!(decoded.records[0][11], "KY");
        assert_eq!(bytes, write(&handover, Format::default()).unwrap());
    }
}
