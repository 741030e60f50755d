//! What a mail service reports about a mail that it took.

use super::Action::{Ask, Close, Decide, Mail, Pass, Webhook};
use super::{Story, create, minute, release, story};
use crate::mail::Post;
use domain::cases::CaseKind;
use domain::order::decide::{Command, Verdict};
use doubles::shop::ShopOrder;
use jiff::SignedDuration;

fn bell() -> ShopOrder {
    ShopOrder::new(1001, &[("BELL", 2)])
}

/// For the same supplier.
fn another_bell() -> ShopOrder {
    ShopOrder::new(1002, &[("BELL", 1)])
}

fn minutes(minutes: i64) -> super::Action {
    Pass(SignedDuration::from_mins(minutes))
}

/// Ada asked the supplier, who never got it.
fn never_arrived() -> super::Action {
    Decide(|order| {
        let purchase_order = order.purchase_orders.first()?;
        Some(Command::Resolve {
            number: purchase_order.number.clone(),
            verdict: Verdict::NotSent,
            who: "Ada".to_owned(),
            why: "called them".to_owned(),
        })
    })
}

pub(super) fn all() -> Vec<Story> {
    vec![
        story(
            "mail_whose_answer_was_lost",
            vec![Mail(vec![Post::TakeSilently]), create(&bell())],
        ),
        story(
            "mail_bounced_and_mended",
            vec![
                Mail(vec![Post::Bounce]),
                create(&bell()),
                minute(),
                release(),
            ],
        ),
        story(
            "mail_bounced_in_doubt",
            vec![Mail(vec![Post::BounceSilently]), create(&bell())],
        ),
        story(
            "mail_bounced_before_the_answer",
            vec![Mail(vec![Post::BounceBeforeTheAnswer]), create(&bell())],
        ),
        story(
            "mail_suppressed_pauses_the_supplier",
            vec![
                Mail(vec![Post::Suppress]),
                create(&bell()),
                minute(),
                create(&another_bell()),
                minutes(5),
                minutes(6),
                Close(CaseKind::MailSuppressed),
                minutes(3),
                release(),
            ],
        ),
        story(
            "mail_suppressed_in_doubt",
            vec![
                Mail(vec![Post::SuppressSilently]),
                create(&bell()),
                minute(),
                release(),
            ],
        ),
        story(
            "mail_of_which_nothing_is_reported",
            vec![
                Mail(vec![Post::Forget]),
                create(&bell()),
                minutes(29),
                minutes(2),
                Ask("B-7"),
            ],
        ),
        story(
            "mail_that_never_arrived",
            vec![
                Mail(vec![Post::Return]),
                create(&bell()),
                minutes(31),
                never_arrived(),
                release(),
            ],
        ),
        story(
            "mail_delayed_for_ever",
            vec![
                Mail(vec![Post::Delay]),
                create(&bell()),
                minutes(31),
                Pass(SignedDuration::from_hours(15)),
            ],
        ),
        story(
            "mail_delivered_before_the_answer",
            vec![Mail(vec![Post::DeliverSilently]), create(&bell())],
        ),
        story(
            "request_to_cancel_bounced",
            vec![
                create(&bell()),
                minute(),
                Mail(vec![Post::Bounce]),
                Webhook("orders/cancelled", bell().cancelled(30).0),
            ],
        ),
    ]
}
