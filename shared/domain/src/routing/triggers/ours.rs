//! Units that are never ours to forward: test orders, orders from before the start, what needs no
//! shipping, what somebody else fulfils or has fulfilled, and what the merchant ships himself.

use super::super::{Facts, Verdict};
use crate::ids::LineId;
use crate::order::news::{Content, Line};
use crate::order::{Order, PurchaseOrder};

const ALREADY_FULFILLED: &str = "already fulfilled";

pub(in crate::routing) fn check(order: &Order, content: &Content, facts: &Facts) -> Verdict {
    let whole = if content.test {
        Some("test order".to_owned())
    } else {
        facts
            .channel(order)
            .filter(|channel| content.placed_at < channel.start_from)
            .map(|channel| format!("placed before start_from, {}", channel.start_from))
    };
    let mut skipped = Vec::new();
    for line in &content.lines {
        let own_shelf = facts.offers.iter().any(|offer| {
            Some(&offer.offer.sku) == line.sku.as_ref() && offer.offer.not_dropshipped
        });
        let why = whole
            .clone()
            .or_else(|| line.not_ours.clone())
            .or_else(|| own_shelf.then(|| "not dropshipped".to_owned()));
        if let Some(why) = why {
            skipped.push((line.id.clone(), line.quantity, why));
            continue;
        }
        let elsewhere = elsewhere(order, line);
        if elsewhere > 0 {
            skipped.push((line.id.clone(), elsewhere, ALREADY_FULFILLED.to_owned()));
        }
    }
    if skipped.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Skip(skipped)
    }
}

/// The merchant shipped units himself that this purchase order, which nobody has yet, asks for.
pub(in crate::routing) fn shipped_elsewhere(
    order: &Order,
    own: &PurchaseOrder,
    content: &Content,
) -> bool {
    content.lines.iter().any(|line| {
        let spoken_for = elsewhere(order, line).saturating_add(order.allocated(&line.id));
        own.quantity_of(&line.id) > 0 && spoken_for > line.quantity
    })
}

/// What we handed over ourselves may be reported back as fulfilled; only the rest is another's, and
/// what was another's before we handed anything over stays so.
fn elsewhere(order: &Order, line: &Line) -> u32 {
    line.fulfilled
        .saturating_sub(order.handed_over(&line.id))
        .max(fulfilled_before(order, &line.id).min(line.fulfilled))
}

/// Units that the last plan found fulfilled by somebody else.
fn fulfilled_before(order: &Order, line: &LineId) -> u32 {
    order
        .routing
        .iter()
        .flat_map(|routing| &routing.not_ours)
        .filter(|entry| &entry.line == line && entry.why == ALREADY_FULFILLED)
        .map(|entry| entry.quantity)
        .max()
        .unwrap_or(0)
}
