//! `suppliers.toml`: who ships, and how they are told.

use crate::problem::{File, Problem};
use crate::sources::{Section, Sources};
use crate::table::Table;
use crate::{table, templates, terms, values};
use domain::ids::SupplierId;
use domain::money::Currency;
use domain::settings::SupplierSettings;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeValue;

#[derive(Default)]
pub(crate) struct Suppliers {
    pub(crate) settings: BTreeMap<SupplierId, SupplierSettings>,
    /// Ids of all, of those with problems too; `None` where the file could not be read at all and
    /// an offer's supplier cannot be judged.
    pub(crate) known: Option<BTreeSet<SupplierId>>,
    /// What a supplier charges in where a row of offers.csv does not say.
    pub(crate) currencies: BTreeMap<SupplierId, Currency>,
}

/// `files` are those of the whole folder, where templates may lie.
pub(crate) fn read(
    file: &File<'_>,
    files: &BTreeMap<String, Vec<u8>>,
    sources: &Sources,
) -> Suppliers {
    table::parse(file, |mut root| {
        let mut settings = BTreeMap::new();
        let mut known = BTreeSet::new();
        let mut currencies = BTreeMap::new();
        let read = |specific: &mut Value, id: Option<&SupplierId>, method: &str| {
            let Err((path, wrong)) = templates::inline(specific, files) else {
                return;
            };
            let path = format!("{method}.{path}");
            let at = id.map(|id| sources.problem(Section::Supplier(id), &path, None, ""));
            if let Some(at) = at {
                let expected = "a file such as \"north.html\" beside this one";
                file.add(Problem {
                    message: wrong.message,
                    near: wrong.near,
                    ..at.expecting(expected)
                });
            }
        };
        for table in root.tables("supplier") {
            if let Some((supplier, currency)) = supplier(table, &mut known, &read) {
                currencies.extend(currency.map(|currency| (supplier.id.clone(), currency)));
                settings.insert(supplier.id.clone(), supplier);
            }
        }
        root.finish();
        Suppliers {
            settings,
            known: Some(known),
            currencies,
        }
    })
}

fn supplier(
    mut table: Table<'_>,
    known: &mut BTreeSet<SupplierId>,
    put_templates_in: &dyn Fn(&mut Value, Option<&SupplierId>, &str),
) -> Option<(SupplierSettings, Option<Currency>)> {
    let id = table.required(
        "id",
        "1 to 40 of a-z, 0-9 and -",
        table::id(SupplierId::parse),
    );
    if let Some(id) = &id
        && !known.insert(id.clone())
    {
        table.problem(
            "id",
            format!("{id} is another supplier's id"),
            "an id of its own",
        );
    }
    let name = table.required("name", "the supplier's name", table::text);
    let contact = table.optional(
        "contact",
        "whom to call, such as a phone number",
        table::text,
    );
    let method = table.required("method", "\"mail\", \"csv\" or \"http\"", table::text);
    let priority = table
        .optional(
            "priority",
            "a whole number, the lower goes first",
            table::number,
        )
        .unwrap_or(10);
    let po_box = table
        .optional("po_box", "true or false", table::flag)
        .unwrap_or(true);
    let military = table
        .optional("military", "true or false", table::flag)
        .unwrap_or(true);
    let concurrency = table
        .optional("concurrency", "a whole number from 1", concurrency)
        .unwrap_or(4);
    let currency = table.optional(
        "currency",
        "three letters A-Z, such as \"EUR\"",
        values::currency,
    );
    let terms = terms::read(&mut table);
    let specific = method.as_ref().map(|method| {
        let mut specific = table.specific("method", method);
        put_templates_in(&mut specific, id.as_ref(), method);
        specific
    });
    let batched = specific
        .as_ref()
        .is_some_and(|own| own.get("batch").is_some());
    let cut_offs = terms
        .calendar
        .as_ref()
        .map(|calendar| !calendar.cut_offs.is_empty());
    let has_cut_offs = cut_offs == Some(true);
    // Cut-offs that cannot be read are a problem of their own.
    let unreadable = table.is_written("calendar.cut_offs")
        || (terms.calendar.is_none() && table.is_written("calendar"));
    if batched && !has_cut_offs && !unreadable {
        let method = method.as_deref().unwrap_or_default();
        let message = "a batch is closed at a cut-off, and the supplier's calendar has none";
        let expected = "cut_offs = [\"16:00\"] in [supplier.calendar], or no batch";
        table.problem(&format!("{method}.batch"), message, expected);
    }
    if has_cut_offs && specific.is_some() && !batched {
        let message = "nothing is gathered for a cut-off: without a batch each purchase order goes \
                       at once";
        let expected = "[supplier.csv.batch], or no cut_offs";
        table.warning("calendar.cut_offs", message, expected);
    }
    // Without the method nobody can say which table is its own.
    if specific.is_some() {
        table.finish();
    }
    let settings = SupplierSettings {
        id: id?,
        name: name?,
        contact,
        method: method?,
        priority,
        po_box,
        military,
        concurrency,
        terms,
        batched,
        specific: specific?,
    };
    Some((settings, currency))
}

fn concurrency(value: &DeValue<'_>) -> Result<usize, String> {
    match table::number(value)? {
        0 => Err("0 would never send".to_owned()),
        number => usize::try_from(number).map_err(|_| "too large".to_owned()),
    }
}
