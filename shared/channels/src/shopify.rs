//! Shopify: orders and refunds from the webhooks of one shop.

mod field;
mod wire;

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::order::news::ChannelEvent;
use field::Field;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use ports::{BadSignature, Channel, ParseError, Received, Webhook, WebhookRequest};
use registry::{ChannelEntry, Opening, SettingsError};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::Sha256;
use wire::{Local, NoteRule};

const SIGNATURE: &str = "x-shopify-hmac-sha256";
/// Of HMAC-SHA256.
const SIGNATURE_BYTES: usize = 32;
const SHOP: &str = "x-shopify-shop-domain";
const TOPIC: &str = "x-shopify-topic";
const TRIGGERED_AT: &str = "x-shopify-triggered-at";
/// What `shop` has to be.
const DOMAIN: &str = "the shop's domain, such as acme.myshopify.com";

/// What the merchant wants of orders of this shop.
struct Settings {
    /// Services whose lines are ours; the lines of any other are shipped by that service.
    fulfillment_services: Vec<String>,
    local: Local,
    note: NoteRule,
    /// Names of note attributes that suppliers receive.
    note_attributes: Vec<String>,
    /// The phone of the order, else of the customer, where the address has none.
    phone_fallback: bool,
}

struct Shopify {
    /// In lower case.
    shop: String,
    settings: Settings,
    secrets: Vec<SecretString>,
}

/// Every key of `[channel.shopify]`.
const KEYS: &[&str] = &[
    "shop",
    "fulfillment_services",
    "local",
    "note",
    "note_attributes",
    "phone_fallback",
];

pub(crate) const ENTRY: ChannelEntry = ChannelEntry {
    needs_webhook_secrets: true,
    ..ChannelEntry::new("shopify", open)
};

fn open(opening: Opening<'_>) -> Result<Box<dyn Channel>, SettingsError> {
    let channel = opened(opening.settings, opening.webhook_secrets)?;
    Ok(Box::new(channel))
}

fn opened(settings: &Value, secrets: Vec<SecretString>) -> Result<Shopify, SettingsError> {
    let empty = serde_json::Map::new();
    let specific = match settings {
        Value::Object(object) => object,
        Value::Null => &empty,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(wrong("", "not a table", "a table"));
        }
    };
    let mut shop = None;
    let mut read = Settings {
        fulfillment_services: vec!["manual".to_owned()],
        local: Local::NotOurs,
        note: NoteRule::Ignore,
        note_attributes: Vec::new(),
        phone_fallback: true,
    };
    for (key, value) in specific {
        match key.as_str() {
            "shop" => shop = Some(shop_domain(value)?),
            "fulfillment_services" => read.fulfillment_services = texts(key, value)?,
            "local" => {
                let known = [("not-ours", Local::NotOurs), ("hold", Local::Hold)];
                read.local = one_of(key, value, &known, "\"not-ours\" or \"hold\"")?;
            }
            "note" => {
                let known = [
                    ("ignore", NoteRule::Ignore),
                    ("forward", NoteRule::Forward),
                    ("hold", NoteRule::Hold),
                ];
                let expected = "\"ignore\", \"forward\" or \"hold\"";
                read.note = one_of(key, value, &known, expected)?;
            }
            "note_attributes" => read.note_attributes = texts(key, value)?,
            "phone_fallback" => {
                read.phone_fallback = value
                    .as_bool()
                    .ok_or_else(|| wrong(key, "neither true nor false", "true or false"))?;
            }
            _ => {
                let expected =
                    "shop, fulfillment_services, local, note, note_attributes or phone_fallback";
                return Err(wrong(key, "unknown key", expected).unknown(key, KEYS.iter().copied()));
            }
        }
    }
    let shop = shop.ok_or_else(|| wrong("shop", "missing", DOMAIN))?;
    // Whoever knows the empty key can sign with it, so that a blank secret counts as none.
    let secrets = secrets
        .into_iter()
        .filter(|secret| !secret.expose_secret().trim().is_empty())
        .collect();
    Ok(Shopify {
        shop,
        settings: read,
        secrets,
    })
}

fn wrong(path: impl Into<String>, message: &str, expected: &str) -> SettingsError {
    SettingsError::new(path, message).expecting(expected)
}

