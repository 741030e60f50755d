//! Who ships what: [`plan`] takes an order, the facts and the rules, and answers with purchase
//! orders, holds and a trace of reasons. Pure: the same input gives the same plan, byte for byte.
//!
//! First the [`TRIGGERS`] decide whether and which units may go, then every (line, offer) is judged
//! by the [`CRITERIA`], then a grouping is chosen: one supplier that fits everything, else line by
//! line in the order of priority and supplier id, never of lines in a file.

mod criteria;
pub mod trace;
mod triggers;

use crate::catalogue::OfferWithStock;
use crate::ids::{LineId, Sku, SupplierId};
use crate::order::attention::CaseKind;
use crate::order::decide::{CancelWish, Command};
use crate::order::event::{PlannedPurchaseOrder, Routed};
use crate::order::machine::SendState;
use crate::order::news::{Content, Line};
use crate::order::{Hold, NotOurs, Order, PurchaseOrder, PurchaseOrderLine, RoutingState, Wait};
use crate::purchase_order_number::{PurchaseOrderNumber, reference};
use crate::settings::{ChannelSettings, Settings, Split, SupplierSettings};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use trace::{Judged, LineTrace, Trace, TriggerTrace};

/// An immutable snapshot of everything a plan depends on beside the order.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub settings: &'a Settings,
    pub offers: &'a [OfferWithStock],
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
    Wait {
        why: String,
        until: Option<Timestamp>,
    },
    /// These lines wait for a change; the others may go on.
    Hold(Vec<Proposal>),
    /// These units are never ours.
    Skip(Vec<(LineId, u32, String)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub kind: CaseKind,
    pub cause: String,
    pub reason: String,
    pub lines: Vec<LineId>,
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
        name: "held",
        check: triggers::held::check,
    },
    Trigger {
        name: "tags",
        check: triggers::tags::check,
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
}

/// A line that wants `quantity` units, and an offer of its SKU.
pub struct Candidate<'a> {
    pub order: &'a Order,
    pub content: &'a Content,
    pub line: &'a Line,
    pub quantity: u32,
    pub offer: &'a OfferWithStock,
    pub supplier: &'a SupplierSettings,
}

pub struct Criterion {
    pub name: &'static str,
    pub judge: fn(&Candidate, &Facts) -> Judgement,
}

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
        name: "po-box",
        judge: criteria::po_box::judge,
    },
    Criterion {
        name: "stock",
        judge: criteria::stock::judge,
    },
];

