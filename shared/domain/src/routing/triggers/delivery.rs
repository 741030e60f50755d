//! One way of delivery for the whole order, and one by which a parcel is shipped. A channel that
//! names several does not report which units go by which.

use super::super::{Facts, Proposal, Verdict};
use super::{every_line, whole_order};
use crate::cases::CaseKind;
use crate::order::news::{Content, ShippingMethod};
use crate::order::state::Order;

pub(in crate::routing) fn check(order: &Order, content: &Content, _: &Facts) -> Verdict {
    match content.shipping.as_slice() {
        [] => Verdict::Pass,
        [only] => match only.local {
            None => Verdict::Pass,
            Some(local) if order.chosen_method() == Some(only) => {
                let lines = content.lines.iter();
                let why = local.describe();
                let skipped = lines.map(|line| (line.id.clone(), line.quantity, why.to_owned()));
                Verdict::Skip(skipped.collect())
            }
            Some(local) => whole_order(
                order,
                content,
                CaseKind::LocalDelivery,
                format!("{}:{}", order.id, only.name()),
                format!("{:?}: {}", only.name(), local.describe()),
            ),
        },
        several => {
            let names: Vec<&str> = several.iter().map(ShippingMethod::name).collect();
            let names = names.join(", ");
            Verdict::Hold(vec![Proposal {
                kind: CaseKind::SeveralShippingMethods,
                cause: format!("{}:{names}", order.id),
                reason: format!("the channel does not report which units go by which of {names}"),
                lines: every_line(content),
                most: None,
                again: false,
            }])
        }
    }
}
