//! What connectors are opened with where nothing outside is touched.

use async_trait::async_trait;
use connectors::NoMail;
use doubles::supplier::SupplierDouble;
use ports::{Area, Files, Put, Unavailable};
use registry::{Opening, Registry};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kinds that the programs know.
pub const REGISTRY: Registry = Registry {
    channels: channels::CHANNELS,
    suppliers: suppliers::SUPPLIERS,
};

/// No file is there, and none can be put.
struct Nowhere;

#[async_trait]
impl Files for Nowhere {
    async fn put_new(&self, _: Area, _: &str, _: &[u8]) -> Result<Put, Unavailable> {
        Err(Unavailable::new("there is nowhere to put it"))
    }
    async fn get(&self, _: Area, _: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(None)
    }
    async fn was_published(&self, _: &str) -> Result<bool, Unavailable> {
        Ok(false)
    }
}

/// Of a channel that has these secrets of webhooks.
pub fn channel<'a>(settings: &'a Value, webhook_secrets: &[&str]) -> Opening<'a> {
    let secrets = webhook_secrets.iter();
    Opening {
        id: "acme",
        settings,
        sender: "orders@acme.example",
        http: Arc::new(SupplierDouble::default()),
        files: Arc::new(Nowhere),
        mailer: Arc::new(NoMail),
        secrets: BTreeMap::new(),
        webhook_secrets: secrets
            .map(|secret| SecretString::from((*secret).to_owned()))
            .collect(),
        tried_before: true,
    }
}
