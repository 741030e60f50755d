//! Whether the refusals of a supplier are still believed.
//!
//! A refusal that does not say why may be about anything: the article, or a field that the supplier
//! requires since yesterday. One is believed and the order goes to another supplier. When three
//! different orders in a row are refused so, the supplier's answers are not understood any more: a
//! person is told once, and further ones are held instead of moved to a dearer supplier.

use crate::ids::OrderId;
use serde::{Deserialize, Serialize};

/// Different orders in a row that are refused without a reason before a person is told.
pub const UNEXPLAINED_BEFORE_INCIDENT: usize = 3;

/// The orders that one supplier refused without saying why since it last accepted one. Stored for
/// each supplier, and only while there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalStreak {
    /// Different ones, the oldest first; not more than [`UNEXPLAINED_BEFORE_INCIDENT`].
    orders: Vec<OrderId>,
    /// The incident was opened for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reported: bool,
}

/// What follows from a refusal that does not say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterUnexplained {
    /// It is believed: routing may try another supplier.
    Believe,
    /// It is believed, and it is the one that opens the incident.
    Report,
    /// The incident is open: the order waits for a person.
    Hold,
}

impl RefusalStreak {
    /// The streak with one more refusal, and what follows from it. `is_open`: the supplier's incident
    /// `supplier-answers-unknown` is open. A person who closes it begins a new count.
    #[must_use]
    pub fn with(mut self, order: &OrderId, is_open: bool) -> (Self, AfterUnexplained) {
        if is_open {
            return (self, AfterUnexplained::Hold);
        }
        if self.reported {
            self = Self::default();
        }
        if !self.orders.contains(order) {
            self.orders.push(order.clone());
        }
        if self.orders.len() < UNEXPLAINED_BEFORE_INCIDENT {
            return (self, AfterUnexplained::Believe);
        }
        self.reported = true;
        (self, AfterUnexplained::Report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AfterUnexplained::{Believe, Hold, Report};

    fn order(number: u32) -> OrderId {
        OrderId::parse(&format!("acme/{number}")).unwrap()
    }

    /// Plays refusals of these orders; `is_open` follows from the reports until `closed_before`.
    fn played(orders: &[u32], closed_before: Option<usize>) -> Vec<AfterUnexplained> {
        let mut streak = RefusalStreak::default();
        let mut is_open = false;
        let mut played = Vec::new();
        for (at, number) in orders.iter().enumerate() {
            is_open &= closed_before != Some(at);
            let (next, after) = streak.with(&order(*number), is_open);
            streak = next;
            is_open |= after == Report;
            played.push(after);
        }
        played
    }

    #[test]
    fn the_third_order_reports_and_the_fourth_is_held() {
        assert_eq!(
            played(&[1, 2, 3, 4, 5], None),
            [Believe, Believe, Report, Hold, Hold]
        );
    }

    #[test]
    fn one_order_that_is_refused_again_and_again_counts_once() {
        assert_eq!(
            played(&[1, 1, 1, 2, 1, 2, 3], None),
            [Believe, Believe, Believe, Believe, Believe, Believe, Report]
        );
    }

    #[test]
    fn closing_the_incident_begins_a_new_count() {
        let after = played(&[1, 2, 3, 4, 5, 6, 7, 8], Some(4));
        assert_eq!(
            after,
            [
                Believe, Believe, Report, Hold, Believe, Believe, Report, Hold
            ]
        );
    }

    /// A page opened it: what follows is not understood either.
    #[test]
    fn an_open_incident_holds_the_first_already() {
        let (streak, after) = RefusalStreak::default().with(&order(1), true);
        assert_eq!((streak, after), (RefusalStreak::default(), Hold));
    }

    #[test]
    fn it_is_stored_as_it_is() {
        let (streak, _) = RefusalStreak::default().with(&order(1), false);
        let stored = serde_json::to_string(&streak).unwrap();
        assert_eq!(stored, r#"{"orders":["acme/1"]}"#);
        assert_eq!(
            serde_json::from_str::<RefusalStreak>(&stored).unwrap(),
            streak
        );
    }
}
