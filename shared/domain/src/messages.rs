//! What the queues carry: ids, never state, never personal data. The order in the store is the
//! truth, so a message may come twice, late or not at all.

use crate::ids::OrderId;
use crate::purchase_order_number::PurchaseOrderNumber;
use serde::{Deserialize, Serialize};

/// A queue is named after the step that consumes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    Routing,
    Forwarding,
}

impl QueueName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Routing => "routing",
            Self::Forwarding => "forwarding",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Look at the order and route what waits.
    Route { order: OrderId },
    /// Look at the purchase order and send it, or settle what became of it.
    Forward {
        order: OrderId,
        purchase_order: PurchaseOrderNumber,
    },
}

impl Message {
    pub fn queue(&self) -> QueueName {
        match self {
            Self::Route { .. } => QueueName::Routing,
            Self::Forward { .. } => QueueName::Forwarding,
        }
    }

    pub fn order(&self) -> &OrderId {
        match self {
            Self::Route { order } | Self::Forward { order, .. } => order,
        }
    }
}
