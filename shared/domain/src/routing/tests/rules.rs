//! Each trigger, criterion and constraint, passing and failing.

use super::*;
use crate::settings::Allowed;
use crate::settings::terms::ShippingCost;

/// A rule as a change, an order that it lets through and what it says of one that it does not.
fn mug(price: &str) -> World {
    World::new(&[("MUG", 2, price)])
        .supplier("north", 10, Terms::default())
        .offer("MUG", "north", "5.00 USD")
}

#[track_caller]
fn passes(world: &World) {
    assert_eq!(world.told(), "north: 2 x MUG");
}

#[track_caller]
fn holds(world: &World, kind: CaseKind, reason: &str) {
    let holds = world.holds();
    assert_eq!(holds.len(), 1, "{}", world.told());
    assert_eq!((holds[0].kind, holds[0].reason.as_str()), (kind, reason));
    assert_eq!(world.purchase_orders(), []);
}

#[test]
fn limits_of_value_and_quantity() {
    let limited = |change: fn(&mut Rules)| mug("20.00 USD").rules(change);
    passes(&limited(|rules| {
        rules.limits.order_value = Some(money("40.00 USD"));
    }));
    let beyond = limited(|rules| rules.limits.order_value = Some(money("39.99 USD")));
    holds(
        &beyond,
        CaseKind::OverLimit,
        "worth 40.00 USD, and max_order_value is 39.99 USD",
    );
    let released = beyond.released();
    passes(&released);
    // What was let through is this order, not a greater one.
    let edited = released.content(|content| content.total = money("50.00 USD"));
    holds(
        &edited,
        CaseKind::OverLimit,
        "worth 50.00 USD, and max_order_value is 39.99 USD",
    );
    passes(&limited(|rules| rules.limits.quantity = Some(2)));
    holds(
        &limited(|rules| rules.limits.quantity = Some(1)),
        CaseKind::OverLimit,
        "2 units, and max_quantity is 1",
    );
    passes(&limited(|rules| rules.limits.quantity_per_line = Some(2)));
    holds(
        &limited(|rules| rules.limits.quantity_per_line = Some(1)),
        CaseKind::OverLimit,
        "2 units of line 1, and max_quantity_per_line is 1",
    );
    let euro = limited(|rules| rules.limits.order_value = Some(money("40.00 EUR")));
    holds(
        &euro,
        CaseKind::CurrencyWithoutRate,
        "the order is worth 40.00 USD, which has no rate to EUR, so that max_order_value cannot be judged",
    );
    assert_eq!(euro.holds()[0].cause, "USD");
    let rate = euro.rules(|rules| {
        rules.rates.base = Some(Currency::parse("USD").unwrap());
        let eur = Currency::parse("EUR").unwrap();
        rules.rates.of.insert(eur, "1.08".parse().unwrap());
    });
    passes(&rate);
}

#[test]
fn both_limits_have_to_be_released() {
    let world = mug("20.00 USD").rules(|rules| {
        rules.limits.order_value = Some(money("10.00 USD"));
        rules.limits.quantity = Some(1);
    });
    let once = world.released();
    holds(&once, CaseKind::OverLimit, "2 units, and max_quantity is 1");
    passes(&once.released());
}

#[test]
fn a_mark_of_fraud_holds_until_it_is_reviewed() {
    let marked = mug("20.00 USD")
        .rules(|rules| rules.risk.hold_tags = ["high-risk".to_owned()].into())
        .content(|content| content.tags = ["vip".to_owned(), "High-Risk".to_owned()].into());
    holds(&marked, CaseKind::FraudRisk, "tagged \"High-Risk\"");
    passes(&marked.clone().released());
    passes(&marked.content(|content| content.tags.clear()));
}

