//! Which suppliers ship the lines together: every grouping is compared by what the merchant
//! configured, the first difference decides, and the best that breaks no rule is chosen.
//!
//! The search goes through the choices of each line in the order of priority and supplier id, so
//! that of equal groupings the first found is the one that this order prefers. A branch that cannot
//! become better than what is known is left. Beyond [`MOST_GROUPINGS`] it goes line by line.

use super::CONSTRAINTS;
use super::constraints::{Grouping, Package, Violation};
use super::ledger::Ledger;
use super::source::Source;
use super::trace::GroupingTrace;
use crate::catalogue::OfferWithStock;
use crate::ids::SupplierId;
use crate::money::BasisPoints;
use crate::order::Order;
use crate::order::news::Line;
use crate::settings::{Comparison, Rules, Split};
use std::cmp::Ordering;

pub(super) const MOST_GROUPINGS: usize = 4096;
/// Groupings that the trace shows beside the chosen one.
const SHOWN: usize = 4;

/// Units of one line from one offer.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    pub(super) offer: &'a OfferWithStock,
    /// Place among the sources.
    pub(super) source: usize,
    pub(super) units: u32,
    pub(super) cost: Option<i128>,
    pub(super) value: Option<i128>,
    /// Place among the pools of stock that several lines draw from.
    pub(super) pool: Option<usize>,
}

/// One part, or several where the line is divided.
pub(super) type Choice<'a> = Vec<Part<'a>>;

pub(super) struct Wanted<'a> {
    pub(super) line: &'a Line,
    /// The best by priority and supplier id first; never empty.
    pub(super) choices: Vec<Choice<'a>>,
}

pub(super) struct Question<'a> {
    pub(super) order: &'a Order,
    pub(super) rules: &'a Rules,
    pub(super) ledger: Ledger<'a>,
    /// In the order of priority and id.
    pub(super) sources: &'a [Source<'a>],
    pub(super) wanted: &'a [Wanted<'a>],
    /// Units available in each shared stock.
    pub(super) pools: &'a [i64],
    pub(super) destination: String,
}

pub(super) struct Answer {
    /// The choice of each line.
    pub(super) chosen: Option<Vec<usize>>,
    /// Of the best grouping, where every one breaks a rule.
    pub(super) violation: Option<Violation>,
    /// A shared stock was too small for something.
    pub(super) short: bool,
    pub(super) decision: String,
    pub(super) groupings: Vec<GroupingTrace>,
}

pub(super) fn choose(question: &Question) -> Answer {
    let mut search = Search::new(question);
    let mut greedy = false;
    match question.rules.split {
        Split::Never => search.singles(),
        Split::PreferSingle => {
            search.singles();
            if search.chosen.is_none() {
                greedy = search.all();
            }
        }
        Split::Allow => greedy = search.all(),
    }
    search.answer(greedy)
}

/// What is compared; less is better.
#[derive(Debug, Clone, Copy)]
struct Key {
    elsewhere: u32,
    /// An unknown cost comes after every known one.
    unknown: bool,
    cost: i128,
    packages: u32,
}

#[derive(Debug, Clone)]
struct Considered {
    key: Key,
    path: Vec<usize>,
    packages: Vec<Package>,
    violation: Option<Violation>,
}

/// What a source ships in the branch that is being looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    parts: u32,
    units: u32,
    items: i128,
    unknown: u32,
    value: i128,
    unpriced: u32,
}

struct Search<'q, 'a> {
    question: &'q Question<'a>,
    loads: Vec<Load>,
    drawn: Vec<i64>,
    path: Vec<usize>,
    /// Of the lines from here on, the least that their articles can cost.
    rest: Vec<i128>,
    least: Vec<i128>,
    elsewhere: u32,
    items: i128,
    unknown: u32,
    fixed: i128,
    packages: u32,
    /// The best, whether they break a rule or not.
    shown: Vec<Considered>,
    chosen: Option<Considered>,
    compared: usize,
    short: bool,
}

impl<'q, 'a> Search<'q, 'a> {
    fn new(question: &'q Question<'a>) -> Self {
        let mut rest = vec![0; question.wanted.len() + 1];
        for (place, wanted) in question.wanted.iter().enumerate().rev() {
            let costs = wanted
                .choices
                .iter()
                .map(|choice| choice.iter().filter_map(|part| part.cost).sum::<i128>());
            rest[place] = rest[place + 1] + costs.min().unwrap_or(0);
        }
        Self {
            question,
            loads: vec![Load::default(); question.sources.len()],
            drawn: vec![0; question.pools.len()],
            path: Vec::with_capacity(question.wanted.len()),
            rest,
            least: question.sources.iter().map(Source::least).collect(),
            elsewhere: 0,
            items: 0,
            unknown: 0,
            fixed: 0,
            packages: 0,
            shown: Vec::with_capacity(SHOWN + 1),
            chosen: None,
            compared: 0,
            short: false,
        }
    }

