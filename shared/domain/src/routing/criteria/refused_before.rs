//! A supplier that refused a line of this order is not asked for it again.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;

pub(in crate::routing) fn judge(candidate: &Candidate, _: &Facts) -> Judgement {
    let refused = candidate.order.purchase_orders.iter().find(|own| {
        own.supplier == candidate.supplier.id && own.refused_by_supplier(&candidate.line.id)
    });
    let cause = candidate.offer.offer.sku.as_str();
    let released = candidate
        .order
        .released
        .iter()
        .any(|(kind, known)| *kind == CaseKind::SupplierRejected && known == cause);
    match refused {
        Some(own) if !released => Judgement::Excluded {
            kind: CaseKind::SupplierRejected,
            why: format!("it refused the line in {}", own.number),
        },
        Some(_) | None => Judgement::Fits,
    }
}
