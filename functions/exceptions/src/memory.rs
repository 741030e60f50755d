//! What a sweep knows of those before it in its process.

use domain::clock::{Moment, jump};
use domain::digest::Digest;
use domain::ids::OrderId;
use jiff::SignedDuration;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Orders that one sweep has prepared again; the next goes on with the others. On AWS each costs about
/// 15 ms of the minute that a sweep may take.
pub(crate) const PREPARED_A_SWEEP: usize = 2000;

/// Between two looks at all cases that find none which another configuration holds.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug, Default)]
pub struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    preparation: Option<Preparation>,
    held: Option<Held>,
    looked_at_clock: Option<Moment>,
}

/// How far whatever waits was prepared by a configuration.
#[derive(Debug)]
struct Preparation {
    configuration: Digest,
    /// When this process saw it first, by the steady clock.
    seen_at: SignedDuration,
    pass: Pass,
}

/// Whether orders may be held by another configuration than this one.
#[derive(Debug)]
struct Held {
    configuration: Digest,
    /// When this process saw it first, by the steady clock.
    seen_at: SignedDuration,
    /// When a look found none, and none could come any more.
    none_at: Option<SignedDuration>,
}

#[derive(Debug)]
enum Pass {
    Wanted,
    /// Begun then; these are left.
    Begun(SignedDuration, VecDeque<OrderId>),
    /// Every process had the configuration when the last pass began.
    Done,
}

