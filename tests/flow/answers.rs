//! Suppliers whose answers are not understood: one incident for all their orders, and what ends it.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::cases::CaseKind;
use domain::sending::machine::SendState;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour::{self, OutOfStock, PathMoved, Reject, Take, TakeReject};
use jiff::SignedDuration;
use ports::{Clock as _, Closing, IncidentStore as _, RefusalStore as _};
use tests::faults::{FAULTS, Faults};
use tests::sample::Sample;
use tests::world::World;

const KIND: CaseKind = CaseKind::SupplierAnswersUnknown;

/// One order after another, each of which meets one of these at Northwind first.
async fn orders(world: &mut World, first: u64, behaviours: &[Behaviour]) {
    world.supplier.script(behaviours.iter().copied());
    for number in (first..).take(behaviours.len()) {
        let order = ShopOrder::new(number, &[("MUG", 1)]);
        world.topic("orders/create", &order.0).await;
        world.pump().await;
    }
}

async fn met(behaviours: &[Behaviour]) -> World {
    let mut world = World::new(Faults::default()).await;
    orders(&mut world, 1401, behaviours).await;
    world
}

async fn is_open(world: &World) -> bool {
    let open = world.store.incidents().await.unwrap();
    let of_it = open.iter().filter(|incident| incident.kind == KIND);
    let causes: Vec<&str> = of_it.map(|incident| incident.cause.as_str()).collect();
    assert!(causes.is_empty() || causes == ["northwind"], "{causes:?}");
    !causes.is_empty()
}

/// Orders that wait for a person since Northwind refused them.
async fn held(world: &World) -> usize {
    let orders = world.orders().await;
    let own = orders.iter().flat_map(|(order, _)| &order.purchase_orders);
    own.filter(|own| matches!(own.sending.state, SendState::Rejected { freed: false, .. }))
        .count()
}

async fn close(world: &World) {
    let closing = Closing {
        who: "Ada".to_owned(),
        why: "their interface changed, and the settings follow".to_owned(),
        at: world.clock.now(),
    };
    let closed = world.store.close_incident(KIND, "northwind", &closing);
    assert!(closed.await.unwrap());
}

