//! Payment captured; authorised or pending is not enough.

use super::super::{Facts, Verdict};
use crate::order::Order;
use crate::order::news::Content;

pub(in crate::routing) fn check(order: &Order, _: &Content, _: &Facts) -> Verdict {
    if order.news.paid {
        Verdict::Pass
    } else {
        Verdict::Wait {
            why: "payment".to_owned(),
            until: None,
        }
    }
}
