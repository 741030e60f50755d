//! An order that cannot be read: the sweep tells of it once, looks again an hour later, and takes
//! every other order on.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::cases::CaseKind;
use domain::ids::OrderId;
use doubles::shop::ShopOrder;
use jiff::SignedDuration;
use ports::{Clock as _, IncidentStore as _, OrderIndex as _};
use tests::faults::{Faults, Unreadable};
use tests::world::World;

async fn due(world: &World) -> Vec<OrderId> {
    world.store.due(world.clock.now(), 10).await.unwrap()
}

async fn an_unreadable_order(how: Unreadable) {
    let mut world = World::new(Faults::default()).await;
    for number in [1001, 1002] {
        let order = ShopOrder::new(number, &[("MUG", 1)]);
        world.topic("orders/create", &order.0).await;
    }
    world.lose_messages().await;
    let broken = world.store.list(None, 1).await.unwrap().orders.remove(0);
    world.faults.set_unreadable(Some((broken.clone(), how)));
    world.pass(SignedDuration::from_secs(61)).await;
    assert_eq!(world.received().len(), 1, "the other order went on");
    let incidents = world.store.incidents().await.unwrap();
    let told: Vec<_> = incidents
        .iter()
        .map(|incident| (incident.kind, incident.cause.as_str()))
        .collect();
    assert_eq!(told, [(CaseKind::DeadLetter, broken.to_string().as_str())]);
    assert!(
        incidents[0].detail.contains(&broken.to_string()),
        "{incidents:?}"
    );

    world.clock.advance(SignedDuration::from_mins(59));
    assert_eq!(due(&world).await, []);
    world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(due(&world).await, std::slice::from_ref(&broken));
    world.sweep().await;
    assert_eq!(due(&world).await, []);
    assert_eq!(world.store.incidents().await.unwrap().len(), 1);

    // Somebody mended it.
    world.faults.set_unreadable(None);
    world.pass(SignedDuration::from_mins(61)).await;
    world.settle().await;
    assert_eq!(world.received().len(), 2);
}

#[tokio::test]
async fn what_is_stored_is_no_event() {
    an_unreadable_order(Unreadable::Body).await;
}

#[tokio::test]
async fn a_history_that_cannot_have_happened() {
    an_unreadable_order(Unreadable::History).await;
}
