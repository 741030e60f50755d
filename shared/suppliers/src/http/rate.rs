//! How often a supplier may be asked: a bucket of ours, and the waits that it asks for itself.

use super::answer::Answer;
use super::settings::Rate;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const NANOSECONDS_A_MINUTE: u64 = 60_000_000_000;
/// How long others wait for what a probe is answered.
const ANSWER_OF_A_PROBE: SignedDuration = SignedDuration::from_secs(30);
/// What two readings of one moment may differ by.
const SLACK: SignedDuration = SignedDuration::from_millis(10);

pub(super) struct Limits {
    /// However long the supplier wants to be left alone, it is asked again after this long.
    longest_wait: Duration,
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
    /// When the supplier asked for that, or let a probe through.
    closed_at: Timestamp,
    probe: Probe,
}

/// One request that goes although the supplier wants to be left alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Probe {
    None,
    /// The next request is it.
    Granted,
    /// Its answer says whether the others may go.
    UnderWay,
}

impl State {
    fn now(&self) -> Timestamp {
        let since = SignedDuration::try_from(self.told.1.elapsed()).unwrap_or_default();
        later(self.told.0, since)
    }
}

impl Limits {
    pub(super) fn new(rate: Option<&Rate>, longest_wait: Duration) -> Self {
        let pace = rate.map(|rate| {
            let between = Duration::from_nanos(NANOSECONDS_A_MINUTE / u64::from(rate.per_minute));
            let between = SignedDuration::try_from(between).unwrap_or_default();
            let ahead = i32::try_from(rate.burst - 1).unwrap_or(i32::MAX);
            (between, between.checked_mul(ahead).unwrap_or(between))
        });
        let start = Timestamp::UNIX_EPOCH;
        Self {
            longest_wait,
            pace,
            state: Mutex::new(State {
                told: (start, Instant::now()),
                ever_told: false,
                full_at: start,
                closed_until: start,
                closed_at: start,
                probe: Probe::None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`ports::Supplier::not_before`]: the first request after somebody wants it tried again passes
    /// as a probe, and what it is answered counts for the others.
    pub(super) fn not_before(
        &self,
        now: Timestamp,
        retried_at: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let mut state = self.state();
        if !state.ever_told {
            // What was counted before anybody told the time was counted from the start.
            let passed = now.duration_since(state.now());
            state.full_at = later(state.full_at, passed);
            state.closed_until = later(state.closed_until, passed);
            state.closed_at = later(state.closed_at, passed);
            state.ever_told = true;
        }
        state.told = (now, Instant::now());
        let is_closed = state.closed_until > later(now, SLACK);
        if let Some(retried_at) = retried_at.filter(|_| is_closed) {
            if retried_at >= state.closed_at {
                state.closed_at = later(now, SLACK);
                state.probe = Probe::Granted;
            } else if state.probe == Probe::UnderWay {
                return Some(later(now, ANSWER_OF_A_PROBE));
            }
        }
        // Whoever was granted it may have had to look at its order again first.
        let at = match state.probe {
            Probe::Granted if retried_at.is_some() => self.paced(&state),
            Probe::Granted | Probe::None | Probe::UnderWay => self.next(&state),
        };
        (at > later(now, SLACK)).then_some(at)
    }

    /// When the next request may go.
    fn next(&self, state: &State) -> Timestamp {
        self.paced(state).max(state.closed_until)
    }

    /// When it may go by our own pace alone.
    fn paced(&self, state: &State) -> Timestamp {
        self.pace.map_or(Timestamp::MIN, |(_, ahead)| {
            later(state.full_at, SignedDuration::ZERO - ahead)
        })
    }

    /// Counts a request; how long to wait where it must not go now.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let mut state = self.state();
        let now = state.now();
        let at = match state.probe {
            Probe::Granted => self.paced(&state),
            Probe::None | Probe::UnderWay => self.next(&state),
        };
        if at > later(now, SLACK) {
            // Somebody else may be asking what this one was to ask.
            let until = match state.probe {
                Probe::UnderWay => at.min(later(now, ANSWER_OF_A_PROBE)),
                Probe::None | Probe::Granted => at,
            };
            return Err(Duration::try_from(until.duration_since(now)).unwrap_or_default());
        }
        if state.probe == Probe::Granted {
            state.probe = Probe::UnderWay;
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
        let wait = answer.retry_after(now).map(|wait| self.capped(wait));
        let was_probing = std::mem::replace(&mut state.probe, Probe::None) == Probe::UnderWay;
        let Some(wait) = wait else {
            if was_probing {
                state.closed_until = state.closed_until.min(now);
            }
            return None;
        };
        if answer.status == 429 || answer.is_exhausted() {
            Self::close(&mut state, now, wait);
        }
        Some(wait)
    }

    /// Reads the wait that an expression of the settings found in the answer, and closes for it.
    pub(super) fn hear_value(&self, answer: &Answer, value: &minijinja::Value) -> Option<Duration> {
        let mut state = self.state();
        let now = state.now();
        let wait = self.capped(answer.wait_of(value, now)?);
        Self::close(&mut state, now, wait);
        Some(wait)
    }

    /// Nothing goes for so long; for limits that an answer names in its own words.
    pub(super) fn pause(&self, wait: Duration) {
        let mut state = self.state();
        let now = state.now();
        Self::close(&mut state, now, wait);
    }

    /// The one place that limits what a supplier may ask for.
    fn capped(&self, wait: Duration) -> Duration {
        wait.min(self.longest_wait)
    }

    fn close(state: &mut State, now: Timestamp, wait: Duration) {
        let wait = SignedDuration::try_from(wait).unwrap_or_default();
        state.closed_until = state.closed_until.max(later(now, wait));
        state.closed_at = now;
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_client::Response;
    use std::collections::BTreeMap;

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        let wait = retry_after.map(|wait| ("Retry-After".to_owned(), wait.to_owned()));
        let response = Response {
            status,
            headers: wait.into_iter().collect(),
            body: Vec::new(),
        };
        Answer::new(response, "", &BTreeMap::new())
    }

    #[test]
    fn one_probe_passes_a_wait_and_its_answer_counts_for_the_others() {
        let limits = Limits::new(None, Duration::from_hours(1));
        assert_eq!(limits.not_before(at(0), None), None);
        limits.hear(&answer(429, Some("3000")));
        assert!(limits.not_before(at(60), None).is_some());
        // Asked for before the wait, it changes nothing.
        assert!(limits.not_before(at(60), Some(at(-60))).unwrap() > at(2900));
        let asked = Some(at(59));
        assert_eq!(limits.not_before(at(60), asked), None);
        // It may look at its order again before it goes; whoever was not asked for waits.
        assert_eq!(limits.not_before(at(60), asked), None);
        assert!(limits.not_before(at(60), None).is_some());
        limits.take().unwrap();
        // The others that were asked for come back soon, and whoever was not waits on.
        assert_eq!(limits.not_before(at(61), asked), Some(at(91)));
        assert!(limits.not_before(at(61), None).unwrap() > at(2900));
        assert!(limits.take().is_err());
        limits.hear(&answer(429, Some("600")));
        assert!(limits.not_before(at(62), asked).unwrap() > at(600));
        // Asked for once more, and now it is taken: nobody waits any more.
        assert_eq!(limits.not_before(at(70), Some(at(70))), None);
        limits.take().unwrap();
        limits.hear(&answer(201, None));
        assert_eq!(limits.not_before(at(71), None), None);
        limits.take().unwrap();
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_796_000_000 + second).unwrap()
    }

    #[test]
    fn a_burst_goes_at_once_and_then_the_pace_holds() {
        let rate = Rate {
            per_minute: 6,
            burst: 2,
        };
        let limits = Limits::new(Some(&rate), Duration::from_hours(1));
        assert_eq!(limits.not_before(at(0), None), None);
        limits.take().unwrap();
        assert_eq!(limits.not_before(at(0), None), None);
        limits.take().unwrap();
        // Microseconds of the real clock pass between the calls.
        let next = limits.not_before(at(0), None).unwrap();
        assert_eq!(next.round(jiff::Unit::Second).unwrap(), at(10));
        assert!(limits.take().unwrap_err() > Duration::from_secs(9));
        assert_eq!(limits.not_before(at(11), None), None);
        limits.take().unwrap();
        assert!(limits.take().is_err());
        // A look-up goes all the same, and is paid for later.
        assert!(limits.spend());
        let next = limits.not_before(at(11), None).unwrap();
        assert_eq!(next.round(jiff::Unit::Second).unwrap(), at(30));
        // A rest fills the bucket, and not more than that.
        assert_eq!(limits.not_before(at(600), None), None);
        limits.take().unwrap();
        limits.take().unwrap();
        assert!(limits.take().is_err());
    }

    #[test]
    fn a_wait_counts_from_the_time_we_were_told() {
        let limits = Limits::new(None, Duration::from_hours(1));
        limits.pause(Duration::from_mins(2));
        let until = limits.not_before(at(0), None).unwrap();
        assert_eq!(until.round(jiff::Unit::Second).unwrap(), at(120));
        assert!(limits.take().is_err());
        // A shorter wait does not shorten it.
        limits.pause(Duration::from_secs(1));
        assert!(limits.not_before(at(60), None).is_some());
        assert!(!limits.spend());
        assert_eq!(limits.not_before(at(121), None), None);
        limits.take().unwrap();
    }
}
