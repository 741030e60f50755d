//! What a supplier's spend limit lets through, on which day, and what becomes of the rest.

use super::*;
use crate::calendar::{Calendar, Hours};
use crate::commit::Commit;
use crate::settings::Split;
use crate::spending::{self, SpendingChange, Spent, WAITS_AT_MOST_DAYS};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn limit(most: &str) -> Terms {
    Terms {
        spend_limit_per_day: Some(money(most)),
        ..Terms::default()
    }
}

/// Two units of 5 USD each from north.
fn mug(terms: Terms) -> World {
    World::new(&[("MUG", 2, "20.00 USD")])
        .supplier("north", 10, terms)
        .offer("MUG", "north", "5.00 USD")
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

impl World {
    /// That much is spent with north on that day.
    fn spent(mut self, on: &str, amount: &str) -> Self {
        self.spent.push(Spent {
            supplier: supplier_id("north"),
            day: day(on),
            money: money(amount),
        });
        self
    }

    fn at(mut self, now: &str) -> Self {
        self.now = now.parse().unwrap();
        self
    }
}

/// The day it counts on and when it goes, or the holds.
fn goes(world: &World) -> String {
    let orders = world.purchase_orders();
    let Some(planned) = orders.first() else {
        return world.told();
    };
    let spending = planned.spending.as_ref().unwrap();
    let due = planned.due.map_or("now".to_owned(), |due| due.to_string());
    format!(
        "{} at {}, {due}{}",
        planned.supplier,
        spending.day,
        match spending.limit {
            Some(limit) => format!(", at most {limit}"),
            None => ", whatever is spent".to_owned(),
        }
    )
}

#[test]
fn what_has_room_goes_at_once_and_counts_articles_and_fee() {
    let with_fee = |most: &str| {
        mug(Terms {
            fee: Some(money("1.50 USD")),
            ..limit(most)
        })
    };
    let world = with_fee("11.50 USD");
    assert_eq!(goes(&world), "north at 2026-11-23, now, at most 1150");
    let planned = world.purchase_orders().remove(0);
    let spending = planned.spending.unwrap();
    assert_eq!((&spending.items[..], spending.fee), (&[1000][..], 150));
    assert_eq!(spending.queued_from, None);
    assert_eq!(
        world.plan().trace.notes,
        ["11.50 USD of north's spend_limit_per_day of 11.50 USD on 2026-11-23"]
    );
    // Other suppliers' and other days' spending is no matter.
    let mut busy = with_fee("11.50 USD").spent("2026-11-22", "11.50 USD");
    busy.spent.push(Spent {
        supplier: supplier_id("south"),
        day: day("2026-11-23"),
        money: money("11.50 USD"),
    });
    assert_eq!(goes(&busy), goes(&world));
    assert_eq!(
        with_fee("11.49 USD").told(),
        "held above-spend-limit 2 of 1: north's articles and fee cost 11.50 USD, and its spend_limit_per_day is 11.49 USD"
    );
    assert!(
        mug(Terms::default()).purchase_orders()[0]
            .spending
            .is_none()
    );
}

#[test]
fn what_has_none_goes_on_the_next_day_that_has() {
    let office = |hours: Vec<Hours>| {
        mug(Terms {
            calendar: Some(Calendar {
                hours,
                ..Calendar::weekdays(TimeZone::get("America/Chicago").unwrap())
            }),
            ..limit("15.00 USD")
        })
    };
    let day_long = || {
        office(vec![Hours {
            from: 8 * 60,
            to: 17 * 60,
        }])
    };
    let cases = [
        (
            "a day of UTC without a calendar",
            mug(limit("15.00 USD")).spent("2026-11-23", "5.01 USD"),
            "north at 2026-11-24, 2026-11-24T00:00:00Z, at most 1500",
        ),
        (
            "just enough room",
            mug(limit("15.00 USD")).spent("2026-11-23", "5.00 USD"),
            "north at 2026-11-23, now, at most 1500",
        ),
        (
            "a day that is full, too",
            mug(limit("15.00 USD"))
                .spent("2026-11-23", "10.00 USD")
                .spent("2026-11-24", "15.00 USD"),
            "north at 2026-11-25, 2026-11-25T00:00:00Z, at most 1500",
        ),
        // Eight in the evening of Monday in Chicago.
        (
            "a day of its own zone",
            office(vec![Hours { from: 0, to: 1440 }])
                .at("2026-11-24T02:00:00Z")
                .spent("2026-11-23", "10.00 USD"),
            "north at 2026-11-24, 2026-11-24T06:00:00Z, at most 1500",
        ),
        (
            "closed today, and the day of its opening counts",
            day_long()
                .at("2026-11-24T02:00:00Z")
                .spent("2026-11-23", "15.00 USD"),
            "north at 2026-11-24, 2026-11-24T14:00:00Z, at most 1500",
        ),
        (
            "over the weekend",
            day_long()
                .at("2026-11-27T15:00:00Z")
                .spent("2026-11-27", "10.00 USD"),
            "north at 2026-11-30, 2026-11-30T14:00:00Z, at most 1500",
        ),
    ];
    for (what, world, expected) in cases {
        assert_eq!(goes(&world), expected, "{what}");
    }
    let queued = mug(limit("15.00 USD")).spent("2026-11-23", "5.01 USD");
    assert_eq!(
        queued.plan().trace.notes,
        [
            "north's spend_limit_per_day of 15.00 USD has no room for 10.00 USD on 2026-11-23, where 5.01 USD are spent: it goes on 2026-11-24"
        ]
    );
    let planned = queued.purchase_orders().remove(0);
    let from = planned.spending.unwrap().queued_from;
    assert_eq!(from, Some(day("2026-11-23")));
}

#[test]
fn a_batch_counts_on_the_day_of_its_cut_off() {
    let batched = |now: &str| {
        let mut world = mug(Terms {
            calendar: Some(Calendar {
                cut_offs: [0, 16 * 60].into(),
                ..Calendar::weekdays(TimeZone::get("America/Chicago").unwrap())
            }),
            ..limit("15.00 USD")
        })
        .at(now);
        let north = world.settings.suppliers.get_mut(&supplier_id("north"));
        north.unwrap().batched = true;
        world
    };
    let told = |world: &World| {
        let planned = world.purchase_orders().remove(0);
        assert_eq!(planned.due, planned.cut_off);
        goes(world)
    };
    let today = batched("2026-11-23T20:00:00Z");
    assert_eq!(
        told(&today),
        "north at 2026-11-23, 2026-11-23T22:00:00Z, at most 1500"
    );
    // The first of the next day's, at its midnight.
    assert_eq!(
        told(&today.spent("2026-11-23", "10.00 USD")),
        "north at 2026-11-24, 2026-11-24T06:00:00Z, at most 1500"
    );
    // Monday there, and gone: it goes on Tuesday whatever Monday's room.
    assert_eq!(
        told(&batched("2026-11-23T22:30:00Z")),
        "north at 2026-11-24, 2026-11-24T06:00:00Z, at most 1500"
    );
}

#[test]
fn another_supplier_goes_before_another_day() {
    let full = mug(limit("15.00 USD"))
        .spent("2026-11-23", "10.00 USD")
        .supplier("south", 20, Terms::default());
    let other = full.clone().offer("MUG", "south", "9.00 USD");
    assert_eq!(other.told(), "south: 2 x MUG");
    let groupings = other.plan().trace.groupings;
    let verdicts: Vec<_> = groupings.iter().map(|known| &known.verdict).collect();
    assert_eq!(
        verdicts,
        [
            "chosen",
            "north has no room for 10.00 USD on 2026-11-23: 10.00 USD are spent, and its spend_limit_per_day is 15.00 USD"
        ]
    );
    // Unless another rule forbids it.
    let dear = other
        .clone()
        .rules(|rules| rules.cost.max_order = Some(money("15.00 USD")));
    assert_eq!(
        goes(&dear),
        "north at 2026-11-24, 2026-11-24T00:00:00Z, at most 1500"
    );
    // Two packages today go before one tomorrow, where several are allowed.
    let two = |split| {
        let mut world = World::new(&[("MUG", 2, "20.00 USD"), ("LAMP", 1, "30.00 USD")])
            .supplier("north", 10, limit("15.00 USD"))
            .supplier("south", 20, Terms::default())
            .offer("MUG", "north", "5.00 USD")
            .offer("LAMP", "north", "5.00 USD")
            .offer("LAMP", "south", "9.00 USD")
            .rules(|rules| rules.split = split);
        world = world.spent("2026-11-23", "5.00 USD");
        world
    };
    assert_eq!(
        two(Split::PreferSingle).told(),
        "north: 2 x MUG + south: 1 x LAMP"
    );
    let one = two(Split::Never);
    assert_eq!(one.told(), "north: 2 x MUG, 1 x LAMP");
    assert_eq!(
        goes(&one),
        "north at 2026-11-24, 2026-11-24T00:00:00Z, at most 1500"
    );
}

#[test]
fn a_person_lets_through_what_is_larger_than_the_whole_limit() {
    let large = mug(limit("9.99 USD"));
    assert_eq!(kinds(&large), [CaseKind::AboveSpendLimit]);
    assert_eq!(large.holds()[0].again_at, None, "time mends nothing");
    let other = large
        .clone()
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "9.00 USD");
    assert_eq!(other.told(), "south: 2 x MUG");
    let released = large.released();
    assert_eq!(
        goes(&released),
        "north at 2026-11-23, now, whatever is spent"
    );
    assert_eq!(
        released.plan().trace.notes,
        [
            "10.00 USD on 2026-11-23, past north's spend_limit_per_day of 9.99 USD: a person released it"
        ]
    );
    // At that figure and no other.
    let larger = released.with(|offer| offer.offer.cost = Some(money("6.00 USD")));
    assert_eq!(kinds(&larger), [CaseKind::AboveSpendLimit]);
}

