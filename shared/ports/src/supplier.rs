//! A supplier: how purchase orders are handed over.

use crate::Moment;
use async_trait::async_trait;
use domain::address::Address;
use domain::digest::Digest;
use domain::order::answer::{CancelAnswer, LookupFinding, Progress, RejectionReason};
use domain::order::news::Property;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::subject::SendSubject;
use domain::sending::via::Via;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Everything an artifact may be rendered from; templates see this and no secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Handover {
    pub number: PurchaseOrderNumber,
    /// Where this asks to take the purchase order back, what to take back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelRequest>,
    /// As the customer knows the order: `#1001`.
    pub order_name: String,
    pub merchant: domain::settings::Merchant,
    pub supplier: String,
    pub planned_at: Timestamp,
    pub placed_at: Timestamp,
    /// In the channel's words.
    pub shipping_method: String,
    /// In the supplier's words, where its settings translate the shipping method.
    pub service: Option<String>,
    pub ship_to: Personal<Address>,
    pub lines: Vec<HandoverLine>,
    /// The note to the order, where the channel's settings forward it; else empty.
    #[serde(default)]
    pub note: Personal<String>,
    /// Facts of the order as a whole that the channel's settings forward.
    #[serde(default)]
    pub attributes: Vec<Property>,
}

impl Handover {
    /// What the customer wrote or chose beside articles and address: the field that a template
    /// leaves it out by, a name for people, and the text.
    fn texts(&self) -> impl Iterator<Item = (&'static str, String, &str)> {
        let note = std::iter::once(("note", "the note".to_owned(), self.note.reveal().as_str()));
        let attributes = self.attributes.iter().map(|attribute| {
            let name = format!("the attribute {:?}", attribute.name);
            ("attributes", name, attribute.value.reveal().as_str())
        });
        let properties = self.lines.iter().flat_map(|line| {
            line.properties.iter().map(|property| {
                let name = format!("{:?} of {}", property.name, line.supplier_sku);
                ("properties", name, property.value.reveal().as_str())
            })
        });
        note.chain(attributes).chain(properties)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HandoverLine {
    pub sku: String,
    pub supplier_sku: String,
    pub title: String,
    pub quantity: u32,
    /// Of one unit, as the supplier offered it: `12.50`.
    pub cost: Option<String>,
    pub currency: Option<String>,
    /// What the customer had made of it.
    #[serde(default)]
    pub properties: Vec<Property>,
}

/// A request to take a purchase order, or units of it, back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancelRequest {
    /// `X1`, `X2`: the request's own part of its [`SendSubject`].
    pub id: String,
    /// Nothing of the purchase order is to be shipped any more.
    pub whole: bool,
    pub why: String,
    /// The supplier's numbers for the purchase order, as it gave them.
    pub references: Vec<String>,
    /// Only the units to take back.
    pub lines: Vec<HandoverLine>,
}

/// The exact bytes for a supplier, stored before they are sent and never rendered again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    pub media_type: String,
    pub bytes: Vec<u8>,
    /// Address fields that the merchant's template declares to leave out.
    #[serde(default)]
    pub omits: Vec<String>,
    /// Whether it must say address and lines; a step that only confirms what an earlier one said
    /// need not.
    pub carries_order: bool,
}

/// An artifact as its readers see it. Who reads one part may never see the others, so that each has
/// to say everything.
#[derive(Debug, Clone, Default)]
pub struct Decoded {
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone)]
pub struct Part {
    /// `text`, `HTML`, `table`: as a problem with it names it.
    pub name: String,
    /// A JSON object, a row of a table or a line of text each, as texts.
    pub records: Vec<Vec<String>>,
    /// Address fields that this part leaves out on purpose, beside those of the artifact.
    pub omits: Vec<String>,
    /// How it spells what its encoding cannot hold, where it does so on purpose.
    pub spelling: Option<fn(&str) -> String>,
}

impl Decoded {
    /// Of one part only.
    pub fn one(name: &str, records: Vec<Vec<String>>) -> Self {
        Self {
            parts: vec![Part {
                name: name.to_owned(),
                records,
                omits: Vec::new(),
                spelling: None,
            }],
        }
    }

    /// What the parts lack, each named with its part; empty when all of them are faithful. `lines`
    /// are supplier SKU and quantity, `omits` the artifact's.
    pub fn missing(
        &self,
        address: &Address,
        lines: &[(&str, u32)],
        omits: &[String],
    ) -> Vec<String> {
        if self.parts.is_empty() {
            return vec!["anything to read".to_owned()];
        }
        let lacks = |part: &Part| -> Vec<String> {
            let omits = [omits, &part.omits].concat();
            let spelled = part.spelling.map(|spelling| address.respelled(spelling));
            let address = spelled.as_ref().unwrap_or(address);
            domain::fidelity::missing(address, lines, &part.records, &omits)
                .into_iter()
                .map(|lack| format!("{lack} in the {}", part.name))
                .collect()
        };
        self.parts.iter().flat_map(lacks).collect()
    }

