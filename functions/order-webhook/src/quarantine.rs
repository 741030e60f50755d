//! Signed payloads that nobody can read: kept with their headers, and taken in again when somebody
//! has mended what made them unreadable.

use crate::{Answer, Deps, answer, open_incident, take_in};
use domain::cases::CaseKind;
use domain::digest::Digest;
use domain::ids::{ChannelId, OrderId};
use ports::{Area, StepError, WebhookRequest};

/// Words in the names of headers that carry what lets somebody in. A signature does not: it holds for
/// its body alone.
const SECRET: [&str; 6] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "api-key",
];

/// Where the payload lies; its headers lie below.
fn key(channel: &ChannelId, digest: &Digest) -> String {
    format!("quarantine/{channel}/{digest}")
}

fn headers_key(key: &str) -> String {
    format!("{key}/headers")
}

/// The channel would retry what we cannot read, and unsubscribe us in the end: keep it and say so.
pub(crate) async fn keep(
    deps: &Deps,
    channel: &ChannelId,
    request: &WebhookRequest,
    why: &str,
) -> Answer {
    match kept(deps, channel, request, why).await {
        Ok(()) => answer(200, "quarantined"),
        Err(error) => {
            tracing::warn!(channel.id = %channel, error = %error, "payload not quarantined");
            answer(503, "not kept")
        }
    }
}

async fn kept(
    deps: &Deps,
    channel: &ChannelId,
    request: &WebhookRequest,
    why: &str,
) -> Result<(), StepError> {
    let digest = Digest::of(&request.body);
    let key = key(channel, &digest);
    let headers = written(&request.headers);
    deps.files
        .put_new(Area::Evidence, &headers_key(&key), headers.as_bytes())
        .await?;
    deps.files
        .put_new(Area::Evidence, &key, &request.body)
        .await?;
    let detail = format!("{channel}: {why}; the payload is {key}");
    let kind = CaseKind::QuarantinedPayload;
    Ok(open_incident(deps, kind, digest.to_string(), detail).await?)
}

/// What became of a payload that was read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redriven {
    /// It was taken in by these orders; by none where its topic is not of interest.
    Accepted(Vec<OrderId>),
    /// It stays where it is.
    Refused(String),
    /// Nothing that was quarantined has that key.
    Unknown,
}

/// Verifies, reads and takes in what the key holds, as if it had just come. Its incident stays open:
/// closing it is a person's word.
pub async fn redrive(deps: &Deps, key: &str) -> Result<Redriven, StepError> {
    let channel = key
        .strip_prefix("quarantine/")
        .and_then(|rest| rest.split_once('/'))
        .and_then(|(channel, _)| ChannelId::parse(channel).ok());
    let body = deps.files.get(Area::Evidence, key).await?;
    let headers = deps.files.get(Area::Evidence, &headers_key(key)).await?;
    let (Some(id), Some(body), Some(headers)) = (channel, body, headers) else {
        return Ok(Redriven::Unknown);
    };
    let refused = |why: String| Ok(Redriven::Refused(why));
    let Some(channel) = deps.channels.get(&id) else {
        return refused(format!("channel {id} is not configured"));
    };
    let Some(webhook) = channel.webhook() else {
        return refused(format!("channel {id} receives no webhooks"));
    };
    match webhook.receive(&WebhookRequest::post(read(&headers), body)) {
        Ok(received) => {
            let orders = take_in(deps, &id, &received.events()).await?;
            Ok(Redriven::Accepted(orders))
        }
        Err(why) => refused(format!("{id}: {why}")),
    }
}

fn written(headers: &[(String, String)]) -> String {
    let harmless = |name: &str| {
        let name = name.to_ascii_lowercase();
        !SECRET.iter().any(|word| name.contains(word))
    };
    let lines: Vec<String> = headers
        .iter()
        .filter(|(name, value)| harmless(name) && !value.contains(char::is_control))
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    lines.concat()
}

fn read(headers: &[u8]) -> Vec<(String, String)> {
    String::from_utf8_lossy(headers)
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_back_without_what_lets_somebody_in() {
        let pairs = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            owned.collect::<Vec<_>>()
        };
        let came = pairs(&[
            ("x-shopify-topic", "orders/create"),
            ("x-shopify-hmac-sha256", "c2lnbmF0dXJl: ="),
            ("Authorization", "Bearer abc"),
            ("Set-Cookie", "id=1"),
            ("X-Shopify-Access-Token", "abc"),
            ("x-broken", "two\nlines"),
        ]);
        let kept = written(&came);
        assert_eq!(
            read(kept.as_bytes()),
            pairs(&[
                ("x-shopify-topic", "orders/create"),
                ("x-shopify-hmac-sha256", "c2lnbmF0dXJl: ="),
            ])
        );
    }
}
