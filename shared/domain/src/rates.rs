//! Exchange rates that the merchant gives. Nothing else is ever taken for one: an amount whose
//! currency has no rate stays what it is, and what depends on it is held.

use crate::money::{Currency, Money};
use rust_decimal::{Decimal, RoundingStrategy};
use std::collections::BTreeMap;

/// `base` is the merchant's own currency; `of` says what one unit of another is worth in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates {
    pub base: Option<Currency>,
    pub of: BTreeMap<Currency, Decimal>,
}

impl Rates {
    /// Through the base, rounded once, half to even. `None` without the rates it needs, or where
    /// the amount does not fit.
    pub fn convert(&self, money: Money, to: Currency) -> Option<Money> {
        if money.currency == to {
            return Some(money);
        }
        let (from, into) = (self.rate(money.currency)?, self.rate(to)?);
        let amount = Decimal::new(money.minor, money.currency.exponent())
            .checked_mul(from)?
            .checked_div(into)?
            .checked_mul(Decimal::from(10_i64.pow(to.exponent())))?
            .round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
        Some(Money {
            minor: i64::try_from(amount).ok()?,
            currency: to,
        })
    }

    fn rate(&self, currency: Currency) -> Option<Decimal> {
        if self.base == Some(currency) {
            Some(Decimal::ONE)
        } else {
            self.of.get(&currency).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money::parse(amount, Currency::parse(currency).unwrap()).unwrap()
    }

    fn rates() -> Rates {
        let rate = |currency: &str, rate: &str| {
            (Currency::parse(currency).unwrap(), rate.parse().unwrap())
        };
        Rates {
            base: Some(Currency::parse("USD").unwrap()),
            of: [
                rate("EUR", "1.08"),
                rate("JPY", "0.0065"),
                rate("KWD", "3.25"),
            ]
            .into(),
        }
    }

    #[test]
    fn amounts_are_converted_through_the_base_and_rounded_half_to_even() {
        for (amount, from, to, expected) in [
            ("10.00", "EUR", "USD", "10.80 USD"),
            ("10.80", "USD", "EUR", "10.00 EUR"),
            ("1000", "JPY", "USD", "6.50 USD"),
            ("1.000", "KWD", "EUR", "3.01 EUR"),
            // 0.0325 and 0.0975.
            ("5", "JPY", "USD", "0.03 USD"),
            ("15", "JPY", "USD", "0.10 USD"),
            ("-10.00", "EUR", "USD", "-10.80 USD"),
            ("7.77", "CHF", "CHF", "7.77 CHF"),
        ] {
            let converted = rates().convert(money(amount, from), Currency::parse(to).unwrap());
            assert_eq!(
                converted.map(|money| money.to_string()).as_deref(),
                Some(expected),
                "{amount} {from}"
            );
        }
        // Exactly in the middle: to the even cent.
        let half = Rates {
            base: rates().base,
            of: [(Currency::parse("EUR").unwrap(), "0.5".parse().unwrap())].into(),
        };
        let usd = Currency::parse("USD").unwrap();
        assert_eq!(half.convert(money("0.01", "EUR"), usd).unwrap().minor, 0);
        assert_eq!(half.convert(money("0.03", "EUR"), usd).unwrap().minor, 2);
        assert_eq!(half.convert(money("0.05", "EUR"), usd).unwrap().minor, 2);
    }

    #[test]
    fn what_has_no_rate_is_not_guessed() {
        let usd = Currency::parse("USD").unwrap();
        assert_eq!(rates().convert(money("1.00", "CHF"), usd), None);
        assert_eq!(Rates::default().convert(money("1.00", "EUR"), usd), None);
        let eur = Currency::parse("EUR").unwrap();
        let most = Money {
            minor: i64::MAX,
            currency: eur,
        };
        assert_eq!(rates().convert(most, usd), None);
    }
}
