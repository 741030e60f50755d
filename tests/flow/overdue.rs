//! What shows only with time: the sweep writes it into the index, the next step takes it out.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::messages::QueueName;
use domain::order::attention::CaseKind;
use doubles::shop::ShopOrder;
use jiff::SignedDuration;
use ports::{Area, Clock as _, Deliveries as _, Files as _, MAX_RECEIVES, OrderStore as _};
use tests::faults::{FAULTS, Faults};
use tests::world::World;

async fn indexed(world: &World) -> Vec<(CaseKind, String)> {
    let rows = world.store.attention().await.unwrap();
    rows.into_iter()
        .map(|row| (row.attention.kind, row.attention.cause))
        .collect()
}

/// Minutes pass in which the sweep runs and nobody works on the queues.
async fn nobody_works(world: &mut World, minutes: u32) {
    for _ in 0..minutes {
        world.clock.advance(SignedDuration::from_mins(1));
        world.sweep().await;
    }
}

#[tokio::test]
async fn received_and_not_routed() {
    let mut world = World::new(Faults::default()).await;
    let order = ShopOrder::new(1001, &[("MUG", 1)]);
    world.topic("orders/create", &order.0).await;
    nobody_works(&mut world, 4).await;
    assert_eq!(indexed(&world).await, []);
    nobody_works(&mut world, 3).await;
    let stuck = (CaseKind::Stuck, "routing".to_owned());
    assert_eq!(indexed(&world).await, std::slice::from_ref(&stuck));
    nobody_works(&mut world, 60).await;
    assert_eq!(indexed(&world).await, [stuck], "once, however long");
    world.pump().await;
    assert_eq!(indexed(&world).await, []);
    // Woken every two minutes, not by every sweep: in 67 minutes 34 times beside the first, and each
    // message to routing enqueues one to forwarding.
    assert!(world.delivered() <= 70, "{} messages", world.delivered());
}

#[tokio::test]
async fn due_and_not_sent() {
    let mut world = World::new(Faults::default()).await;
    let order = ShopOrder::new(1001, &[("MUG", 1)]);
    world.topic("orders/create", &order.0).await;
    world.route_only().await;
    nobody_works(&mut world, 9).await;
    assert_eq!(indexed(&world).await, []);
    nobody_works(&mut world, 3).await;
    assert_eq!(
        indexed(&world).await,
        [(CaseKind::Stuck, "forwarding".to_owned())]
    );
    world.pump().await;
    assert_eq!(indexed(&world).await, []);
}

/// The shop tells of a refund whose order was never sent to us: nothing to do, and nothing late.
#[tokio::test]
async fn a_refund_without_its_order_is_not_overdue() {
    let mut world = World::new(Faults::default()).await;
    let order = ShopOrder::new(1001, &[("MUG", 2)]);
    world.topic("refunds/create", &order.refund(7, 0, 1)).await;
    world.settle().await;
    assert_eq!(indexed(&world).await, []);
    let now = world.clock.now();
    assert_eq!(world.store.due(now, 10).await.unwrap(), []);
    // Nor is the order when it comes a day later.
    world.clock.advance(SignedDuration::from_hours(24));
    world.topic("orders/create", &order.0).await;
    nobody_works(&mut world, 1).await;
    assert_eq!(indexed(&world).await, []);
    world.pump().await;
    assert_eq!(world.received().values().sum::<usize>(), 1);
}

/// A message that nobody finishes is kept byte for byte and becomes one incident, whatever goes
/// wrong while it is buried; and its order goes on.
#[tokio::test]
async fn a_dead_letter_is_kept_and_seen() {
    let (world, begun) = with_a_dead_letter(Faults::default()).await;
    let effects = world.faults.effects();
    for effect in begun..effects {
        for fault in FAULTS {
            with_a_dead_letter(Faults::at(effect, fault)).await;
        }
    }
}

/// The World after it, and how many effects there were before it was buried.
async fn with_a_dead_letter(faults: Faults) -> (World, usize) {
    let mut world = World::new(faults).await;
    let order = ShopOrder::new(1001, &[("MUG", 1)]);
    world.topic("orders/create", &order.0).await;
    for _ in 0..=MAX_RECEIVES {
        let lease = std::time::Duration::from_secs(1);
        let now = world.clock.now();
        let receive = world.ports.receive(QueueName::Routing, 9, now, lease);
        receive.await.unwrap();
        world.clock.advance(SignedDuration::from_secs(2));
    }
    let letters = world.ports.dead_letters(9).await.unwrap();
    let [letter] = letters.as_slice() else {
        panic!("{letters:?}")
    };
    let begun = world.faults.effects();
    world.settle().await;
    let incidents = world.store.incidents().await.unwrap();
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}")
    };
    assert_eq!(incident.kind, CaseKind::DeadLetter);
    let key = format!("quarantine/routing/{}", incident.cause);
    let kept = world.store.get(Area::Evidence, &key).await.unwrap();
    assert_eq!(kept.unwrap(), letter.body.as_bytes());
    assert!(world.ports.dead_letters(9).await.unwrap().is_empty());
    assert_eq!(world.broken().await, Vec::<String>::new());
    assert_eq!(world.received().len(), 1);
    (world, begun)
}
