//! What a channel says beside articles and address: holds, payment, delivery, personalisation. Each
//! rule stands beside an order that it must not hold.

use super::*;
use crate::order::decide::Command as Decision;
use crate::order::events::{Event, Recorded};
use crate::order::news::LocalDelivery;
use crate::order::state::{Wait, WaitKind};
use crate::order::topics::channel::ChannelChange;
use crate::settings::{Extra, Split, Unpaid};

fn mug_and_lamp() -> World {
    World::new(&[("MUG", 2, "10.00 USD"), ("LAMP", 1, "20.00 USD")])
        .supplier("north", 10, Terms::default())
        .offer("MUG", "north", "4.00 USD")
        .offer("LAMP", "north", "9.00 USD")
}

fn waits(world: &World) -> Vec<Wait> {
    let Command::Route { routed, .. } = world.plan().command else {
        panic!("a plan routes");
    };
    routed.state.waits
}

/// The order after its plan, as it is committed.
fn routed(mut world: World) -> World {
    let command = world.plan().command;
    decided(&mut world, command).unwrap();
    world
}

fn decided(world: &mut World, command: Decision) -> Result<(), crate::refusal::Refusal> {
    let at = world.now;
    for event in world.order.decide(command, at)? {
        world.order = world.order.clone().apply(&Recorded { at, event })?;
    }
    Ok(())
}

fn via() -> crate::sending::via::Via {
    crate::sending::via::Via {
        method: "mail".to_owned(),
        place: "orders@north.example".to_owned(),
        file: None,
        lookup: None,
        reports_delivery: false,
    }
}

fn release(method: Option<&str>) -> Decision {
    Decision::Release {
        method: method.map(str::to_owned),
        who: "Ada".to_owned(),
        why: "looked at it".to_owned(),
    }
}

fn on_hold(world: World) -> World {
    world.content(|content| content.lines[0].fulfillable = Some(0))
}

fn cases(world: &World, hours: i64) -> Vec<CaseKind> {
    let now = world.now + SignedDuration::from_hours(hours);
    let entries = world.order.cases(now);
    let kinds = entries.into_iter().map(|entry| entry.kind);
    // Nobody sends here.
    kinds
        .filter(|kind| !matches!(kind, CaseKind::SendDelayed | CaseKind::Stuck))
        .collect()
}

#[test]
fn a_held_line_keeps_no_other_back_and_is_a_case_after_a_day() {
    for split in [Split::Allow, Split::PreferSingle, Split::Never] {
        let world = on_hold(mug_and_lamp()).rules(|rules| rules.split = split);
        assert_eq!(world.told(), "north: 1 x LAMP");
        let [wait] = &waits(&world)[..] else {
            panic!("one wait");
        };
        assert_eq!(wait.kind, WaitKind::Channel);
        assert_eq!(wait.lines.values().copied().collect::<Vec<_>>(), [2]);
        assert_eq!(wait.until, None, "the clock alone never sends");
        let world = routed(world);
        assert_eq!(cases(&world, 23), []);
        assert_eq!(cases(&world, 24), [CaseKind::OnHoldAtChannel]);
        let day = world.now + SignedDuration::from_hours(24);
        let shown = world.order.next_case_at(day - SignedDuration::from_secs(1));
        assert_eq!(shown, Some(day));
        let mut entries = world.order.cases(day);
        entries.retain(|entry| entry.kind == CaseKind::OnHoldAtChannel);
        let entry = entries.remove(0);
        assert_eq!(entry.cause, "acme", "one case a channel");
        assert_eq!(entry.severity.number(), 3);
    }
    let sooner = on_hold(mug_and_lamp())
        .rules(|rules| rules.release.all.hold_case_after = SignedDuration::from_hours(1));
    assert_eq!(cases(&routed(sooner), 1), [CaseKind::OnHoldAtChannel]);
}

