use super::*;
use crate::testing::handover;
use domain::personal::Personal;
use proptest::prelude::*;
use registry::SettingsError;
use serde_json::{Value, json};

fn opened(settings: Value) -> Result<Table, SettingsError> {
    Table::open(serde_json::from_value(settings).unwrap(), "")
}

fn table(settings: Value) -> Table {
    opened(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn path_and_message(settings: Value) -> (String, String) {
    let error = opened(settings).err().unwrap();
    (error.path, error.message)
}

/// The portal of a supplier who wants everything its own way.
fn portal() -> Value {
    json!({
        "columns": [
            {"field": "number", "header": "PO Number"},
            {"field": "placed_on", "header": "Datum"},
            "line_number",
            {"field": "supplier_sku", "header": "Artikel"},
            {"field": "quantity", "header": "Menge"},
            {"field": "cost", "header": "Preis"},
            {"header": "Empfänger", "value": "{{ ship_to.name }}{% if company %}, {{ company }}{% endif %}"},
            {"header": "Straße", "value": "{{ address1 }} {{ address2 }}"},
            {"field": "zip", "header": "PLZ"},
            {"field": "city", "header": "Ort"},
            {"field": "province_name", "header": "Region"},
            {"field": "country", "header": "Land"},
            {"field": "phone", "header": "Telefon"},
            {"header": "Lager", "value": "B2"},
        ],
        "delimiter": ";",
        "encoding": "windows-1252",
        "date_format": "%d.%m.%Y",
        "time_zone": "Europe/Berlin",
        "decimal": ",",
    })
}

fn text(table: &Table, handover: &Handover) -> String {
    let bytes = table.write(handover).unwrap();
    let text = table.dialect.encoding.decode(&bytes).unwrap();
    text.replace("\r\n", "\n")
}

#[test]
fn a_table_without_settings() {
    let (table, mut handover) = (table(json!({})), handover());
    handover.lines[0].title = "=HYPERLINK(\"x\"),\n2\" pipe".to_owned();
    insta::assert_snapshot!(text(&table, &handover));
    let rows = table.read(&table.write(&handover).unwrap()).unwrap();
    assert_eq!(rows[0][4], handover.lines[0].title);
    assert_eq!(rows[0][14], "+1 (502) 555-0100");
}

#[test]
fn a_table_in_the_words_of_a_portal() {
    let mut handover = handover();
    // Already the next day where the supplier is.
    handover.placed_at = "2026-12-01T23:30:00Z".parse().unwrap();
    let table = table(portal());
    insta::assert_snapshot!(text(&table, &handover));
    let bytes = table.write(&handover).unwrap();
    assert!(bytes.windows(4).any(|window| window == b"Ex\xe4m"));
}

#[test]
fn a_row_for_each_unit_without_a_header() {
    let mut handover = handover();
    handover.lines[1].quantity = 3;
    let table = table(json!({
        "columns": ["number", "supplier_sku", "quantity", "name"],
        "header": false, "rows": "unit", "delimiter": "\t", "line_ending": "lf", "quotes": "always",
    }));
    let bytes = table.write(&handover).unwrap();
    insta::assert_snapshot!(String::from_utf8(bytes.clone()).unwrap());
    let records = table.records(&table.read(&bytes).unwrap());
    assert!(records.contains(&vec!["LS-1".to_owned(), "2".to_owned()]));
    assert!(records.contains(&vec!["LS-2".to_owned(), "3".to_owned()]));
}

#[test]
fn a_workbook_repeats_its_bytes_and_is_read_back() {
    let settings = json!({"columns": ["number", "supplier_sku", "quantity", "title", "zip"]});
    let settings = || serde_json::from_value(settings.clone()).unwrap();
    let table = Table::open_workbook(settings(), "").unwrap();
    let mut handover = handover();
    handover.lines[0].title = "=1+1\r\nwith\ta \"quote\" & _x0041_ ".to_owned();
    handover.lines[0].supplier_sku = "00012".to_owned();
    let bytes = table.write_workbook(&handover).unwrap();
    assert_eq!(bytes, table.write_workbook(&handover).unwrap());
    let rows = table.read_workbook(&bytes).unwrap();
    let number = handover.number.to_string();
    let title = "=1+1\nwith a \"quote\" & _x0041_ ";
    assert_eq!(rows[0], [&number, "00012", "2", title, "40507"]);
    assert_eq!(rows.len(), 2);
    handover.lines[0].title = "x".repeat(40_000);
    assert!(table.write_workbook(&handover).is_err());
    let error = Table::open_workbook(
        serde_json::from_value(json!({"encoding": "utf-8"})).unwrap(),
        "table.",
    );
    assert_eq!(error.err().unwrap().path, "table.encoding");
}

#[test]
fn what_cannot_be_written_is_named() {
    let problem = |settings: Value, handover: &Handover| {
        table(settings).write(handover).unwrap_err().to_string()
    };
    let mut foreign = handover();
    foreign.lines[0].title = "Łamp".to_owned();
    for encoding in ["windows-1252", "iso-8859-1"] {
        let problem = problem(json!({"encoding": encoding}), &foreign);
        let expected = format!("the column \"title\": {encoding} has no 'Ł' (U+0141); ");
        assert!(problem.starts_with(&expected), "{problem}");
    }
    let mut comma = handover();
    comma.lines[0].title = "red, round".to_owned();
    let problem = problem(json!({"quotes": "never"}), &comma);
    assert!(problem.starts_with("the column \"title\":"), "{problem}");
}

#[test]
fn wrong_columns_are_named_with_what_would_be_right() {
    let (path, message) = path_and_message(json!({"columns": ["number", "suplier_sku"]}));
    assert_eq!(path, "columns[1]");
    assert_eq!(message, "there is no field \"suplier_sku\"");
    for (settings, path) in [
        (json!({"columns": []}), "columns"),
        (json!({"columns": ["supplier_sku", "name"]}), "columns"),
        (json!({"columns": ["sku", "quantity"]}), "columns"),
        (json!({"columns": [{"value": "x"}]}), "columns[0]"),
        (json!({"columns": [{"header": "x"}]}), "columns[0]"),
        (
            json!({"columns": [{"field": "sku", "value": "x"}]}),
            "columns[0]",
        ),
        (
            json!({"columns": [{"header": "x", "value": "{{ number"}]}),
            "columns[0]",
        ),
        (json!({"columns": [7]}), "columns[0]"),
        (json!({"delimiter": "ü"}), "delimiter"),
        (json!({"decimal": "'"}), "decimal"),
        (json!({"time_zone": "Europe/Atlantis"}), "time_zone"),
        (json!({"date_format": "%!"}), "date_format"),
        (json!({"omits": ["street"]}), "omits"),
    ] {
        assert_eq!(path_and_message(settings.clone()).0, path, "{settings}");
    }
}

#[test]
fn a_template_that_names_no_field_is_an_error() {
    let (path, message) = path_and_message(json!({
        "columns": ["supplier_sku", "quantity", {"header": "Street", "value": "{{ ship_to.street }}"}],
    }));
    assert_eq!(
        (path.as_str(), message.as_str()),
        ("columns[2]", "there is no ship_to.street")
    );
}

#[test]
fn a_house_number_is_no_quantity() {
    let mut handover = handover();
    handover.lines.truncate(1);
    let table = table(json!({
        "columns": ["supplier_sku", {"header": "Q", "value": "{{ quantity | replace('2', '') }}"},
            {"header": "To", "value": "2 {{ address1 }}"}],
    }));
    let records = table.records(&table.read(&table.write(&handover).unwrap()).unwrap());
    let address = domain::address::Address::default();
    let missing = domain::fidelity::missing(&address, &[("LS-1", 2)], &records, &[]);
    assert_eq!(missing, ["2 of LS-1"]);
}

fn settings() -> impl Strategy<Value = Value> {
    let columns =
        json!(["supplier_sku", "title", "quantity", {"header": "T", "value": "{{ name }}"}]);
    (
        prop::sample::select(vec![",", ";", "\t", "|"]),
        prop::sample::select(vec!["needed", "always"]),
        prop::sample::select(vec!["crlf", "lf"]),
        prop::sample::select(vec!["utf-8", "utf-8-bom", "utf-16le"]),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            move |(delimiter, quotes, line_ending, encoding, header, safe)| {
                json!({
                    "columns": columns, "delimiter": delimiter, "quotes": quotes,
                    "line_ending": line_ending, "encoding": encoding, "header": header,
                    "spreadsheet_safe": safe,
                })
            },
        )
}

/// Whatever somebody may type, and what is special to a table somewhere.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\u{feff}'=+\\-@\t\r\n\",;| a1ü€]{0,8}",
        "'{0,2}[=+\\-@][0-9.,() ]{0,6}",
    ]
}

