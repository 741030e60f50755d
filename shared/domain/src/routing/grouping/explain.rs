//! What the search found, in words and figures.

use super::search::Search;
use super::{Answer, Considered, SHOWN, compare_by};
use crate::ids::SupplierId;
use crate::money::BasisPoints;
use crate::routing::constraints::Package;
use crate::routing::trace::GroupingTrace;
use crate::settings::Comparison;

impl Search<'_, '_> {
    pub(super) fn answer(self, greedy: bool) -> Answer {
        let mut groupings = Vec::with_capacity(SHOWN + 1);
        if let Some(chosen) = &self.chosen {
            groupings.push(self.trace(chosen, "chosen".to_owned()));
        }
        let mut decided = None;
        for known in &self.shown {
            if self
                .chosen
                .as_ref()
                .is_some_and(|best| best.path == known.path)
            {
                continue;
            }
            let verdict = match (&known.violation, &self.chosen) {
                (Some(violation), _) => violation.reason.clone(),
                (None, Some(best)) => {
                    let (rule, verdict) = self.difference(known, best);
                    decided = decided.or(Some(rule));
                    verdict
                }
                // Nothing breaks a rule and nothing is chosen: there is no such state.
                (None, None) => String::new(),
            };
            groupings.push(self.trace(known, verdict));
        }
        let ways = self.question.wanted.iter();
        let only = ways
            .map(|wanted| wanted.choices.len())
            .all(|ways| ways == 1);
        let mut decision = match &self.chosen {
            Some(best) if only => format!("{}: the only way", self.names(best)),
            Some(best) if self.shown.len() == 1 && best.packages.len() == 1 => {
                format!("{}: no other supplier fits every line", self.names(best))
            }
            Some(best) => format!(
                "{}: decided by {}",
                self.names(best),
                decided.unwrap_or("the rules that the others break")
            ),
            None if self.shown.is_empty() => "no supplier fits every line".to_owned(),
            None => "every grouping breaks a rule".to_owned(),
        };
        if greedy {
            decision.push_str(
                "; too many to compare all, so that it was chosen line by line and a better one may exist",
            );
        }
        let violation = match &self.chosen {
            Some(_) => None,
            None => self.shown.first().and_then(|best| best.violation.clone()),
        };
        Answer {
            chosen: self.chosen.map(|best| best.path),
            violation,
            short: self.short,
            decision,
            groupings,
        }
    }

    fn suppliers(&self, known: &Considered) -> Vec<SupplierId> {
        let sources = known
            .packages
            .iter()
            .filter_map(|package| self.question.sources.get(package.source));
        sources.map(|source| source.settings.id.clone()).collect()
    }

    fn names(&self, known: &Considered) -> String {
        let names: Vec<_> = self
            .suppliers(known)
            .iter()
            .map(ToString::to_string)
            .collect();
        names.join(" + ")
    }

    fn trace(&self, known: &Considered, verdict: String) -> GroupingTrace {
        let grouping = self.grouping(&known.packages);
        let ledger = self.question.ledger;
        let total = |of: fn(&Package) -> Option<i128>| {
            let sum: Option<i128> = known.packages.iter().map(of).sum();
            sum.and_then(|sum| ledger.money(sum))
        };
        let margin = grouping.value().zip(grouping.landed());
        let margin = margin.and_then(|(value, landed)| BasisPoints::of(value - landed, value));
        GroupingTrace {
            suppliers: self.suppliers(known),
            landed: total(Package::landed),
            items: total(|package| package.items),
            fees: total(|package| package.fee),
            shipping: total(|package| package.shipping),
            margin_basis_points: margin.map(|margin| margin.0),
            units_elsewhere: known.key.elsewhere,
            verdict,
        }
    }

    /// The rule by which `known` is worse than `best`, and how.
    fn difference(&self, known: &Considered, best: &Considered) -> (&'static str, String) {
        let priorities = || {
            let of = |path: &[usize]| -> Vec<u32> {
                let choices = path.iter().enumerate();
                choices
                    .map(|(place, choice)| self.priority(place, *choice))
                    .collect()
            };
            of(&known.path).cmp(&of(&best.path))
        };
        let ledger = self.question.ledger;
        let differs = |comparison: &Comparison| {
            compare_by(*comparison, &known.key, &best.key, priorities).is_ne()
        };
        let Some(comparison) = self.question.rules.order.iter().copied().find(differs) else {
            return ("priority", "equal, and later by priority or id".to_owned());
        };
        let verdict = match comparison {
            Comparison::Region => format!(
                "{} units from suppliers that do not prefer {}, not {}",
                known.key.elsewhere, self.question.destination, best.key.elsewhere
            ),
            Comparison::Cost if known.key.unknown => "its cost is not known".to_owned(),
            Comparison::Cost => {
                format!("costs {} more", ledger.show(known.key.cost - best.key.cost))
            }
            Comparison::Packages => {
                format!("{} packages, not {}", known.key.packages, best.key.packages)
            }
            Comparison::Priority => "later by priority".to_owned(),
        };
        (comparison.name(), verdict)
    }
}
