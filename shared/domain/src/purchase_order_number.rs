//! The purchase order number `CODE-REF-N-C`, which a supplier quotes back to us.
//!
//! C is the check character of ISO 7064 MOD 37,36 over the letters and digits before it, so that a
//! number that a person typed wrongly is not taken for another order's.

use crate::digest::base32_of;
use crate::ids::{ChannelCode, InvalidId, OrderId};
use serde::{Deserialize, Serialize};
use std::fmt;

const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const MODULUS: usize = 36;
const LONGEST_REFERENCE: usize = 20;
const HASHED_REFERENCE: usize = 12;

/// Unique over all orders by a reference row in the commit that plans the purchase order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PurchaseOrderNumber(String);

impl PurchaseOrderNumber {
    /// `reference` is what [`reference()`] gives; `counter` starts at 1 and is never reused in an order.
    pub fn new(code: &ChannelCode, reference: &str, counter: u32) -> Self {
        let body = format!("{code}-{reference}-{counter}");
        let check = check_character(&body);
        Self(format!("{body}-{check}"))
    }

    /// Refuses a number whose check character does not fit.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let upper = text.trim().to_ascii_uppercase();
        let fits = upper.split('-').count() == 4
            && upper
                .split('-')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| ALPHABET.contains(&byte)))
            && upper.rsplit_once('-').is_some_and(|(body, check)| {
                check.len() == 1 && check.starts_with(check_character(body))
            });
        if fits {
            Ok(Self(upper))
        } else {
            Err(InvalidId {
                kind: "purchase order number",
                text: text.to_owned(),
                expected: "CODE-REF-N-C with its check character",
            })
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The channel's own number of the order, reduced to A-Z0-9, or a digest of the order id where that is
/// empty, longer than 20 or `taken` by another order.
pub fn reference(order_number: &str, order: &OrderId, taken: bool) -> String {
    let reduced: String = order_number
        .chars()
        .map(|character| character.to_ascii_uppercase())
        .filter(|character| character.is_ascii_uppercase() || character.is_ascii_digit())
        .collect();
    if taken || reduced.is_empty() || reduced.len() > LONGEST_REFERENCE {
        base32_of(&order.to_string(), HASHED_REFERENCE)
    } else {
        reduced
    }
}

fn check_character(body: &str) -> char {
    let mut product = MODULUS;
    for byte in body.bytes() {
        let Some(value) = ALPHABET.iter().position(|&letter| letter == byte) else {
            continue;
        };
        let sum = (product + value) % MODULUS;
        product = (if sum == 0 { MODULUS } else { sum } * 2) % (MODULUS + 1);
    }
    let check = (MODULUS + 1 - product) % MODULUS;
    char::from(ALPHABET.get(check).copied().unwrap_or(b'0'))
}

impl TryFrom<String> for PurchaseOrderNumber {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<PurchaseOrderNumber> for String {
    fn from(number: PurchaseOrderNumber) -> String {
        number.0
    }
}

impl fmt::Display for PurchaseOrderNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for PurchaseOrderNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn check_character_is_that_of_the_standard() {
        // The example of ISO 7064 as the Global Release Identifier uses it.
        assert_eq!(check_character("A12425GABC1234002"), 'M');
    }

    #[test]
    fn long_and_taken_references_become_digests() {
        let order = OrderId::parse("acme/820982911946154508").unwrap();
        assert_eq!(reference("1001", &order, false), "1001");
        assert_eq!(reference("#en-77", &order, false), "EN77");
        assert_eq!(reference("1001", &order, true).len(), 12);
        assert_eq!(reference("123456789012345678901", &order, false).len(), 12);
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_refused(counter in 1_u32..9999, at in 0_usize..12, to in "[A-Z0-9]") {
            let code = ChannelCode::parse("SH1").unwrap();
            let number = PurchaseOrderNumber::new(&code, "1001", counter);
            prop_assert_eq!(&PurchaseOrderNumber::parse(number.as_str()).unwrap(), &number);
            let mut text: Vec<char> = number.as_str().chars().collect();
            let at = at % text.len();
            let to = to.chars().next().unwrap();
            if text[at] != '-' && text[at] != to {
                text[at] = to;
                prop_assert!(PurchaseOrderNumber::parse(&text.into_iter().collect::<String>()).is_err());
            }
        }
    }
}
