//! A tag with which a fraud check, such as a flow of the shop, marks orders to be reviewed.

use super::super::{Facts, Verdict};
use super::whole_order;
use crate::cases::CaseKind;
use crate::order::news::Content;
use crate::order::state::Order;

pub(in crate::routing) fn check(order: &Order, content: &Content, facts: &Facts) -> Verdict {
    let marks = &facts.settings.rules.risk.hold_tags;
    let tag = content
        .tags
        .iter()
        .find(|tag| marks.contains(&tag.to_lowercase()));
    match tag {
        Some(tag) => whole_order(
            order,
            content,
            CaseKind::FraudRisk,
            format!("{}:{tag}", order.id),
            format!("tagged {tag:?}"),
        ),
        None => Verdict::Pass,
    }
}
