//! The configuration that a process works by: looked at again and again, applied wholly or not at
//! all. A bad one becomes an incident, and the previous one stays in force.

use crate::{Channels, ConnectError, Means, Suppliers, open_channels, open_suppliers};
use async_trait::async_trait;
use configuration::{Configuration, Problem};
use domain::cases::CaseKind;
use domain::digest::Digest;
use domain::settings::Settings;
use jiff::{SignedDuration, Timestamp};
use ports::configuration::{BadBundle, Bundle, Bundles};
use ports::{Clock, Closing, Incident, IncidentStore, Secrets, Shared, StoreError, Unavailable};
use registry::{ChannelEntry, SupplierEntry};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Between two looks of a process that shares its work with others.
const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// Whatever a process begins this long after another applied a configuration, it begins by that
/// configuration or a newer one: each looks before it handles a message, and a message may take a
/// while.
pub const FOLLOWED_WITHIN: SignedDuration = SignedDuration::from_secs(90);

/// What a process opens of a configuration.
#[async_trait]
pub trait Opens: Send + Sync {
    type Opened: Send + Sync;

    /// Reads the files; here those of whoever finds the offers elsewhere.
    fn load(&self, bundle: &Bundle) -> Result<Configuration, Vec<Problem>> {
        configuration::load_without_offers(&bundle.files, &bundle.digests)
    }

    /// Usable only where `problems` stayed empty. `previous` is what is in force.
    async fn open(
        &self,
        loaded: &Configuration,
        previous: Option<&Self::Opened>,
        problems: &mut Vec<Problem>,
    ) -> Result<Self::Opened, ConnectError>;

