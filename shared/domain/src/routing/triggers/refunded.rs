//! Units of which a refund leaves open whether they are to be shipped, and lines that were added
//! after everything was refunded.

use super::super::{Facts, Proposal, Verdict};
use crate::cases::CaseKind;
use crate::order::news::{Content, Line};
use crate::order::state::Order;

pub(in crate::routing) fn check(order: &Order, content: &Content, _: &Facts) -> Verdict {
    let lines = content.lines.iter();
    let proposals: Vec<Proposal> = lines
        .flat_map(|line| [unclear(order, line), added(order, line)])
        .flatten()
        .collect();
    if proposals.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Hold(proposals)
    }
}

fn unclear(order: &Order, line: &Line) -> Option<Proposal> {
    let units = order.refund_unclear(&line.id).waiting;
    (units > 0).then(|| Proposal {
        kind: CaseKind::RefundUnclear,
        cause: order.refund_cause(&line.id),
        reason: "refunded, and the channel still counts them as to be shipped".to_owned(),
        lines: vec![line.id.clone()],
        most: Some(units),
        again: false,
    })
}

fn added(order: &Order, line: &Line) -> Option<Proposal> {
    let units = order.line_units(&line.id);
    (units.added_after_refund && units.on_hold() > 0).then(|| Proposal {
        kind: CaseKind::AddedAfterRefund,
        cause: order.line_cause(&line.id),
        reason: "added after everything was refunded, and the order still counts as refunded"
            .to_owned(),
        lines: vec![line.id.clone()],
        most: None,
        again: false,
    })
}
