//! The demo's stage on the local AWS. Time passes as it does: what is due in a minute is waited for.

use super::deployment::Deployment;
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use waybill::Installation;
use waybill::demo::{Cast, SECRET, Stage};

/// Messages are fetched each second, a process is started for the first of each function, and a
/// configuration is looked for once a minute.
const PATIENCE: Duration = Duration::from_secs(150);

pub struct LocalStage {
    deployment: Arc<Deployment>,
    installation: Installation,
    /// The merchant's files.
    config: tempfile::TempDir,
}

impl LocalStage {
    /// Configured as the cast needs it.
    pub async fn set(deployment: Arc<Deployment>, cast: &Cast) -> anyhow::Result<Self> {
        let stage = Self {
            installation: deployment.opened.installation(),
            deployment,
            config: tempfile::tempdir()?,
        };
        for (name, text) in cast.files() {
            // Here mails go through SES.
            let text = text.replace("mail_via = \"outbox\"", "");
            std::fs::write(stage.config.path().join(name), text)?;
        }
        stage
            .deployment
            .put_secret("channels", "ACME_SHOPIFY_SECRET", SECRET)
            .await?;
        stage.deployment.push(stage.config()).await?;
        Ok(stage)
    }

    pub fn config(&self) -> &Path {
        self.config.path()
    }
}

#[async_trait]
impl Stage for LocalStage {
    fn installation(&self) -> &Installation {
        &self.installation
    }

    fn webhook_url(&self) -> &str {
        &self.deployment.webhook_url
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    async fn later(&self, seconds: u32) -> anyhow::Result<()> {
        tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
        self.deployment.sweep().await
    }

    /// The schedule's sweep finds what the new files may cure, once a function has looked for them.
    async fn change(&self, name: &str, text: &str) -> anyhow::Result<()> {
        std::fs::write(self.config.path().join(name), text)?;
        self.deployment.push(self.config()).await
    }

    async fn told(&self, ending: &str) -> anyhow::Result<Vec<String>> {
        match ending {
            "eml" => Ok(self.mails()),
            ending => self.files(ending).await,
        }
    }
}

impl LocalStage {
    /// By the tags of those that the mail service took, whether or not its answer arrived.
    fn mails(&self) -> Vec<String> {
        let calls = self.deployment.emulator.recorder.calls();
        let taken = calls.iter().filter(|call| {
            call.action == "SendRawEmail" && call.status.is_some_and(|status| status == 200)
        });
        let named = taken.filter_map(|call| {
            let number = call.tags.get("purchase_order")?;
            Some(match call.tags.get("request") {
                Some(request) => format!("{number}-X{request}"),
                None => number.clone(),
            })
        });
        named.collect()
    }

    async fn files(&self, ending: &str) -> anyhow::Result<Vec<String>> {
        let opened = &self.deployment.opened;
        let mut pages = opened
            .account
            .clients
            .s3()
            .list_objects_v2()
            .bucket(&opened.outputs.drops_bucket)
            .prefix("out/")
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for object in page?.contents() {
                let name = object.key().and_then(|key| key.rsplit('/').next());
                if let Some((stem, known)) = name.and_then(|name| name.rsplit_once('.'))
                    && known == ending
                {
                    found.push(stem.to_owned());
                }
            }
        }
        Ok(found)
    }
}
