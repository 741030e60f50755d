//! The address has every part without which nothing can be shipped, and a country that exists.

use super::super::{Facts, Verdict};
use super::whole_order;
use crate::address::Country;
use crate::order::Order;
use crate::order::attention::CaseKind;
use crate::order::news::Content;

pub(in crate::routing) fn check(order: &Order, content: &Content, _: &Facts) -> Verdict {
    let missing = &content.destination.missing;
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let cause = format!("{}:{missing}", order.id);
        let verdict = whole_order(
            order,
            content,
            CaseKind::AddressIncomplete,
            cause,
            format!("the address has no {missing}"),
        );
        if verdict != Verdict::Pass {
            return verdict;
        }
    }
    match &content.destination.country {
        Country::Known(_) => Verdict::Pass,
        Country::Unknown(raw) => whole_order(
            order,
            content,
            CaseKind::UnknownCountry,
            raw.clone(),
            format!("{raw:?} is no country of ISO 3166-1"),
        ),
    }
}
