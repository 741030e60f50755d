//! What happens after a purchase order was handed over, or half of it was.

use super::Action::{Configuration, Correct, Decide, Pass, Printful, Produce, Supplier, Webhook};
use super::{Action, Story, create, minute, mug, release, story, suppliers_file};
use domain::ids::SupplierId;
use domain::order::Order;
use domain::order::answer::CancelAnswer;
use domain::order::decide::{Command, Verdict};
use doubles::exchange::Twist;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use jiff::SignedDuration;

pub(super) fn clock(quantity: u64) -> ShopOrder {
    ShopOrder::new(1201, &[("CLOCK", quantity)])
}

pub(super) fn shirt() -> ShopOrder {
    ShopOrder::new(1202, &[("SHIRT", 2)])
}

pub(super) fn crates(number: u64) -> ShopOrder {
    ShopOrder::new(number, &[("CRATE", 1)])
}

pub(super) fn cancelled(order: &ShopOrder) -> Action {
    Webhook("orders/cancelled", order.clone().cancelled(30).0)
}

pub(super) fn person() -> (String, String) {
    ("Ada".to_owned(), "the supplier was called".to_owned())
}

/// What the supplier says of the oldest request to cancel.
pub(super) fn answered(order: &Order, answer: CancelAnswer) -> Option<Command> {
    let (who, why) = person();
    order.purchase_orders.first().map(|own| Command::Resolve {
        number: own.number.clone(),
        verdict: Verdict::Cancel(answer),
        who,
        why,
    })
}

pub(super) fn hold(order: &Order) -> Option<Command> {
    let (who, why) = person();
    (!order.is_cancelled()).then_some(Command::Hold { who, why })
}

fn without_northwind(order: &Order) -> Option<Command> {
    let (who, why) = person();
    (!order.is_cancelled()).then(|| Command::Reroute {
        without: SupplierId::parse("northwind").ok(),
        only: None,
        who,
        why,
    })
}

pub(super) fn all() -> Vec<Story> {
    [steps(), cancels(), refusals(), people(), batches()]
        .into_iter()
        .flatten()
        .collect()
}

fn steps() -> Vec<Story> {
    vec![
        story("made_and_bought", vec![create(&shirt())]),
        story(
            "draft_in_doubt",
            vec![Printful(vec![Twist::Silence]), create(&shirt())],
        ),
        story(
            "purchase_in_doubt",
            vec![
                Printful(vec![Twist::None, Twist::Silence]),
                create(&shirt()),
            ],
        ),
        story(
            "purchase_out_of_reach",
            vec![
                Printful(vec![Twist::None, Twist::Unreachable, Twist::TooMany]),
                create(&shirt()),
            ],
        ),
        story(
            "cancelled_between_steps",
            vec![
                Printful(vec![Twist::None, Twist::Unreachable]),
                create(&shirt()),
                cancelled(&shirt()),
            ],
        ),
        story(
            "a_draft_that_cannot_be_taken_back",
            vec![
                Printful(vec![Twist::None, Twist::Unreachable]),
                create(&shirt()),
                Produce("failed"),
                cancelled(&shirt()),
                minute(),
                release(),
            ],
        ),
        story(
            "tagged_between_steps",
            vec![
                Printful(vec![Twist::None, Twist::Unreachable]),
                create(&shirt()),
                Webhook(
                    "orders/updated",
                    shirt().at(40).with("tags", "never-send").0,
                ),
            ],
        ),
        story(
            "edited_between_steps",
            vec![
                Printful(vec![Twist::None, Twist::Unreachable]),
                create(&shirt()),
                Webhook(
                    "orders/updated",
                    shirt().at(40).with_address("address1", "99 Other Road").0,
                ),
            ],
        ),
    ]
}

