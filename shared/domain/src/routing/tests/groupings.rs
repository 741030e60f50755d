//! Which grouping wins.

use super::*;
use crate::settings::terms::ShippingCost;
use crate::settings::{Comparison, Split};

fn two(lines: &[(&str, u32, &str)]) -> World {
    World::new(lines)
        .supplier("north", 10, Terms::default())
        .supplier("south", 20, Terms::default())
}

fn mug() -> World {
    two(&[("MUG", 2, "19.99 USD")])
        .offer("MUG", "north", "5.00 USD")
        .offer("MUG", "south", "4.00 USD")
}

#[test]
fn the_cheaper_supplier_wins_and_equal_ones_go_by_priority_then_id() {
    assert_eq!(mug().told(), "south: 2 x MUG");
    let equal = two(&[("MUG", 2, "19.99 USD")])
        .offer("MUG", "south", "4.00 USD")
        .offer("MUG", "north", "4.00 USD");
    assert_eq!(equal.told(), "north: 2 x MUG");
    let same_priority = equal
        .supplier("aaa", 10, Terms::default())
        .offer("MUG", "aaa", "4.00 USD");
    assert_eq!(same_priority.told(), "aaa: 2 x MUG");
}

#[test]
fn an_unknown_cost_comes_after_every_known_one() {
    let world = two(&[("MUG", 2, "19.99 USD")])
        .offer("MUG", "north", "")
        .offer("MUG", "south", "400.00 USD");
    assert_eq!(world.told(), "south: 2 x MUG");
    let unknown = two(&[("MUG", 2, "19.99 USD")])
        .offer("MUG", "south", "")
        .offer("MUG", "north", "");
    assert_eq!(unknown.told(), "north: 2 x MUG");
}

#[test]
fn the_order_of_comparisons_is_the_merchants() {
    use Comparison::{Cost, Priority, Region};
    let world = |order: &[Comparison]| {
        let order = order.to_vec();
        let mut world = mug().rules(|rules| rules.order = order);
        let south = world.settings.suppliers.values_mut().last().unwrap();
        south.terms.prefer = regions(&["CA"]);
        let north = world.settings.suppliers.values_mut().next().unwrap();
        north.terms.prefer = regions(&["US-KY"]);
        world.told()
    };
    for (order, expected) in [
        (&[Region, Cost, Priority][..], "north: 2 x MUG"),
        (&[Cost, Region], "south: 2 x MUG"),
        (&[Priority, Cost], "north: 2 x MUG"),
        (&[], "north: 2 x MUG"),
        (&[Cost], "south: 2 x MUG"),
    ] {
        assert_eq!(world(order), expected, "{order:?}");
    }
}

#[test]
fn the_region_of_a_supplier_goes_before_its_cost() {
    let world = World::new(&[("MUG", 1, "19.99 USD"), ("LAMP", 1, "50.00 USD")])
        .supplier(
            "east",
            30,
            Terms {
                prefer: regions(&["US"]),
                ..Terms::default()
            },
        )
        .supplier("north", 10, Terms::default())
        .offer("MUG", "east", "9.00 USD")
        .offer("MUG", "north", "1.00 USD")
        .offer("LAMP", "east", "9.00 USD")
        .offer("LAMP", "north", "1.00 USD");
    assert_eq!(world.told(), "east: 1 x MUG, 1 x LAMP");
    let abroad = world.content(|content| {
        content.destination.country = Country::Known("DE".to_owned());
    });
    assert_eq!(abroad.told(), "north: 1 x MUG, 1 x LAMP");
}

fn both_cheap_somewhere() -> World {
    two(&[("MUG", 1, "19.99 USD"), ("LAMP", 1, "50.00 USD")])
        .offer("MUG", "north", "5.00 USD")
        .offer("MUG", "south", "4.00 USD")
        .offer("LAMP", "north", "10.00 USD")
        .offer("LAMP", "south", "13.00 USD")
}

