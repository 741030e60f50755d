//! What each line may be served with: the offers that fit it, whole or divided.

use super::Planner;
use crate::cases::CaseKind;
use crate::catalogue::OfferWithStock;
use crate::ids::{SupplierId, SupplierSku};
use crate::order::news::Line;
use crate::routing::grouping::{Choice, Part, Wanted};
use crate::routing::trace::{Failed, Judged, LineTrace};
use crate::routing::{CRITERIA, Candidate, Facts, Judgement, Proposal};
use crate::settings::{Comparison, Split};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// An offer that a line may take units from.
#[derive(Clone, Copy)]
struct Fit<'a> {
    source: usize,
    offer: &'a OfferWithStock,
    /// Fewer than the line wants, where only the stock is too small.
    most: u32,
}

impl<'a> Planner<'a> {
    /// Each way to serve the line; none where it is held.
    pub(super) fn choices(&mut self, line: &'a Line) -> Vec<Choice<'a>> {
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
            spends: match &self.sources[fit.source].budget {
                Some(budget) => budget.cost(cost, units).map(i128::from),
                None => Some(0),
            },
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
                most: None,
                again: false,
            })
        });
        proposal.map(|proposal| self.hold(proposal)).is_some()
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
pub(super) struct Pools {
    pub(super) available: Vec<i64>,
}

impl Pools {
    pub(super) fn assign<'a>(&mut self, wanted: &mut [Wanted<'a>]) {
        if wanted.len() < 2 {
            return;
        }
        let mut lines_of: BTreeMap<(&'a SupplierId, &'a SupplierSku), (usize, bool, i64)> =
            BTreeMap::new();
        let key = |part: &Part<'a>| {
            let offer = &part.offer.offer;
            (&offer.supplier, &offer.supplier_sku)
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
        let places: BTreeMap<_, usize> = lines_of.keys().copied().zip(0..).collect();
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
