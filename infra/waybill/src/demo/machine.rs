//! The stage on one machine: the server, its database and HTTP over loopback. Only time is helped
//! along, so that nobody waits for a minute to pass.

use super::{Cast, LOOPBACK, SECRET, Stage, tell};
use crate::machine::Machine;
use crate::{Exit, Installation, say, serve};
use anyhow::bail;
use async_trait::async_trait;
use embedded::SystemClock;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, Secrets, Steady, Unavailable};
use registry::Registry;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The machine's time and what the demo added to it.
#[derive(Clone, Default)]
struct DemoClock(Arc<AtomicI64>);

#[async_trait]
impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Steady {
        let mut steady = SystemClock.steady();
        steady.since += SignedDuration::from_secs(self.0.load(Ordering::SeqCst));
        steady
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

struct DemoSecrets;

#[async_trait]
impl Secrets for DemoSecrets {
    async fn get(&self, _: &str) -> Result<Option<SecretString>, Unavailable> {
        Ok(Some(SECRET.to_owned().into()))
    }
}

struct OneMachine {
    machine: Arc<Machine>,
    clock: DemoClock,
    installation: Installation,
    url: String,
    config: PathBuf,
    outbox: PathBuf,
}

pub(crate) async fn demo(registry: Registry) -> anyhow::Result<Exit> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config");
    let data = folder.path().join("data");
    std::fs::create_dir(&config)?;
    let cast = Cast::assemble().await?;
    for (name, text) in cast.files() {
        std::fs::write(config.join(name), text)?;
    }

    let clock = DemoClock::default();
    let opened = Machine::open(
        &data,
        &config,
        registry,
        Arc::new(clock.clone()),
        Arc::new(DemoSecrets),
        false,
    );
    let machine = match opened.await? {
        Ok(machine) => machine,
        Err(problems) => bail!("the configuration is not right: {}", problems.join("; ")),
    };
    let listener = TcpListener::bind(LOOPBACK).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let workers = tokio::spawn(machine.clone().run(stopped.clone()));
    let server = tokio::spawn(serve::answer(machine.clone(), listener, stopped));
    let stage = OneMachine {
        installation: Installation::embedded(machine.store.clone(), &data, Arc::new(clock.clone())),
        machine,
        clock,
        url: format!("http://{address}/webhooks/acme"),
        config,
        outbox: data.join("outbox"),
    };
    say(format_args!(
        "Acme sells through Shopify; Northwind and Eastgate take orders over HTTP, Lakeside as CSV"
    ));
    say(format_args!(
        "files, Harbour by mail. The server listens on {address}."
    ));
    let exit = tell(&stage, cast).await?;
    stop.send_replace(true);
    server.await?;
    workers.await?;
    Ok(exit)
}

#[async_trait]
impl Stage for OneMachine {
    fn installation(&self) -> &Installation {
        &self.installation
    }

    fn webhook_url(&self) -> &str {
        &self.url
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn later(&self, seconds: u32) -> anyhow::Result<()> {
        self.clock.0.fetch_add(i64::from(seconds), Ordering::SeqCst);
        self.machine.sweep().await;
        Ok(())
    }

    async fn change(&self, name: &str, text: &str) -> anyhow::Result<()> {
        std::fs::write(self.config.join(name), text)?;
        self.machine.look_at_files().await?;
        self.machine.sweep().await;
        Ok(())
    }

    async fn told(&self, ending: &str) -> anyhow::Result<Vec<String>> {
        Ok(files(&self.outbox, ending)?)
    }
}

/// Names without their ending, of finished files below the folder.
fn files(folder: &Path, ending: &str) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_stem()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|known| known == ending) {
                found.push(name);
            }
        }
    }
    Ok(found)
}
