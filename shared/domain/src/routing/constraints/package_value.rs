//! No package worth more than the merchant trusts to one parcel.

use super::Grouping;
use crate::cases::CaseKind;
use crate::routing::violation::Violation;

pub(in crate::routing) fn check(grouping: &Grouping) -> Option<Violation> {
    let configured = grouping.rules.limits.value_per_package?;
    let limit = match grouping.limit(configured) {
        Ok(limit) => limit,
        Err(violation) => return Some(violation),
    };
    grouping.packages.iter().find_map(|package| {
        let Some(value) = package.value else {
            let currency = grouping.order.news.latest.as_ref()?.content.currency;
            return Some(grouping.no_rate(currency));
        };
        (value > limit).then(|| Violation {
            kind: CaseKind::PackageTooValuable,
            cause: grouping.cause(&grouping.ledger.show(value)),
            reason: format!(
                "{}'s package would be worth {}, and max_value_per_package is {configured}",
                grouping.supplier(package),
                grouping.ledger.show(value)
            ),
            again: false,
        })
    })
}
