//! What a channel reports of an order, as properties: where each unit of a line is, and which of
//! several messages counts.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::address::Address;
use domain::ids::{ChannelOrderId, LineId, OrderId, RefundId, Sku};
use domain::money::{Currency, Money};
use domain::order::Order;
use domain::order::events::Recorded;
use domain::order::news::{
    ChannelEvent, Content, FulfillmentStatus, Line, News, Note, OrderSnapshot, Payload,
    PayloadLine, Payment, Property, Refund, RefundedUnits,
};
use domain::order::units::LineUnits;
use domain::personal::Personal;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::BTreeSet;

fn start() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn money(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

fn line(quantity: u32) -> Line {
    Line {
        id: LineId::parse("71").unwrap(),
        sku: Some(Sku::parse("MUG").unwrap()),
        quantity,
        current_quantity: quantity,
        fulfillable: None,
        fulfilled: 0,
        status: FulfillmentStatus::Open,
        has_properties: false,
        price: money(1_999),
        discount: None,
        included_tax: None,
        not_ours: None,
    }
}

fn units(line: &Line, refunded: RefundedUnits) -> LineUnits {
    LineUnits::of(line, refunded, &FulfillmentStatus::Open)
}

/// Figures that agree with each other: (removed, cancelled, fulfilled, returned, unstated) of q.
fn figures() -> impl Strategy<Value = (u32, u32, u32, u32, u32, u32)> {
    (0..9_u32).prop_flat_map(|ordered| {
        (0..=ordered).prop_flat_map(move |shipped| {
            (0..=ordered - shipped, 0..=shipped).prop_flat_map(move |(taken_out, returned)| {
                (0..=taken_out, 0..=ordered - taken_out - returned).prop_map(
                    move |(cancelled, unstated)| {
                        (
                            ordered,
                            taken_out - cancelled,
                            cancelled,
                            shipped,
                            returned,
                            unstated,
                        )
                    },
                )
            })
        })
    })
}

proptest! {
    /// gone = C + E + max(0, N - max(0, F - R)), and every unit is in one place.
    #[test]
    fn units_follow_the_formula((ordered, removed, cancelled, fulfilled, returned, unstated) in figures()) {
        let refunded = RefundedUnits { cancelled, returned, unstated };
        let mut known = line(ordered);
        known.fulfilled = fulfilled;
        known.current_quantity = ordered - removed - refunded.total();
        let read = units(&known, refunded);
        let gone = cancelled + removed + unstated.saturating_sub(fulfilled - returned);
        prop_assert_eq!(read.gone, gone);
        prop_assert_eq!(read.open, ordered - fulfilled - gone);
        prop_assert_eq!(read.sendable, read.open, "nothing is said of a hold");
        prop_assert_eq!(read.unclear, 0);
        // What the channel counts as to be shipped is open, held, or unclear, and never dropped.
        for fulfillable in 0..=ordered - fulfilled {
            known.fulfillable = Some(fulfillable);
            let held = units(&known, refunded);
            prop_assert_eq!(held.gone + held.fulfilled + held.open + held.unclear, ordered);
            prop_assert_eq!(held.sendable, held.open.min(fulfillable));
            let by_money_alone = gone - cancelled - removed;
            prop_assert_eq!(held.unclear, fulfillable.saturating_sub(held.open).min(by_money_alone));
        }
    }

    /// Figures that contradict each other are possible while messages are on their way.
    #[test]
    fn whatever_the_figures_nothing_shipped_is_gone(
        ordered in 0..9_u32, current in 0..12_u32, fulfilled in 0..12_u32,
        cancelled in 0..12_u32, returned in 0..12_u32, unstated in 0..12_u32,
        fulfillable in prop::option::of(0..12_u32),
    ) {
        let mut known = line(ordered);
        known.current_quantity = current;
        known.fulfilled = fulfilled;
        known.fulfillable = fulfillable;
        let read = units(&known, RefundedUnits { cancelled, returned, unstated });
        prop_assert_eq!(read.gone + read.fulfilled + read.open + read.unclear, ordered);
        prop_assert!(read.wanted() >= fulfilled.min(ordered));
        prop_assert!(read.sendable <= read.open);
        prop_assert!(fulfillable.is_none_or(|most| read.sendable <= most));
    }
}

#[test]
fn a_hold_keeps_every_open_unit() {
    let mut known = line(3);
    known.fulfilled = 1;
    known.fulfillable = Some(2);
    assert_eq!(units(&known, RefundedUnits::default()).sendable, 2);
    for status in [FulfillmentStatus::OnHold, FulfillmentStatus::Scheduled] {
        known.status = status;
        let read = units(&known, RefundedUnits::default());
        assert_eq!((read.open, read.sendable), (2, 0));
    }
    known.status = FulfillmentStatus::Open;
    let of = |known: &Line, order| LineUnits::of(known, RefundedUnits::default(), &order).sendable;
    // The line's own figure counts more than what is said of the order.
    assert_eq!(of(&known, FulfillmentStatus::OnHold), 2);
    known.fulfillable = None;
    assert_eq!(of(&known, FulfillmentStatus::OnHold), 0);
    assert_eq!(of(&known, FulfillmentStatus::Unknown("new".to_owned())), 2);
}

/// One message of the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    second: i64,
    emitted: Option<i64>,
    street: u8,
    engraving: bool,
    lines: u32,
    paid: bool,
    payment: Payment,
    cancelled: bool,
    refund: Option<u32>,
}

