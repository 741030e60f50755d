//! What a supplier answers, or does not.

use super::Action::Supplier;
use super::{Story, create, mug, story};
use doubles::supplier::Behaviour;

pub(super) fn all() -> Vec<Story> {
    vec![
        story("one_supplier", vec![create(&mug())]),
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
    ]
}
