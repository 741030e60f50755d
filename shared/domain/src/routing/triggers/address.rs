//! The address has every part without which nothing can be shipped, and a country that exists.

use super::super::{Facts, Proposal, Verdict};
use super::{every_line, whole_order};
use crate::address::Country;
use crate::cases::CaseKind;
use crate::order::news::Content;
use crate::order::state::Order;

pub(in crate::routing) fn check(order: &Order, content: &Content, _: &Facts) -> Verdict {
    let needed = content.destination.lacks_essentials().join(", ");
    if !needed.is_empty() {
        // Whatever was released: a parcel without these arrives nowhere.
        return Verdict::Hold(vec![Proposal {
            kind: CaseKind::AddressUnusable,
            cause: format!("{}:{needed}", order.id),
            reason: format!("the address has no {needed}"),
            lines: every_line(content),
            most: None,
            again: false,
        }]);
    }
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
