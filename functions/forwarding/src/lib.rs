//! Hands over to suppliers, once: purchase orders, and requests to take them back. Artifact, claim,
//! one send, outcome; and settles what became of a claim whose outcome nobody recorded.
//!
//! The artifact is stored and the claim committed before anything leaves. A claim never expires
//! into a resend. What is not surely unsent is in doubt, and a doubt is settled by looking.

mod artifact;
mod batch;
mod crowd;
mod mail;
mod record;
mod restored;
mod send;
mod trust;

pub use batch::BatchFile;
pub use crowd::Crowd;
use domain::digest::Digest;
use domain::ids::{OrderId, SupplierId};
use domain::messages::Message;
use domain::order::decide::Command;
use domain::order::step::{Step, is_out_of_step, step, step_of_cancel, waiting};
use domain::order::{Order, PurchaseOrder};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::Sending;
use domain::sending::machine::SendState;
use domain::sending::subject::SendSubject;
use domain::settings::Settings;
use jiff::Timestamp;
pub use mail::mail_event;
use ports::{BatchStore, Clock, Files, OrderStore, Queue, RefusalStore, StepError, Supplier};
use record::commit;
use restored::Look;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;
pub use trust::Trust;

const TRIES: u32 = 8;
/// Steps of one purchase order and its requests in one go; the sweep goes on with more.
const STEPS: usize = 12;

/// Between two looks of routing at what this process would send elsewhere.
const ROUTE_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What the function may touch.
#[derive(Clone)]
pub struct Deps {
    pub orders: Arc<dyn OrderStore>,
    pub batches: Arc<dyn BatchStore>,
    pub refusals: Arc<dyn RefusalStore>,
    pub queue: Arc<dyn Queue>,
    pub files: Arc<dyn Files>,
    pub clock: Arc<dyn Clock>,
    pub settings: Arc<RwLock<Arc<Settings>>>,
    pub suppliers: Arc<BTreeMap<SupplierId, Box<dyn Supplier>>>,
    /// `None` where whoever delivers the messages keeps each supplier's `concurrency`.
    pub crowd: Option<Arc<Crowd>>,
    /// Kept as long as the process: what it knows of suppliers whose answers are not understood.
    pub trust: Arc<Trust>,
}

