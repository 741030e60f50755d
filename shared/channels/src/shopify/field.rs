//! A value of a payload that knows where it was found, so that an error names the field and never
//! shows what was in it.

use crate::{address_text, compose};
use domain::ids::InvalidId;
use domain::money::{Currency, Money, MoneyError};
use jiff::Timestamp;
use ports::ParseError;
use serde_json::Value;

pub(super) struct Field<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Field<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    /// Null where there is no such field: Shopify writes either.
    pub(super) fn get(&self, name: &str) -> Field<'a> {
        let dot = if self.path.is_empty() { "" } else { "." };
        Field {
            value: self.value.get(name).unwrap_or(&Value::Null),
            path: format!("{}{dot}{name}", self.path),
        }
    }

    pub(super) fn error(&self, what: &str) -> ParseError {
        let path = if self.path.is_empty() {
            "payload"
        } else {
            &self.path
        };
        let what = if self.is_null() { "missing" } else { what };
        ParseError(format!("{path}: {what}"))
    }

    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    pub(super) fn present(self) -> Option<Self> {
        (!self.is_null()).then_some(self)
    }

    pub(super) fn object(self) -> Result<Self, ParseError> {
        if self.value.is_object() {
            Ok(self)
        } else {
            Err(self.error("not an object"))
        }
    }

    /// The objects of a list; null is the empty list.
    pub(super) fn list(&self) -> Result<Vec<Field<'a>>, ParseError> {
        self.entries()?.map(Field::object).collect()
    }

    /// Whatever a list holds; null is the empty list.
    fn entries(&self) -> Result<impl Iterator<Item = Field<'a>>, ParseError> {
        let list = match self.value {
            Value::Null => &[],
            Value::Array(list) => list.as_slice(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                return Err(self.error("not a list"));
            }
        };
        Ok(list.iter().enumerate().map(|(index, value)| Field {
            value,
            path: format!("{}[{index}]", self.path),
        }))
    }

    /// Trimmed and on one line; empty for null.
    pub(super) fn text(&self) -> Result<String, ParseError> {
        if self.is_null() {
            return Ok(String::new());
        }
        let text = self
            .value
            .as_str()
            .ok_or_else(|| self.error("not a text"))?;
        Ok(clean(text))
    }

    /// Of an address or a SKU: without marks that show nothing.
    pub(super) fn marked(&self) -> Result<String, ParseError> {
        Ok(domain::text::without_marks(&self.text()?))
    }

    /// Of an address: the same, and a letter and its accent as one character, as the encodings of
    /// suppliers' files have it.
    pub(super) fn composed(&self) -> Result<String, ParseError> {
        Ok(address_text(&self.text()?))
    }

    /// Of whatever the shop stored: numbers and lists as they are written, null as nothing.
    pub(super) fn any_text(&self) -> String {
        match self.value {
            Value::Null => String::new(),
            Value::String(text) => compose(&clean(text)),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.value.to_string()
            }
        }
    }

    /// The texts of a list; null is the empty list.
    pub(super) fn texts(&self) -> Result<Vec<String>, ParseError> {
        self.entries()?.map(|entry| entry.text()).collect()
    }

    /// Names and values of a list of both, or of an object; null is none.
    pub(super) fn pairs(&self) -> Result<Vec<(String, Field<'a>)>, ParseError> {
        if let Value::Object(object) = self.value {
            let pairs = object.iter().map(|(name, value)| {
                let path = format!("{}.{name}", self.path);
                (compose(&clean(name)), Field { value, path })
            });
            return Ok(pairs.collect());
        }
        let entries = self.list()?;
        let pairs = entries
            .iter()
            .map(|entry| (entry.get("name").any_text(), entry.get("value")));
        Ok(pairs.collect())
    }

    pub(super) fn flag(&self, default: bool) -> Result<bool, ParseError> {
        if self.is_null() {
            return Ok(default);
        }
        self.value
            .as_bool()
            .ok_or_else(|| self.error("neither true nor false"))
    }

    /// An integer or digits. What JSON wrote as a float was rounded by somebody and is refused.
    fn integer(&self) -> Result<u64, ParseError> {
        let digits =
            |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = match self.value.as_str() {
            Some(text) => Some(text).filter(digits).and_then(|text| text.parse().ok()),
            None => self.value.as_u64(),
        };
        number.ok_or_else(|| self.error("not a whole number from 0 to 18446744073709551615"))
    }

    pub(super) fn id<T>(&self, parse: fn(String) -> Result<T, InvalidId>) -> Result<T, ParseError> {
        parse(self.integer()?.to_string()).map_err(|error| self.error(error.expected))
    }

    pub(super) fn number(&self) -> Result<String, ParseError> {
        Ok(self.integer()?.to_string())
    }

    pub(super) fn quantity(&self) -> Result<u32, ParseError> {
        let number = self
            .value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| self.error("not a quantity from 0 to 4294967295"))
    }

    pub(super) fn time(&self) -> Result<Timestamp, ParseError> {
        let time = self.value.as_str().and_then(|text| text.parse().ok());
        time.ok_or_else(|| self.error("not a time with an offset"))
    }

    pub(super) fn currency(&self) -> Result<Currency, ParseError> {
        let currency = self
            .value
            .as_str()
            .and_then(|text| Currency::parse(text).ok());
        currency.ok_or_else(|| self.error("not a currency of three letters A-Z"))
    }

    /// A text such as `"12.50"`; a float has already lost what it was.
    pub(super) fn money(&self, currency: Currency) -> Result<Money, ParseError> {
        let text = self
            .value
            .as_str()
            .ok_or_else(|| self.error("not an amount in quotes"))?;
        Money::parse(text, currency).map_err(|error| {
            self.error(match error {
                MoneyError::Currency(_) | MoneyError::Decimal(_) => "not a decimal number",
                MoneyError::TooPrecise { .. } => "more decimals than the currency has",
                MoneyError::TooLarge(_) => "too large an amount",
            })
        })
    }
}

/// A line break inside a field becomes a space, other control characters go.
fn clean(text: &str) -> String {
    let text: String = text
        .trim()
        .chars()
        .map(|character| {
            if matches!(character, '\n' | '\r' | '\t') {
                ' '
            } else {
                character
            }
        })
        .filter(|character| !character.is_control())
        .collect();
    text.trim().to_owned()
}