#[test]
fn a_week_without_room_is_a_hold_that_is_looked_at_again() {
    let mut full = mug(limit("15.00 USD"));
    for day in 23..=30 {
        full = full.spent(&format!("2026-11-{day}"), "10.00 USD");
    }
    assert_eq!(
        full.told(),
        "held spend-limit-reached 2 of 1: north has no room for 10.00 USD within 7 days: its spend_limit_per_day is 15.00 USD"
    );
    let hold = full.holds().remove(0);
    assert_eq!(
        (hold.cause.as_str(), hold.again_at.is_some()),
        ("north", true)
    );
    assert_eq!(
        goes(&full.clone().at("2026-11-24T10:00:00Z")),
        "north at 2026-12-01, 2026-12-01T00:00:00Z, at most 1500"
    );
    // A supplier that is closed longer than that has no later day at all.
    let holidays = Terms {
        calendar: Some(Calendar {
            holidays: (24..=30)
                .map(|day| format!("2026-11-{day}").parse().unwrap())
                .collect(),
            ..Calendar::weekdays(TimeZone::UTC)
        }),
        ..limit("15.00 USD")
    };
    let closed = mug(holidays).spent("2026-11-23", "10.00 USD");
    assert_eq!(kinds(&closed), [CaseKind::SpendLimitReached]);
    assert_eq!(
        goes(&full.released()),
        "north at 2026-11-23, now, whatever is spent"
    );
}

