//! `offers.csv`: who sells which of the merchant's SKUs, and what they have.

use crate::near::near;
use crate::problem::{File, Wrong};
use crate::suppliers::Suppliers;
use crate::table::moment;
use crate::values;
use csv::StringRecord;
use domain::catalogue::{CatalogueRow, Offer};
use domain::ids::{Sku, SupplierId, SupplierSku};
use domain::money::{Currency, Money};
use domain::region::Region;
use domain::text::without_marks;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

const COLUMNS: [&str; 10] = [
    "sku",
    "supplier",
    "supplier_sku",
    "cost",
    "currency",
    "stock",
    "as_of",
    "not_dropshipped",
    "category",
    "countries",
];
const REQUIRED: [&str; 2] = ["sku", "supplier"];

/// Rows with their lines. Where the suppliers' file could not be read, every supplier's id is let
/// pass.
pub(crate) fn read(file: &File<'_>, suppliers: &Suppliers) -> Vec<(usize, CatalogueRow)> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(file.text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => {
            file.problem(Some(1), None, error.to_string(), "a header");
            return Vec::new();
        }
    };
    let Some(columns) = columns(file, &header) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    let mut seen = Seen::default();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let row = Row {
                    file,
                    columns: &columns,
                    line: line_of(file, &record),
                    record: &record,
                };
                if record.len() == header.len() {
                    rows.extend(row.read(suppliers, &mut seen).map(|read| (row.line, read)));
                } else {
                    let message = format!("{} fields", record.len());
                    file.problem(
                        Some(row.line),
                        None,
                        &message,
                        &format!("{} as in the header", header.len()),
                    );
                }
            }
            Err(error) => {
                let line = error
                    .position()
                    .and_then(|position| usize::try_from(position.line()).ok());
                file.problem(
                    line,
                    None,
                    error.to_string(),
                    "a row of comma-separated values",
                );
            }
        }
    }
    rows
}

/// Where each known column is. `None`, and problems, for a header that rows cannot be read by.
fn columns(file: &File<'_>, header: &StringRecord) -> Option<BTreeMap<&'static str, usize>> {
    let mut columns = BTreeMap::new();
    let mut usable = true;
    for name in COLUMNS {
        let mut places = header
            .iter()
            .enumerate()
            .filter(|(_, column)| *column == name)
            .map(|(place, _)| place);
        match (places.next(), places.next()) {
            (Some(place), None) => {
                columns.insert(name, place);
            }
            (Some(_), Some(_)) => {
                file.problem(
                    Some(1),
                    Some(name),
                    "the column is there twice",
                    "each column once",
                );
                usable = false;
            }
            (None, _) if REQUIRED.contains(&name) => {
                // A column that nobody knows may be this one.
                let mut unknown = header.iter().filter(|column| !COLUMNS.contains(column));
                let near = unknown.find(|column| near(column, [name]).is_some());
                let message = match near {
                    Some(near) => format!("missing; there is a column {near:?}"),
                    None => "missing".to_owned(),
                };
                let expected = format!("columns {}", COLUMNS.join(", "));
                file.problem(Some(1), Some(name), message, &expected);
                usable = false;
            }
            (None, _) => {}
        }
    }
    for column in header.iter().filter(|column| !COLUMNS.contains(column)) {
        let absent = COLUMNS
            .into_iter()
            .filter(|name| !columns.contains_key(name) && !REQUIRED.contains(name));
        let wrong = Wrong::none_of(column, "a column that is not read".to_owned(), absent);
        if wrong.near.is_some() {
            file.warning(Some(1), Some(column), wrong, "");
        }
    }
    usable.then_some(columns)
}

/// The reader's own count is where the row before it ended.
fn line_of(file: &File<'_>, record: &StringRecord) -> usize {
    let start = record
        .position()
        .and_then(|position| usize::try_from(position.byte()).ok())
        .unwrap_or(0);
    let skipped = file
        .text
        .bytes()
        .skip(start)
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    file.line_at(start + skipped)
}

/// The line that first named a supplier's article, with the stock and time it gave.
type Stocks = BTreeMap<(SupplierId, SupplierSku), (usize, Option<u32>, Option<Timestamp>)>;

/// What earlier rows claimed, with the line that did.
#[derive(Default)]
struct Seen {
    offers: BTreeMap<(Sku, SupplierId), usize>,
    stocks: Stocks,
}

struct Row<'a> {
    file: &'a File<'a>,
    columns: &'a BTreeMap<&'static str, usize>,
    line: usize,
    record: &'a StringRecord,
}

