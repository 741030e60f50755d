//! Amounts of one plan, all in one currency: the merchant's base, or the order's where no base is
//! given.

use crate::money::{Currency, Money};
use crate::order::news::{Content, Line};
use crate::rates::Rates;
use crate::settings::Rules;

#[derive(Debug, Clone, Copy)]
pub(super) struct Ledger<'a> {
    pub(super) currency: Currency,
    rates: &'a Rates,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(content: &Content, rules: &'a Rules) -> Self {
        Self {
            currency: rules.rates.base.unwrap_or(content.currency),
            rates: &rules.rates,
        }
    }

    /// In minor units; `None` without a rate.
    pub(super) fn minor(&self, money: Money) -> Option<i64> {
        Some(self.rates.convert(money, self.currency)?.minor)
    }

    pub(super) fn money(&self, minor: i128) -> Option<Money> {
        Some(Money {
            minor: i64::try_from(minor).ok()?,
            currency: self.currency,
        })
    }

    /// For a reason that a person reads.
    pub(super) fn show(&self, minor: i128) -> String {
        self.money(minor).map_or_else(
            || format!("more {} than can be counted", self.currency),
            |money| money.to_string(),
        )
    }

    /// What so many units cost; rounded once for all of them.
    pub(super) fn times(&self, unit: Money, units: u32) -> Option<i64> {
        let minor = unit.minor.checked_mul(i64::from(units))?;
        self.minor(Money { minor, ..unit })
    }

    /// What the customer pays for so many units of the line: their price, less their part of the
    /// line's discount and of the tax it contains, rounded down.
    pub(super) fn value(&self, line: &Line, units: u32) -> Option<i128> {
        let mut minor = line.price.minor.checked_mul(i64::from(line.quantity))?;
        for less in [line.discount, line.included_tax].into_iter().flatten() {
            if less.currency != line.price.currency {
                return None;
            }
            minor = minor.checked_sub(less.minor)?;
        }
        let whole = self.minor(Money {
            minor,
            ..line.price
        })?;
        let quantity = i128::from(line.quantity.max(1));
        Some((i128::from(whole) * i128::from(units)).div_euclid(quantity))
    }
}
