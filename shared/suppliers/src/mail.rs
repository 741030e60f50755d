//! A mail for each purchase order, to be read by people and, through its table, by programs.
//!
//! Date, Message-ID and boundaries follow from the purchase order, so the bytes repeat exactly and
//! two copies can be told to be one message. Whoever reads only the text, only the HTML or only the
//! table learns everything from it.

mod attachment;
mod header;
mod letter;
mod reading;
#[cfg(test)]
mod tests;

use crate::table::{TableSettings, known_fields};
use crate::{no_steps, sample};
use async_trait::async_trait;
use attachment::{Attachment, TableFile};
use domain::address::Address;
use domain::order::answer::{Progress, RejectionReason};
use domain::sending::subject::SendSubject;
use domain::sending::via::Via;
use header::{header_text, is_address};
use letter::{Letter, LetterSettings, PackingSlip, Texts};
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as Mailbox;
use mail_builder::headers::content_type::ContentType;
use mail_builder::mime::MimePart;
use mail_parser::MessageParser;
use ports::{
    Artifact, Attempt, CancelRequest, Decoded, Endpoint, Evidence, Handover, MailOutcome,
    MailPlace, Mailer, Part, PrepareError, SendAnswer, Sender, Supplier,
};
use registry::{Opening, SettingsError, SupplierEntry, read};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) const ENTRY: SupplierEntry = SupplierEntry {
    sends_mail: true,
    ..SupplierEntry::new("mail", open)
};

/// Longer than a mailer takes, which knows better than we whether anything was sent.
const TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    to: serde_json::Value,
    cc: Option<serde_json::Value>,
    /// Where answers go, if not to the merchant's own address.
    reply_to: Option<String>,
    subject: Option<String>,
    text: Option<String>,
    html: Option<String>,
    #[serde(default)]
    attachment: Attachment,
    table: Option<TableSettings>,
    #[serde(default)]
    packing_slip: bool,
    packing_slip_html: Option<String>,
    /// Address fields that text, HTML and table leave out on purpose.
    #[serde(default)]
    omits: Vec<String>,
    #[serde(default)]
    cancel: LetterSettings,
}

struct Mail {
    post: Arc<Post>,
    letter: Letter,
    table: Option<TableFile>,
    packing_slip: Option<PackingSlip>,
    /// Absent where this is itself the way to take something back.
    cancels: Option<Box<Mail>>,
}

/// Who writes to whom.
struct Post {
    sender: String,
    to: Vec<String>,
    cc: Vec<String>,
    reply_to: Option<String>,
    omits: Vec<String>,
    mailer: Arc<dyn Mailer>,
}

fn open(opening: Opening) -> Result<Box<dyn Supplier>, SettingsError> {
    let settings: Settings = read("mail", opening.settings)?;
    known_fields(&settings.omits, "omits")?;
    let post = Arc::new(Post {
        sender: opening.sender.to_owned(),
        to: header::addresses(&settings.to, "to")?,
        cc: match &settings.cc {
            Some(cc) => header::addresses(cc, "cc")?,
            None => Vec::new(),
        },
        reply_to: settings
            .reply_to
            .map(|text| header::address(&text, "reply_to"))
            .transpose()?,
        omits: settings.omits,
        mailer: opening.mailer,
    });
    let trial = (!opening.tried_before).then(|| (sample::handover(), sample::cancel()));
    let (order, cancel) = trial
        .as_ref()
        .map(|(order, cancel)| (order, cancel))
        .unzip();
    let own = LetterSettings {
        subject: settings.subject,
        text: settings.text,
        html: settings.html,
    };
    if settings.packing_slip_html.is_some() && !settings.packing_slip {
        let message = "only with packing_slip = true";
        return Err(SettingsError::new("packing_slip_html", message));
    }
    let mail = Mail {
        post: Arc::clone(&post),
        letter: Letter::open(own, &letter::ORDER, "", order, settings.packing_slip)?,
        table: TableFile::open(settings.attachment, settings.table)?,
        packing_slip: settings
            .packing_slip
            .then(|| PackingSlip::open(settings.packing_slip_html, "packing_slip_html", order))
            .transpose()?,
        cancels: Some(Box::new(Mail {
            post,
            letter: Letter::open(settings.cancel, &letter::CANCEL, "cancel.", cancel, false)?,
            table: None,
            packing_slip: None,
            cancels: None,
        })),
    };
    if let Some((order, cancel)) = &trial {
        try_out(&mail, order, cancel)?;
    }
    Ok(Box::new(mail))
}

