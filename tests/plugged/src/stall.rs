//! A market stall's till: it sends orders in the documents of another kind of channel, which it has
//! registered under its own name, and signs them in its own manner.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ports::{BadSignature, Channel, ParseError, Received, Webhook, WebhookRequest};
use registry::{ChannelEntry, Opening, SettingsError, read};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

const KIND: &str = "stall";
/// In hexadecimal, of HMAC-SHA256 over the body.
pub const SIGNATURE: &str = "x-stall-signature";

pub(crate) const ENTRY: ChannelEntry = ChannelEntry {
    needs_webhook_secrets: true,
    ..ChannelEntry::new(KIND, open)
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where the till stands.
    place: String,
}

struct Stall {
    secrets: Vec<SecretString>,
    /// Reads the documents.
    documents: Box<dyn Channel>,
}

fn open(opening: Opening<'_>) -> Result<Box<dyn Channel>, SettingsError> {
    let Settings { place } = read(KIND, opening.settings)?;
    let secrets = opening.webhook_secrets.iter();
    let secrets = secrets.filter(|secret| !secret.expose_secret().trim().is_empty());
    let secrets = secrets.cloned().collect();
    let shop = json!({ "shop": format!("{place}.stall.example") });
    let documents = (channels::CHANNELS[0].open)(Opening {
        settings: &shop,
        ..opening
    })?;
    Ok(Box::new(Stall { secrets, documents }))
}

/// The signature of a body.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    mac.map(|mac| HEXLOWER.encode(&mac.chain_update(body).finalize().into_bytes()))
        .unwrap_or_default()
}

impl Channel for Stall {
    fn webhook(&self) -> Option<&dyn Webhook> {
        Some(self)
    }
}

impl Stall {
    fn signature(&self, head: &WebhookRequest) -> Result<Vec<u8>, BadSignature> {
        if self.secrets.is_empty() {
            return Err(BadSignature("no secret is configured"));
        }
        let signature = head.header(SIGNATURE).ok_or(BadSignature("no signature"))?;
        let signature = HEXLOWER.decode(signature.as_bytes());
        let signature = signature.map_err(|_| BadSignature("the signature is not hexadecimal"))?;
        match signature.len() {
            32 => Ok(signature),
            _ => Err(BadSignature("the signature is not as long as one")),
        }
    }
}

impl Webhook for Stall {
    fn verify_head(&self, head: &WebhookRequest) -> Result<(), BadSignature> {
        self.signature(head).map(drop)
    }

    fn verify(&self, request: &WebhookRequest) -> Result<(), BadSignature> {
        let signature = self.signature(request)?;
        let signs = |secret: &SecretString| {
            Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).is_ok_and(|mac| {
                let mac = mac.chain_update(&request.body);
                mac.verify_slice(&signature).is_ok()
            })
        };
        if self.secrets.iter().any(signs) {
            Ok(())
        } else {
            Err(BadSignature("signed with none of the secrets"))
        }
    }

    fn read(&self, request: &WebhookRequest) -> Result<Received, ParseError> {
        let documents = self.documents.webhook();
        let documents = documents.ok_or_else(|| ParseError("no documents are known".to_owned()))?;
        documents.read(request)
    }
}
