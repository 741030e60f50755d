//! A person holds the order.

use super::super::{Facts, Verdict};
use super::whole_order;
use crate::order::Order;
use crate::order::attention::CaseKind;
use crate::order::news::Content;

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
