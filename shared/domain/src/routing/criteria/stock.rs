//! Enough is available, and the supplier said so recently. Stock that is not tracked always fits.

use super::super::{Candidate, Facts, Judgement};
use crate::ids::Sku;
use crate::order::attention::CaseKind;

pub(in crate::routing) fn judge(candidate: &Candidate, facts: &Facts) -> Judgement {
    let Some(stock) = &candidate.offer.stock else {
        return Judgement::Fits;
    };
    // Lines of one order may share the stock of one supplier SKU, under several of our SKUs, too.
    let own = &candidate.offer.offer;
    let shares = |sku: &Sku| {
        facts.offers.iter().any(|known| {
            &known.offer.sku == sku
                && known.offer.supplier == own.supplier
                && known.offer.supplier_sku == own.supplier_sku
        })
    };
    let wanted: i64 = candidate
        .content
        .lines
        .iter()
        .filter(|line| line.sku.as_ref().is_some_and(shares))
        .map(|line| i64::from(candidate.order.unallocated(&line.id)))
        .sum::<i64>()
        .max(i64::from(candidate.quantity));
    let stale_cause = format!(
        "{}/{}",
        candidate.offer.offer.supplier, candidate.offer.offer.sku
    );
    let age = facts.now.duration_since(stock.as_of);
    if stock.available < wanted {
        Judgement::Excluded {
            kind: CaseKind::OutOfStock,
            why: format!("{} available, {wanted} wanted", stock.available),
        }
    } else if age > facts.settings.rules.stock_max_age
        && !candidate.order.released.iter().any(|(kind, cause)| {
            *kind == CaseKind::StaleStock
                && (cause == &stale_cause || cause == candidate.offer.offer.sku.as_str())
        })
    {
        Judgement::Excluded {
            kind: CaseKind::StaleStock,
            why: format!("stock is of {}", stock.as_of),
        }
    } else {
        Judgement::Fits
    }
}
