use super::*;
use proptest::prelude::*;

fn calendar(zone: &str, hours: &[(u16, u16)], holidays: &[&str], cut_offs: &[u16]) -> Calendar {
    Calendar {
        hours: hours
            .iter()
            .map(|(from, to)| Hours {
                from: *from,
                to: *to,
            })
            .collect(),
        holidays: holidays.iter().map(|date| date.parse().unwrap()).collect(),
        cut_offs: cut_offs.iter().copied().collect(),
        ..Calendar::weekdays(TimeZone::get(zone).unwrap())
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn an_opening_is_now_or_the_next_window() {
    let office = calendar(
        "Europe/Berlin",
        &[(8 * 60, 12 * 60), (13 * 60, 17 * 60)],
        &["2026-12-25", "2026-12-28"],
        &[],
    );
    for (now, opening) in [
        // Monday, in the morning window, and at its very ends.
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z"),
        ("2026-11-23T07:00:00Z", "2026-11-23T07:00:00Z"),
        ("2026-11-23T11:00:00Z", "2026-11-23T12:00:00Z"),
        ("2026-11-23T05:00:00Z", "2026-11-23T07:00:00Z"),
        // Friday evening to Monday morning.
        ("2026-11-27T16:00:00Z", "2026-11-30T07:00:00Z"),
        // Friday the 25th and Monday the 28th are holidays.
        ("2026-12-24T16:00:00Z", "2026-12-29T07:00:00Z"),
        // Summer time is an hour earlier in UTC.
        ("2026-07-06T00:00:00Z", "2026-07-06T06:00:00Z"),
    ] {
        assert_eq!(next_opening(&office, at(now)), at(opening), "{now}");
    }
}

#[test]
fn a_cut_off_is_on_an_open_day() {
    let mut batched = calendar(
        "America/New_York",
        &[(0, MINUTES_A_DAY)],
        &["2026-11-26"],
        &[11 * 60, 16 * 60],
    );
    for (now, cut_off) in [
        ("2026-11-25T15:00:00Z", "2026-11-25T16:00:00Z"),
        ("2026-11-25T16:00:00Z", "2026-11-25T16:00:00Z"),
        ("2026-11-25T16:00:01Z", "2026-11-25T21:00:00Z"),
        // Thanksgiving.
        ("2026-11-25T21:00:01Z", "2026-11-27T16:00:00Z"),
    ] {
        assert_eq!(next_cut_off(&batched, at(now)), Some(at(cut_off)), "{now}");
    }
    batched.cut_offs.clear();
    assert_eq!(next_cut_off(&batched, at("2026-11-25T15:00:00Z")), None);
}

#[test]
fn a_skipped_time_is_the_instant_after_the_gap_and_a_doubled_one_the_first() {
    let every_day = |hours| Calendar {
        days: [true; 7],
        ..calendar("Europe/Berlin", hours, &[], &[150])
    };
    // On 2026-03-29 the clock goes from 02:00 to 03:00, which is 01:00 UTC.
    let night = every_day(&[(150, 240)]);
    assert_eq!(
        next_opening(&night, at("2026-03-29T00:00:00Z")),
        at("2026-03-29T01:00:00Z")
    );
    assert_eq!(
        next_cut_off(&night, at("2026-03-29T00:00:00Z")),
        Some(at("2026-03-29T01:00:00Z"))
    );
    // A window that lies wholly in the gap does not exist on that day.
    let gap = every_day(&[(125, 170)]);
    assert_eq!(
        next_opening(&gap, at("2026-03-29T00:00:00Z")),
        at("2026-03-30T00:05:00Z")
    );
    // On 2026-10-25 it goes from 03:00 back to 02:00, which is 01:00 UTC.
    assert_eq!(
        next_opening(&night, at("2026-10-24T23:00:00Z")),
        at("2026-10-25T00:30:00Z")
    );
}

#[test]
fn days_that_a_zone_left_out_are_passed_over() {
    // Samoa had no 30 December 2011.
    let apia = calendar("Pacific/Apia", &[(8 * 60, 9 * 60)], &[], &[8 * 60]);
    let opening = next_opening(&apia, at("2011-12-29T20:00:00Z"));
    assert_eq!(
        apia.zone.to_datetime(opening).to_string(),
        "2012-01-02T08:00:00"
    );
}

#[test]
fn holidays_for_long_do_not_stop_the_search() {
    let mut closed = calendar("UTC", &[(0, 60)], &[], &[]);
    let first: Date = "2026-01-01".parse().unwrap();
    closed.holidays = std::iter::successors(Some(first), |date| date.tomorrow().ok())
        .take(900)
        .collect();
    assert_eq!(
        next_opening(&closed, at("2026-01-01T00:00:00Z")),
        at("2028-06-19T00:00:00Z")
    );
    closed.days = [false; 7];
    assert_eq!(
        next_opening(&closed, at("2026-01-01T00:00:00Z")),
        Timestamp::MAX
    );
}

fn calendars() -> impl Strategy<Value = Calendar> {
    let zones = prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "America/Santiago",
    ]);
    let bounds = prop::collection::btree_set(0_u16..=MINUTES_A_DAY, 2..8);
    let holidays = prop::collection::btree_set(0_i32..900, 0..40);
    let cut_offs = prop::collection::btree_set(0_u16..MINUTES_A_DAY, 0..4);
    (
        zones,
        prop::array::uniform7(any::<bool>()),
        bounds,
        holidays,
        cut_offs,
    )
        .prop_map(|(zone, mut days, bounds, holidays, cut_offs)| {
            // Nobody is closed on every day.
            days[2] = true;
            let bounds: Vec<u16> = bounds.into_iter().collect();
            let first: Date = "2025-06-01".parse().unwrap();
            Calendar {
                zone: TimeZone::get(zone).unwrap(),
                days,
                hours: bounds
                    .chunks_exact(2)
                    .map(|pair| Hours {
                        from: pair[0],
                        to: pair[1],
                    })
                    .collect(),
                holidays: holidays
                    .into_iter()
                    .map(|day| first.checked_add(jiff::Span::new().days(day)).unwrap())
                    .collect(),
                cut_offs,
            }
        })
}