    /// Every supplier that has a choice for each line.
    fn singles(&mut self) {
        for source in 0..self.question.sources.len() {
            let path: Option<Vec<usize>> = self
                .question
                .wanted
                .iter()
                .map(|wanted| {
                    wanted
                        .choices
                        .iter()
                        .position(|choice| choice.iter().all(|part| part.source == source))
                })
                .collect();
            if let Some(path) = path {
                self.follow(&path);
            }
        }
    }

    /// Whether it had to go line by line.
    fn all(&mut self) -> bool {
        let count = self
            .question
            .wanted
            .iter()
            .try_fold(1_usize, |count, wanted| {
                count.checked_mul(wanted.choices.len())
            });
        if count.is_some_and(|count| count <= MOST_GROUPINGS) {
            self.descend();
            return false;
        }
        self.singles();
        let path = self.line_by_line();
        self.follow(&path);
        true
    }

    fn follow(&mut self, path: &[usize]) {
        let mut fits = true;
        for (place, choice) in path.iter().enumerate() {
            fits &= self.put(place, *choice);
        }
        if fits {
            self.consider();
        }
        while let Some(choice) = self.path.last().copied() {
            self.take_back(self.path.len() - 1, choice);
        }
    }

    fn descend(&mut self) {
        let place = self.path.len();
        let Some(wanted) = self.question.wanted.get(place) else {
            self.consider();
            return;
        };
        for choice in 0..wanted.choices.len() {
            if self.put(place, choice) && !self.is_hopeless() {
                self.descend();
            }
            self.take_back(place, choice);
        }
    }

    /// The best next choice of each line with those before it, and not beyond the most packages
    /// where that can be kept.
    fn line_by_line(&mut self) -> Vec<usize> {
        let live = self.question.order.live().count();
        let most = self.question.rules.max_packages.unwrap_or(u32::MAX);
        for (place, wanted) in self.question.wanted.iter().enumerate() {
            let mut best: Option<(bool, Key, usize)> = None;
            for choice in 0..wanted.choices.len() {
                let fits = self.put(place, choice);
                let packages = usize::try_from(self.packages).unwrap_or(usize::MAX) + live;
                let beyond = packages > usize::try_from(most).unwrap_or(usize::MAX);
                let key = self.bound();
                let better = best.is_none_or(|(known_beyond, known, index)| {
                    let priorities = || {
                        let of = |choice| self.priority(place, choice);
                        of(choice).cmp(&of(index))
                    };
                    beyond
                        .cmp(&known_beyond)
                        .then_with(|| self.compare_keys(&key, &known, priorities))
                        .is_lt()
                });
                if fits && better {
                    best = Some((beyond, key, choice));
                }
                self.take_back(place, choice);
            }
            self.put(place, best.map_or(0, |(_, _, choice)| choice));
        }
        let path = self.path.clone();
        while let Some(choice) = self.path.last().copied() {
            self.take_back(self.path.len() - 1, choice);
        }
        path
    }

    /// `false` where a shared stock is too small for it; it is put all the same.
    fn put(&mut self, place: usize, choice: usize) -> bool {
        self.path.push(choice);
        let mut fits = true;
        for part in &self.question.wanted[place].choices[choice] {
            let load = &mut self.loads[part.source];
            if load.parts == 0 {
                self.packages += 1;
                self.fixed += self.least[part.source];
            }
            load.parts += 1;
            load.units += part.units;
            match part.cost {
                Some(cost) => {
                    load.items += cost;
                    self.items += cost;
                }
                None => {
                    load.unknown += 1;
                    self.unknown += 1;
                }
            }
            match part.value {
                Some(value) => load.value += value,
                None => load.unpriced += 1,
            }
            if !self.question.sources[part.source].preferred {
                self.elsewhere += part.units;
            }
            if let Some(pool) = part.pool {
                self.drawn[pool] += i64::from(part.units);
                fits &= self.drawn[pool] <= self.question.pools[pool];
            }
        }
        self.short |= !fits;
        fits
    }

    fn take_back(&mut self, place: usize, choice: usize) {
        self.path.pop();
        for part in &self.question.wanted[place].choices[choice] {
            let load = &mut self.loads[part.source];
            load.parts -= 1;
            load.units -= part.units;
            if load.parts == 0 {
                self.packages -= 1;
                self.fixed -= self.least[part.source];
            }
            match part.cost {
                Some(cost) => {
                    load.items -= cost;
                    self.items -= cost;
                }
                None => {
                    load.unknown -= 1;
                    self.unknown -= 1;
                }
            }
            match part.value {
                Some(value) => load.value -= value,
                None => load.unpriced -= 1,
            }
            if !self.question.sources[part.source].preferred {
                self.elsewhere -= part.units;
            }
            if let Some(pool) = part.pool {
                self.drawn[pool] -= i64::from(part.units);
            }
        }
    }

