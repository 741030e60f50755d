//! One claim, one send, one outcome; and looking up what became of a doubt.

use crate::artifact::artifact;
use crate::crowd::{Room, leave, room};
use crate::mail::wait_while_paused;
use crate::record::{accepted, commit, record, recordable, step_done};
use crate::{Deps, Flow, prepared_not, restored, sending};
use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::order::answer::LookupFinding;
use domain::order::decide::{Answer, Command, NotFound, Outcome};
use domain::order::{Order, PurchaseOrder, Refusal};
use domain::sending::Sending;
use domain::sending::subject::SendSubject;
use domain::sending::timing::SETTLE_MARGIN;
use domain::sending::via::Via;
use jiff::{SignedDuration, Timestamp};
use ports::{
    Acceptance, Artifact, Attempt, CommitError, LookedUp, LookupAnswer, Moment, StepError, Supplier,
};
use std::time::Duration;

/// A supplier's own limit that ends so soon is waited for here; a longer one is committed.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

pub(crate) async fn send(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
    id: &SendSubject,
    way: &dyn Supplier,
) -> Result<Flow, StepError> {
    let sending = sending(own, id);
    let steps_done = sending.progress.steps.len();
    if let Some(flow) = wait_while_paused(deps, order, &own.supplier, id, way, steps_done).await? {
        return Ok(flow);
    }
    if let Some(flow) = wait_for_the_supplier(deps, &order.id, id, sending, way).await? {
        return Ok(flow);
    }
    match room(deps, &order.id, own, id, way).await? {
        Room::Full => Ok(Flow::Stop(None)),
        Room::Free(slot) => {
            let held_until = slot.as_ref().map(|slot| slot.until);
            let flow = hand_over(deps, order, own, id, way, held_until).await;
            leave(deps, slot).await;
            flow
        }
    }
}

/// The slot at the supplier is ours until then, where one is needed.
async fn hand_over(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
    id: &SendSubject,
    way: &dyn Supplier,
    held_until: Option<Timestamp>,
) -> Result<Flow, StepError> {
    let artifact = match artifact(deps, order, own, id, way).await? {
        Ok(artifact) => artifact,
        Err(why) => return prepared_not(deps, &order.id, id, why).await,
    };
    let Some(claim) = claim(deps, order, own, id, &artifact, way).await? else {
        return Ok(Flow::Stop(None));
    };
    // A process that slept must not send at a time when others may be settling its claim, or holding
    // its slot.
    let now = deps.clock.moment();
    let is_held = held_until.is_none_or(|until| now.at + timeout(way) <= until);
    let outcome = if is_too_old(&claim.at, &now) || !is_held {
        Outcome::NotSent {
            retry_after: None,
            why: "the claim was too old to send".to_owned(),
        }
    } else {
        let sent = way.send(&artifact, &claim.attempt).await;
        let can_look_up = way.lookup().is_some() || claim.via.file.is_some();
        recordable(deps, &order.id, own, id, sent, can_look_up).await
    };
    let attempt = claim.attempt.attempt;
    let after = record(deps, Some(claim.after), &order.id, id, attempt, outcome).await?;
    Ok(Flow::GoOn(after))
}

/// By either clock: one may have been set since.
fn is_too_old(claimed: &Moment, now: &Moment) -> bool {
    let passed = now.steady.since - claimed.steady.since;
    now.at > claimed.at + SETTLE_MARGIN || passed > SETTLE_MARGIN
}

/// What the supplier's own limits say: nothing, a short wait that is over, or a longer one that is
/// committed, since waiting never rides on redelivery.
async fn wait_for_the_supplier(
    deps: &Deps,
    order: &OrderId,
    id: &SendSubject,
    sending: &Sending,
    way: &dyn Supplier,
) -> Result<Option<Flow>, StepError> {
    let moment = deps.clock.moment();
    let now = moment.at;
    let until = way.not_before(&moment, sending.retry_requested_at);
    let Some(until) = until.filter(|until| *until > now) else {
        return Ok(None);
    };
    let wait = until.duration_since(now);
    if wait <= PATIENCE {
        deps.clock.sleep(wait.try_into().unwrap_or_default()).await;
        return Ok(None);
    }
    commit(deps, order, || Command::Postpone {
        id: id.clone(),
        until,
        why: "the supplier's limit of requests".to_owned(),
        via: way.via(id, sending.progress.steps.len()),
    })
    .await?;
    Ok(Some(Flow::Stop(None)))
}

/// When a send that begins now, or a little later, has surely ended.
pub(crate) fn until(way: &dyn Supplier, now: Timestamp) -> Timestamp {
    now + timeout(way) + SETTLE_MARGIN
}

fn timeout(way: &dyn Supplier) -> SignedDuration {
    SignedDuration::try_from(way.timeout()).unwrap_or(SETTLE_MARGIN)
}

pub(crate) struct Claim {
    pub(crate) attempt: Attempt,
    pub(crate) via: Via,
    at: Moment,
    /// The order with the claim.
    pub(crate) after: Box<Order>,
}