proptest! {
    #[test]
    fn a_written_table_is_read_back_equal(
        settings in settings(),
        sku in cell(),
        title in cell(),
        name in cell(),
        quantity in 1_u32..500,
    ) {
        let safe = settings["spreadsheet_safe"] == true;
        let table = table(settings);
        let mut handover = handover();
        handover.lines.truncate(1);
        handover.lines[0].supplier_sku.clone_from(&sku);
        handover.lines[0].title.clone_from(&title);
        handover.lines[0].quantity = quantity;
        let mut ship_to = handover.ship_to.reveal().clone();
        ship_to.name.clone_from(&name);
        handover.ship_to = Personal::new(ship_to);
        let bytes = table.write(&handover).unwrap();
        let meant = vec![vec![sku, title, quantity.to_string(), name]];
        prop_assert_eq!(&table.read(&bytes).unwrap(), &meant);
        let raw = table.raw(&bytes).unwrap();
        if safe {
            for cell in raw.iter().flatten() {
                // Signs in front of plain numbers and phone numbers are run by nobody.
                let begins = cell.starts_with(['=', '@', '\t', '\r', '\n'])
                    || (cell.starts_with(['+', '-'])
                        && !cell.chars().skip(1).all(|c| c.is_ascii_digit() || " ()-.,".contains(c)));
                prop_assert!(!begins, "{cell:?} would be run");
            }
        } else {
            prop_assert_eq!(raw, meant);
        }
    }

    #[test]
    fn narrow_encodings_hold_a_cell_or_refuse_it(title in "[ -~äöü€ł\u{80}-\u{ff}]{0,6}", latin in any::<bool>()) {
        let encoding = if latin { "iso-8859-1" } else { "windows-1252" };
        let table = table(json!({"encoding": encoding}));
        let mut handover = handover();
        handover.lines[1].title.clone_from(&title);
        match table.write(&handover) {
            Ok(bytes) => prop_assert_eq!(&table.read(&bytes).unwrap()[1][4], &title),
            Err(error) => prop_assert!(error.to_string().starts_with("the column \"title\"")),
        }
    }
}
