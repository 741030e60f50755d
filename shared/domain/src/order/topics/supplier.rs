//! What suppliers report of what they have.

use super::sending::{after_rejection, reason};
use super::{LineNames, Topic, reported_by};
use crate::digest::Digest;
use crate::ids::LineId;
use crate::order::answer::{Backorder, By, CancelAnswer, Rejection};
use crate::order::purchase_order::Unclear;
use crate::order::state::Order;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the supplier of a purchase order reported of it, whoever passed it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupplierReport {
    /// What becomes of a request to cancel.
    CancelAnswered {
        purchase_order: PurchaseOrderNumber,
        /// The first is 1.
        request: u32,
        answer: CancelAnswer,
        by: By,
    },
    /// The supplier took the purchase order but will not ship these units.
    LinesRejected {
        purchase_order: PurchaseOrderNumber,
        lines: BTreeMap<LineId, u32>,
        why: Rejection,
        /// They are planned again at once, without this supplier.
        route_again: bool,
        by: By,
    },
    /// The supplier took the purchase order, and what it reports of its lines makes no sense.
    AnswerUnclear {
        purchase_order: PurchaseOrderNumber,
        /// In our words.
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Digest>,
    },
    /// What the supplier reports of the lines it took; the latest report counts.
    Acknowledged {
        purchase_order: PurchaseOrderNumber,
        backordered: BTreeMap<LineId, Backorder>,
        by: By,
    },
}

impl Topic for SupplierReport {
    fn apply(&self, order: &mut Order, at: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::CancelAnswered {
                purchase_order,
                request,
                answer,
                ..
            } => {
                let own = order.own_mut(purchase_order)?;
                own.answer_cancel(*request, *answer)?;
                order.wake(at);
            }
            Self::LinesRejected {
                purchase_order,
                lines,
                why,
                route_again,
                ..
            } => {
                let own = order.own_mut(purchase_order)?;
                own.refuse_lines(lines, why, *route_again, at);
                order.wake(at);
            }
            Self::Acknowledged {
                purchase_order,
                backordered,
                ..
            } => {
                let own = order.own_mut(purchase_order)?;
                own.backordered.clone_from(backordered);
            }
            Self::AnswerUnclear {
                purchase_order,
                why,
                evidence,
            } => order.own_mut(purchase_order)?.unclear.push(Unclear {
                at,
                why: why.clone(),
                evidence: evidence.clone(),
            }),
        }
        Ok(())
    }

    fn describe(&self, names: &LineNames) -> Vec<String> {
        vec![match self {
            Self::CancelAnswered {
                purchase_order,
                request,
                answer,
                by,
            } => format!(
                "{purchase_order}/X{request} cancel {}{}",
                match answer {
                    CancelAnswer::Accepted => "accepted",
                    CancelAnswer::Refused => "refused",
                    CancelAnswer::TooLate => "too late",
                },
                reported_by(by)
            ),
            Self::LinesRejected {
                purchase_order,
                lines,
                why,
                route_again,
                by,
            } => {
                let lines: Vec<_> = lines
                    .iter()
                    .map(|(line, quantity)| names.units(line, *quantity))
                    .collect();
                format!(
                    "{purchase_order} {} refused, {}; {}{}",
                    lines.join(", "),
                    reason(why),
                    after_rejection(*route_again),
                    reported_by(by)
                )
            }
            Self::AnswerUnclear {
                purchase_order,
                why,
                ..
            } => format!("{purchase_order} answer unclear: {why}"),
            Self::Acknowledged {
                purchase_order,
                backordered,
                by,
            } if backordered.is_empty() => format!(
                "{purchase_order} nothing is backordered any more{}",
                reported_by(by)
            ),
            Self::Acknowledged {
                purchase_order,
                backordered,
                by,
            } => {
                let lines: Vec<_> = backordered
                    .iter()
                    .map(|(line, backorder)| {
                        let units = names.units(line, backorder.quantity);
                        let until = backorder.until.map_or_else(
                            || "without a date".to_owned(),
                            |until| format!("until {until}"),
                        );
                        format!("{units} {until}")
                    })
                    .collect();
                format!(
                    "{purchase_order} backordered: {}{}",
                    lines.join(", "),
                    reported_by(by)
                )
            }
        }]
    }
}
