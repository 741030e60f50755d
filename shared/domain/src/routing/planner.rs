//! One plan in the making: units move from open to held, not ours, or a purchase order, and each
//! move leaves its reason.

use super::grouping::{self, Choice, Part, Question, Wanted};
use super::ledger::Ledger;
use super::source::Source;
use super::trace::{Chosen, Failed, GroupingTrace, Judged, LineTrace, TriggerTrace};
use super::{CRITERIA, Candidate, Facts, Judgement, Proposal, TRIGGERS, Verdict};
use crate::calendar::next_opening;
use crate::catalogue::OfferWithStock;
use crate::ids::{LineId, Sku, SupplierId, SupplierSku};
use crate::order::attention::CaseKind;
use crate::order::event::PlannedPurchaseOrder;
use crate::order::news::{Content, Line};
use crate::order::{Hold, NotOurs, Order, PurchaseOrderLine, Wait};
use crate::purchase_order_number::{PurchaseOrderNumber, reference};
use crate::settings::{Comparison, Split, SupplierSettings};
use jiff::SignedDuration;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A hold for want of stock is looked at again after this long.
const STOCK_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(15);

pub(super) struct Planner<'a> {
    order: &'a Order,
    content: &'a Content,
    facts: &'a Facts<'a>,
    ledger: Ledger<'a>,
    /// In the order of priority and id.
    sources: Vec<Source<'a>>,
    /// Units still to be placed.
    open: BTreeMap<LineId, u32>,
    pub(super) holds: Vec<Hold>,
    pub(super) wait: Option<Wait>,
    pub(super) not_ours: Vec<NotOurs>,
    pub(super) triggers: Vec<TriggerTrace>,
    pub(super) lines: Vec<LineTrace>,
    pub(super) grouping: String,
    pub(super) groupings: Vec<GroupingTrace>,
    pub(super) notes: Vec<String>,
}

/// An offer that a line may take units from.
#[derive(Clone, Copy)]
struct Fit<'a> {
    source: usize,
    offer: &'a OfferWithStock,
    /// Fewer than the line wants, where only the stock is too small.
    most: u32,
}