#[test]
fn split_policies() {
    let told = |split| {
        both_cheap_somewhere()
            .rules(|rules| rules.split = split)
            .told()
    };
    // Together 15 at north, 17 at south; 14 from both.
    assert_eq!(told(Split::Allow), "north: 1 x LAMP + south: 1 x MUG");
    assert_eq!(told(Split::PreferSingle), "north: 1 x MUG, 1 x LAMP");
    assert_eq!(told(Split::Never), "north: 1 x MUG, 1 x LAMP");

    let apart = |split| {
        two(&[("MUG", 1, "19.99 USD"), ("LAMP", 1, "50.00 USD")])
            .offer("MUG", "north", "5.00 USD")
            .offer("LAMP", "south", "13.00 USD")
            .rules(|rules| rules.split = split)
            .told()
    };
    assert_eq!(apart(Split::Allow), "north: 1 x MUG + south: 1 x LAMP");
    assert_eq!(
        apart(Split::PreferSingle),
        "north: 1 x MUG + south: 1 x LAMP"
    );
    assert_eq!(
        apart(Split::Never),
        "held split-not-allowed 1 of 1: no supplier fits every line + \
         held split-not-allowed 1 of 2: no supplier fits every line"
    );
}

#[test]
fn never_split_holds_the_rest_with_a_held_line() {
    let world = both_cheap_somewhere()
        .content(|content| content.lines[0].sku = Some(Sku::parse("TEAPOT").unwrap()))
        .rules(|rules| rules.split = Split::Never);
    assert_eq!(
        world.told(),
        "held unmapped-sku 1 of 1: nobody offers SKU TEAPOT + \
         held split-not-allowed 1 of 2: other lines are held"
    );
}

#[test]
fn fees_and_shipping_are_part_of_the_cost() {
    let world = |north: Terms, south: Terms| {
        both_cheap_somewhere()
            .supplier("north", 10, north)
            .supplier("south", 20, south)
            .rules(|rules| rules.split = Split::Allow)
    };
    // Splitting saves 1.00 of articles.
    let dear = || fee("0.60 USD");
    assert_eq!(
        world(dear(), dear()).told(),
        "north: 1 x LAMP + south: 1 x MUG",
        "15.20 from both, 15.60 from north"
    );
    assert_eq!(
        world(fee("0.10 USD"), fee("1.10 USD")).told(),
        "north: 1 x MUG, 1 x LAMP"
    );
    let row = |countries: &[&str], up_to, amount| ShippingCost {
        countries: regions(countries),
        up_to,
        amount: money(amount),
    };
    let table = Terms {
        shipping_cost: vec![
            row(&["US"], Some(1), "0.50 USD"),
            row(&["US"], None, "9.00 USD"),
            row(&[], None, "0.00 USD"),
        ],
        ..Terms::default()
    };
    assert_eq!(
        world(table.clone(), Terms::default()).told(),
        "north: 1 x LAMP + south: 1 x MUG"
    );
    let abroad = world(table, fee("1.50 USD")).content(|content| {
        content.destination.country = Country::Known("DE".to_owned());
    });
    assert_eq!(abroad.told(), "north: 1 x MUG, 1 x LAMP");
}

#[test]
fn what_no_shipping_row_fits_has_an_unknown_cost() {
    let table = Terms {
        shipping_cost: vec![ShippingCost {
            countries: Vec::new(),
            up_to: Some(1),
            amount: money("0.10 USD"),
        }],
        ..Terms::default()
    };
    let world = mug().supplier("south", 20, table);
    assert_eq!(
        world.told(),
        "north: 2 x MUG",
        "south is cheap for one only"
    );
    let limited = world.rules(|rules| rules.cost.max_order = Some(money("9.00 USD")));
    assert_eq!(
        kinds(&limited),
        [CaseKind::CostTooHigh],
        "{}",
        limited.told()
    );
}

#[test]
fn fewer_packages_may_come_first() {
    let world = both_cheap_somewhere().rules(|rules| {
        rules.split = Split::Allow;
        rules.order = vec![Comparison::Packages, Comparison::Cost];
    });
    assert_eq!(world.told(), "north: 1 x MUG, 1 x LAMP");
}

