//! A supplier that is no longer configured while something of it is open: a case says so at once.

use domain::cases::{CaseEntry, CaseKind};
use domain::sending::machine::SendState;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use jiff::SignedDuration;
use ports::{Area, BatchStore as _, Clock as _, Files as _};
use tests::faults::{Fault, Faults};
use tests::stories::{offers_without, suppliers_without};
use tests::world::World;

async fn northwind_is_gone(world: &mut World) {
    let offers = offers_without("northwind");
    world.configure("offers.csv", &offers).await;
    let suppliers = suppliers_without("northwind");
    world.configure("suppliers.toml", &suppliers).await;
}

async fn only_case(world: &World) -> CaseEntry {
    let (order, _) = world.orders().await.remove(0);
    let mut entries = order.cases(world.clock.now());
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

async fn state(world: &World) -> SendState {
    let (order, _) = world.orders().await.remove(0);
    order.purchase_orders[0].sending.state.clone()
}

#[tokio::test]
async fn what_is_in_doubt_cannot_be_looked_up() {
    let mut world = World::new(Faults::default()).await;
    world.supplier.script([Behaviour::TakeSilently]);
    let order = ShopOrder::new(1001, &[("MUG", 2)]);
    world.topic("orders/create", &order.0).await;
    world.pump().await;
    northwind_is_gone(&mut world).await;
    world.pass(SignedDuration::from_secs(61)).await;
    let case = only_case(&world).await;
    assert_eq!(case.kind, CaseKind::SendInDoubt);
    let says = "cannot be looked up: supplier northwind is not configured";
    assert!(case.detail.contains(says), "{case:?}");
}

/// Another worker, with files that have no batches for the supplier any more, gave the batch up while
/// this one was claiming for it: nothing is sent, and everything goes with the next.
#[tokio::test]
async fn a_batch_that_was_given_up_is_not_sent_by_whoever_still_assembles_it() {
    let mut world = World::new(Faults::default()).await;
    for number in [1001, 1002] {
        let order = ShopOrder::new(number, &[("CRATE", 1)]);
        world.topic("orders/create", &order.0).await;
    }
    world.pump().await;
    let key = "batch/quay-20261123T120000Z";
    world.store.put_new(Area::Evidence, key, b"").await.unwrap();
    world.pass(SignedDuration::from_mins(121)).await;
    assert_eq!(world.received().len(), 0);
    assert_eq!(world.store.batches(10).await.unwrap(), []);
    for (order, _) in world.orders().await {
        let own = &order.purchase_orders[0];
        assert_eq!(own.cut_off.unwrap().to_string(), "2026-11-24T12:00:00Z");
        assert!(matches!(own.sending.state, SendState::Planned { .. }));
        assert_eq!(order.cases(world.clock.now()), []);
    }
    world.pass(SignedDuration::from_hours(24)).await;
    assert_eq!(world.received().len(), 2);
    assert_eq!(world.broken().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_claimed_is_in_doubt_when_its_time_is_over() {
    // The worker dies at its first effect that leaves a claim behind.
    let mut effect = 0;
    let mut world = loop {
        let mut world = World::new(Faults::at(effect, Fault::CrashBefore)).await;
        let order = ShopOrder::new(1001, &[("MUG", 2)]);
        world.topic("orders/create", &order.0).await;
        world.pump().await;
        let known = world.orders().await;
        let planned = known
            .iter()
            .any(|(order, _)| !order.purchase_orders.is_empty());
        if planned && matches!(state(&world).await, SendState::SendStarted { .. }) {
            break world;
        }
        effect += 1;
        assert!(effect < 20, "no effect leaves a claim behind");
    };
    northwind_is_gone(&mut world).await;
    // A request, a look-up of a refusal, and the margin after them.
    world.pass(SignedDuration::from_secs(71)).await;
    let case = only_case(&world).await;
    assert_eq!(case.kind, CaseKind::SendInDoubt);
    assert!(
        case.detail.contains("northwind is not configured"),
        "{case:?}"
    );
}
