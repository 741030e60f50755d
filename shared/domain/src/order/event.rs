//! The history of an order: events in the past tense, kept for ever, without personal data.

use super::answer::{Backorder, CancelAnswer, Rejection};
use super::attention::CaseKind;
use super::machine::SendEvent;
use super::news::{EarlierReport, Latest, Refund, ShippingMethod};
use super::{AddressEdit, PurchaseOrderLine, RoutingState};
use crate::digest::Digest;
use crate::ids::{LineId, SupplierId};
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::spending::Spending;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An event and when it was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    pub at: Timestamp,
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The first time the order's content is known.
    OrderReceived(SnapshotEvent),
    /// Lines, quantities, address or shipping method changed; a new payload item holds them.
    OrderEdited(SnapshotEvent),
    /// A newer message of the channel that changes nothing a supplier would see: tags, quantities
    /// already fulfilled elsewhere, or only the time up to which older messages are stale.
    OrderUpdated(Latest),
    PaymentReceived,
    OrderCancelled {
        cancelled_at: Timestamp,
    },
    /// A message that is not the newest was the earliest to report something.
    EarlierReported(EarlierReport),
    RefundRecorded(Refund),
    /// What the routing step decided about every unit that was in no live purchase order.
    Routed(Routed),
    /// A person let holds of these kinds and causes through.
    HoldsReleased {
        holds: Vec<(CaseKind, String)>,
        /// The shipping method that the person chose among several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<ShippingMethod>,
        by: String,
        why: String,
    },
    CancelledByPerson {
        by: String,
        why: String,
    },
    /// A person corrected the address; the payload item holds it. It counts until the channel tells
    /// another address than the one it replaces.
    AddressEdited {
        payload: u32,
        edit: AddressEdit,
        by: String,
        why: String,
    },
    /// Nothing more of the order goes out until a person releases it.
    HeldByPerson {
        by: String,
        why: String,
    },
    /// A person wants other suppliers for what is not shipped yet.
    RerouteWanted {
        /// Never again for this order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        without: Option<SupplierId>,
        /// Only this one from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<SupplierId>,
        by: String,
        why: String,
    },
    PurchaseOrder {
        number: PurchaseOrderNumber,
        event: SendEvent,
    },
    /// Units of a purchase order that the supplier has, or may have, are to be taken back.
    CancelWanted {
        number: PurchaseOrderNumber,
        lines: BTreeMap<LineId, u32>,
        /// Everything that is left of it.
        whole: bool,
        why: String,
    },
    /// What happened to the request to take them back; the first request is 1.
    CancelRequest {
        number: PurchaseOrderNumber,
        request: u32,
        event: SendEvent,
    },
    CancelAnswered {
        number: PurchaseOrderNumber,
        request: u32,
        answer: CancelAnswer,
        by: By,
    },
    /// The supplier took the purchase order but will not ship these units.
    LinesRejected {
        number: PurchaseOrderNumber,
        lines: BTreeMap<LineId, u32>,
        why: Rejection,
        /// They are planned again at once, without this supplier.
        route_again: bool,
        by: By,
    },
    /// A person let the units of refused lines be planned again.
    RefusedLinesFreed {
        number: PurchaseOrderNumber,
    },
    /// The supplier took the purchase order, and what it says of its lines makes no sense.
    AnswerUnclear {
        number: PurchaseOrderNumber,
        /// In our words.
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Digest>,
    },
    /// What the supplier says of the lines it took; the last word counts.
    Acknowledged {
        number: PurchaseOrderNumber,
        backordered: BTreeMap<LineId, Backorder>,
        by: By,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEvent {
    /// Number of the payload item that holds the canonical order with its address.
    pub payload: u32,
    pub latest: Latest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// Number of the trace item that explains it.
    pub trace: u32,
    pub payload: u32,
    /// Number of the payload item with the address that a person corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u32>,
    pub edit: Digest,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purchase_orders: Vec<PlannedPurchaseOrder>,
    pub state: RoutingState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPurchaseOrder {
    pub number: PurchaseOrderNumber,
    pub supplier: SupplierId,
    pub lines: Vec<PurchaseOrderLine>,
    /// The supplier's own word for the shipping method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The shipping method that a person chose, where the channel names several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// When it may be sent, where the order is not released before, the supplier is closed until
    /// then or has no room for it in its spend limit; at once where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When the channel's release delay ends, where that is what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// Of the batch it goes with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<Timestamp>,
    /// What it counts against the supplier's spend limit, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spending: Option<Spending>,
}

/// Who says that something is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The supplier's answer to the send.
    Answer,
    LookUp,
    /// What the file of a batch holds, or does not.
    Batch,
    /// What the mail service reported about the mail.
    MailService,
    /// The supplier's settings, which changed.
    Configuration,
    Person {
        who: String,
        why: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupFinding {
    Absent,
    Unclear,
}
