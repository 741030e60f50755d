//! The time of the machine.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, Steady};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn steady(&self) -> Steady {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Steady {
            process: None,
            since: SignedDuration::try_from(START.elapsed()).unwrap_or_default(),
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
