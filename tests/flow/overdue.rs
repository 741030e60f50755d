//! What shows only with time: the sweep writes it into the index, the next step takes it out.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::cases::CaseKind;
use domain::messages::QueueName;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use jiff::SignedDuration;
use ports::{
    Area, Clock as _, Deliveries as _, Files as _, IncidentStore as _, MAX_RECEIVES,
    OrderIndex as _,
};
use tests::faults::{FAULTS, Faults};
use tests::world::World;

async fn indexed(world: &World) -> Vec<(CaseKind, String)> {
    let rows = world.store.all_cases().await.unwrap();
    rows.into_iter()
        .map(|row| (row.entry.kind, row.entry.cause))
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
        [(CaseKind::SendDelayed, "northwind".to_owned())]
    );
    world.pump().await;
    assert_eq!(indexed(&world).await, []);
}

/// Seconds pass, then the sweep runs; how many messages it sent, which are lost again.
async fn sweeps_after(world: &World, seconds: i64) -> usize {
    world.clock.advance(SignedDuration::from_secs(seconds));
    world.sweep().await;
    world.lose_messages().await
}

/// The message to routing is lost: sent again after a minute, and a case after five.
#[tokio::test]
async fn a_lost_message_to_routing() {
    let mut world = World::new(Faults::default()).await;
    let order = ShopOrder::new(1001, &[("MUG", 1)]);
    world.topic("orders/create", &order.0).await;
    assert_eq!(world.lose_messages().await, 1);
    assert_eq!(sweeps_after(&world, 59).await, 0);
    assert_eq!(sweeps_after(&world, 1).await, 1);
    // From then on every two minutes.
    assert_eq!(sweeps_after(&world, 60).await, 0);
    assert_eq!(sweeps_after(&world, 60).await, 1);
    assert_eq!(sweeps_after(&world, 119).await, 0);
    assert_eq!(indexed(&world).await, []);
    assert_eq!(sweeps_after(&world, 1).await, 1);
    let stuck = (CaseKind::Stuck, "routing".to_owned());
    assert_eq!(indexed(&world).await, [stuck], "five minutes to the second");
    world.settle().await;
    assert_eq!(indexed(&world).await, []);
    assert_eq!(world.received().len(), 1);
}

/// The message to forwarding is lost: sent again after two minutes, and a case after ten.
#[tokio::test]
async fn a_lost_message_to_forwarding() {
    let mut world = World::new(Faults::default()).await;
    let order = ShopOrder::new(1001, &[("MUG", 1)]);
    world.topic("orders/create", &order.0).await;
    world.route_only().await;
    assert_eq!(world.lose_messages().await, 1);
    assert_eq!(sweeps_after(&world, 119).await, 0);
    assert_eq!(sweeps_after(&world, 1).await, 1);
    for minutes in [2, 2, 2] {
        assert_eq!(sweeps_after(&world, minutes * 60).await, 1);
    }
    assert_eq!(sweeps_after(&world, 119).await, 0);
    assert_eq!(indexed(&world).await, []);
    assert_eq!(sweeps_after(&world, 1).await, 1);
    let delayed = (CaseKind::SendDelayed, "northwind".to_owned());
    assert_eq!(
        indexed(&world).await,
        [delayed],
        "ten minutes to the second"
    );
    world.settle().await;
    assert_eq!(indexed(&world).await, []);
    assert_eq!(world.received().len(), 1);
}

/// Who agreed to wait for a day is asked again when the day has passed, and nothing else happens in
/// between.
#[tokio::test]
async fn the_day_of_a_backorder_passes() {
    let mut world = World::new(Faults::default()).await;
    world.supplier.script([Behaviour::Backorder]);
    let order = ShopOrder::new(1001, &[("MUG", 1)]);
    world.topic("orders/create", &order.0).await;
    world.pump().await;
    let (order, _) = world.orders().await.remove(0);
    let number = &order.purchase_orders[0].number;
    let waits = (CaseKind::Backordered, format!("{number}:2026-12-24"));
    assert_eq!(indexed(&world).await, [waits]);
    let agree = |_: &domain::order::Order| {
        Some(domain::order::decide::Command::Release {
            method: None,
            who: "Ada".to_owned(),
            why: "the customer waits".to_owned(),
        })
    };
    world.decides(agree).await;
    world.settle().await;
    assert_eq!(indexed(&world).await, []);
    let end: jiff::Timestamp = "2026-12-25T00:00:00Z".parse().unwrap();
    let left = end.duration_since(world.clock.now()) - SignedDuration::from_secs(1);
    world.pass(left).await;
    assert_eq!(indexed(&world).await, []);
    assert_eq!(world.store.due(world.clock.now(), 10).await.unwrap(), []);
    world.pass(SignedDuration::from_secs(1)).await;
    let overdue = (
        CaseKind::Backordered,
        format!("{number}:2026-12-24:overdue"),
    );
    assert_eq!(indexed(&world).await, [overdue]);
    // It is told once and not woken for ever.
    world.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(world.store.due(world.clock.now(), 10).await.unwrap(), []);
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

/// It became no case until after the configuration had changed, and no look found it before.
#[tokio::test]
async fn a_wait_that_becomes_a_case_is_planned_by_the_configuration_in_force() {
    let mut world = World::new(Faults::default()).await;
    let order = ShopOrder::new(1001, &[("MUG", 1)])
        .with("financial_status", "pending")
        .with(
            "payment_gateway_names",
            serde_json::json!(["Cash on Delivery (COD)"]),
        );
    world.topic("orders/create", &order.0).await;
    world.pump().await;
    let rules = "[payment]\nsend_unpaid_gateways = [\"Cash on Delivery (COD)\"]\n";
    world.configure("rules.toml", rules).await;
    for _ in 0..10 {
        world.pass(SignedDuration::from_mins(1)).await;
    }
    assert_eq!(indexed(&world).await, []);
    assert!(world.received().is_empty());
    world.pass(SignedDuration::from_hours(15 * 24)).await;
    world.settle().await;
    assert_eq!(world.received().len(), 1);
    assert_eq!(indexed(&world).await, []);
}
