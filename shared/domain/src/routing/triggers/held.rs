//! A person holds the order.

use super::super::{Facts, Verdict};
use super::whole_order;
use crate::cases::CaseKind;
use crate::order::news::Content;
use crate::order::state::Order;

pub(in crate::routing) fn check(order: &Order, content: &Content, _: &Facts) -> Verdict {
    match &order.held {
        Some(why) => whole_order(
            order,
            content,
            CaseKind::HeldByPerson,
            order.id.to_string(),
            why.clone(),
        ),
        None => Verdict::Pass,
    }
}
