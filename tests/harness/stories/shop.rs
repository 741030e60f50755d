//! What the shop says of an order beside its articles: holds, refunds of each kind, deliveries,
//! personalisation, payments that come later.

use super::Action::{Configuration, Decide, Pass, Webhook};
use super::{Action, Story, create, minute, mug, release, story};
use domain::order::decide::Command;
use doubles::shop::ShopOrder;
use jiff::SignedDuration;
use serde_json::{Value, json};

fn updated(order: &ShopOrder, second: u32) -> Action {
    Webhook("orders/updated", order.clone().at(second).0)
}

fn rules(text: &str) -> Action {
    Configuration("rules.toml", text.to_owned())
}

fn hour() -> Action {
    Pass(SignedDuration::from_hours(1))
}

/// The line with another value.
fn line(mut order: ShopOrder, line: usize, field: &str, value: impl Into<Value>) -> ShopOrder {
    order.0["line_items"][line][field] = value.into();
    order
}

/// Every line on hold, as Shopify shows it.
fn on_hold(order: &ShopOrder) -> ShopOrder {
    let lines = order.0["line_items"].as_array().map_or(0, Vec::len);
    (0..lines).fold(
        order.clone().with("fulfillment_status", "on_hold"),
        |order, at| line(order, at, "fulfillable_quantity", 0),
    )
}

fn fulfilled(order: &ShopOrder, at: usize, units: u64, left: u64) -> ShopOrder {
    let list = json!([{"id": 7, "status": "success", "line_items": [{"id": order.line_id(at), "quantity": units}]}]);
    line(order.clone(), at, "fulfillable_quantity", left).with("fulfillments", list)
}

/// The order after a refund of units of a line, with that refund in its list.
fn refunded(order: &ShopOrder, units: u64, how: &str, current: u64, status: &str) -> ShopOrder {
    let mut refund = order.refund(901, 0, units);
    refund["refund_line_items"][0]["restock_type"] = json!(how);
    line(order.clone(), 0, "current_quantity", current)
        .with("refunds", json!([refund]))
        .with("financial_status", status)
}

fn by_express() -> Action {
    Decide(|_| {
        Some(Command::Release {
            method: Some("express".to_owned()),
            who: "Ada".to_owned(),
            why: "the customer said so".to_owned(),
        })
    })
}

pub(super) fn all() -> Vec<Story> {
    let two = |number| ShopOrder::new(number, &[("MUG", 1), ("CHAIR", 1)]);
    let noted = ShopOrder::new(1304, &[("MUG", 1), ("LAMP", 1)]).with("note", "Ring twice");
    let noted = line(noted, 0, "fulfillable_quantity", 0);
    let presale = line(two(1302), 1, "fulfillable_quantity", 0);
    let upsell = ShopOrder::new(1303, &[("MUG", 2), ("LAMP", 1)]);
    let before_upsell = ShopOrder::new(1303, &[("MUG", 2)]);
    let delivered = fulfilled(&mug(), 0, 2, 0);
    let returned = refunded(&delivered, 1, "return", 1, "partially_refunded");
    let delivered_mug = fulfilled(&ShopOrder::new(1306, &[("MUG", 1)]), 0, 1, 0)
        .with("fulfillment_status", "fulfilled");
    let all_back = refunded(&delivered_mug, 1, "return", 0, "refunded");
    let replaced = {
        let two_lines = ShopOrder::new(1306, &[("MUG", 1), ("LAMP", 1)]);
        let delivered = fulfilled(&two_lines, 0, 1, 0);
        refunded(&delivered, 1, "return", 0, "partially_refunded")
    };
    let goodwill = refunded(&mug(), 1, "no_restock", 1, "partially_refunded");
    let methods = json!([
        {"title": "Main Street", "code": "MS", "delivery_category": "pickup"},
        {"title": "Express", "code": "EXP"},
    ]);
    let engraved = line(
        ShopOrder::new(1309, &[("CHAIR", 1)]),
        0,
        "properties",
        json!([{"name": "Engraving", "value": "For Ada"}, {"name": "_design", "value": "7"}]),
    );
    vec![
        story(
            "on_hold_until_the_shop_lets_it_go",
            vec![
                create(&on_hold(&mug())),
                Pass(SignedDuration::from_hours(30)),
                updated(&mug(), 60),
            ],
        ),
        story(
            "on_hold_until_a_person_lets_it_go",
            vec![create(&on_hold(&mug())), hour(), release()],
        ),
        // Whoever read the note does not let the shop's hold of the mugs go.
        story(
            "a_release_means_what_is_shown",
            vec![
                Configuration("rules.toml", "[extras]\nnote = \"hold\"\n".to_owned()),
                create(&noted),
                minute(),
                release(),
                minute(),
            ],
        ),
        story(
            "presale_beside_a_line_in_stock",
            vec![create(&presale), minute(), updated(&two(1302), 60)],
        ),
        story(
            "upsell_during_a_hold",
            vec![
                create(&on_hold(&before_upsell)),
                minute(),
                updated(&on_hold(&upsell), 60),
                minute(),
                updated(&upsell, 120),
            ],
        ),
        story(
            "on_hold_before_the_delay_is_over",
            vec![
                rules("[release]\ndelay = \"30m\"\n"),
                create(&mug()),
                minute(),
                updated(&on_hold(&mug()), 60),
                hour(),
                updated(&mug(), 120),
            ],
        ),
        story(
            "on_hold_after_sending",
            vec![
                create(&mug()),
                minute(),
                updated(&on_hold(&mug()), 60),
                minute(),
                updated(&mug(), 120),
            ],
        ),
        story(
            "cancelled_before_the_delay_is_over",
            vec![
                rules("[release.channel.acme]\ndelay = \"30m\"\n"),
                create(&mug()),
                Webhook("orders/cancelled", mug().cancelled(60).0),
                hour(),
            ],
        ),
        story(
            "returned_after_delivery",
            vec![
                create(&mug()),
                minute(),
                updated(&delivered, 60),
                updated(&returned, 120),
                minute(),
            ],
        ),
        story(
            "replaced_after_a_full_refund",
            vec![
                create(&ShopOrder::new(1306, &[("MUG", 1)])),
                updated(&delivered_mug, 60),
                updated(&all_back, 120),
                minute(),
                updated(&replaced, 180),
            ],
        ),
        story(
            "refund_that_leaves_open_what_is_shipped",
            vec![
                rules("[release]\ndelay = \"30m\"\n"),
                create(&mug()),
                updated(&goodwill, 60),
                hour(),
                release(),
            ],
        ),
        story(
            "several_shipping_methods_until_a_person_chooses",
            vec![
                create(&mug().with("shipping_lines", methods)),
                minute(),
                by_express(),
            ],
        ),
        story("engraved", vec![create(&engraved)]),
        story(
            "cash_on_delivery",
            vec![
                rules("[payment]\nsend_unpaid_gateways = [\"Cash on Delivery (COD)\"]\n"),
                create(
                    &mug()
                        .with("financial_status", "pending")
                        .with("payment_gateway_names", json!(["Cash on Delivery (COD)"])),
                ),
            ],
        ),
        story(
            "paid_after_two_weeks",
            vec![
                create(&mug().with("financial_status", "pending")),
                Pass(SignedDuration::from_hours(15 * 24)),
                Webhook("orders/paid", mug().at(60).0),
            ],
        ),
    ]
}