#[test]
fn destinations_that_are_served() {
    let served = |terms: Terms| mug("20.00 USD").supplier("north", 10, terms);
    let countries = |countries: &[&str], exclude: &[&str]| {
        served(Terms {
            countries: regions(countries),
            exclude: regions(exclude),
            ..Terms::default()
        })
    };
    passes(&countries(&["CA", "US"], &["US-HI"]));
    passes(&countries(&["US-KY"], &[]));
    holds(
        &countries(&["CA"], &[]),
        CaseKind::NoSupplier,
        "north: does not ship to US-KY",
    );
    holds(
        &countries(&["US"], &["US-KY"]),
        CaseKind::NoSupplier,
        "north: does not ship to US-KY",
    );
    holds(
        &countries(&[], &["US"]),
        CaseKind::NoSupplier,
        "north: does not ship to US-KY",
    );
    let article = |countries: &[&str]| {
        let countries = regions(countries);
        mug("20.00 USD").with(|offer| offer.offer.countries = countries)
    };
    passes(&article(&["US"]));
    holds(
        &article(&["CA"]),
        CaseKind::NoSupplier,
        "north: does not ship this article to US-KY",
    );
    // The next supplier, where there is one.
    let next = countries(&["CA"], &[])
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "9.00 USD");
    assert_eq!(next.told(), "south: 2 x MUG");
}

#[test]
fn a_paused_supplier_is_passed_over() {
    let paused = mug("20.00 USD").supplier(
        "north",
        10,
        Terms {
            paused: true,
            ..Terms::default()
        },
    );
    holds(&paused, CaseKind::SupplierPaused, "north: paused");
    let next = paused
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "9.00 USD");
    assert_eq!(next.told(), "south: 2 x MUG");
}

/// The order as it is after its plan was committed.
fn committed(mut world: World) -> World {
    let events = world.order.decide(world.plan().command, world.now).unwrap();
    let (_, after) = crate::commit::Commit::new(&world.order, events, world.now).unwrap();
    world.order = after;
    world
}

#[test]
fn what_is_planned_and_not_sent_leaves_a_supplier_that_is_paused() {
    let planned = committed(mug("20.00 USD"));
    let paused = planned
        .supplier(
            "north",
            10,
            Terms {
                paused: true,
                ..Terms::default()
            },
        )
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "9.00 USD");
    let Command::Route { void, .. } = paused.plan().command else {
        panic!("a plan routes");
    };
    assert_eq!(void[0].1, "the supplier was paused");
    assert_eq!(paused.told(), "south: 2 x MUG");
    let after = committed(paused);
    assert_eq!(after.order.live().count(), 1);
    assert_eq!(after.told(), "", "nothing is left to do");
}

#[test]
fn packages_on_their_way_count() {
    let first = committed(mug("20.00 USD").rules(|rules| rules.max_packages = Some(1)));
    let more = first.content(|content| {
        content.lines[0].quantity = 3;
        content.lines[0].current_quantity = 3;
    });
    holds(
        &more,
        CaseKind::TooManyPackages,
        "2 packages, and max_packages is 1",
    );
}

#[test]
fn channels_and_categories_choose_suppliers() {
    let only = |ids: &[&str]| Allowed::Only(ids.iter().map(|id| supplier_id(id)).collect());
    let except = |ids: &[&str]| Allowed::Except(ids.iter().map(|id| supplier_id(id)).collect());
    for (allowed, right) in [
        (only(&["north"]), true),
        (only(&["south"]), false),
        (except(&["south"]), true),
        (except(&["north"]), false),
    ] {
        let channel = mug("20.00 USD").rules(|rules| {
            let acme = ChannelId::parse("acme").unwrap();
            rules.channels.insert(acme, allowed.clone());
        });
        let category = mug("20.00 USD")
            .with(|offer| offer.offer.category = Some("Kitchen".to_owned()))
            .rules(|rules| {
                rules.categories.insert("kitchen".to_owned(), allowed);
            });
        if right {
            passes(&channel);
            passes(&category);
        } else {
            holds(
                &channel,
                CaseKind::NoSupplier,
                "north: not for orders of acme",
            );
            holds(
                &category,
                CaseKind::NoSupplier,
                "north: not for articles of Kitchen",
            );
        }
    }
}

