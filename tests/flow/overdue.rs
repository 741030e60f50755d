//! What shows only with time: the sweep writes it into the index, the next step takes it out.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::order::attention::CaseKind;
use doubles::shop::ShopOrder;
use jiff::SignedDuration;
use ports::{Clock as _, OrderStore as _};
use tests::faults::Faults;
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