#[test]
fn a_line_is_divided_only_where_that_is_allowed_and_needed() {
    let world = |divide: bool| {
        two(&[("MUG", 5, "19.99 USD")])
            .supplier("west", 30, Terms::default())
            .offer("MUG", "north", "5.00 USD")
            .stock(3)
            .offer("MUG", "south", "4.00 USD")
            .stock(2)
            .offer("MUG", "west", "6.00 USD")
            .stock(4)
            .rules(|rules| rules.split_lines = divide)
    };
    let held = world(false);
    assert_eq!(kinds(&held), [CaseKind::OutOfStock]);
    assert!(held.holds()[0].again_at.is_some());
    assert_eq!(world(true).told(), "north: 3 x MUG + south: 2 x MUG");
    let enough = world(true).offer("MUG", "west", "9.00 USD").with(|_| ());
    let mut enough = enough;
    enough.offers.remove(2);
    assert_eq!(enough.told(), "west: 5 x MUG", "one has enough");
    let mut short = world(true);
    short.offers.remove(0);
    assert_eq!(short.told(), "south: 2 x MUG + west: 3 x MUG");
    short.offers.remove(0);
    assert_eq!(kinds(&short), [CaseKind::OutOfStock]);
    let never = world(true).rules(|rules| rules.split = Split::Never);
    assert_eq!(kinds(&never), [CaseKind::OutOfStock]);
}

#[test]
fn old_stock_is_not_divided_either() {
    let mut world = two(&[("MUG", 5, "19.99 USD")])
        .offer("MUG", "north", "5.00 USD")
        .stock(3)
        .offer("MUG", "south", "4.00 USD")
        .stock(2)
        .rules(|rules| rules.split_lines = true);
    world.now = "2026-11-28T10:00:00Z".parse().unwrap();
    assert_eq!(kinds(&world), [CaseKind::StaleStock]);
}

#[test]
fn lines_that_share_a_stock_do_not_take_it_twice() {
    let world = |available| {
        two(&[("MUG", 3, "19.99 USD"), ("MUG", 2, "19.99 USD")])
            .offer("MUG", "north", "4.00 USD")
            .stock(available)
    };
    assert_eq!(world(5).told(), "north: 3 x MUG, 2 x MUG");
    let short = world(4);
    assert_eq!(
        short.told(),
        "north: 3 x MUG + \
         held out-of-stock 2 of 2: its lines together want more than there is"
    );
    assert!(short.holds()[0].again_at.is_some());
    let other = world(4).offer("MUG", "south", "9.00 USD");
    assert_eq!(
        other.told(),
        "south: 3 x MUG, 2 x MUG",
        "one supplier is preferred"
    );
    let split = other.rules(|rules| rules.split = Split::Allow);
    assert_eq!(split.told(), "north: 3 x MUG + south: 2 x MUG");
}

#[test]
fn what_is_handed_over_already_counts_as_a_package() {
    let world = both_cheap_somewhere().rules(|rules| {
        rules.split = Split::Allow;
        rules.max_packages = Some(1);
    });
    assert_eq!(world.told(), "north: 1 x MUG, 1 x LAMP");
    let apart = two(&[("MUG", 1, "19.99 USD"), ("LAMP", 1, "50.00 USD")])
        .offer("MUG", "north", "5.00 USD")
        .offer("LAMP", "south", "13.00 USD")
        .rules(|rules| rules.max_packages = Some(1));
    assert_eq!(
        apart.told(),
        "held too-many-packages 1 of 1, 1 of 2: 2 packages, and max_packages is 1"
    );
    assert_eq!(apart.released().told(), "north: 1 x MUG + south: 1 x LAMP");
}

#[test]
fn beyond_the_most_groupings_it_goes_line_by_line_and_says_so() {
    let skus: Vec<String> = (0..13).map(|place| format!("SKU-{place}")).collect();
    let lines: Vec<(&str, u32, &str)> = skus
        .iter()
        .map(|sku| (sku.as_str(), 1, "20.00 USD"))
        .collect();
    let mut world = two(&lines).rules(|rules| rules.split = Split::Allow);
    for sku in &skus {
        world = world
            .offer(sku, "north", "5.00 USD")
            .offer(sku, "south", "4.00 USD");
    }
    let orders = world.purchase_orders();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].supplier.as_str(), "south");
    assert!(world.plan().trace.grouping.contains("line by line"));
    let few = world
        .clone()
        .rules(|rules| rules.split = Split::PreferSingle);
    assert!(!few.plan().trace.grouping.contains("line by line"));
}
