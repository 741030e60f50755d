//! The one back-off: pauses between tries at what others keep busy.

use crate::Clock;
use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(5);

/// Pauses twice as long before each further try, up to 5 seconds. A pause is shortened by up to a half,
/// so that those who collided do not collide again.
pub struct Backoff<'a> {
    clock: &'a dyn Clock,
    next: Duration,
}

impl<'a> Backoff<'a> {
    pub fn new(clock: &'a dyn Clock) -> Self {
        Self {
            clock,
            next: SHORTEST,
        }
    }

    pub async fn pause(&mut self) {
        let pause = jittered(self.next, self.clock.steady().since.subsec_nanos());
        self.next = (self.next * 2).min(LONGEST);
        self.clock.sleep(pause).await;
    }
}

/// The moment is as good as a random number.
fn jittered(pause: Duration, nanoseconds: i32) -> Duration {
    let thousandths = nanoseconds.unsigned_abs() % 1000;
    pause / 2 + pause / 2 * thousandths / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_keeps_at_least_its_half() {
        for nanoseconds in [-1, 0, 1, 499, 999, 1000, 123_456_789, i32::MIN] {
            let pause = jittered(SHORTEST, nanoseconds);
            assert!(SHORTEST / 2 <= pause && pause <= SHORTEST, "{pause:?}");
        }
        assert_ne!(jittered(SHORTEST, 1), jittered(SHORTEST, 700));
    }
}