fn message(seconds: std::ops::Range<i64>) -> impl Strategy<Value = Message> {
    let payment = select(vec![
        Payment::Paid,
        Payment::Pending,
        Payment::PartiallyRefunded,
        Payment::Refunded,
    ]);
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.1));
    let emitted = prop::option::of(0..3_i64);
    let texts = (0..3_u8, 1..4_u32, prop::option::of(1..3_u32));
    (seconds, emitted, texts, flags, payment).prop_map(
        |(second, emitted, (street, lines, refund), (engraving, paid, cancelled), payment)| {
            Message {
                second,
                emitted,
                street,
                engraving,
                lines,
                paid,
                payment,
                cancelled,
                refund,
            }
        },
    )
}

impl Message {
    fn key(&self) -> (i64, Option<i64>) {
        (self.second, self.emitted)
    }

    fn event(&self) -> ChannelEvent {
        let address = Address {
            name: "Ada Example".to_owned(),
            address1: format!("{} Main St", self.street),
            city: "Lexington".to_owned(),
            country_code: "US".to_owned(),
            ..Address::default()
        };
        let at = |second: i64| start() + SignedDuration::from_secs(second);
        let line_id = |number: u32| LineId::parse(format!("7{number}")).unwrap();
        let refunds: Vec<Refund> = self
            .refund
            .into_iter()
            .map(|units| Refund {
                id: RefundId::parse(format!("80{units}")).unwrap(),
                created_at: Some(at(1)),
                units: [(
                    line_id(1),
                    RefundedUnits {
                        cancelled: units,
                        ..RefundedUnits::default()
                    },
                )]
                .into(),
                amount: Some(money(100)),
            })
            .collect();
        let properties = || {
            let engraving = self.engraving.then(|| Property {
                name: "Engraving".to_owned(),
                value: Personal::new("For Ada".to_owned()),
            });
            engraving.into_iter().collect()
        };
        ChannelEvent::Order(Box::new(OrderSnapshot {
            id: ChannelOrderId::parse("1").unwrap(),
            updated_at: at(self.second),
            emitted_at: self.emitted.map(at),
            paid: self.paid,
            cancelled_at: self.cancelled.then(|| at(self.second)),
            content: Content {
                placed_at: start(),
                order_number: "1001".to_owned(),
                currency: Currency::parse("USD").unwrap(),
                total: money(10_000),
                test: false,
                destination: address.destination(true),
                lines: (1..=self.lines)
                    .map(|number| Line {
                        id: line_id(number),
                        has_properties: self.engraving,
                        ..line(4)
                    })
                    .collect(),
                tags: BTreeSet::new(),
                shipping: Vec::new(),
                payment: self.payment.clone(),
                gateways: BTreeSet::new(),
                net_terms: false,
                status: FulfillmentStatus::Open,
                refunds: refunds.iter().map(|refund| refund.id.clone()).collect(),
                note: Note::Absent,
                gift: false,
            },
            refunds,
            payload: Payload {
                ship_to: Personal::new(address),
                email: Personal::default(),
                order_name: "#1001".to_owned(),
                placed_at: start(),
                shipping_method: String::new(),
                lines: (1..=self.lines)
                    .map(|number| PayloadLine {
                        id: line_id(number),
                        sku: "MUG".to_owned(),
                        title: String::new(),
                        quantity: 4,
                        properties: properties(),
                    })
                    .collect(),
                note: Personal::default(),
                attributes: Vec::new(),
            },
        }))
    }
}

/// What is known after these messages, each committed before the next comes.
fn told<'a>(messages: impl IntoIterator<Item = &'a Message>) -> News {
    let mut order = Order::new(OrderId::parse("acme/1").unwrap());
    for (at, message) in messages.into_iter().enumerate() {
        let event = message.event();
        let at = start() + SignedDuration::from_secs(i64::try_from(at).unwrap());
        let (events, _) = order.merge(&event);
        for event in events {
            order = order.apply(&Recorded { at, event }).unwrap();
        }
        assert_eq!(order.merge(&event).0, [], "a message repeated adds nothing");
    }
    order.news
}

/// The messages in any order, some of them several times.
fn shuffled(messages: Vec<Message>) -> impl Strategy<Value = (Vec<Message>, Vec<Message>)> {
    let repeated = subsequence(messages.clone(), 0..=messages.len());
    repeated.prop_flat_map(move |repeated| {
        let all: Vec<Message> = messages.iter().chain(&repeated).cloned().collect();
        (Just(messages.clone()), Just(all).prop_shuffle())
    })
}

