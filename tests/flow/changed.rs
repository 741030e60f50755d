//! What the customer changes after the supplier was told: each change is a case of its own.

use domain::cases::CaseKind;
use domain::order::decide::Command;
use doubles::shop::ShopOrder;
use ports::Clock as _;
use tests::faults::Faults;
use tests::world::World;

#[tokio::test]
async fn a_refund_does_not_hide_another_address() {
    let mut world = World::new(Faults::default()).await;
    let order = ShopOrder::new(1001, &[("MUG", 2)]);
    world.topic("orders/create", &order.0).await;
    world.pump().await;
    let moved = order
        .clone()
        .at(60)
        .with_address("address1", "99 Other Road");
    world.topic("orders/updated", &moved.0).await;
    world.topic("refunds/create", &order.refund(7, 0, 1)).await;
    world.pump().await;
    let (order, _) = world.orders().await.remove(0);
    let now = world.clock.now();
    let kinds: Vec<_> = order.cases(now).iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [CaseKind::CancelAfterSend, CaseKind::EditedAfterSend]
    );
    let release = Command::Release {
        method: None,
        who: "ada".to_owned(),
        why: "both agreed".to_owned(),
    };
    let events = order.decide(release.clone(), now).unwrap();
    let (_, after) = domain::commit::Commit::new(&order, events, now).unwrap();
    let left: Vec<_> = after.cases(now).iter().map(|entry| entry.kind).collect();
    assert_eq!(
        left,
        [CaseKind::CancelAfterSend],
        "the supplier must be asked"
    );
    assert!(
        after.decide(release, now).is_err(),
        "nothing is left to release"
    );
}