fn try_out(mail: &Mail, order: &Handover, cancel: &Handover) -> Result<(), SettingsError> {
    let wrong = |path: &str, message: String| SettingsError::new(path, message);
    let lacks = sample::missing(mail, order).map_err(|error| wrong("mail", error.to_string()))?;
    if !lacks.is_empty() {
        return Err(SettingsError::losing("mail", &lacks));
    }
    if let Some(cancels) = mail.cancels() {
        cancels
            .prepare(cancel, &Progress::default())
            .map_err(|error| wrong("cancel", error.to_string()))?;
    }
    Ok(())
}

/// `SH-1001-1-K`, and `SH-1001-1-K-X1` for a request to cancel: the text of its `SendSubject`.
fn send_name(handover: &Handover) -> String {
    match &handover.cancel {
        None => handover.number.to_string(),
        Some(request) => format!("{}-{}", handover.number, request.id),
    }
}

/// A boundary that follows from the name and occurs in none of the parts.
fn boundary(name: &str, kind: &str, parts: &[&str]) -> String {
    let mut boundary = format!("waybill_{kind}_{name}_");
    while parts.iter().any(|part| part.contains(&boundary)) {
        boundary.push('_');
    }
    boundary
}

fn mailboxes(addresses: &[String]) -> Mailbox<'_> {
    let one = |address: &'_ String| Mailbox::new_address(None::<String>, address.clone());
    Mailbox::new_list(addresses.iter().map(one).collect())
}

impl Mail {
    fn attachments(
        &self,
        handover: &Handover,
        name: &str,
    ) -> Result<Vec<MimePart<'static>>, PrepareError> {
        let mut parts = Vec::new();
        if let Some(table) = &self.table {
            parts.push(table.write(handover, name)?);
        }
        if let Some(packing_slip) = &self.packing_slip {
            let page = packing_slip.render(handover)?;
            let kind = ContentType::new("text/html").attribute("charset", "utf-8");
            let name = format!("packing-slip-{name}.html");
            parts.push(attachment::file(kind, name, page.as_bytes()));
        }
        Ok(parts)
    }

    fn message(&self, handover: &Handover) -> Result<Vec<u8>, PrepareError> {
        let sender = &handover.merchant.mail;
        if !is_address(sender) {
            let message = "merchant.mail is not a mail address";
            return Err(PrepareError(message.to_owned()));
        }
        let host = sender.split_once('@').map_or("", |(_, host)| host);
        let name = send_name(handover);
        let Texts {
            subject,
            text,
            html,
        } = self.letter.texts(handover)?;
        let attachments = self.attachments(handover, &name)?;
        let multipart = |kind: &str| {
            let boundary = boundary(&name, kind, &[&text, &html]);
            ContentType::new(format!("multipart/{kind}")).attribute("boundary", boundary)
        };
        let bodies = vec![
            MimePart::new("text/plain", text.as_str()),
            MimePart::new("text/html", html.as_str()),
        ];
        let mut body = MimePart::new(multipart("alternative"), bodies);
        if !attachments.is_empty() {
            let mut parts = vec![body];
            parts.extend(attachments);
            body = MimePart::new(multipart("mixed"), parts);
        }
        let merchant = header_text(&handover.merchant.name);
        let mut message = MessageBuilder::new()
            .message_id(format!("{name}@{host}"))
            .date(handover.planned_at.as_second())
            .from((merchant.as_str(), sender.as_str()))
            .to(mailboxes(&self.post.to))
            .subject(subject);
        if !self.post.cc.is_empty() {
            message = message.cc(mailboxes(&self.post.cc));
        }
        if let Some(reply_to) = &self.post.reply_to {
            message = message.reply_to(reply_to.as_str());
        }
        if handover.cancel.is_some() {
            let ordered = format!("{}@{host}", handover.number);
            message = message.in_reply_to(ordered.clone()).references(ordered);
        }
        message
            .body(body)
            .write_to_vec()
            .map_err(|error| PrepareError(format!("the mail cannot be written: {error}")))
    }

    /// The order's mail is checked by its reader; what is to be taken back only here.
    fn check_cancel(
        &self,
        artifact: &Artifact,
        handover: &Handover,
        request: &CancelRequest,
    ) -> Result<(), PrepareError> {
        let decoded = self.decode(artifact)?;
        let lines: Vec<(&str, u32)> = request
            .lines
            .iter()
            .map(|line| (line.supplier_sku.as_str(), line.quantity))
            .collect();
        let mut lacks = decoded.missing(&Address::default(), &lines, &[]);
        let number = handover.number.as_str();
        for part in &decoded.parts {
            if !part
                .records
                .iter()
                .flatten()
                .any(|text| text.contains(number))
            {
                lacks.push(format!("number in the {}", part.name));
            }
        }
        if lacks.is_empty() {
            Ok(())
        } else {
            Err(PrepareError(format!("there is no {}", lacks.join(", no "))))
        }
    }
}

