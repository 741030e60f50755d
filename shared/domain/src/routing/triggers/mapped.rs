//! Every line is mapped to a supplier's SKU; those that are not are held, the others go on.

use super::super::{Facts, Proposal, Verdict};
use crate::cases::CaseKind;
use crate::ids::Sku;
use crate::order::news::Content;
use crate::order::state::Order;

pub(in crate::routing) fn check(_: &Order, content: &Content, facts: &Facts) -> Verdict {
    let unmapped = content.lines.iter().filter(|line| {
        line.sku.as_ref().is_none_or(|sku| {
            let offered = facts.offers.iter().any(|offer| &offer.offer.sku == sku);
            sku.is_shortened() || !offered
        })
    });
    let proposals: Vec<Proposal> = unmapped
        .map(|line| {
            let sku = line.sku.as_ref().map_or("", Sku::as_str);
            Proposal {
                kind: CaseKind::UnmappedSku,
                cause: sku.to_owned(),
                reason: if sku.is_empty() {
                    "the line has no SKU".to_owned()
                } else if line.sku.as_ref().is_some_and(Sku::is_shortened) {
                    format!("the SKU is too long to be offered by anybody: {sku}")
                } else {
                    format!("nobody offers SKU {sku}")
                },
                lines: vec![line.id.clone()],
                most: None,
                again: false,
            }
        })
        .collect();
    if proposals.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Hold(proposals)
    }
}
