//! Takes a channel's webhook: verifies the raw bytes, parses, commits the order, enqueues routing
//! and answers within the channel's deadline.
//!
//! 2xx is answered only after the order, or the raw payload in quarantine, is durable. A message
//! that cannot be enqueued does not matter then: the sweep finds the order after a minute.

mod quarantine;

pub use quarantine::{Redriven, redrive};

use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::{ChannelId, OrderId};
use domain::messages::Message;
use domain::order::Order;
use domain::order::attention::CaseKind;
use domain::order::news::ChannelEvent;
use ports::{
    Channel, Clock, CommitError, Files, Incident, OrderStore, Queue, StepError, WebhookRequest,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A larger body is refused unread.
pub const LARGEST_BODY: usize = 5 * 1024 * 1024;
const TRIES: u32 = 8;
const BAD_SIGNATURES_BEFORE_INCIDENT: usize = 5;
const BAD_SIGNATURES_WINDOW_SECONDS: i64 = 600;

/// What the function may touch.
#[derive(Clone)]
pub struct Deps {
    pub orders: Arc<dyn OrderStore>,
    pub queue: Arc<dyn Queue>,
    pub files: Arc<dyn Files>,
    pub clock: Arc<dyn Clock>,
    pub channels: Arc<BTreeMap<ChannelId, Box<dyn Channel>>>,
    pub refused: Arc<Refused>,
}

/// Seconds at which signatures were refused, by channel. In memory only: nothing that a stranger
/// sends is stored, and a restart begins to count anew.
#[derive(Default)]
pub struct Refused(Mutex<BTreeMap<ChannelId, VecDeque<i64>>>);

impl Refused {
    fn count(&self, channel: &ChannelId, second: i64) -> usize {
        let mut refused = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let seconds = refused.entry(channel.clone()).or_default();
        seconds.push_back(second);
        let oldest = second - BAD_SIGNATURES_WINDOW_SECONDS;
        seconds.retain(|known| *known > oldest);
        seconds.truncate(1000);
        seconds.len()
    }
}

/// The HTTP answer and what was done, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub note: &'static str,
}

const fn answer(status: u16, note: &'static str) -> Answer {
    Answer { status, note }
}

pub async fn handle(deps: &Deps, channel_id: &str, request: &WebhookRequest) -> Answer {
    let known = ChannelId::parse(channel_id).ok();
    let Some((channel_id, channel)) = known
        .as_ref()
        .and_then(|id| deps.channels.get_key_value(id))
    else {
        return answer(404, "no such channel");
    };
    if request.body.len() > LARGEST_BODY {
        let detail = format!("{channel_id}: a webhook of more than 5 MiB was refused unread");
        return match open_incident(
            deps,
            CaseKind::OversizedBody,
            channel_id.to_string(),
            detail,
        )
        .await
        {
            Ok(()) => answer(413, "body too large"),
            Err(_) => answer(503, "store unavailable"),
        };
    }
    if let Err(bad) = channel.verify(request) {
        return refuse(deps, channel_id, bad.0).await;
    }
    let events = match channel.parse(request) {
        Ok(events) if events.is_empty() => return answer(200, "topic not of interest"),
        Ok(events) => events,
        Err(unreadable) => return quarantine::keep(deps, channel_id, request, &unreadable.0).await,
    };
    match take_in(deps, channel_id, &events).await {
        Ok(_) => answer(200, "accepted"),
        Err(error) => {
            tracing::warn!(channel.id = %channel_id, error = %error, "order not accepted; the channel retries");
            answer(503, "not accepted")
        }
    }
}

/// Joins each message into its order, and enqueues routing where there is something to look at.
async fn take_in(
    deps: &Deps,
    channel: &ChannelId,
    events: &[ChannelEvent],
) -> Result<Vec<OrderId>, StepError> {
    let mut orders = Vec::with_capacity(events.len());
    for event in events {
        let order = OrderId::new(channel.clone(), event.order().clone());
        let state = accept(deps, &order, event).await?;
        if state.needs_routing.is_some() {
            let message = Message::Route {
                order: order.clone(),
            };
            if let Err(error) = deps.queue.send(&message).await {
                tracing::warn!(order.id = %state.id, error = %error, "routing not enqueued; the sweep will");
            }
        }
        orders.push(order);
    }
    Ok(orders)
}

/// Joins the message into the order and commits what it adds; returns the state after it.
async fn accept(deps: &Deps, id: &OrderId, event: &ChannelEvent) -> Result<Order, StepError> {
    for attempt in 0..TRIES {
        let order = match deps.orders.load(id).await? {
            Some(history) => history.fold()?,
            None => Order::new(id.clone()),
        };
        let (events, payload) = order.merge(event);
        if events.is_empty() {
            return Ok(order);
        }
        let (mut commit, after) = Commit::new(&order, events, deps.clock.now())
            .map_err(|refusal| StepError::Stop(refusal.to_string()))?;
        commit.payload = payload;
        match deps.orders.commit(commit).await {
            Ok(()) => return Ok(after),
            Err(CommitError::Stale) => {}
            Err(CommitError::Busy) => deps.clock.sleep(jitter(id, attempt)).await,
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

/// Differs by order, so that workers that collided do not collide again.
fn jitter(order: &OrderId, attempt: u32) -> Duration {
    let spread = Digest::of(order.to_string().as_bytes())
        .as_str()
        .bytes()
        .map(u64::from)
        .sum::<u64>()
        % 20;
    Duration::from_millis((10 + spread) * u64::from(attempt + 1))
}

async fn refuse(deps: &Deps, channel: &ChannelId, why: &'static str) -> Answer {
    tracing::info!(channel.id = %channel, why, "webhook refused");
    let now = deps.clock.now().as_second();
    if deps.refused.count(channel, now) >= BAD_SIGNATURES_BEFORE_INCIDENT {
        let cause = channel.to_string();
        let detail = format!(
            "{channel}: {BAD_SIGNATURES_BEFORE_INCIDENT} webhooks or more refused within ten minutes, the last one: {why}"
        );
        if open_incident(deps, CaseKind::BadSignatures, cause, detail)
            .await
            .is_err()
        {
            tracing::warn!(channel.id = %channel, "incident not opened");
        }
    }
    answer(401, why)
}

async fn open_incident(
    deps: &Deps,
    kind: CaseKind,
    cause: String,
    detail: String,
) -> Result<(), ports::StoreError> {
    let incident = Incident {
        kind,
        cause,
        detail,
        opened_at: deps.clock.now(),
    };
    if deps.orders.open_incident(&incident).await? {
        tracing::error!(kind = %incident.kind, detail = %incident.detail, "incident opened");
    }
    Ok(())
}
