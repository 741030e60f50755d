//! What a supplier's spend limit leaves on each day on which a purchase order could go out, and on
//! which of them one goes.

use super::Facts;
use crate::cases::CaseKind;
use crate::money::{Currency, Money};
use crate::order::purchase_order::PurchaseOrderLine;
use crate::order::state::Order;
use crate::rates::Rates;
use crate::routing::violation::Violation;
use crate::settings::{Departure, SupplierSettings};
use crate::spending::{Spending, SpendingChange, WAITS_AT_MOST_DAYS};
use jiff::Timestamp;
use jiff::civil::Date;

#[derive(Debug)]
pub(super) struct Budget<'a> {
    supplier: &'a SupplierSettings,
    pub(super) limit: Money,
    rates: &'a Rates,
    /// In the limit's currency; none without a rate.
    pub(super) fee: Option<i64>,
    /// That on which it would go without a limit.
    first: Day,
    /// Those on which it may go instead.
    later: Vec<Day>,
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
    pub(super) day: Date,
    pub(super) spent: Money,
}

impl<'a> Budget<'a> {
    /// From `from` on; `freed` is what the plan itself gives back.
    pub(super) fn new(
        supplier: &'a SupplierSettings,
        facts: &Facts<'a>,
        from: Timestamp,
        freed: &[SpendingChange],
    ) -> Option<Self> {
        let limit = supplier.terms.spend_limit_per_day?;
        let rates = &facts.settings.rules.rates;
        let day = |departure| Day::new(departure, supplier, limit.currency, facts, freed);
        let first = supplier.departure(from);
        let last = first
            .day
            .saturating_add(jiff::Span::new().days(WAITS_AT_MOST_DAYS));
        let after = |known: &Departure| supplier.departure_after(known.day);
        let later = std::iter::successors(after(&first), after);
        Some(Self {
            supplier,
            limit,
            rates,
            fee: match supplier.terms.fee {
                Some(fee) => rates.convert(fee, limit.currency).map(|fee| fee.minor),
                None => Some(0),
            },
            first: day(first),
            later: later
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
        let released = |violation: &Violation| {
            let key = (violation.kind, violation.cause.clone());
            order.released.contains(&key)
        };
        let all_the_same = Slot {
            departure: self.first.departure,
            limit: None,
            queued_from: None,
        };
        if amount > self.limit.minor {
            let above = self.above(amount, order);
            return if released(&above) {
                Ok(all_the_same)
            } else {
                Err(above)
            };
        }
        if let Some(limit) = self.room(&self.first, amount)? {
            return Ok(Slot {
                limit: Some(limit),
                ..all_the_same
            });
        }
        let full = self.full(amount);
        if released(&full) {
            return Ok(all_the_same);
        }
        if !waits {
            return Err(self.full_at_first(amount));
        }
        for day in &self.later {
            if let Some(limit) = self.room(day, amount)? {
                return Ok(Slot {
                    departure: day.departure,
                    limit: Some(limit),
                    queued_from: Some(QueuedFrom {
                        day: self.first.departure.day,
                        spent: self.spent_at_first(),
                    }),
                });
            }
        }
        Err(full)
    }

    /// Most that the day's row may then hold, where it has room.
    fn room(&self, day: &Day, amount: i64) -> Result<Option<i64>, Violation> {
        let elsewhere = day.elsewhere.map_err(|currency| Violation {
            kind: CaseKind::CurrencyWithoutRate,
            cause: currency.to_string(),
            reason: format!(
                "{currency} has no rate to {}, so that {}'s spend_limit_per_day cannot be judged",
                self.limit.currency, self.supplier.id
            ),
            again: false,
        })?;
        let limit = self.limit.minor.saturating_sub(elsewhere);
        let fits = day.spent.saturating_add(amount) <= limit;
        Ok(fits.then_some(limit))
    }

    fn above(&self, amount: i64, order: &Order) -> Violation {
        let (id, amount) = (&self.supplier.id, self.money(amount));
        Violation {
            kind: CaseKind::AboveSpendLimit,
            cause: format!("{}:{amount}", order.id),
            reason: format!(
                "{id}'s articles and fee cost {amount}, and its spend_limit_per_day is {}",
                self.limit
            ),
            again: false,
        }
    }

    fn full(&self, amount: i64) -> Violation {
        self.reached(format!(
            "{} has no room for {} within {WAITS_AT_MOST_DAYS} days: its spend_limit_per_day is {}",
            self.supplier.id,
            self.money(amount),
            self.limit
        ))
    }

    fn full_at_first(&self, amount: i64) -> Violation {
        self.reached(format!(
            "{} has no room for {} on {}: {} are spent, and its spend_limit_per_day is {}",
            self.supplier.id,
            self.money(amount),
            self.first.departure.day,
            self.spent_at_first(),
            self.limit
        ))
    }

    /// One case for all orders that wait for the supplier.
    fn reached(&self, reason: String) -> Violation {
        Violation {
            kind: CaseKind::SpendLimitReached,
            cause: self.supplier.id.to_string(),
            reason,
            again: true,
        }
    }

    fn spent_at_first(&self) -> Money {
        let elsewhere = self.first.elsewhere.unwrap_or(0);
        self.money(self.first.spent.saturating_add(elsewhere))
    }

    fn money(&self, minor: i64) -> Money {
        Money {
            minor,
            currency: self.limit.currency,
        }
    }

    /// What a purchase order of these lines counts, and when it goes; none of those that the
    /// constraint does not let go.
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
            day: self.first.departure.day,
            currency: self.limit.currency,
            items: items?,
            fee: self.fee?,
            limit: None,
            queued_from: None,
        };
        let slot = self.slot(spending.total().minor, true, order).ok()?;
        spending.day = slot.departure.day;
        spending.limit = slot.limit;
        spending.queued_from = slot.queued_from.map(|from| from.day);
        Some((slot, spending))
    }
}

impl Day {
    fn new(
        departure: Departure,
        supplier: &SupplierSettings,
        currency: Currency,
        facts: &Facts,
        freed: &[SpendingChange],
    ) -> Self {
        let rates = &facts.settings.rules.rates;
        let counted = facts
            .spent
            .iter()
            .filter(|row| row.supplier == supplier.id && row.day == departure.day)
            .map(|row| row.money);
        let freed = freed
            .iter()
            .filter(|change| change.supplier == supplier.id && change.day == departure.day)
            .map(|change| Money {
                minor: change.by,
                currency: change.currency,
            });
        let mut day = Self {
            departure,
            spent: 0,
            elsewhere: Ok(0),
        };
        for money in counted.chain(freed) {
            if money.currency == currency {
                day.spent = day.spent.saturating_add(money.minor);
            } else {
                day.elsewhere = day.elsewhere.and_then(|sum: i64| {
                    let more = rates.convert(money, currency).ok_or(money.currency)?;
                    Ok(sum.saturating_add(more.minor))
                });
            }
        }
        day
    }
}