fn one_of<T: Copy>(
    key: &str,
    value: &Value,
    known: &[(&str, T)],
    expected: &'static str,
) -> Result<T, SettingsError> {
    let given = value.as_str();
    known
        .iter()
        .find(|(name, _)| Some(*name) == given)
        .map(|(_, meant)| *meant)
        .ok_or_else(|| wrong(key, "none of these", expected))
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
        .ok_or_else(|| wrong("shop", "not a domain", DOMAIN))
}

fn texts(path: &str, value: &Value) -> Result<Vec<String>, SettingsError> {
    let list = value
        .as_array()
        .ok_or_else(|| wrong(path, "not a list", "a list of texts"))?;
    list.iter()
        .enumerate()
        .map(|(index, text)| {
            let text = text.as_str().map(str::trim).filter(|text| !text.is_empty());
            text.map(str::to_owned)
                .ok_or_else(|| wrong(format!("{path}[{index}]"), "not a text", "a text"))
        })
        .collect()
}

impl Shopify {
    /// What the headers name as the body's signature, where they are for this shop.
    fn signature_of(&self, head: &WebhookRequest) -> Result<[u8; SIGNATURE_BYTES], BadSignature> {
        if self.secrets.is_empty() {
            return Err(BadSignature("no secret is configured"));
        }
        let signature = head.header(SIGNATURE).ok_or(BadSignature("no signature"))?;
        let signature = STANDARD
            .decode(signature.trim())
            .map_err(|_| BadSignature("the signature is not base64"))?;
        let signature = signature
            .try_into()
            .map_err(|_| BadSignature("the signature is not as long as one"))?;
        // One app's secret signs for every shop that installed it.
        let shop = head.header(SHOP).ok_or(BadSignature("no shop domain"))?;
        if !shop.trim().eq_ignore_ascii_case(&self.shop) {
            return Err(BadSignature("signed for another shop"));
        }
        Ok(signature)
    }
}

impl Channel for Shopify {
    fn webhook(&self) -> Option<&dyn Webhook> {
        Some(self)
    }
}

impl Webhook for Shopify {
    fn verify_head(&self, head: &WebhookRequest) -> Result<(), BadSignature> {
        self.signature_of(head).map(drop)
    }

    fn verify(&self, request: &WebhookRequest) -> Result<(), BadSignature> {
        let signature = self.signature_of(request)?;
        let signed = |secret| signs(secret, &request.body, &signature);
        if self.secrets.iter().any(signed) {
            Ok(())
        } else {
            Err(BadSignature("signed with none of the secrets"))
        }
    }

    fn read(&self, request: &WebhookRequest) -> Result<Received, ParseError> {
        self.parse(request).map(Received::Events)
    }
}

impl Shopify {
    /// Empty for a topic that is not of interest.
    fn parse(&self, request: &WebhookRequest) -> Result<Vec<ChannelEvent>, ParseError> {
        // Without a topic nobody can say that it was not of interest.
        let topic = request
            .header(TOPIC)
            .ok_or_else(|| ParseError(format!("header {TOPIC}: missing")))?;
        let payload = || -> Result<Value, ParseError> {
            serde_json::from_slice(&request.body).map_err(|error| {
                ParseError(format!(
                    "not JSON at line {} column {}",
                    error.line(),
                    error.column()
                ))
            })
        };
        let event = match topic.trim().to_ascii_lowercase().as_str() {
            "orders/create" | "orders/paid" | "orders/updated" | "orders/cancelled" => wire::order(
                &Field::root(&payload()?),
                emitted_at(request),
                &self.settings,
            )?,
            "refunds/create" => wire::refund_event(&Field::root(&payload()?))?,
            _ => return Ok(Vec::new()),
        };
        Ok(vec![event])
    }
}

/// A retry repeats it. It only orders messages that describe the same second, so that one which
/// cannot be read counts as absent, the lowest.
fn emitted_at(request: &WebhookRequest) -> Option<Timestamp> {
    request.header(TRIGGERED_AT)?.trim().parse().ok()
}

fn signs(secret: &SecretString, body: &[u8], signature: &[u8]) -> bool {
    Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .is_ok_and(|mac| mac.chain_update(body).verify_slice(signature).is_ok())
}
