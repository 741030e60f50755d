//! What one machine opens of a configuration, and how it follows the files while the server runs.

use super::connectors::{self, ConnectError, Connectors};
use super::{Machine, RELOAD_EVERY, pause, restrict};
use ::connectors::running::{Looked, Opens};
use async_trait::async_trait;
use configuration::{Configuration, Problem};
use embedded::{Embedded, FileGroup};
use ports::configuration::Bundle;
use ports::{Clock, OfferStore as _, Secrets, StoreError};
use registry::Registry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// Everything: one process takes every step.
pub(super) struct Everything {
    pub(super) registry: Registry,
    pub(super) store: Embedded,
    pub(super) data: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) secrets: Arc<dyn Secrets>,
}

pub(super) struct Opened {
    pub(super) connectors: Connectors,
    /// That may read the outbox, by name.
    group_name: Option<String>,
    group: Option<FileGroup>,
}

#[async_trait]
impl Opens for Everything {
    type Opened = Opened;

    fn load(&self, bundle: &Bundle) -> Result<Configuration, Vec<Problem>> {
        configuration::load(&bundle.files)
    }

    async fn open(
        &self,
        loaded: &Configuration,
        previous: Option<&Opened>,
        problems: &mut Vec<Problem>,
    ) -> Result<Opened, ConnectError> {
        let (secrets, clock) = (self.secrets.as_ref(), self.clock.clone());
        let connectors =
            connectors::open(loaded, self.registry, &self.store, secrets, clock, problems).await?;
        Ok(Opened {
            connectors: match previous {
                Some(previous) => connectors.keeping_limits_of(&previous.connectors),
                None => connectors,
            },
            group_name: loaded.files_group.clone(),
            group: connectors::files_group(loaded, problems),
        })
    }

    /// Lets the group in where another is named than before, and stores the offers.
    async fn apply(
        &self,
        loaded: &Configuration,
        opened: &Opened,
        previous: Option<&Opened>,
    ) -> Result<(), StoreError> {
        if previous.is_none_or(|previous| previous.group_name != opened.group_name) {
            restrict(&self.store, &self.data, opened.group);
        }
        let (digest, catalogue) = (&loaded.catalogue_digest, &loaded.catalogue);
        self.store
            .apply(digest, catalogue, self.clock.now())
            .await
            .map(drop)
    }
}

/// Everything that keeps a server from starting by these files, found without its data.
pub(super) async fn problems(
    config: &Path,
    registry: Registry,
    clock: &Arc<dyn Clock>,
    secrets: &Arc<dyn Secrets>,
) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    match configuration::load_dir(config) {
        Ok(loaded) => {
            let folder = tempfile::tempdir()?;
            let everything = Everything {
                registry,
                store: Embedded::in_memory(folder.path())?,
                data: folder.path().to_owned(),
                clock: clock.clone(),
                secrets: secrets.clone(),
            };
            everything.open(&loaded, None, &mut problems).await?;
        }
        Err(found) => problems = found,
    }
    Ok(problems.iter().map(ToString::to_string).collect())
}

impl Machine {
    /// Looks at the files once they have rested.
    pub(super) async fn follow_files(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        while !*shutdown.borrow() {
            if self.folder.are_at_rest()
                && let Err(error) = self.look_at_files().await
            {
                tracing::warn!(error = %format!("{error:#}"), "configuration not looked at");
            }
            pause(&mut shutdown, RELOAD_EVERY).await;
        }
    }

    /// Applies files that changed; what the previous settings kept back goes on at once.
    pub(crate) async fn look_at_files(&self) -> anyhow::Result<()> {
        let looked = self.running.look_now().await?;
        if looked == Looked::Applied {
            self.sweep().await;
        }
        Ok(self.running.close_overtaken().await?)
    }
}
