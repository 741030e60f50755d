//! What a merchant reads when he asks why.

use super::*;
use crate::settings::Split;

fn explained(world: &World) -> String {
    world.plan().trace.explain().join("\n")
}

fn shop() -> World {
    World::new(&[("MUG", 2, "12.00 USD"), ("LAMP", 1, "40.00 USD")])
        .supplier("north", 10, fee("1.50 USD"))
        .supplier("south", 20, Terms::default())
        .supplier(
            "east",
            30,
            Terms {
                countries: regions(&["CA"]),
                ..Terms::default()
            },
        )
        .offer("MUG", "north", "5.00 USD")
        .stock(40)
        .offer("MUG", "south", "4.50 USD")
        .stock(1)
        .offer("MUG", "east", "1.00 USD")
        .stock(0)
        .offer("LAMP", "south", "21.00 USD")
        .offer("LAMP", "north", "22.00 USD")
}

#[test]
fn a_choice_between_groupings() {
    insta::assert_snapshot!("choice", explained(&shop()));
}

#[test]
fn a_split_that_is_cheaper() {
    let world = shop()
        .rules(|rules| rules.split = Split::Allow)
        .with(|offer| {
            offer.offer.cost = Some(money("26.00 USD"));
        });
    insta::assert_snapshot!("split", explained(&world));
}

#[test]
fn a_margin_that_nobody_leaves() {
    let world = shop().rules(|rules| {
        rules.cost.margin_floor = Some(percent(60));
        rules.split = Split::Allow;
    });
    insta::assert_snapshot!("margin", explained(&world));
}

#[test]
fn a_hold_and_a_divided_line() {
    let world = World::new(&[("MUG", 5, "12.00 USD"), ("TEAPOT", 1, "40.00 USD")])
        .supplier("north", 10, Terms::default())
        .supplier("south", 20, Terms::default())
        .offer("MUG", "north", "5.00 USD")
        .stock(3)
        .offer("MUG", "south", "5.00 USD")
        .stock(2)
        .rules(|rules| rules.split_lines = true);
    insta::assert_snapshot!("divided", explained(&world));
}
