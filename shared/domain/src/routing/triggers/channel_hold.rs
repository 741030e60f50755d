//! Units that the channel keeps from being shipped wait until it lets them go, whatever time passes:
//! a hold for fraud, an offer after the purchase, or a presale must not end by our clock. The other
//! units go on.

use super::super::{Facts, Verdict, Waiting};
use crate::ids::LineId;
use crate::order::news::Content;
use crate::order::state::{Order, WaitKind};
use std::collections::BTreeMap;

pub(in crate::routing) fn check(order: &Order, content: &Content, facts: &Facts) -> Verdict {
    let units: BTreeMap<LineId, u32> = content
        .lines
        .iter()
        .filter(|line| !order.line_units(&line.id).added_after_refund)
        .map(|line| (line.id.clone(), order.on_hold(&line.id).waiting))
        .filter(|(_, units)| *units > 0)
        .collect();
    if units.is_empty() {
        return Verdict::Pass;
    }
    let rules = facts.settings.rules.release.of(&order.id.channel);
    Verdict::Wait(Waiting {
        kind: WaitKind::Channel,
        why: format!("{}, which has put them on hold", order.id.channel),
        units: Some(units),
        since: None,
        case_after: rules.hold_case_after,
    })
}
