//! One unit costs no more than the merchant's ceiling, and each line alone leaves its margin.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;
use crate::ids::Sku;
use crate::money::BasisPoints;

pub(in crate::routing) fn judge(candidate: &Candidate, facts: &Facts) -> Judgement {
    let rules = &facts.settings.rules.cost;
    if rules.max_unit.is_none() && rules.line_margin_floor.is_none() {
        return Judgement::Fits;
    }
    let excluded = |kind: CaseKind, why: String| {
        let cause = candidate.line.sku.as_ref().map_or("", Sku::as_str);
        let released = candidate.order.released.contains(&(kind, cause.to_owned()));
        if released {
            Judgement::Fits
        } else {
            Judgement::Excluded { kind, why }
        }
    };
    let Some(cost) = candidate.offer.offer.cost else {
        return excluded(
            CaseKind::CostUnknown,
            "offers.csv gives no cost for it".to_owned(),
        );
    };
    if let Some(most) = rules.max_unit {
        match facts.settings.rules.rates.convert(cost, most.currency) {
            None => {
                return excluded(
                    CaseKind::CurrencyWithoutRate,
                    format!("costs {cost}, which has no rate to {}", most.currency),
                );
            }
            Some(converted) if converted.minor > most.minor => {
                return excluded(
                    CaseKind::CostTooHigh,
                    format!("costs {cost} each, and max_unit_cost is {most}"),
                );
            }
            Some(_) => {}
        }
    }
    let Some(floor) = rules.line_margin_floor else {
        return Judgement::Fits;
    };
    let ledger = candidate.ledger;
    let value = ledger.value(candidate.line, candidate.quantity);
    let cost = ledger.times(cost, candidate.quantity).map(i128::from);
    let Some((value, cost)) = value.zip(cost) else {
        return excluded(
            CaseKind::CurrencyWithoutRate,
            format!("price or cost has no rate to {}", ledger.currency),
        );
    };
    let margin = BasisPoints::of(value - cost, value);
    if margin.is_some_and(|margin| margin >= floor) || (value <= 0 && cost <= 0) {
        return Judgement::Fits;
    }
    excluded(
        CaseKind::MarginTooLow,
        format!(
            "costs {} and brings {}, and line_margin_floor is {floor}",
            ledger.show(cost),
            ledger.show(value)
        ),
    )
}
