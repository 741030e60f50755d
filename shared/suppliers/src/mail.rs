//! A mail for each purchase order, to be read by people and, through its table, by programs.
//!
//! Date, Message-ID and boundaries follow from the purchase order, so the bytes repeat exactly and
//! two copies can be told to be one message.

use crate::table::{self, Format};
use crate::templates::Templates;
use crate::{Entry, Opening, SettingsError, no_names, read};
use async_trait::async_trait;
use domain::order::answer::{Progress, RejectionReason};
use domain::order::event::LookupFinding;
use domain::purchase_order_number::PurchaseOrderNumber;
use mail_builder::MessageBuilder;
use mail_builder::headers::content_type::ContentType;
use mail_builder::mime::MimePart;
use mail_parser::{MessageParser, MimeHeaders};
use ports::supplier::LookupAnswer;
use ports::{
    Acceptance, Artifact, Attempt, Decoded, Handover, LookupPolicy, MailOutcome, Mailer,
    PrepareError, SendLookup, SendOutcome, Supplier,
};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const ENTRY: Entry = Entry {
    method: "mail",
    open,
    secrets: no_names,
    hosts: no_names,
};

const TIMEOUT: Duration = Duration::from_mins(1);
const SUBJECT: &str = "mail.subject";
const TEXT: &str = "mail.txt";
const HTML: &str = "mail.html";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    to: String,
    subject: Option<String>,
    text: Option<String>,
    html: Option<String>,
    /// Address fields that the templates leave out on purpose.
    #[serde(default)]
    omits: Vec<String>,
}

struct Mail {
    to: String,
    templates: Templates,
    omits: Vec<String>,
    mailer: Arc<dyn Mailer>,
}

fn open(opening: Opening) -> Result<Box<dyn Supplier>, SettingsError> {
    let settings: Settings = read("mail", &opening.settings.specific)?;
    if !is_address(&settings.to) {
        let message = "this is not one mail address such as orders@supplier.example";
        return Err(SettingsError::new("to", message));
    }
    let mut templates = Templates::new();
    for (path, name, own, default) in [
        (
            "subject",
            SUBJECT,
            settings.subject,
            include_str!("templates/mail-subject.txt"),
        ),
        (
            "text",
            TEXT,
            settings.text,
            include_str!("templates/mail-text.txt"),
        ),
        (
            "html",
            HTML,
            settings.html,
            include_str!("templates/mail-html.html"),
        ),
    ] {
        templates.add(path, name, own.unwrap_or_else(|| default.to_owned()))?;
    }
    Ok(Box::new(Mail {
        to: settings.to,
        templates,
        omits: settings.omits,
        mailer: opening.mailer,
    }))
}

/// One address and nothing that could end a header or add a second receiver.
fn is_address(text: &str) -> bool {
    let forbidden = |character: char| {
        character.is_control() || character.is_whitespace() || "<>()[],;:\\\"".contains(character)
    };
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && text.len() <= 254
    }) && !text.contains(forbidden)
}