/// What a sweep has to prepare.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToPrepare {
    Nothing,
    /// Whatever is unfinished: [`Memory::begin`].
    Everything,
    /// The next of those that are left: [`Memory::prepared`] where all of them are.
    These(Vec<OrderId>),
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn to_prepare(&self, current: &Digest, now: SignedDuration) -> ToPrepare {
        let mut state = self.state();
        let known = state.preparation.as_ref();
        if known.is_none_or(|known| known.configuration != *current) {
            state.preparation = Some(Preparation {
                configuration: current.clone(),
                seen_at: now,
                pass: Pass::Wanted,
            });
        }
        match state.preparation.as_ref().map(|known| &known.pass) {
            Some(Pass::Wanted) => ToPrepare::Everything,
            Some(Pass::Begun(_, left)) => {
                ToPrepare::These(left.iter().take(PREPARED_A_SWEEP).cloned().collect())
            }
            Some(Pass::Done) | None => ToPrepare::Nothing,
        }
    }

    /// A pass over these orders begins.
    pub(crate) fn begin(&self, orders: impl IntoIterator<Item = OrderId>, now: SignedDuration) {
        if let Some(known) = &mut self.state().preparation {
            known.pass = Pass::Begun(now, orders.into_iter().collect());
        }
    }

    /// So many of those that are left are prepared. Others may have run by an older configuration,
    /// for `others_follow_within` at most, and have done nothing: then everything is prepared once
    /// more.
    pub(crate) fn prepared(&self, count: usize, others_follow_within: SignedDuration) {
        let mut state = self.state();
        let Some(known) = &mut state.preparation else {
            return;
        };
        let Pass::Begun(at, left) = &mut known.pass else {
            return;
        };
        left.drain(..count.min(left.len()));
        if left.is_empty() {
            let followed = *at >= known.seen_at + others_follow_within;
            known.pass = if followed { Pass::Done } else { Pass::Wanted };
        }
    }

    pub(crate) fn may_be_held_by_another(&self, current: &Digest, now: SignedDuration) -> bool {
        let mut state = self.state();
        let known = state.held.take();
        let known = known.filter(|known| known.configuration == *current);
        let held = known.unwrap_or_else(|| Held {
            configuration: current.clone(),
            seen_at: now,
            none_at: None,
        });
        let looked_at = held.none_at;
        state.held = Some(held);
        looked_at.is_none_or(|at| now >= at + LOOK_AGAIN_AFTER)
    }

    /// A look that began at `now` found none. Others may have run by another configuration, for
    /// `others_end_within` at most.
    pub(crate) fn none_is_held_by_another(
        &self,
        now: SignedDuration,
        others_end_within: SignedDuration,
    ) {
        if let Some(held) = &mut self.state().held {
            held.none_at = (now >= held.seen_at + others_end_within).then_some(now);
        }
    }

    /// By how much the wall clock was set since [`Memory::looked_at_clock`]. Nothing is known where
    /// processes come and go.
    pub(crate) fn clock_set(&self, now: &Moment) -> Option<SignedDuration> {
        now.steady.process.as_ref()?;
        let state = self.state();
        let before = state.looked_at_clock.as_ref()?;
        (before.steady.process == now.steady.process)
            .then(|| jump(before, now))
            .flatten()
    }

    /// What followed from it is stored.
    pub(crate) fn looked_at_clock(&self, now: Moment) {
        self.state().looked_at_clock = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn orders(count: usize) -> Vec<OrderId> {
        (0..count)
            .map(|number| OrderId::parse(&format!("acme/{number}")).unwrap())
            .collect()
    }

    fn second(second: i64) -> SignedDuration {
        SignedDuration::from_secs(second)
    }

    #[test]
    fn everything_is_prepared_once_by_each_configuration_where_nobody_follows_later() {
        let memory = Memory::default();
        for (turn, text) in (0..).zip([b"one", b"two"]) {
            let digest = Digest::of(text);
            let now = second(turn);
            assert_eq!(memory.to_prepare(&digest, now), ToPrepare::Everything);
            let all = orders(PREPARED_A_SWEEP + 1);
            memory.begin(all.clone(), now);
            let first = all[..PREPARED_A_SWEEP].to_vec();
            assert_eq!(memory.to_prepare(&digest, now), ToPrepare::These(first));
            memory.prepared(PREPARED_A_SWEEP, second(0));
            let rest = all[PREPARED_A_SWEEP..].to_vec();
            assert_eq!(memory.to_prepare(&digest, now), ToPrepare::These(rest));
            memory.prepared(1, second(0));
            assert_eq!(memory.to_prepare(&digest, now), ToPrepare::Nothing);
        }
    }

    #[test]
    fn everything_is_prepared_again_until_every_process_has_the_configuration() {
        let memory = Memory::default();
        let digest = Digest::of(b"one");
        for at in [0, 60, 90] {
            assert_eq!(
                memory.to_prepare(&digest, second(at)),
                ToPrepare::Everything
            );
            memory.begin(orders(1), second(at));
            memory.prepared(1, second(90));
        }
        assert_eq!(memory.to_prepare(&digest, second(120)), ToPrepare::Nothing);
    }

    #[test]
    fn held_orders_are_looked_for_until_none_can_be_of_another_configuration() {
        let memory = Memory::default();
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        assert!(memory.may_be_held_by_another(&one, second(0)));
        memory.none_is_held_by_another(second(0), second(90));
        assert!(memory.may_be_held_by_another(&one, second(90)), "too early");
        memory.none_is_held_by_another(second(90), second(90));
        assert!(!memory.may_be_held_by_another(&one, second(150)));
        assert!(memory.may_be_held_by_another(&two, second(151)));
        assert!(memory.may_be_held_by_another(&two, second(211)));
    }

    #[test]
    fn only_a_clock_of_the_same_process_that_was_set_jumps() {
        let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let moment = |process: Option<&str>, wall: i64, steady: i64| {
            let mut moment = Moment::of_unset_clock(start + second(wall));
            moment.steady.process = process.map(str::to_owned);
            moment.steady.since = second(steady);
            moment
        };
        let memory = Memory::default();
        let clock_set = |now: Moment| {
            let jumped = memory.clock_set(&now);
            // Until it is stored, it is found again.
            assert_eq!(memory.clock_set(&now), jumped);
            memory.looked_at_clock(now);
            jumped
        };
        let one = Some("one");
        assert_eq!(clock_set(moment(one, 0, 0)), None);
        assert_eq!(clock_set(moment(one, 5, 5)), None);
        assert_eq!(clock_set(moment(one, 3610, 10)), Some(second(3600)));
        assert_eq!(clock_set(moment(one, 3615, 15)), None);
        assert_eq!(clock_set(moment(Some("two"), 0, 0)), None);
        assert_eq!(clock_set(moment(None, 9000, 0)), None);
    }
}
