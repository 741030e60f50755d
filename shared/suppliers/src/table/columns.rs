//! The columns of a table: fields by their names, and templates of the merchant's.

use super::Dates;
use crate::templates::{Templates, described};
use domain::address::Address;
use domain::fidelity::is_blank;
use ports::supplier::HandoverLine;
use ports::{Handover, PrepareError};
use registry::SettingsError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One row's place in the hand-over.
pub(super) struct Place<'a> {
    pub(super) handover: &'a Handover,
    /// With the quantity of this row.
    pub(super) line: &'a HandoverLine,
    /// Of the line, from 1.
    pub(super) line_number: usize,
    pub(super) dates: &'a Dates,
    pub(super) decimal: char,
}

impl Place<'_> {
    fn ship_to(&self) -> &Address {
        self.handover.ship_to.reveal()
    }
}

struct Field {
    name: &'static str,
    read: fn(&Place<'_>) -> Result<String, PrepareError>,
}

/// Every field that a column can hold by its name; templates see them too.
const FIELDS: &[Field] = &[
    field("number", |place| Ok(place.handover.number.to_string())),
    field("order", |place| Ok(place.handover.order_name.clone())),
    field("line_number", |place| Ok(place.line_number.to_string())),
    field("sku", |place| Ok(place.line.sku.clone())),
    field("supplier_sku", |place| Ok(place.line.supplier_sku.clone())),
    field("title", |place| Ok(place.line.title.clone())),
    field("quantity", |place| Ok(place.line.quantity.to_string())),
    field("cost", |place| {
        let cost = place.line.cost.as_deref().unwrap_or_default();
        Ok(cost.replace('.', place.decimal.encode_utf8(&mut [0; 4])))
    }),
    field("currency", |place| {
        Ok(place.line.currency.clone().unwrap_or_default())
    }),
    field("name", |place| Ok(place.ship_to().name.clone())),
    field("company", |place| Ok(place.ship_to().company.clone())),
    field("address1", |place| Ok(place.ship_to().address1.clone())),
    field("address2", |place| Ok(place.ship_to().address2.clone())),
    field("city", |place| Ok(place.ship_to().city.clone())),
    field("province", |place| {
        let ship_to = place.ship_to();
        Ok(either(&ship_to.province_code, &ship_to.province))
    }),
    field("province_name", |place| {
        let ship_to = place.ship_to();
        Ok(either(&ship_to.province, &ship_to.province_code))
    }),
    field("zip", |place| Ok(place.ship_to().zip.clone())),
    field("country", |place| {
        let ship_to = place.ship_to();
        Ok(either(&ship_to.country_code, &ship_to.country))
    }),
    field("country_name", |place| {
        let ship_to = place.ship_to();
        Ok(either(&ship_to.country, &ship_to.country_code))
    }),
    field("phone", |place| Ok(place.ship_to().phone.clone())),
    field("shipping_method", |place| {
        Ok(place.handover.shipping_method.clone())
    }),
    field("service", |place| {
        let handover = place.handover;
        Ok(handover
            .service
            .clone()
            .unwrap_or_else(|| handover.shipping_method.clone()))
    }),
    field("properties", |place| Ok(described(&place.line.properties))),
    field("note", |place| Ok(place.handover.note.reveal().clone())),
    field("attributes", |place| {
        Ok(described(&place.handover.attributes))
    }),
    field("planned_on", |place| {
        place.dates.format(place.handover.planned_at)
    }),
    field("placed_on", |place| {
        place.dates.format(place.handover.placed_at)
    }),
];

const fn field(name: &'static str, read: fn(&Place<'_>) -> Result<String, PrepareError>) -> Field {
    Field { name, read }
}

fn either(first: &str, second: &str) -> String {
    let chosen = if is_blank(first) { second } else { first };
    chosen.to_owned()
}

/// Where the settings name no columns.
const DEFAULT: &[(&str, &str)] = &[
    ("number", "purchase_order"),
    ("order", "order"),
    ("sku", "sku"),
    ("supplier_sku", "supplier_sku"),
    ("title", "title"),
    ("quantity", "quantity"),
    ("name", "name"),
    ("company", "company"),
    ("address1", "address1"),
    ("address2", "address2"),
    ("city", "city"),
    ("province", "province"),
    ("zip", "zip"),
    ("country", "country"),
    ("phone", "phone"),
    ("service", "shipping_method"),
    ("properties", "personalisation"),
    ("note", "note"),
    ("attributes", "attributes"),
];

/// What a template sees: the fields by name, formatted as in the table, and what is behind them.
#[derive(Serialize)]
struct Seen<'a> {
    #[serde(flatten)]
    fields: BTreeMap<&'static str, String>,
    order_name: &'a str,
    merchant: &'a domain::settings::Merchant,
    supplier: &'a str,
    ship_to: &'a Address,
    line: &'a HandoverLine,
    lines: &'a [HandoverLine],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    header: Option<String>,
    field: Option<String>,
    value: Option<String>,
}

pub(super) struct Column {
    pub(super) header: String,
    cell: Cell,
}

