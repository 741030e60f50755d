//! Which suppliers ship the lines together: every grouping is compared by what the merchant
//! configured, the first difference decides, and the best that breaks no rule is chosen.
//!
//! Single suppliers are looked at first, then the best of each line in turn, then every other way; a
//! branch that cannot become better than what is chosen is left. Of equal groupings the one wins
//! whose suppliers come first by priority and id, line by line. Beyond [`MOST_GROUPINGS`] not every
//! way is looked at.

mod explain;
mod search;

use super::constraints::Package;
use super::ledger::Ledger;
use super::source::Source;
use super::trace::GroupingTrace;
use crate::catalogue::OfferWithStock;
use crate::order::news::Line;
use crate::order::state::Order;
use crate::routing::violation::Violation;
use crate::settings::{Comparison, Rules, Split};
use search::Search;
use std::cmp::Ordering;

const MOST_GROUPINGS: usize = 4096;
/// Groupings that the trace shows beside the chosen one: the best of those that were looked at.
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
    /// In the currency of its supplier's spend limit; nothing where there is none.
    pub(super) spends: Option<i128>,
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

/// Nothing waits for room in a supplier's spend limit while there is a way without.
pub(super) fn choose(question: &Question) -> Answer {
    let answer = search(question, false);
    let limited = question
        .sources
        .iter()
        .any(|source| source.budget.is_some());
    if answer.chosen.is_none() && limited {
        search(question, true)
    } else {
        answer
    }
}

fn search(question: &Question, waits: bool) -> Answer {
    let mut search = Search::new(question, waits);
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
    elsewhere: u64,
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
