//! A tag with which the merchant marks orders that are never to be sent.

use super::super::{Facts, Verdict};
use super::whole_order;
use crate::cases::CaseKind;
use crate::order::news::Content;
use crate::order::state::Order;

pub(in crate::routing) fn check(order: &Order, content: &Content, facts: &Facts) -> Verdict {
    let tag = content.tags.iter().find(|tag| {
        facts
            .settings
            .rules
            .never_send_tags
            .contains(&tag.to_lowercase())
    });
    match tag {
        Some(tag) => whole_order(
            order,
            content,
            CaseKind::NeverSendTag,
            tag.clone(),
            format!("tagged {tag:?}"),
        ),
        None => Verdict::Pass,
    }
}
