//! How often a supplier may be asked: a bucket of ours, and the waits that it asks for itself.

use super::answer::Answer;
use super::settings::Rate;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const NANOSECONDS_A_MINUTE: u64 = 60_000_000_000;
/// What two readings of one moment may differ by.
const SLACK: SignedDuration = SignedDuration::from_millis(10);

pub(super) struct Limits {
    /// The time between two requests, and how far ahead of it a burst may run.
    pace: Option<(SignedDuration, SignedDuration)>,
    state: Mutex<State>,
}

struct State {
    /// What it was when we were last told, and when that was. No clock is read here.
    told: (Timestamp, Instant),
    ever_told: bool,
    /// When the bucket is full again.
    full_at: Timestamp,
    closed_until: Timestamp,
}

impl State {
    fn now(&self) -> Timestamp {
        let since = SignedDuration::try_from(self.told.1.elapsed()).unwrap_or_default();
        later(self.told.0, since)
    }
}

impl Limits {
    pub(super) fn new(rate: Option<&Rate>) -> Self {
        let pace = rate.map(|rate| {
            let between = Duration::from_nanos(NANOSECONDS_A_MINUTE / u64::from(rate.per_minute));
            let between = SignedDuration::try_from(between).unwrap_or_default();
            let ahead = i32::try_from(rate.burst - 1).unwrap_or(i32::MAX);
            (between, between.checked_mul(ahead).unwrap_or(between))
        });
        let start = Timestamp::UNIX_EPOCH;
        Self {
            pace,
            state: Mutex::new(State {
                told: (start, Instant::now()),
                ever_told: false,
                full_at: start,
                closed_until: start,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`ports::Supplier::not_before`].
    pub(super) fn not_before(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state();
        if !state.ever_told {
            // What was counted before anybody told the time was counted from the start.
            let passed = now.duration_since(state.now());
            state.full_at = later(state.full_at, passed);
            state.closed_until = later(state.closed_until, passed);
            state.ever_told = true;
        }
        state.told = (now, Instant::now());
        let at = self.next(&state);
        (at > later(now, SLACK)).then_some(at)
    }

    /// When the next request may go.
    fn next(&self, state: &State) -> Timestamp {
        let paced = self.pace.map_or(Timestamp::MIN, |(_, ahead)| {
            later(state.full_at, SignedDuration::ZERO - ahead)
        });
        paced.max(state.closed_until)
    }

    /// Counts a request; how long to wait where it must not go now.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let mut state = self.state();
        let now = state.now();
        let at = self.next(&state);
        if at > later(now, SLACK) {
            return Err(Duration::try_from(at.duration_since(now)).unwrap_or_default());
        }
        self.count(&mut state, now);
        Ok(())
    }

    /// Counts a request that settles a doubt, which matters more than our own pace; whether it may
    /// go, since the supplier's wish to be left alone holds for every request.
    pub(super) fn spend(&self) -> bool {
        let mut state = self.state();
        let now = state.now();
        if state.closed_until > later(now, SLACK) {
            return false;
        }
        self.count(&mut state, now);
        true
    }

    fn count(&self, state: &mut State, now: Timestamp) {
        if let Some((between, _)) = self.pace {
            state.full_at = later(state.full_at.max(now), between);
        }
    }

    /// What an answer says about when to come again.
    pub(super) fn hear(&self, answer: &Answer) -> Option<Duration> {
        let mut state = self.state();
        let now = state.now();
        let wait = answer.retry_after(now)?;
        if answer.status == 429 || answer.is_exhausted() {
            Self::close(&mut state, now, wait);
        }
        Some(wait)
    }

    /// Nothing goes for so long; for limits that an answer names in its own words.
    pub(super) fn pause(&self, wait: Duration) {
        let mut state = self.state();
        let now = state.now();
        Self::close(&mut state, now, wait);
    }

    fn close(state: &mut State, now: Timestamp, wait: Duration) {
        let wait = SignedDuration::try_from(wait).unwrap_or_default();
        state.closed_until = state.closed_until.max(later(now, wait));
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_796_000_000 + second).unwrap()
    }

    #[test]
    fn a_burst_goes_at_once_and_then_the_pace_holds() {
        let limits = Limits::new(Some(&Rate {
            per_minute: 6,
            burst: 2,
        }));
        assert_eq!(limits.not_before(at(0)), None);
        limits.take().unwrap();
        assert_eq!(limits.not_before(at(0)), None);
        limits.take().unwrap();
        // Microseconds of the real clock pass between the calls.
        let next = limits.not_before(at(0)).unwrap();
        assert_eq!(next.round(jiff::Unit::Second).unwrap(), at(10));
        assert!(limits.take().unwrap_err() > Duration::from_secs(9));
        assert_eq!(limits.not_before(at(11)), None);
        limits.take().unwrap();
        assert!(limits.take().is_err());
        // A look-up goes all the same, and is paid for later.
        assert!(limits.spend());
        let next = limits.not_before(at(11)).unwrap();
        assert_eq!(next.round(jiff::Unit::Second).unwrap(), at(30));
        // A rest fills the bucket, and not more than that.
        assert_eq!(limits.not_before(at(600)), None);
        limits.take().unwrap();
        limits.take().unwrap();
        assert!(limits.take().is_err());
    }

    #[test]
    fn a_wait_counts_from_the_time_we_were_told() {
        let limits = Limits::new(None);
        limits.pause(Duration::from_mins(2));
        let until = limits.not_before(at(0)).unwrap();
        assert_eq!(until.round(jiff::Unit::Second).unwrap(), at(120));
        assert!(limits.take().is_err());
        // A shorter wait does not shorten it.
        limits.pause(Duration::from_secs(1));
        assert!(limits.not_before(at(60)).is_some());
        assert!(!limits.spend());
        assert_eq!(limits.not_before(at(121)), None);
        limits.take().unwrap();
    }
}
