//! The promises that can be checked on one order's state; the oracle of tests and of `report`.

use crate::order::events::Recorded;
use crate::order::state::Order;
use crate::sending::machine::SendState;
use std::collections::BTreeSet;

/// What is broken, in words; empty when all holds.
pub fn broken(order: &Order, history: &[Recorded]) -> Vec<String> {
    let mut broken = Vec::new();
    for line in order
        .news
        .latest
        .iter()
        .flat_map(|latest| &latest.content.lines)
    {
        let places = order.places(&line.id);
        let sum = places.cancelled
            + places.not_ours
            + places.purchase_orders
            + places.held
            + places.waiting;
        if sum != places.ordered {
            broken.push(format!(
                "nothing lost: line {} has {} units in places, {} ordered",
                line.id, sum, places.ordered
            ));
        }
        let overlooked = order.live().any(|own| {
            own.quantity_of(&line.id) > 0 && matches!(own.sending.state, SendState::Planned { .. })
        });
        if places.over_allocated > 0 && overlooked && order.needs_routing.is_none() {
            broken.push(format!(
                "nothing doubled: line {} is planned for more units than are wanted",
                line.id
            ));
        }
    }
    let known = order
        .news
        .latest
        .iter()
        .flat_map(|latest| &latest.content.lines);
    let asked_for = order.live().flat_map(|own| &own.lines);
    let lines: BTreeSet<_> = known
        .map(|line| &line.id)
        .chain(asked_for.map(|line| &line.line))
        .collect();
    for line in lines {
        let settled = order
            .live()
            .map(|own| {
                own.asked_back(line)
                    .saturating_add(own.refused_and_held(line))
            })
            .fold(0, u32::saturating_add);
        if order.needs_routing.is_none() && order.over_allocated(line) > settled {
            broken.push(format!(
                "stale news: {} units of line {line} are asked for, no longer wanted, and nobody was asked to take them back",
                order.over_allocated(line),
            ));
        }
    }
    for own in &order.purchase_orders {
        if own.sending.is_sent_twice() {
            broken.push(format!(
                "nothing doubled: {} was accepted more than once",
                own.number
            ));
        }
    }
    let numbers: BTreeSet<_> = order
        .purchase_orders
        .iter()
        .map(|own| &own.number)
        .collect();
    if numbers.len() != order.purchase_orders.len() {
        broken.push("nothing doubled: a purchase order number was used twice".to_owned());
    }
    let mut traces = BTreeSet::new();
    for recorded in history {
        if let Some(routed) = recorded.event.routed()
            && !traces.insert(routed.trace)
        {
            broken.push(format!(
                "explained: trace {} stands for two decisions",
                routed.trace
            ));
        }
    }
    broken
}
