//! Takes a channel's webhook: verifies the raw bytes, parses, commits the order, enqueues routing
//! and answers within the channel's deadline.
//!
//! 2xx is answered only after the order, or the raw payload in quarantine, is durable. A message
//! that cannot be enqueued does not matter then: the sweep finds the order after a minute.

mod quarantine;

pub use quarantine::{Redriven, redrive};

use domain::cases::CaseKind;
use domain::ids::{ChannelId, OrderId};
use domain::messages::RouteOrder;
use domain::order::Order;
use domain::order::news::ChannelEvent;
use execution::{Change, Draft, Look, notify};
use ports::{
    Channel, Clock, Files, IncidentStore, OrderStore, Queue, Received, StepError, Webhook,
    WebhookRequest,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A larger body is refused unread.
pub const LARGEST_BODY: usize = 5 * 1024 * 1024;
const BAD_SIGNATURES_BEFORE_INCIDENT: usize = 5;
const BAD_SIGNATURES_WINDOW_SECONDS: i64 = 600;
/// An incident is opened again at most so often: a flood of refused requests must not become a flood
/// of writes.
const INCIDENT_AGAIN_SECONDS: i64 = 5;

/// What the function may touch.
#[derive(Clone)]
pub struct Deps {
    pub orders: Arc<dyn OrderStore>,
    pub incidents: Arc<dyn IncidentStore>,
    pub queue: Arc<dyn Queue>,
    pub files: Arc<dyn Files>,
    pub clock: Arc<dyn Clock>,
    pub channels: Arc<BTreeMap<ChannelId, Box<dyn Channel>>>,
    pub refused: Arc<Refused>,
}

/// What was refused, by channel. In memory only: nothing that a stranger sends is stored, and a
/// restart begins to count anew.
#[derive(Default)]
pub struct Refused(Mutex<BTreeMap<ChannelId, Refusals>>);

#[derive(Default)]
struct Refusals {
    /// Seconds at which signatures were refused: the newest, as many as an incident takes.
    bad_signatures: VecDeque<i64>,
    /// The second at which an incident was opened last.
    opened: BTreeMap<CaseKind, i64>,
}

impl Refused {
    /// Counts a bad signature; whether there were enough within the window for an incident.
    fn count(&self, channel: &ChannelId, second: i64) -> bool {
        let mut refused = self.lock();
        let seconds = &mut refused.entry(channel.clone()).or_default().bad_signatures;
        seconds.push_back(second);
        if seconds.len() > BAD_SIGNATURES_BEFORE_INCIDENT {
            seconds.pop_front();
        }
        let oldest = second - BAD_SIGNATURES_WINDOW_SECONDS;
        seconds.len() == BAD_SIGNATURES_BEFORE_INCIDENT && seconds.iter().all(|at| *at > oldest)
    }

    fn was_just_opened(&self, channel: &ChannelId, kind: CaseKind, second: i64) -> bool {
        let refused = self.lock();
        let opened = refused
            .get(channel)
            .and_then(|known| known.opened.get(&kind));
        opened.is_some_and(|at| (second - at).abs() < INCIDENT_AGAIN_SECONDS)
    }

    fn opened(&self, channel: &ChannelId, kind: CaseKind, second: i64) {
        let mut refused = self.lock();
        let opened = &mut refused.entry(channel.clone()).or_default().opened;
        opened.insert(kind, second);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ChannelId, Refusals>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The HTTP answer and what was done, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub note: &'static str,
    /// What the channel asked for; else the note is answered.
    pub body: Option<Vec<u8>>,
}

const fn answer(status: u16, note: &'static str) -> Answer {
    Answer {
        status,
        note,
        body: None,
    }
}

const NO_SUCH_CHANNEL: Answer = answer(404, "no such channel");

/// The answer to a request whose body need not be read: the channel is unknown, the headers are those
/// of no signed request, or the body is too long. `length` is in bytes: what the request announces, or
/// what arrived already; `None` where neither is known.
pub async fn refuse_unread(
    deps: &Deps,
    channel_id: &str,
    head: &WebhookRequest,
    length: Option<u64>,
) -> Option<Answer> {
    let Some((channel_id, webhook)) = find_webhook(deps, channel_id) else {
        return Some(NO_SUCH_CHANNEL);
    };
    if let Err(bad) = webhook.verify_head(head) {
        return Some(refuse(deps, channel_id, bad.0).await);
    }
    let longest = u64::try_from(LARGEST_BODY).unwrap_or(u64::MAX);
    match length {
        Some(length) if length > longest => Some(refuse_length(deps, channel_id).await),
        _ => None,
    }
}

pub async fn handle(deps: &Deps, channel_id: &str, request: &WebhookRequest) -> Answer {
    let Some((channel_id, webhook)) = find_webhook(deps, channel_id) else {
        return NO_SUCH_CHANNEL;
    };
    if request.body.len() > LARGEST_BODY {
        return refuse_length(deps, channel_id).await;
    }
    let events = match webhook.receive(request) {
        Ok(Received::Events(events)) if events.is_empty() => {
            return answer(200, "topic not of interest");
        }
        Ok(Received::Events(events)) => events,
        Ok(Received::Challenge(bytes)) => {
            return Answer {
                body: Some(bytes),
                ..answer(200, "challenge answered")
            };
        }
        Ok(Received::Ping) => return answer(200, "here"),
        Err(ports::Refused::Untrusted(bad)) => return refuse(deps, channel_id, bad.0).await,
        Err(ports::Refused::Unreadable(why)) => {
            return quarantine::keep(deps, channel_id, request, &why.0).await;
        }
    };
    match take_in(deps, channel_id, &events).await {
        Ok(_) => answer(200, "accepted"),
        Err(error) => {
            tracing::warn!(channel.id = %channel_id, error = %error, "order not accepted; the channel retries");
            answer(503, "not accepted")
        }
    }
}

/// Of a channel that receives any.
fn find_webhook<'a>(deps: &'a Deps, id: &str) -> Option<(&'a ChannelId, &'a dyn Webhook)> {
    let id = ChannelId::parse(id).ok()?;
    let (id, channel) = deps.channels.get_key_value(&id)?;
    Some((id, channel.webhook()?))
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
        if state.is_some_and(|state| state.needs_routing.is_some()) {
            let order = order.clone();
            notify(deps.queue.as_ref(), &[RouteOrder { order }.into()]).await;
        }
        orders.push(order);
    }
    Ok(orders)
}

