//! What the channel tells, in any order and any number.

use super::Action::{Supplier, Webhook};
use super::{Story, create, minute, mug, story};
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;

pub(super) fn all() -> Vec<Story> {
    vec![
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
    ]
}
