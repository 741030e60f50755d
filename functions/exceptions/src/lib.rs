//! The sweep, every minute: every order that is due goes on. It takes no input: what it does follows
//! from what is stored. And dead letters, each of which becomes an incident.

mod memory;

use domain::cases::{CaseKind, curable_by_configuration};
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::messages::RouteOrder;
use domain::order::Order;
use domain::order::index::Index;
use domain::settings::Settings;
use domain::sweep::{due_again, prepare, suspects, wake};
use jiff::{SignedDuration, Timestamp};
pub use memory::Memory;
use memory::ToPrepare;
use ports::{
    Area, Clock, DeadLetter, Deliveries, Files, IncidentStore, OrderIndex, OrderStore, Provenance,
    Queue, Shared, StepError, StoreError,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Orders looked at in one sweep; the rest are the oldest of the next.
const ORDERS_A_SWEEP: usize = 1000;
/// More than any merchant has.
const UNFINISHED_ORDERS: usize = 100_000;
const DEAD_LETTERS_AT_ONCE: usize = 100;
/// Orders whose cases are read at once.
const CASES_A_PAGE: usize = 500;
/// A step that began by another configuration has committed by then, or never does.
const STEPS_END_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// An order that cannot be read is an incident already.
const UNREADABLE_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_hours(1);

/// What the function may touch.
#[derive(Clone)]
pub struct Deps {
    pub orders: Arc<dyn OrderStore>,
    pub index: Arc<dyn OrderIndex>,
    pub incidents: Arc<dyn IncidentStore>,
    pub queue: Arc<dyn Queue>,
    pub files: Arc<dyn Files>,
    pub clock: Arc<dyn Clock>,
    pub settings: Shared<Settings>,
    pub memory: Arc<Memory>,
    /// How long other processes go on by an older configuration after this one has a newer.
    pub others_follow_within: SignedDuration,
}

/// What one sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    pub woken: usize,
    pub replanned: usize,
    /// Purchase orders that wait, and were asked to be prepared by other settings.
    pub prepared: usize,
}

pub async fn sweep(deps: &Deps) -> Result<Swept, StepError> {
    let restored_at = match deps.orders.provenance().await? {
        Provenance::Known { restored_at } => restored_at,
        // Nobody would work on what is woken.
        Provenance::Suspect(why) => {
            let cause = "orders".to_owned();
            open_incident(deps, CaseKind::DataRestored, cause, why).await?;
            return Ok(Swept::default());
        }
    };
    let current = deps.settings.get().digest.clone();
    // What is due goes first, and what one part cannot do keeps none of the others from theirs.
    let woken = wake_due_orders(deps, &current).await;
    let replanned = plan_held_orders_again(deps, &current).await;
    let prepared = prepare_waiting_orders_again(deps, &current, restored_at).await;
    look_at_clock(deps).await?;
    Ok(Swept {
        woken: woken?,
        replanned: replanned?,
        prepared: prepared?,
    })
}

