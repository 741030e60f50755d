//! Several processes hand over, and a supplier takes one purchase order at a time.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::cases::CaseKind;
use domain::ids::SupplierId;
use doubles::shop::ShopOrder;
use jiff::SignedDuration;
use ports::{Clock as _, OrderIndex as _, SupplierSlots as _};
use tests::faults::{FAULTS, Faults};
use tests::slots::TestSlots;
use tests::world::{World, configuration};

/// The effects of handing over are: taking the slot, the artifact, the claim, the send.
const SENT: usize = 3;

/// Four processes, and a supplier for one of them.
async fn crowded(faults: Faults) -> (World, TestSlots) {
    let mut world = World::new(faults).await;
    let suppliers = String::from_utf8(configuration().remove("suppliers.toml").unwrap()).unwrap();
    let own = "id = \"northwind\"\n";
    let narrow = suppliers.replace(own, &format!("{own}concurrency = 1\n"));
    world.configure("suppliers.toml", &narrow).await;
    let slots = world.limit_concurrency(4);
    (world, slots)
}

async fn order(world: &mut World, number: u64) {
    let order = ShopOrder::new(number, &[("MUG", 1)]);
    world.topic("orders/create", &order.0).await;
}

#[tokio::test]
async fn a_slot_is_left_when_the_purchase_order_is_sent() {
    let (mut world, slots) = crowded(Faults::default()).await;
    for number in [1001, 1002] {
        order(&mut world, number).await;
    }
    world.pump().await;
    assert_eq!(world.received().len(), 2);
    assert_eq!(slots.held(world.clock.now()), []);
    assert_eq!(world.broken().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_finds_no_slot_waits_and_is_a_case_at_last() {
    let (mut world, slots) = crowded(Faults::default()).await;
    let northwind = SupplierId::parse("northwind").unwrap();
    let now = world.clock.now();
    let until = now + SignedDuration::from_hours(1);
    let other = slots.acquire(&northwind, 1, "another", now, until).await;
    let other = other.unwrap().unwrap();
    order(&mut world, 1001).await;
    world.pump().await;
    for _ in 0..9 {
        world.pass(SignedDuration::from_mins(1)).await;
    }
    assert!(world.received().is_empty());
    assert!(world.store.all_cases().await.unwrap().is_empty());
    world.pass(SignedDuration::from_mins(2)).await;
    let cases = world.store.all_cases().await.unwrap();
    let kinds: Vec<_> = cases.iter().map(|row| row.entry.kind).collect();
    assert_eq!(kinds, [CaseKind::SendDelayed]);
    slots.free(&other).await.unwrap();
    world.pass(SignedDuration::from_mins(2)).await;
    assert_eq!(world.received().len(), 1);
    assert!(world.store.all_cases().await.unwrap().is_empty());
    assert_eq!(world.broken().await, Vec::<String>::new());
}

/// Wherever the first stands between taking the slot and leaving it, the second sends nothing; and it
/// comes again when the slot is free, long before the sweep would wake it.
#[tokio::test]
async fn one_at_a_time_means_one() {
    let mut held_up = 0;
    for first_until in 0.. {
        let (mut world, slots) = crowded(Faults::default()).await;
        for number in [1001, 1002] {
            order(&mut world, number).await;
        }
        world.route_only().await;
        let Some(count) = world.forward_two_at_once(first_until).await else {
            break;
        };
        let alone = world.received().len() == 1;
        if alone {
            held_up += 1;
            assert_eq!(
                count,
                usize::from(first_until > SENT),
                "effect {first_until}"
            );
            assert_eq!(slots.held(world.clock.now()), []);
            world.pass(SignedDuration::from_secs(8)).await;
        }
        assert_eq!(world.received().len(), 2, "effect {first_until}");
        assert_eq!(world.broken().await, Vec::<String>::new());
    }
    // Artifact, claim, send, outcome, and leaving the slot.
    assert_eq!(held_up, 5);
}

/// Whoever held a slot when it ended keeps the others waiting for a while, not for ever.
#[tokio::test]
async fn crash_everywhere() {
    let (mut world, _) = crowded(Faults::default()).await;
    order(&mut world, 1001).await;
    world.pump().await;
    let effects = world.faults.effects();
    for effect in 0..effects {
        for fault in FAULTS {
            let (mut world, slots) = crowded(Faults::at(effect, fault)).await;
            for number in [1001, 1002] {
                order(&mut world, number).await;
            }
            world.settle().await;
            let told = format!("effect {effect}, {fault:?}:\n{}", world.story().await);
            assert_eq!(world.broken().await, Vec::<String>::new(), "{told}");
            let received = world.received();
            assert_eq!(received.len(), 2, "{told}");
            assert!(received.values().all(|times| *times == 1), "{told}");
            assert_eq!(slots.held(world.clock.now()), [], "{told}");
        }
    }
}