#[test]
fn amounts_are_compared_in_the_currency_of_the_limit() {
    let rated = |world: World| {
        world.rules(|rules| {
            rules.rates.base = Some(Currency::parse("USD").unwrap());
            let eur = Currency::parse("EUR").unwrap();
            rules.rates.of.insert(eur, "1.25".parse().unwrap());
        })
    };
    // 10.00 USD are 8.00 EUR.
    assert_eq!(
        goes(&rated(mug(limit("8.00 EUR")))),
        "north at 2026-11-23, now, at most 800"
    );
    assert_eq!(
        rated(mug(limit("7.99 EUR"))).told(),
        "held above-spend-limit 2 of 1: north's articles and fee cost 8.00 EUR, and its spend_limit_per_day is 7.99 EUR"
    );
    // The limit was in dollars this morning.
    let changed = |spent| rated(mug(limit("10.00 EUR"))).spent("2026-11-23", spent);
    assert_eq!(
        goes(&changed("2.50 USD")),
        "north at 2026-11-23, now, at most 800"
    );
    assert_eq!(
        goes(&changed("2.55 USD")),
        "north at 2026-11-24, 2026-11-24T00:00:00Z, at most 1000"
    );
    assert_eq!(
        mug(limit("8.00 EUR")).told(),
        "held currency-without-rate 2 of 1: north: charges 5.00 USD, and there is no rate from USD to EUR"
    );
    let in_francs = rated(mug(limit("8.00 EUR"))).spent("2026-11-23", "1.00 CHF");
    assert_eq!(
        in_francs.told(),
        "held currency-without-rate 2 of 1: CHF has no rate to EUR, so that north's spend_limit_per_day cannot be judged"
    );
    let unknown = mug(limit("8.00 USD")).with(|offer| offer.offer.cost = None);
    assert_eq!(
        unknown.told(),
        "held cost-unknown 2 of 1: north's cost of the articles is not known, so that the rule cannot be judged"
    );
}

