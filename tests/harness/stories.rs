//! What happens to a merchant, as data, so that every story can be told again with a fault at every
//! effect.

use crate::world::World;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use jiff::SignedDuration;
use serde_json::Value;

pub enum Action {
    /// A signed webhook of that topic.
    Webhook(&'static str, Value),
    /// How the HTTP supplier treats its next requests.
    Supplier(Vec<Behaviour>),
    /// `offers.csv` is replaced.
    Offers(&'static str),
    /// Time passes and the sweep runs.
    Pass(SignedDuration),
}

pub struct Story {
    pub name: &'static str,
    pub actions: Vec<Action>,
}

use Action::{Offers, Pass, Supplier, Webhook};

fn create(order: &ShopOrder) -> Action {
    Webhook("orders/create", order.0.clone())
}

fn minute() -> Action {
    Pass(SignedDuration::from_secs(61))
}

/// Every story of what works now.
pub fn all() -> Vec<Story> {
    let mug = || ShopOrder::new(1001, &[("MUG", 2)]);
    let story = |name, actions| Story { name, actions };
    let offers = include_str!("configuration/offers.csv");
    let mended: &'static str =
        Box::leak(format!("{offers}TEAPOT,harbour,HB-9,7.00,USD,\n").into_boxed_str());
    vec![
        story("one_supplier", vec![create(&mug())]),
        story(
            "split_over_three",
            vec![create(&ShopOrder::new(
                1002,
                &[("MUG", 1), ("CHAIR", 2), ("CLOCK", 1)],
            ))],
        ),
        story(
            "unknown_sku",
            vec![
                create(&ShopOrder::new(1003, &[("MUG", 1), ("TEAPOT", 1)])),
                minute(),
                Offers(mended),
                minute(),
            ],
        ),
        story("five_times", (0..5).map(|_| create(&mug())).collect()),
        story(
            "paid_later",
            vec![
                create(&mug().with("financial_status", "pending")),
                minute(),
                Webhook("orders/paid", mug().at(90).0),
            ],
        ),
        story(
            "in_doubt_and_there",
            vec![Supplier(vec![Behaviour::TakeSilently]), create(&mug())],
        ),
        story(
            "soft_error",
            vec![Supplier(vec![Behaviour::SoftError]), create(&mug())],
        ),
        story(
            "refused_for_a_while",
            vec![Supplier(vec![Behaviour::Unreachable; 3]), create(&mug())],
        ),
        story(
            "rate_limited",
            vec![Supplier(vec![Behaviour::TooMany]), create(&mug())],
        ),
        story(
            "rejected",
            vec![Supplier(vec![Behaviour::Reject]), create(&mug())],
        ),
        story(
            "cancelled_before_sending",
            vec![
                Supplier(vec![Behaviour::Unreachable]),
                create(&mug()),
                Webhook("orders/cancelled", mug().cancelled(30).0),
            ],
        ),
        story(
            "cancelled_after_sending",
            vec![
                create(&mug()),
                minute(),
                Webhook("orders/cancelled", mug().cancelled(30).0),
            ],
        ),
        story(
            "cancelled_in_doubt",
            vec![
                Supplier(vec![Behaviour::TakeSilently]),
                create(&mug()),
                Webhook("orders/cancelled", mug().cancelled(30).0),
            ],
        ),
        story(
            "refund_before_create",
            vec![
                Webhook(
                    "refunds/create",
                    ShopOrder::new(1004, &[("MUG", 3)]).refund(77, 0, 1),
                ),
                create(&ShopOrder::new(1004, &[("MUG", 3)])),
            ],
        ),
        story(
            "address_edited_before_sending",
            vec![
                Supplier(vec![Behaviour::Unreachable]),
                create(&mug()),
                Webhook(
                    "orders/updated",
                    mug().at(40).with_address("address1", "99 Other Road").0,
                ),
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
    ]
}

impl Story {
    /// Tells the story to its end and lets everything settle.
    pub async fn tell(&self, world: &mut World) {
        for action in &self.actions {
            match action {
                Webhook(topic, body) => world.topic(topic, body).await,
                Supplier(behaviours) => world.supplier.script(behaviours.iter().copied()),
                Offers(text) => world.offers(text).await,
                Pass(by) => world.pass(*by).await,
            }
            world.pump().await;
        }
        world.settle().await;
    }
}