impl Supplier for Mail {
    fn orders(&self) -> &dyn Endpoint {
        self
    }

    /// A mail of its own, in the thread of the purchase order's.
    fn cancels(&self) -> Option<&dyn Endpoint> {
        self.cancels.as_deref().map(|mail| mail as &dyn Endpoint)
    }
}

impl Endpoint for Mail {
    fn prepare(&self, handover: &Handover, progress: &Progress) -> Result<Artifact, PrepareError> {
        no_steps(progress)?;
        if self.cancels.is_some() == handover.cancel.is_some() {
            let message = "a purchase order and a request to cancel go different ways";
            return Err(PrepareError(message.to_owned()));
        }
        let artifact = Artifact {
            media_type: "message/rfc822".to_owned(),
            bytes: self.message(handover)?,
            omits: self.post.omits.clone(),
            carries_order: handover.cancel.is_none(),
        };
        if let Some(request) = &handover.cancel {
            self.check_cancel(&artifact, handover, request)?;
        }
        Ok(artifact)
    }

    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError> {
        let unreadable = |what: &str| PrepareError(format!("the mail has no readable {what}"));
        let message = MessageParser::default()
            .parse(&artifact.bytes)
            .ok_or_else(|| unreadable("message"))?;
        let part = |name: &str, records: Option<Vec<Vec<String>>>| {
            Ok(Part {
                name: name.to_owned(),
                records: records.ok_or_else(|| unreadable(name))?,
                omits: Vec::new(),
                spelling: None,
            })
        };
        let mut parts = vec![
            part("text", reading::text(&message))?,
            part("HTML", reading::html(&message))?,
        ];
        if let Some(table) = &self.table {
            let bytes = message
                .message_id()
                .and_then(|id| id.split_once('@'))
                .map(|(name, _)| table.file_name(name))
                .and_then(|name| reading::attachment(&message, &name))
                .ok_or_else(|| unreadable("table"))?;
            parts.push(table.read(&bytes)?);
        }
        Ok(Decoded { parts })
    }

    fn sender(&self) -> &dyn Sender {
        self
    }
}

#[async_trait]
impl Sender for Mail {
    fn via(&self, id: &SendSubject, _: usize) -> Via {
        let MailPlace { server, file } = self.post.mailer.place(id);
        let receivers = [self.post.to.as_slice(), &self.post.cc].concat();
        let place = match &file {
            Some(file) => format!("file {file}"),
            None => format!(
                "{server} from {} to {}",
                self.post.sender,
                receivers.join(", ")
            ),
        };
        Via {
            file,
            reports_delivery: self.post.mailer.reports_delivery(),
            ..Via::new(ENTRY.kind, place)
        }
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendAnswer {
        let mailer = &self.post.mailer;
        let sent = mailer.send(&attempt.id, attempt.attempt, &artifact.bytes);
        let late = || MailOutcome::InDoubt("the mailer did not answer in time".to_owned());
        match timeout(TIMEOUT, sent).await.unwrap_or_else(|_| late()) {
            MailOutcome::Sent => SendAnswer::accepted(),
            MailOutcome::Rejected(why) => {
                let (detail, answer) = why.split_once('\n').unwrap_or((&why, ""));
                SendAnswer::rejected(RejectionReason::Unknown, detail, answer.as_bytes().to_vec())
            }
            MailOutcome::NotSent(why) => SendAnswer::not_sent(why),
            MailOutcome::InDoubt(why) => SendAnswer::in_doubt(why, Evidence::default()),
        }
    }
}
