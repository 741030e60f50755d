//! Secrets from the environment.

use async_trait::async_trait;
use ports::{SecretText, Secrets, Unavailable};
use secrecy::SecretString;
use std::env::VarError;

/// A secret's name is the name of its variable.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvironmentSecrets;

#[async_trait]
impl Secrets for EnvironmentSecrets {
    #[expect(clippy::disallowed_methods, reason = "this is the Secrets port")]
    async fn get(&self, name: &str) -> Result<Option<SecretString>, Unavailable> {
        match std::env::var(name) {
            Ok(value) => Ok(SecretText::read(value).map(|read| {
                if read.was_cut {
                    tracing::warn!(name, "a secret ended in a line break, which was cut off");
                }
                read.secret
            })),
            Err(VarError::NotPresent) => Ok(None),
            // Its error would quote the value.
            Err(VarError::NotUnicode(_)) => {
                Err(Unavailable::new(format!("{name} is no Unicode text")))
            }
        }
    }

    fn place(&self, name: &str) -> String {
        format!("{name} in the environment of `waybill serve`")
    }
}
