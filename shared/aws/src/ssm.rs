//! Secrets in the parameter store, all below one path.

use async_trait::async_trait;
use aws_sdk_ssm::Client;
use ports::{SecretText, Secrets, Unavailable};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Read together: one call for all is one permission, and cheap.
pub struct SsmSecrets {
    client: Client,
    path: String,
    read: Mutex<BTreeMap<String, SecretString>>,
}

impl SsmSecrets {
    /// Read when the first is asked for. `path` without a slash at its end, such as
    /// `/waybill/channels`.
    pub fn below(client: Client, path: String) -> Self {
        Self {
            client,
            path,
            read: Mutex::default(),
        }
    }

    /// Read at once.
    pub async fn read(client: Client, path: String) -> Result<Self, Unavailable> {
        let secrets = Self::below(client, path);
        secrets.read_again().await?;
        Ok(secrets)
    }

    async fn read_again(&self) -> Result<(), Unavailable> {
        let mut found = BTreeMap::new();
        let mut pages = self
            .client
            .get_parameters_by_path()
            .path(&self.path)
            .recursive(false)
            .with_decryption(true)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let unread = |error| Unavailable::because("the parameters cannot be read", error);
            for parameter in page.map_err(unread)?.parameters.unwrap_or_default() {
                let name = parameter.name.unwrap_or_default();
                let name = name.rsplit('/').next().unwrap_or_default();
                if let Some(read) = parameter.value.and_then(SecretText::read) {
                    if read.was_cut {
                        tracing::warn!(name, "a secret ended in a line break, which was cut off");
                    }
                    found.insert(name.to_owned(), read.secret);
                }
            }
        }
        *self.known() = found;
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, SecretString>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Secrets for SsmSecrets {
    /// A name that is asked for and was not there may have been put since.
    async fn get(&self, name: &str) -> Result<Option<SecretString>, Unavailable> {
        let known = self.known().get(name).cloned();
        if known.is_some() {
            return Ok(known);
        }
        self.read_again().await?;
        Ok(self.known().get(name).cloned())
    }

    fn place(&self, name: &str) -> String {
        format!("the SecureString parameter {}/{name}", self.path)
    }
}
