//! Events of SES as `EventBridge` delivers them.

use super::{ATTEMPT, PURCHASE_ORDER, REQUEST};
use domain::purchase_order_number::PurchaseOrderNumber;
use ports::{MailEvent, MailReport, SendId};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What one event means for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    Mail(MailEvent),
    /// About a mail of ours, and nothing that changes an order; what it is.
    Noted(String),
    /// Of a mail that carries none of our tags.
    Foreign,
}

#[derive(Deserialize)]
struct Envelope {
    source: String,
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event_type: String,
    mail: Mail,
    bounce: Option<Bounce>,
    reject: Option<Reject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
    common_headers: Option<CommonHeaders>,
}

#[derive(Deserialize)]
struct CommonHeaders {
    #[serde(default)]
    to: Vec<String>,
}

#[derive(Deserialize)]
struct Bounce {
    #[serde(rename = "bounceType")]
    kind: String,
    #[serde(default, rename = "bounceSubType")]
    cause: String,
    #[serde(default, rename = "bouncedRecipients")]
    recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
    status: Option<String>,
}

#[derive(Deserialize)]
struct Reject {
    #[serde(default)]
    reason: String,
}

/// `None` where the text is no event of SES.
pub fn reported(body: &str) -> Option<Reported> {
    let event: Envelope = serde_json::from_str(body).ok()?;
    if event.source != "aws.ses" {
        return None;
    }
    let Some((id, attempt)) = sender(&event.detail.mail.tags) else {
        return Some(Reported::Foreign);
    };
    let kind = event.detail.event_type.as_str();
    let report = match (kind, &event.detail) {
        ("Send", _) => MailReport::Sent,
        (
            "Bounce",
            Detail {
                bounce: Some(bounce),
                mail,
                ..
            },
        ) if bounce.kind == "Permanent" && reached_nobody(bounce, mail) => {
            MailReport::Bounced(why(bounce))
        }
        ("Reject", detail) => {
            let reason = detail.reject.as_ref().map_or("", |reject| &reject.reason);
            MailReport::Bounced(format!("SES did not deliver it: {}", word(reason)))
        }
        _ => return Some(Reported::Noted(noted(kind, event.detail.bounce.as_ref()))),
    };
    Some(Reported::Mail(MailEvent {
        id,
        attempt,
        report,
        evidence: body.as_bytes().to_vec(),
    }))
}

fn sender(tags: &BTreeMap<String, Vec<String>>) -> Option<(SendId, u32)> {
    let tag = |name: &str| tags.get(name).and_then(|values| values.first());
    let number = PurchaseOrderNumber::parse(tag(PURCHASE_ORDER)?).ok()?;
    let cancel = tag(REQUEST).map(|text| text.parse()).transpose().ok()?;
    let attempt = tag(ATTEMPT)?.parse().ok()?;
    Some((SendId { number, cancel }, attempt))
}

/// A copy that does not arrive changes nothing: whom it was written to has it.
fn reached_nobody(bounce: &Bounce, mail: &Mail) -> bool {
    let to = mail.common_headers.iter().flat_map(|headers| &headers.to);
    to.map(|mailbox| address(mailbox)).all(|wanted| {
        bounce
            .recipients
            .iter()
            .any(|recipient| address(&recipient.email_address).eq_ignore_ascii_case(wanted))
    })
}

/// Of `Name <address>` or `address`.
fn address(mailbox: &str) -> &str {
    mailbox
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(mailbox, |(address, _)| address)
        .trim()
}

fn why(bounce: &Bounce) -> String {
    let status = bounce
        .recipients
        .iter()
        .find_map(|recipient| recipient.status.as_deref());
    let status = status.map_or_else(String::new, |status| format!(", status {}", word(status)));
    format!(
        "its mailbox does not take the mail: {}{status}",
        word(&bounce.cause)
    )
}

fn noted(kind: &str, bounce: Option<&Bounce>) -> String {
    let detail = bounce.map_or_else(String::new, |bounce| format!(", {}", word(&bounce.kind)));
    format!("{}{detail}", word(kind))
}

/// Foreign text is told only where it is a word.
fn word(text: &str) -> &str {
    let plain = |character: char| character.is_ascii_alphanumeric() || ".- ".contains(character);
    if (1..=40).contains(&text.len()) && text.chars().all(plain) {
        text
    } else {
        "for a reason in the evidence"
    }
}
