//! What suppliers have, or may have, and nobody wants any more.

use crate::order::decide::CancelWish;
use crate::order::news::Content;
use crate::order::{Order, PurchaseOrder};

/// Everything that is left of a purchase order, where that was not asked yet.
pub(super) fn whole(own: &PurchaseOrder, why: &str) -> Option<CancelWish> {
    let asked = own
        .cancels
        .iter()
        .any(|request| request.whole && request.is_open());
    (!asked).then(|| CancelWish {
        number: own.number.clone(),
        lines: own.everything(),
        whole: true,
        why: why.to_owned(),
    })
}

/// Units that suppliers have, or may have, and that nobody wants any more: the newest purchase order
/// gives them back first, and none is asked twice for the same unit.
pub(super) fn surplus(order: &Order, content: &Content, already: &[CancelWish]) -> Vec<CancelWish> {
    let mut wishes: Vec<CancelWish> = Vec::new();
    for line in content.lines.iter().map(|line| &line.id) {
        let asked: u32 = order.live().map(|own| own.asked_back(line)).sum();
        let asked_now: u32 = already.iter().filter_map(|wish| wish.lines.get(line)).sum();
        let mut surplus = order.over_allocated(line).saturating_sub(asked + asked_now);
        for own in order.purchase_orders.iter().rev() {
            if !own.sending.is_claimed() || already.iter().any(|wish| wish.number == own.number) {
                continue;
            }
            let units = surplus.min(own.quantity_of(line).saturating_sub(own.asked_back(line)));
            if units == 0 {
                continue;
            }
            surplus -= units;
            match wishes.iter_mut().find(|wish| wish.number == own.number) {
                Some(wish) => {
                    wish.lines.insert(line.clone(), units);
                }
                None => wishes.push(CancelWish {
                    number: own.number.clone(),
                    lines: [(line.clone(), units)].into(),
                    whole: false,
                    why: if order.is_cancelled() {
                        "the order was cancelled or refunded".to_owned()
                    } else {
                        "units were refunded or removed".to_owned()
                    },
                }),
            }
        }
    }
    for wish in &mut wishes {
        wish.whole = order
            .purchase_order(&wish.number)
            .is_some_and(|own| own.everything() == wish.lines);
    }
    wishes
}
