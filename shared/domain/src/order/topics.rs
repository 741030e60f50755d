//! What can happen to an order, by who made it happen. A topic is one file: its events, what each of
//! them does to the state, and how it reads. One line of `order/events.rs` lists it.

pub mod channel;
pub mod person;
pub mod routing;
pub mod sending;
pub mod supplier;

use crate::ids::{LineId, Sku};
use crate::order::answer::By;
use crate::order::news::Latest;
use crate::order::state::Order;
use crate::refusal::Refusal;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What every event answers, so that nobody beside its topic lists the events.
pub trait Topic {
    /// Puts the event onto the state; refuses what the state does not allow.
    fn apply(&self, order: &mut Order, at: Timestamp) -> Result<(), Refusal>;

    /// One line for each thing that happened, to be read alone.
    fn describe(&self, names: &LineNames) -> Vec<String>;

    /// The metric that counts the event, where one does.
    fn metric(&self) -> Option<&'static str> {
        None
    }

    /// The routing decision, where the event is one: it plans purchase orders.
    fn routed(&self) -> Option<&routing::Routed> {
        None
    }

    /// The channel's description of the order, where the event brings another one.
    fn snapshot(&self) -> Option<&Latest> {
        None
    }

    /// The event only says that a message changed nothing; the timeline leaves it out beside another
    /// event of the same message.
    fn is_silent_beside_others(&self) -> bool {
        false
    }

    /// The event is one that a message reports beside the order's content.
    fn is_beside_content(&self) -> bool {
        false
    }
}

/// The SKUs of lines, as far as the history reports them.
pub struct LineNames<'a>(BTreeMap<&'a LineId, &'a Sku>);

impl<'a> LineNames<'a> {
    pub fn new(snapshots: impl Iterator<Item = &'a Latest>) -> Self {
        let lines = snapshots.flat_map(|latest| &latest.content.lines);
        Self(
            lines
                .filter_map(|line| Some((&line.id, line.sku.as_ref()?)))
                .collect(),
        )
    }

    /// `2 x MUG`, or the line where its SKU is not known.
    fn units(&self, line: &LineId, quantity: u32) -> String {
        self.0.get(line).map_or_else(
            || format!("{quantity} of line {line}"),
            |sku| format!("{quantity} x {sku}"),
        )
    }
}

/// The end of a line that says who reported it.
fn reported_by(by: &By) -> String {
    match by {
        By::Answer => String::new(),
        By::LookUp => ", a look-up said".to_owned(),
        By::Notice => ", the supplier reported".to_owned(),
        By::Batch => ", as the file of its batch says".to_owned(),
        By::MailService => ", the mail service reported".to_owned(),
        By::Configuration => ", by other settings".to_owned(),
        By::Person { who, why } => format!(", {who} said: {why}"),
    }
}

fn total(lines: &BTreeMap<LineId, u32>) -> u32 {
    lines.values().copied().fold(0, u32::saturating_add)
}
