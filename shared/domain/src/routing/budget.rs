//! What a supplier's spend limit leaves on each day on which a purchase order could go out, and on
//! which of them one goes.

use super::Facts;
use super::constraints::Violation;
use crate::money::{Currency, Money};
use crate::order::attention::CaseKind;
use crate::order::{Order, PurchaseOrderLine};
use crate::rates::Rates;
use crate::settings::{Departure, SupplierSettings};
use crate::spending::{Spending, SpendingChange, WAITS_AT_MOST_DAYS};

#[derive(Debug)]
pub(super) struct Budget<'a> {
    supplier: &'a SupplierSettings,
    pub(super) limit: Money,
    rates: &'a Rates,
    /// In the limit's currency; none without a rate.
    pub(super) fee: Option<i64>,
    /// That on which it would go without a limit, and those on which it may go instead.
    days: Vec<Day>,
}

#[derive(Debug)]
struct Day {
    departure: Departure,
    /// Counted in the limit's currency.
    spent: i64,
    /// Counted in others, of a time when the limit was in another currency.
    elsewhere: Result<i64, Currency>,
}

/// The day on which a purchase order goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) departure: Departure,
    /// Most that its row may then hold; none where a person let it through.
    limit: Option<i64>,
    /// The first day, where that has no room for it.
    pub(super) queued_from: Option<QueuedFrom>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct QueuedFrom {
    pub(super) departure: Departure,
    pub(super) spent: Money,
}

impl<'a> Budget<'a> {
    /// `freed` is what the plan itself gives back.
    pub(super) fn new(
        supplier: &'a SupplierSettings,
        facts: &Facts<'a>,
        freed: &[SpendingChange],
    ) -> Option<Self> {
        let limit = supplier.terms.spend_limit_per_day?;
        let rates = &facts.settings.rules.rates;
        let minor = |money: Money| Some(rates.convert(money, limit.currency)?.minor);
        let day = |departure: Departure| {
            let counted = facts
                .spent
                .iter()
                .map(|row| (&row.supplier, row.day, row.money));
            let freed = freed.iter().map(|change| {
                let money = Money {
                    minor: change.by,
                    currency: change.currency,
                };
                (&change.supplier, change.day, money)
            });
            let mut of_day = Day {
                departure,
                spent: 0,
                elsewhere: Ok(0),
            };
            for (_, _, money) in counted
                .chain(freed)
                .filter(|(id, day, _)| **id == supplier.id && *day == departure.day)
            {
                if money.currency == limit.currency {
                    of_day.spent = of_day.spent.saturating_add(money.minor);
                } else {
                    of_day.elsewhere = of_day.elsewhere.and_then(|sum| {
                        let more = minor(money).ok_or(money.currency)?;
                        Ok(sum.saturating_add(more))
                    });
                }
            }
            of_day
        };
        let first = supplier.departure(facts.now);
        let last = first
            .day
            .saturating_add(jiff::Span::new().days(WAITS_AT_MOST_DAYS));
        let departures = std::iter::successors(Some(first), |departure| {
            supplier.departure_after(departure.day)
        });
        Some(Self {
            supplier,
            limit,
            rates,
            fee: match supplier.terms.fee {
                Some(fee) => minor(fee),
                None => Some(0),
            },
            days: departures
                .take_while(|departure| departure.day <= last)
                .map(day)
                .collect(),
        })
    }

    /// What so many units count; none where their cost is not known, or has no rate.
    pub(super) fn cost(&self, unit: Option<Money>, units: u32) -> Option<i64> {
        let unit = unit?;
        let minor = unit.minor.checked_mul(i64::from(units))?;
        let money = Money { minor, ..unit };
        Some(self.rates.convert(money, self.limit.currency)?.minor)
    }

