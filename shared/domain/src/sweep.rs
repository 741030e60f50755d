//! Which messages wake what is due.

use crate::messages::{ForwardPurchaseOrder, Message, QueueName, RouteOrder};
use crate::order::purchase_order::PurchaseOrder;
use crate::order::state::Order;
use crate::order::step::{Step, step, step_of_cancel, waiting};
use jiff::{SignedDuration, Timestamp};

/// Between two wakings of one order that stays due. A hold for want of stock is patient, a step
/// that is overdue is not.
fn wake_again_after(order: &Order, now: Timestamp) -> SignedDuration {
    let only_holds = order.needs_routing.is_none()
        && wake(order, now)
            .iter()
            .all(|message| message.queue() == QueueName::Routing);
    SignedDuration::from_mins(if only_holds { 15 } else { 2 })
}

/// When an order that the sweep looked at is woken again. The index may have been too early: then
/// it is woken when it is due, or never.
pub fn due_again(order: &Order, now: Timestamp) -> Option<Timestamp> {
    if order.due().is_none_or(|due| due > now) {
        return order.looked_at_next(now);
    }
    // What is still due is woken again, never past the next thing that has its own time.
    let again = now + wake_again_after(order, now);
    let timers = [order.due_after(now), order.next_case_at(now), Some(again)];
    timers.into_iter().flatten().min()
}

/// Messages that set a due order going again.
pub fn wake(order: &Order, now: Timestamp) -> Vec<Message> {
    let routing_due = order.unrouted_since().is_some()
        || order.routing.iter().any(|routing| {
            routing
                .holds
                .iter()
                .filter_map(|hold| hold.again_at)
                .any(|at| at <= now)
                || routing
                    .waits
                    .iter()
                    .filter_map(|wait| wait.until)
                    .any(|at| at <= now)
        });
    let route = routing_due.then(|| {
        let order = order.id.clone();
        RouteOrder { order }.into()
    });
    let due = |own: &&PurchaseOrder| is_due(order, own, now);
    let forward = order.purchase_orders.iter().filter(due);
    route
        .into_iter()
        .chain(forward.map(|own| forwarding_of(order, own)))
        .collect()
}

/// Messages to whatever of the order is due, and to whatever waits: it is prepared before it is due,
/// and by other settings again.
pub fn forward(order: &Order, now: Timestamp) -> Vec<Message> {
    let concerned = |own: &&PurchaseOrder| is_due(order, own, now) || waiting(own, now).is_some();
    let concerned = order.purchase_orders.iter().filter(concerned);
    concerned.map(|own| forwarding_of(order, own)).collect()
}

/// Messages to whatever of the order other settings may let go: what waits, and what could not be
/// prepared.
pub fn prepare(order: &Order, now: Timestamp) -> Vec<Message> {
    let concerned = |own: &&PurchaseOrder| {
        let requests = own.cancels.iter().map(|request| &request.sending);
        let mut sends = std::iter::once(&own.sending).chain(requests);
        waiting(own, now).is_some() || sends.any(|sending| sending.unpreparable.is_some())
    };
    let concerned = order.purchase_orders.iter().filter(concerned);
    concerned.map(|own| forwarding_of(order, own)).collect()
}

/// Messages to whatever of the order may have been sent before the data was restored.
pub fn suspects(order: &Order, restored_at: Timestamp) -> Vec<Message> {
    let suspects = order.suspects(restored_at);
    suspects.map(|own| forwarding_of(order, own)).collect()
}

fn is_due(order: &Order, own: &PurchaseOrder, now: Timestamp) -> bool {
    let cancels = own
        .numbered_cancels()
        .any(|(request, _)| wants_a_step(&step_of_cancel(own, request, now)));
    cancels || wants_a_step(&step(order, own, now))
}

fn forwarding_of(order: &Order, own: &PurchaseOrder) -> Message {
    let (order, purchase_order) = (order.id.clone(), own.number.clone());
    let message = ForwardPurchaseOrder {
        order,
        purchase_order,
    };
    message.into()
}

fn wants_a_step(step: &Step) -> bool {
    match step {
        Step::Send | Step::Batch { .. } | Step::Lapse { .. } | Step::LookUp { .. } => true,
        Step::Leave(_) => false,
    }
}
