//! What a person must see of an order: its open holds and doubts. Computed from the state, kept
//! only as an index.

use super::machine::{Cancel, SendState};
use super::{Order, ROUTING_OVERDUE, SENDING_OVERDUE};
use crate::commit::Index;
use crate::exceptions::Severity;
use crate::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Flat and without data; what it means and what is done about it is `exceptions::POLICY`.
///
/// Has one name, `unmapped-sku`, in histories, on the command line and in documents. The first
/// histories were written with underscores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseKind {
    #[serde(alias = "unmapped_sku")]
    UnmappedSku,
    #[serde(alias = "no_supplier")]
    NoSupplier,
    #[serde(alias = "out_of_stock")]
    OutOfStock,
    #[serde(alias = "stale_stock")]
    StaleStock,
    #[serde(alias = "address_incomplete")]
    AddressIncomplete,
    #[serde(alias = "unknown_country")]
    UnknownCountry,
    #[serde(alias = "never_send_tag")]
    NeverSendTag,
    #[serde(alias = "split_not_allowed")]
    SplitNotAllowed,
    #[serde(alias = "edited_after_send")]
    EditedAfterSend,
    #[serde(alias = "reduced_after_send")]
    ReducedAfterSend,
    #[serde(alias = "cancel_after_send")]
    CancelAfterSend,
    #[serde(alias = "supplier_rejected")]
    SupplierRejected,
    #[serde(alias = "supplier_unreachable")]
    SupplierUnreachable,
    #[serde(alias = "cannot_prepare")]
    CannotPrepare,
    #[serde(alias = "send_in_doubt")]
    SendInDoubt,
    #[serde(alias = "sent_twice")]
    SentTwice,
    Stuck,
    #[serde(alias = "quarantined_payload")]
    QuarantinedPayload,
    #[serde(alias = "dead_letter")]
    DeadLetter,
    #[serde(alias = "bad_signatures")]
    BadSignatures,
    #[serde(alias = "oversized_body")]
    OversizedBody,
    #[serde(alias = "supplier_refuses_us")]
    SupplierRefusesUs,
    #[serde(alias = "refused_configuration")]
    RefusedConfiguration,
}

impl fmt::Display for CaseKind {
    /// The name that serde gives it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

/// An entry of the `attention` index. Entries with the same kind and cause are one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    pub kind: CaseKind,
    pub cause: String,
    pub severity: Severity,
    pub since: Timestamp,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_order: Option<PurchaseOrderNumber>,
}

impl Order {
    pub fn index(&self, now: Timestamp) -> Index {
        Index {
            due: self.due(),
            attention: self.attention(now),
            configuration: self
                .routing
                .as_ref()
                .map(|routing| routing.configuration.clone()),
        }
    }

    /// Every open hold, doubt and overdue step.
    pub fn attention(&self, now: Timestamp) -> Vec<Attention> {
        let mut found = Vec::new();
        let mut add = |kind: CaseKind,
                       cause: &str,
                       since: Timestamp,
                       detail: String,
                       number: Option<&PurchaseOrderNumber>| {
            found.push(Attention {
                kind,
                cause: cause.to_owned(),
                severity: crate::exceptions::severity(kind),
                since,
                detail,
                purchase_order: number.cloned(),
            });
        };
        for hold in self.routing.iter().flat_map(|routing| &routing.holds) {
            add(
                hold.kind,
                &hold.cause,
                hold.since,
                hold.reason.clone(),
                None,
            );
        }
        if let Some(since) = self.unrouted_since()
            && now >= since + ROUTING_OVERDUE
        {
            add(
                CaseKind::Stuck,
                "routing",
                since,
                "received and not routed".to_owned(),
                None,
            );
        }
        for own in &self.purchase_orders {
            let number = Some(&own.number);
            let supplier = own.supplier.as_str();
            match &own.send {
                SendState::InDoubt { since, .. } => {
                    add(
                        CaseKind::SendInDoubt,
                        supplier,
                        *since,
                        format!("{} may or may not be at {supplier}", own.number),
                        number,
                    );
                }
                SendState::Rejected {
                    why, freed: false, ..
                } => {
                    add(
                        CaseKind::SupplierRejected,
                        supplier,
                        own.planned_at,
                        format!("{supplier} refused {}: {}", own.number, why.detail),
                        number,
                    );
                }
                SendState::Planned { due } => {
                    if let Some(why) = &own.unpreparable {
                        add(
                            CaseKind::CannotPrepare,
                            supplier,
                            own.planned_at,
                            why.clone(),
                            number,
                        );
                    } else if own.deferrals >= crate::forwarding::DEFERRALS_BEFORE_CASE {
                        add(
                            CaseKind::SupplierUnreachable,
                            supplier,
                            own.planned_at,
                            format!("{} could not be sent {} times", own.number, own.deferrals),
                            number,
                        );
                    } else if now >= *due + SENDING_OVERDUE {
                        add(
                            CaseKind::Stuck,
                            "forwarding",
                            *due,
                            format!("{} is due and not sent", own.number),
                            number,
                        );
                    }
                }
                SendState::Sent { at, .. } => {
                    if own.cancel == Cancel::Wanted {
                        add(
                            CaseKind::CancelAfterSend,
                            supplier,
                            *at,
                            format!("cancel {} at {supplier}", own.number),
                            number,
                        );
                    }
                    if own.sent_again > 0 {
                        add(
                            CaseKind::SentTwice,
                            supplier,
                            *at,
                            format!("{supplier} accepted {} more than once", own.number),
                            number,
                        );
                    }
                }
                SendState::SendStarted { settle_at, .. } if now >= *settle_at + SENDING_OVERDUE => {
                    add(
                        CaseKind::Stuck,
                        "forwarding",
                        *settle_at,
                        format!("nobody settled what became of sending {}", own.number),
                        number,
                    );
                }
                SendState::SendStarted { .. }
                | SendState::Rejected { .. }
                | SendState::Voided { .. } => {}
            }
            for ((kind, cause), detail) in self.changed_after_claim(own) {
                add(kind, &cause, own.planned_at, detail, number);
            }
        }
        found
    }

    /// What the customer changed although the supplier may already have it, less what a person has
    /// released: fewer units and another address are two things to agree with the supplier.
    fn changed_after_claim(&self, own: &super::PurchaseOrder) -> Vec<((CaseKind, String), String)> {
        if !own.is_claimed() || own.cancel != Cancel::None {
            return Vec::new();
        }
        let mut changed = Vec::new();
        if own
            .lines
            .iter()
            .any(|line| self.over_allocated(&line.line) > 0)
        {
            let wanted: Vec<_> = own
                .lines
                .iter()
                .map(|line| self.wanted(&line.line).to_string())
                .collect();
            changed.push((
                (
                    CaseKind::ReducedAfterSend,
                    format!("{}:{}", own.number, wanted.join(",")),
                ),
                format!("fewer units are wanted than {} asks for", own.number),
            ));
        }
        if let Some((_, edit)) = &self.payload
            && edit != &own.edit
        {
            changed.push((
                (
                    CaseKind::EditedAfterSend,
                    format!("{}@{}", own.number, edit.short()),
                ),
                format!("the order was edited after {} was handed over", own.number),
            ));
        }
        changed.retain(|(cause, _)| !self.released.contains(cause));
        changed
    }
}
