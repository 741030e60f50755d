//! What only shows when all files are seen together: currencies that cannot be compared, suppliers
//! that nothing reaches, offers that are never chosen.

mod spend_limits;

use crate::OFFERS;
use crate::problem::Problem;
use crate::sources::{Section, Sources};
use domain::catalogue::{CatalogueRow, Offer};
use domain::ids::SupplierId;
use domain::money::{Currency, Money};
use domain::region::Region;
use domain::settings::terms::Terms;
use domain::settings::{Rules, Settings, SupplierSettings};
use std::collections::BTreeMap;

/// `catalogue` with the lines of its rows.
pub(crate) fn advice(
    settings: &Settings,
    catalogue: &[(usize, CatalogueRow)],
    sources: &Sources,
) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for supplier in settings.suppliers.values() {
        let offers = catalogue
            .iter()
            .filter(|(_, row)| row.offer.supplier == supplier.id && !row.offer.not_dropshipped);
        let offers: Vec<(usize, &Offer)> = offers.map(|(line, row)| (*line, &row.offer)).collect();
        if let Some(warning) = unreachable(supplier, &offers, settings, sources) {
            warnings.push(warning);
            continue;
        }
        for (line, offer) in offers {
            if let Some((column, why, expected)) = never(offer, supplier, &settings.rules) {
                let message = format!("{} of {} is never chosen: {why}", offer.sku, offer.supplier);
                warnings.push(row(line, column, message).expecting(expected));
            }
        }
    }
    // Such orders are held one by one: no reason to refuse everything else.
    warnings.extend(currencies(settings, catalogue, sources));
    warnings.extend(spend_limits::advice(settings, catalogue, sources));
    warnings
}

fn row(line: usize, column: &str, message: impl Into<String>) -> Problem {
    Problem {
        file: OFFERS.to_owned(),
        line: Some(line),
        key: Some(column.to_owned()),
        message: message.into(),
        expected: None,
        near: None,
    }
}

/// Why no purchase order ever goes to a supplier.
fn unreachable(
    supplier: &SupplierSettings,
    offers: &[(usize, &Offer)],
    settings: &Settings,
    sources: &Sources,
) -> Option<Problem> {
    let (id, terms, rules) = (&supplier.id, &supplier.terms, &settings.rules);
    let at = |path: &str, message: String, expected: &str| {
        let problem = sources.problem(Section::Supplier(id), path, None, message);
        Some(problem.expecting(expected))
    };
    if terms.paused {
        let message = format!("nothing new goes to {id} while it is paused");
        return at("paused", message, "paused = false, once it may ship again");
    }
    if offers.is_empty() {
        let message = format!("no row of offers.csv offers anything of {id}");
        return at("id", message, "rows that name it as their supplier");
    }
    if !terms.countries.is_empty()
        && terms
            .countries
            .iter()
            .all(|own| covered(own, &terms.exclude))
    {
        let message = format!("{id} ships nowhere: each of its countries is excluded");
        return at("exclude", message, "only what is within its countries");
    }
    let shut_out = !settings.channels.is_empty()
        && settings.channels.keys().all(|channel| {
            let allowed = rules.channels.get(channel);
            allowed.is_some_and(|allowed| !allowed.allows(id))
        });
    if shut_out {
        let message = format!("no channel lets {id} ship: rules.toml keeps it out of each of them");
        return at("id", message, "a table of [channels] that lets it through");
    }
    let mut reasons = offers
        .iter()
        .map(|(_, offer)| never(offer, supplier, rules).map(|(_, why, _)| why));
    let first = reasons.next().flatten()?;
    if offers.len() > 1 && reasons.all(|reason| reason.is_some()) {
        let message = format!(
            "none of the {} offers of {id} is ever chosen: {first}",
            offers.len()
        );
        return at("id", message, "an offer that can be chosen");
    }
    None
}

/// The column that shows why an offer is never chosen, why, and what would let it be.
fn never(
    offer: &Offer,
    supplier: &SupplierSettings,
    rules: &Rules,
) -> Option<(&'static str, String, &'static str)> {
    let category = offer.category.as_deref();
    let allowed = category.and_then(|category| rules.categories.get(&category.to_lowercase()));
    if let Some((category, allowed)) = category.zip(allowed)
        && !allowed.allows(&supplier.id)
    {
        let why = format!("rules.toml keeps articles of {category} from it");
        return Some((
            "category",
            why,
            "a table of [categories] that lets it through",
        ));
    }
    let reached = |region: &Region| ships_to(&supplier.terms, region);
    if !offer.countries.is_empty() && !offer.countries.iter().any(reached) {
        let why = "the supplier ships to none of its countries".to_owned();
        return Some(("countries", why, "a country that the supplier ships to"));
    }
    let cost = &rules.cost;
    match (offer.cost, cost.max_unit) {
        (None, _) if cost.max_unit.is_some() || cost.line_margin_floor.is_some() => {
            let why = "it has no cost, and a rule of [cost] needs one".to_owned();
            Some(("cost", why, "what one unit costs"))
        }
        (Some(own), Some(most)) if dearer(own, most, rules) => {
            let why = format!("it costs {own}, and max_unit_cost is {most}");
            Some((
                "cost",
                why,
                "a lower cost, or a higher max_unit_cost in rules.toml",
            ))
        }
        (Some(_) | None, _) => None,
    }
}

