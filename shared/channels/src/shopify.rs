//! Shopify: orders and refunds from the webhooks of one shop.

mod field;
mod wire;

#[cfg(test)]
mod tests;

use crate::SettingsError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::order::news::ChannelEvent;
use domain::settings::ChannelSettings;
use field::Field;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ports::{BadSignature, Channel, ParseError, WebhookRequest};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::Sha256;

const SIGNATURE: &str = "x-shopify-hmac-sha256";
const SHOP: &str = "x-shopify-shop-domain";
const TOPIC: &str = "x-shopify-topic";
/// What `shop` has to be.
const DOMAIN: &str = "the shop's domain, such as acme.myshopify.com";

struct Shopify {
    /// In lower case.
    shop: String,
    /// Services whose lines are ours; the lines of any other are shipped by that service.
    fulfillment_services: Vec<String>,
    secrets: Vec<SecretString>,
}

pub(crate) fn open(
    settings: &ChannelSettings,
    secrets: Vec<SecretString>,
) -> Result<Box<dyn Channel>, SettingsError> {
    let empty = serde_json::Map::new();
    let specific = match &settings.specific {
        Value::Object(object) => object,
        Value::Null => &empty,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(SettingsError::new("", "not a table", "a table"));
        }
    };
    let mut shop = None;
    let mut fulfillment_services = vec!["manual".to_owned()];
    for (key, value) in specific {
        match key.as_str() {
            "shop" => shop = Some(shop_domain(value)?),
            "fulfillment_services" => fulfillment_services = services(value)?,
            _ => {
                return Err(SettingsError {
                    known: &["shop", "fulfillment_services"],
                    ..SettingsError::new(key, "unknown key", "shop or fulfillment_services")
                });
            }
        }
    }
    let shop = shop.ok_or_else(|| SettingsError::new("shop", "missing", DOMAIN))?;
    // Whoever knows the empty key can sign with it, so that an unset secret counts as none.
    let secrets = secrets
        .into_iter()
        .filter(|secret| !secret.expose_secret().is_empty())
        .collect();
    Ok(Box::new(Shopify {
        shop,
        fulfillment_services,
        secrets,
    }))
}

fn shop_domain(value: &Value) -> Result<String, SettingsError> {
    value
        .as_str()
        .filter(|shop| shop.contains('.') && !shop.starts_with('.') && !shop.ends_with('.'))
        .filter(|shop| {
            shop.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        })
        .map(str::to_ascii_lowercase)
        .ok_or_else(|| SettingsError::new("shop", "not a domain", DOMAIN))
}

fn services(value: &Value) -> Result<Vec<String>, SettingsError> {
    let path = "fulfillment_services";
    let list = value
        .as_array()
        .ok_or_else(|| SettingsError::new(path, "not a list", "a list of texts"))?;
    list.iter()
        .enumerate()
        .map(|(index, service)| {
            let service = service
                .as_str()
                .map(str::trim)
                .filter(|service| !service.is_empty());
            service.map(str::to_owned).ok_or_else(|| {
                SettingsError::new(format!("{path}[{index}]"), "not a text", "a text")
            })
        })
        .collect()
}

impl Channel for Shopify {
    fn verify(&self, request: &WebhookRequest) -> Result<(), BadSignature> {
        if self.secrets.is_empty() {
            return Err(BadSignature("no secret is configured"));
        }
        let signature = request
            .header(SIGNATURE)
            .ok_or(BadSignature("no signature"))?;
        let signature = STANDARD
            .decode(signature.trim())
            .map_err(|_| BadSignature("the signature is not base64"))?;
        if !self
            .secrets
            .iter()
            .any(|secret| signs(secret, &request.body, &signature))
        {
            return Err(BadSignature("signed with none of the secrets"));
        }
        // One app's secret signs for every shop that installed it.
        let shop = request.header(SHOP).ok_or(BadSignature("no shop domain"))?;
        if !shop.trim().eq_ignore_ascii_case(&self.shop) {
            return Err(BadSignature("signed for another shop"));
        }
        Ok(())
    }

    fn parse(&self, request: &WebhookRequest) -> Result<Vec<ChannelEvent>, ParseError> {
        // Without a topic nobody can say that it was not of interest.
        let topic = request
            .header(TOPIC)
            .ok_or_else(|| ParseError(format!("header {TOPIC}: missing")))?;
        let read: fn(&Self, &Field<'_>) -> Result<ChannelEvent, ParseError> =
            match topic.trim().to_ascii_lowercase().as_str() {
                "orders/create" | "orders/paid" | "orders/updated" | "orders/cancelled" => {
                    Self::order
                }
                "refunds/create" => Self::refund,
                _ => return Ok(Vec::new()),
            };
        let payload: Value = serde_json::from_slice(&request.body).map_err(|error| {
            ParseError(format!(
                "not JSON at line {} column {}",
                error.line(),
                error.column()
            ))
        })?;
        Ok(vec![read(self, &Field::root(&payload))?])
    }
}

impl Shopify {
    fn order(&self, payload: &Field<'_>) -> Result<ChannelEvent, ParseError> {
        wire::order(payload, &self.fulfillment_services)
    }

    #[expect(clippy::unused_self, reason = "the same shape as `order`")]
    fn refund(&self, payload: &Field<'_>) -> Result<ChannelEvent, ParseError> {
        wire::refund_event(payload)
    }
}

fn signs(secret: &SecretString, body: &[u8], signature: &[u8]) -> bool {
    Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .is_ok_and(|mac| mac.chain_update(body).verify_slice(signature).is_ok())
}
