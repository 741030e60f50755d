//! Spend limits that cannot be judged, or that nothing fits in.

use crate::problem::Problem;
use crate::sources::{Section, Sources};
use domain::catalogue::CatalogueRow;
use domain::money::Money;
use domain::settings::{Settings, SupplierSettings};

/// One warning a supplier at most: the first is the one to mend first.
pub(super) fn advice(
    settings: &Settings,
    catalogue: &[(usize, CatalogueRow)],
    sources: &Sources,
) -> Vec<Problem> {
    let suppliers = settings.suppliers.values();
    suppliers
        .filter_map(|supplier| {
            let limit = supplier.terms.spend_limit_per_day?;
            let (message, expected) = unrated(supplier, limit, settings, catalogue)
                .or_else(|| too_low(supplier, limit, settings))?;
            let section = Section::Supplier(&supplier.id);
            let problem = sources.problem(section, "spend_limit_per_day", None, message);
            Some(problem.expecting(&expected))
        })
        .collect()
}

/// What the supplier charges is in a currency that the limit cannot be compared with.
fn unrated(
    supplier: &SupplierSettings,
    limit: Money,
    settings: &Settings,
    catalogue: &[(usize, CatalogueRow)],
) -> Option<(String, String)> {
    let rates = &settings.rules.rates;
    let costs = catalogue.iter().filter_map(|(_, row)| {
        let offer = &row.offer;
        let own = offer.supplier == supplier.id && !offer.not_dropshipped;
        let cost = offer.cost.filter(|_| own)?;
        Some((format!("the cost of {}", offer.sku), cost))
    });
    let fee = supplier.terms.fee.map(|fee| ("its fee".to_owned(), fee));
    let mut charges = fee.into_iter().chain(costs);
    let (what, money) =
        charges.find(|(_, money)| rates.convert(*money, limit.currency).is_none())?;
    let (from, to) = (money.currency, limit.currency);
    Some((
        format!(
            "{what} is in {from}, and there is no rate to compare it with this limit in {to}: orders would be held"
        ),
        format!("a limit in {from}, or rates for {from} and {to} in [rates] of rules.toml"),
    ))
}

/// Not even the smallest purchase order fits.
fn too_low(
    supplier: &SupplierSettings,
    limit: Money,
    settings: &Settings,
) -> Option<(String, String)> {
    let minor = |money: Option<Money>| match money {
        Some(money) => {
            let rates = &settings.rules.rates;
            Some(rates.convert(money, limit.currency)?.minor)
        }
        None => Some(0),
    };
    let least = minor(supplier.terms.minimum_order)?.checked_add(minor(supplier.terms.fee)?)?;
    let shown = Money {
        minor: least,
        currency: limit.currency,
    };
    (least > limit.minor).then(|| {
        (
            format!(
                "minimum_order and fee come to {shown}, which is more: every purchase order would wait for a person"
            ),
            format!("at least {shown}, and as much as a day may cost"),
        )
    })
}
