//! Some channels let only some suppliers ship for them, such as one that must be the seller of
//! record.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;

pub(in crate::routing) fn judge(candidate: &Candidate, facts: &Facts) -> Judgement {
    let channel = &candidate.order.id.channel;
    match facts.settings.rules.channels.get(channel) {
        Some(allowed) if !allowed.allows(&candidate.supplier.id) => Judgement::Excluded {
            kind: CaseKind::NoSupplier,
            why: format!("not for orders of {channel}"),
        },
        Some(_) | None => Judgement::Fits,
    }
}