#[test]
fn the_cost_of_a_unit() {
    let limited = |most: &str| {
        let most = money(most);
        mug("20.00 USD").rules(|rules| rules.cost.max_unit = Some(most))
    };
    passes(&limited("5.00 USD"));
    let dear = limited("4.99 USD");
    holds(
        &dear,
        CaseKind::CostTooHigh,
        "north: costs 5.00 USD each, and max_unit_cost is 4.99 USD",
    );
    passes(&dear.clone().released());
    let cheaper = dear
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "4.99 USD");
    assert_eq!(cheaper.told(), "south: 2 x MUG");
    let unknown = limited("5.00 USD").with(|offer| offer.offer.cost = None);
    holds(
        &unknown,
        CaseKind::CostUnknown,
        "north: offers.csv gives no cost for it",
    );
    let euro = limited("5.00 EUR");
    assert_eq!(kinds(&euro), [CaseKind::CurrencyWithoutRate]);
}

#[test]
fn the_margin_of_a_line() {
    let floor =
        |price: &str| mug(price).rules(|rules| rules.cost.line_margin_floor = Some(percent(50)));
    passes(&floor("10.00 USD"));
    let low = floor("9.99 USD");
    holds(
        &low,
        CaseKind::MarginTooLow,
        "north: costs 10.00 USD and brings 19.98 USD, and line_margin_floor is 50%",
    );
    passes(&low.released());
}

#[test]
fn the_margin_of_an_order_is_after_discounts_taxes_fees_and_shipping() {
    let floor = |price: &str| mug(price).rules(|rules| rules.cost.margin_floor = Some(percent(20)));
    passes(&floor("6.25 USD"));
    holds(
        &floor("6.24 USD"),
        CaseKind::MarginTooLow,
        "it would cost 10.00 USD and brings 12.48 USD, margin 19.87%, and margin_floor is 20%",
    );
    let discounted = floor("6.25 USD").content(|content| {
        content.lines[0].discount = Some(money("0.01 USD"));
    });
    assert_eq!(kinds(&discounted), [CaseKind::MarginTooLow]);
    let taxed = floor("6.25 USD").content(|content| {
        content.lines[0].included_tax = Some(money("1.25 USD"));
    });
    assert_eq!(kinds(&taxed), [CaseKind::MarginTooLow]);
    let with_fee = floor("6.25 USD").supplier("north", 10, fee("0.01 USD"));
    assert_eq!(kinds(&with_fee), [CaseKind::MarginTooLow]);
    let shipped = Terms {
        shipping_cost: vec![ShippingCost {
            countries: Vec::new(),
            up_to: None,
            amount: money("0.01 USD"),
        }],
        ..Terms::default()
    };
    let shipped = floor("6.25 USD").supplier("north", 10, shipped);
    assert_eq!(kinds(&shipped), [CaseKind::MarginTooLow]);
    passes(&shipped.released());
    let free = floor("0.00 USD");
    holds(
        &free,
        CaseKind::MarginTooLow,
        "it would cost 10.00 USD and brings 0.00 USD, no margin, and margin_floor is 20%",
    );
    let unknown = floor("6.25 USD").with(|offer| offer.offer.cost = None);
    holds(
        &unknown,
        CaseKind::CostUnknown,
        "north's cost of the articles is not known, so that the rule cannot be judged",
    );
}

#[test]
fn a_better_margin_elsewhere_is_taken_first() {
    let world = mug("6.25 USD")
        .rules(|rules| {
            rules.cost.margin_floor = Some(percent(20));
            rules.order = vec![crate::settings::Comparison::Priority];
        })
        .supplier("north", 10, fee("1.00 USD"))
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "4.00 USD");
    assert_eq!(world.told(), "south: 2 x MUG");
}

#[test]
fn a_released_margin_is_released_at_that_figure_only() {
    let low = mug("6.00 USD").rules(|rules| rules.cost.margin_floor = Some(percent(20)));
    let released = low.released();
    passes(&released);
    let lower = released.with(|offer| offer.offer.cost = Some(money("7.00 USD")));
    assert_eq!(kinds(&lower), [CaseKind::MarginTooLow]);
}