    /// What is missing of the address, the articles and the quantities, without which no order can be
    /// shipped.
    pub fn lacks_essentials(&self, handover: &Handover, omits: &[String]) -> Vec<String> {
        let lines: Vec<(&str, u32)> = handover
            .lines
            .iter()
            .map(|line| (line.supplier_sku.as_str(), line.quantity))
            .collect();
        self.missing(handover.ship_to.reveal(), &lines, omits)
    }

    /// What the parts lack of the address, the lines and everything that the customer wrote.
    pub fn lacks(&self, handover: &Handover, omits: &[String]) -> Vec<String> {
        let mut lacks = self.lacks_essentials(handover, omits);
        for part in &self.parts {
            let omitted = |field: &str| {
                omits
                    .iter()
                    .chain(&part.omits)
                    .any(|omitted| omitted == field)
            };
            let spelled = |text: &str| match part.spelling {
                Some(spelling) => spelling(text),
                None => text.to_owned(),
            };
            for (field, name, text) in handover.texts() {
                if !omitted(field) && !domain::fidelity::shows(&spelled(text), &part.records) {
                    lacks.push(format!("{name} in the {}", part.name));
                }
            }
        }
        lacks
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PrepareError(pub String);

/// One try to hand over, or to make the next step of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub id: SendSubject,
    /// Counts the claims of this hand-over from 1, those of every step.
    pub attempt: u32,
    /// An earlier attempt at this step was in doubt, so "already exists" may mean us.
    pub doubted: bool,
    /// The steps that are done.
    pub progress: Progress,
}

/// The supplier has it: the last step is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// The supplier's numbers for it; several where it splits it over its own warehouses.
    pub references: Vec<String>,
    /// What it says of single lines; a line that is not named is accepted as ordered.
    pub lines: Vec<LineAnswer>,
    /// For a request to cancel: what became of it, where the answer says so at once.
    pub cancel: Option<CancelAnswer>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAnswer {
    pub supplier_sku: String,
    pub quantity: u32,
    pub status: LineStatus,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineStatus {
    /// Taken, and to be shipped later; the day where the supplier said one.
    Backordered(Option<Date>),
    Rejected {
        reason: RejectionReason,
        detail: String,
    },
}

/// One step is done and others follow, each with a claim of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepDone {
    pub step: String,
    /// What the next steps need of the answer, by name.
    pub extracted: BTreeMap<String, Vec<String>>,
}

/// A supplier's answer as it came, for a person to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    pub bytes: Vec<u8>,
    /// Digest of what is the same whenever the same answer comes again: without dates and the numbers
    /// of exchanges. `None` where all of it is.
    pub identity: Option<Digest>,
}

impl Evidence {
    /// Under what it is kept: the same answer is kept once.
    pub fn digest(&self) -> Digest {
        self.identity
            .clone()
            .unwrap_or_else(|| Digest::of(&self.bytes))
    }
}

impl From<Vec<u8>> for Evidence {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            identity: None,
        }
    }
}

/// A timeout is not a failure: what is not known to be one of the others is [`SendOutcome::InDoubt`].
#[derive(Debug, Clone)]
pub enum SendOutcome {
    Accepted(Acceptance),
    Done(StepDone),
    /// `detail` in our words; `evidence` is the supplier's answer.
    Rejected {
        reason: RejectionReason,
        detail: String,
        /// The answer says why. One that does not may be about anything: several in a row mean that
        /// the supplier's answers are not understood.
        explained: bool,
        evidence: Evidence,
    },
    /// A web server's page, or nothing at all, in the place of the supplier's answer: it refuses no
    /// order. Surely not sent where `is_unsent`, else in doubt.
    Page {
        is_unsent: bool,
        retry_after: Option<Duration>,
        why: String,
        evidence: Evidence,
    },
    /// Surely not sent. `retry_after` where the supplier said when.
    NotSent {
        retry_after: Option<Duration>,
        why: String,
        unauthorized: bool,
    },
    InDoubt {
        why: String,
        evidence: Evidence,
    },
    /// It has an order under our number, and nothing shows that it is ours: in doubt, and no look-up
    /// by that number can settle it.
    Foreign {
        why: String,
        evidence: Evidence,
    },
}

impl SendOutcome {
    /// Accepted, and nothing more is said.
    pub fn accepted() -> Self {
        Self::Accepted(Acceptance::default())
    }

    /// Surely not sent, and nothing is said about when to try again.
    pub fn not_sent(why: impl Into<String>) -> Self {
        Self::NotSent {
            retry_after: None,
            why: why.into(),
            unauthorized: false,
        }
    }
}

/// How far a look-up may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupPolicy {
    /// Two "not there" answers at least so far apart prove absence. `None`: absence is never proved.
    pub authoritative_after: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupAnswer {
    Accepted(Acceptance),
    /// The step that was in doubt is done, and others follow.
    Done(StepDone),
    NotFound(LookupFinding),
}

