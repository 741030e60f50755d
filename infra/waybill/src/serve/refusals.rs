//! Requests that were refused, in one log line a second: a flood of them must not become a flood of
//! lines.

use crate::machine::pause;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

const EVERY: Duration = Duration::from_secs(1);

/// How often each reason applied since the last line.
#[derive(Default)]
pub(super) struct Refusals(Mutex<BTreeMap<&'static str, u64>>);

impl Refusals {
    /// `why` is one of our own texts, never a stranger's.
    pub(super) fn count(&self, why: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(why).or_default() += 1;
    }

    /// Logs until `stopped` is true.
    pub(super) async fn log(&self, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            pause(&mut stopped, EVERY).await;
            self.log_once();
        }
    }

    pub(super) fn log_once(&self) {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !counts.is_empty() {
            let requests: u64 = counts.values().sum();
            tracing::info!(requests, why = summary(&counts), "requests refused");
        }
    }
}

fn summary(counts: &BTreeMap<&'static str, u64>) -> String {
    let mut summary = String::new();
    for (why, count) in counts {
        let comma = if summary.is_empty() { "" } else { ", " };
        let _ = write!(summary, "{comma}{why}: {count}");
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_apart_and_begin_anew_after_a_line() {
        let refusals = Refusals::default();
        for why in ["no signature", "body too large", "no signature"] {
            refusals.count(why);
        }
        let counts = refusals.0.lock().unwrap().clone();
        assert_eq!(summary(&counts), "body too large: 1, no signature: 2");
        refusals.log_once();
        assert!(refusals.0.lock().unwrap().is_empty());
    }
}