impl Row<'_> {
    fn read(&self, suppliers: &Suppliers, seen: &mut Seen) -> Option<CatalogueRow> {
        // A spreadsheet pastes marks that nobody sees; orders are read without them.
        let sku = self.id("sku", &without_marks(self.cell("sku")), Sku::parse);
        let supplier = self.id("supplier", self.cell("supplier"), SupplierId::parse);
        let own = Some(without_marks(self.cell("supplier_sku"))).filter(|cell| !cell.is_empty());
        // A bad SKU is one problem, not two.
        let supplier_sku = match (own, &sku) {
            (Some(own), _) => self.id("supplier_sku", &own, SupplierSku::parse),
            (None, Some(sku)) => self.id("supplier_sku", sku.as_str(), SupplierSku::parse),
            (None, None) => None,
        };
        let currency = supplier
            .as_ref()
            .and_then(|supplier| suppliers.currencies.get(supplier));
        let cost = self.cost(currency.copied());
        let stock = self.parsed(
            "stock",
            "a whole number, or nothing where it is not counted",
            |cell| cell.parse().ok(),
        );
        let as_of = self.parsed("as_of", "a date or a time with an offset", moment);
        let not_dropshipped = self.parsed("not_dropshipped", "yes or no", |cell| {
            match cell.to_ascii_lowercase().as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            }
        });

        let category = Some(self.cell("category"))
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned);
        let countries = self.countries();

        let (sku, supplier, supplier_sku) = (sku?, supplier?, supplier_sku?);
        if suppliers
            .known
            .as_ref()
            .is_some_and(|known| !known.contains(&supplier))
        {
            let known = suppliers.known.iter().flatten().map(SupplierId::as_str);
            let message = format!("no supplier has the id {supplier}");
            let wrong = Wrong::none_of(supplier.as_str(), message, known);
            self.problem("supplier", wrong, "an id of suppliers.toml");
        }
        match seen.offers.entry((sku.clone(), supplier.clone())) {
            Entry::Vacant(entry) => {
                entry.insert(self.line);
            }
            Entry::Occupied(entry) => {
                let message = format!("{supplier} offers {sku} in line {} already", entry.get());
                self.problem("sku", &message, "one row for each SKU and supplier");
            }
        }
        let (stock, as_of) = (stock?, as_of?);
        self.same_stock(&mut seen.stocks, (&supplier, &supplier_sku), stock, as_of);
        Some(CatalogueRow {
            offer: Offer {
                sku,
                supplier,
                supplier_sku,
                cost: cost?,
                not_dropshipped: not_dropshipped?.unwrap_or(false),
                category,
                countries: countries?,
            },
            stock,
            as_of,
        })
    }

    /// Offers that name the same article of a supplier share its stock, so that they cannot differ.
    fn same_stock(
        &self,
        stocks: &mut Stocks,
        (supplier, supplier_sku): (&SupplierId, &SupplierSku),
        stock: Option<u32>,
        as_of: Option<Timestamp>,
    ) {
        let (line, known, counted) = *stocks
            .entry((supplier.clone(), supplier_sku.clone()))
            .or_insert((self.line, stock, as_of));
        if (known, counted) != (stock, as_of) {
            let message =
                format!("{supplier_sku} of {supplier} has another stock or as_of in line {line}");
            self.problem(
                "stock",
                &message,
                "the same in each row of a supplier's article",
            );
        }
    }

    /// Blank for a column that the file does not have.
    fn cell(&self, column: &str) -> &str {
        self.columns
            .get(column)
            .and_then(|place| self.record.get(*place))
            .unwrap_or_default()
    }

    fn problem(&self, column: &str, wrong: impl Into<Wrong>, expected: &str) {
        self.file
            .problem(Some(self.line), Some(column), wrong, expected);
    }

    fn id<T>(
        &self,
        column: &str,
        cell: &str,
        parse: fn(String) -> Result<T, domain::ids::InvalidId>,
    ) -> Option<T> {
        parse(cell.to_owned())
            .map_err(|error| {
                let message = format!("{:?} is not a {}", error.text, error.kind);
                self.problem(column, &message, error.expected);
            })
            .ok()
    }

    /// The outer `None` is a problem, the inner one a blank cell.
    #[expect(clippy::option_option, reason = "a blank cell is not a bad one")]
    fn parsed<T>(
        &self,
        column: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        let cell = self.cell(column);
        if cell.is_empty() {
            return Some(None);
        }
        let value = parse(cell);
        if value.is_none() {
            self.problem(column, format!("{cell:?} is not right"), expected);
        }
        value.map(Some)
    }

    /// Separated by spaces or semicolons; blank for everywhere.
    fn countries(&self) -> Option<Vec<Region>> {
        let cell = self.cell("countries");
        let codes = cell.split([' ', ';']).filter(|code| !code.is_empty());
        if cell.is_empty() {
            return Some(Vec::new());
        }
        let expected = "countries and subdivisions separated by spaces, such as US CA US-HI";
        values::regions_of(codes)
            .map_err(|wrong| self.problem("countries", wrong, expected))
            .ok()
    }

    #[expect(clippy::option_option, reason = "a blank cell is not a bad one")]
    fn cost(&self, suppliers_own: Option<Currency>) -> Option<Option<Money>> {
        let currency = self.parsed("currency", "three letters A-Z, such as USD", |cell| {
            Currency::parse(cell).ok()
        });
        let cost = self.cell("cost");
        if cost.is_empty() {
            return currency.map(|_| None);
        }
        let Some(currency) = currency?.or(suppliers_own) else {
            self.problem(
                "currency",
                "missing beside a cost",
                "three letters A-Z, such as USD, here or as the supplier's currency",
            );
            return None;
        };
        let expected = "an amount such as 12.50";
        match Money::parse(cost, currency) {
            Ok(money) if money.minor >= 0 => Some(Some(money)),
            Ok(_) => {
                self.problem("cost", "less than nothing", expected);
                None
            }
            Err(error) => {
                self.problem("cost", error.to_string(), expected);
                None
            }
        }
    }
}
