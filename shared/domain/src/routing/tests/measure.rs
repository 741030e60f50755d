//! How long a plan takes; prints and proves nothing:
//! `cargo test --release -p domain -- --ignored --nocapture measure`

use super::*;
use crate::settings::terms::ShippingCost;
use crate::settings::{Allowed, Split};

/// 5 lines, 20 offers of 4 suppliers, and every rule set.
fn world(split: Split) -> World {
    let skus = ["A", "B", "C", "D", "E"];
    let lines: Vec<(&str, u32, &str)> = skus.iter().map(|sku| (*sku, 2, "40.00 USD")).collect();
    let mut world = World::new(&lines);
    for (place, id) in ["east", "north", "south", "west"].into_iter().enumerate() {
        let terms = Terms {
            countries: regions(&["CA", "US"]),
            exclude: regions(&["US-HI"]),
            prefer: regions(&["US-NY"]),
            fee: Some(money("1.50 USD")),
            shipping_cost: vec![
                ShippingCost {
                    countries: regions(&["US"]),
                    up_to: Some(3),
                    amount: money("4.00 USD"),
                },
                ShippingCost {
                    countries: regions(&["US"]),
                    up_to: None,
                    amount: money("7.00 USD"),
                },
            ],
            minimum_order: Some(money("5.00 USD")),
            ..Terms::default()
        };
        world = world.supplier(id, u32::try_from(place).unwrap(), terms);
        for (line, sku) in skus.iter().enumerate() {
            let cost = format!("{}.00 USD", 5 + (place * 7 + line * 3) % 5);
            world = world.offer(sku, id, &cost).stock(50);
        }
    }
    world.rules(|rules| {
        rules.split = split;
        rules.max_packages = Some(3);
        rules.limits.order_value = Some(money("900.00 USD"));
        rules.limits.quantity = Some(50);
        rules.limits.quantity_per_line = Some(20);
        rules.limits.value_per_package = Some(money("900.00 USD"));
        rules.risk.hold_tags = ["high-risk".to_owned()].into();
        rules.cost.margin_floor = Some(percent(15));
        rules.cost.line_margin_floor = Some(percent(10));
        rules.cost.max_unit = Some(money("30.00 USD"));
        rules.cost.max_order = Some(money("300.00 USD"));
        let acme = ChannelId::parse("acme").unwrap();
        let nobody = Allowed::Except([supplier_id("nobody")].into());
        rules.channels.insert(acme, nobody);
    })
}

#[test]
#[ignore = "prints a figure"]
fn measure() {
    for split in [Split::PreferSingle, Split::Allow] {
        let world = world(split);
        let facts = Facts {
            settings: &world.settings,
            offers: &world.offers,
            spent: &[],
            now: world.now,
            reference_taken: false,
        };
        let rounds = 20_000;
        let begun = std::time::Instant::now();
        let mut orders = 0;
        for _ in 0..rounds {
            let plan = plan(&world.order, &facts).unwrap();
            orders += usize::from(
                matches!(plan.command, Command::Route { routed, .. } if !routed.purchase_orders.is_empty()),
            );
        }
        assert_eq!(orders, rounds);
        println!("{split:?}: {:?} a plan", begun.elapsed() / 20_000);
    }
}