/// A hold for want of stock is looked at again after this long.
const STOCK_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// SKUs whose offers [`plan`] needs.
pub fn skus(order: &Order) -> Vec<Sku> {
    let lines = order
        .news
        .latest
        .iter()
        .flat_map(|latest| &latest.content.lines);
    lines
        .filter_map(|line| line.sku.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// The command that carries the decision out, and the trace that explains it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub command: Command,
    pub trace: Trace,
}

/// `None` for an order whose content is not known yet: only a refund or cancel has come.
pub fn plan(order: &Order, facts: &Facts) -> Option<Plan> {
    let content = &order.content()?;
    let tagged = matches!(
        triggers::tags::check(order, content, facts),
        Verdict::Hold(_)
    );
    let mut void = Vec::new();
    let mut cancel = Vec::new();
    // The state after what no longer holds is gone: its units wait again.
    let mut order = order.clone();
    let before = order.clone();
    for own in &mut order.purchase_orders {
        let why = before
            .no_longer_holds(own)
            .or(tagged.then_some("the order was tagged never to be sent"));
        let Some(why) = why else {
            continue;
        };
        match &own.sending.state {
            SendState::Planned { .. } => {
                void.push((own.number.clone(), why.to_owned()));
                own.sending.state = SendState::Voided {
                    why: why.to_owned(),
                };
            }
            // The supplier has a draft of it, and no further step is made.
            SendState::BetweenSteps { .. } => cancel.extend(take_back_whole(own, why)),
            SendState::SendStarted { .. }
            | SendState::InDoubt { .. }
            | SendState::Sent { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => {}
        }
    }
    cancel.extend(take_back(&order, content, &cancel));
    let mut planner = Planner::new(&order, content, facts);
    planner.ask_triggers();
    let purchase_orders = planner.choose();
    let state = RoutingState {
        configuration: facts.settings.digest.clone(),
        holds: planner.holds,
        wait: planner.wait,
        not_ours: planner.not_ours,
    };
    let trace = Trace {
        configuration: state.configuration.clone(),
        at: facts.now,
        triggers: planner.triggers,
        lines: planner.lines,
        grouping: planner.grouping,
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

/// Everything that is left of a purchase order, where that was not asked yet.
fn take_back_whole(own: &PurchaseOrder, why: &str) -> Option<CancelWish> {
    let asked = own
        .cancels
        .iter()
        .any(|request| request.whole && request.is_open());
    let lines = own
        .lines
        .iter()
        .map(|line| (line.line.clone(), own.remaining(line)));
    (!asked).then(|| CancelWish {
        number: own.number.clone(),
        lines: lines.filter(|(_, quantity)| *quantity > 0).collect(),
        whole: true,
        why: why.to_owned(),
    })
}

/// Units that suppliers have, or may have, and that nobody wants any more: the newest purchase order
/// gives them back first, and none is asked twice for the same unit.
fn take_back(order: &Order, content: &Content, already: &[CancelWish]) -> Vec<CancelWish> {
    let mut wishes: Vec<CancelWish> = Vec::new();
    for line in content.lines.iter().map(|line| &line.id) {
        let asked: u32 = order.live().map(|own| own.asked_back(line)).sum();
        let asked_now: u32 = already.iter().filter_map(|wish| wish.lines.get(line)).sum();
        let mut surplus = order.over_allocated(line).saturating_sub(asked + asked_now);
        for own in order.purchase_orders.iter().rev() {
            if !own.sending.is_claimed() || already.iter().any(|wish| wish.number == own.number) {
                continue;
            }
            let units = surplus.min(own.quantity_of(line).saturating_sub(own.asked_back(line)));
            if units == 0 {
                continue;
            }
            surplus -= units;
            match wishes.iter_mut().find(|wish| wish.number == own.number) {
                Some(wish) => {
                    wish.lines.insert(line.clone(), units);
                }
                None => wishes.push(CancelWish {
                    number: own.number.clone(),
                    lines: [(line.clone(), units)].into(),
                    whole: false,
                    why: if order.is_cancelled() {
                        "the order was cancelled or refunded".to_owned()
                    } else {
                        "units were refunded or removed".to_owned()
                    },
                }),
            }
        }
    }
    for wish in &mut wishes {
        wish.whole = order.purchase_order(&wish.number).is_some_and(|own| {
            own.lines.iter().all(|line| {
                let asked = wish.lines.get(&line.line).copied().unwrap_or(0);
                asked == own.remaining(line)
            })
        });
    }
    wishes
}

struct Planner<'a> {
    order: &'a Order,
    content: &'a Content,
    facts: &'a Facts<'a>,
    /// Units still to be placed.
    open: BTreeMap<LineId, u32>,
    holds: Vec<Hold>,
    wait: Option<Wait>,
    not_ours: Vec<NotOurs>,
    triggers: Vec<TriggerTrace>,
    lines: Vec<LineTrace>,
    grouping: String,
}

/// An offer that fits a line.
#[derive(Clone)]
struct Fit<'a> {
    rank: (u32, SupplierId),
    offer: &'a OfferWithStock,
}

impl<'a> Planner<'a> {
    fn new(order: &'a Order, content: &'a Content, facts: &'a Facts<'a>) -> Self {
        let open = content
            .lines
            .iter()
            .map(|line| (line.id.clone(), order.unallocated(&line.id)));
        Self {
            order,
            content,
            facts,
            open: open.filter(|(_, quantity)| *quantity > 0).collect(),
            holds: Vec::new(),
            wait: None,
            not_ours: Vec::new(),
            triggers: Vec::new(),
            lines: Vec::new(),
            grouping: String::new(),
        }
    }

    fn ask_triggers(&mut self) {
        for trigger in TRIGGERS {
            if self.open.is_empty() {
                return;
            }
            let verdict = (trigger.check)(self.order, self.content, self.facts);
            self.triggers.push(TriggerTrace {
                name: trigger.name.to_owned(),
                verdict: describe(&verdict),
            });
            match verdict {
                Verdict::Pass => {}
                Verdict::Wait { why, until } => {
                    self.wait = Some(Wait { why, until });
                    self.open.clear();
                }
                Verdict::Hold(proposals) => proposals
                    .into_iter()
                    .for_each(|proposal| self.hold(proposal)),
                Verdict::Skip(skipped) => {
                    for (line, quantity, why) in skipped {
                        let Some(open) = self.open.get_mut(&line) else {
                            continue;
                        };
                        let quantity = quantity.min(*open);
                        *open -= quantity;
                        if quantity > 0 {
                            self.not_ours.push(NotOurs {
                                line,
                                quantity,
                                why,
                            });
                        }
                    }
                    self.open.retain(|_, quantity| *quantity > 0);
                }
            }
        }
    }

    fn hold(&mut self, proposal: Proposal) {
        let lines: BTreeMap<LineId, u32> = proposal
            .lines
            .iter()
            .filter_map(|line| Some((line.clone(), self.open.remove(line)?)))
            .collect();
        if lines.is_empty() {
            return;
        }
        let before = self.order.routing.iter().flat_map(|routing| &routing.holds);
        let since = before
            .filter(|hold| hold.kind == proposal.kind && hold.cause == proposal.cause)
            .map(|hold| hold.since)
            .min()
            .unwrap_or(self.facts.now);
        let again_at =
            (proposal.kind == CaseKind::OutOfStock).then(|| self.facts.now + STOCK_AGAIN_AFTER);
        self.holds.push(Hold {
            kind: proposal.kind,
            cause: proposal.cause,
            reason: proposal.reason,
            lines,
            again_at,
            since,
        });
    }

    /// Groups what is left over suppliers, and holds what nobody fits.
    fn choose(&mut self) -> Vec<PlannedPurchaseOrder> {
        let lines: Vec<&Line> = self
            .content
            .lines
            .iter()
            .filter(|line| self.open.contains_key(&line.id))
            .collect();
        let fits: Vec<(&Line, Vec<Fit<'a>>)> =
            lines.iter().map(|line| (*line, self.judge(line))).collect();
        let all_fit = fits.iter().all(|(_, fits)| !fits.is_empty());
        let held_before = !self.holds.is_empty();
        let single = Self::single_supplier(&fits).filter(|_| all_fit);
        let chosen: Vec<(&Line, Fit<'a>)> = match (single, self.facts.settings.rules.split) {
            (Some(supplier), Split::Allow) => {
                self.grouping = format!("{supplier} fits every line");
                pick(&fits, |fit| fit.rank.1 == supplier)
            }
            (Some(supplier), Split::Never) if !held_before => {
                self.grouping = format!("{supplier} fits every line");
                pick(&fits, |fit| fit.rank.1 == supplier)
            }
            (None, Split::Allow) => {
                "line by line, by priority".clone_into(&mut self.grouping);
                pick(&fits, |_| true)
            }
            (_, Split::Never) => {
                "no supplier fits every line, and splitting is not allowed"
                    .clone_into(&mut self.grouping);
                Vec::new()
            }
        };
        for (line, fits) in &fits {
            if let Some(proposal) = self.why_not(line, fits, &chosen) {
                self.hold(proposal);
            }
        }
        self.numbered(&chosen)
    }

    fn judge(&mut self, line: &Line) -> Vec<Fit<'a>> {
        let quantity = self.open.get(&line.id).copied().unwrap_or(0);
        let mut judged = Vec::new();
        let mut fits = Vec::new();
        for offer in self
            .facts
            .offers
            .iter()
            .filter(|offer| Some(&offer.offer.sku) == line.sku.as_ref())
        {
            let Some(supplier) = self.facts.settings.suppliers.get(&offer.offer.supplier) else {
                continue;
            };
            let candidate = Candidate {
                order: self.order,
                content: self.content,
                line,
                quantity,
                offer,
                supplier,
            };
            let excluded = CRITERIA.iter().find_map(|criterion| {
                match (criterion.judge)(&candidate, self.facts) {
                    Judgement::Fits => None,
                    Judgement::Excluded { kind, why } => {
                        Some((criterion.name.to_owned(), kind, why))
                    }
                }
            });
            if excluded.is_none() {
                fits.push(Fit {
                    rank: (supplier.priority, supplier.id.clone()),
                    offer,
                });
            }
            judged.push(Judged {
                supplier: supplier.id.clone(),
                supplier_sku: offer.offer.supplier_sku.clone(),
                priority: supplier.priority,
                excluded,
            });
        }
        fits.sort_by(|one, other| {
            (&one.rank, &one.offer.offer.supplier_sku)
                .cmp(&(&other.rank, &other.offer.offer.supplier_sku))
        });
        judged.sort_by(|one, other| {
            (one.priority, &one.supplier, &one.supplier_sku).cmp(&(
                other.priority,
                &other.supplier,
                &other.supplier_sku,
            ))
        });
        self.lines.push(LineTrace {
            line: line.id.clone(),
            sku: line.sku.clone(),
            quantity,
            judged,
            chosen: None,
        });
        fits
    }

    /// The best supplier that fits all lines together: lines may share one stock.
    fn single_supplier(fits: &[(&Line, Vec<Fit<'a>>)]) -> Option<SupplierId> {
        let (_, first) = fits.first()?;
        first
            .iter()
            .map(|fit| &fit.rank)
            .find(|rank| {
                fits.iter()
                    .all(|(_, fits)| fits.iter().any(|fit| &fit.rank == *rank))
            })
            .map(|rank| rank.1.clone())
    }

    /// The hold of a line that was not chosen.
    fn why_not(
        &self,
        line: &Line,
        fits: &[Fit<'a>],
        chosen: &[(&Line, Fit<'a>)],
    ) -> Option<Proposal> {
        if chosen.iter().any(|(known, _)| known.id == line.id) {
            return None;
        }
        let sku = line.sku.as_ref().map_or("", Sku::as_str);
        let excluded =
            self.lines
                .iter()
                .find(|trace| trace.line == line.id)
                .and_then(|trace| {
                    let reasons: Vec<_> = trace
                        .judged
                        .iter()
                        .filter_map(|judged| {
                            judged.excluded.as_ref().map(|(_, kind, why)| {
                                (*kind, format!("{}: {why}", judged.supplier))
                            })
                        })
                        .collect();
                    let kind = reasons.iter().map(|(kind, _)| *kind).min()?;
                    Some((
                        kind,
                        reasons
                            .into_iter()
                            .map(|(_, why)| why)
                            .collect::<Vec<_>>()
                            .join("; "),
                    ))
                });
        let (kind, reason) = match excluded {
            _ if !fits.is_empty() => (
                CaseKind::SplitNotAllowed,
                "no supplier fits every line".to_owned(),
            ),
            Some(found) => found,
            None => (
                CaseKind::NoSupplier,
                "no configured supplier offers it".to_owned(),
            ),
        };
        Some(Proposal {
            kind,
            cause: sku.to_owned(),
            reason,
            lines: vec![line.id.clone()],
        })
    }

    fn numbered(&mut self, chosen: &[(&Line, Fit<'a>)]) -> Vec<PlannedPurchaseOrder> {
        let Some(channel) = self.facts.channel(self.order) else {
            return Vec::new();
        };
        let reference = reference(
            &self.content.sequential,
            &self.order.id,
            self.facts.reference_taken,
        );
        let mut by_supplier: BTreeMap<(u32, SupplierId), Vec<PurchaseOrderLine>> = BTreeMap::new();
        for (line, fit) in chosen {
            let (Some(sku), Some(quantity)) = (line.sku.clone(), self.open.remove(&line.id)) else {
                continue;
            };
            if let Some(trace) = self.lines.iter_mut().find(|trace| trace.line == line.id) {
                trace.chosen = Some(fit.rank.1.clone());
            }
            by_supplier
                .entry(fit.rank.clone())
                .or_default()
                .push(PurchaseOrderLine {
                    line: line.id.clone(),
                    sku,
                    supplier_sku: fit.offer.offer.supplier_sku.clone(),
                    quantity,
                    cost: fit.offer.offer.cost,
                    reserved: fit.offer.stock.is_some(),
                });
        }
        let used = u32::try_from(self.order.purchase_orders.len()).unwrap_or(u32::MAX);
        by_supplier
            .into_iter()
            .zip(used + 1..)
            .map(|(((_, supplier), lines), counter)| PlannedPurchaseOrder {
                number: PurchaseOrderNumber::new(&channel.code, &reference, counter),
                supplier,
                lines,
                service: None,
                due: None,
                cut_off: None,
            })
            .collect()
    }
}

/// The best fit of each line among those allowed; lines that share one stock are served while it
/// lasts, in the order of the lines.
fn pick<'a, 'b>(
    fits: &[(&'b Line, Vec<Fit<'a>>)],
    allowed: impl Fn(&Fit<'a>) -> bool,
) -> Vec<(&'b Line, Fit<'a>)> {
    fits.iter()
        .filter_map(|(line, fits)| Some((*line, fits.iter().find(|fit| allowed(fit))?.clone())))
        .collect()
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Wait { why, .. } => format!("wait: {why}"),
        Verdict::Hold(proposals) => {
            let reasons: Vec<_> = proposals
                .iter()
                .map(|proposal| proposal.reason.as_str())
                .collect();
            format!("hold: {}", reasons.join("; "))
        }
        Verdict::Skip(skipped) => {
            let reasons: Vec<_> = skipped
                .iter()
                .map(|(line, quantity, why)| format!("{quantity} of line {line}: {why}"))
                .collect();
            format!("not ours: {}", reasons.join("; "))
        }
    }
}
