//! Amounts in minor units with their currency. Decimals are parsed at the edge; nothing here is a
//! float.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not an amount of that currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("{0:?} is not a currency: three letters A-Z")]
    Currency(String),
    #[error("{0:?} is not a decimal number")]
    Decimal(String),
    #[error("{amount:?} has more decimals than {currency} allows")]
    TooPrecise { amount: String, currency: Currency },
    #[error("{0:?} is too large")]
    TooLarge(String),
}

/// An ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        match text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|byte| byte.is_ascii_uppercase()) => {
                Ok(Self([*a, *b, *c]))
            }
            _ => Err(MoneyError::Currency(text.to_owned())),
        }
    }

    /// Decimals of the minor unit, after ISO 4217 list one; two where the list has no exception.
    pub fn exponent(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(std::str::from_utf8(&self.0).unwrap_or("???"))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// An amount in the currency's minor unit (cents for USD, yen for JPY).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    /// `amount` as channels write it: `"12.50"`. More decimals than the currency has are refused
    /// unless they are zeros.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let decimal = Decimal::from_str_exact(amount.trim())
            .map_err(|_| MoneyError::Decimal(amount.to_owned()))?;
        let scaled = Decimal::from(10_i64.pow(currency.exponent()))
            .checked_mul(decimal)
            .ok_or_else(|| MoneyError::TooLarge(amount.to_owned()))?;
        if !scaled.fract().is_zero() {
            return Err(MoneyError::TooPrecise {
                amount: amount.to_owned(),
                currency,
            });
        }
        let minor = i64::try_from(scaled.trunc().mantissa() / 10_i128.pow(scaled.trunc().scale()))
            .map_err(|_| MoneyError::TooLarge(amount.to_owned()))?;
        Ok(Self { minor, currency })
    }

    /// The amount alone: `12.50`.
    pub fn decimal(self) -> String {
        Decimal::new(self.minor, self.currency.exponent()).to_string()
    }

    /// `None` where the currencies differ or the sum does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        (self.currency == other.currency).then_some(())?;
        Some(Self {
            minor: self.minor.checked_add(other.minor)?,
            currency: self.currency,
        })
    }
}

/// Hundredths of a percent, so that rules compare whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BasisPoints(pub i64);

impl BasisPoints {
    /// What part of `whole` the `part` is, rounded down; `None` of nothing.
    pub fn of(part: i128, whole: i128) -> Option<Self> {
        if whole <= 0 {
            return None;
        }
        let scaled = part.checked_mul(10_000)?.div_euclid(whole);
        i64::try_from(scaled).ok().map(Self)
    }
}

impl fmt::Display for BasisPoints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", Decimal::new(self.0, 2).normalize())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_the_currency() {
        let parse = |amount, code| Money::parse(amount, Currency::parse(code).unwrap());
        assert_eq!(parse("12.50", "USD").unwrap().minor, 1250);
        assert_eq!(parse("0.1", "USD").unwrap().to_string(), "0.10 USD");
        assert_eq!(parse("1200", "JPY").unwrap().minor, 1200);
        assert_eq!(parse("1200.00", "JPY").unwrap().to_string(), "1200 JPY");
        assert_eq!(parse("1.234", "KWD").unwrap().minor, 1234);
        assert_eq!(
            parse("90071992547409.93", "USD").unwrap().minor,
            9_007_199_254_740_993
        );
        assert!(matches!(
            parse("1.234", "USD"),
            Err(MoneyError::TooPrecise { .. })
        ));
        assert!(matches!(parse("1e3", "USD"), Err(MoneyError::Decimal(_))));
        assert!(matches!(parse("", "USD"), Err(MoneyError::Decimal(_))));
        assert!(matches!(
            parse("99999999999999999999", "USD"),
            Err(MoneyError::TooLarge(_))
        ));
    }
}
