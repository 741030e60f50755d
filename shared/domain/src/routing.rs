//! Who ships what: [`plan`] takes an order, the facts and the rules, and answers with purchase
//! orders, holds and a trace of reasons. Pure: the same input gives the same plan, byte for byte.
//!
//! First the [`TRIGGERS`] decide whether and which units may go, then every (line, offer) is judged
//! by the [`CRITERIA`], then the groupings of all lines over suppliers are compared and the best is
//! chosen that breaks none of the [`CONSTRAINTS`]. Nothing depends on the order of lines in a file.

mod budget;
mod constraints;
mod criteria;
mod grouping;
mod ledger;
mod one_commit;
mod planner;
mod source;
mod take_back;
pub mod trace;
mod triggers;
mod violation;

#[cfg(test)]
mod tests;

use crate::cases::CaseKind;
use crate::catalogue::OfferWithStock;
use crate::ids::{LineId, Sku, SupplierId};
use crate::order::decide::Command;
use crate::order::news::{Content, Line};
use crate::order::state::{Order, RoutingState, Wait, WaitKind};
use crate::order::step::is_out_of_step;
use crate::order::topics::routing::Routed;
use crate::sending::machine::SendState;
use crate::settings::{ChannelSettings, Settings, SupplierSettings};
use crate::spending::{Spent, sums};
use constraints::Grouping;
use jiff::{SignedDuration, Timestamp};
use ledger::Ledger;
use planner::Planner;
use std::collections::{BTreeMap, BTreeSet};
use trace::Trace;
use violation::Violation;

/// An immutable snapshot of everything a plan depends on beside the order.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub settings: &'a Settings,
    pub offers: &'a [OfferWithStock],
    /// What is spent of spend limits with [`limited`] suppliers, from [`crate::spending::first_day`] on.
    pub spent: &'a [Spent],
    pub now: Timestamp,
    /// The short reference belongs to another order: number by digest.
    pub reference_taken: bool,
}

impl<'a> Facts<'a> {
    fn channel(&self, order: &Order) -> Option<&'a ChannelSettings> {
        self.settings.channels.get(&order.id.channel)
    }
}

/// What a trigger says of the units that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// Units wait for what is no person's business.
    Wait(Waiting),
    /// These lines wait for a change; the others may go on.
    Hold(Vec<Proposal>),
    /// These units are never ours.
    Skip(Vec<(LineId, u32, String)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub kind: WaitKind,
    /// For what, in words.
    pub why: String,
    /// Units by line; every unit where there are none.
    pub units: Option<BTreeMap<LineId, u32>>,
    /// Since when, where that is not since routing first saw it.
    pub since: Option<Timestamp>,
    /// How long before it is a case.
    pub case_after: SignedDuration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub kind: CaseKind,
    pub cause: String,
    pub reason: String,
    pub lines: Vec<LineId>,
    /// Most units of each of the lines; all that are open where there is no limit.
    pub most: Option<u32>,
    /// Looked at again by itself, since stock comes back.
    pub again: bool,
}

pub struct Trigger {
    pub name: &'static str,
    pub check: fn(&Order, &Content, &Facts) -> Verdict,
}

/// In the order in which they are asked. The first that waits or holds everything ends it.
pub const TRIGGERS: &[Trigger] = &[
    Trigger {
        name: "ours",
        check: triggers::ours::check,
    },
    Trigger {
        name: "paid",
        check: triggers::paid::check,
    },
    Trigger {
        name: "channel-hold",
        check: triggers::channel_hold::check,
    },
    Trigger {
        name: "refunded",
        check: triggers::refunded::check,
    },
    Trigger {
        name: "held",
        check: triggers::held::check,
    },
    Trigger {
        name: "tags",
        check: triggers::tags::check,
    },
    Trigger {
        name: "risk",
        check: triggers::risk::check,
    },
    Trigger {
        name: "limits",
        check: triggers::limits::check,
    },
    Trigger {
        name: "delivery",
        check: triggers::delivery::check,
    },
    Trigger {
        name: "extras",
        check: triggers::extras::check,
    },
    Trigger {
        name: "address",
        check: triggers::address::check,
    },
    Trigger {
        name: "edited-after-send",
        check: triggers::edited_after_send::check,
    },
    Trigger {
        name: "mapped",
        check: triggers::mapped::check,
    },
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    Fits,
    /// `kind` is the case that a line becomes when every offer is excluded for this reason.
    Excluded {
        kind: CaseKind,
        why: String,
    },
    /// The offer would fit, and yet nothing is decided of the line before this is mended: a rule
    /// cannot be judged.
    Holds {
        kind: CaseKind,
        cause: String,
        why: String,
    },
}

/// A line that wants `quantity` units, and an offer of its SKU.
pub struct Candidate<'a> {
    pub order: &'a Order,
    pub content: &'a Content,
    pub line: &'a Line,
    pub quantity: u32,
    pub offer: &'a OfferWithStock,
    pub supplier: &'a SupplierSettings,
    ledger: Ledger<'a>,
}

pub struct Criterion {
    pub name: &'static str,
    pub judge: fn(&Candidate, &Facts) -> Judgement,
}

/// The most fundamental first: of a line that nobody fits, the offer that comes furthest names the
/// case.
pub const CRITERIA: &[Criterion] = &[
    Criterion {
        name: "person",
        judge: criteria::person::judge,
    },
    Criterion {
        name: "refused-before",
        judge: criteria::refused_before::judge,
    },
    Criterion {
        name: "paused",
        judge: criteria::paused::judge,
    },
    Criterion {
        name: "channel",
        judge: criteria::channel::judge,
    },
    Criterion {
        name: "category",
        judge: criteria::category::judge,
    },
    Criterion {
        name: "region",
        judge: criteria::region::judge,
    },
    Criterion {
        name: "po-box",
        judge: criteria::po_box::judge,
    },
    Criterion {
        name: "shipping-method",
        judge: criteria::shipping_method::judge,
    },
    Criterion {
        name: "stock",
        judge: criteria::stock::judge,
    },
    Criterion {
        name: "unit-cost",
        judge: criteria::unit_cost::judge,
    },
    Criterion {
        name: "currency",
        judge: criteria::currency::judge,
    },
];

