//! What one commit can hold: a store writes it as a whole, and `DynamoDB` writes at most a hundred
//! rows as a whole. What does not fit follows in the next commit, its units waiting meanwhile.

use crate::order::purchase_order::PurchaseOrderLine;
use crate::order::state::Order;
use crate::order::topics::routing::PlannedPurchaseOrder;
use crate::purchase_order_number::PurchaseOrderNumber;
use std::collections::BTreeSet;

/// Of a hundred, the state and the trace not counted, and some left over.
const MOST_ROWS: usize = 96;
/// Articles of one purchase order whose stock is reserved: two rows for each, and the purchase
/// order's own. Further ones are sent as if their stock were not tracked.
pub(super) const MOST_RESERVED: usize = 45;

/// The part that goes first, and whether something is left.
pub(super) fn first(
    order: &Order,
    mut void: Vec<(PurchaseOrderNumber, String)>,
    mut planned: Vec<PlannedPurchaseOrder>,
) -> (
    Vec<(PurchaseOrderNumber, String)>,
    Vec<PlannedPurchaseOrder>,
    bool,
) {
    let mut room = Room {
        left: MOST_ROWS,
        is_empty: true,
    };
    let voided = void.iter().take_while(|(number, _)| {
        let lines = order
            .purchase_order(number)
            .map_or(&[][..], |own| &own.lines);
        room.takes(lines)
    });
    let voided = voided.count();
    if voided < void.len() {
        void.truncate(voided);
        // They were planned as if everything had been voided.
        return (void, Vec::new(), true);
    }
    let fit = planned
        .iter()
        .take_while(|own| room.takes(&own.lines))
        .count();
    let rest = fit < planned.len();
    planned.truncate(fit);
    (void, planned, rest)
}

struct Room {
    left: usize,
    is_empty: bool,
}

impl Room {
    /// A purchase order's number, its place in a batch and what it spends; for each article the stock
    /// and the reservation. The first is always taken.
    fn takes(&mut self, lines: &[PurchaseOrderLine]) -> bool {
        let reserved = lines.iter().filter(|line| line.reserved);
        let articles: BTreeSet<_> = reserved.map(|line| &line.supplier_sku).collect();
        let rows = 3 + 2 * articles.len();
        let fits = rows <= self.left || self.is_empty;
        self.is_empty = false;
        self.left = if fits {
            self.left.saturating_sub(rows)
        } else {
            0
        };
        fits
    }
}
