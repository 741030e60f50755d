//! When a supplier works: weekdays, hours, holidays and cut-offs in its own time zone.
//!
//! A local time that a clock change skips is the first instant after the gap; one that comes twice
//! is the first of the two.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::collections::BTreeSet;

/// From the first minute of the day to the second, which is no longer in it; a day has 1440.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    pub from: u16,
    pub to: u16,
}

pub const MINUTES_A_DAY: u16 = 24 * 60;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    pub zone: TimeZone,
    /// Counted from Monday.
    pub days: [bool; 7],
    /// Of every open day, in order and without overlap.
    pub hours: Vec<Hours>,
    pub holidays: BTreeSet<Date>,
    /// Minutes of an open day at which a batch is closed.
    pub cut_offs: BTreeSet<u16>,
}

/// `now` where the supplier works at this moment, else when it next begins to. The end of time for
/// one that never works again.
pub fn next_opening(calendar: &Calendar, now: Timestamp) -> Timestamp {
    calendar
        .days_from(now)
        .find_map(|date| {
            calendar.hours.iter().find_map(|hours| {
                let (from, to) = (
                    calendar.instant(date, hours.from)?,
                    calendar.instant(date, hours.to)?,
                );
                (now < to && from < to).then(|| from.max(now))
            })
        })
        .unwrap_or(Timestamp::MAX)
}

/// The first cut-off that is not before `now`; `None` where there are none. Ask a moment later for
/// the one after a cut-off.
pub fn next_cut_off(calendar: &Calendar, now: Timestamp) -> Option<Timestamp> {
    if calendar.cut_offs.is_empty() {
        return None;
    }
    calendar.days_from(now).find_map(|date| {
        calendar
            .cut_offs
            .iter()
            .filter_map(|minute| calendar.instant(date, *minute))
            .find(|at| *at >= now)
    })
}

impl Calendar {
    /// Every hour of Monday to Friday.
    pub fn weekdays(zone: TimeZone) -> Self {
        Self {
            zone,
            days: [true, true, true, true, true, false, false],
            hours: vec![Hours {
                from: 0,
                to: MINUTES_A_DAY,
            }],
            holidays: BTreeSet::new(),
            cut_offs: BTreeSet::new(),
        }
    }

    pub fn is_open(&self, at: Timestamp) -> bool {
        next_opening(self, at) == at
    }

    fn is_open_day(&self, date: Date) -> bool {
        let place = date.weekday().to_monday_zero_offset();
        let open = usize::try_from(place)
            .ok()
            .and_then(|place| self.days.get(place));
        open == Some(&true) && !self.holidays.contains(&date)
    }

    /// Open days from the one before `now`, whose last minutes a clock change may have moved past
    /// midnight.
    fn days_from(&self, now: Timestamp) -> impl Iterator<Item = Date> {
        let today = self.zone.to_datetime(now).date();
        let first = today.yesterday().unwrap_or(today);
        std::iter::successors(Some(first), |date| date.tomorrow().ok())
            .take(self.horizon(first))
            .filter(|date| self.is_open_day(*date))
    }

    /// Days after which nothing new can come: a week beyond the last holiday has every weekday.
    fn horizon(&self, first: Date) -> usize {
        let last = self.holidays.last().copied().unwrap_or(first).max(first);
        let days = first
            .until(last)
            .map_or(0, |span| i64::from(span.get_days()));
        // Beyond the week two more, for weekdays whose hours fall into gaps.
        usize::try_from(days).unwrap_or(0) + 21
    }

    fn instant(&self, date: Date, minute: u16) -> Option<Timestamp> {
        let local = if minute >= MINUTES_A_DAY {
            DateTime::from_parts(date.tomorrow().ok()?, Time::midnight())
        } else {
            let time = Time::new(
                i8::try_from(minute / 60).ok()?,
                i8::try_from(minute % 60).ok()?,
                0,
                0,
            );
            DateTime::from_parts(date, time.ok()?)
        };
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                // With the offset of afterwards the time lies before the change.
                let before_change = after.to_timestamp(local).ok()?;
                let change = self
                    .zone
                    .following(before_change)
                    .next()
                    .map(|change| change.timestamp());
                change.or_else(|| ambiguous.compatible().ok())
            }
        }
    }
}

/// Every weekday by the name that configuration gives it.
pub const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

#[cfg(test)]
mod tests;
