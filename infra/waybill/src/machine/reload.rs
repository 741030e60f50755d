//! Takes over configuration that changed while the server runs.

use super::{Machine, RELOAD_EVERY, pause, restrict, ways};
use domain::cases::CaseKind;
use domain::digest::Digest;
use embedded::FileGroup;
use ports::{Closing, Incident, IncidentStore as _, OfferStore as _};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use tokio::sync::watch;

impl Machine {
    /// Files are looked at only once they have rested: whoever writes them may be half way.
    pub(super) async fn reload_often(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut last = None;
        while !*shutdown.borrow() {
            let found = digest_of(&self.config);
            if last.as_ref() == Some(&found)
                && let Err(error) = self.reload().await
            {
                tracing::warn!(error = %format!("{error:#}"), "configuration not looked at");
            }
            last = Some(found);
            pause(&mut shutdown, RELOAD_EVERY).await;
        }
    }

    /// Takes over files that changed, wholly or not at all; bad ones become an incident, which
    /// closes itself with the next good ones, and meanwhile the former run on.
    pub(crate) async fn reload(&self) -> anyhow::Result<()> {
        let found = digest_of(&self.config);
        if self.last_seen().as_ref() == Some(&found) {
            return Ok(());
        }
        let mut problems = Vec::new();
        let good = match configuration::load_dir(&self.config) {
            Ok(loaded) => {
                let secrets = self.secrets.as_ref();
                let clock = self.clock.clone();
                let ways = ways::open(&loaded, &self.store, secrets, clock, &mut problems).await?;
                let group = ways::files_group(&loaded, &mut problems);
                Some((loaded, ways, group)).filter(|_| problems.is_empty())
            }
            Err(found) => {
                problems = found;
                None
            }
        };
        if let Some((loaded, ways, group)) = good {
            self.share_with(loaded.files_group.clone(), group);
            self.store
                .apply(
                    &loaded.catalogue_digest,
                    &loaded.catalogue,
                    self.clock.now(),
                )
                .await?;
            let ways = ways.keeping_limits_of(&self.ways());
            *self.ways.write().unwrap_or_else(PoisonError::into_inner) = ways;
            let digest = loaded.settings.digest.clone();
            *self
                .settings
                .write()
                .unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded.settings);
            self.close_refusals("good files were taken over").await?;
            tracing::info!(configuration = digest.short(), "configuration taken over");
            // What the former settings kept back goes on at once.
            self.sweep().await;
        } else {
            self.close_refusals("the files changed, and were refused again")
                .await?;
            let incident = Incident {
                kind: CaseKind::RefusedConfiguration,
                cause: found.to_string(),
                detail: problems
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n"),
                opened_at: self.clock.now(),
            };
            self.store.open_incident(&incident).await?;
            let detail = incident.detail.replace('\n', "; ");
            tracing::error!(%detail, "configuration refused, the former runs on");
        }
        // Only now: what failed on our side is tried again.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }

    /// Where another group is named than before.
    fn share_with(&self, name: Option<String>, group: Option<FileGroup>) {
        let mut known = self
            .files_group
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *known != name {
            restrict(&self.store, &self.data, group);
            *known = name;
        }
    }

    pub(super) async fn close_refusals(&self, why: &str) -> anyhow::Result<()> {
        for incident in self.store.incidents().await? {
            if incident.kind == CaseKind::RefusedConfiguration {
                let closing = Closing {
                    who: "waybill".to_owned(),
                    why: why.to_owned(),
                    at: self.clock.now(),
                };
                self.store
                    .close_incident(incident.kind, &incident.cause, &closing)
                    .await?;
            }
        }
        Ok(())
    }

    fn last_seen(&self) -> Option<Digest> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Of the configuration's files; a folder that cannot be read has a digest too, so that its
/// going and coming are changes.
pub(super) fn digest_of(dir: &Path) -> Digest {
    configuration::read_dir(dir).map_or_else(
        |error| Digest::of(error.to_string().as_bytes()),
        |files| configuration::digest(&files),
    )
}
