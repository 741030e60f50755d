//! Where a supplier's services are mapped, the order's shipping method is among them: nobody gets a
//! slower or dearer service than was paid for because a name was not translated.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;
use crate::settings::Unmapped;

pub(in crate::routing) fn judge(candidate: &Candidate, facts: &Facts) -> Judgement {
    let Some(services) = &candidate.supplier.terms.services else {
        return Judgement::Fits;
    };
    let chosen = candidate.content.shipping_method();
    let (code, title) = chosen.map_or(("", ""), |chosen| (&chosen.code, &chosen.title));
    if services.service(code, title).is_some() {
        return Judgement::Fits;
    }
    let method = if title.is_empty() { code } else { title };
    let kind = CaseKind::UnmappedShippingMethod;
    let why = if method.is_empty() {
        "the order names no shipping method, and there is no default".to_owned()
    } else {
        format!("has no service for the shipping method {method:?}")
    };
    match facts.settings.rules.unmapped {
        Unmapped::NextSupplier => Judgement::Excluded { kind, why },
        Unmapped::Hold => Judgement::Holds {
            kind,
            cause: format!("{}:{method}", candidate.supplier.id),
            why,
        },
    }
}
