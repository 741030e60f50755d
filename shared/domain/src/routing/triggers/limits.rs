//! Value and quantities within what the merchant lets through unseen.

use super::super::{Facts, Proposal, Verdict};
use super::{every_line, whole_order};
use crate::cases::CaseKind;
use crate::order::news::Content;
use crate::order::state::Order;

pub(in crate::routing) fn check(order: &Order, content: &Content, facts: &Facts) -> Verdict {
    let rules = &facts.settings.rules;
    let limits = &rules.limits;
    let wanted = |line: &crate::order::news::Line| order.wanted(&line.id);
    // What is released is this figure: more than that is looked at again.
    let beyond = |figure: String, limit: String| {
        let cause = format!("{}:{figure}", order.id);
        let reason = format!("{figure}, and {limit}");
        whole_order(order, content, CaseKind::OverLimit, cause, reason)
    };
    let mut verdicts = Vec::new();
    if let Some(most) = limits.order_value {
        match rules.rates.convert(content.total, most.currency) {
            Some(total) if total.minor <= most.minor => {}
            Some(_) => verdicts.push(beyond(
                format!("worth {}", content.total),
                format!("max_order_value is {most}"),
            )),
            None => {
                return Verdict::Hold(vec![Proposal {
                    kind: CaseKind::CurrencyWithoutRate,
                    cause: content.total.currency.to_string(),
                    reason: format!(
                        "the order is worth {}, which has no rate to {}, so that max_order_value cannot be judged",
                        content.total, most.currency
                    ),
                    lines: every_line(content),
                    most: None,
                    again: false,
                }]);
            }
        }
    }
    if let Some(most) = limits.quantity {
        let units: u32 = content
            .lines
            .iter()
            .map(wanted)
            .fold(0, u32::saturating_add);
        if units > most {
            verdicts.push(beyond(
                format!("{units} units"),
                format!("max_quantity is {most}"),
            ));
        }
    }
    if let Some(most) = limits.quantity_per_line
        && let Some(line) = content.lines.iter().find(|line| wanted(line) > most)
    {
        verdicts.push(beyond(
            format!("{} units of line {}", wanted(line), line.id),
            format!("max_quantity_per_line is {most}"),
        ));
    }
    verdicts
        .into_iter()
        .find(|verdict| *verdict != Verdict::Pass)
        .unwrap_or(Verdict::Pass)
}
