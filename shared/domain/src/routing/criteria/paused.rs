//! Nothing new goes to a supplier that the merchant paused.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;

pub(in crate::routing) fn judge(candidate: &Candidate, _: &Facts) -> Judgement {
    if candidate.supplier.terms.paused {
        Judgement::Excluded {
            kind: CaseKind::SupplierPaused,
            why: "paused".to_owned(),
        }
    } else {
        Judgement::Fits
    }
}
