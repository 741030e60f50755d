//! A supplier takes no purchase order whose articles cost less than its minimum.

use super::Grouping;
use crate::cases::CaseKind;
use crate::routing::violation::Violation;

pub(in crate::routing) fn check(grouping: &Grouping) -> Option<Violation> {
    grouping.packages.iter().find_map(|package| {
        let terms = &grouping.sources.get(package.source)?.settings.terms;
        let configured = terms.minimum_order?;
        let minimum = match grouping.limit(configured) {
            Ok(minimum) => minimum,
            Err(violation) => return Some(violation),
        };
        let Some(items) = package.items else {
            return Some(grouping.cost_unknown());
        };
        (items < minimum).then(|| Violation {
            kind: CaseKind::BelowMinimumOrder,
            cause: grouping.cause(&grouping.ledger.show(items)),
            reason: format!(
                "{}'s articles cost {}, and its minimum_order is {configured}",
                grouping.supplier(package),
                grouping.ledger.show(items)
            ),
            again: false,
        })
    })
}