/// Whether the local clock shows an open minute of an open day.
fn clock_says_open(calendar: &Calendar, at: Timestamp) -> bool {
    let local = calendar.zone.to_datetime(at);
    let minute = u16::try_from(local.hour()).unwrap() * 60 + u16::try_from(local.minute()).unwrap();
    calendar.is_open_day(local.date())
        && calendar
            .hours
            .iter()
            .any(|hours| hours.from <= minute && minute < hours.to)
}

fn moments() -> impl Strategy<Value = Timestamp> {
    // 2025-06 to 2027-11, which holds clock changes of every zone.
    (1_748_736_000_i64..1_825_000_000).prop_map(|second| Timestamp::from_second(second).unwrap())
}

proptest! {
    #[test]
    fn an_opening_is_not_before_now_and_inside_a_window(calendar in calendars(), now in moments()) {
        let opening = next_opening(&calendar, now);
        prop_assert!(opening >= now);
        prop_assert!(clock_says_open(&calendar, opening), "{opening}");
        prop_assert_eq!(next_opening(&calendar, opening), opening);
        prop_assert!(calendar.is_open(opening));
    }

    #[test]
    fn nothing_open_is_passed_over(calendar in calendars(), now in moments(), part in 0_i64..1000) {
        let opening = next_opening(&calendar, now);
        let between = now.as_second() + (opening.as_second() - now.as_second()) * part / 1000;
        let between = Timestamp::from_second(between).unwrap();
        if between < opening && clock_says_open(&calendar, between) {
            // Only the second pass of a doubled hour may look open and not be.
            let earlier = between.checked_sub(jiff::SignedDuration::from_hours(1)).unwrap();
            let (a, b) = (calendar.zone.to_datetime(earlier), calendar.zone.to_datetime(between));
            prop_assert!(b.duration_since(a).as_secs() < 3600, "{between} was open");
        }
    }

    #[test]
    fn later_never_means_earlier(calendar in calendars(), one in moments(), other in moments()) {
        let (first, second) = (one.min(other), one.max(other));
        prop_assert!(next_opening(&calendar, first) <= next_opening(&calendar, second));
        prop_assert!(next_cut_off(&calendar, first) <= next_cut_off(&calendar, second));
    }

    #[test]
    fn a_cut_off_is_one_of_those_of_its_day(calendar in calendars(), now in moments()) {
        match next_cut_off(&calendar, now) {
            None => prop_assert!(calendar.cut_offs.is_empty()),
            Some(cut_off) => {
                prop_assert!(cut_off >= now);
                let date = calendar.zone.to_datetime(cut_off).date();
                let around = [date.yesterday().unwrap(), date];
                prop_assert!(around.iter().any(|date| calendar.is_open_day(*date)
                    && calendar.cut_offs.iter().any(|minute| calendar.instant(*date, *minute) == Some(cut_off))));
                prop_assert_eq!(next_cut_off(&calendar, cut_off), Some(cut_off));
            }
        }
    }
}
