//! The history of an order: events in the past tense, kept for ever, without personal data.

use super::attention::CaseKind;
use super::machine::SendEvent;
use super::news::{Latest, Refund};
use super::{PurchaseOrderLine, RoutingState};
use crate::digest::Digest;
use crate::ids::SupplierId;
use crate::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    FullyRefunded,
    RefundRecorded(Refund),
    /// What the routing step decided about every unit that was in no live purchase order.
    Routed(Routed),
    /// A person let holds of these kinds and causes through.
    HoldsReleased {
        holds: Vec<(CaseKind, String)>,
        by: String,
        why: String,
    },
    CancelledByPerson {
        by: String,
        why: String,
    },
    PurchaseOrder {
        number: PurchaseOrderNumber,
        event: SendEvent,
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
    /// The supplier's own word for the order's shipping method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// When the supplier works again, where it does not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
}

/// Who says that something is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The supplier's answer to the send.
    Answer,
    LookUp,
    Person {
        who: String,
        why: String,
    },
}

/// Why a supplier refused, in the words of Shopify's `FulfillmentOrderRejectionReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionReason {
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    pub reason: RejectionReason,
    /// In our words, such as `HTTP 422`; the supplier's own are in the evidence.
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupFinding {
    Absent,
    Unclear,
}
