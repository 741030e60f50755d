//! Promises of [`plan`] over random orders, offers, stock and rules, through the public types alone.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of a test")]

mod case;
mod world;

use case::{Step, case, line_id, offer, usual};
use domain::routing::plan;
use proptest::prelude::*;
use world::{World, bytes};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Offers come from a file that anybody may sort: the lines of it decide nothing.
    #[test]
    fn ties_never_depend_on_the_order_of_the_offers(
        (case, shuffled) in case().prop_flat_map(|case| {
            let offers = Just(case.offers.clone()).prop_shuffle();
            (Just(case), offers)
        })
    ) {
        let mut world = World::new(&case);
        prop_assert_eq!(bytes(&world.plan()), bytes(&world.plan()));
        let other = plan(&world.order, &world.facts_with(&shuffled)).unwrap();
        prop_assert_eq!(bytes(&world.plan()), bytes(&other));
        // A later plan, with purchase orders there already, no more than the first.
        world.routes();
        for (at, step) in case.steps.iter().enumerate() {
            world.step(at, step);
        }
        let mut reversed = world.offers.clone();
        reversed.reverse();
        let other = plan(&world.order, &world.facts_with(&reversed)).unwrap();
        prop_assert_eq!(bytes(&world.plan()), bytes(&other));
    }

    /// Whatever happens between two plans. Stock and invariants are checked with every commit.
    #[test]
    fn every_unit_is_in_exactly_one_place(case in case()) {
        let mut world = World::new(&case);
        world.routes();
        for (at, step) in case.steps.iter().enumerate() {
            world.step(at, step);
            world.routes();
            for line in 0..case.lines.len() {
                let places = world.order.places(&line_id(line));
                let parts = [
                    places.cancelled,
                    places.not_ours,
                    places.purchase_orders,
                    places.held,
                    places.waiting,
                ];
                let sum: u64 = parts.iter().map(|units| u64::from(*units)).sum();
                prop_assert_eq!(sum, u64::from(places.ordered), "{:?}", places);
            }
        }
    }
}

#[test]
fn units_that_another_fulfilled_stay_with_him_when_routing_looks_again() {
    let mut case = usual(&[(3, 3)], vec![offer("MUG", "east", 100)]);
    case.lines[0].fulfilled = 2;
    let mut world = World::new(&case);
    world.routes();
    world.step(0, &Step::Tagged(false));
    world.step(1, &Step::Refunded(3, 1));
    world.routes();
    let places = world.order.places(&line_id(0));
    assert_eq!((places.not_ours, places.purchase_orders), (2, 1));
}

#[test]
fn skus_that_share_a_stock_do_not_take_it_twice() {
    let shared = vec![offer("MUG", "east", 3), offer("CLOCK", "east", 3)];
    let mut world = World::new(&usual(&[(3, 2), (1, 2)], shared));
    world.routes();
    let units = |line| world.order.places(&line_id(line)).purchase_orders;
    assert!(units(0) + units(1) <= 3);
}

#[test]
fn the_first_by_name_wins_a_tie() {
    let offers = vec![offer("MUG", "west", 9), offer("MUG", "east", 9)];
    let mut world = World::new(&usual(&[(3, 2)], offers));
    world.routes();
    let supplier = &world.order.purchase_orders[0].supplier;
    assert_eq!(supplier.as_str(), "east");
}

#[test]
fn a_line_that_is_refused_as_a_whole_leaves_nothing_reserved() {
    let mut world = World::new(&usual(&[(3, 1)], vec![offer("MUG", "east", 9)]));
    world.routes();
    assert_eq!(world.reserved.len(), 1);
    world.step(0, &Step::Sent(4));
    assert!(world.reserved.is_empty());
}
