//! What a person must see of an order: its open holds and doubts. Computed from the state, kept
//! only as an index.

use super::machine::{Cancel, SendState};
use super::{Order, ROUTING_OVERDUE, SENDING_OVERDUE};
use crate::commit::Index;
use crate::exceptions::Severity;
use crate::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Flat and without data; what it means and what is done about it is `exceptions::POLICY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    UnmappedSku,
    NoSupplier,
    OutOfStock,
    StaleStock,
    AddressIncomplete,
    UnknownCountry,
    NeverSendTag,
    SplitNotAllowed,
    OverLimit,
    FraudRisk,
    CurrencyWithoutRate,
    CostUnknown,
    CostTooHigh,
    MarginTooLow,
    UnmappedShippingMethod,
    TooManyPackages,
    PackageTooValuable,
    BelowMinimumOrder,
    SupplierPaused,
    EditedAfterSend,
    ReducedAfterSend,
    CancelAfterSend,
    SupplierRejected,
    SupplierUnreachable,
    CannotPrepare,
    SendInDoubt,
    SentTwice,
    Stuck,
    QuarantinedPayload,
    DeadLetter,
    BadSignatures,
    OversizedBody,
    SupplierRefusesUs,
    RefusedConfiguration,
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
        if let Some(since) = self.needs_routing
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
                SendState::SendStarted { .. }
                | SendState::Rejected { .. }
                | SendState::Voided { .. } => {}
            }
            if let Some((cause, detail)) = self.changed_after_claim(own) {
                add(cause.0, &cause.1, own.planned_at, detail, number);
            }
        }
        found
    }

    /// What the customer changed although the supplier may already have it.
    fn changed_after_claim(
        &self,
        own: &super::PurchaseOrder,
    ) -> Option<((CaseKind, String), String)> {
        if !own.is_claimed() || own.cancel != Cancel::None {
            return None;
        }
        let cause = |kind: CaseKind| {
            (
                kind,
                format!(
                    "{}@{}",
                    own.number,
                    self.payload.as_ref().map_or("", |(_, edit)| edit.short())
                ),
            )
        };
        let open =
            |kind: CaseKind| Some(cause(kind)).filter(|cause| !self.released.contains(cause));
        if own
            .lines
            .iter()
            .any(|line| self.over_allocated(&line.line) > 0)
        {
            let cause = (
                CaseKind::ReducedAfterSend,
                format!(
                    "{}:{}",
                    own.number,
                    own.lines
                        .iter()
                        .map(|line| self.wanted(&line.line).to_string())
                        .collect::<Vec<_>>()
                        .join(",")
                ),
            );
            return (!self.released.contains(&cause)).then(|| {
                (
                    cause,
                    format!("fewer units are wanted than {} asks for", own.number),
                )
            });
        }
        if self
            .payload
            .as_ref()
            .is_some_and(|(_, edit)| edit != &own.edit)
        {
            return open(CaseKind::EditedAfterSend).map(|cause| {
                (
                    cause,
                    format!("the order was edited after {} was handed over", own.number),
                )
            });
        }
        None
    }
}