fn with_keys_of_their_own(messages: &[Message]) -> Vec<Message> {
    let mut keys = BTreeSet::new();
    let own = messages.iter().filter(|message| keys.insert(message.key()));
    own.cloned().collect()
}

proptest! {
    /// With different keys any permutation with repetition ends alike.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        (once, again) in prop::collection::vec(message(0..6), 1..7)
            .prop_map(|messages| with_keys_of_their_own(&messages))
            .prop_flat_map(shuffled)
    ) {
        prop_assert_eq!(told(&once), told(&again));
    }

    /// With equal keys repetition changes nothing: only the order of first arrivals matters.
    #[test]
    fn at_an_equal_key_only_first_arrivals_matter(
        (_, again) in prop::collection::vec(message(0..1), 1..6).prop_flat_map(shuffled)
    ) {
        let mut seen = Vec::new();
        for message in &again {
            if !seen.contains(&message) {
                seen.push(message);
            }
        }
        prop_assert_eq!(told(&again), told(seen));
    }
}

#[test]
fn of_one_second_the_last_to_arrive_for_the_first_time_wins() {
    let one = Message {
        second: 1,
        emitted: None,
        street: 1,
        engraving: false,
        lines: 1,
        paid: true,
        payment: Payment::Paid,
        cancelled: false,
        refund: None,
    };
    let two = Message {
        street: 2,
        ..one.clone()
    };
    let address = |messages: &[&Message]| told(messages.iter().copied()).latest.unwrap().address;
    let of = |message: &Message| address(&[message]);
    assert_eq!(address(&[&one, &two]), of(&two));
    assert_eq!(address(&[&two, &one]), of(&one));
    assert_eq!(address(&[&one, &two, &one]), of(&two));
    // The channel's own time says better which is newer, and none is the lowest.
    let later = Message {
        emitted: Some(2),
        ..one.clone()
    };
    let sooner = Message {
        emitted: Some(1),
        ..two.clone()
    };
    assert_eq!(address(&[&later, &sooner]), of(&one));
    assert_eq!(address(&[&later, &two]), of(&one));
    // A newer second forgets what was taken in the one before.
    let newer = Message {
        second: 2,
        ..one.clone()
    };
    assert_eq!(address(&[&one, &two, &newer]), of(&one));
    assert_eq!(told([&one, &two, &newer]).taken.len(), 1);
}

#[test]
fn the_newest_status_decides_about_a_full_refund() {
    let message = |second, payment, lines| Message {
        second,
        emitted: None,
        street: 1,
        engraving: false,
        lines,
        paid: true,
        payment,
        cancelled: false,
        refund: None,
    };
    let refunded = message(2, Payment::Refunded, 1);
    let added = message(3, Payment::Refunded, 2);
    let paid = message(4, Payment::PartiallyRefunded, 2);
    let second = LineId::parse("72").unwrap();
    let first = LineId::parse("71").unwrap();
    for messages in [[&refunded, &added], [&added, &refunded]] {
        let news = told(messages);
        assert!(news.is_fully_refunded());
        assert!(news.is_added_after_refund(&second) && !news.is_added_after_refund(&first));
    }
    assert!(!told([&refunded, &added, &paid]).is_fully_refunded());
    assert!(told([&paid, &message(5, Payment::Refunded, 2)]).is_fully_refunded());
}

#[test]
fn refunds_add_up_only_while_one_is_newer_than_the_message() {
    let known = Message {
        second: 10,
        emitted: None,
        street: 1,
        engraving: false,
        lines: 1,
        paid: true,
        payment: Payment::Paid,
        cancelled: false,
        refund: None,
    };
    let refund = |id: &str, second: i64, minor: i64| ChannelEvent::Refund {
        order: ChannelOrderId::parse("1").unwrap(),
        refund: Refund {
            id: RefundId::parse(id).unwrap(),
            created_at: Some(start() + SignedDuration::from_secs(second)),
            units: std::collections::BTreeMap::new(),
            amount: Some(money(minor)),
        },
    };
    let after = |events: &[ChannelEvent]| {
        let mut order = Order::new(OrderId::parse("acme/1").unwrap());
        for event in events {
            let (events, _) = order.merge(event);
            for event in events {
                let at = start();
                order = order.apply(&Recorded { at, event }).unwrap();
            }
        }
        order.news.is_fully_refunded()
    };
    let older = refund("1", 5, 4_000);
    assert!(after(&[
        known.event(),
        older.clone(),
        refund("2", 11, 6_000)
    ]));
    assert!(
        after(&[known.event(), refund("2", 10, 10_000)]),
        "of the same second"
    );
    assert!(!after(&[known.event(), refund("2", 11, 9_999)]));
    assert!(
        !after(&[known.event(), older, refund("2", 9, 6_000)]),
        "the message is newer"
    );
    let newer = Message {
        second: 12,
        ..known.clone()
    };
    assert!(!after(&[
        known.event(),
        refund("2", 11, 10_000),
        newer.event()
    ]));
}