#[tokio::test]
async fn three_refusals_in_a_row_open_it_and_the_next_are_held() {
    let mut world = met(&[Reject, Reject]).await;
    assert!(!is_open(&world).await);
    orders(&mut world, 1403, &[Reject]).await;
    assert!(is_open(&world).await);
    // The third told, and went to the next supplier as the two before it.
    assert_eq!((held(&world).await, world.received().len()), (0, 3));
    orders(&mut world, 1404, &[Reject, Reject]).await;
    assert_eq!((held(&world).await, world.received().len()), (2, 3));
    // A refusal that says why is believed all the while.
    orders(&mut world, 1406, &[OutOfStock]).await;
    assert_eq!((held(&world).await, world.received().len()), (2, 4));
    assert!(is_open(&world).await);
    assert_eq!(world.broken().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_acceptance_ends_it() {
    let mut world = met(&[Reject, Reject, Reject, Reject]).await;
    assert_eq!(held(&world).await, 1);
    orders(&mut world, 1405, &[Take]).await;
    assert!(!is_open(&world).await);
    let closed = world.store.closed_incidents(1).await.unwrap();
    assert_eq!(closed[0].1.why, "northwind accepted SH-1405-1-4");
    // Two more are no row of three.
    orders(&mut world, 1406, &[Reject, Reject]).await;
    assert_eq!((is_open(&world).await, held(&world).await), (false, 1));
    orders(&mut world, 1408, &[Reject]).await;
    assert!(is_open(&world).await);
}

#[tokio::test]
async fn closing_it_ends_it_too() {
    let mut world = met(&[Reject, Reject, Reject, Reject]).await;
    close(&world).await;
    orders(&mut world, 1405, &[Reject, Reject]).await;
    assert_eq!((is_open(&world).await, held(&world).await), (false, 1));
    orders(&mut world, 1407, &[Reject, Reject]).await;
    assert_eq!((is_open(&world).await, held(&world).await), (true, 2));
}

/// Controls: what is no row of refusals without a reason.
#[tokio::test]
async fn refusals_that_are_no_row_hold_nothing() {
    for behaviours in [
        [Reject, Reject, Take, Reject, Reject],
        [OutOfStock; 5],
        // Refused, and there all the same: the look-up shows that it was accepted.
        [Reject, Reject, TakeReject, Reject, Reject],
    ] {
        let world = met(&behaviours).await;
        let told = world.story().await;
        assert!(!is_open(&world).await, "{behaviours:?}: {told}");
        assert_eq!(held(&world).await, 0, "{behaviours:?}: {told}");
    }
}

/// The count outlives the process; one that starts anew looks once, and forgets what it finds.
#[tokio::test]
async fn a_new_process_goes_on_counting() {
    let mut world = met(&[Reject, Reject]).await;
    world.forget_memory();
    orders(&mut world, 1403, &[Reject, Reject]).await;
    assert_eq!((is_open(&world).await, held(&world).await), (true, 1));
    world.forget_memory();
    orders(&mut world, 1405, &[Take]).await;
    assert!(!is_open(&world).await);
    let northwind = domain::ids::SupplierId::parse("northwind").unwrap();
    assert_eq!(world.store.streak(&northwind).await.unwrap(), None);
}

/// Of several processes, one that saw no refusal asks nothing when an order is accepted, so that a row
/// goes on: orders may be held that need not be, and none is moved.
#[tokio::test]
async fn one_of_many_processes_forgets_only_what_it_saw() {
    let mut world = met(&[Reject, Reject]).await;
    let northwind = domain::ids::SupplierId::parse("northwind").unwrap();
    world.is_one_of_many();
    orders(&mut world, 1403, &[Take]).await;
    assert!(world.store.streak(&northwind).await.unwrap().is_some());
    orders(&mut world, 1404, &[Reject]).await;
    assert!(is_open(&world).await);
    // Now it knows, and what it knows it ends.
    orders(&mut world, 1405, &[Reject, Take]).await;
    assert_eq!((is_open(&world).await, held(&world).await), (false, 1));
    assert_eq!(world.store.streak(&northwind).await.unwrap(), None);
    assert_eq!(world.broken().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_page_opens_it_once_and_moves_no_order() {
    let mut world = met(&[PathMoved, PathMoved, PathMoved]).await;
    assert!(is_open(&world).await);
    assert_eq!(world.received().len(), 0);
    // What nobody understands is not moved either, though it looks like a refusal.
    orders(&mut world, 1404, &[Reject]).await;
    assert_eq!(held(&world).await, 1);
    world.pass(SignedDuration::from_secs(61)).await;
    let received = world.received();
    assert_eq!(received.len(), 3);
    assert!(
        received.keys().all(|number| number.contains("-1-")),
        "{received:?}"
    );
    assert!(!is_open(&world).await);
    assert_eq!(world.broken().await, Vec::<String>::new());
}

/// Wherever a process dies, the count is at most one off: never lost for good, and never an order.
#[tokio::test]
async fn faults_lose_no_count() {
    let story = [Reject; 6];
    let effects = met(&story).await.faults.effects();
    let sample = Sample::of_this_run();
    for fault in FAULTS {
        let stratum = format!("{fault:?}");
        for effect in sample.choose("refusals", &stratum, (0..effects).collect()) {
            let mut world = World::new(Faults::at(effect, fault)).await;
            orders(&mut world, 1401, &story).await;
            let told = format!("effect {effect}, {fault:?}:\n{}", world.story().await);
            assert!(is_open(&world).await, "{told}");
            assert!((1..=4).contains(&held(&world).await), "{told}");
            // What the fault left in doubt may be accepted later, which ends it.
            world.settle().await;
            let told = format!("effect {effect}, {fault:?}:\n{}", world.story().await);
            assert_eq!(world.broken().await, Vec::<String>::new(), "{told}");
        }
    }
}
