//! What the supplier charges can be compared: it is in the plan's currency, or the merchant gave a
//! rate. Otherwise the line waits for the rate, since passing the offer over would be a guess too.

use super::super::{Candidate, Facts, Judgement};
use crate::cases::CaseKind;
use crate::money::Money;

pub(in crate::routing) fn judge(candidate: &Candidate, facts: &Facts) -> Judgement {
    let terms = &candidate.supplier.terms;
    let matters = facts.settings.rules.cost_matters();
    let destination = &candidate.content.destination;
    let shipping = terms
        .shipping_cost
        .iter()
        .filter(|row| row.is_for(destination))
        .map(|row| row.amount);
    let charged = candidate.offer.offer.cost.into_iter();
    let charged = charged.chain(terms.fee).chain(shipping);
    let charged = charged.filter(|_| matters).chain(terms.minimum_order);
    let without = |money: &Money| candidate.ledger.minor(*money).is_none();
    let mut unrated = charged.into_iter().find(without);
    let mut compared_in = candidate.ledger.currency;
    if let Some(limit) = terms.spend_limit_per_day.filter(|_| unrated.is_none()) {
        let rates = &facts.settings.rules.rates;
        let counted = candidate.offer.offer.cost.into_iter().chain(terms.fee);
        compared_in = limit.currency;
        unrated = counted
            .into_iter()
            .find(|money| rates.convert(*money, limit.currency).is_none());
    }
    match unrated {
        None => Judgement::Fits,
        Some(money) => Judgement::Holds {
            kind: CaseKind::CurrencyWithoutRate,
            cause: money.currency.to_string(),
            why: format!(
                "charges {money}, and there is no rate from {} to {}",
                money.currency, compared_in
            ),
        },
    }
}