fn dearer(cost: Money, most: Money, rules: &Rules) -> bool {
    let converted = rules.rates.convert(cost, most.currency);
    converted.is_some_and(|converted| converted.minor > most.minor)
}

/// Whether any destination in the region may be one that the supplier ships to.
fn ships_to(terms: &Terms, region: &Region) -> bool {
    let meets = |own: &Region| {
        own.country == region.country
            && (own.subdivision.is_none()
                || region.subdivision.is_none()
                || own.subdivision == region.subdivision)
    };
    let served = terms.countries.is_empty() || terms.countries.iter().any(meets);
    served && !covered(region, &terms.exclude)
}

/// Whether the others hold the whole region.
fn covered(region: &Region, others: &[Region]) -> bool {
    others.iter().any(|other| {
        other.country == region.country
            && (other.subdivision.is_none() || other.subdivision == region.subdivision)
    })
}

/// An amount that is compared with others, and where it is written.
struct Charge<'a> {
    money: Money,
    what: String,
    at: At<'a>,
}

enum At<'a> {
    Row(usize),
    Supplier(&'a SupplierId, String),
    Rule(&'static str),
}

/// Each currency that has no rate to the others, where it is first written.
fn currencies(
    settings: &Settings,
    catalogue: &[(usize, CatalogueRow)],
    sources: &Sources,
) -> Vec<Problem> {
    let rules = &settings.rules;
    let charges = charges(settings, catalogue);
    let mut counts: BTreeMap<Currency, usize> = BTreeMap::new();
    for charge in &charges {
        *counts.entry(charge.money.currency).or_default() += 1;
    }
    // Without a base, that in which most is written.
    let most = counts.iter().max_by_key(|(_, count)| **count);
    let Some(base) = rules.rates.base.or(most.map(|(currency, _)| *currency)) else {
        return Vec::new();
    };
    let mut told = Vec::new();
    let mut problems = Vec::new();
    for charge in &charges {
        let currency = charge.money.currency;
        let known = currency == base || rules.rates.of.contains_key(&currency);
        if known || told.contains(&currency) {
            continue;
        }
        told.push(currency);
        let message = format!(
            "{} is in {currency}, and there is no rate to compare it with {base}: orders would be held",
            charge.what
        );
        let expected = match rules.rates.base {
            Some(base) => format!("{currency} = \"...\" in [rates] of rules.toml, in {base}"),
            None => {
                format!("[rates] in rules.toml with base = \"{base}\" and {currency} = \"...\"")
            }
        };
        let problem = match &charge.at {
            At::Row(line) => row(*line, "currency", message),
            At::Supplier(id, path) => sources.problem(Section::Supplier(id), path, None, message),
            At::Rule(path) => sources.problem(Section::Rules, path, None, message),
        };
        problems.push(problem.expecting(expected));
    }
    problems
}

fn charges<'a>(settings: &'a Settings, catalogue: &[(usize, CatalogueRow)]) -> Vec<Charge<'a>> {
    let rules = &settings.rules;
    let matters = rules.cost_matters();
    let mut charges = Vec::new();
    for (line, row) in catalogue {
        let offer = &row.offer;
        let minimum = settings
            .suppliers
            .get(&offer.supplier)
            .is_some_and(|supplier| supplier.terms.minimum_order.is_some());
        if let Some(money) = offer.cost
            && (matters || minimum)
            && !offer.not_dropshipped
        {
            charges.push(Charge {
                money,
                what: format!("the cost of {}", offer.sku),
                at: At::Row(*line),
            });
        }
    }
    for supplier in settings.suppliers.values() {
        let terms = &supplier.terms;
        let mut add = |money: Option<Money>, what: &str, path: String| {
            charges.extend(money.map(|money| Charge {
                money,
                what: what.to_owned(),
                at: At::Supplier(&supplier.id, path),
            }));
        };
        let path = "minimum_order";
        add(terms.minimum_order, "the minimum order", path.to_owned());
        if matters {
            add(terms.fee, "the fee", "fee".to_owned());
            for (index, row) in terms.shipping_cost.iter().enumerate() {
                let path = format!("shipping_cost[{index}].amount");
                add(Some(row.amount), "the shipping cost", path);
            }
        }
    }
    let limits = [
        ("cost.max_unit_cost", rules.cost.max_unit),
        ("cost.max_order_cost", rules.cost.max_order),
    ];
    for (path, money) in limits {
        charges.extend(money.map(|money| Charge {
            money,
            what: "this ceiling".to_owned(),
            at: At::Rule(path),
        }));
    }
    charges
}
