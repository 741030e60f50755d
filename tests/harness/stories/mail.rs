//! What a mail service reports about a mail that it took.

use super::Action::{Mail, Webhook};
use super::{Story, create, minute, release, story};
use crate::mail::Post;
use doubles::shop::ShopOrder;

fn bell() -> ShopOrder {
    ShopOrder::new(1001, &[("BELL", 2)])
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
