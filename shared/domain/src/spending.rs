//! What a supplier's spend limit counts. A purchase order counts on the day on which it was planned
//! to go out, in the supplier's own zone, from the commit that plans it on, as a reservation does:
//! with what its articles cost and the supplier's fee, in the currency of the limit.
//!
//! It is given back where reservations are: when the purchase order is voided or rejected, units of
//! it are refused, or taken back. One that is in doubt keeps it, and one that turns out sent after
//! all counts again, whatever the limit. A send that is put off to another
//! time does not move it: the day is the plan's, and stays.

pub mod sums;

use crate::ids::SupplierId;
use crate::money::{Currency, Money};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Days after the first possible one on which a purchase order may still go out for want of room.
pub const WAITS_AT_MOST_DAYS: i64 = 7;

/// What one purchase order counts; kept with it, since rates and limits change. In minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    pub day: Date,
    pub currency: Currency,
    /// Of each of its lines, in their order.
    pub items: Vec<i64>,
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub fee: i64,
    /// Most that the day may have come to with it; none where a person let it through all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// The day on which it would have gone, had there been room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_from: Option<Date>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_nothing(minor: &i64) -> bool {
    *minor == 0
}

impl Spending {
    /// Of the whole purchase order.
    pub fn total(&self) -> Money {
        Money {
            minor: self
                .items
                .iter()
                .copied()
                .fold(self.fee, i64::saturating_add),
            currency: self.currency,
        }
    }
}

/// A row of the store: what counts for a supplier and day in one currency. Another currency is
/// another row, which only a limit that changed its currency makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    pub supplier: SupplierId,
    pub day: Date,
    pub money: Money,
}

/// `spent = spent + by` of that row, which counts as 0 where it is missing. A commit has one for
/// each row at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendingChange {
    pub supplier: SupplierId,
    pub day: Date,
    pub currency: Currency,
    /// In minor units; less than nothing where more is given back than is spent.
    pub by: i64,
    /// Refused where the row would then hold more.
    pub limit: Option<i64>,
}

/// No purchase order planned `now` goes out on an earlier day, wherever its supplier is.
pub fn first_day(now: Timestamp) -> Date {
    let today = TimeZone::UTC.to_datetime(now).date();
    today.yesterday().unwrap_or(today)
}