    /// `waits`: it may go on a later day than the first.
    pub(super) fn slot(&self, amount: i64, waits: bool, order: &Order) -> Result<Slot, Violation> {
        let id = &self.supplier.id;
        let limit = self.limit;
        let shown = Money {
            minor: amount,
            currency: limit.currency,
        };
        let violation = |kind, cause: String, reason| Violation {
            kind,
            cause,
            reason,
            again: kind == CaseKind::SpendLimitReached,
        };
        let released = |violation: &Violation| {
            let key = (violation.kind, violation.cause.clone());
            order.released.contains(&key)
        };
        // There is always a first day.
        let Some(first) = self.days.first() else {
            let reason = format!("{id} never works again");
            return Err(violation(
                CaseKind::SpendLimitReached,
                id.to_string(),
                reason,
            ));
        };
        let all_the_same = Slot {
            departure: first.departure,
            limit: None,
            queued_from: None,
        };
        if amount > limit.minor {
            let too_much = violation(
                CaseKind::AboveSpendLimit,
                format!("{}:{shown}", order.id),
                format!(
                    "{id}'s articles and fee cost {shown}, and its spend_limit_per_day is {limit}"
                ),
            );
            return if released(&too_much) {
                Ok(all_the_same)
            } else {
                Err(too_much)
            };
        }
        let mut days = self.days.iter();
        let mut room = |most: usize| {
            let found = days.by_ref().take(most).find_map(|day| {
                let others = match day.elsewhere {
                    Ok(others) => others,
                    Err(currency) => return Some(Err(currency)),
                };
                let limit = limit.minor.saturating_sub(others);
                let fits = day.spent.saturating_add(amount) <= limit;
                fits.then_some(Ok((day.departure, limit)))
            });
            found.transpose().map_err(|currency| {
                let reason = format!(
                    "{currency} has no rate to {}, so that {id}'s spend_limit_per_day cannot be judged",
                    limit.currency
                );
                violation(CaseKind::CurrencyWithoutRate, currency.to_string(), reason)
            })
        };
        if let Some((departure, limit)) = room(1)? {
            return Ok(Slot {
                departure,
                limit: Some(limit),
                queued_from: None,
            });
        }
        let reached = |reason| violation(CaseKind::SpendLimitReached, id.to_string(), reason);
        let full = reached(format!(
            "{id} has no room for {shown} within {WAITS_AT_MOST_DAYS} days: its spend_limit_per_day is {limit}"
        ));
        if released(&full) {
            return Ok(all_the_same);
        }
        let counted = Money {
            minor: first.spent.saturating_add(first.elsewhere.unwrap_or(0)),
            currency: limit.currency,
        };
        if !waits {
            return Err(reached(format!(
                "{id} has no room for {shown} on {}: {counted} are spent, and its spend_limit_per_day is {limit}",
                first.departure.day
            )));
        }
        match room(usize::MAX)? {
            Some((departure, limit)) => Ok(Slot {
                departure,
                limit: Some(limit),
                queued_from: Some(QueuedFrom {
                    departure: first.departure,
                    spent: counted,
                }),
            }),
            None => Err(full),
        }
    }

    /// What a purchase order of these lines counts, and when it goes. Nothing where a rule that
    /// comes first does not let it go at all.
    pub(super) fn spend(
        &self,
        lines: &[PurchaseOrderLine],
        order: &Order,
    ) -> Option<(Slot, Spending)> {
        let items: Option<Vec<i64>> = lines
            .iter()
            .map(|line| self.cost(line.cost, line.quantity))
            .collect();
        let mut spending = Spending {
            day: self.days.first()?.departure.day,
            currency: self.limit.currency,
            items: items?,
            fee: self.fee?,
            limit: None,
            queued_from: None,
        };
        let slot = self.slot(spending.total().minor, true, order).ok()?;
        spending.day = slot.departure.day;
        spending.limit = slot.limit;
        spending.queued_from = slot.queued_from.map(|from| from.departure.day);
        Some((slot, spending))
    }
}