    /// No grouping of this branch has a lesser key.
    fn bound(&self) -> Key {
        Key {
            elsewhere: self.elsewhere,
            unknown: self.unknown > 0,
            cost: if self.unknown > 0 {
                0
            } else {
                self.items + self.rest[self.path.len()] + self.fixed
            },
            packages: self.packages,
        }
    }

    fn is_hopeless(&self) -> bool {
        let bound = self.bound();
        // What is equal at best comes later, and the first of equals wins.
        let worse = |known: &Considered| self.compare(&bound, known).is_ge();
        self.chosen.as_ref().is_some_and(worse)
            && self.shown.len() >= SHOWN
            && self.shown.last().is_some_and(worse)
    }

    /// The branch's key with what is known of another grouping.
    fn compare(&self, key: &Key, known: &Considered) -> Ordering {
        self.compare_keys(key, &known.key, || {
            self.path
                .iter()
                .zip(&known.path)
                .enumerate()
                .map(|(place, (own, other))| {
                    self.priority(place, *own)
                        .cmp(&self.priority(place, *other))
                })
                .find(|ordering| ordering.is_ne())
                .unwrap_or(Ordering::Equal)
        })
    }

    fn compare_keys(&self, one: &Key, other: &Key, priorities: impl Fn() -> Ordering) -> Ordering {
        self.question
            .rules
            .order
            .iter()
            .map(|comparison| compare_by(*comparison, one, other, &priorities))
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    fn priority(&self, place: usize, choice: usize) -> u32 {
        let parts = &self.question.wanted[place].choices[choice];
        parts.first().map_or(u32::MAX, |part| {
            self.question.sources[part.source].settings.priority
        })
    }

    /// A whole grouping: kept where it is among the best.
    fn consider(&mut self) {
        self.compared += 1;
        let mut key = self.bound();
        key.cost = self.items;
        for (load, source) in self.loads.iter().zip(self.question.sources) {
            if load.parts > 0 {
                match source.fee.zip(source.shipping(load.units)) {
                    Some((fee, shipping)) => key.cost += fee + shipping,
                    None => key.unknown = true,
                }
            }
        }
        if key.unknown {
            key.cost = 0;
        }
        let less = |known: &Considered| self.compare(&key, known).is_lt();
        let better = self.chosen.as_ref().is_none_or(less);
        let place = self.shown.iter().position(less).unwrap_or(self.shown.len());
        let show = place < SHOWN && !self.shown.iter().any(|known| known.path == self.path);
        if !better && !show {
            return;
        }
        let packages = self.packages();
        let considered = Considered {
            key,
            path: self.path.clone(),
            violation: self.violation(&packages),
            packages,
        };
        if better && considered.violation.is_none() {
            self.chosen = Some(considered.clone());
        }
        if show {
            self.shown.insert(place, considered);
            self.shown.truncate(SHOWN);
        }
    }

    fn packages(&self) -> Vec<Package> {
        let loads = self.loads.iter().zip(self.question.sources).enumerate();
        loads
            .filter(|(_, (load, _))| load.parts > 0)
            .map(|(place, (load, source))| Package {
                source: place,
                items: (load.unknown == 0).then_some(load.items),
                fee: source.fee,
                shipping: source.shipping(load.units),
                value: (load.unpriced == 0).then_some(load.value),
            })
            .collect()
    }

    /// The first rule that it breaks and nobody released.
    fn violation(&self, packages: &[Package]) -> Option<Violation> {
        let grouping = self.grouping(packages);
        let released = &self.question.order.released;
        CONSTRAINTS
            .iter()
            .filter_map(|constraint| (constraint.check)(&grouping))
            .find(|found| {
                released.is_empty() || !released.contains(&(found.kind, found.cause.clone()))
            })
    }

    fn grouping<'g>(&'g self, packages: &'g [Package]) -> Grouping<'g> {
        Grouping {
            order: self.question.order,
            rules: self.question.rules,
            ledger: self.question.ledger,
            sources: self.question.sources,
            packages,
        }
    }

    fn answer(self, greedy: bool) -> Answer {
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
        let mut decision = match &self.chosen {
            Some(best) if self.compared == 1 => format!("{}: the only one", self.names(best)),
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
            compare_by(*comparison, &known.key, &best.key, &priorities).is_ne()
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

fn compare_by(
    comparison: Comparison,
    one: &Key,
    other: &Key,
    priorities: impl Fn() -> Ordering,
) -> Ordering {
    match comparison {
        Comparison::Region => one.elsewhere.cmp(&other.elsewhere),
        Comparison::Cost => (one.unknown, one.cost).cmp(&(other.unknown, other.cost)),
        Comparison::Packages => one.packages.cmp(&other.packages),
        Comparison::Priority => priorities(),
    }
}
