//! The supplier ships to the destination, and this article may go there.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;
use crate::region::{any_contains, name};

pub(in crate::routing) fn judge(candidate: &Candidate, _: &Facts) -> Judgement {
    let destination = &candidate.content.destination;
    let terms = &candidate.supplier.terms;
    let article = &candidate.offer.offer.countries;
    let excluded = |why: String| Judgement::Excluded {
        kind: CaseKind::NoSupplier,
        why,
    };
    let served = terms.countries.is_empty() || any_contains(&terms.countries, destination);
    if !served || any_contains(&terms.exclude, destination) {
        excluded(format!("does not ship to {}", name(destination)))
    } else if !article.is_empty() && !any_contains(article, destination) {
        excluded(format!(
            "does not ship this article to {}",
            name(destination)
        ))
    } else {
        Judgement::Fits
    }
}
