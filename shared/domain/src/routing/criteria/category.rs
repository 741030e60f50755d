//! Some categories may only come from some suppliers.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;

pub(in crate::routing) fn judge(candidate: &Candidate, facts: &Facts) -> Judgement {
    let categories = &facts.settings.rules.categories;
    let Some(category) = &candidate.offer.offer.category else {
        return Judgement::Fits;
    };
    if categories.is_empty() {
        return Judgement::Fits;
    }
    match categories.get(&category.to_lowercase()) {
        Some(allowed) if !allowed.allows(&candidate.supplier.id) => Judgement::Excluded {
            kind: CaseKind::NoSupplier,
            why: format!("not for articles of {category}"),
        },
        Some(_) | None => Judgement::Fits,
    }
}
