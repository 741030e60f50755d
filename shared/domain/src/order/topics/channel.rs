//! What the channel reports of the order.

use super::{LineNames, Topic};
use crate::order::news::{EarlierReport, Latest, Refund};
use crate::order::state::{AddressEdit, Order};
use crate::refusal::Refusal;
use crate::text::counted;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a message of the channel changed what is known of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelChange {
    /// The order's content is known for the first time.
    OrderReceived(SnapshotEvent),
    /// Lines, quantities, address or shipping method changed; a new payload item holds them.
    OrderEdited(SnapshotEvent),
    /// A newer message of the channel changed nothing that a supplier would see: tags, quantities
    /// already fulfilled elsewhere, or only the time up to which older messages are stale.
    OrderUpdated(Latest),
    PaymentReceived,
    OrderCancelled {
        cancelled_at: Timestamp,
    },
    /// A message that is not the newest was the earliest to report something.
    EarlierReported(EarlierReport),
    RefundRecorded(Refund),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEvent {
    /// Number of the payload item that holds the canonical order with its address.
    pub payload: u32,
    pub latest: Latest,
}

impl Topic for ChannelChange {
    fn apply(&self, order: &mut Order, at: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::OrderReceived(snapshot) | Self::OrderEdited(snapshot) => {
                if order.news.latest.is_none() {
                    // What came before the order itself could not be routed, and is not late.
                    order.needs_routing = None;
                }
                order.received_at.get_or_insert(at);
                order.payloads = snapshot.payload;
                order.take_news(snapshot.latest.clone());
                let latest = &snapshot.latest;
                order
                    .address
                    .take_if(|(_, edit)| edit.replaces != latest.address);
                let edit = order.address.as_ref().map_or_else(
                    || latest.edit.clone(),
                    |(_, known)| AddressEdit::edit_of(&known.address, &latest.edit),
                );
                order.payload = Some((snapshot.payload, edit));
                order.wake(at);
            }
            Self::OrderUpdated(latest) => {
                let before = order.news.latest.as_ref();
                let changed = before.is_none_or(|before| before.register != latest.register);
                order.take_news(latest.clone());
                if changed {
                    order.wake(at);
                }
            }
            Self::EarlierReported(earlier) => {
                order.news.take_earlier(earlier);
                order.wake(at);
            }
            Self::PaymentReceived => {
                order.news.paid = true;
                order.paid_at.get_or_insert(at);
                order.wake(at);
            }
            Self::OrderCancelled { cancelled_at } => {
                order.news.cancelled_at = Some(*cancelled_at);
                order.wake(at);
            }
            Self::RefundRecorded(refund) => {
                order.news.refunds.insert(refund.id.clone(), refund.clone());
                order.wake(at);
            }
        }
        Ok(())
    }

    fn describe(&self, _: &LineNames) -> Vec<String> {
        let content = |latest: &Latest| {
            let lines = counted(latest.content.lines.len(), "line");
            format!("{lines}, {}", latest.content.total)
        };
        vec![match self {
            Self::OrderReceived(snapshot) => {
                format!("order received: {}", content(&snapshot.latest))
            }
            Self::OrderEdited(snapshot) => format!(
                "order edited, version {}: {}",
                snapshot.payload,
                content(&snapshot.latest)
            ),
            Self::OrderUpdated(_) => "order updated, nothing a supplier would see".to_owned(),
            Self::PaymentReceived => "payment received".to_owned(),
            Self::OrderCancelled { .. } => "order cancelled on the channel".to_owned(),
            Self::EarlierReported(_) => {
                "an older message came, which only shows when something was first so".to_owned()
            }
            Self::RefundRecorded(refund) => {
                let units = refund.units.values().map(|units| units.total());
                let units = units.fold(0, u32::saturating_add);
                let amount = refund
                    .amount
                    .map_or_else(|| "no amount".to_owned(), |amount| amount.to_string());
                format!("refund {}: {}, {amount}", refund.id, counted(units, "unit"))
            }
        }]
    }

    fn metric(&self) -> Option<&'static str> {
        matches!(self, Self::OrderReceived(_)).then_some("OrdersAccepted")
    }

    fn snapshot(&self) -> Option<&Latest> {
        match self {
            Self::OrderReceived(snapshot) | Self::OrderEdited(snapshot) => Some(&snapshot.latest),
            Self::OrderUpdated(_)
            | Self::PaymentReceived
            | Self::OrderCancelled { .. }
            | Self::EarlierReported(_)
            | Self::RefundRecorded(_) => None,
        }
    }

    fn is_silent_beside_others(&self) -> bool {
        matches!(self, Self::OrderUpdated(_))
    }

    fn is_beside_content(&self) -> bool {
        matches!(
            self,
            Self::PaymentReceived | Self::OrderCancelled { .. } | Self::RefundRecorded(_)
        )
    }
}