/// Asks the supplier, or the place we wrote to, whether it has what an attempt in doubt handed over.
#[async_trait]
pub trait SendLookup: Send + Sync {
    fn policy(&self, attempt: &Attempt) -> LookupPolicy;
    async fn find(&self, attempt: &Attempt) -> LookedUp;
}

/// The answer to a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    pub answer: LookupAnswer,
    /// When it was given, by the clock of whoever was asked.
    pub date: Option<Timestamp>,
}

#[async_trait]
pub trait Supplier: Send + Sync {
    /// Pure: the same hand-over and progress give the same bytes, those of the next step.
    fn prepare(&self, handover: &Handover, progress: &Progress) -> Result<Artifact, PrepareError>;
    /// What a reader of the artifact sees.
    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError>;
    /// How the step after so many that are done reaches the supplier by the settings in force; with the
    /// same settings it is the same for every attempt at that step.
    fn via(&self, id: &SendSubject, steps_done: usize) -> Via;
    /// Hard limit of one send, answer included.
    fn timeout(&self) -> Duration;
    /// Exactly one step, without any retry below it.
    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendOutcome;
    /// What settles a doubt, where anything beside the file of the outbox does.
    fn lookup(&self) -> Option<&dyn SendLookup> {
        None
    }
    /// How a request to take a purchase order back is handed over, where it can be: like a purchase
    /// order, with artifacts, steps and look-up of its own.
    fn cancels(&self) -> Option<&dyn Supplier> {
        None
    }
    /// How purchase orders are gathered in one file, where the supplier wants them so.
    fn batches(&self) -> Option<&dyn Batches> {
        None
    }
    /// Until when nothing more may be sent, by the supplier's own limits as far as this process
    /// knows; asked before a claim is made. Where the supplier asked for a wait before `retried_at`,
    /// one request passes it as a probe, and the others wait for its answer.
    fn not_before(&self, now: &Moment, retried_at: Option<Timestamp>) -> Option<Timestamp> {
        let _ = (now, retried_at);
        None
    }
}

/// One file with all purchase orders of a cut-off. The file is the only truth of what was sent: it
/// is created once, and outcomes are read off it.
pub trait Batches: Send + Sync {
    /// What a batch that begins now is finished by, whatever the settings say by then.
    fn terms(&self) -> Vec<u8>;
    /// The supplier as the terms of a batch have it.
    fn under(&self, terms: &[u8]) -> Result<Box<dyn Supplier>, PrepareError>;
    /// Pure; the artifacts come in the order of their numbers.
    fn assemble(
        &self,
        artifacts: &[(PurchaseOrderNumber, Artifact)],
    ) -> Result<Vec<u8>, PrepareError>;
    /// The purchase orders in an assembled file.
    fn contents(&self, file: &[u8]) -> Result<BTreeSet<PurchaseOrderNumber>, PrepareError>;
    /// The key in the outbox under which the supplier, or the person who uploads it, finds the file.
    /// `name` is the batch's own, without an ending.
    fn key(&self, name: &str) -> String;
    /// How long after its cut-off a person may take to upload the file; `None` where the supplier
    /// fetches it.
    fn upload_within(&self) -> Option<Duration>;
}

/// Sends finished MIME messages.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Of one hand-over, whose every attempt has the same message; a service that reports later what
    /// became of it is told the attempt.
    async fn send(&self, id: &SendSubject, attempt: u32, message: &[u8]) -> MailOutcome;
    /// Where the message of that purchase order or request goes to on its way.
    fn place(&self, id: &SendSubject) -> MailPlace;
    /// Whether it reports later what became of each mail that it took. Then silence is a case, and mail
    /// to a supplier whose address it suppresses waits.
    fn reports_delivery(&self) -> bool {
        false
    }
}

/// Where a [`Mailer`] puts a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPlace {
    /// `smtp mail.example.com:587`, `ses eu-west-1`, `outbox`.
    pub server: String,
    /// The key of the file in the outbox, where the message becomes one.
    pub file: Option<String>,
}

/// What a mail service reports later about a mail that it took: at least once, in any order, and
/// maybe before its answer to the send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEvent {
    pub id: SendSubject,
    pub attempt: u32,
    pub report: MailReport,
    /// As it was reported.
    pub evidence: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailReport {
    /// The service took it, whatever it answered to the send. That it was delivered, it does not say.
    Sent,
    /// The mail server of somebody it was sent to, not only of a copy, took it.
    Delivered,
    /// The service could not deliver it yet and tries again; why, in our words.
    Delayed(String),
    /// It may not have reached whom it was sent to; why, in our words.
    Returned(String),
    /// It will not reach whom it was sent to; why, in our words.
    Bounced(String),
    /// The same, and neither will any other mail to that address, until a person removes the address
    /// from the list that the service keeps.
    Suppressed {
        why: String,
        /// What the person does, with the exact command.
        remedy: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailOutcome {
    Sent,
    /// The receiver does not exist or is refused for good: one line in our words, and below it the
    /// server's answer, which is evidence.
    Rejected(String),
    NotSent(String),
    InDoubt(String),
}