enum Cell {
    Field(&'static Field),
    Template { name: String, source: String },
}

pub(super) struct Columns {
    columns: Vec<Column>,
    templates: Templates,
}

impl Columns {
    /// `settings` are names of fields and tables with `field` or `value` and their `header`.
    pub(super) fn open(
        settings: Option<&[serde_json::Value]>,
        with_header: bool,
        path: &str,
    ) -> Result<Self, SettingsError> {
        let mut opened = Self {
            columns: Vec::new(),
            templates: Templates::new(),
        };
        match settings {
            None => {
                for (name, header) in DEFAULT {
                    opened.add_field(name, Some((*header).to_owned()), path)?;
                }
            }
            Some([]) => return Err(SettingsError::new(path, "a table needs columns")),
            Some(settings) => {
                for (index, settings) in settings.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    opened.add(settings, with_header, &path)?;
                }
            }
        }
        Ok(opened)
    }

    fn add(
        &mut self,
        settings: &serde_json::Value,
        with_header: bool,
        path: &str,
    ) -> Result<(), SettingsError> {
        let wrong = |message: &str| Err(SettingsError::new(path, message));
        if let Some(name) = settings.as_str() {
            return self.add_field(name, None, path);
        }
        let written = Written::deserialize(settings)
            .map_err(|error| SettingsError::of_reading(path, path, &error.to_string()))?;
        match (written.field, written.value) {
            (Some(name), None) => self.add_field(&name, written.header, path),
            (None, Some(source)) => {
                if with_header && written.header.is_none() {
                    return wrong("a column with a value needs a header");
                }
                self.templates.add(path, path, source.as_str())?;
                self.columns.push(Column {
                    header: written.header.unwrap_or_default(),
                    cell: Cell::Template {
                        name: path.to_owned(),
                        source,
                    },
                });
                Ok(())
            }
            (Some(_), Some(_)) | (None, None) => wrong("either a field or a value"),
        }
    }

    fn add_field(
        &mut self,
        name: &str,
        header: Option<String>,
        path: &str,
    ) -> Result<(), SettingsError> {
        let Some(field) = FIELDS.iter().find(|field| field.name == name) else {
            let names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
            let message = format!("there is no field {name:?}");
            return Err(SettingsError::new(path, message)
                .expecting(format!("one of {}", names.join(", ")))
                .unknown(name, names));
        };
        self.columns.push(Column {
            header: header.unwrap_or_else(|| name.to_owned()),
            cell: Cell::Field(field),
        });
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter()
    }

    pub(super) fn headers(&self) -> Vec<String> {
        self.iter().map(|column| column.header.clone()).collect()
    }

    pub(super) fn row(&self, place: &Place<'_>) -> Result<Vec<String>, PrepareError> {
        let templated = self
            .iter()
            .any(|column| matches!(column.cell, Cell::Template { .. }));
        let seen = templated.then(|| seen(place)).transpose()?;
        self.iter()
            .map(|column| match &column.cell {
                Cell::Field(field) => (field.read)(place),
                Cell::Template { name, .. } => self
                    .templates
                    .render(name, &seen)
                    .map_err(|error| PrepareError(format!("{}: {error}", column.called()))),
            })
            .collect()
    }

    pub(super) fn tried(&self, place: &Place<'_>) -> Result<(), SettingsError> {
        for column in self.iter() {
            if let Cell::Template { name, .. } = &column.cell {
                let seen = seen(place).map_err(|error| SettingsError::new(name, error.0))?;
                self.templates.tried(name, name, &seen)?;
            }
        }
        Ok(())
    }

    /// Whether the column's cell speaks of a field, which a template may do in several ways.
    pub(super) fn says(&self, column: &Column, field: &str) -> bool {
        match &column.cell {
            Cell::Field(own) => own.name == field,
            Cell::Template { name, .. } => {
                let names = self.templates.variables(name);
                [field, "line", "lines"]
                    .iter()
                    .any(|name| names.contains(*name))
                    || names.contains(&format!("line.{field}"))
            }
        }
    }

    /// The place of the column that holds nothing but the number.
    pub(super) fn number(&self) -> Option<usize> {
        self.iter().position(|column| match &column.cell {
            Cell::Field(field) => field.name == "number",
            Cell::Template { source, .. } => {
                let inner = source.trim().strip_prefix("{{");
                let inner = inner.and_then(|inner| inner.strip_suffix("}}"));
                inner.is_some_and(|inner| inner.trim() == "number")
            }
        })
    }
}

fn seen<'a>(place: &Place<'a>) -> Result<Seen<'a>, PrepareError> {
    let mut fields = BTreeMap::new();
    for field in FIELDS {
        fields.insert(field.name, (field.read)(place)?);
    }
    let handover = place.handover;
    Ok(Seen {
        fields,
        order_name: &handover.order_name,
        merchant: &handover.merchant,
        supplier: &handover.supplier,
        ship_to: handover.ship_to.reveal(),
        line: place.line,
        lines: &handover.lines,
    })
}

impl Column {
    /// For problems: by its header, else by what it holds.
    pub(super) fn called(&self) -> String {
        let name = match &self.cell {
            Cell::Field(field) => field.name,
            Cell::Template { name, .. } => name,
        };
        if self.header.is_empty() {
            format!("the column {name}")
        } else {
            format!("the column {:?}", self.header)
        }
    }

    pub(super) fn is_quantity(&self) -> bool {
        matches!(self.cell, Cell::Field(field) if field.name == "quantity")
    }
}
