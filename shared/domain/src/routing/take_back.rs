//! What suppliers have, or may have, and nobody wants any more.

use crate::ids::LineId;
use crate::order::decide::CancelPlan;
use crate::order::news::Content;
use crate::order::purchase_order::PurchaseOrder;
use crate::order::state::{Order, STOPPED};
use std::collections::BTreeSet;

/// Everything that is left of a purchase order, where that was not asked yet.
pub(super) fn whole(own: &PurchaseOrder, why: &str) -> Option<CancelPlan> {
    (!own.is_being_taken_back()).then(|| CancelPlan {
        purchase_order: own.number.clone(),
        lines: own.everything(),
        whole: true,
        why: why.to_owned(),
    })
}

fn why(order: &Order, content: &Content, line: &LineId) -> &'static str {
    let known = content.lines.iter().filter(|known| &known.id == line);
    let ordered = known
        .map(|known| known.quantity)
        .fold(0, u32::saturating_add);
    if order.is_stopped() {
        STOPPED
    } else if order.allocated(line) > ordered && ordered > 0 {
        "more was handed over than was ever ordered"
    } else {
        "units were refunded or removed"
    }
}

/// Unshipped units that suppliers have, or may have, and that nobody wants any more: the newest
/// purchase order gives them back first, and none is asked twice for the same unit.
pub(super) fn surplus(order: &Order, content: &Content, already: &[CancelPlan]) -> Vec<CancelPlan> {
    let mut plans: Vec<CancelPlan> = Vec::new();
    let known = content.lines.iter().map(|line| &line.id);
    let asked_for = order.live().flat_map(|own| &own.lines);
    let lines: BTreeSet<&LineId> = known.chain(asked_for.map(|line| &line.line)).collect();
    for line in lines {
        let elsewhere =
            |own: &PurchaseOrder| already.iter().any(|plan| plan.purchase_order == own.number);
        let asked = order
            .live()
            .map(|own| {
                if elsewhere(own) {
                    own.quantity_of(line)
                } else {
                    own.asked_back(line)
                }
            })
            .fold(0, u32::saturating_add);
        // What suppliers refused is given back without asking.
        let refused = order
            .live()
            .map(|own| own.refused_and_held(line))
            .fold(0, u32::saturating_add);
        let mut surplus = order
            .over_allocated(line)
            .saturating_sub(asked)
            .saturating_sub(refused);
        for own in order.purchase_orders.iter().rev() {
            if !own.sending.is_claimed() || elsewhere(own) {
                continue;
            }
            let unshipped = order.unshipped(own).get(line).copied().unwrap_or(0);
            let has = unshipped.saturating_sub(own.refused_and_held(line));
            let units = surplus.min(has.saturating_sub(own.asked_back(line)));
            if units == 0 {
                continue;
            }
            surplus -= units;
            match plans
                .iter_mut()
                .find(|plan| plan.purchase_order == own.number)
            {
                Some(plan) => {
                    plan.lines.insert(line.clone(), units);
                }
                None => plans.push(CancelPlan {
                    purchase_order: own.number.clone(),
                    lines: [(line.clone(), units)].into(),
                    whole: false,
                    why: why(order, content, line).to_owned(),
                }),
            }
        }
    }
    for plan in &mut plans {
        plan.whole = order
            .purchase_order(&plan.purchase_order)
            .is_some_and(|own| own.everything() == plan.lines);
    }
    plans
}