#[test]
fn a_person_lets_through_what_is_on_hold_now_and_not_a_later_hold() {
    let mut world = routed(on_hold(mug_and_lamp()));
    decided(&mut world, release(None)).unwrap();
    assert_eq!(world.told(), "north: 2 x MUG");
    // Repeated, it is done already.
    let again = world.order.decide(release(None), world.now).unwrap();
    assert_eq!(again, []);
    // The shop lets it go, and holds it again before anybody sent it.
    for fulfillable in [Some(2), Some(0)] {
        let mut latest = world.order.news.latest.clone().unwrap();
        latest.updated_at += SignedDuration::from_secs(1);
        latest.register = Digest::of(format!("{fulfillable:?}").as_bytes());
        latest.content.lines[0].fulfillable = fulfillable;
        let (at, event) = (
            world.now,
            Event::Channel(ChannelChange::OrderUpdated(latest)),
        );
        world.order = world.order.apply(&Recorded { at, event }).unwrap();
    }
    assert_eq!(world.told(), "");
    assert_eq!(waits(&world).len(), 1);
}

/// Mug and lamp, at a supplier.
fn claimed() -> World {
    let mut world = routed(mug_and_lamp());
    let number = world.order.purchase_orders[0].number.clone();
    let claim = Decision::StartSend {
        id: crate::sending::subject::SendSubject::from(&number),
        artifact: Digest::of(b"artifact"),
        resolve_at: world.now + SignedDuration::from_mins(1),
        cut_off: None,
        via: via(),
    };
    decided(&mut world, claim).unwrap();
    world
}

#[test]
fn units_that_a_supplier_has_and_the_shop_holds_are_a_case_and_no_cancellation() {
    let world = claimed();
    let mut world = routed(on_hold(world));
    assert_eq!(cases(&world, 0), [CaseKind::OnHoldAfterSend]);
    assert!(world.order.purchase_orders[0].cancels.is_empty());
    assert_eq!(waits(&world), []);
    decided(&mut world, release(None)).unwrap();
    assert_eq!(cases(&world, 0), []);
}

#[test]
fn an_erased_address_of_a_delivered_order_is_no_case() {
    let world = claimed();
    let erased = |world: World| {
        let mut world = world.content(|content| {
            content.destination.missing = vec!["street".to_owned()];
        });
        let latest = world.order.news.latest.as_mut().unwrap();
        latest.address = Digest::of(b"erased");
        latest.edit = Digest::of(b"erased");
        world.order.payload = Some((2, Digest::of(b"erased")));
        world
    };
    let mut open = world.clone();
    open = erased(open);
    assert_eq!(cases(&open, 0), [CaseKind::EditedAfterSend]);
    let delivered = world.content(|content| {
        for line in &mut content.lines {
            line.fulfilled = line.quantity;
        }
    });
    let delivered = routed(erased(delivered));
    assert_eq!(cases(&delivered, 0), []);
    assert_eq!(delivered.holds(), []);
}

#[test]
fn nothing_goes_without_an_address_whatever_is_released() {
    let lacks = |part: &str| {
        let part = part.to_owned();
        mug_and_lamp().content(move |content| content.destination.missing = vec![part])
    };
    for part in ["name or company", "street", "city", "country"] {
        let world = lacks(part);
        assert_eq!(kinds(&world), [CaseKind::AddressUnusable], "{part}");
        assert_eq!(kinds(&world.released()), [CaseKind::AddressUnusable]);
    }
    for part in ["province", "postal code"] {
        let world = lacks(part);
        assert_eq!(kinds(&world), [CaseKind::AddressIncomplete], "{part}");
        assert_eq!(world.released().told(), "north: 2 x MUG, 1 x LAMP");
    }
}

fn unpaid(payment: Payment) -> World {
    let mut world = mug_and_lamp();
    world.order.news.paid = false;
    world.content(|content| content.payment = payment)
}

