//! The history of an order for people: a line an event, with the reason.

use crate::order::events::Recorded;
use crate::order::topics::LineNames;
use jiff::Timestamp;

/// `text` reads alone; times are UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    pub text: String,
}

pub fn timeline(history: &[Recorded]) -> Vec<Entry> {
    let snapshots = history
        .iter()
        .filter_map(|recorded| recorded.event.snapshot());
    let names = LineNames::new(snapshots);
    let is_left_out = |at: usize, recorded: &Recorded| {
        let next = history.get(at + 1);
        recorded.event.is_silent_beside_others()
            && next.is_some_and(|next| next.at == recorded.at && next.event.is_beside_content())
    };
    let entries = history
        .iter()
        .enumerate()
        .filter(|(at, recorded)| !is_left_out(*at, recorded))
        .flat_map(|(_, recorded)| {
            let texts = recorded.event.describe(&names).into_iter();
            texts.map(|text| Entry {
                at: recorded.at,
                text,
            })
        });
    entries.collect()
}