#[test]
fn the_ceiling_of_an_order_and_the_value_of_a_package() {
    let ceiling = |most: &str| {
        let most = money(most);
        mug("20.00 USD")
            .supplier("north", 10, fee("1.00 USD"))
            .rules(|rules| rules.cost.max_order = Some(most))
    };
    passes(&ceiling("11.00 USD"));
    holds(
        &ceiling("10.99 USD"),
        CaseKind::CostTooHigh,
        "it would cost 11.00 USD, and max_order_cost is 10.99 USD",
    );
    let value = |most: &str| {
        let most = money(most);
        mug("20.00 USD").rules(|rules| rules.limits.value_per_package = Some(most))
    };
    passes(&value("40.00 USD"));
    let dear = value("39.99 USD");
    holds(
        &dear,
        CaseKind::PackageTooValuable,
        "north's package would be worth 40.00 USD, and max_value_per_package is 39.99 USD",
    );
    passes(&dear.released());
}

#[test]
fn a_minimum_order() {
    let minimum = |least: &str| {
        mug("20.00 USD").supplier(
            "north",
            10,
            Terms {
                minimum_order: Some(money(least)),
                fee: Some(money("3.00 USD")),
                ..Terms::default()
            },
        )
    };
    passes(&minimum("10.00 USD"));
    let small = minimum("10.01 USD");
    holds(
        &small,
        CaseKind::BelowMinimumOrder,
        "north's articles cost 10.00 USD, and its minimum_order is 10.01 USD",
    );
    passes(&small.clone().released());
    let next = small
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "90.00 USD");
    assert_eq!(next.told(), "south: 2 x MUG");
}

#[test]
fn a_currency_without_a_rate_holds_the_line() {
    let euro = mug("20.00 USD")
        .supplier("south", 20, Terms::default())
        .offer("MUG", "south", "4.00 EUR");
    holds(
        &euro,
        CaseKind::CurrencyWithoutRate,
        "south: charges 4.00 EUR, and there is no rate from EUR to USD",
    );
    assert_eq!(euro.holds()[0].cause, "EUR");
    let rate = |rate: &str| {
        let rate = rate.parse().unwrap();
        euro.clone().rules(|rules| {
            rules.rates.base = Some(Currency::parse("USD").unwrap());
            rules.rates.of.insert(Currency::parse("EUR").unwrap(), rate);
        })
    };
    assert_eq!(rate("1.08").told(), "south: 2 x MUG");
    assert_eq!(rate("1.30").told(), "north: 2 x MUG");
    // Where the offer is out of the question, so is its currency.
    let excluded = euro.clone().supplier(
        "south",
        20,
        Terms {
            paused: true,
            ..Terms::default()
        },
    );
    passes(&excluded);
    // Where no rule looks at costs, nothing has to be known of them.
    let by_priority = euro.rules(|rules| rules.order = vec![crate::settings::Comparison::Priority]);
    passes(&by_priority);
}

#[test]
fn an_order_in_a_foreign_currency_is_held_only_for_a_margin() {
    let foreign = || {
        mug("20.00 CHF").rules(|rules| {
            rules.rates.base = Some(Currency::parse("USD").unwrap());
        })
    };
    passes(&foreign());
    let floor = foreign().rules(|rules| rules.cost.margin_floor = Some(percent(10)));
    holds(
        &floor,
        CaseKind::CurrencyWithoutRate,
        "CHF has no rate to USD, so that the rule cannot be judged",
    );
    let rate = floor.rules(|rules| {
        let chf = Currency::parse("CHF").unwrap();
        rules.rates.of.insert(chf, "1.12".parse().unwrap());
    });
    passes(&rate);
}

#[test]
fn a_line_that_nobody_fits_is_named_after_the_offer_that_came_furthest() {
    let world = mug("20.00 USD")
        .stock(1)
        .supplier("south", 20, Terms::default())
        .supplier(
            "east",
            5,
            Terms {
                countries: regions(&["CA"]),
                ..Terms::default()
            },
        )
        .offer("MUG", "east", "1.00 USD");
    assert_eq!(
        world.told(),
        "held out-of-stock 2 of 1: east: does not ship to US-KY; north: 1 available, 2 wanted"
    );
    assert!(world.holds()[0].again_at.is_some());
}