/// A text that stays within its header.
fn header_text(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether servers on the way may cut it off or refuse it: bytes that are neither text nor a break.
fn unsendable(part: &[u8]) -> bool {
    part.iter()
        .any(|byte| byte.is_ascii_control() && !b"\t\r\n".contains(byte))
}

/// A boundary that follows from the number and occurs in none of the parts.
fn boundary(number: &PurchaseOrderNumber, kind: &str, parts: &[&[u8]]) -> String {
    let mut boundary = format!("waybill_{kind}_{number}_");
    let occurs = |boundary: &str| {
        parts.iter().any(|part| {
            part.windows(boundary.len())
                .any(|window| window == boundary.as_bytes())
        })
    };
    while occurs(&boundary) {
        boundary.push('_');
    }
    boundary
}

impl Mail {
    fn subject(&self, handover: &Handover) -> Result<String, PrepareError> {
        let subject = header_text(&self.templates.render(SUBJECT, handover)?);
        let number = handover.number.as_str();
        // The answer is found by the number, whatever the merchant's template says.
        Ok(if subject.contains(number) {
            subject
        } else {
            format!("{subject} ({number})").trim_start().to_owned()
        })
    }
}

#[async_trait]
impl Supplier for Mail {
    fn prepare(&self, handover: &Handover, _: &Progress) -> Result<Artifact, PrepareError> {
        let number = &handover.number;
        let sender = &handover.merchant.mail;
        if !is_address(sender) {
            return Err(PrepareError(
                "merchant.mail is not a mail address".to_owned(),
            ));
        }
        let host = sender.split_once('@').map_or("", |(_, host)| host);
        let text = self.templates.render(TEXT, handover)?;
        let html = self.templates.render(HTML, handover)?;
        let table = table::write(handover, Format::default())?;
        if [text.as_bytes(), html.as_bytes(), &table]
            .into_iter()
            .any(unsendable)
        {
            let message = "a text of the order has a control character, which no mail may hold";
            return Err(PrepareError(message.to_owned()));
        }
        let parts = [text.as_bytes(), html.as_bytes(), &table];
        let multipart = |kind: &str| {
            ContentType::new(format!("multipart/{kind}"))
                .attribute("boundary", boundary(number, kind, &parts))
        };
        let bodies = vec![
            MimePart::new("text/plain", text.as_str()),
            MimePart::new("text/html", html.as_str()),
        ];
        let table = MimePart::new(
            ContentType::new("text/csv").attribute("charset", "utf-8"),
            table.as_slice(),
        )
        .attachment(format!("{number}.csv"));
        let mixed = vec![MimePart::new(multipart("alternative"), bodies), table];
        let name = header_text(&handover.merchant.name);
        let bytes = MessageBuilder::new()
            .message_id(format!("{number}@{host}"))
            .date(handover.planned_at.as_second())
            .from((name.as_str(), sender.as_str()))
            .to(self.to.as_str())
            .subject(self.subject(handover)?)
            .body(MimePart::new(multipart("mixed"), mixed))
            .write_to_vec()
            .map_err(|error| PrepareError(format!("the mail cannot be written: {error}")))?;
        Ok(Artifact {
            media_type: "message/rfc822".to_owned(),
            bytes,
            omits: self.omits.clone(),
            carries_order: true,
        })
    }

    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError> {
        let unreadable = |what: &str| PrepareError(format!("the mail has no readable {what}"));
        let message = MessageParser::default()
            .parse(&artifact.bytes)
            .ok_or_else(|| unreadable("message"))?;
        let text = message.body_text(0).ok_or_else(|| unreadable("text"))?;
        let mut records: Vec<Vec<String>> =
            text.lines().map(|line| vec![line.to_owned()]).collect();
        let table = message
            .attachments()
            .find(|part| part.attachment_name().is_some())
            .ok_or_else(|| unreadable("table"))?;
        records.extend(table::read(table.contents(), Format::default())?.records);
        Ok(Decoded { records })
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendOutcome {
        match self
            .mailer
            .send(&attempt.id.file_name(), &artifact.bytes)
            .await
        {
            MailOutcome::Sent => SendOutcome::accepted(),
            MailOutcome::Rejected(why) => SendOutcome::Rejected {
                reason: RejectionReason::Unknown,
                detail: why,
                evidence: Vec::new(),
            },
            MailOutcome::NotSent(why) => SendOutcome::not_sent(why),
            MailOutcome::InDoubt(why) => SendOutcome::InDoubt {
                why,
                evidence: Vec::new(),
            },
        }
    }

    fn lookup(&self) -> Option<&dyn SendLookup> {
        Some(self)
    }
}

#[async_trait]
impl SendLookup for Mail {
    /// A mailer that can know answers for itself, so one that says no is believed.
    fn policy(&self, _: &Attempt) -> LookupPolicy {
        LookupPolicy {
            authoritative_after: Some(Duration::ZERO),
        }
    }

    async fn find(&self, attempt: &Attempt) -> LookupAnswer {
        match self.mailer.was_sent(&attempt.id.file_name()).await {
            Some(true) => LookupAnswer::Accepted(Acceptance::default()),
            Some(false) => LookupAnswer::NotFound(LookupFinding::Absent),
            None => LookupAnswer::NotFound(LookupFinding::Unclear),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, handover};
    use domain::fidelity;
    use serde_json::json;

    fn opened(specific: serde_json::Value) -> Result<Box<dyn Supplier>, SettingsError> {
        World::default().open("mail", specific)
    }

    fn supplier() -> Box<dyn Supplier> {
        opened(json!({"to": "po@acme.example"})).unwrap()
    }

    fn header(artifact: &Artifact, name: &str) -> String {
        let message = MessageParser::default().parse(&artifact.bytes).unwrap();
        message.header_raw(name).unwrap().trim().to_owned()
    }

    #[test]
    fn a_mail_repeats_its_bytes_and_says_everything() {
        let (supplier, handover) = (supplier(), handover());
        let artifact = supplier.prepare(&handover, &Progress::default()).unwrap();
        let other = World::default();
        let other = other
            .open("mail", json!({"to": "po@acme.example"}))
            .unwrap();
        assert_eq!(
            artifact.bytes,
            other
                .prepare(&handover, &Progress::default())
                .unwrap()
                .bytes
        );
        let number = handover.number.as_str();
        assert!(header(&artifact, "Subject").contains(number));
        let id = format!("<{number}@shop.example>");
        assert_eq!(header(&artifact, "Message-ID"), id);
        assert_eq!(header(&artifact, "Date"), "Tue, 1 Dec 2026 10:00:00 +0000");
        let decoded = supplier.decode(&artifact).unwrap();
        let lines = [("LS-1", 2), ("LS-2", 13)];
        let missing = |records: &[Vec<String>]| {
            fidelity::missing(handover.ship_to.reveal(), &lines, records, &[])
        };
        assert_eq!(missing(&decoded.records), Vec::<String>::new());
        // The text alone says it too, and asks for the number.
        let text: Vec<_> = decoded
            .records
            .iter()
            .filter(|record| record.len() == 1)
            .cloned()
            .collect();
        assert_eq!(missing(&text), Vec::<String>::new(), "{text:#?}");
        let asks = format!("Please quote the number {number} in every reply.");
        assert!(text.contains(&vec![asks]), "{text:#?}");
        assert_eq!(decoded.records.len(), text.len() + 2);
    }

    #[test]
    fn no_value_ends_a_header() {
        let mut handover = handover();
        handover.order_name = "#1\r\nBcc: thief@evil.example".to_owned();
        handover.merchant.name = "Shop\r\nBcc: thief@evil.example".to_owned();
        let supplier =
            opened(json!({"to": "po@acme.example", "subject": "New {{ order_name }}"})).unwrap();
        let artifact = supplier.prepare(&handover, &Progress::default()).unwrap();
        let message = MessageParser::default().parse(&artifact.bytes).unwrap();
        assert!(message.bcc().is_none());
        let subject = message.subject().unwrap();
        assert_eq!(
            subject,
            format!("New #1 Bcc: thief@evil.example ({})", handover.number)
        );
        handover.merchant.mail = "a@b.example\r\nBcc: c@d.example".to_owned();
        assert!(supplier.prepare(&handover, &Progress::default()).is_err());
        for to in [
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example, c@d.example",
            "nobody",
            "<a@b>",
            "",
        ] {
            assert_eq!(
                opened(json!({ "to": to })).err().unwrap().path,
                "to",
                "{to}"
            );
        }
    }

    /// Many readers see nothing but the HTML.
    #[test]
    fn a_province_without_a_code_is_in_the_html() {
        let mut handover = handover();
        let mut address = handover.ship_to.reveal().clone();
        address.province_code.clear();
        handover.ship_to = domain::personal::Personal::new(address);
        let artifact = supplier().prepare(&handover, &Progress::default()).unwrap();
        let message = MessageParser::default().parse(&artifact.bytes).unwrap();
        let html = message.body_html(0).unwrap();
        assert!(html.contains("Lexington Kentucky 40507"), "{html}");
    }

    #[test]
    fn a_missing_field_is_named() {
        let supplier =
            opened(json!({"to": "po@acme.example", "text": "{{ ship_to.street }}"})).unwrap();
        let error = supplier
            .prepare(&handover(), &Progress::default())
            .err()
            .unwrap();
        assert!(error.0.contains("street"), "{error}");
        let broken = opened(json!({"to": "po@acme.example", "html": "{{ number"}));
        assert_eq!(broken.err().unwrap().path, "html");
    }
}
