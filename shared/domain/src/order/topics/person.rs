//! What persons decide.

use super::{LineNames, Topic};
use crate::cases::CaseKind;
use crate::ids::SupplierId;
use crate::order::news::ShippingMethod;
use crate::order::state::{AddressEdit, Order};
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A decision, with who made it and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonDecision {
    pub by: String,
    pub why: String,
    pub decision: Decision,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Holds of these kinds and causes no longer keep units back.
    HoldsReleased {
        holds: Vec<(CaseKind, String)>,
        /// The shipping method that the person chose among several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<ShippingMethod>,
    },
    /// The units of lines that the supplier refused may be planned again.
    RejectedLinesReleased {
        purchase_order: PurchaseOrderNumber,
    },
    OrderCancelled,
    /// The address is another one; the payload item holds it. It counts until the channel reports
    /// another address than the one it replaces.
    AddressEdited {
        payload: u32,
        edit: AddressEdit,
    },
    /// Nothing more of the order goes out until a person releases it.
    OrderHeld,
    /// Other suppliers ship what is not shipped yet.
    Rerouted {
        /// Never again for this order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        without: Option<SupplierId>,
        /// Only this one from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<SupplierId>,
    },
}

impl Topic for PersonDecision {
    fn apply(&self, order: &mut Order, at: Timestamp) -> Result<(), Refusal> {
        match &self.decision {
            Decision::HoldsReleased { holds, method } => {
                release(order, holds, method.as_ref());
            }
            Decision::RejectedLinesReleased { purchase_order } => {
                order.own_mut(purchase_order)?.free_refused();
            }
            Decision::OrderCancelled => order.cancelled_here = true,
            Decision::AddressEdited { payload, edit } => {
                order.payloads = *payload;
                if let Some((_, known)) = &mut order.payload
                    && let Some(latest) = &order.news.latest
                {
                    *known = AddressEdit::edit_of(&edit.address, &latest.edit);
                }
                order.address = Some((*payload, edit.clone()));
            }
            Decision::OrderHeld => {
                order.held = Some(self.why.clone());
                order
                    .released
                    .retain(|(kind, _)| *kind != CaseKind::HeldByPerson);
            }
            Decision::Rerouted { without, only } => {
                order.without.extend(without.iter().cloned());
                order.only.clone_from(only);
            }
        }
        order.wake(at);
        Ok(())
    }

    fn describe(&self, _: &LineNames) -> Vec<String> {
        let Self { by, why, decision } = self;
        vec![match decision {
            Decision::HoldsReleased { holds, method } => {
                let kinds: Vec<_> = holds.iter().map(|(kind, _)| kind.to_string()).collect();
                let what = if kinds.is_empty() {
                    "a rejection".to_owned()
                } else {
                    kinds.join(", ")
                };
                let method = method.as_ref().map_or_else(String::new, |method| {
                    format!(", to be shipped by {:?}", method.name())
                });
                format!("{by} released {what}{method}: {why}")
            }
            Decision::RejectedLinesReleased { purchase_order } => {
                format!("{purchase_order} refused lines released: their units are planned again")
            }
            Decision::OrderCancelled => format!("{by} cancelled the order: {why}"),
            Decision::AddressEdited { payload, .. } => {
                format!("{by} corrected the address, payload {payload}: {why}")
            }
            Decision::OrderHeld => format!("{by} held the order: {why}"),
            Decision::Rerouted { without, only } => {
                let without = without.iter().map(|supplier| format!("without {supplier}"));
                let only = only.iter().map(|supplier| format!("only by {supplier}"));
                let suppliers: Vec<_> = without.chain(only).collect();
                format!("{by} rerouted, {}: {why}", suppliers.join(", "))
            }
        }]
    }
}

fn release(order: &mut Order, holds: &[(CaseKind, String)], method: Option<&ShippingMethod>) {
    let held_by_channel = order.held_by_channel(holds);
    order.let_through.extend(held_by_channel);
    // What the channel holds is let through by units: another hold is another one.
    let lasting = holds
        .iter()
        .filter(|(kind, _)| *kind != CaseKind::OnHoldAtChannel);
    order.released.extend(lasting.cloned());
    if let (Some(method), Some(latest)) = (method, &order.news.latest) {
        order.method = Some((latest.content.shipping.clone(), method.clone()));
    }
    let is_a_persons = |(kind, _): &(CaseKind, String)| *kind == CaseKind::HeldByPerson;
    if holds.iter().any(is_a_persons) {
        order.held = None;
    }
}
