//! Enough is available, and the supplier said so recently. Stock that is not tracked always fits.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;

pub(in crate::routing) fn judge(candidate: &Candidate, facts: &Facts) -> Judgement {
    let Some(stock) = &candidate.offer.stock else {
        return Judgement::Fits;
    };
    let age = facts.now.duration_since(stock.as_of);
    if age > facts.settings.rules.stock_max_age && !trusts_old_stock(candidate) {
        Judgement::Excluded {
            kind: CaseKind::StaleStock,
            why: format!("stock is of {}", stock.as_of),
        }
    } else if stock.available < i64::from(candidate.quantity) {
        Judgement::Excluded {
            kind: CaseKind::OutOfStock,
            why: format!(
                "{} available, {} wanted",
                stock.available, candidate.quantity
            ),
        }
    } else {
        Judgement::Fits
    }
}

fn trusts_old_stock(candidate: &Candidate) -> bool {
    let sku = candidate.offer.offer.sku.as_str();
    let own = format!("{}/{sku}", candidate.offer.offer.supplier);
    candidate
        .order
        .released
        .iter()
        .any(|(kind, cause)| *kind == CaseKind::StaleStock && (cause == &own || cause == sku))
}
