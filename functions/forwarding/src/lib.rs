//! Sends what is due of a purchase order, and of the requests to cancel it, to its supplier, once: finds
//! the next step, and has `execution` take it.
//!
//! What waits is prepared before it is due, so that what is wrong with it is a case while there is time.
//! What other settings send elsewhere, or otherwise, goes back to routing.

use domain::digest::Digest;
use domain::ids::OrderId;
use domain::messages::RouteOrder;
use domain::order::decide::Command;
use domain::order::step::{Step, is_out_of_step, step, step_of_cancel, waiting};
use domain::order::{Order, PurchaseOrder};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::machine::SendState;
use domain::sending::subject::SendSubject;
use domain::settings::Settings;
use execution::purchase_orders::{PurchaseOrders, Suspicion};
use execution::{Doubt, Execution, Flow, PreparationError, TRIES};
use jiff::Timestamp;
use ports::{Backoff, MailEvent, Queue, StepError};
use std::sync::Arc;
use std::time::Duration;

/// Steps of one purchase order and its requests in one go; the sweep goes on with more.
const STEPS: usize = 12;

/// Between two looks of routing at what this process would send elsewhere.
const ROUTE_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What the function may touch.
#[derive(Clone)]
pub struct Deps {
    pub purchase_orders: PurchaseOrders,
    pub queue: Arc<dyn Queue>,
}

