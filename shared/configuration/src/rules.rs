//! `rules.toml`: how orders are routed. Every key has a default.

use crate::problem::{File, Wrong};
use crate::table::Table;
use crate::values::AMOUNT;
use crate::{table, values, waiting};
use domain::ids::{ChannelId, SupplierId};
use domain::rates::Rates;
use domain::settings::{Allowed, Comparison, CostRules, Limits, Risk, Rules, Split, Unmapped};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeValue;

const PERCENT: &str = "a percentage from \"0%\" to \"100%\"";

/// Ids that rules may name; `None` where their file could not be read and no id can be judged.
pub(crate) struct Known<'a> {
    pub(crate) suppliers: Option<&'a BTreeSet<SupplierId>>,
    pub(crate) channels: Option<&'a BTreeSet<ChannelId>>,
}

pub(crate) fn read(file: &File<'_>, known: &Known<'_>) -> Rules {
    table::parse(file, |mut root| {
        let mut rules = Rules::default();
        if let Some(table) = root.table("routing") {
            routing(table, &mut rules);
        }
        if let Some(table) = root.table("limits") {
            rules.limits = limits(table);
        }
        if let Some(mut risk) = root.table("risk") {
            let hold_tags = risk.optional("hold_tags", "a list of tags", table::texts);
            rules.risk = Risk {
                hold_tags: lower(&hold_tags.unwrap_or_default()),
            };
            risk.finish();
        }
        if let Some(table) = root.table("cost") {
            rules.cost = cost(table);
        }
        if let Some(table) = root.table("rates") {
            rules.rates = rates(table);
        }
        if let Some(mut freshness) = root.table("freshness") {
            if let Some(given) =
                freshness.optional("stock", "hours or days, such as \"72h\" or \"3d\"", age)
            {
                rules.stock_max_age = given;
            }
            freshness.finish();
        }
        if let Some(mut shipping) = root.table("shipping") {
            let expected = "\"hold\" or \"next-supplier\"";
            if let Some(given) = shipping.optional("unmapped", expected, unmapped) {
                rules.unmapped = given;
            }
            shipping.finish();
        }
        if let Some(mut tags) = root.table("tags") {
            if let Some(given) = tags.optional("never_send", "a list of tags", table::texts) {
                rules.never_send_tags = lower(&given);
            }
            tags.finish();
        }
        if let Some(table) = root.table("categories") {
            rules.categories = each_allowed(table, known, |category| Ok(category.to_lowercase()));
        }
        if let Some(table) = root.table("channels") {
            rules.channels = each_allowed(table, known, |channel| known_channel(channel, known));
        }
        if let Some(table) = root.table("release") {
            rules.release = waiting::release(table, known);
        }
        if let Some(table) = root.table("payment") {
            rules.payment = waiting::payment(table, known);
        }
        if let Some(table) = root.table("extras") {
            rules.extras = waiting::extras(table);
        }
        root.finish();
        rules
    })
}

/// The id of a channel of `channels.toml`.
pub(crate) fn known_channel(text: &str, known: &Known<'_>) -> Result<ChannelId, Wrong> {
    let id = ChannelId::parse(text).map_err(|error| Wrong::from(error.to_string()))?;
    match known.channels {
        Some(channels) if !channels.contains(&id) => {
            let known = channels.iter().map(ChannelId::as_str);
            let message = format!("no channel has the id {id}");
            Err(Wrong::none_of(id.as_str(), message, known))
        }
        Some(_) | None => Ok(id),
    }
}

fn routing(mut table: Table<'_>, rules: &mut Rules) {
    let comparisons = "a list of \"region\", \"cost\", \"packages\" and \"priority\"";
    if let Some(order) = table.optional("order", comparisons, order) {
        rules.order = order;
    }
    let expected = "\"allow\", \"prefer-single\" or \"never\"";
    if let Some(given) = table.optional("split", expected, split) {
        rules.split = given;
    }
    if let Some(given) = table.optional("split_lines", "true or false", table::flag) {
        rules.split_lines = given;
    }
    rules.max_packages = table.optional("max_packages", "a whole number from 1", at_least_one);
    table.finish();
}

fn limits(mut table: Table<'_>) -> Limits {
    let limits = Limits {
        order_value: table.optional("max_order_value", AMOUNT, values::amount),
        quantity: table.optional("max_quantity", "a whole number from 1", at_least_one),
        quantity_per_line: table.optional(
            "max_quantity_per_line",
            "a whole number from 1",
            at_least_one,
        ),
        value_per_package: table.optional("max_value_per_package", AMOUNT, values::amount),
    };
    table.finish();
    limits
}

fn cost(mut table: Table<'_>) -> CostRules {
    let cost = CostRules {
        margin_floor: table.optional("margin_floor", PERCENT, values::percent),
        line_margin_floor: table.optional("line_margin_floor", PERCENT, values::percent),
        max_unit: table.optional("max_unit_cost", AMOUNT, values::amount),
        max_order: table.optional("max_order_cost", AMOUNT, values::amount),
    };
    table.finish();
    cost
}

