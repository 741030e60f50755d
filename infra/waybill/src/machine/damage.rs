//! Looks after the place where the data lies, and says in the log what is the matter with it.

use super::{Machine, pause};
use embedded::Damage;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What is the matter is said within this time.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// An idle server writes so often, so that a full disk shows; while anything is the matter, it does so
/// at each look.
const WRITE_EVERY: Duration = Duration::from_mins(1);
/// Every page is read at the start, and so often.
const CHECK_EVERY: Duration = Duration::from_hours(24);

impl Machine {
    /// What is the matter now; nothing where all is well.
    pub(crate) fn damage(&self) -> Vec<Damage> {
        self.store.damage()
    }

    pub(super) async fn look_often(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let start = self.clock.steady().since;
        let mut known = Vec::new();
        let (mut written, mut checked) = (start, None);
        while !*shutdown.borrow() {
            let now = self.clock.steady().since;
            let since = |then| Duration::try_from(now - then).unwrap_or_default();
            if !known.is_empty() || since(written) >= WRITE_EVERY {
                self.store.try_to_write().await;
                written = now;
            }
            if checked.is_none_or(|then| since(then) >= CHECK_EVERY) {
                checked = Some(now);
                if let Err(error) = self.store.check_pages().await {
                    tracing::warn!(error = %error, "the pages of the database were not looked at");
                }
            }
            let found = self.damage();
            for damage in found.iter().filter(|damage| !known.contains(*damage)) {
                tracing::error!("{damage}");
            }
            if found.is_empty() && !known.is_empty() {
                tracing::info!("the data folder is well again");
            }
            known = found;
            pause(&mut shutdown, LOOK_EVERY).await;
        }
    }
}