/// An edit voids what is planned: its room is free for what takes its place, in one change.
#[test]
fn what_is_planned_anew_has_the_room_of_what_it_replaces() {
    let mut world = mug(limit("10.00 USD"));
    let carried_out = |world: &mut World| {
        let command = world.plan().command;
        let events = world.order.decide(command, world.now).unwrap();
        let (commit, after) = Commit::new(&world.order, events, world.now).unwrap();
        world.order = after;
        commit.spending
    };
    let change = |by, limit| SpendingChange {
        supplier: supplier_id("north"),
        day: day("2026-11-23"),
        currency: Currency::parse("USD").unwrap(),
        by,
        limit,
    };
    assert_eq!(carried_out(&mut world), [change(1000, Some(1000))]);
    let mut world = world.spent("2026-11-23", "10.00 USD");
    world.order.payload = Some((2, Digest::of(b"another address")));
    world.order.needs_routing = Some(world.now);
    assert_eq!(goes(&world), "north at 2026-11-23, now, at most 1000");
    assert_eq!(carried_out(&mut world), [change(0, Some(1000))]);
    // Another supplier's: given back without a condition.
    world.order.without.insert(supplier_id("north"));
    let mut world = world
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "9.00 USD");
    assert_eq!(carried_out(&mut world), [change(-1000, None)]);
    // And a second time nothing.
    assert_eq!(carried_out(&mut world), []);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Orders come one after the other: no day passes the limit, each goes on the first day that
    /// has room for it, and is held only where none has.
    #[test]
    fn no_day_passes_the_limit(
        most in 500_i64..4000,
        closed in prop::collection::btree_set(23..=31_i8, 0..4),
        batched in any::<bool>(),
        orders in prop::collection::vec((1_u32..9, 100_i64..700, 0_i64..9), 1..30),
    ) {
        let usd = Currency::parse("USD").unwrap();
        let limit = Money { minor: most, currency: usd };
        let calendar = Calendar {
            days: [true; 7],
            holidays: closed.iter().filter_map(|day| Date::new(2026, 11, *day).ok()).collect(),
            cut_offs: [9 * 60, 15 * 60].into(),
            ..Calendar::weekdays(TimeZone::get("America/Chicago").unwrap())
        };
        let mut rows: BTreeMap<Date, i64> = BTreeMap::new();
        let mut now: Timestamp = NOW.parse().unwrap();
        for (units, cost, hours) in orders {
            now += jiff::SignedDuration::from_hours(hours);
            let mut world = World::new(&[("MUG", units, "20.00 USD")])
                .supplier("north", 10, Terms {
                    spend_limit_per_day: Some(limit),
                    calendar: Some(calendar.clone()),
                    ..Terms::default()
                })
                .offer("MUG", "north", "")
                .with(|offer| offer.offer.cost = Some(Money { minor: cost, currency: usd }));
            world.now = now;
            world.settings.suppliers.get_mut(&supplier_id("north")).unwrap().batched = batched;
            world.spent = rows.iter().map(|(day, minor)| Spent {
                supplier: supplier_id("north"),
                day: *day,
                money: Money { minor: *minor, currency: usd },
            }).collect();
            let amount = cost * i64::from(units);
            let supplier = &world.settings.suppliers[&supplier_id("north")];
            let first = supplier.departure(now);
            let last = first.day.saturating_add(jiff::Span::new().days(WAITS_AT_MOST_DAYS));
            let mut possible = vec![first.day];
            while let Some(next) = supplier.departure_after(*possible.last().unwrap()) {
                if next.day > last {
                    break;
                }
                possible.push(next.day);
            }
            prop_assert!(possible.is_sorted() && possible[0] >= spending::first_day(now));
            let room = possible.iter().find(|day| rows.get(day).unwrap_or(&0) + amount <= most);
            let planned = world.purchase_orders();
            match (planned.first(), room) {
                (Some(own), Some(day)) => {
                    let spending = own.spending.as_ref().unwrap();
                    prop_assert_eq!((&spending.day, spending.total().minor), (day, amount));
                    let goes_at = own.due.unwrap_or(now);
                    let zone = TimeZone::get("America/Chicago").unwrap();
                    prop_assert_eq!(zone.to_datetime(goes_at).date(), *day);
                    prop_assert!(calendar.is_open(goes_at) && !calendar.holidays.contains(day));
                    prop_assert_eq!(own.cut_off.is_some(), batched);
                    *rows.entry(*day).or_default() += amount;
                }
                (None, None) => {
                    let expected = if amount > most {
                        CaseKind::AboveSpendLimit
                    } else {
                        CaseKind::SpendLimitReached
                    };
                    prop_assert_eq!(kinds(&world), [expected]);
                }
                (planned, room) => prop_assert!(false, "{planned:?} where {room:?} has room"),
            }
            prop_assert!(rows.values().all(|spent| *spent <= most));
        }
    }
}
