//! Decides who ships what: load, plan, commit, enqueue forwarding. Woken by a message, but a
//! function of the order's state alone: a second message changes nothing and may repair a lost one.

use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::messages::Message;
use domain::order::Order;
use domain::order::decide::Command;
use domain::order::events::Event;
use domain::order::index::Index;
use domain::order::topics::routing::RoutingDecision;
use domain::routing::{Facts, limited, plan, skus};
use domain::settings::Settings;
use domain::spending::first_day;
use domain::sweep::{due_again, forward, wake};
use jiff::Timestamp;
use ports::{Clock, CommitError, OfferStore, OrderStore, Provenance, Queue, StepError};
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

const TRIES: u32 = 8;

/// What the function may touch.
#[derive(Clone)]
pub struct Deps {
    pub orders: Arc<dyn OrderStore>,
    pub offers: Arc<dyn OfferStore>,
    pub queue: Arc<dyn Queue>,
    pub clock: Arc<dyn Clock>,
    pub settings: Arc<RwLock<Arc<Settings>>>,
}

pub async fn handle(deps: &Deps, id: &OrderId) -> Result<(), StepError> {
    let Some(order) = route(deps, id).await? else {
        return Ok(());
    };
    // Every purchase order and every request that is due, new or old: this may repair a lost message.
    // What waits for its time is prepared now, so that what is wrong with it shows at once.
    let messages = forward(&order, deps.clock.now());
    Ok(deps.queue.send_all(&messages).await?)
}

/// The order after its decision is committed; `None` where nothing is known of it.
async fn route(deps: &Deps, id: &OrderId) -> Result<Option<Order>, StepError> {
    let settings = deps
        .settings
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone();
    let restored_at = match deps.orders.provenance().await? {
        Provenance::Known { restored_at } => restored_at,
        Provenance::Suspect(why) => {
            tracing::error!(why, "nothing is planned");
            return Ok(None);
        }
    };
    let mut reference_taken = false;
    for attempt in 0..TRIES {
        let Some(history) = deps.orders.load(id).await? else {
            return Ok(None);
        };
        let order = history.fold()?;
        let stop = |refusal: domain::order::Refusal| StepError::Stop(refusal.to_string());
        let now = deps.clock.now();
        // What may have been sent is in doubt before it could be voided as planned.
        if let Some(restored_at) = restored_at
            && order.suspects(restored_at).next().is_some()
        {
            let ways = BTreeMap::new();
            let events = order
                .decide(Command::Suspect { restored_at, ways }, now)
                .map_err(stop)?;
            let (commit, _) = Commit::new(&order, events, now).map_err(stop)?;
            match deps.orders.commit(commit).await {
                Ok(()) | Err(CommitError::Stale) => continue,
                Err(error) => {
                    return Err(StepError::GiveBack(
                        format!("commit of {id}"),
                        Box::new(error),
                    ));
                }
            }
        }
        let offers = deps.offers.offers(&skus(&order)).await?;
        let limited = limited(&settings, &offers);
        let spent = deps.offers.spent(&limited, first_day(now)).await?;
        let facts = Facts {
            settings: &settings,
            offers: &offers,
            spent: &spent,
            now,
            reference_taken,
        };
        let Some(planned) = plan(&order, &facts) else {
            return Ok(Some(order));
        };
        let events = order.decide(planned.command, now).map_err(stop)?;
        if events.is_empty() {
            looked_at(deps, &order, &settings.digest, now).await?;
            return Ok(Some(order));
        }
        let trace = events.iter().find_map(|event| {
            if let Event::Routing(RoutingDecision::Routed(routed)) = event {
                Some(routed.trace)
            } else {
                None
            }
        });
        let (mut commit, after) = Commit::new(&order, events, now).map_err(stop)?;
        commit.trace = trace.map(|number| (number, planned.trace));
        match deps.orders.commit(commit).await {
            // Of a large order some follows: one commit does not hold it.
            Ok(()) if wake(&after, now).iter().any(is_routing) => {}
            Ok(()) => return Ok(Some(after)),
            Err(CommitError::Stale | CommitError::ShortOf(_) | CommitError::SpendLimit(_)) => {}
            Err(CommitError::Taken(_)) => reference_taken = true,
            Err(CommitError::Busy) => {
                deps.clock
                    .sleep(Duration::from_millis(20 * u64::from(attempt + 1)))
                    .await;
            }
            Err(error) => {
                return Err(StepError::GiveBack(
                    format!("commit of {id}"),
                    Box::new(error),
                ));
            }
        }
    }
    Err(StepError::Contended)
}

/// The same decision by another configuration is no event: only the index says by which one the order
/// was looked at last.
async fn looked_at(
    deps: &Deps,
    order: &Order,
    configuration: &Digest,
    now: Timestamp,
) -> Result<(), StepError> {
    let held = order.routing.as_ref();
    if held.is_none_or(|routing| routing.holds.is_empty()) {
        return Ok(());
    }
    let index = Index {
        configuration: Some(configuration.clone()),
        due: due_again(order, now),
        ..order.index(now)
    };
    Ok(deps
        .orders
        .postpone(&order.id, Some(order.version), &index)
        .await?)
}

fn is_routing(message: &Message) -> bool {
    matches!(message, Message::Route { .. })
}