#[test]
fn an_order_that_is_not_paid_goes_as_the_merchant_says() {
    let told = |world: &World| match waits(world).first() {
        Some(wait) => format!("waits for {}", wait.why),
        None => world.told(),
    };
    for payment in [
        Payment::Pending,
        Payment::Authorized,
        Payment::PartiallyPaid,
        Payment::Voided,
        Payment::Expired,
        Payment::Unknown("new".to_owned()),
    ] {
        let world = unpaid(payment.clone());
        assert!(told(&world).starts_with("waits for"), "{payment:?}");
    }
    let partially = |rule| {
        unpaid(Payment::PartiallyPaid).rules(|rules| rules.payment.all.partially_paid = rule)
    };
    assert_eq!(told(&partially(Unpaid::Send)), "north: 2 x MUG, 1 x LAMP");
    let held = partially(Unpaid::Hold);
    assert_eq!(kinds(&held), [CaseKind::PaymentIncomplete]);
    assert_eq!(held.released().told(), "north: 2 x MUG, 1 x LAMP");
    let terms = |rule| {
        unpaid(Payment::Pending)
            .content(|content| content.net_terms = true)
            .rules(|rules| rules.payment.all.net_terms = rule)
    };
    assert_eq!(told(&terms(Unpaid::Send)), "north: 2 x MUG, 1 x LAMP");
    assert_eq!(
        told(&terms(Unpaid::Wait)),
        "waits for payment on agreed terms"
    );
    let by = |payment, gateway: &str| {
        let gateway = gateway.to_owned();
        unpaid(payment)
            .content(move |content| content.gateways = [gateway].into())
            .rules(|rules| {
                rules.payment.all.send_unpaid_gateways = ["cash on delivery".to_owned()].into();
            })
    };
    let sent = "north: 2 x MUG, 1 x LAMP";
    assert_eq!(told(&by(Payment::Pending, "Cash on Delivery")), sent);
    assert_eq!(
        told(&by(Payment::Pending, "Bank deposit")),
        "waits for payment"
    );
    assert_eq!(
        told(&by(Payment::Voided, "Cash on Delivery")),
        "waits for payment"
    );
}

#[test]
fn an_order_unpaid_for_two_weeks_is_a_case_until_it_is_paid() {
    let mut world = routed(unpaid(Payment::Pending));
    assert_eq!(cases(&world, 14 * 24 - 1), []);
    assert_eq!(cases(&world, 14 * 24), [CaseKind::Unpaid]);
    world.now += SignedDuration::from_hours(20 * 24);
    let (at, event) = (world.now, Event::Channel(ChannelChange::PaymentReceived));
    world.order = world.order.apply(&Recorded { at, event }).unwrap();
    assert_eq!(world.told(), "north: 2 x MUG, 1 x LAMP");
    assert_eq!(cases(&routed(world), 0), []);
}

#[test]
fn a_delay_counts_from_the_payment_and_is_not_restarted() {
    let delayed = || {
        let mut world =
            mug_and_lamp().rules(|rules| rules.release.all.delay = SignedDuration::from_mins(10));
        world.order.paid_at = Some(world.now);
        world
    };
    let due = |world: &World| world.purchase_orders()[0].due;
    let mut world = delayed();
    let over = world.now + SignedDuration::from_mins(10);
    assert_eq!(due(&world), Some(over));
    assert_eq!(world.purchase_orders()[0].released_at, Some(over));
    // Planned again after four minutes, as an edit does.
    world.now += SignedDuration::from_mins(4);
    assert_eq!(due(&world), Some(over));
    world.now = over;
    assert_eq!(due(&world), None);
    let world = routed(delayed());
    assert_eq!(cases(&world, 0), []);
    assert_eq!(world.order.due(), Some(over));
    let acme = world.order.id.channel.clone();
    let own = delayed().rules(|rules| {
        rules
            .release
            .own
            .insert(acme, crate::settings::Release::default());
    });
    assert_eq!(due(&own), None, "the channel's own rule");
}