fn cancels() -> Vec<Story> {
    vec![
        story(
            "cancel_asked_by_mail_and_accepted",
            vec![
                create(&clock(2)),
                minute(),
                cancelled(&clock(2)),
                minute(),
                Decide(|order| answered(order, CancelAnswer::Accepted)),
            ],
        ),
        story(
            "cancel_too_late",
            vec![
                create(&clock(2)),
                minute(),
                cancelled(&clock(2)),
                Decide(|order| answered(order, CancelAnswer::TooLate)),
                minute(),
                release(),
            ],
        ),
        story(
            "cancel_at_the_api",
            vec![create(&shirt()), minute(), cancelled(&shirt())],
        ),
        story(
            "cancel_at_the_api_in_doubt",
            vec![
                create(&shirt()),
                minute(),
                Printful(vec![Twist::Silence]),
                cancelled(&shirt()),
            ],
        ),
        story(
            "partial_refund_after_sending",
            vec![
                create(&clock(3)),
                minute(),
                Webhook("refunds/create", clock(3).refund(81, 0, 1)),
                minute(),
                Decide(|order| answered(order, CancelAnswer::Accepted)),
            ],
        ),
        story(
            "partial_refund_before_sending",
            vec![
                Supplier(vec![Behaviour::Unreachable]),
                create(&mug()),
                Webhook("refunds/create", mug().refund(82, 0, 1)),
            ],
        ),
        story(
            "address_edited_after_sending",
            vec![
                create(&mug()),
                minute(),
                Webhook(
                    "orders/updated",
                    mug().at(40).with_address("address1", "99 Other Road").0,
                ),
                minute(),
                release(),
            ],
        ),
    ]
}

fn refusals() -> Vec<Story> {
    vec![
        story(
            "out_of_stock_at_the_supplier",
            vec![
                Supplier(vec![Behaviour::OutOfStock]),
                create(&mug()),
                create(&ShopOrder::new(1203, &[("MUG", 1)])),
            ],
        ),
        story(
            "refused_for_the_address",
            vec![
                Supplier(vec![Behaviour::BadAddress]),
                create(&mug()),
                minute(),
                release(),
            ],
        ),
        story(
            "a_unit_refused",
            vec![Supplier(vec![Behaviour::Short]), create(&mug())],
        ),
        story(
            "backordered",
            vec![
                Supplier(vec![Behaviour::Backorder]),
                create(&mug()),
                minute(),
                release(),
                Pass(SignedDuration::from_hours(24 * 32)),
            ],
        ),
    ]
}

fn people() -> Vec<Story> {
    vec![
        story(
            "held_and_released",
            vec![
                Supplier(vec![Behaviour::Unreachable]),
                create(&mug()),
                Decide(hold),
                minute(),
                release(),
            ],
        ),
        story(
            "rerouted_before_sending",
            vec![
                Supplier(vec![Behaviour::Unreachable]),
                create(&mug()),
                Decide(without_northwind),
            ],
        ),
        story(
            "rerouted_after_sending",
            vec![
                create(&mug()),
                minute(),
                Decide(without_northwind),
                minute(),
                Decide(|order| answered(order, CancelAnswer::Accepted)),
            ],
        ),
        story(
            "address_corrected_by_a_person",
            vec![
                create(&mug().with_address("zip", "")),
                minute(),
                Correct("40507"),
                minute(),
                // The channel still tells the old address, with something else new.
                Webhook("orders/updated", {
                    let order = mug().with_address("zip", "").at(60);
                    order.with("tags", "gift").0
                }),
            ],
        ),
    ]
}

fn batches() -> Vec<Story> {
    vec![
        story(
            "one_file_for_the_cut_off",
            vec![create(&crates(1211)), create(&crates(1212))],
        ),
        story(
            "cancelled_before_the_cut_off",
            vec![
                create(&crates(1213)),
                create(&crates(1214)),
                cancelled(&crates(1214)),
            ],
        ),
        story(
            "batches_are_given_up",
            vec![
                create(&crates(1217)),
                minute(),
                Configuration("suppliers.toml", {
                    let batch = "[supplier.csv.batch]\nupload = \"person\"\nupload_within = \"1h\"";
                    let suppliers = suppliers_file();
                    assert!(suppliers.contains(batch));
                    suppliers.replace(batch, "")
                }),
            ],
        ),
        story(
            "after_the_cut_off_goes_with_the_next",
            vec![
                create(&crates(1215)),
                Pass(SignedDuration::from_mins(121)),
                create(&crates(1216)),
                Pass(SignedDuration::from_hours(24)),
            ],
        ),
    ]
}
