//! Events of SES as `EventBridge` delivers them.

use super::{ATTEMPT, PURCHASE_ORDER, REQUEST};
use domain::purchase_order_number::PurchaseOrderNumber;
use ports::{MailEvent, MailReport, SendSubject};
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
    #[serde(default)]
    region: String,
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event_type: String,
    mail: Mail,
    bounce: Option<Bounce>,
    reject: Option<Reject>,
    delivery: Option<Recipients>,
    delivery_delay: Option<Delay>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
    /// Every recipient, copies included.
    #[serde(default)]
    destination: Vec<String>,
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

#[derive(Deserialize)]
struct Recipients {
    #[serde(default)]
    recipients: Vec<String>,
}

#[derive(Deserialize)]
struct Delay {
    #[serde(default, rename = "delayType")]
    cause: String,
    #[serde(default, rename = "delayedRecipients")]
    recipients: Vec<Recipient>,
}

/// A list of addresses to which SES delivers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SuppressionList {
    Account,
    /// The one that SES keeps for all accounts.
    Global,
}

impl SuppressionList {
    /// Any other sub type of a bounce is none, whatever it is.
    fn of(sub_type: &str) -> Option<Self> {
        match sub_type {
            "OnAccountSuppressionList" => Some(Self::Account),
            "Suppressed" => Some(Self::Global),
            _ => None,
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Account => {
                "SES did not send it: the supplier's address is on the suppression list of the account"
            }
            Self::Global => {
                "SES did not send it: the supplier's address is on the suppression list that SES keeps for all accounts"
            }
        }
    }

    fn remedy(self, region: &str, recipients: &[&str]) -> String {
        let region = match word(region) {
            Some(region) => format!(" --region {region}"),
            None => String::new(),
        };
        match self {
            Self::Account => {
                let commands = recipients.iter().map(|address| {
                    let address = plain_address(address).unwrap_or("ADDRESS");
                    format!(
                        "\n  aws sesv2 delete-suppressed-destination{region} --email-address {address}"
                    )
                });
                let commands: String = commands.collect();
                format!("remove the address from the list, then close the incident:{commands}")
            }
            Self::Global => format!(
                "let the account's own list replace that of SES, then close the incident:\n  aws sesv2 put-account-suppression-attributes{region} --suppressed-reasons BOUNCE COMPLAINT"
            ),
        }
    }
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
    let Some(report) = report(&event) else {
        return Some(Reported::Noted(noted(&event.detail)));
    };
    Some(Reported::Mail(MailEvent {
        id,
        attempt,
        report,
        evidence: body.as_bytes().to_vec(),
    }))
}

/// What changes an order. An event without the part that belongs to its type, and one that is about
/// copies only, changes none.
fn report(event: &Envelope) -> Option<MailReport> {
    let Detail {
        event_type, mail, ..
    } = &event.detail;
    match event_type.as_str() {
        "Send" => Some(MailReport::Sent),
        "Delivery" => {
            let recipients = &event.detail.delivery.as_ref()?.recipients;
            let recipients = recipients.iter().map(String::as_str);
            concerns_supplier(mail, recipients).then_some(MailReport::Delivered)
        }
        "DeliveryDelay" => {
            let delay = event.detail.delivery_delay.as_ref()?;
            let why = plain(&delay.cause).to_owned();
            concerns_supplier(mail, addresses(&delay.recipients))
                .then_some(MailReport::Delayed(why))
        }
        "Bounce" => {
            let bounce = event.detail.bounce.as_ref()?;
            bounced(bounce, mail, &event.region)
        }
        "Reject" => {
            let reason = event
                .detail
                .reject
                .as_ref()
                .map_or("", |reject| &reject.reason);
            let why = format!("SES did not deliver it: {}", plain(reason));
            Some(MailReport::Bounced(why))
        }
        _ => None,
    }
}

