//! How often a supplier may be asked: a bucket of ours, and the waits that it asks for itself.
//!
//! Everything is counted by the steady clock: nobody waits an hour because the wall clock was set back.

use super::answer::Answer;
use super::settings::Rate;
use jiff::{SignedDuration, Timestamp};
use ports::Moment;
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

/// Moments are those of the steady clock.
struct State {
    /// What both clocks said when we were last told, and when that was. No clock is read here.
    told: (Timestamp, SignedDuration, Instant),
    ever_told: bool,
    /// When the bucket is full again.
    full_at: SignedDuration,
    closed_until: SignedDuration,
    /// When the supplier asked for that, or let a probe through.
    closed_at: SignedDuration,
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

/// One request that may go. Where it is the probe and ends without an answer, nobody waits for one.
#[must_use]
pub(super) struct Pass<'a> {
    limits: &'a Limits,
    is_probe: bool,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.limits.state().probe = Probe::None;
        }
    }
}

impl State {
    fn passed(&self) -> SignedDuration {
        SignedDuration::try_from(self.told.2.elapsed()).unwrap_or_default()
    }

    fn now(&self) -> SignedDuration {
        self.told.1.saturating_add(self.passed())
    }

    /// For what answers say in moments of the wall clock.
    fn wall(&self) -> Timestamp {
        let at = self.told.0;
        at.saturating_add(self.passed()).unwrap_or(at)
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
        let start = SignedDuration::ZERO;
        Self {
            longest_wait,
            pace,
            state: Mutex::new(State {
                told: (Timestamp::UNIX_EPOCH, start, Instant::now()),
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
        moment: &Moment,
        retried_at: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let mut state = self.state();
        let now = moment.steady.since;
        if !state.ever_told {
            // What was counted before anybody told the time was counted from the start.
            let passed = now - state.now();
            state.full_at += passed;
            state.closed_until += passed;
            state.closed_at += passed;
            state.ever_told = true;
        }
        state.told = (moment.at, now, Instant::now());
        let is_newer = retried_at.map(|retried_at| {
            // A person's wish stands by the wall clock alone. One from the future is of now.
            let age = moment.at.duration_since(retried_at);
            now - age.max(SignedDuration::ZERO) >= state.closed_at
        });
        let wait = self.wait(&mut state, now, is_newer)?;
        Some(moment.at.saturating_add(wait).unwrap_or(Timestamp::MAX))
    }

    /// `is_newer`: whether it was asked for after the supplier's wish; `None` where nobody asked.
    fn wait(
        &self,
        state: &mut State,
        now: SignedDuration,
        is_newer: Option<bool>,
    ) -> Option<SignedDuration> {
        if state.closed_until > now + SLACK {
            match is_newer {
                Some(true) => {
                    state.closed_at = now + SLACK;
                    state.probe = Probe::Granted;
                }
                Some(false) if state.probe == Probe::UnderWay => return Some(ANSWER_OF_A_PROBE),
                Some(false) | None => {}
            }
        }
        // Whoever was granted it may have had to look at its order again first.
        let at = match state.probe {
            Probe::Granted if is_newer.is_some() => self.paced(state),
            Probe::Granted | Probe::None | Probe::UnderWay => self.next(state),
        };
        (at > now + SLACK).then(|| at - now)
    }

    /// When the next request may go.
    fn next(&self, state: &State) -> SignedDuration {
        self.paced(state).max(state.closed_until)
    }

    /// When it may go by our own pace alone.
    fn paced(&self, state: &State) -> SignedDuration {
        self.pace
            .map_or(SignedDuration::ZERO, |(_, ahead)| state.full_at - ahead)
    }

    /// Counts a request; how long to wait where it must not go now.
    pub(super) fn take(&self) -> Result<Pass<'_>, Duration> {
        let mut state = self.state();
        let now = state.now();
        let at = match state.probe {
            Probe::Granted => self.paced(&state),
            Probe::None | Probe::UnderWay => self.next(&state),
        };
        if at > now + SLACK {
            // Somebody else may be asking what this one was to ask.
            let until = match state.probe {
                Probe::UnderWay => at.min(now + ANSWER_OF_A_PROBE),
                Probe::None | Probe::Granted => at,
            };
            return Err(Duration::try_from(until - now).unwrap_or_default());
        }
        let is_probe = state.probe == Probe::Granted;
        if is_probe {
            state.probe = Probe::UnderWay;
        }
        self.count(&mut state, now);
        Ok(Pass {
            limits: self,
            is_probe,
        })
    }

    /// Counts a request that settles a doubt, which matters more than our own pace; whether it may
    /// go, since the supplier's wish to be left alone holds for every request.
    pub(super) fn spend(&self) -> bool {
        let mut state = self.state();
        let now = state.now();
        if state.closed_until > now + SLACK {
            return false;
        }
        self.count(&mut state, now);
        true
    }

    fn count(&self, state: &mut State, now: SignedDuration) {
        if let Some((between, _)) = self.pace {
            state.full_at = state.full_at.max(now).saturating_add(between);
        }
    }

    /// What an answer says about when to come again; `pass` of the request, where it had one.
    pub(super) fn hear(&self, answer: &Answer, pass: Option<&Pass<'_>>) -> Option<Duration> {
        let mut state = self.state();
        let wait = answer
            .retry_after(state.wall())
            .map(|wait| self.capped(wait));
        let Some(wait) = wait else {
            // It went although the supplier wanted to be left alone, and was taken.
            if pass.is_some_and(|pass| pass.is_probe) {
                state.closed_until = state.closed_until.min(state.now());
            }
            return None;
        };
        if answer.status == 429 || answer.is_exhausted() {
            Self::close(&mut state, wait);
        }
        Some(wait)
    }

    /// Reads the wait that an expression of the settings found in the answer, and closes for it.
    pub(super) fn hear_value(&self, answer: &Answer, value: &minijinja::Value) -> Option<Duration> {
        let mut state = self.state();
        let wait = self.capped(answer.wait_of(value, state.wall())?);
        Self::close(&mut state, wait);
        Some(wait)
    }

    /// Nothing goes for so long; for limits that an answer names in its own words.
    pub(super) fn pause(&self, wait: Duration) {
        Self::close(&mut self.state(), wait);
    }

    /// The one place that limits what a supplier may ask for.
    fn capped(&self, wait: Duration) -> Duration {
        wait.min(self.longest_wait)
    }

    fn close(state: &mut State, wait: Duration) {
        let now = state.now();
        let wait = SignedDuration::try_from(wait).unwrap_or_default();
        state.closed_until = state.closed_until.max(now.saturating_add(wait));
        state.closed_at = now;
    }
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

    /// Whether a request that was granted goes, and is answered so.
    fn send(limits: &Limits, answer: &Answer) {
        let pass = limits.take().unwrap_or_else(|wait| panic!("{wait:?}"));
        limits.hear(answer, Some(&pass));
    }

    fn may_go(limits: &Limits) -> bool {
        limits.take().is_ok()
    }

    #[test]
    fn one_probe_passes_a_wait_and_its_answer_counts_for_the_others() {
        let limits = Limits::new(None, Duration::from_hours(1));
        assert_eq!(limits.not_before(&at(0), None), None);
        limits.hear(&answer(429, Some("3000")), None);
        assert!(limits.not_before(&at(60), None).is_some());
        // Asked for before the wait, it changes nothing.
        assert!(limits.not_before(&at(60), Some(wall(-60))).unwrap() > wall(2900));
        let asked = Some(wall(59));
        assert_eq!(limits.not_before(&at(60), asked), None);
        // It may look at its order again before it goes; whoever was not asked for waits.
        assert_eq!(limits.not_before(&at(60), asked), None);
        assert!(limits.not_before(&at(60), None).is_some());
        let probe = limits.take().unwrap_or_else(|wait| panic!("{wait:?}"));
        // The others that were asked for come back soon, and whoever was not waits on.
        assert_eq!(limits.not_before(&at(61), asked), Some(wall(91)));
        assert!(limits.not_before(&at(61), None).unwrap() > wall(2900));
        assert!(!may_go(&limits));
        // What went before is answered now, and says nothing of the wish.
        limits.hear(&answer(200, None), None);
        assert_eq!(limits.not_before(&at(61), asked), Some(wall(91)));
        limits.hear(&answer(429, Some("600")), Some(&probe));
        drop(probe);
        assert!(limits.not_before(&at(62), asked).unwrap() > wall(600));
        // Asked for once more, and now it is taken: nobody waits any more.
        assert_eq!(limits.not_before(&at(70), Some(wall(70))), None);
        send(&limits, &answer(201, None));
        assert_eq!(limits.not_before(&at(71), None), None);
        assert!(may_go(&limits));
    }

    #[test]
    fn a_probe_without_an_answer_ends_and_the_wish_stands() {
        let limits = Limits::new(None, Duration::from_hours(1));
        assert_eq!(limits.not_before(&at(0), None), None);
        limits.hear(&answer(429, Some("3000")), None);
        let asked = Some(wall(60));
        assert_eq!(limits.not_before(&at(60), asked), None);
        // Another answer must not take what was granted.
        limits.hear(&answer(201, None), None);
        assert_eq!(limits.not_before(&at(60), asked), None);
        assert!(may_go(&limits), "it goes, and nobody answers");
        assert!(limits.not_before(&at(61), asked).unwrap() > wall(2900));
        assert_eq!(limits.not_before(&at(62), Some(wall(62))), None);
    }

    #[test]
    fn a_wall_clock_that_is_set_changes_no_wait() {
        for set in [-86_400, -3600, 3600] {
            let rate = Rate {
                per_minute: 1,
                burst: 1,
            };
            let limits = Limits::new(Some(&rate), Duration::from_hours(1));
            assert_eq!(limits.not_before(&at(0), None), None);
            assert!(may_go(&limits));
            let shifted = |second| Moment {
                at: wall(second + set),
                ..at(second)
            };
            let until = limits.not_before(&shifted(1), None).unwrap();
            assert_eq!(until.round(jiff::Unit::Second).unwrap(), wall(60 + set));
            assert_eq!(limits.not_before(&shifted(61), None), None);
            limits.pause(Duration::from_mins(5));
            assert!(limits.not_before(&shifted(62), None).is_some());
            assert_eq!(limits.not_before(&shifted(362), None), None);
        }
    }

    fn wall(second: i64) -> Timestamp {
        Timestamp::from_second(1_796_000_000 + second).unwrap()
    }

    fn at(second: i64) -> Moment {
        Moment::of_unset_clock(wall(second))
    }

    #[test]
    fn a_burst_goes_at_once_and_then_the_pace_holds() {
        let rate = Rate {
            per_minute: 6,
            burst: 2,
        };
        let limits = Limits::new(Some(&rate), Duration::from_hours(1));
        assert_eq!(limits.not_before(&at(0), None), None);
        assert!(may_go(&limits));
        assert_eq!(limits.not_before(&at(0), None), None);
        assert!(may_go(&limits));
        // Microseconds of the real clock pass between the calls.
        let next = limits.not_before(&at(0), None).unwrap();
        assert_eq!(next.round(jiff::Unit::Second).unwrap(), wall(10));
        assert!(limits.take().err().unwrap() > Duration::from_secs(9));
        assert_eq!(limits.not_before(&at(11), None), None);
        assert!(may_go(&limits));
        assert!(!may_go(&limits));
        // A look-up goes all the same, and is paid for later.
        assert!(limits.spend());
        let next = limits.not_before(&at(11), None).unwrap();
        assert_eq!(next.round(jiff::Unit::Second).unwrap(), wall(30));
        // A rest fills the bucket, and not more than that.
        assert_eq!(limits.not_before(&at(600), None), None);
        assert!(may_go(&limits));
        assert!(may_go(&limits));
        assert!(!may_go(&limits));
    }

    #[test]
    fn a_wait_counts_from_the_time_we_were_told() {
        let limits = Limits::new(None, Duration::from_hours(1));
        limits.pause(Duration::from_mins(2));
        let until = limits.not_before(&at(0), None).unwrap();
        assert_eq!(until.round(jiff::Unit::Second).unwrap(), wall(120));
        assert!(!may_go(&limits));
        // A shorter wait does not shorten it.
        limits.pause(Duration::from_secs(1));
        assert!(limits.not_before(&at(60), None).is_some());
        assert!(!limits.spend());
        assert_eq!(limits.not_before(&at(121), None), None);
        assert!(may_go(&limits));
    }
}
