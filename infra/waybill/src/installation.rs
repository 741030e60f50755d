//! What the commands work on: one installation of Waybill, on this machine or elsewhere.

use crate::commands::Instead;
use async_trait::async_trait;
use domain::ids::{ChannelId, SupplierId};
use embedded::{DirectoryLock, Embedded, EnvironmentSecrets, OpenError, Restored, SystemClock};
use ports::{
    BatchStore, Clock, Files, IncidentStore, OfferStore, OrderIndex, OrderStore, Queue, Secrets,
    StoreError, Unavailable,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opened beside the functions that work on it: no lock is needed, because every decision is a
/// commit on the version that was looked at.
#[derive(Clone)]
pub struct Installation {
    pub orders: Arc<dyn OrderStore>,
    pub index: Arc<dyn OrderIndex>,
    pub incidents: Arc<dyn IncidentStore>,
    pub offers: Arc<dyn OfferStore>,
    pub batches: Arc<dyn BatchStore>,
    pub files: Arc<dyn Files>,
    pub listing: Arc<dyn FileListing>,
    pub parties: Arc<dyn Parties>,
    pub queue: Arc<dyn Queue>,
    /// Those of channels, with which a payload that is taken in again is verified.
    pub secrets: Arc<dyn Secrets>,
    pub health: Arc<dyn Health>,
    pub clock: Arc<dyn Clock>,
}

/// What is the matter with the place where everything is stored, found out at the moment somebody asks:
/// what is damaged could not store it.
#[async_trait]
pub trait Health: Send + Sync {
    /// A sentence for each damage, with what to do.
    async fn damage(&self) -> Result<Vec<String>, Unavailable>;
}

/// The store of a data folder; one that was put there from a copy is refused.
pub(crate) fn opened(data: &Path) -> anyhow::Result<Embedded> {
    current(data, Embedded::open(data))
}

/// The same for the server, which migrates a database of an older form.
pub(crate) fn opened_to_serve(data: &Path, lock: &DirectoryLock) -> anyhow::Result<Embedded> {
    current(data, Embedded::open_to_serve(data, lock))
}

fn current(data: &Path, opened: Result<Embedded, OpenError>) -> anyhow::Result<Embedded> {
    opened.map_err(|error| {
        if let OpenError::Restored(restored) = error {
            not_current(data, &restored).into()
        } else {
            error.into()
        }
    })
}

fn not_current(data: &Path, restored: &Restored) -> Instead {
    Instead::refused(&format!(
        "{} holds a copy of older data: {restored}. What was sent since the copy was made is not known. \
         Put the current data back; or start `waybill serve --restored`, which looks up what may have \
         been sent, makes a case of what nobody knows, and sends none of it before \
         (infra/docs/backup.md)",
        data.display()
    ))
}

/// Which files there are, for a person who looks for one; no function ever needs to know.
#[async_trait]
pub trait FileListing: Send + Sync {
    /// Keys of evidence that the text is a key of or a part of, in their order.
    async fn evidence(&self, text: &str, limit: usize) -> Result<Vec<String>, Unavailable>;
    /// Where a file lies for its supplier, by its name without the ending; `None` once somebody
    /// took it.
    async fn published(&self, name: &str) -> Result<Option<String>, Unavailable>;
}

/// Of whom orders may have numbers, for a person who looks for one.
#[async_trait]
pub trait Parties: Send + Sync {
    async fn channels(&self) -> Result<Vec<ChannelId>, StoreError>;
    async fn suppliers(&self) -> Result<Vec<SupplierId>, StoreError>;
}

/// Whoever is in the data.
#[async_trait]
impl Parties for Embedded {
    async fn channels(&self) -> Result<Vec<ChannelId>, StoreError> {
        self.known_channels().await
    }

    async fn suppliers(&self) -> Result<Vec<SupplierId>, StoreError> {
        self.known_suppliers().await
    }
}

impl Installation {
    /// The data folder of `serve`.
    pub fn in_folder(data: &Path) -> anyhow::Result<Self> {
        Self::look_for_data(data)?;
        Ok(Self::embedded(opened(data)?, data, Arc::new(SystemClock)))
    }

    /// Creates nothing where nothing is.
    pub(crate) fn look_for_data(data: &Path) -> anyhow::Result<()> {
        if let Some(restored) = embedded::restored(data)? {
            return Err(not_current(data, &restored).into());
        }
        if data.join("waybill.db").is_file() {
            return Ok(());
        }
        let said = format!(
            "{} holds no data of Waybill; name the folder of `serve` with --data",
            data.display()
        );
        Err(Instead::not_found(said).into())
    }

    pub(crate) fn embedded(store: Embedded, data: &Path, clock: Arc<dyn Clock>) -> Self {
        let listing = Folder {
            store: store.clone(),
            outbox: data.join("outbox"),
        };
        let store = Arc::new(store);
        Self {
            orders: store.clone(),
            index: store.clone(),
            incidents: store.clone(),
            offers: store.clone(),
            batches: store.clone(),
            parties: store.clone(),
            files: store.clone(),
            health: Arc::new(OfFolder(store.as_ref().clone())),
            queue: store,
            listing: Arc::new(listing),
            secrets: Arc::new(EnvironmentSecrets),
            clock,
        }
    }
}

/// A database of at most so many bytes is read as a whole, which takes a tenth of a second.
const CHECKED_BYTES: u64 = 64 * 1024 * 1024;

struct OfFolder(Embedded);

#[async_trait]
impl Health for OfFolder {
    async fn damage(&self) -> Result<Vec<String>, Unavailable> {
        self.0.try_to_write().await;
        if self.0.size() <= CHECKED_BYTES {
            self.0.check_pages().await?;
        }
        Ok(self.0.damage().iter().map(ToString::to_string).collect())
    }
}

struct Folder {
    store: Embedded,
    outbox: PathBuf,
}

#[async_trait]
impl FileListing for Folder {
    async fn evidence(&self, text: &str, limit: usize) -> Result<Vec<String>, Unavailable> {
        self.store.evidence_keys(text, limit).await
    }

    async fn published(&self, name: &str) -> Result<Option<String>, Unavailable> {
        let found = lies(&self.outbox, name)
            .map_err(|error| Unavailable::because("the outbox cannot be looked through", error))?;
        Ok(found.map(|path| path.display().to_string()))
    }
}

/// The file of that name without its ending, wherever the supplier's folder is.
fn lies(folder: &Path, name: &str) -> std::io::Result<Option<PathBuf>> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_stem().is_some_and(|stem| stem == name) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}
