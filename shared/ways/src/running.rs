//! The configuration that a running function works by: looked at again at most once a minute, taken
//! over wholly or not at all. A bad one becomes an incident, and the former works on.

use crate::{Channels, Suppliers, WaysError, open_channels, open_suppliers};
use async_trait::async_trait;
use configuration::{Configuration, Problem};
use domain::cases::CaseKind;
use domain::digest::Digest;
use domain::settings::Settings;
use jiff::{SignedDuration, Timestamp};
use ports::configuration::{BadBundle, Bundle, Bundles};
use ports::{
    Clock, Closing, Files, Incident, IncidentStore, Mailer, Secrets, StoreError, Unavailable,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// Whatever a process begins this long after another took a configuration over, it begins by that
/// configuration or a newer one: each looks before it handles a message, and a message may take a
/// while.
pub const FOLLOWED_WITHIN: SignedDuration = SignedDuration::from_secs(90);

/// What a function opens of a configuration.
#[async_trait]
pub trait Opens: Send + Sync {
    type Opened: Clone + Send + Sync;
    /// Usable only where `problems` stayed empty.
    async fn open(
        &self,
        loaded: &Configuration,
        problems: &mut Vec<Problem>,
    ) -> Result<Self::Opened, WaysError>;
}

/// The settings alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct SettingsOnly;

#[async_trait]
impl Opens for SettingsOnly {
    type Opened = ();
    async fn open(&self, _: &Configuration, _: &mut Vec<Problem>) -> Result<(), WaysError> {
        Ok(())
    }
}

pub struct ChannelsOf<S>(pub S);

#[async_trait]
impl<S: Secrets> Opens for ChannelsOf<S> {
    type Opened = Arc<Channels>;
    async fn open(
        &self,
        loaded: &Configuration,
        problems: &mut Vec<Problem>,
    ) -> Result<Arc<Channels>, WaysError> {
        Ok(Arc::new(open_channels(loaded, &self.0, problems).await?))
    }
}

pub struct SuppliersOf<S> {
    pub files: Arc<dyn Files>,
    pub mailer: Arc<dyn Mailer>,
    pub secrets: S,
}

#[async_trait]
impl<S: Secrets> Opens for SuppliersOf<S> {
    type Opened = Arc<Suppliers>;
    async fn open(
        &self,
        loaded: &Configuration,
        problems: &mut Vec<Problem>,
    ) -> Result<Arc<Suppliers>, WaysError> {
        let (files, mailer) = (self.files.clone(), self.mailer.clone());
        // `config push` puts nothing here that it has not tried, and a process starts often.
        let opened = open_suppliers(loaded, files, mailer, &self.secrets, problems, true);
        Ok(Arc::new(opened.await?))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the configuration cannot be looked at")]
    Look(#[source] LookError),
    #[error("no configuration that was ever pushed can be used: {0}")]
    NoneIsGood(String),
}

#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error("the configuration cannot be read")]
    Bundle(#[source] Unavailable),
    #[error("what the configuration needs cannot be opened")]
    Ways(#[source] WaysError),
    #[error("the store did not answer")]
    Store(#[source] StoreError),
}

/// Why a configuration is not used.
struct Refused {
    /// The same for the same files.
    cause: Digest,
    why: String,
}

pub struct Running<O: Opens> {
    pub settings: Arc<RwLock<Arc<Settings>>>,
    opened: RwLock<O::Opened>,
    opens: O,
    bundles: Arc<dyn Bundles>,
    incidents: Arc<dyn IncidentStore>,
    clock: Arc<dyn Clock>,
    looked_at: Mutex<Timestamp>,
    /// Given as new, and not done with: something of ours failed. It is not given again.
    unfinished: Mutex<Option<Result<Bundle, BadBundle>>>,
    /// What was pushed last was refused.
    is_behind: AtomicBool,
}

impl<O: Opens> Running<O> {
    /// With the newest configuration that is good; where the newest is not, an incident says so.
    pub async fn start(
        opens: O,
        bundles: Arc<dyn Bundles>,
        incidents: Arc<dyn IncidentStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let look = StartError::Look;
        let newest = bundles.newer().await;
        let newest = newest.map_err(|error| look(LookError::Bundle(error)))?;
        let newest = newest.unwrap_or_else(|| {
            Err(BadBundle {
                digest: Digest::of(b""),
                why: "there is no configuration".to_owned(),
            })
        });
        let refused = match opened(&opens, newest).await.map_err(look)? {
            Ok((settings, ways)) => {
                return Ok(Self::of(opens, settings, ways, bundles, incidents, clock));
            }
            Err(refused) => refused,
        };
        let told = tell(incidents.as_ref(), clock.as_ref(), &refused).await;
        told.map_err(|error| look(LookError::Store(error)))?;
        let former = bundles.former().await;
        for bundle in former.map_err(|error| look(LookError::Bundle(error)))? {
            if let Ok((settings, ways)) = opened(&opens, bundle).await.map_err(look)? {
                let running = Self::of(opens, settings, ways, bundles, incidents, clock);
                running.is_behind.store(true, Ordering::Relaxed);
                return Ok(running);
            }
        }
        Err(StartError::NoneIsGood(refused.why))
    }

    fn of(
        opens: O,
        settings: Settings,
        ways: O::Opened,
        bundles: Arc<dyn Bundles>,
        incidents: Arc<dyn IncidentStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        tracing::info!(
            configuration = settings.digest.short(),
            "configuration in use"
        );
        Self {
            settings: Arc::new(RwLock::new(Arc::new(settings))),
            opened: RwLock::new(ways),
            opens,
            bundles,
            incidents,
            looked_at: Mutex::new(clock.now()),
            unfinished: Mutex::new(None),
            is_behind: AtomicBool::new(false),
            clock,
        }
    }

    /// Channels or suppliers of the configuration in use.
    pub fn opened(&self) -> O::Opened {
        self.opened
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What a piece of work goes by, from its beginning to its end.
    pub async fn current(&self) -> O::Opened {
        self.look().await;
        self.opened()
    }

    /// To be called before each piece of work; whether another configuration was taken over. What
    /// fails is logged, for the former works on.
    pub async fn look(&self) -> bool {
        if !self.is_time() {
            return false;
        }
        self.take_over().await.unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(error = %error, cause, "configuration not looked at");
            false
        })
    }

    /// Whoever asks first looks.
    fn is_time(&self) -> bool {
        let now = self.clock.now();
        let mut looked_at = self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_time = now >= *looked_at + LOOK_AGAIN_AFTER;
        if is_time {
            *looked_at = now;
        }
        is_time
    }

    async fn take_over(&self) -> Result<bool, LookError> {
        let newer = self.bundles.newer().await.map_err(LookError::Bundle)?;
        let unfinished = std::mem::take(&mut *self.unfinished());
        let Some(bundle) = newer.or(unfinished) else {
            return Ok(false);
        };
        let done = self.take(bundle.clone()).await;
        if done.is_err() {
            *self.unfinished() = Some(bundle);
        }
        done
    }

    fn unfinished(&self) -> MutexGuard<'_, Option<Result<Bundle, BadBundle>>> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, bundle: Result<Bundle, BadBundle>) -> Result<bool, LookError> {
        let opened = opened(&self.opens, bundle).await?;
        self.is_behind.store(opened.is_err(), Ordering::Relaxed);
        match opened {
            Ok((settings, ways)) => {
                tracing::info!(
                    configuration = settings.digest.short(),
                    "configuration taken over"
                );
                *self.opened.write().unwrap_or_else(PoisonError::into_inner) = ways;
                *self
                    .settings
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
                Ok(true)
            }
            Err(refused) => {
                let told = tell(self.incidents.as_ref(), self.clock.as_ref(), &refused).await;
                told.map(|()| false).map_err(LookError::Store)
            }
        }
    }

    /// Closes what was opened about other configurations, once the one that was pushed last is in
    /// use.
    pub async fn close_refusals(&self) -> Result<(), StoreError> {
        if self.is_behind.load(Ordering::Relaxed) {
            return Ok(());
        }
        let digest = self
            .settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .digest
            .clone();
        for incident in self.incidents.incidents().await? {
            // Another function may lack what this one does not need.
            if incident.kind == CaseKind::RefusedConfiguration
                && incident.cause != digest.to_string()
            {
                let closing = Closing {
                    who: "waybill".to_owned(),
                    why: "good files were taken over".to_owned(),
                    at: self.clock.now(),
                };
                self.incidents
                    .close_incident(incident.kind, &incident.cause, &closing)
                    .await?;
            }
        }
        Ok(())
    }
}

async fn opened<O: Opens>(
    opens: &O,
    bundle: Result<Bundle, BadBundle>,
) -> Result<Result<(Settings, O::Opened), Refused>, LookError> {
    let bundle = match bundle {
        Ok(bundle) => bundle,
        Err(BadBundle { digest, why }) => return Ok(Err(Refused { cause: digest, why })),
    };
    let mut problems = Vec::new();
    match configuration::load_without_offers(&bundle.files, &bundle.digests) {
        Ok(loaded) => {
            let ways = opens.open(&loaded, &mut problems).await;
            let ways = ways.map_err(LookError::Ways)?;
            if problems.is_empty() {
                return Ok(Ok((loaded.settings, ways)));
            }
        }
        Err(found) => problems = found,
    }
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    Ok(Err(Refused {
        cause: Digest::of_value(&bundle.digests),
        why: problems.join("\n"),
    }))
}

async fn tell(
    incidents: &dyn IncidentStore,
    clock: &dyn Clock,
    refused: &Refused,
) -> Result<(), StoreError> {
    let incident = Incident {
        kind: CaseKind::RefusedConfiguration,
        cause: refused.cause.to_string(),
        detail: refused.why.clone(),
        opened_at: clock.now(),
    };
    if incidents.open_incident(&incident).await? {
        tracing::error!(detail = %incident.detail, "configuration refused, the former works on");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
