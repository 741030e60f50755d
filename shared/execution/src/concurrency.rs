//! A supplier's `concurrency`, where several processes send without knowing of each other.

use domain::ids::SupplierId;
use domain::messages::ForwardPurchaseOrder;
use domain::sending::machine::SendState;
use domain::sending::subject::SendSubject;
use domain::sending::timing::RESEND_AFTER;
use jiff::Timestamp;
use ports::{DelayedQueue, Slot, StepError, SupplierSlots};
use std::sync::Arc;
use std::time::Duration;

/// Messages that find a supplier busy are redelivered after one second up to so many, spread evenly.
const SPREAD_SECONDS: i32 = 8;

/// Keeps the processes that send at the same time below what each supplier permits.
pub struct ConcurrencyLimit {
    /// At most, each with one send at a time.
    pub processes: usize,
    pub slots: Arc<dyn SupplierSlots>,
    pub later: Arc<dyn DelayedQueue>,
}

/// Whether one more send may begin.
pub enum Admission {
    /// The slot is to be freed; none is needed where not even all processes pass the limit.
    Admitted(Option<Slot>),
    Busy,
}

impl ConcurrencyLimit {
    /// Admits a send that has surely ended by `until`, where fewer than `permitted` are under way.
    pub(crate) async fn admit(
        &self,
        supplier: &SupplierId,
        permitted: usize,
        subject: &SendSubject,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Admission, StepError> {
        if permitted >= self.processes {
            return Ok(Admission::Admitted(None));
        }
        // Two workers with the same purchase order are told apart by the moment.
        let holder = format!("{subject} {now}");
        let taken = self.slots.acquire(supplier, permitted, &holder, now, until);
        Ok(match taken.await? {
            Some(slot) => Admission::Admitted(Some(slot)),
            None => Admission::Busy,
        })
    }

    /// A slot that cannot be freed is free again by itself.
    pub(crate) async fn free(&self, slot: &Slot) {
        if let Err(error) = self.slots.free(slot).await {
            tracing::warn!(supplier.id = %slot.supplier, error = %error, "a slot was not freed");
        }
    }

    /// Has the message of a send that was not admitted redelivered soon.
    pub(crate) async fn redeliver(
        &self,
        message: ForwardPurchaseOrder,
        state: &SendState,
        now: Timestamp,
    ) -> Result<(), StepError> {
        if let Some(pause) = redeliver_after(state, now) {
            self.later.send_after(&message.into(), pause).await?;
        }
        Ok(())
    }
}

/// After what pause the message is redelivered. What is due stays due, so the sweep sends a message of
/// its own each time that [`RESEND_AFTER`] has passed, and opens a case when that goes on for too long.
/// One that would arrive after the next of these ends, so that they never become many.
fn redeliver_after(state: &SendState, now: Timestamp) -> Option<Duration> {
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
    fn messages_are_redelivered_until_the_sweep_sends_another() {
        let due = Timestamp::from_second(1_000_000).unwrap();
        let state = SendState::Planned { due };
        let at = |millis| redeliver_after(&state, due + SignedDuration::from_millis(millis));
        assert_eq!(at(0), Some(Duration::from_secs(1)));
        assert_eq!(at(118_000), Some(Duration::from_secs(1)));
        assert_eq!(at(119_000), None);
        assert_eq!(at(120_000), Some(Duration::from_secs(1)));
        assert_eq!(at(239_500), None);
        let mut moment = due;
        for _ in 0..100 {
            moment += SignedDuration::from_micros(1);
            let pause = redeliver_after(&state, moment).unwrap();
            assert!((1..=8).contains(&pause.as_secs()), "{pause:?}");
        }
    }
}
