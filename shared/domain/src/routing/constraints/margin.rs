//! Enough is left of what the customer pays for these articles when the landed cost is paid.
//! Shipping that the customer pays is not counted.

use super::Grouping;
use crate::cases::CaseKind;
use crate::money::BasisPoints;
use crate::routing::violation::Violation;

pub(in crate::routing) fn check(grouping: &Grouping) -> Option<Violation> {
    let floor = grouping.rules.cost.margin_floor?;
    let Some(value) = grouping.value() else {
        let currency = grouping.order.news.latest.as_ref()?.content.currency;
        return Some(grouping.no_rate(currency));
    };
    let Some(landed) = grouping.landed() else {
        return Some(grouping.cost_unknown());
    };
    let margin = BasisPoints::of(value - landed, value);
    if margin.is_some_and(|margin| margin >= floor) || (value <= 0 && landed <= 0) {
        return None;
    }
    let (value, landed) = (grouping.ledger.show(value), grouping.ledger.show(landed));
    let margin = margin.map_or_else(
        || "no margin".to_owned(),
        |margin| format!("margin {margin}"),
    );
    Some(Violation {
        kind: CaseKind::MarginTooLow,
        cause: grouping.cause(&format!("{landed} of {value}")),
        reason: format!(
            "it would cost {landed} and brings {value}, {margin}, and margin_floor is {floor}"
        ),
        again: false,
    })
}