/// The claim is made on the very version that was looked at: anybody's step since makes it stale,
/// and then everything is looked at again. `None` where somebody else holds it or it no longer
/// holds.
pub(crate) async fn claim(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
    id: &SendSubject,
    artifact: &Artifact,
    way: &dyn Supplier,
) -> Result<Option<Claim>, StepError> {
    let moment = deps.clock.moment();
    let at = moment.at;
    if id.request().is_none() && !restored::may_be_claimed(deps, order, id.purchase_order()).await?
    {
        return Ok(None);
    }
    let via = way.via(id, sending(own, id).progress.steps.len());
    let claim = Command::StartSend {
        id: id.clone(),
        artifact: Digest::of(&artifact.bytes),
        resolve_at: until(way, at),
        cut_off: own.cut_off.filter(|_| way.batches().is_some()),
        via: via.clone(),
    };
    let events = match order.decide(claim, at) {
        Ok(events) => events,
        Err(Refusal::Illegal { .. } | Refusal::NoLongerHolds) => return Ok(None),
        Err(refusal) => return Err(StepError::Stop(refusal.to_string())),
    };
    let (commit, after) =
        Commit::new(order, events, at).map_err(|refusal| StepError::Stop(refusal.to_string()))?;
    match deps.orders.commit(commit).await {
        Ok(()) => {}
        Err(CommitError::Stale | CommitError::Busy) => return Err(StepError::Contended),
        Err(error) => {
            return Err(StepError::GiveBack(
                format!("claim of {id}"),
                Box::new(error),
            ));
        }
    }
    let mut attempt = attempt(own, id);
    attempt.attempt += 1;
    let after = Box::new(after);
    Ok(Some(Claim {
        attempt,
        via,
        at: moment,
        after,
    }))
}

/// The attempt that was claimed last.
fn attempt(own: &PurchaseOrder, id: &SendSubject) -> Attempt {
    let sending = sending(own, id);
    Attempt {
        id: id.clone(),
        attempt: sending.attempts,
        doubted: sending.doubted,
        progress: sending.progress.clone(),
    }
}

/// What a look-up found, and how long after an absence a second one proves it.
pub(crate) struct Found {
    looked_up: LookedUp,
    proof_after: Option<Duration>,
}

impl Found {
    /// It is there.
    pub(crate) fn accepted() -> Self {
        Self {
            looked_up: LookedUp {
                answer: LookupAnswer::Accepted(Acceptance::default()),
                date: None,
            },
            proof_after: None,
        }
    }

    /// Nothing told whether it is there.
    pub(crate) fn unclear() -> Self {
        Self {
            looked_up: LookedUp {
                answer: LookupAnswer::NotFound(LookupFinding::Unclear),
                date: None,
            },
            proof_after: None,
        }
    }
}

/// Asks what became of an attempt. A file is asked for by the name under which it was created, or
/// not; any other way than the attempt's own may confirm it, and proves no absence. `way` is how the
/// settings reach the supplier now, where they do.
pub(crate) async fn look_up(
    deps: &Deps,
    order: &OrderId,
    own: &PurchaseOrder,
    id: &SendSubject,
    number_of_attempt: u32,
    way: Option<&dyn Supplier>,
) -> Result<(), StepError> {
    let sending = sending(own, id);
    let made_by = sending.last.via.as_ref();
    let file = made_by.and_then(|via| via.file.as_deref());
    let found = match (file, way) {
        (Some(file), _) if sending.is_suspected() => restored::confirm_by_file(deps, file).await,
        (None, Some(way)) if sending.is_suspected() && own.cut_off.is_some() => {
            restored::confirm_by_batch(deps, own, way).await
        }
        (Some(file), _) => ask_for_the_file(deps, file).await,
        (None, Some(way)) => ask_the_supplier(own, id, way).await,
        (None, None) => Found::unclear(),
    };
    let lag = found.proof_after;
    let answer = match found.looked_up.answer {
        LookupAnswer::Accepted(acceptance) => {
            Answer::Accepted(accepted(deps, own, acceptance).await)
        }
        LookupAnswer::Done(done) => Answer::StepDone(step_done(done)),
        LookupAnswer::NotFound(finding) => Answer::NotFound(NotFound {
            finding,
            date: found.looked_up.date,
            steady: deps.clock.steady(),
            proof_after: lag.and_then(|lag| SignedDuration::try_from(lag).ok()),
        }),
    };
    commit(deps, order, || Command::RecordLookup {
        id: id.clone(),
        attempt: number_of_attempt,
        answer: answer.clone(),
    })
    .await
    .map(drop)
}

/// The outbox is ours: what it does not know was never there.
async fn ask_for_the_file(deps: &Deps, file: &str) -> Found {
    let answer = match deps.files.was_published(file).await {
        Ok(true) => LookupAnswer::Accepted(Acceptance::default()),
        Ok(false) => LookupAnswer::NotFound(LookupFinding::Absent),
        Err(error) => {
            tracing::warn!(error = %error, "the outbox did not answer");
            LookupAnswer::NotFound(LookupFinding::Unclear)
        }
    };
    Found {
        looked_up: LookedUp { answer, date: None },
        proof_after: Some(Duration::ZERO),
    }
}

async fn ask_the_supplier(own: &PurchaseOrder, id: &SendSubject, way: &dyn Supplier) -> Found {
    let Some(lookup) = way.lookup() else {
        return Found::unclear();
    };
    let attempt = attempt(own, id);
    let now = way.via(id, attempt.progress.steps.len());
    let is_same_way = sending(own, id).last.via.as_ref() == Some(&now);
    let looked_up = lookup.find(&attempt).await;
    if matches!(looked_up.answer, LookupAnswer::NotFound(_)) && !is_same_way {
        return Found::unclear();
    }
    Found {
        looked_up,
        proof_after: lookup.policy(&attempt).authoritative_after,
    }
}