pub struct Constraint {
    pub name: &'static str,
    check: fn(&Grouping) -> Option<Violation>,
}

pub const CONSTRAINTS: &[Constraint] = &[
    Constraint {
        name: "packages",
        check: constraints::packages::check,
    },
    Constraint {
        name: "package-value",
        check: constraints::package_value::check,
    },
    Constraint {
        name: "minimum-order",
        check: constraints::minimum_order::check,
    },
    Constraint {
        name: "landed-cost",
        check: constraints::landed_cost::check,
    },
    Constraint {
        name: "margin",
        check: constraints::margin::check,
    },
    Constraint {
        name: "spend-limit",
        check: constraints::spend_limit::check,
    },
];

/// SKUs whose offers [`plan`] needs.
pub fn skus(order: &Order) -> Vec<Sku> {
    let lines = order
        .news
        .latest
        .iter()
        .flat_map(|latest| &latest.content.lines);
    lines
        .filter_map(|line| line.sku.clone())
        .filter(|sku| !sku.is_shortened())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// Suppliers with a spend limit among those of the offers.
pub fn limited(settings: &Settings, offers: &[OfferWithStock]) -> Vec<SupplierId> {
    let limited = |id: &&SupplierId| {
        settings
            .suppliers
            .get(*id)
            .is_some_and(|supplier| supplier.terms.spend_limit_per_day.is_some())
    };
    let suppliers = offers.iter().map(|offer| &offer.offer.supplier);
    let suppliers: BTreeSet<&SupplierId> = suppliers.filter(limited).collect();
    suppliers.into_iter().cloned().collect()
}

/// The command that carries the decision out, and the trace that explains it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub command: Command,
    pub trace: Trace,
}

/// `None` for an order whose content is not known yet: only a refund or cancel has come.
pub fn plan(before: &Order, facts: &Facts) -> Option<Plan> {
    let content = &before.content()?;
    let stopped = [
        (
            triggers::tags::check as fn(&Order, &Content, &Facts) -> Verdict,
            "the order was tagged never to be sent",
        ),
        (triggers::risk::check, "the order was marked as a risk"),
    ]
    .into_iter()
    .find(|(check, _)| matches!(check(before, content, facts), Verdict::Hold(_)))
    .map(|(_, why)| why);
    let mut void = Vec::new();
    let mut cancel = Vec::new();
    // The state after what no longer holds is gone: its units wait again.
    let mut order = before.clone();
    for own in &mut order.purchase_orders {
        let supplier = facts.settings.suppliers.get(&own.supplier);
        let shipped = triggers::ours::shipped_elsewhere(before, own)
            .then_some("its units were shipped by somebody else");
        let unfit = shipped.or_else(|| {
            let supplier = supplier?;
            if supplier.terms.paused {
                Some("the supplier was paused")
            } else if is_out_of_step(own, supplier, facts.now) {
                Some("the supplier takes purchase orders in another way now")
            } else {
                None
            }
        });
        let why = before.no_longer_holds(own).or(stopped);
        match (&own.sending.state, why) {
            (SendState::Planned { .. }, why) => {
                if let Some(why) = why.or(unfit) {
                    void.push((own.number.clone(), why.to_owned()));
                    own.sending.state = SendState::Voided {
                        why: why.to_owned(),
                    };
                }
            }
            // The supplier has a draft of it, and no further step is made.
            (SendState::BetweenSteps { .. }, Some(why)) => {
                cancel.extend(take_back::whole(own, why));
            }
            (
                SendState::BetweenSteps { .. }
                | SendState::SendStarted { .. }
                | SendState::InDoubt { .. }
                | SendState::Sent { .. }
                | SendState::Rejected { .. }
                | SendState::Voided { .. },
                _,
            ) => {}
        }
    }
    cancel.extend(take_back::surplus(&order, content, &cancel));
    let mut planner = Planner::new(&order, content, facts, sums::changes(before, &order));
    planner.ask_triggers();
    let purchase_orders = planner.choose();
    let (void, purchase_orders, has_more) = one_commit::first(before, void, purchase_orders);
    if has_more {
        planner.waits.push(Wait {
            kind: WaitKind::NextCommit,
            why: "its other purchase orders, which follow".to_owned(),
            lines: BTreeMap::new(),
            since: facts.now,
            until: Some(facts.now),
            case_at: None,
        });
    }
    let state = RoutingState {
        configuration: facts.settings.digest.clone(),
        holds: planner.holds,
        waits: planner.waits,
        not_ours: planner.not_ours,
    };
    let trace = Trace {
        configuration: state.configuration.clone(),
        at: facts.now,
        triggers: planner.triggers,
        lines: planner.lines,
        grouping: planner.grouping,
        groupings: planner.groupings,
        notes: planner.notes,
    };
    let (payload, edit) = order.payload.clone()?;
    let routed = Routed {
        // One trace a version: a decision that is not committed leaves none behind.
        trace: u32::try_from(before.version).unwrap_or(u32::MAX),
        payload,
        address: order.address.as_ref().map(|(number, _)| *number),
        edit,
        purchase_orders,
        state,
    };
    Some(Plan {
        command: Command::Route {
            void,
            cancel,
            routed: Box::new(routed),
        },
        trace,
    })
}
