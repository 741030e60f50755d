//! Decides who ships what: load, plan, commit, enqueue forwarding. Woken by a message, but a
//! function of the order's state alone: a second message changes nothing and may repair a lost one.

use async_trait::async_trait;
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::messages::{Message, QueueName};
use domain::order::Order;
use domain::order::decide::Command;
use domain::order::events::Event;
use domain::order::index::Index;
use domain::order::topics::routing::RoutingDecision;
use domain::routing::{Facts, limited, plan, skus};
use domain::settings::Settings;
use domain::spending::first_day;
use domain::sweep::{due_again, forward, wake};
use execution::{Change, Changed, Decider, Draft, Look};
use jiff::Timestamp;
use ports::{
    Clock, CommitError, OfferStore, OrderIndex, OrderStore, Provenance, Queue, Shared, StepError,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Commits of one order in one go.
const STEPS: usize = 8;

/// What the function may touch.
#[derive(Clone)]
pub struct Deps {
    pub orders: Arc<dyn OrderStore>,
    pub index: Arc<dyn OrderIndex>,
    pub offers: Arc<dyn OfferStore>,
    pub queue: Arc<dyn Queue>,
    pub clock: Arc<dyn Clock>,
    pub settings: Shared<Settings>,
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
async fn route(deps: &Deps, id: &OrderId) -> Result<Option<Box<Order>>, StepError> {
    let restored_at = match deps.orders.provenance().await? {
        Provenance::Known { restored_at } => restored_at,
        Provenance::Suspect(why) => {
            tracing::error!(why, "nothing is planned");
            return Ok(None);
        }
    };
    let mut router = Router {
        offers: deps.offers.as_ref(),
        settings: deps.settings.get(),
        restored_at,
        reference_taken: false,
        last: Decision::None,
    };
    for _ in 0..STEPS {
        let change = Change::of(id, deps.orders.as_ref(), deps.clock.as_ref());
        let changed = change.commit(&mut router).await?;
        match (changed, &router.last) {
            // What is in doubt now is looked at anew.
            (Changed::Committed { .. }, Decision::Suspected) => {}
            // Of a large order some follows: one commit does not hold it.
            (Changed::Committed { after, at }, _) if wake(&after, at).iter().any(is_routing) => {}
            (Changed::Committed { after, .. }, _) => return Ok(Some(after)),
            (Changed::Unchanged(order), Decision::Planned { at }) => {
                looked_at(deps, &order, &router.settings.digest, *at).await?;
                return Ok(Some(order));
            }
            (Changed::Unchanged(order), _) => return Ok(Some(order)),
            (Changed::Missing, _) => return Ok(None),
        }
    }
    Err(StepError::Conflict)
}

/// Decides who ships what, by the offers as they are at each look.
struct Router<'a> {
    offers: &'a dyn OfferStore,
    settings: Arc<Settings>,
    restored_at: Option<Timestamp>,
    /// Another order has the number that a purchase order would have had.
    reference_taken: bool,
    last: Decision,
}

/// What was decided last.
enum Decision {
    None,
    /// What may have been sent is in doubt before it could be voided as planned.
    Suspected,
    Planned {
        at: Timestamp,
    },
}

#[async_trait]
impl Decider<StepError> for Router<'_> {
    async fn decide(&mut self, look: Look<'_>) -> Result<Draft, StepError> {
        let Look { order, now, .. } = look;
        self.reference_taken |= matches!(look.conflict, Some(CommitError::Taken(_)));
        if let Some(restored_at) = self.restored_at
            && order.suspects(restored_at).next().is_some()
        {
            self.last = Decision::Suspected;
            let ways = BTreeMap::new();
            let suspect = Command::Suspect { restored_at, ways };
            return Ok(order.decide(suspect, now)?.into());
        }
        self.last = Decision::None;
        let offers = self.offers.offers(&skus(order)).await?;
        let limited = limited(&self.settings, &offers);
        let spent = self.offers.spent(&limited, first_day(now)).await?;
        let facts = Facts {
            settings: &self.settings,
            offers: &offers,
            spent: &spent,
            now,
            reference_taken: self.reference_taken,
        };
        let Some(planned) = plan(order, &facts) else {
            return Ok(Draft::default());
        };
        self.last = Decision::Planned { at: now };
        let events = order.decide(planned.command, now)?;
        let trace = events.iter().find_map(|event| {
            if let Event::Routing(RoutingDecision::Routed(routed)) = event {
                Some(routed.trace)
            } else {
                None
            }
        });
        Ok(Draft {
            events,
            payload: None,
            trace: trace.map(|number| (number, planned.trace)),
        })
    }
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
        .index
        .postpone(&order.id, Some(order.version), &index)
        .await?)
}

fn is_routing(message: &Message) -> bool {
    message.queue() == QueueName::Routing
}
