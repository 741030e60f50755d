//! An order may not cost more than the merchant's ceiling, fees and shipping included.

use super::Grouping;
use crate::cases::CaseKind;
use crate::routing::violation::Violation;

pub(in crate::routing) fn check(grouping: &Grouping) -> Option<Violation> {
    let configured = grouping.rules.cost.max_order?;
    let most = match grouping.limit(configured) {
        Ok(most) => most,
        Err(violation) => return Some(violation),
    };
    let Some(landed) = grouping.landed() else {
        return Some(grouping.cost_unknown());
    };
    (landed > most).then(|| {
        let landed = grouping.ledger.show(landed);
        Violation {
            kind: CaseKind::CostTooHigh,
            cause: grouping.cause(&landed),
            reason: format!("it would cost {landed}, and max_order_cost is {configured}"),
            again: false,
        }
    })
}
