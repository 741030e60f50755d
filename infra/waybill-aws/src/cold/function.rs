//! A function as it was deployed, and processes of it that are started here.

use super::ANYWHERE;
use super::endpoints::Endpoints;
use super::figures::Sample;
use crate::local_aws::deployment::Deployment;
use crate::local_aws::preparation::Preparation;
use anyhow::{Context as _, bail};
use doubles::runtime::{RuntimeDouble, Said};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::process::Command;
use waybill::usage::{Usage, cpu_nanos};

const SAYS_WITHIN: Duration = Duration::from_secs(30);
const RESTS_FOR: Duration = Duration::from_millis(20);
/// Looks at a process until it rests.
const LOOKS: u32 = 100;

pub(super) struct Function {
    pub(super) name: &'static str,
    program: PathBuf,
    pub(super) zipped_bytes: u64,
    environment: BTreeMap<String, String>,
}

impl Function {
    pub(super) async fn find(
        preparation: &Preparation,
        deployment: &Deployment,
        name: &'static str,
        logical: &str,
    ) -> anyhow::Result<Self> {
        let deployed = deployment.function(logical).await?;
        Ok(Self {
            name,
            program: preparation.program_of(logical),
            zipped_bytes: deployed.zipped_bytes,
            environment: deployed.environment,
        })
    }

    /// By a process that ends with it: what it used, and what it answered.
    pub(super) async fn first_call(
        &self,
        endpoints: &Endpoints,
        event: &Value,
    ) -> anyhow::Result<(Sample, Value)> {
        let log = NamedTempFile::new()?;
        let measured = self.measure(endpoints, event, &log).await;
        measured.with_context(|| {
            let said = std::fs::read_to_string(log.path()).unwrap_or_default();
            format!("a process of {} said:\n{said}", self.name)
        })
    }

    async fn measure(
        &self,
        endpoints: &Endpoints,
        event: &Value,
        log: &NamedTempFile,
    ) -> anyhow::Result<(Sample, Value)> {
        let mut lambda = RuntimeDouble::serve(ANYWHERE).await?;
        endpoints.forget();
        let mut process = Command::new(&self.program)
            .env_clear()
            .envs(&self.environment)
            .env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string())
            .envs(endpoints.variables())
            .stdin(Stdio::null())
            .stdout(log.reopen()?)
            .stderr(log.reopen()?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be run", self.program.display()))?;
        let id = process.id().context("it ended at once")?;
        is_ready(&mut lambda).await?;
        let init_nanos = at_rest(id).await?;
        let connections_of_init = endpoints.connections();
        lambda.give("first", event);
        let answer = match lambda.hear(SAYS_WITHIN).await {
            Some(Said::Answered(_, answer)) => serde_json::from_slice(&answer)?,
            Some(Said::Failed(why)) => bail!("it failed: {}", String::from_utf8_lossy(&why)),
            Some(Said::Ready) | None => bail!("it does not answer"),
        };
        is_ready(&mut lambda).await?;
        let nanos = at_rest(id).await?;
        let usage = Usage::of(id).context("it ended")?;
        let connections = endpoints.connections();
        process.kill().await?;
        let sample = Sample {
            init_nanos,
            nanos,
            resident_kib: usage.resident_kib,
            connections_of_init,
            connections,
        };
        Ok((sample, answer))
    }
}

async fn is_ready(lambda: &mut RuntimeDouble) -> anyhow::Result<()> {
    match lambda.hear(SAYS_WITHIN).await {
        Some(Said::Ready) => Ok(()),
        Some(Said::Failed(why)) => bail!("it failed: {}", String::from_utf8_lossy(&why)),
        Some(Said::Answered(..)) | None => bail!("it does not become ready"),
    }
}

/// Nanoseconds of CPU that a process had, once it wants no more. A thread for blocking work lives for
/// ten seconds after it, so none is missing.
async fn at_rest(process: u32) -> anyhow::Result<u64> {
    let mut known = None;
    for _ in 0..LOOKS {
        tokio::time::sleep(RESTS_FOR).await;
        let nanos = cpu_nanos(process).context("it ended")?;
        if known == Some(nanos) {
            return Ok(nanos);
        }
        known = Some(nanos);
    }
    bail!("it does not come to rest")
}