/// Only a permanent bounce of everybody it was sent to proves that the supplier lacks it. A transient
/// one may be the answer of a program that is away, and one of several recipients may have it.
fn bounced(bounce: &Bounce, mail: &Mail, region: &str) -> Option<MailReport> {
    if !concerns_supplier(mail, addresses(&bounce.recipients)) {
        return None;
    }
    let is_lost = bounce.kind == "Permanent" && reached_nobody(bounce, mail);
    Some(match (is_lost, SuppressionList::of(&bounce.cause)) {
        (true, Some(list)) => {
            let bounced: Vec<_> = addresses(&bounce.recipients).collect();
            let of_supplier: Vec<_> = wanted(mail)
                .filter(|wanted| bounced.iter().any(|one| one.eq_ignore_ascii_case(wanted)))
                .collect();
            let recipients = if of_supplier.is_empty() {
                bounced
            } else {
                of_supplier
            };
            MailReport::Suppressed {
                why: list.why().to_owned(),
                remedy: list.remedy(region, &recipients),
            }
        }
        (true, None) => MailReport::Bounced(why(bounce)),
        (false, _) => MailReport::Returned(format!(
            "bounce, {}, {}",
            plain(&bounce.kind),
            plain(&bounce.cause)
        )),
    })
}

fn addresses(recipients: &[Recipient]) -> impl Iterator<Item = &str> {
    recipients
        .iter()
        .map(|recipient| address(&recipient.email_address))
}

/// To whom it was written, copies left out; where the headers do not say, everybody.
fn wanted(mail: &Mail) -> impl Iterator<Item = &str> {
    let to = mail.common_headers.as_ref().map(|headers| &headers.to);
    let to = to.filter(|to| !to.is_empty()).unwrap_or(&mail.destination);
    to.iter().map(|mailbox| address(mailbox))
}

/// Somebody it was written to is among them.
fn concerns_supplier<'a>(mail: &Mail, recipients: impl Iterator<Item = &'a str>) -> bool {
    let recipients: Vec<_> = recipients.map(address).collect();
    let mut wanted = wanted(mail).peekable();
    wanted.peek().is_none()
        || wanted.any(|wanted| {
            recipients
                .iter()
                .any(|one| one.eq_ignore_ascii_case(wanted))
        })
}

fn sender(tags: &BTreeMap<String, Vec<String>>) -> Option<(SendSubject, u32)> {
    let tag = |name: &str| tags.get(name).and_then(|values| values.first());
    let number = PurchaseOrderNumber::parse(tag(PURCHASE_ORDER)?).ok()?;
    let cancel = tag(REQUEST).map(|text| text.parse()).transpose().ok()?;
    let attempt = tag(ATTEMPT)?.parse().ok()?;
    Some((SendSubject::new(number, cancel), attempt))
}

/// A copy that does not arrive changes nothing: whom it was written to has it.
fn reached_nobody(bounce: &Bounce, mail: &Mail) -> bool {
    wanted(mail).all(|wanted| {
        addresses(&bounce.recipients).any(|bounced| bounced.eq_ignore_ascii_case(wanted))
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
    let status = status.map_or_else(String::new, |status| format!(", status {}", plain(status)));
    format!(
        "its mailbox does not take the mail: {}{status}",
        plain(&bounce.cause)
    )
}

fn noted(detail: &Detail) -> String {
    let bounce = detail.bounce.as_ref();
    let bounce = bounce.map_or_else(String::new, |bounce| format!(", {}", plain(&bounce.kind)));
    format!("{}{bounce}", plain(&detail.event_type))
}

/// Foreign text is repeated only where it is plain.
fn plain(text: &str) -> &str {
    let plain = |character: char| character.is_ascii_alphanumeric() || ".- ".contains(character);
    if (1..=40).contains(&text.len()) && text.chars().all(plain) {
        text
    } else {
        "for a reason in the evidence"
    }
}

/// As a shell takes it for one word.
fn word(text: &str) -> Option<&str> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    (begins && text.len() <= 40 && text.chars().all(is_word)).then_some(text)
}

/// An address that a shell takes as it stands.
fn plain_address(text: &str) -> Option<&str> {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "@._+-".contains(character);
    let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    (begins && text.contains('@') && text.len() <= 254 && text.chars().all(is_plain))
        .then_some(text)
}