    /// Does what has to be done before a configuration without problems is in force. What fails is
    /// tried again with the next look.
    async fn apply(
        &self,
        _loaded: &Configuration,
        _opened: &Self::Opened,
        _previous: Option<&Self::Opened>,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The settings alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct SettingsOnly;

#[async_trait]
impl Opens for SettingsOnly {
    type Opened = ();
    async fn open(
        &self,
        _: &Configuration,
        _: Option<&()>,
        _: &mut Vec<Problem>,
    ) -> Result<(), ConnectError> {
        Ok(())
    }
}

pub struct ChannelsOf<S> {
    pub entries: &'static [ChannelEntry],
    pub means: Means,
    pub secrets: S,
}

#[async_trait]
impl<S: Secrets> Opens for ChannelsOf<S> {
    type Opened = Channels;
    async fn open(
        &self,
        loaded: &Configuration,
        _: Option<&Channels>,
        problems: &mut Vec<Problem>,
    ) -> Result<Channels, ConnectError> {
        open_channels(loaded, self.entries, &self.means, &self.secrets, problems).await
    }
}

pub struct SuppliersOf<S> {
    pub entries: &'static [SupplierEntry],
    pub means: Means,
    pub secrets: S,
}

#[async_trait]
impl<S: Secrets> Opens for SuppliersOf<S> {
    type Opened = Suppliers;
    async fn open(
        &self,
        loaded: &Configuration,
        _: Option<&Suppliers>,
        problems: &mut Vec<Problem>,
    ) -> Result<Suppliers, ConnectError> {
        let (entries, secrets) = (self.entries, &self.secrets);
        // `config push` puts nothing here that it has not tried, and a process starts often.
        open_suppliers(loaded, entries, &self.means, secrets, problems, true).await
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
    Connectors(#[source] ConnectError),
    #[error("the store did not answer")]
    Store(#[source] StoreError),
}

/// Why a configuration is not used.
#[derive(Debug)]
pub struct Refused {
    /// The same for the same files.
    cause: Digest,
    pub problems: Vec<String>,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    Unchanged,
    Applied,
    /// There is an incident about it.
    Refused,
}

/// Whether other processes work by the same configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Every look is made, and what this process can use is good.
    Alone,
    /// A look is made once a minute. Another process may lack what this one does not need.
    Others,
}

/// Where the process gets a configuration from, and what it records about it.
#[derive(Clone)]
pub struct Source {
    pub bundles: Arc<dyn Bundles>,
    pub incidents: Arc<dyn IncidentStore>,
    pub clock: Arc<dyn Clock>,
    pub company: Company,
}

pub struct Running<O: Opens> {
    pub settings: Shared<Settings>,
    opened: Shared<O::Opened>,
    opens: O,
    source: Source,
    looked_at: Mutex<Timestamp>,
    /// Given as new, and not done with: something of ours failed. It is not given again.
    unfinished: Mutex<Option<Result<Bundle, BadBundle>>>,
    /// The cause of the refusal, where the newest was refused.
    refused: Mutex<Option<Digest>>,
    /// What was looked at overtakes refusals that are not closed yet.
    overtakes: AtomicBool,
}

impl<O: Opens> Running<O> {
    /// With the newest configuration that is good; where the newest is not, an incident says so.
    pub async fn start(opens: O, source: Source) -> Result<Self, StartError> {
        let look = StartError::Look;
        let newest = newest(&source).await.map_err(look)?;
        let refused = match opened(&opens, newest, None).await.map_err(look)? {
            Ok((settings, opened)) => return Ok(Self::of(opens, settings, opened, source)),
            Err(refused) => refused,
        };
        let reported = report(&source, &refused).await;
        reported.map_err(|error| look(LookError::Store(error)))?;
        let former = source.bundles.former().await;
        for bundle in former.map_err(|error| look(LookError::Bundle(error)))? {
            if let Ok((settings, opened)) = opened(&opens, bundle, None).await.map_err(look)? {
                let running = Self::of(opens, settings, opened, source);
                *running.refused() = Some(refused.cause);
                return Ok(running);
            }
        }
        Err(StartError::NoneIsGood(refused.problems.join("\n")))
    }

    /// With the newest configuration or none: a person is there to read what is wrong with it.
    pub async fn start_attended(
        opens: O,
        source: Source,
    ) -> Result<Result<Self, Refused>, LookError> {
        let newest = newest(&source).await?;
        let opened = opened(&opens, newest, None).await?;
        Ok(opened.map(|(settings, opened)| Self::of(opens, settings, opened, source)))
    }

    fn of(opens: O, settings: Settings, opened: O::Opened, source: Source) -> Self {
        tracing::info!(
            configuration = settings.digest.short(),
            "configuration in use"
        );
        Self {
            settings: Shared::new(settings),
            opened: Shared::new(opened),
            opens,
            looked_at: Mutex::new(source.clock.now()),
            source,
            unfinished: Mutex::new(None),
            refused: Mutex::new(None),
            overtakes: AtomicBool::new(true),
        }
    }

    /// Channels or suppliers of the configuration in force.
    pub fn opened(&self) -> Arc<O::Opened> {
        self.opened.get()
    }

    /// What a piece of work goes by, from its beginning to its end.
    pub async fn current(&self) -> Arc<O::Opened> {
        self.look().await;
        self.opened()
    }

    /// To be called before each piece of work. What fails is logged, for the previous configuration
    /// stays in force.
    pub async fn look(&self) -> Looked {
        if !self.is_time() {
            return Looked::Unchanged;
        }
        self.look_now().await.unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(error = %error, cause, "configuration not looked at");
            Looked::Unchanged
        })
    }

    /// Looks, and closes the refusals that another configuration, or another refusal, has overtaken.
    pub async fn follow(&self) -> Result<Looked, StoreError> {
        let looked = self.look().await;
        self.close_overtaken().await?;
        Ok(looked)
    }

    /// Closes refusals where a look overtook them since they were closed last; what fails is done again
    /// with the next look.
    pub async fn close_overtaken(&self) -> Result<(), StoreError> {
        if !self.overtakes.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let closed = self.close_refusals().await;
        if closed.is_err() {
            self.overtakes.store(true, Ordering::Relaxed);
        }
        closed
    }

    /// Whoever asks first looks.
    fn is_time(&self) -> bool {
        let pause = match self.source.company {
            Company::Alone => SignedDuration::ZERO,
            Company::Others => LOOK_AGAIN_AFTER,
        };
        let now = self.source.clock.now();
        let mut looked_at = self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_time = pause.is_zero() || now >= *looked_at + pause;
        if is_time {
            *looked_at = now;
        }
        is_time
    }

    pub async fn look_now(&self) -> Result<Looked, LookError> {
        let newer = self.source.bundles.newer().await;
        let newer = newer.map_err(LookError::Bundle)?;
        let unfinished = std::mem::take(&mut *self.unfinished());
        let Some(bundle) = newer.or(unfinished) else {
            return Ok(Looked::Unchanged);
        };
        let done = self.take(bundle.clone()).await;
        match &done {
            Ok(_) => self.overtakes.store(true, Ordering::Relaxed),
            Err(_) => *self.unfinished() = Some(bundle),
        }
        done
    }

    fn unfinished(&self) -> MutexGuard<'_, Option<Result<Bundle, BadBundle>>> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self) -> MutexGuard<'_, Option<Digest>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, bundle: Result<Bundle, BadBundle>) -> Result<Looked, LookError> {
        let previous = self.opened();
        match opened(&self.opens, bundle, Some(&previous)).await? {
            Ok((settings, opened)) => {
                let digest = settings.digest.clone();
                self.opened.replace(opened);
                self.settings.replace(settings);
                *self.refused() = None;
                tracing::info!(configuration = digest.short(), "configuration applied");
                Ok(Looked::Applied)
            }
            Err(refused) => {
                let reported = report(&self.source, &refused).await;
                reported.map_err(LookError::Store)?;
                *self.refused() = Some(refused.cause);
                Ok(Looked::Refused)
            }
        }
    }

    /// Closes what was opened about configurations that nobody asks for any more: all but the newest
    /// where it was refused, else all that another process cannot have opened about the one in force.
    pub async fn close_refusals(&self) -> Result<(), StoreError> {
        let refused = self.refused().clone();
        let why = match &refused {
            Some(_) => "the files changed, and were refused again",
            None => "good files were applied",
        };
        let in_force = self.settings.get().digest.clone();
        let kept = match self.source.company {
            Company::Alone => refused,
            Company::Others => Some(refused.unwrap_or(in_force)),
        };
        let kept = kept.map(|digest| digest.to_string());
        let incidents = self.source.incidents.as_ref();
        for incident in incidents.incidents().await? {
            if incident.kind != CaseKind::RefusedConfiguration
                || kept.as_ref() == Some(&incident.cause)
            {
                continue;
            }
            let closing = Closing {
                who: "waybill".to_owned(),
                why: why.to_owned(),
                at: self.source.clock.now(),
            };
            incidents
                .close_incident(incident.kind, &incident.cause, &closing)
                .await?;
        }
        Ok(())
    }
}

/// Before anything was given.
async fn newest(source: &Source) -> Result<Result<Bundle, BadBundle>, LookError> {
    let newest = source.bundles.newer().await.map_err(LookError::Bundle)?;
    Ok(newest.unwrap_or_else(|| {
        Err(BadBundle {
            digest: Digest::of(b""),
            why: "there is no configuration".to_owned(),
        })
    }))
}

async fn opened<O: Opens>(
    opens: &O,
    bundle: Result<Bundle, BadBundle>,
    previous: Option<&O::Opened>,
) -> Result<Result<(Settings, O::Opened), Refused>, LookError> {
    let bundle = match bundle {
        Ok(bundle) => bundle,
        Err(BadBundle { digest, why }) => {
            let (cause, problems) = (digest, vec![why]);
            return Ok(Err(Refused { cause, problems }));
        }
    };
    let mut problems = Vec::new();
    match opens.load(&bundle) {
        Ok(loaded) => {
            let opened = opens.open(&loaded, previous, &mut problems).await;
            let opened = opened.map_err(LookError::Connectors)?;
            if problems.is_empty() {
                let applied = opens.apply(&loaded, &opened, previous).await;
                applied.map_err(LookError::Store)?;
                return Ok(Ok((loaded.settings, opened)));
            }
        }
        Err(found) => problems = found,
    }
    Ok(Err(Refused {
        cause: Digest::of_value(&bundle.digests),
        problems: problems.iter().map(ToString::to_string).collect(),
    }))
}

async fn report(source: &Source, refused: &Refused) -> Result<(), StoreError> {
    let incident = Incident {
        kind: CaseKind::RefusedConfiguration,
        cause: refused.cause.to_string(),
        detail: refused.problems.join("\n"),
        opened_at: source.clock.now(),
    };
    if source.incidents.open_incident(&incident).await? {
        let detail = refused.problems.join("; ");
        tracing::error!(%detail, "configuration refused, the previous one stays in force");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