impl Deps {
    fn settings(&self) -> Arc<Settings> {
        self.settings
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

/// Makes every step of the purchase order, and of the requests to take it back, that is due now.
pub async fn handle(
    deps: &Deps,
    id: &OrderId,
    number: &PurchaseOrderNumber,
) -> Result<(), StepError> {
    let mut contended = 0;
    let mut known = None;
    for _ in 0..STEPS {
        match take_step(deps, id, number, known.take()).await {
            Ok(Flow::GoOn(after)) => known = after,
            // Another purchase order of the same order took a step first: look again, and when
            // that happens again, a little later.
            Err(StepError::Contended) if contended < TRIES => {
                if contended > 0 {
                    let pause = Duration::from_millis(10 * u64::from(contended));
                    deps.clock.sleep(pause).await;
                }
                contended += 1;
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

/// A refusal or an accepted cancel frees units: routing looks at them at once.
async fn wake_routing(
    deps: &Deps,
    id: &OrderId,
    known: Option<Box<Order>>,
) -> Result<(), StepError> {
    let Some(order) = current(deps, id, known).await? else {
        return Ok(());
    };
    if order.needs_routing.is_some() {
        let order = id.clone();
        deps.queue.send(&Message::Route { order }).await?;
    }
    Ok(())
}

/// Whether another step may be due at once; with the state that was left, where it is known. It may
/// be old already: whatever is decided on it is committed on its version, or not at all.
enum Flow {
    GoOn(Option<Box<Order>>),
    Stop(Option<Box<Order>>),
}

/// What is known, else what is stored.
async fn current(
    deps: &Deps,
    id: &OrderId,
    known: Option<Box<Order>>,
) -> Result<Option<Box<Order>>, StepError> {
    if known.is_some() {
        return Ok(known);
    }
    let history = deps.orders.load(id).await?;
    let order = history.map(|history| history.fold()).transpose()?;
    Ok(order.map(Box::new))
}

async fn take_step(
    deps: &Deps,
    id: &OrderId,
    number: &PurchaseOrderNumber,
    known: Option<Box<Order>>,
) -> Result<Flow, StepError> {
    let Some(order) = current(deps, id, known).await? else {
        return Ok(Flow::Stop(None));
    };
    let Some(own) = order.purchase_order(number) else {
        return Ok(Flow::Stop(Some(order)));
    };
    let now = deps.clock.now();
    match restored::look(deps, &order).await? {
        Look::Nothing => {}
        Look::Suspected(after) => return Ok(Flow::GoOn(after)),
        Look::Unknown => return Ok(Flow::Stop(Some(order))),
    }
    let Some((asked, step)) = next_step(&order, own, now) else {
        return prepare_ahead(deps, order, number, now).await;
    };
    if let Step::Lapse { attempt } = step {
        // Nobody need know the supplier to see that nobody recorded an outcome.
        commit(deps, id, || Command::ClaimLapsed {
            id: asked.clone(),
            attempt,
        })
        .await?;
        return Ok(Flow::GoOn(None));
    }
    if !deps.suppliers.contains_key(&own.supplier) {
        if let Step::Batch { cut_off } = step
            && own.sending.is_claimed()
        {
            batch::give_up(deps, &own.supplier, cut_off).await?;
            return Ok(Flow::GoOn(None));
        }
        if let Step::LookUp { attempt } = step
            && left_a_file(own, &asked)
        {
            send::look_up(deps, id, own, &asked, attempt, None).await?;
            return Ok(Flow::GoOn(None));
        }
    }
    let way = match way_to(deps, own, &asked) {
        Ok(way) => way,
        Err(why) => return prepared_not(deps, id, &asked, why).await,
    };
    match step {
        // Routing finds another supplier, or another way to this one, or holds it.
        Step::Send | Step::Batch { .. } if is_unfit(own, &asked, &deps.settings(), now) => {
            route_again(deps, id).await
        }
        Step::Leave(_) | Step::Lapse { .. } => Ok(Flow::Stop(Some(order))),
        Step::Send => send::send(deps, &order, own, &asked, way).await,
        Step::Batch { cut_off } => {
            batch::run(deps, &own.supplier, way, cut_off).await?;
            // Whatever became of this one was recorded with the others.
            Ok(Flow::Stop(None))
        }
        Step::LookUp { attempt } => {
            send::look_up(deps, id, own, &asked, attempt, Some(way)).await?;
            Ok(Flow::GoOn(None))
        }
    }
}

/// What waits is prepared before it is due, and only a failure is recorded, so that what is wrong with
/// it is a case while there is time. What other settings send elsewhere, or otherwise, is due at once.
async fn prepare_ahead(
    deps: &Deps,
    order: Box<Order>,
    number: &PurchaseOrderNumber,
    now: Timestamp,
) -> Result<Flow, StepError> {
    let Some(own) = order.purchase_order(number) else {
        return Ok(Flow::Stop(Some(order)));
    };
    let Some(asked) = waiting(own, now).filter(|_| order.needs_routing.is_none()) else {
        return Ok(Flow::Stop(Some(order)));
    };
    if is_unfit(own, &asked, &deps.settings(), now) {
        return route_again(deps, &order.id).await;
    }
    let way = match way_to(deps, own, &asked) {
        Ok(way) => way,
        Err(why) => return prepared_not(deps, &order.id, &asked, why).await,
    };
    let artifact = match artifact::prepared(deps, &order, own, &asked, way).await? {
        Ok(artifact) => artifact,
        Err(why) => return prepared_not(deps, &order.id, &asked, why).await,
    };
    let sending = sending(own, &asked);
    let command = if sending.unpreparable.is_some() {
        Command::Prepared { id: asked.clone() }
    } else if sending.is_kept_back(now)
        && sending.differs_from_last(
            &Digest::of(&artifact.bytes),
            &way.via(&asked, sending.progress.steps.len()),
        )
    {
        Command::SettingsChanged { id: asked.clone() }
    } else {
        return Ok(Flow::Stop(Some(order)));
    };
    let after = commit(deps, &order.id, || command.clone()).await?;
    Ok(Flow::GoOn(after))
}

/// Routing has to find another supplier for it, or another way to this one.
fn is_unfit(own: &PurchaseOrder, id: &SendSubject, settings: &Settings, now: Timestamp) -> bool {
    let planned = matches!(own.sending.state, SendState::Planned { .. });
    let known = settings.suppliers.get(&own.supplier);
    let unfit = known.is_some_and(|known| known.terms.paused || is_out_of_step(own, known, now));
    planned && id.request().is_none() && unfit
}

/// Where several processes hand over, routing may still have an older configuration, by which nothing
/// is wrong with the order: the two would ask each other without a pause.
async fn route_again(deps: &Deps, order: &OrderId) -> Result<Flow, StepError> {
    let order = order.clone();
    let message = Message::Route { order };
    match &deps.crowd {
        Some(crowd) => crowd.later.send_later(&message, ROUTE_AGAIN_AFTER).await?,
        None => deps.queue.send(&message).await?,
    }
    Ok(Flow::Stop(None))
}

fn left_a_file(own: &PurchaseOrder, id: &SendSubject) -> bool {
    let made_by = sending(own, id).last.via.as_ref();
    made_by.is_some_and(|via| via.file.is_some())
}

/// How the purchase order, or the request to cancel it, reaches its supplier by the settings in force;
/// else why it does not.
fn way_to<'a>(
    deps: &'a Deps,
    own: &PurchaseOrder,
    id: &SendSubject,
) -> Result<&'a dyn Supplier, String> {
    let supplier = deps.suppliers.get(&own.supplier);
    let supplier =
        supplier.ok_or_else(|| format!("supplier {} is not configured", own.supplier))?;
    match id.request() {
        None => Ok(supplier.as_ref()),
        Some(_) => supplier.cancels().ok_or_else(|| no_way_to_ask(deps, own)),
    }
}

/// The purchase order's own step goes first, then those of the requests to take it back.
fn next_step(order: &Order, own: &PurchaseOrder, now: Timestamp) -> Option<(SendSubject, Step)> {
    let id = SendSubject::from(&own.number);
    let requests = own.numbered_cancels().map(|(request, _)| {
        let id = own.subject(Some(request));
        (id, step_of_cancel(own, request, now))
    });
    std::iter::once((id.clone(), step(order, own, now)))
        .chain(requests)
        .find(|(_, step)| !matches!(step, Step::Leave(_)))
}

/// Of the purchase order itself, or of the request to take it back.
fn sending<'a>(own: &'a PurchaseOrder, id: &SendSubject) -> &'a Sending {
    let asked = id.request().and_then(|request| own.cancel(request));
    asked.map_or(&own.sending, |asked| &asked.sending)
}

fn no_way_to_ask(deps: &Deps, own: &PurchaseOrder) -> String {
    let settings = deps.settings();
    let known = settings.suppliers.get(&own.supplier);
    let name = known.map_or(own.supplier.as_str(), |known| known.name.as_str());
    let contact = known
        .and_then(|known| known.contact.as_deref())
        .map_or_else(String::new, |contact| format!(": {contact}"));
    format!("{name} takes no such requests by its method; call them{contact}")
}

async fn prepared_not(
    deps: &Deps,
    order: &OrderId,
    id: &SendSubject,
    why: String,
) -> Result<Flow, StepError> {
    commit(deps, order, || Command::PreparationFailed {
        id: id.clone(),
        why: why.clone(),
    })
    .await?;
    Ok(Flow::Stop(None))
}
