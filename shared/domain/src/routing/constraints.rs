//! What a grouping of all lines must satisfy; one file each.

pub(super) mod landed_cost;
pub(super) mod margin;
pub(super) mod minimum_order;
pub(super) mod package_value;
pub(super) mod packages;
pub(super) mod spend_limit;

use super::ledger::Ledger;
use super::source::Source;
use crate::cases::CaseKind;
use crate::money::Money;
use crate::order::state::Order;
use crate::routing::violation::Violation;
use crate::settings::Rules;

/// Lines over suppliers, and what it would cost.
pub(super) struct Grouping<'a> {
    pub(super) order: &'a Order,
    pub(super) rules: &'a Rules,
    pub(super) ledger: Ledger<'a>,
    pub(super) sources: &'a [Source<'a>],
    pub(super) packages: &'a [Package],
    /// Purchase orders may wait for a day on which their supplier's spend limit has room.
    pub(super) waits: bool,
}

/// What one supplier would ship. Amounts are in the ledger's currency, none where not known.
#[derive(Debug, Clone)]
pub(super) struct Package {
    /// Place among the sources.
    pub(super) source: usize,
    pub(super) items: Option<i128>,
    pub(super) fee: Option<i128>,
    pub(super) shipping: Option<i128>,
    /// What the customer pays for its articles.
    pub(super) value: Option<i128>,
    /// Items and fee in the currency of its supplier's spend limit.
    pub(super) spends: Option<i64>,
}

impl Package {
    pub(super) fn landed(&self) -> Option<i128> {
        self.items?
            .checked_add(self.fee?)?
            .checked_add(self.shipping?)
    }
}

impl Grouping<'_> {
    /// Items, fees and shipping of all packages.
    pub(super) fn landed(&self) -> Option<i128> {
        self.packages.iter().map(Package::landed).sum()
    }

    pub(super) fn value(&self) -> Option<i128> {
        self.packages.iter().map(|package| package.value).sum()
    }

    fn supplier(&self, package: &Package) -> &str {
        self.sources
            .get(package.source)
            .map_or("?", |source| source.settings.id.as_str())
    }

    /// The limit in the ledger's currency, or why it cannot be compared.
    fn limit(&self, limit: Money) -> Result<i128, Violation> {
        match self.ledger.minor(limit) {
            Some(minor) => Ok(i128::from(minor)),
            None => Err(self.no_rate(limit.currency)),
        }
    }

    fn no_rate(&self, currency: crate::money::Currency) -> Violation {
        Violation {
            kind: CaseKind::CurrencyWithoutRate,
            cause: currency.to_string(),
            reason: format!(
                "{currency} has no rate to {}, so that the rule cannot be judged",
                self.ledger.currency
            ),
            again: false,
        }
    }

    fn cost_unknown(&self) -> Violation {
        let unknown = self
            .packages
            .iter()
            .find(|package| package.landed().is_none());
        let (supplier, what) = unknown.map_or(("?", "cost"), |package| {
            let what = if package.items.is_none() {
                "cost of the articles"
            } else if package.shipping.is_none() {
                "cost of shipping"
            } else {
                "fee"
            };
            (self.supplier(package), what)
        });
        Violation {
            kind: CaseKind::CostUnknown,
            cause: supplier.to_owned(),
            reason: format!("{supplier}'s {what} is not known, so that the rule cannot be judged"),
            again: false,
        }
    }

    /// A cause that is released for this order at this figure and no worse one.
    fn cause(&self, figure: &str) -> String {
        format!("{}:{figure}", self.order.id)
    }
}
