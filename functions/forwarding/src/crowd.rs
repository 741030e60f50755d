//! A supplier's `concurrency`, where several processes hand over without knowing of each other.

use crate::send::until;
use crate::{Deps, sending};
use domain::ids::OrderId;
use domain::messages::Message;
use domain::order::PurchaseOrder;
use domain::sending::machine::SendState;
use domain::sending::subject::SendSubject;
use domain::sending::timing::RESEND_AFTER;
use jiff::Timestamp;
use ports::{Later, Slot, Slots, StepError, Supplier};
use std::sync::Arc;
use std::time::Duration;

/// Messages that find a supplier busy come again after one second up to so many, spread evenly.
const SPREAD_SECONDS: i32 = 8;

/// Processes that hand over at the same time.
pub struct Crowd {
    /// At most, each with one hand-over at a time.
    pub processes: usize,
    pub slots: Arc<dyn Slots>,
    pub later: Arc<dyn Later>,
}

/// Whether there is room at a supplier.
pub(crate) enum Room {
    /// The slot is to be left; none is needed where not even all processes pass the limit.
    Free(Option<Slot>),
    /// The message comes again soon.
    Full,
}

pub(crate) async fn room(
    deps: &Deps,
    order: &OrderId,
    own: &PurchaseOrder,
    id: &SendSubject,
    way: &dyn Supplier,
) -> Result<Room, StepError> {
    let settings = deps.settings();
    let known = settings.suppliers.get(&own.supplier);
    let (Some(crowd), Some(known)) = (&deps.crowd, known) else {
        return Ok(Room::Free(None));
    };
    if known.concurrency >= crowd.processes {
        return Ok(Room::Free(None));
    }
    let now = deps.clock.now();
    // Two workers with the same purchase order are told apart by the moment.
    let holder = format!("{id} {now}");
    let of = known.concurrency;
    let taken = crowd
        .slots
        .take(&own.supplier, of, &holder, now, until(way, now));
    if let Some(slot) = taken.await? {
        return Ok(Room::Free(Some(slot)));
    }
    if let Some(pause) = again(&sending(own, id).state, now) {
        let message = Message::Forward {
            order: order.clone(),
            purchase_order: own.number.clone(),
        };
        crowd.later.send_later(&message, pause).await?;
    }
    Ok(Room::Full)
}

/// One that cannot be left is free again by itself.
pub(crate) async fn leave(deps: &Deps, slot: Option<Slot>) {
    if let (Some(crowd), Some(slot)) = (&deps.crowd, slot)
        && let Err(error) = crowd.slots.leave(&slot).await
    {
        tracing::warn!(supplier.id = %slot.supplier, error = %error, "a slot was not left");
    }
}

/// After what pause the message comes again. What is due stays due, so the sweep sends a message of
/// its own each time that [`RESEND_AFTER`] has passed, and opens a case when that goes on for too long.
/// One that would come after the next of these ends, so that they never become many.
fn again(state: &SendState, now: Timestamp) -> Option<Duration> {
    let due = match state {
        SendState::Planned { due } | SendState::BetweenSteps { due } => *due,
        SendState::SendStarted { .. }
        | SendState::InDoubt { .. }
        | SendState::Sent { .. }
        | SendState::Rejected { .. }
        | SendState::Voided { .. } => return None,
    };
    // The moment is as good as a random number.
    let spread = (now.subsec_nanosecond() / 1000).rem_euclid(SPREAD_SECONDS);
    let pause = u64::from(spread.unsigned_abs()) + 1;
    let waited = u64::try_from(now.duration_since(due).as_secs()).unwrap_or_default();
    let wakes = |after: u64| after / RESEND_AFTER.as_secs().unsigned_abs();
    (wakes(waited) == wakes(waited + pause)).then_some(Duration::from_secs(pause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn messages_come_again_until_the_sweep_sends_another() {
        let due = Timestamp::from_second(1_000_000).unwrap();
        let state = SendState::Planned { due };
        let at = |millis| again(&state, due + SignedDuration::from_millis(millis));
        assert_eq!(at(0), Some(Duration::from_secs(1)));
        assert_eq!(at(118_000), Some(Duration::from_secs(1)));
        assert_eq!(at(119_000), None);
        assert_eq!(at(120_000), Some(Duration::from_secs(1)));
        assert_eq!(at(239_500), None);
        let mut moment = due;
        for _ in 0..100 {
            moment += SignedDuration::from_micros(1);
            let pause = again(&state, moment).unwrap();
            assert!((1..=8).contains(&pause.as_secs()), "{pause:?}");
        }
    }
}
