//! Who ships what, and what waits for whom.

use super::Action::{Configuration, Offers, Pass, Webhook};
use super::{OFFERS, Story, create, minute, mug, release, story, suppliers_file};
use doubles::shop::ShopOrder;
use jiff::SignedDuration;

/// The suppliers' file with more keys for one of them.
fn suppliers_with(id: &str, keys: &str) -> super::Action {
    let own = format!("id = \"{id}\"\n");
    let suppliers = suppliers_file();
    assert!(suppliers.contains(&own), "{id}");
    Configuration(
        "suppliers.toml",
        suppliers.replace(&own, &format!("{own}{keys}\n")),
    )
}

fn suppliers() -> super::Action {
    Configuration("suppliers.toml", suppliers_file())
}

fn rules(text: &str) -> super::Action {
    Configuration("rules.toml", text.to_owned())
}

fn offers_with(from: &str, to: &str) -> super::Action {
    assert!(OFFERS.contains(from), "{from}");
    Offers(OFFERS.replace(from, to))
}

pub(super) fn all() -> Vec<Story> {
    let mended = format!("{OFFERS}TEAPOT,harbour,HB-9,7.00,USD,\n");
    let lamp = |number, quantity| create(&ShopOrder::new(number, &[("LAMP", quantity)]));
    let three = |number| ShopOrder::new(number, &[("MUG", 1), ("CHAIR", 2), ("CLOCK", 1)]);
    let crates = |number| create(&ShopOrder::new(number, &[("CRATE", 1)]));
    let clock = |number| create(&ShopOrder::new(number, &[("CLOCK", 1)]));
    vec![
        story("split_over_three", vec![create(&three(1002))]),
        story(
            "unknown_sku",
            vec![
                create(&ShopOrder::new(1003, &[("MUG", 1), ("TEAPOT", 1)])),
                minute(),
                Offers(mended),
                minute(),
            ],
        ),
        story(
            "address_incomplete",
            vec![
                create(&mug().with_address("zip", "")),
                minute(),
                Webhook("orders/updated", mug().at(50).0),
            ],
        ),
        story(
            "po_box_goes_to_another_supplier",
            vec![create(&mug().with_address("address1", "PO Box 12"))],
        ),
        story(
            "tagged_never_send",
            vec![
                create(&mug().with("tags", "VIP, never-send")),
                minute(),
                Webhook("orders/updated", mug().at(50).0),
            ],
        ),
        story(
            "out_of_stock",
            vec![create(&ShopOrder::new(1005, &[("CLOCK", 6)]))],
        ),
        story(
            "test_and_old_orders",
            vec![
                create(&ShopOrder::new(1006, &[("MUG", 1)]).with("test", true)),
                create(
                    &ShopOrder::new(1007, &[("MUG", 1)]).with("created_at", "2026-10-01T00:00:00Z"),
                ),
            ],
        ),
        story(
            "cheaper_supplier_wins",
            vec![
                suppliers_with("northwind", "fee = \"5.00 USD\""),
                lamp(1101, 1),
            ],
        ),
        story(
            "region_preference_wins",
            vec![
                suppliers_with("lakeside", "prefer = [\"US-KY\"]"),
                lamp(1102, 1),
            ],
        ),
        story(
            "not_served_goes_to_the_next",
            vec![
                suppliers_with("northwind", "exclude = [\"US-KY\"]"),
                create(&mug()),
            ],
        ),
        story(
            "margin_too_low_until_the_floor_is_lowered",
            vec![
                rules("[cost]\nmargin_floor = \"90%\"\n"),
                create(&mug()),
                minute(),
                rules("[cost]\nmargin_floor = \"40%\"\n"),
                minute(),
            ],
        ),
        story(
            "shipping_method_unmapped_then_mapped",
            vec![
                suppliers_with("northwind", "shipping = { Express = \"NW-24\" }"),
                create(&mug()),
                minute(),
                suppliers_with(
                    "northwind",
                    "shipping = { Express = \"NW-24\", STD = \"NW-ECO\" }",
                ),
                minute(),
            ],
        ),
        story(
            "fewer_packages_where_too_many_are_not_allowed",
            vec![rules("[routing]\nmax_packages = 2\n"), create(&three(1110))],
        ),
        story(
            "too_many_packages_then_released",
            vec![
                rules("[routing]\nmax_packages = 1\n"),
                create(&three(1103)),
                minute(),
                release(),
                minute(),
            ],
        ),
        story(
            "over_the_limit_then_released",
            vec![
                rules("[limits]\nmax_order_value = \"100.00 USD\"\n"),
                create(&mug()),
                minute(),
                release(),
                minute(),
            ],
        ),
        story(
            "marked_as_fraud_then_cleared",
            vec![
                rules("[risk]\nhold_tags = [\"high-risk\"]\n"),
                create(&mug().with("tags", "high-risk")),
                minute(),
                Webhook("orders/updated", mug().at(50).0),
            ],
        ),
        story(
            "closed_until_monday",
            vec![
                suppliers_with(
                    "lakeside",
                    "calendar = { zone = \"Europe/Berlin\", hours = [\"09:00-17:00\"] }",
                ),
                // Saturday at noon.
                Pass(SignedDuration::from_hours(5 * 24 + 2)),
                create(&ShopOrder::new(1104, &[("CHAIR", 1)])),
                Pass(SignedDuration::from_hours(30)),
                Pass(SignedDuration::from_hours(14)),
            ],
        ),
        story(
            "paused_goes_to_the_next_or_waits",
            vec![
                suppliers_with("northwind", "paused = true"),
                create(&mug()),
                Configuration(
                    "suppliers.toml",
                    suppliers_file().replace("name = \"Harbour", "paused = true\nname = \"Harbour"),
                ),
                clock(1106),
                minute(),
                suppliers(),
                minute(),
            ],
        ),
        story(
            "currency_without_a_rate_then_given",
            vec![
                offers_with("HB-7,9.00,USD,5", "HB-7,9.00,EUR,5"),
                clock(1107),
                minute(),
                rules("[rates]\nbase = \"USD\"\nEUR = \"1.08\"\n"),
                minute(),
            ],
        ),
        story(
            "divided_line",
            vec![
                rules("[routing]\nsplit_lines = true\n"),
                offers_with("LS-LAMP,13.00,USD,50", "LS-LAMP,13.00,USD,4"),
                lamp(1108, 5),
            ],
        ),
        story(
            "spend_limit_queues_to_the_next_day",
            vec![
                suppliers_with("harbour", "spend_limit_per_day = \"20.00 USD\""),
                create(&ShopOrder::new(1121, &[("CLOCK", 2)])),
                clock(1122),
                minute(),
                Pass(SignedDuration::from_hours(15)),
                Pass(SignedDuration::from_hours(24)),
            ],
        ),
        story(
            "spend_limit_goes_to_the_next_supplier",
            vec![
                suppliers_with("northwind", "spend_limit_per_day = \"10.00 USD\""),
                create(&mug()),
                create(&ShopOrder::new(1123, &[("MUG", 1)])),
                minute(),
                Pass(SignedDuration::from_hours(24)),
            ],
        ),
        story(
            "larger_than_the_spend_limit_then_released",
            vec![
                suppliers_with(
                    "harbour",
                    "fee = \"1.00 USD\"\nspend_limit_per_day = \"18.50 USD\"",
                ),
                create(&ShopOrder::new(1124, &[("CLOCK", 2)])),
                minute(),
                release(),
                minute(),
                clock(1125),
                Pass(SignedDuration::from_hours(15)),
                Pass(SignedDuration::from_hours(24)),
            ],
        ),
        story(
            "spending_of_a_void_is_another_orders",
            vec![
                suppliers_with("quay", "spend_limit_per_day = \"30.00 USD\""),
                crates(1126),
                crates(1127),
                minute(),
                Webhook(
                    "orders/cancelled",
                    ShopOrder::new(1126, &[("CRATE", 1)]).cancelled(30).0,
                ),
                minute(),
                crates(1128),
                Pass(SignedDuration::from_hours(3)),
                Pass(SignedDuration::from_hours(24)),
                Pass(SignedDuration::from_hours(24)),
            ],
        ),
        story(
            "split_where_it_is_cheaper",
            vec![
                rules("[routing]\nsplit = \"allow\"\n"),
                offers_with("LS-LAMP,13.00", "LS-LAMP,8.00"),
                create(&ShopOrder::new(1109, &[("MUG", 1), ("LAMP", 1)])),
            ],
        ),
    ]
}
