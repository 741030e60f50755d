//! The machine's clocks.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, Steady};
use std::sync::LazyLock;
use std::time::Duration;

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The process number alone is given out again one day.
static PROCESS: LazyLock<String> = LazyLock::new(|| {
    let started = SystemClock.now().as_millisecond();
    format!("{}-{started}", std::process::id())
});

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn steady(&self) -> Steady {
        Steady {
            process: Some(PROCESS.clone()),
            since: since_boot(),
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Unlike [`std::time::Instant`] it goes on while the machine is suspended.
#[cfg(target_os = "linux")]
fn since_boot() -> SignedDuration {
    use rustix::time::{ClockId, clock_gettime};
    let read = clock_gettime(ClockId::Boottime);
    let nanoseconds = i32::try_from(read.tv_nsec).unwrap_or_default();
    SignedDuration::new(read.tv_sec, nanoseconds)
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> SignedDuration {
    static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    SignedDuration::try_from(START.elapsed()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_steady_clock_passes_with_the_other() {
        let before = SystemClock.moment();
        SystemClock.sleep(Duration::from_millis(30)).await;
        let after = SystemClock.moment();
        assert_eq!(before.steady.process, after.steady.process);
        let steady = after.steady.since - before.steady.since;
        let wall = after.at.duration_since(before.at);
        assert!(steady >= SignedDuration::from_millis(30), "{steady}");
        assert!((steady - wall).abs() < SignedDuration::from_secs(1));
        assert_eq!(domain::clock::jump(&before, &after), None);
    }
}
