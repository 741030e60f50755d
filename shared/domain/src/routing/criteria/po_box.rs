//! Some suppliers' carriers deliver to no post office box or military address.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;

pub(in crate::routing) fn judge(candidate: &Candidate, _: &Facts) -> Judgement {
    let destination = &candidate.content.destination;
    let excluded = |why: &str| Judgement::Excluded {
        kind: CaseKind::NoSupplier,
        why: why.to_owned(),
    };
    if destination.po_box && !candidate.supplier.po_box {
        excluded("delivers to no post office box")
    } else if destination.military && !candidate.supplier.military {
        excluded("delivers to no military address")
    } else {
        Judgement::Fits
    }
}
