//! A supplier: what purchase orders and requests to cancel them are rendered from, and where they go.

use crate::sender::{Artifact, Sender};
use domain::address::Address;
use domain::order::answer::Progress;
use domain::order::news::Property;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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
    /// `X1`, `X2`: the request's own part of its [`crate::SendSubject`].
    pub id: String,
    /// Nothing of the purchase order is to be shipped any more.
    pub whole: bool,
    pub why: String,
    /// The supplier's numbers for the purchase order, as it gave them.
    pub references: Vec<String>,
    /// Only the units to take back.
    pub lines: Vec<HandoverLine>,
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

/// Where one kind of document goes at a supplier, purchase orders or requests to cancel them: what
/// prepares and reads them, and what sends them.
pub trait Endpoint: Send + Sync {
    /// Pure: the same hand-over and progress give the same bytes, those of the next step.
    fn prepare(&self, handover: &Handover, progress: &Progress) -> Result<Artifact, PrepareError>;
    /// What a reader of the artifact sees.
    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError>;
    fn sender(&self) -> &dyn Sender;
}

pub trait Supplier: Send + Sync {
    fn orders(&self) -> &dyn Endpoint;
    /// How a cancellation request is sent, where it can be: like a purchase order,
    /// with artifacts, steps and look-up of its own.
    fn cancels(&self) -> Option<&dyn Endpoint> {
        None
    }
    /// How purchase orders are gathered in one file, where the supplier wants them so.
    fn batches(&self) -> Option<&dyn Batches> {
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