fn method(title: &str, local: Option<LocalDelivery>) -> ShippingMethod {
    ShippingMethod {
        title: title.to_owned(),
        code: String::new(),
        local,
    }
}

#[test]
fn several_ways_of_delivery_wait_for_a_person_who_chooses() {
    let several = || {
        routed(mug_and_lamp().content(|content| {
            content.shipping = vec![
                method("Main Street", Some(LocalDelivery::Pickup)),
                method("Express", None),
            ];
        }))
    };
    let mut world = several();
    assert_eq!(kinds(&world), [CaseKind::SeveralShippingMethods]);
    let refused = |world: &mut World, method| decided(world, release(method)).unwrap_err();
    assert!(refused(&mut world, None).to_string().contains("--method"));
    assert!(
        refused(&mut world, Some("Fast"))
            .to_string()
            .contains("\"Express\"")
    );
    decided(&mut world, release(Some("express"))).unwrap();
    assert_eq!(world.told(), "north: 2 x MUG, 1 x LAMP");
    assert_eq!(
        world.purchase_orders()[0].method.as_deref(),
        Some("Express")
    );
    // Other methods are another question.
    let other = world.content(|content| content.shipping.push(method("Slow", None)));
    assert_eq!(kinds(&other), [CaseKind::SeveralShippingMethods]);

    let mut picked_up = several();
    decided(&mut picked_up, release(Some("Main Street"))).unwrap();
    assert_eq!(picked_up.told(), "");
    let one = mug_and_lamp().content(|content| content.shipping = vec![method("Express", None)]);
    assert_eq!(one.told(), "north: 2 x MUG, 1 x LAMP");
    let mut one = routed(one);
    assert!(
        refused(&mut one, Some("Express"))
            .to_string()
            .contains("--method")
    );
}

#[test]
fn a_local_delivery_that_is_held_can_be_released() {
    let world = mug_and_lamp().content(|content| {
        content.shipping = vec![method("By bicycle", Some(LocalDelivery::Delivery))];
    });
    assert_eq!(kinds(&world), [CaseKind::LocalDelivery]);
    assert_eq!(world.released().told(), "north: 2 x MUG, 1 x LAMP");
}

#[test]
fn notes_gifts_and_personalisation_are_looked_at_where_the_merchant_wants_it() {
    let special = || {
        mug_and_lamp().content(|content| {
            content.note = Note::Ignored;
            content.gift = true;
            content.lines[0].has_properties = true;
        })
    };
    assert_eq!(special().told(), "north: 2 x MUG, 1 x LAMP");
    let note = special().rules(|rules| rules.extras.note = Extra::Hold);
    assert_eq!(kinds(&note), [CaseKind::NoteToRead]);
    assert_eq!(note.released().told(), "north: 2 x MUG, 1 x LAMP");
    let held = mug_and_lamp().content(|content| content.note = Note::Held);
    assert_eq!(kinds(&held), [CaseKind::NoteToRead]);
    let gift = special().rules(|rules| rules.extras.gift = Extra::Hold);
    assert_eq!(kinds(&gift), [CaseKind::GiftToCheck]);
    let properties = special().rules(|rules| rules.extras.properties = Extra::Hold);
    assert_eq!(kinds(&properties), [CaseKind::PersonalisationToCheck]);
    assert!(
        properties.told().starts_with("north: 1 x LAMP"),
        "that line only"
    );
    assert_eq!(kinds(&properties.released()), []);
}

#[test]
fn a_shortened_sku_matches_nothing() {
    let long = Sku::from_channel(&"X".repeat(255)).unwrap();
    let mut world = mug_and_lamp();
    let mut offer = world.offers[0].clone();
    offer.offer.sku = long.clone();
    world.offers.push(offer);
    let world = world.content(|content| content.lines[0].sku = Some(long));
    assert!(
        world
            .told()
            .starts_with("north: 1 x LAMP + held unmapped-sku")
    );
}