/// Makes every step of the purchase order, and of the requests to cancel it, that is due now.
pub async fn handle(
    deps: &Deps,
    id: &OrderId,
    number: &PurchaseOrderNumber,
) -> Result<(), StepError> {
    let mut conflicts = 0;
    let mut backoff = Backoff::new(deps.purchase_orders.execution.clock.as_ref());
    let mut known = None;
    for _ in 0..STEPS {
        match take_step(deps, id, number, known.take()).await {
            Ok(Flow::GoOn(after)) => known = after,
            // Another purchase order of the same order took a step first: look again, and when
            // that happens again, a little later.
            Err(StepError::Conflict) if conflicts < TRIES => {
                if conflicts > 0 {
                    backoff.pause().await;
                }
                conflicts += 1;
            }
            Ok(Flow::Stop(seen)) => {
                known = seen;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    wake_routing(deps, id, known).await
}

/// Records what the mail service reports of a mail that it took.
pub async fn mail_event(deps: &Deps, event: &MailEvent) -> Result<(), StepError> {
    match deps.purchase_orders.record_mail_event(event).await? {
        Some((id, known)) => wake_routing(deps, &id, known).await,
        None => Ok(()),
    }
}

/// A refusal or an accepted cancel frees units: routing looks at them at once.
async fn wake_routing(
    deps: &Deps,
    id: &OrderId,
    known: Option<Box<Order>>,
) -> Result<(), StepError> {
    let execution = &deps.purchase_orders.execution;
    let Some(order) = execution.current(id, known).await? else {
        return Ok(());
    };
    if order.needs_routing.is_some() {
        let order = id.clone();
        deps.queue.send(&RouteOrder { order }.into()).await?;
    }
    Ok(())
}

async fn take_step(
    deps: &Deps,
    id: &OrderId,
    number: &PurchaseOrderNumber,
    known: Option<Box<Order>>,
) -> Result<Flow, StepError> {
    let purchase_orders = &deps.purchase_orders;
    let execution = &purchase_orders.execution;
    let Some(order) = execution.current(id, known).await? else {
        return Ok(Flow::Stop(None));
    };
    let Some(purchase_order) = order.purchase_order(number) else {
        return Ok(Flow::Stop(Some(order)));
    };
    let now = execution.clock.now();
    match purchase_orders.suspect(&order).await? {
        Suspicion::None => {}
        Suspicion::Doubted(after) => return Ok(Flow::GoOn(after)),
        Suspicion::Unknown => return Ok(Flow::Stop(Some(order))),
    }
    let Some((subject, step)) = next_step(&order, purchase_order, now) else {
        return prepare_ahead(deps, order, number, now).await;
    };
    let supplier = purchase_orders.supplier(&purchase_order.supplier);
    match step {
        // Nobody need know the supplier to see that nobody recorded an outcome.
        Step::Lapse { attempt } => {
            execution.record_lapse(id, &subject, attempt).await?;
            return Ok(Flow::GoOn(None));
        }
        Step::Batch { cut_off } if supplier.is_none() && purchase_order.sending.is_claimed() => {
            let supplier = &purchase_order.supplier;
            purchase_orders.give_up_batch(supplier, cut_off).await?;
            return Ok(Flow::GoOn(None));
        }
        Step::LookUp { attempt } if supplier.is_none() => {
            let doubt = Doubt::new(execution, &order, &subject, None);
            if let Some(doubt) = doubt.filter(|doubt| doubt.file().is_some()) {
                doubt.record(attempt, doubt.look_up().await).await?;
                return Ok(Flow::GoOn(None));
            }
        }
        Step::Batch { .. } | Step::LookUp { .. } | Step::Send | Step::Leave(_) => {}
    }
    let endpoint = match purchase_orders.endpoint(purchase_order, &subject) {
        Ok(endpoint) => endpoint,
        Err(why) => return cannot_prepare(execution, id, &subject, why).await,
    };
    let settings = purchase_orders.settings();
    match step {
        // Routing finds another supplier, or another way to this one, or holds it.
        Step::Send | Step::Batch { .. }
            if needs_replanning(purchase_order, &subject, &settings, now) =>
        {
            route_again(deps, id).await
        }
        Step::Leave(_) | Step::Lapse { .. } => Ok(Flow::Stop(Some(order))),
        Step::Send => match purchase_orders.step(&order, &subject, endpoint) {
            Some(step) => step.send().await,
            None => Ok(Flow::Stop(None)),
        },
        Step::Batch { cut_off } => {
            if let Some(supplier) = supplier {
                let id = &purchase_order.supplier;
                purchase_orders.send_batch(id, supplier, cut_off).await?;
            }
            // Whatever became of this one was recorded with the others.
            Ok(Flow::Stop(None))
        }
        Step::LookUp { attempt } => {
            let looked_up = purchase_orders.look_up(&order, &subject, attempt, endpoint);
            looked_up.await?;
            Ok(Flow::GoOn(None))
        }
    }
}

/// What waits is prepared before it is due, and only a failure is recorded. What other settings send
/// elsewhere, or otherwise, is due at once.
async fn prepare_ahead(
    deps: &Deps,
    order: Box<Order>,
    number: &PurchaseOrderNumber,
    now: Timestamp,
) -> Result<Flow, StepError> {
    let purchase_orders = &deps.purchase_orders;
    let execution = &purchase_orders.execution;
    let Some(purchase_order) = order.purchase_order(number) else {
        return Ok(Flow::Stop(Some(order)));
    };
    let waits = waiting(purchase_order, now).filter(|_| order.needs_routing.is_none());
    let Some(subject) = waits else {
        return Ok(Flow::Stop(Some(order)));
    };
    let settings = purchase_orders.settings();
    if needs_replanning(purchase_order, &subject, &settings, now) {
        return route_again(deps, &order.id).await;
    }
    let endpoint = match purchase_orders.endpoint(purchase_order, &subject) {
        Ok(endpoint) => endpoint,
        Err(why) => return cannot_prepare(execution, &order.id, &subject, why).await,
    };
    let Some(step) = purchase_orders.step(&order, &subject, endpoint) else {
        return Ok(Flow::Stop(None));
    };
    let artifact = match step.prepare().await {
        Ok(artifact) => artifact,
        Err(PreparationError::Impossible(why)) => {
            return cannot_prepare(execution, &order.id, &subject, why).await;
        }
        Err(PreparationError::Step(error)) => return Err(error),
    };
    let sending = step.step.sending;
    let is_other = || sending.differs_from_last(&Digest::of(&artifact.bytes), &step.step.via());
    let id = subject.clone();
    let command = if sending.unpreparable.is_some() {
        Command::Prepared { id }
    } else if sending.is_kept_back(now) && is_other() {
        Command::SettingsChanged { id }
    } else {
        return Ok(Flow::Stop(Some(order)));
    };
    let after = execution.commit(&order.id, &command).await?;
    Ok(Flow::GoOn(after))
}

async fn cannot_prepare(
    execution: &Execution,
    order: &OrderId,
    subject: &SendSubject,
    why: String,
) -> Result<Flow, StepError> {
    let failed = execution.record_preparation_failure(order, subject, why);
    failed.await?;
    Ok(Flow::Stop(None))
}

/// Routing has to find another supplier for it, or another way to this one.
fn needs_replanning(
    purchase_order: &PurchaseOrder,
    subject: &SendSubject,
    settings: &Settings,
    now: Timestamp,
) -> bool {
    let planned = matches!(purchase_order.sending.state, SendState::Planned { .. });
    let known = settings.suppliers.get(&purchase_order.supplier);
    let unfit =
        known.is_some_and(|known| known.terms.paused || is_out_of_step(purchase_order, known, now));
    planned && subject.request().is_none() && unfit
}

/// Where several processes send, routing may still have an older configuration, by which nothing is
/// wrong with the order: the two would ask each other without a pause.
async fn route_again(deps: &Deps, order: &OrderId) -> Result<Flow, StepError> {
    let order = order.clone();
    let message = RouteOrder { order }.into();
    match &deps.purchase_orders.concurrency {
        Some(limit) => limit.later.send_after(&message, ROUTE_AGAIN_AFTER).await?,
        None => deps.queue.send(&message).await?,
    }
    Ok(Flow::Stop(None))
}

/// The purchase order's own step goes first, then those of the requests to cancel it.
fn next_step(
    order: &Order,
    purchase_order: &PurchaseOrder,
    now: Timestamp,
) -> Option<(SendSubject, Step)> {
    let requests = purchase_order.numbered_cancels().map(|(request, _)| {
        let subject = purchase_order.subject(Some(request));
        (subject, step_of_cancel(purchase_order, request, now))
    });
    let own = (
        purchase_order.subject(None),
        step(order, purchase_order, now),
    );
    std::iter::once(own)
        .chain(requests)
        .find(|(_, step)| !matches!(step, Step::Leave(_)))
}
