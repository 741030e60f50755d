//! Units added by an edit after a purchase order was handed over wait for a person: the supplier
//! may still be asked to change what it has.

use super::super::{Facts, Verdict};
use super::whole_order;
use crate::cases::CaseKind;
use crate::order::news::Content;
use crate::order::state::Order;

pub(in crate::routing) fn check(order: &Order, content: &Content, _: &Facts) -> Verdict {
    let Some((_, edit)) = &order.payload else {
        return Verdict::Pass;
    };
    match order.live().find(|own| {
        // Nobody changes what is delivered.
        own.sending.is_claimed() && &own.edit != edit && !order.unshipped(own).is_empty()
    }) {
        Some(own) => whole_order(
            order,
            content,
            CaseKind::EditedAfterSend,
            format!("{}@{}", own.number, edit.short()),
            format!("the order was edited after {} was handed over", own.number),
        ),
        None => Verdict::Pass,
    }
}
