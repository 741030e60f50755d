//! A person ruled this supplier out for the order, or wants another one only.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;

pub(in crate::routing) fn judge(candidate: &Candidate, _: &Facts) -> Judgement {
    let supplier = &candidate.supplier.id;
    let excluded = |why: String| Judgement::Excluded {
        kind: CaseKind::NoSupplier,
        why,
    };
    if candidate.order.without.contains(supplier) {
        return excluded("a person ruled it out for this order".to_owned());
    }
    match &candidate.order.only {
        Some(only) if only != supplier => excluded(format!("a person wants {only} only")),
        Some(_) | None => Judgement::Fits,
    }
}