async fn wake_due_orders(deps: &Deps, current: &Digest) -> Result<usize, StepError> {
    let now = deps.clock.now();
    let due = deps.index.due(now, ORDERS_A_SWEEP).await?;
    for id in &due {
        let order = match loaded(deps, id).await {
            Ok(Some(order)) => order,
            Ok(None) => continue,
            // One order that cannot be read must not stop the others.
            Err(error @ StoreError::Corrupt(_)) => {
                set_aside(deps, id, &error).await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for message in wake(&order, now) {
            deps.queue.send(&message).await?;
        }
        let index = Index {
            due: due_again(&order, now),
            ..order.index(now)
        };
        // What waited long enough to be a case waits by the configuration that planned it.
        let planned_by = order.routing.as_ref().map(|routing| &routing.configuration);
        if planned_by != Some(current) && index.cases.iter().any(curable_by_configuration) {
            let order = id.clone();
            deps.queue.send(&RouteOrder { order }.into()).await?;
        }
        deps.index.postpone(id, Some(order.version), &index).await?;
        for entry in index
            .cases
            .iter()
            .filter(|entry| entry.kind == CaseKind::Stuck)
        {
            tracing::error!(order.id = %id, cause = %entry.cause, detail = %entry.detail, "order is stuck");
        }
    }
    Ok(due.len())
}

async fn loaded(deps: &Deps, id: &OrderId) -> Result<Option<Order>, StoreError> {
    let history = deps.orders.load(id).await?;
    history.map(|history| history.fold()).transpose()
}

/// A person looks at what cannot be read, and the sweep again after a while.
async fn set_aside(deps: &Deps, id: &OrderId, error: &StoreError) -> Result<(), StepError> {
    let (cause, detail) = (id.to_string(), error.to_string());
    open_incident(deps, CaseKind::DeadLetter, cause, detail).await?;
    let index = Index {
        due: Some(deps.clock.now() + UNREADABLE_AGAIN_AFTER),
        batches: Vec::new(),
        cases: Vec::new(),
        open: BTreeSet::new(),
        configuration: None,
    };
    let postponed = deps.index.postpone(id, None, &index).await;
    match postponed {
        // It stays due, and what was due after it has its turn all the same.
        Err(error @ StoreError::Corrupt(_)) => {
            tracing::error!(order.id = %id, error = %error, "an order that cannot be read stays due");
            Ok(())
        }
        other => Ok(other?),
    }
}

/// A configuration that an order was not planned with may cure its hold. Once a look found none that was
/// held by another, and nobody goes by another any more, hardly one can be found: what becomes a case later
/// is planned again when it does. The sweep then reads the cases once an hour, for a process that kept an
/// older configuration, until the configuration changes.
async fn plan_held_orders_again(deps: &Deps, current: &Digest) -> Result<usize, StepError> {
    let moment = deps.clock.steady().since;
    if !deps.memory.may_be_held_by_another(current, moment) {
        return Ok(0);
    }
    let mut planned = 0;
    let mut after = None;
    loop {
        let page = deps.index.cases(after.as_deref(), CASES_A_PAGE).await?;
        let held = page.rows.into_iter().filter(|row| {
            curable_by_configuration(&row.entry) && row.configuration.as_ref() != Some(current)
        });
        let held: BTreeSet<_> = held.map(|row| row.order).collect();
        planned += held.len();
        for order in held {
            deps.queue.send(&RouteOrder { order }.into()).await?;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if planned == 0 {
        let others_end_within = deps.others_follow_within.max(STEPS_END_WITHIN);
        deps.memory
            .none_is_held_by_another(moment, others_end_within);
    }
    Ok(planned)
}

/// A place or a text that changed lets go what could not be sent or prepared: by each configuration,
/// everything that waits is prepared again. By the first of a process, what may have been sent before
/// the data was restored is put into doubt, too.
async fn prepare_waiting_orders_again(
    deps: &Deps,
    current: &Digest,
    restored_at: Option<Timestamp>,
) -> Result<usize, StepError> {
    let moment = deps.clock.steady().since;
    if deps.memory.to_prepare(current, moment) == ToPrepare::Everything {
        let unfinished = deps.index.unfinished(UNFINISHED_ORDERS).await?;
        deps.memory.begin(unfinished, moment);
    }
    let ToPrepare::These(orders) = deps.memory.to_prepare(current, moment) else {
        return Ok(0);
    };
    let now = deps.clock.now();
    let mut prepared = 0;
    for id in &orders {
        let order = match loaded(deps, id).await {
            Ok(Some(order)) => order,
            // It is set aside when it is due.
            Ok(None) | Err(StoreError::Corrupt(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let suspects = restored_at
            .map(|at| suspects(&order, at))
            .unwrap_or_default();
        for message in prepare(&order, now).into_iter().chain(suspects) {
            deps.queue.send(&message).await?;
            prepared += 1;
        }
    }
    deps.memory
        .prepared(orders.len(), deps.others_follow_within);
    Ok(prepared)
}

/// What is due by the wall clock goes early or late, and a person should know why.
async fn look_at_clock(deps: &Deps) -> Result<(), StepError> {
    let moment = deps.clock.moment();
    if let Some(by) = deps.memory.clock_set(&moment) {
        report_clock(deps, by, moment.at).await?;
    }
    deps.memory.looked_at_clock(moment);
    Ok(())
}

async fn report_clock(deps: &Deps, by: SignedDuration, at: Timestamp) -> Result<(), StepError> {
    let direction = if by.is_negative() { "back" } else { "forward" };
    let by = by.abs().round(jiff::Unit::Second).unwrap_or(by);
    let detail = format!("the machine's clock was set {direction} by {by:#}; it says {at:.0} now");
    open_incident(deps, CaseKind::ClockSet, "clock".to_owned(), detail).await
}

/// Keeps a message that failed every time byte for byte, then opens an incident; when it returns, the
/// message may go from the dead letters. In this order nothing is lost, and again changes nothing.
/// `queue` is the one that it was sent to.
pub async fn quarantine_dead_letter(deps: &Deps, queue: &str, body: &str) -> Result<(), StepError> {
    let digest = Digest::of(body.as_bytes());
    let key = format!("quarantine/{queue}/{digest}");
    deps.files
        .put_new(Area::Evidence, &key, body.as_bytes())
        .await?;
    let detail = format!("a message of the queue {queue} failed every time; it is {key}");
    open_incident(deps, CaseKind::DeadLetter, digest.to_string(), detail).await
}

/// Empties the dead letters where nobody delivers them, as on one machine; how many there were.
pub async fn quarantine_dead_letters(
    deps: &Deps,
    deliveries: &dyn Deliveries,
) -> Result<usize, StepError> {
    let letters = deliveries.dead_letters(DEAD_LETTERS_AT_ONCE).await?;
    for DeadLetter { id, queue, body } in &letters {
        quarantine_dead_letter(deps, queue, body).await?;
        deliveries.remove_dead_letter(*id).await?;
    }
    Ok(letters.len())
}

async fn open_incident(
    deps: &Deps,
    kind: CaseKind,
    cause: String,
    detail: String,
) -> Result<(), StepError> {
    let (incidents, clock) = (deps.incidents.as_ref(), deps.clock.as_ref());
    execution::open_incident(incidents, clock, kind, cause, detail).await?;
    Ok(())
}
