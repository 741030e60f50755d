//! When a purchase order is due, and by which service it goes.

use super::*;
use crate::calendar::{Calendar, Hours};
use crate::settings::Unmapped;
use crate::settings::terms::Services;
use jiff::tz::TimeZone;

fn mug(terms: Terms) -> World {
    World::new(&[("MUG", 2, "20.00 USD")])
        .supplier("north", 10, terms)
        .offer("MUG", "north", "5.00 USD")
}

#[test]
fn a_closed_supplier_gets_it_when_it_opens() {
    let mut world = mug(Terms {
        calendar: Some(Calendar {
            hours: vec![Hours {
                from: 9 * 60,
                to: 17 * 60,
            }],
            ..Calendar::weekdays(TimeZone::get("Europe/London").unwrap())
        }),
        ..Terms::default()
    });
    assert_eq!(world.purchase_orders()[0].due, None, "it is open");
    world.now = "2026-11-27T17:00:00Z".parse().unwrap();
    assert_eq!(
        world.purchase_orders()[0].due.unwrap().to_string(),
        "2026-11-30T09:00:00Z"
    );
    assert!(
        world
            .plan()
            .trace
            .notes
            .contains(&"north is closed until 2026-11-30T09:00:00+00:00[Europe/London]".to_owned())
    );
}

fn services(methods: &[(&str, &str)], default: Option<&str>) -> World {
    mug(Terms {
        services: Some(Services {
            by_method: methods
                .iter()
                .map(|(method, service)| ((*method).to_owned(), (*service).to_owned()))
                .collect(),
            default: default.map(str::to_owned),
        }),
        ..Terms::default()
    })
}

#[test]
fn the_shipping_method_becomes_the_suppliers_service() {
    let service = |world: &World| world.purchase_orders()[0].service.clone();
    for (methods, default, expected) in [
        (&[("standard", "ECO")][..], None, "ECO"),
        (&[("std", "ECO")], None, "ECO"),
        (
            &[("std", "BY-CODE"), ("standard", "BY-TITLE")],
            None,
            "BY-CODE",
        ),
        (&[("express", "24H")], Some("ECO"), "ECO"),
    ] {
        let world = services(methods, default);
        assert_eq!(service(&world).as_deref(), Some(expected), "{methods:?}");
    }
    assert_eq!(service(&mug(Terms::default())), None, "nothing is mapped");
}

#[test]
fn a_method_that_is_not_mapped_holds_or_goes_to_the_next() {
    let unmapped = services(&[("express", "24H")], None)
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "9.00 USD");
    assert_eq!(
        unmapped.told(),
        "held unmapped-shipping-method 2 of 1: north: has no service for the shipping method \"Standard\""
    );
    assert_eq!(unmapped.holds()[0].cause, "north:Standard");
    let next = unmapped.rules(|rules| rules.unmapped = Unmapped::NextSupplier);
    assert_eq!(next.told(), "south: 2 x MUG");
    let nobody = services(&[("express", "24H")], None)
        .rules(|rules| rules.unmapped = Unmapped::NextSupplier)
        .content(|content| content.shipping.clear());
    assert_eq!(
        nobody.told(),
        "held unmapped-shipping-method 2 of 1: north: the order names no shipping method, and there is no default"
    );
}
