//! Two clocks: the wall's, which people and suppliers read and anybody may set, and a steady one that
//! only passes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The wall clock of one machine is set when it moves so much against the steady one between two
/// looks. Corrections by a time service are far below it.
const JUMP: SignedDuration = SignedDuration::from_mins(1);

/// A reading of the steady clock. The time for which a machine is suspended counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steady {
    /// Whose clock it is: readings of different processes say nothing about each other. `None` where
    /// processes come and go, as on Lambda.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Since a fixed moment of the process or its machine.
    #[serde(with = "milliseconds", rename = "ms")]
    pub since: SignedDuration,
}

/// What both clocks say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    pub at: Timestamp,
    pub steady: Steady,
}

impl Moment {
    /// Where nobody ever set the wall clock, as in tests: the steady one counts from 1970.
    pub fn of_unset_clock(at: Timestamp) -> Self {
        let steady = Steady {
            process: None,
            since: at.duration_since(Timestamp::UNIX_EPOCH),
        };
        Self { at, steady }
    }
}

/// By how much the wall clock was set between two moments of one process: forward, or back where it
/// is negative.
pub fn jump(before: &Moment, now: &Moment) -> Option<SignedDuration> {
    let passed = now.steady.since - before.steady.since;
    let jump = now.at.duration_since(before.at) - passed;
    (jump.abs() > JUMP).then_some(jump)
}

/// When a look-up was answered, by every clock that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub at: Timestamp,
    /// What the answer's own `Date` says.
    pub date: Option<Timestamp>,
    pub steady: Steady,
}

impl Answered {
    /// How long after an earlier answer this one surely came. `None` where no clock tells, or one
    /// went back, so that the earlier answer counts no more. The wall clock counts only where there
    /// is no process whose clock could.
    pub fn after(&self, earlier: &Self) -> Option<SignedDuration> {
        let passed = if let (Some(earlier), Some(now)) = (earlier.date, self.date) {
            now.duration_since(earlier)
        } else {
            match (&earlier.steady.process, &self.steady.process) {
                (Some(before), Some(now)) if before == now => {
                    self.steady.since - earlier.steady.since
                }
                (None, None) => self.at.duration_since(earlier.at),
                (Some(_), _) | (_, Some(_)) => return None,
            }
        };
        (!passed.is_negative()).then_some(passed)
    }
}

mod milliseconds {
    use jiff::SignedDuration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        since: &SignedDuration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let milliseconds = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        serializer.serialize_i64(milliseconds)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SignedDuration, D::Error> {
        i64::deserialize(deserializer).map(SignedDuration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_796_000_000;

    fn steady(process: Option<&str>, second: i64) -> Steady {
        Steady {
            process: process.map(str::to_owned),
            since: SignedDuration::from_secs(second),
        }
    }

    fn wall(second: i64) -> Timestamp {
        Timestamp::from_second(START + second).unwrap()
    }

    fn answered(second: i64, date: Option<i64>, process: Option<&str>, since: i64) -> Answered {
        Answered {
            at: wall(second),
            date: date.map(wall),
            steady: steady(process, since),
        }
    }

    #[test]
    fn the_suppliers_clock_goes_before_ours_and_the_wall_comes_last() {
        let seconds = |seconds| Some(SignedDuration::from_secs(seconds));
        let one = Some("one");
        let first = answered(0, Some(0), one, 0);
        let cases = [
            (answered(7200, Some(60), one, 60), seconds(60)),
            (answered(-7200, Some(60), Some("other"), 3), seconds(60)),
            (answered(7200, None, one, 60), seconds(60)),
            (answered(60, None, Some("other"), 60), None),
            (answered(60, None, None, 60), None),
            (answered(60, Some(-1), one, 60), None),
        ];
        for (second, expected) in cases {
            assert_eq!(second.after(&first), expected, "{second:?}");
        }
        let first = answered(0, None, None, 0);
        let second = answered(60, Some(5), None, 0);
        assert_eq!(second.after(&first), seconds(60));
    }

    #[test]
    fn a_clock_that_is_set_jumps_and_one_that_drifts_or_sleeps_does_not() {
        let moment = |at, since| Moment {
            at: wall(at),
            steady: steady(Some("one"), since),
        };
        let jumps = [
            (60, 60, None),
            (120, 60, None),
            (121, 60, Some(61)),
            (-3540, 60, Some(-3600)),
            (28_800, 28_800, None),
        ];
        for (at, since, expected) in jumps {
            let expected = expected.map(SignedDuration::from_secs);
            let found = jump(&moment(0, 0), &moment(at, since));
            assert_eq!(found, expected, "{at} {since}");
        }
    }

    #[test]
    fn a_reading_is_stored_in_milliseconds() {
        let reading = steady(Some("7-1"), 2);
        let stored = serde_json::to_string(&reading).unwrap();
        assert_eq!(stored, r#"{"process":"7-1","ms":2000}"#);
        assert_eq!(serde_json::from_str::<Steady>(&stored).unwrap(), reading);
    }
}