impl<'a> Planner<'a> {
    pub(super) fn new(order: &'a Order, content: &'a Content, facts: &'a Facts<'a>) -> Self {
        let open = content
            .lines
            .iter()
            .map(|line| (line.id.clone(), order.unallocated(&line.id)));
        Self {
            order,
            content,
            facts,
            ledger: Ledger::new(content, &facts.settings.rules),
            sources: Vec::new(),
            open: open.filter(|(_, quantity)| *quantity > 0).collect(),
            holds: Vec::new(),
            wait: None,
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
                    again: false,
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
            .map(|supplier| Source::new(supplier, destination, self.ledger))
            .collect();
    }

    /// Each way to serve the line; none where it is held.
    fn choices(&mut self, line: &'a Line) -> Vec<Choice<'a>> {
        let quantity = self.open.get(&line.id).copied().unwrap_or(0);
        let fits = self.judge(line, quantity);
        if self.waits(line) {
            return Vec::new();
        }
        let whole: Vec<Choice<'a>> = fits
            .iter()
            .filter(|fit| fit.most == quantity)
            .map(|fit| vec![self.part(line, *fit, quantity)])
            .collect();
        let rules = &self.facts.settings.rules;
        if whole.is_empty() && rules.split_lines && rules.split != Split::Never {
            self.divided(line, quantity, &fits)
        } else {
            whole
        }
    }

    /// Judges every offer of the line, keeps the judgements, and returns what it may take.
    fn judge(&mut self, line: &'a Line, quantity: u32) -> Vec<Fit<'a>> {
        let mut found: Vec<(Fit<'a>, Judged)> = Vec::new();
        for offer in self
            .facts
            .offers
            .iter()
            .filter(|offer| Some(&offer.offer.sku) == line.sku.as_ref())
        {
            let Some(source) = self
                .sources
                .iter()
                .position(|source| source.settings.id == offer.offer.supplier)
            else {
                continue;
            };
            let supplier = self.sources[source].settings;
            let candidate = Candidate {
                order: self.order,
                content: self.content,
                line,
                quantity,
                offer,
                supplier,
                ledger: self.ledger,
            };
            let failed = failures(&candidate, self.facts);
            let only_stock = failed
                .iter()
                .all(|failed| failed.kind == CaseKind::OutOfStock);
            let available = offer
                .stock
                .as_ref()
                .map_or(i64::MAX, |stock| stock.available);
            let most = u32::try_from(available.clamp(0, i64::from(quantity))).unwrap_or(0);
            found.push((
                Fit {
                    source,
                    offer,
                    most: if only_stock { most } else { 0 },
                },
                Judged {
                    supplier: supplier.id.clone(),
                    supplier_sku: offer.offer.supplier_sku.clone(),
                    priority: supplier.priority,
                    failed,
                },
            ));
        }
        found.sort_by(|(one, _), (other, _)| {
            let sku = |fit: &Fit<'a>| &fit.offer.offer.supplier_sku;
            (one.source, sku(one)).cmp(&(other.source, sku(other)))
        });
        let (fits, judged): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        self.lines.push(LineTrace {
            line: line.id.clone(),
            sku: line.sku.clone(),
            quantity,
            judged,
            chosen: Vec::new(),
        });
        fits.into_iter().filter(|fit| fit.most > 0).collect()
    }

    fn part(&self, line: &Line, fit: Fit<'a>, units: u32) -> Part<'a> {
        let cost = fit.offer.offer.cost;
        Part {
            offer: fit.offer,
            source: fit.source,
            units,
            cost: cost.and_then(|cost| self.ledger.times(cost, units).map(i128::from)),
            value: self.ledger.value(line, units),
            pool: None,
        }
    }

    /// From each offer on, as much as it has and the rest from the best of the others.
    fn divided(&self, line: &Line, quantity: u32, fits: &[Fit<'a>]) -> Vec<Choice<'a>> {
        let mut best = fits.to_vec();
        best.sort_by(|one, other| self.compare_fits(one, other));
        let mut choices: Vec<Choice<'a>> = Vec::new();
        let mut known: Vec<Vec<(usize, u32)>> = Vec::new();
        for first in fits {
            let others = best.iter().filter(|fit| fit.source != first.source);
            let mut left = quantity;
            let mut taken = Vec::new();
            for fit in std::iter::once(first).chain(others) {
                let units = fit.most.min(left);
                if units > 0 {
                    taken.push(self.part(line, *fit, units));
                    left -= units;
                }
            }
            taken.sort_by_key(|part| part.source);
            let shape: Vec<_> = taken.iter().map(|part| (part.source, part.units)).collect();
            if left == 0 && !known.contains(&shape) {
                known.push(shape);
                choices.push(taken);
            }
        }
        choices
    }

    fn compare_fits(&self, one: &Fit<'a>, other: &Fit<'a>) -> Ordering {
        let cost = |fit: &Fit<'a>| {
            let cost = fit
                .offer
                .offer
                .cost
                .and_then(|cost| self.ledger.minor(cost));
            (cost.is_none(), cost)
        };
        let source = |fit: &Fit<'a>| &self.sources[fit.source];
        let rules = &self.facts.settings.rules;
        rules
            .order
            .iter()
            .map(|comparison| match comparison {
                Comparison::Region => source(other).preferred.cmp(&source(one).preferred),
                Comparison::Cost => cost(one).cmp(&cost(other)),
                Comparison::Packages => other.most.cmp(&one.most),
                Comparison::Priority => {
                    let priority = |fit| source(fit).settings.priority;
                    priority(one).cmp(&priority(other))
                }
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or_else(|| one.source.cmp(&other.source))
    }

    /// Holds the line if an offer would fit but for something that has to be mended first.
    fn waits(&mut self, line: &Line) -> bool {
        let judged = self.lines.last().map_or(&[][..], |trace| &trace.judged);
        let proposal = judged.iter().find_map(|judged| {
            let first = judged.failed.first()?;
            Some(Proposal {
                kind: first.kind,
                cause: first.holds.clone()?,
                reason: format!("{}: {}", judged.supplier, first.why),
                lines: vec![line.id.clone()],
                again: false,
            })
        });
        proposal.map(|proposal| self.hold(proposal)).is_some()
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
                again,
            });
        }
    }

    fn place(&mut self, wanted: &[Wanted<'a>], path: &[usize]) -> Vec<PlannedPurchaseOrder> {
        let Some(channel) = self.facts.channel(self.order) else {
            return Vec::new();
        };
        let mut by_source: BTreeMap<usize, Vec<PurchaseOrderLine>> = BTreeMap::new();
        for (wanted, choice) in wanted.iter().zip(path) {
            let Some(sku) = wanted.line.sku.clone() else {
                continue;
            };
            self.open.remove(&wanted.line.id);
            for part in &wanted.choices[*choice] {
                let own = self
                    .lines
                    .iter_mut()
                    .find(|trace| trace.line == wanted.line.id);
                if let Some(trace) = own {
                    trace.chosen.push(Chosen {
                        supplier: part.offer.offer.supplier.clone(),
                        quantity: part.units,
                    });
                }
                by_source
                    .entry(part.source)
                    .or_default()
                    .push(PurchaseOrderLine {
                        line: wanted.line.id.clone(),
                        sku: sku.clone(),
                        supplier_sku: part.offer.offer.supplier_sku.clone(),
                        quantity: part.units,
                        cost: part.offer.offer.cost,
                        reserved: part.offer.stock.is_some(),
                    });
            }
        }
        let reference = reference(
            &self.content.sequential,
            &self.order.id,
            self.facts.reference_taken,
        );
        let used = u32::try_from(self.order.purchase_orders.len()).unwrap_or(u32::MAX);
        let mut planned = Vec::with_capacity(by_source.len());
        for ((source, lines), counter) in by_source.into_iter().zip(used + 1..) {
            let supplier = self.sources[source].settings;
            planned.push(PlannedPurchaseOrder {
                number: PurchaseOrderNumber::new(&channel.code, &reference, counter),
                supplier: supplier.id.clone(),
                lines,
                service: self.service(supplier),
                due: self.due(supplier),
            });
        }
        planned
    }

    fn service(&mut self, supplier: &SupplierSettings) -> Option<String> {
        let services = supplier.terms.services.as_ref()?;
        let chosen = self.content.shipping.as_ref();
        let (code, title) = chosen.map_or(("", ""), |chosen| (&chosen.code, &chosen.title));
        let service = services.service(code, title)?;
        self.notes.push(format!(
            "shipping method {title:?} is {service} at {}",
            supplier.id
        ));
        Some(service.to_owned())
    }

    fn due(&mut self, supplier: &SupplierSettings) -> Option<jiff::Timestamp> {
        let calendar = supplier.terms.calendar.as_ref()?;
        let opening = next_opening(calendar, self.facts.now);
        if opening <= self.facts.now {
            return None;
        }
        self.notes.push(format!(
            "{} is closed until {}",
            supplier.id,
            opening.to_zoned(calendar.zone.clone())
        ));
        Some(opening)
    }
}

/// Every criterion that the candidate fails. What excludes the offer goes before what holds the
/// line, which is no matter where the offer is out of the question.
fn failures(candidate: &Candidate, facts: &Facts) -> Vec<Failed> {
    let mut excluded = Vec::new();
    let mut holding = Vec::new();
    for criterion in CRITERIA {
        let failed = |kind, why, holds| Failed {
            criterion: criterion.name.to_owned(),
            kind,
            why,
            holds,
        };
        match (criterion.judge)(candidate, facts) {
            Judgement::Fits => {}
            Judgement::Excluded { kind, why } => excluded.push(failed(kind, why, None)),
            Judgement::Holds { kind, cause, why } => {
                holding.push(failed(kind, why, Some(cause)));
            }
        }
    }
    excluded.append(&mut holding);
    excluded
}

/// Stock that several lines draw from.
#[derive(Default)]
struct Pools {
    available: Vec<i64>,
}

impl Pools {
    fn assign(&mut self, wanted: &mut [Wanted]) {
        let mut lines_of: BTreeMap<(SupplierId, SupplierSku), (usize, bool, i64)> = BTreeMap::new();
        if wanted.len() < 2 {
            return;
        }
        let key = |part: &Part| {
            let offer = &part.offer.offer;
            (offer.supplier.clone(), offer.supplier_sku.clone())
        };
        for (line, wanted) in wanted.iter().enumerate() {
            for part in wanted.choices.iter().flatten() {
                if let Some(stock) = &part.offer.stock {
                    let entry = lines_of
                        .entry(key(part))
                        .or_insert((line, false, stock.available));
                    entry.1 |= entry.0 != line;
                }
            }
        }
        lines_of.retain(|_, (_, shared, _)| *shared);
        if lines_of.is_empty() {
            return;
        }
        let places: BTreeMap<_, usize> = lines_of.keys().cloned().zip(0..).collect();
        self.available = lines_of
            .values()
            .map(|(_, _, available)| *available)
            .collect();
        for part in wanted
            .iter_mut()
            .flat_map(|wanted| wanted.choices.iter_mut().flatten())
        {
            part.pool = places.get(&key(part)).copied();
        }
    }
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