fn rates(mut table: Table<'_>) -> Rates {
    let base = table.required(
        "base",
        "the currency that rates are in, such as \"USD\"",
        values::currency,
    );
    let expected = "what one unit is worth in the base, such as EUR = \"1.08\"";
    let of = table.each(expected, |code, value| {
        let currency = values::currency_of(code)?;
        if Some(currency) == base {
            return Err("the base is worth one of itself".to_owned());
        }
        Ok((currency, values::rate(value)?))
    });
    table.finish();
    Rates {
        base,
        of: of.into_iter().collect(),
    }
}

/// Tables of `suppliers` or `exclude` by something that `parse` reads of their names.
fn each_allowed<T: Ord>(
    mut table: Table<'_>,
    known: &Known<'_>,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> BTreeMap<T, Allowed> {
    let mut found = BTreeMap::new();
    for name in table.keys() {
        let key = parse(&name)
            .map_err(|message| table.problem(&name, message, "an id of channels.toml"))
            .ok();
        let allowed = table.table(&name).and_then(|entry| allowed(entry, known));
        if let Some((key, allowed)) = key.zip(allowed) {
            found.insert(key, allowed);
        }
    }
    table.finish();
    found
}

fn allowed(mut table: Table<'_>, known: &Known<'_>) -> Option<Allowed> {
    let ids = |value: &DeValue<'_>| -> Result<BTreeSet<SupplierId>, Wrong> {
        let ids = table::texts(value)?;
        if ids.is_empty() {
            return Err("an empty list".into());
        }
        ids.into_iter()
            .map(|id| {
                let id = SupplierId::parse(id).map_err(|error| error.to_string())?;
                match known.suppliers {
                    Some(suppliers) if !suppliers.contains(&id) => {
                        let known = suppliers.iter().map(SupplierId::as_str);
                        let message = format!("no supplier has the id {id}");
                        Err(Wrong::none_of(id.as_str(), message, known))
                    }
                    Some(_) | None => Ok(id),
                }
            })
            .collect()
    };
    let expected = "a list of ids of suppliers.toml";
    let only = table.optional("suppliers", expected, ids);
    let except = table.optional("exclude", expected, ids);
    let found = match (only, except) {
        (Some(only), None) => Some(Allowed::Only(only)),
        (None, Some(except)) => Some(Allowed::Except(except)),
        (Some(_), Some(_)) => {
            table.problem(
                "exclude",
                "both lists are given",
                "suppliers, the only ones, or exclude, all others",
            );
            None
        }
        (None, None) => {
            if table.is_empty() {
                table.problem(
                    "suppliers",
                    "missing",
                    "suppliers, the only ones, or exclude, all others",
                );
            }
            None
        }
    };
    table.finish();
    found
}

fn lower(texts: &[String]) -> BTreeSet<String> {
    texts.iter().map(|text| text.to_lowercase()).collect()
}

fn order(value: &DeValue<'_>) -> Result<Vec<Comparison>, Wrong> {
    let mut order = Vec::new();
    for name in table::texts(value)? {
        let all = [
            Comparison::Region,
            Comparison::Cost,
            Comparison::Packages,
            Comparison::Priority,
        ];
        match all.into_iter().find(|known| known.name() == name) {
            Some(known) if order.contains(&known) => {
                return Err(format!("{name:?} twice").into());
            }
            Some(known) => order.push(known),
            None => {
                let message = format!("there is no comparison {name:?}");
                return Err(Wrong::none_of(&name, message, all.map(Comparison::name)));
            }
        }
    }
    Ok(order)
}

fn split(value: &DeValue<'_>) -> Result<Split, Wrong> {
    match table::text(value)?.as_str() {
        "allow" => Ok(Split::Allow),
        "prefer-single" => Ok(Split::PreferSingle),
        "never" => Ok(Split::Never),
        other => Err(Wrong::none_of(
            other,
            format!("there is no split {other:?}"),
            ["allow", "prefer-single", "never"],
        )),
    }
}

fn unmapped(value: &DeValue<'_>) -> Result<Unmapped, Wrong> {
    match table::text(value)?.as_str() {
        "hold" => Ok(Unmapped::Hold),
        "next-supplier" => Ok(Unmapped::NextSupplier),
        other => Err(Wrong::none_of(
            other,
            format!("{other:?} is neither"),
            ["hold", "next-supplier"],
        )),
    }
}

fn at_least_one(value: &DeValue<'_>) -> Result<u32, String> {
    match table::number(value)? {
        0 => Err("0 would hold every order".to_owned()),
        number => Ok(number),
    }
}

fn age(value: &DeValue<'_>) -> Result<SignedDuration, String> {
    let text = table::text(value)?;
    let hours = |number: &str, each: i64| Some(i64::from(number.parse::<u16>().ok()?) * each);
    let hours = match (text.strip_suffix('h'), text.strip_suffix('d')) {
        (Some(number), _) => hours(number, 1),
        (None, Some(number)) => hours(number, 24),
        (None, None) => None,
    };
    match hours {
        Some(hours) if hours > 0 => Ok(SignedDuration::from_hours(hours)),
        _ => Err(format!("{text:?} is not an age")),
    }
}
