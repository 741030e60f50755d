//! What routing decided.

use super::{LineNames, Topic, total};
use crate::digest::Digest;
use crate::ids::{LineId, SupplierId};
use crate::order::purchase_order::{CancelRequest, PurchaseOrder, PurchaseOrderLine};
use crate::order::state::{Order, RoutingState};
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use crate::sending::Sending;
use crate::sending::machine::SendState;
use crate::spending::Spending;
use crate::text::counted;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What becomes of units, by the rules or because a person rerouted the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutingDecision {
    /// What the routing step decided about every unit that was in no live purchase order.
    Routed(Routed),
    /// A request to cancel units of a purchase order that the supplier has, or may have.
    CancelPlanned {
        purchase_order: PurchaseOrderNumber,
        lines: BTreeMap<LineId, u32>,
        /// Everything that is left of it.
        whole: bool,
        why: String,
    },
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

impl Topic for RoutingDecision {
    fn apply(&self, order: &mut Order, at: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::Routed(routed) => routed.apply(order, at),
            Self::CancelPlanned {
                purchase_order: number,
                lines,
                whole,
                why,
            } => {
                let own = order.own_mut(number)?;
                if !own.sending.is_claimed() {
                    return Err(Refusal::NotPossible(format!(
                        "{number} is {}: nothing is there to take back",
                        own.sending.state.name()
                    )));
                }
                own.cancels
                    .push(CancelRequest::new(lines.clone(), *whole, why.clone(), at));
            }
        }
        Ok(())
    }

    fn describe(&self, names: &LineNames) -> Vec<String> {
        match self {
            Self::Routed(routed) => routed.describe(names),
            Self::CancelPlanned {
                purchase_order,
                lines,
                whole,
                why,
            } => {
                let units = counted(total(lines), "unit");
                let what = if *whole { "all of it" } else { "a part" };
                vec![format!(
                    "{purchase_order} to be taken back, {what}, {units}: {why}"
                )]
            }
        }
    }

    fn metric(&self) -> Option<&'static str> {
        self.routed()
            .is_some_and(|routed| !routed.state.holds.is_empty())
            .then_some("OrdersHeld")
    }

    fn routed(&self) -> Option<&Routed> {
        match self {
            Self::Routed(routed) => Some(routed),
            Self::CancelPlanned { .. } => None,
        }
    }
}

impl Routed {
    fn apply(&self, order: &mut Order, at: Timestamp) {
        for planned in &self.purchase_orders {
            order.purchase_orders.push(PurchaseOrder {
                number: planned.number.clone(),
                supplier: planned.supplier.clone(),
                lines: planned.lines.clone(),
                service: planned.service.clone(),
                payload: self.payload,
                address: self.address,
                edit: self.edit.clone(),
                shipping: order.shipping(&planned.lines),
                method: planned.method.clone(),
                planned_at: at,
                cut_off: planned.cut_off,
                spending: planned.spending.clone(),
                sending: Sending::planned(planned.due.unwrap_or(at)),
                cancels: Vec::new(),
                refused: Vec::new(),
                withdrawn: BTreeMap::new(),
                backordered: BTreeMap::new(),
                unclear: Vec::new(),
                confirmed_at: order.wakes,
            });
        }
        let planned = |own: &&mut PurchaseOrder| {
            matches!(
                own.sending.state,
                SendState::Planned { .. } | SendState::BetweenSteps { .. }
            )
        };
        for own in order.purchase_orders.iter_mut().filter(planned) {
            own.confirmed_at = order.wakes;
        }
        order.routing = Some(self.state.clone());
        order.needs_routing = None;
    }

    fn describe(&self, names: &LineNames) -> Vec<String> {
        let mut texts: Vec<String> = self
            .purchase_orders
            .iter()
            .map(|planned| {
                let lines: Vec<_> = planned
                    .lines
                    .iter()
                    .map(|line| format!("{} x {}", line.quantity, line.sku))
                    .collect();
                let service = planned.service.as_ref();
                let service = service.map_or_else(String::new, |name| format!(", by {name}"));
                let queued = planned
                    .spending
                    .as_ref()
                    .is_some_and(|spending| spending.queued_from.is_some());
                let why = if queued {
                    "when its spend limit has room"
                } else if planned.due.is_some() && planned.due == planned.released_at {
                    "when the release delay is over"
                } else {
                    "when it opens"
                };
                let due = match (planned.cut_off, planned.due) {
                    (Some(cut_off), _) if queued => format!(
                        ", with the batch of {}, {why}",
                        cut_off.strftime("%Y-%m-%d %H:%MZ")
                    ),
                    (Some(cut_off), _) => format!(
                        ", with the batch of {}",
                        cut_off.strftime("%Y-%m-%d %H:%MZ")
                    ),
                    (None, Some(due)) => {
                        format!(", to be sent {} {why}", due.strftime("%Y-%m-%d %H:%MZ"))
                    }
                    (None, None) => String::new(),
                };
                format!(
                    "planned {} at {}: {}{service}{due}",
                    planned.number,
                    planned.supplier,
                    lines.join(", "),
                )
            })
            .collect();
        let state = &self.state;
        texts.extend(state.holds.iter().map(|hold| {
            format!(
                "held {}, {}: {}; way out: {}",
                counted(total(&hold.lines), "unit"),
                hold.kind,
                hold.reason,
                crate::cases::way_out(hold.kind)
            )
        }));
        texts.extend(
            state
                .waits
                .iter()
                .map(|wait| format!("waiting for {}", wait.why)),
        );
        texts.extend(state.not_ours.iter().map(|entry| {
            let units = names.units(&entry.line, entry.quantity);
            format!("not ours: {units}: {}", entry.why)
        }));
        if texts.is_empty() {
            texts.push("routed: nothing to do".to_owned());
        }
        texts
    }
}