/// Joins the message into the order and commits what it adds; returns the state after it.
async fn accept(
    deps: &Deps,
    id: &OrderId,
    event: &ChannelEvent,
) -> Result<Option<Box<Order>>, StepError> {
    let change = Change::of(id, deps.orders.as_ref(), deps.clock.as_ref()).creating();
    let merge = |look: Look<'_>| {
        let (events, payload) = look.order.merge(event);
        Ok(Draft {
            events,
            payload,
            trace: None,
        })
    };
    Ok(change.commit_draft(merge).await?.order())
}

/// Logs nothing: whoever serves the requests knows how many there are.
async fn refuse(deps: &Deps, channel: &ChannelId, why: &'static str) -> Answer {
    if deps.refused.count(channel, deps.clock.now().as_second()) {
        let detail = format!(
            "{channel}: {BAD_SIGNATURES_BEFORE_INCIDENT} webhooks or more refused within ten minutes, the last one: {why}"
        );
        if refusal_incident(deps, CaseKind::BadSignatures, channel, detail)
            .await
            .is_err()
        {
            tracing::warn!(channel.id = %channel, "incident not opened");
        }
    }
    answer(401, why)
}

async fn refuse_length(deps: &Deps, channel: &ChannelId) -> Answer {
    let detail = format!("{channel}: a webhook of more than 5 MiB was refused unread");
    match refusal_incident(deps, CaseKind::OversizedBody, channel, detail).await {
        Ok(()) => answer(413, "body too large"),
        Err(_) => answer(503, "store unavailable"),
    }
}

/// Opens the channel's incident of that kind, unless this was just done.
async fn refusal_incident(
    deps: &Deps,
    kind: CaseKind,
    channel: &ChannelId,
    detail: String,
) -> Result<(), ports::StoreError> {
    let now = deps.clock.now().as_second();
    if !deps.refused.was_just_opened(channel, kind, now) {
        open_incident(deps, kind, channel.to_string(), detail).await?;
        deps.refused.opened(channel, kind, now);
    }
    Ok(())
}

async fn open_incident(
    deps: &Deps,
    kind: CaseKind,
    cause: String,
    detail: String,
) -> Result<(), ports::StoreError> {
    let (incidents, clock) = (deps.incidents.as_ref(), deps.clock.as_ref());
    execution::open_incident(incidents, clock, kind, cause, detail).await?;
    Ok(())
}
