//! Orders that are planned at the same moment: the last room of a day goes to one of them.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use doubles::shop::ShopOrder;
use jiff::SignedDuration;
use tests::faults::{Faults, Mutant};
use tests::world::{World, configuration};

/// Two orders of 18 USD each to a supplier that takes 20 USD a day.
async fn raced(first_until: usize, mutant: Mutant) -> World {
    let mut world = World::new(Faults::with(mutant)).await;
    let suppliers = String::from_utf8(configuration().remove("suppliers.toml").unwrap()).unwrap();
    let own = "id = \"harbour\"\n";
    let limited = suppliers.replace(own, &format!("{own}spend_limit_per_day = \"20.00 USD\"\n"));
    world.configure("suppliers.toml", &limited).await;
    for number in [1001, 1002] {
        let order = ShopOrder::new(number, &[("CLOCK", 2)]);
        world.topic("orders/create", &order.0).await;
    }
    world.route_two_at_once(first_until).await;
    world
}

async fn days(world: &World) -> Vec<String> {
    let orders = world.orders().await;
    let planned = orders.iter().flat_map(|(order, _)| &order.purchase_orders);
    let mut days: Vec<String> = planned
        .map(|own| own.spending.as_ref().unwrap().day.to_string())
        .collect();
    days.sort();
    days
}

#[tokio::test]
async fn the_last_room_is_given_once() {
    // Before its commit, its message to forwarding, its acknowledgement.
    for first_until in 0..3 {
        let mut world = raced(first_until, Mutant::None).await;
        assert_eq!(
            days(&world).await,
            ["2026-11-23", "2026-11-24"],
            "effect {first_until}:\n{}",
            world.story().await
        );
        world.settle().await;
        assert_eq!(world.received().len(), 1, "one goes today");
        world.pass(SignedDuration::from_hours(24)).await;
        assert_eq!(world.received().len(), 2);
        assert_eq!(world.broken().await, Vec::<String>::new());
    }
}

/// Without the condition of the commit both take it, and that is noticed.
#[tokio::test]
async fn a_store_that_forgets_the_limit_is_caught() {
    let world = raced(0, Mutant::StoreIgnoresSpendLimit).await;
    assert_eq!(days(&world).await, ["2026-11-23", "2026-11-23"]);
    let broken = world.broken().await;
    assert!(
        broken.iter().any(|why| why.starts_with("spend limit: ")),
        "{broken:?}"
    );
}
