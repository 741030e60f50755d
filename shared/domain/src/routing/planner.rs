//! One plan in the making: units move from open to held, not ours, or a purchase order, and each
//! move leaves its reason.

mod choices;
mod purchase_orders;

use super::budget::Budget;
use super::grouping::{Question, Wanted};
use super::ledger::Ledger;
use super::source::Source;
use super::trace::{Failed, GroupingTrace, LineTrace, TriggerTrace};
use super::{CRITERIA, Facts, Proposal, TRIGGERS, Verdict, Waiting, grouping};
use crate::cases::CaseKind;
use crate::ids::{LineId, Sku};
use crate::order::news::{Content, Line};
use crate::order::state::{Hold, NotOurs, Order, Wait};
use crate::order::topics::routing::PlannedPurchaseOrder;
use crate::settings::{Split, SupplierSettings};
use crate::spending::SpendingChange;
use crate::text::counted;
use choices::Pools;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// A hold for want of stock is looked at again after this long.
const STOCK_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(15);

pub(super) struct Planner<'a> {
    order: &'a Order,
    content: &'a Content,
    facts: &'a Facts<'a>,
    /// Nothing goes before the channel's release delay is over.
    earliest: Timestamp,
    ledger: Ledger<'a>,
    /// What the plan itself gives back of suppliers' spend limits.
    freed: Vec<SpendingChange>,
    /// In the order of priority and id.
    sources: Vec<Source<'a>>,
    /// Units still to be placed.
    open: BTreeMap<LineId, u32>,
    pub(super) holds: Vec<Hold>,
    pub(super) waits: Vec<Wait>,
    pub(super) not_ours: Vec<NotOurs>,
    pub(super) triggers: Vec<TriggerTrace>,
    pub(super) lines: Vec<LineTrace>,
    pub(super) grouping: String,
    pub(super) groupings: Vec<GroupingTrace>,
    pub(super) notes: Vec<String>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        order: &'a Order,
        content: &'a Content,
        facts: &'a Facts<'a>,
        freed: Vec<SpendingChange>,
    ) -> Self {
        let open = content
            .lines
            .iter()
            .map(|line| (line.id.clone(), order.unallocated(&line.id)));
        Self {
            order,
            content,
            facts,
            earliest: earliest(order, facts),
            ledger: Ledger::new(content, &facts.settings.rules),
            freed,
            sources: Vec::new(),
            open: open.filter(|(_, quantity)| *quantity > 0).collect(),
            holds: Vec::new(),
            waits: Vec::new(),
            not_ours: Vec::new(),
            triggers: Vec::new(),
            lines: Vec::new(),
            grouping: String::new(),
            groupings: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn ask_triggers(&mut self) {
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
                Verdict::Wait(waiting) => self.wait(waiting),
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

    /// Takes so many units of the line out of what is still to be placed, as far as they are there.
    fn take(&mut self, line: &LineId, most: u32) -> Option<(LineId, u32)> {
        let open = self.open.get_mut(line)?;
        let taken = most.min(*open);
        *open -= taken;
        if *open == 0 {
            self.open.remove(line);
        }
        (taken > 0).then(|| (line.clone(), taken))
    }

    fn wait(&mut self, waiting: Waiting) {
        let units = waiting.units.unwrap_or_else(|| self.open.clone());
        let lines: BTreeMap<LineId, u32> = units
            .iter()
            .filter_map(|(line, most)| self.take(line, *most))
            .collect();
        if lines.is_empty() {
            return;
        }
        let before = self.order.routing.iter().flat_map(|routing| &routing.waits);
        let known = before
            .filter(|wait| wait.kind == waiting.kind)
            .map(|wait| wait.since)
            .min();
        let since = waiting.since.or(known).unwrap_or(self.facts.now);
        self.waits.push(Wait {
            kind: waiting.kind,
            why: waiting.why,
            lines,
            since,
            until: None,
            case_at: since.checked_add(waiting.case_after).ok(),
        });
    }

    fn hold(&mut self, proposal: Proposal) {
        let most = proposal.most.unwrap_or(u32::MAX);
        let lines: BTreeMap<LineId, u32> = proposal
            .lines
            .iter()
            .filter_map(|line| self.take(line, most))
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
        self.holds.push(Hold {
            kind: proposal.kind,
            cause: proposal.cause,
            reason: proposal.reason,
            lines,
            again_at: proposal.again.then(|| self.facts.now + STOCK_AGAIN_AFTER),
            since,
        });
    }

    /// Groups what is left over suppliers, and holds what cannot go.
    pub(super) fn choose(&mut self) -> Vec<PlannedPurchaseOrder> {
        self.find_sources();
        let open: Vec<&'a Line> = self
            .content
            .lines
            .iter()
            .filter(|line| self.open.contains_key(&line.id))
            .collect();
        let mut pools = Pools::default();
        let mut wanted: Vec<Wanted<'a>> = Vec::with_capacity(open.len());
        for line in open {
            let choices = self.choices(line);
            if choices.is_empty() {
                let proposal = self.why_nobody(line);
                self.hold(proposal);
            } else {
                wanted.push(Wanted { line, choices });
            }
        }
        pools.assign(&mut wanted);
        let split = self.facts.settings.rules.split;
        if split == Split::Never && !self.holds.is_empty() && !wanted.is_empty() {
            "other lines are held, and splitting is not allowed".clone_into(&mut self.grouping);
            let reason = "other lines are held";
            self.hold_lines(&wanted, CaseKind::SplitNotAllowed, reason, false);
            return Vec::new();
        }
        while !wanted.is_empty() {
            let answer = grouping::choose(&Question {
                order: self.order,
                rules: &self.facts.settings.rules,
                ledger: self.ledger,
                sources: &self.sources,
                wanted: &wanted,
                pools: &pools.available,
                destination: crate::region::name(&self.content.destination),
            });
            self.grouping = answer.decision;
            self.groupings = answer.groupings;
            if let Some(path) = answer.chosen {
                return self.place(&wanted, &path);
            }
            if let Some(violation) = answer.violation {
                let lines = wanted.iter().map(|wanted| wanted.line.id.clone());
                self.hold(Proposal {
                    kind: violation.kind,
                    cause: violation.cause,
                    reason: violation.reason,
                    lines: lines.collect(),
                    most: None,
                    again: violation.again,
                });
                return Vec::new();
            }
            let shared = wanted.iter().rposition(|wanted| {
                let mut parts = wanted.choices.iter().flatten();
                parts.any(|part| part.pool.is_some())
            });
            match shared.filter(|_| answer.short) {
                // Lines are served while a shared stock lasts, in the order of the lines.
                Some(place) if split != Split::Never => {
                    let short = wanted.remove(place);
                    let reason = "its lines together want more than there is";
                    self.hold_lines(&[short], CaseKind::OutOfStock, reason, true);
                }
                Some(_) => {
                    let reason = "its lines together want more than there is";
                    self.hold_lines(&wanted, CaseKind::OutOfStock, reason, true);
                    return Vec::new();
                }
                None => {
                    let reason = "no supplier fits every line";
                    self.hold_lines(&wanted, CaseKind::SplitNotAllowed, reason, false);
                    return Vec::new();
                }
            }
        }
        Vec::new()
    }

    /// Suppliers with an offer for the order, the best by priority and id first.
    fn find_sources(&mut self) {
        let destination = &self.content.destination;
        let mut settings: Vec<&'a SupplierSettings> = Vec::new();
        for offer in self.facts.offers {
            if settings
                .iter()
                .any(|known| known.id == offer.offer.supplier)
            {
                continue;
            }
            settings.extend(self.facts.settings.suppliers.get(&offer.offer.supplier));
        }
        settings.sort_by_key(|supplier| (supplier.priority, &supplier.id));
        self.sources = settings
            .into_iter()
            .map(|supplier| {
                let budget = Budget::new(supplier, self.facts, self.earliest, &self.freed);
                Source::new(supplier, destination, self.ledger, budget)
            })
            .collect();
    }

    /// The hold of a line that no offer fits: the offer that came furthest names the case.
    fn why_nobody(&self, line: &Line) -> Proposal {
        let judged = self.lines.last().map_or(&[][..], |trace| &trace.judged);
        let place = |failed: &Failed| {
            let named = |criterion: &super::Criterion| criterion.name == failed.criterion;
            CRITERIA.iter().position(named)
        };
        let furthest = judged
            .iter()
            .filter_map(|judged| judged.failed.first())
            .max_by_key(|failed| (place(failed), std::cmp::Reverse(failed.kind)));
        let reasons = judged.iter().filter_map(|judged| {
            let first = judged.failed.first()?;
            Some(format!("{}: {}", judged.supplier, first.why))
        });
        let reasons: Vec<_> = reasons.collect();
        Proposal {
            kind: furthest.map_or(CaseKind::NoSupplier, |failed| failed.kind),
            cause: line.sku.as_ref().map_or("", Sku::as_str).to_owned(),
            reason: if reasons.is_empty() {
                "no configured supplier offers it".to_owned()
            } else {
                reasons.join("; ")
            },
            lines: vec![line.id.clone()],
            most: None,
            again: judged
                .iter()
                .filter_map(|judged| judged.failed.first())
                .any(|failed| failed.kind == CaseKind::OutOfStock),
        }
    }

    fn hold_lines(&mut self, wanted: &[Wanted], kind: CaseKind, reason: &str, again: bool) {
        for wanted in wanted {
            self.hold(Proposal {
                kind,
                cause: wanted.line.sku.as_ref().map_or("", Sku::as_str).to_owned(),
                reason: reason.to_owned(),
                lines: vec![wanted.line.id.clone()],
                most: None,
                again,
            });
        }
    }
}

/// When the release delay is over: counted from the payment, or from the order where it goes unpaid.
fn earliest(order: &Order, facts: &Facts) -> Timestamp {
    let rules = facts.settings.rules.release.of(&order.id.channel);
    let from = order.paid_at.or(order.received_at).unwrap_or(facts.now);
    // One from the future is older than a clock that was set back.
    let from = from.min(facts.now);
    let over = from.checked_add(rules.delay).unwrap_or(Timestamp::MAX);
    over.max(facts.now)
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Wait(waiting) => match &waiting.units {
            None => format!("wait: {}", waiting.why),
            Some(units) => {
                let units = units.values().copied().fold(0, u32::saturating_add);
                format!("wait: {} for {}", counted(units, "unit"), waiting.why)
            }
        },
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
