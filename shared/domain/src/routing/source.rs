//! A supplier as the source of units for one destination: its charges in the plan's currency.

use super::budget::Budget;
use super::ledger::Ledger;
use crate::address::Destination;
use crate::settings::SupplierSettings;

#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) settings: &'a SupplierSettings,
    pub(super) preferred: bool,
    pub(super) fee: Option<i128>,
    /// Where it has a spend limit.
    pub(super) budget: Option<Budget<'a>>,
    /// Most units and the amount; absent where shipping costs nothing more.
    shipping: Option<Vec<(Option<u32>, Option<i128>)>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        settings: &'a SupplierSettings,
        destination: &Destination,
        ledger: Ledger,
        budget: Option<Budget<'a>>,
    ) -> Self {
        let terms = &settings.terms;
        let rows = terms
            .shipping_cost
            .iter()
            .filter(|row| row.is_for(destination))
            .map(|row| (row.up_to, ledger.minor(row.amount).map(i128::from)));
        Self {
            settings,
            budget,
            preferred: terms.prefers(destination),
            fee: match terms.fee {
                Some(fee) => ledger.minor(fee).map(i128::from),
                None => Some(0),
            },
            shipping: (!terms.shipping_cost.is_empty()).then(|| rows.collect()),
        }
    }

    /// `None` where no row is for so many units.
    pub(super) fn shipping(&self, units: u64) -> Option<i128> {
        let Some(rows) = &self.shipping else {
            return Some(0);
        };
        let row = rows
            .iter()
            .find(|(up_to, _)| up_to.is_none_or(|most| units <= u64::from(most)));
        row.and_then(|(_, amount)| *amount)
    }

    /// Fee and shipping of a purchase order cannot be less.
    pub(super) fn least(&self) -> i128 {
        let rows = self.shipping.iter().flatten();
        let shipping = rows.filter_map(|(_, amount)| *amount).min().unwrap_or(0);
        self.fee.unwrap_or(0) + shipping
    }
}
