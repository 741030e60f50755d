//! The way through the groupings: units are put to suppliers line by line and taken back.

use super::{Considered, Key, MOST_GROUPINGS, Question, SHOWN, compare_by};
use crate::routing::CONSTRAINTS;
use crate::routing::constraints::{Grouping, Package};
use crate::routing::source::Source;
use crate::routing::violation::Violation;
use std::cmp::Ordering;

/// A sum that can be taken back; not known while one of its amounts is not.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    known: i128,
    unknown: u32,
}

impl Sum {
    fn add(&mut self, amount: Option<i128>) {
        if let Some(amount) = amount {
            self.known += amount;
        } else {
            self.unknown += 1;
        }
    }

    fn take_back(&mut self, amount: Option<i128>) {
        if let Some(amount) = amount {
            self.known -= amount;
        } else {
            self.unknown -= 1;
        }
    }

    fn total(self) -> Option<i128> {
        (self.unknown == 0).then_some(self.known)
    }
}

/// What a source ships in the branch that is being looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    parts: u32,
    units: u64,
    items: Sum,
    value: Sum,
    spends: Sum,
}

pub(super) struct Search<'q, 'a> {
    pub(super) question: &'q Question<'a>,
    waits: bool,
    loads: Vec<Load>,
    drawn: Vec<i64>,
    path: Vec<usize>,
    /// Of the lines from here on, the least that their articles can cost.
    rest: Vec<i128>,
    least: Vec<i128>,
    elsewhere: u64,
    items: Sum,
    fixed: i128,
    packages: u32,
    /// The best, whether they break a rule or not.
    pub(super) shown: Vec<Considered>,
    pub(super) chosen: Option<Considered>,
    pub(super) short: bool,
}

impl<'q, 'a> Search<'q, 'a> {
    pub(super) fn new(question: &'q Question<'a>, waits: bool) -> Self {
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
            waits,
            loads: vec![Load::default(); question.sources.len()],
            drawn: vec![0; question.pools.len()],
            path: Vec::with_capacity(question.wanted.len()),
            rest,
            least: question.sources.iter().map(Source::least).collect(),
            elsewhere: 0,
            items: Sum::default(),
            fixed: 0,
            packages: 0,
            shown: Vec::with_capacity(SHOWN + 1),
            chosen: None,
            short: false,
        }
    }

    /// Every supplier that has a choice for each line.
    pub(super) fn singles(&mut self) {
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

    /// Whether it had to go line by line. What the first looks find makes most branches hopeless.
    pub(super) fn all(&mut self) -> bool {
        self.singles();
        let path = self.line_by_line();
        self.follow(&path);
        let count = self
            .question
            .wanted
            .iter()
            .try_fold(1_usize, |count, wanted| {
                count.checked_mul(wanted.choices.len())
            });
        let countable = count.is_some_and(|count| count <= MOST_GROUPINGS);
        if countable {
            self.descend();
        }
        !countable
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
            load.units += u64::from(part.units);
            load.items.add(part.cost);
            load.value.add(part.value);
            load.spends.add(part.spends);
            self.items.add(part.cost);
            if !self.question.sources[part.source].preferred {
                self.elsewhere += u64::from(part.units);
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
            load.units -= u64::from(part.units);
            if load.parts == 0 {
                self.packages -= 1;
                self.fixed -= self.least[part.source];
            }
            load.items.take_back(part.cost);
            load.value.take_back(part.value);
            load.spends.take_back(part.spends);
            self.items.take_back(part.cost);
            if !self.question.sources[part.source].preferred {
                self.elsewhere -= u64::from(part.units);
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
            unknown: self.items.unknown > 0,
            cost: self
                .items
                .total()
                .map_or(0, |items| items + self.rest[self.path.len()] + self.fixed),
            packages: self.packages,
        }
    }

    fn is_hopeless(&self) -> bool {
        let bound = self.bound();
        let worse = |known: &Considered| self.compare(&bound, known).is_gt();
        self.chosen.as_ref().is_some_and(worse)
    }

    /// The branch's key with what is known of another grouping; of equals the one goes first whose
    /// suppliers do by priority and id, line by line.
    fn compare(&self, key: &Key, known: &Considered) -> Ordering {
        let priorities = || {
            let places = self.path.iter().zip(&known.path).enumerate();
            places
                .map(|(place, (own, other))| {
                    self.priority(place, *own)
                        .cmp(&self.priority(place, *other))
                })
                .find(|ordering| ordering.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        self.compare_keys(key, &known.key, priorities)
            .then_with(|| {
                let common = self.path.len().min(known.path.len());
                self.path[..common].cmp(&known.path[..common])
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

    pub(super) fn priority(&self, place: usize, choice: usize) -> u32 {
        let parts = &self.question.wanted[place].choices[choice];
        parts.first().map_or(u32::MAX, |part| {
            self.question.sources[part.source].settings.priority
        })
    }

    /// A whole grouping: kept where it is among the best.
    fn consider(&mut self) {
        let mut key = self.bound();
        key.cost = self.items.known;
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
                items: load.items.total(),
                fee: source.fee,
                shipping: source.shipping(load.units),
                value: load.value.total(),
                spends: source.budget.as_ref().and_then(|budget| {
                    let items = i64::try_from(load.spends.total()?).ok()?;
                    items.checked_add(budget.fee?)
                }),
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

    pub(super) fn grouping<'g>(&'g self, packages: &'g [Package]) -> Grouping<'g> {
        Grouping {
            order: self.question.order,
            rules: self.question.rules,
            ledger: self.question.ledger,
            sources: self.question.sources,
            packages,
            waits: self.waits,
        }
    }
}
