//! Units that are never ours to forward: test orders, orders from before the start, what needs no
//! shipping, what somebody else fulfils or has fulfilled, and what the merchant ships himself.

use super::super::{Facts, Verdict};
use crate::order::news::Content;
use crate::order::purchase_order::PurchaseOrder;
use crate::order::state::Order;
use crate::order::units::ALREADY_FULFILLED;

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
        let elsewhere = order.fulfilled_elsewhere(&line.id);
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
pub(in crate::routing) fn shipped_elsewhere(order: &Order, own: &PurchaseOrder) -> bool {
    own.lines.iter().any(|line| {
        let elsewhere = order.fulfilled_elsewhere(&line.line);
        let spoken_for = elsewhere.saturating_add(order.allocated(&line.line));
        own.quantity_of(&line.line) > 0 && elsewhere > 0 && spoken_for > order.wanted(&line.line)
    })
}
