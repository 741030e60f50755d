//! What a supplier answers, or does not.

use super::Action::{Configuration, Supplier};
use super::{Action, Story, create, minute, mug, release, story, suppliers_file};
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;

pub(super) fn all() -> Vec<Story> {
    [plain(), answers(), limits(), refusals_in_a_row()]
        .into_iter()
        .flatten()
        .collect()
}

/// One order that meets such an answer first.
fn meets(name: &'static str, behaviour: Behaviour) -> Story {
    story(name, vec![Supplier(vec![behaviour]), create(&mug())])
}

/// What an answer proves, and what it does not.
fn answers() -> Vec<Story> {
    vec![
        meets("accepted_with_a_number_that_is_null", Behaviour::NullNumber),
        meets("a_number_that_comes_later", Behaviour::TakeNameless),
        meets("a_path_that_moved", Behaviour::PathMoved),
        meets("a_page_that_does_not_say_why", Behaviour::ErrorPage),
        meets("a_conflict_with_nothing", Behaviour::Conflict),
        meets("a_conflict_with_our_own_order", Behaviour::TakeConflict),
        meets("refused_though_it_was_taken", Behaviour::TakeReject),
        meets("refused_with_a_reason", Behaviour::OutOfStock),
    ]
}

/// The same, where Northwind's settings say more.
fn meets_with(name: &'static str, setting: &str, behaviour: Behaviour) -> Story {
    let own = "[supplier.http]\ntimeout = 20\n";
    let suppliers = suppliers_file();
    assert_eq!(suppliers.matches(own).count(), 1);
    let suppliers = suppliers.replace(own, &format!("{own}{setting}\n"));
    story(
        name,
        vec![
            Configuration("suppliers.toml", suppliers),
            Supplier(vec![behaviour]),
            create(&mug()),
        ],
    )
}

/// What suppliers say that others say by a status, and what a status leaves open.
fn limits() -> Vec<Story> {
    let look_up = "retry_429 = \"look-up\"";
    vec![
        meets_with("taken_with_http_429", look_up, Behaviour::TakeTooManyNow),
        meets_with("looked_up_after_http_429", look_up, Behaviour::TooManyNow),
        meets_with(
            "asked_to_wait_with_http_200",
            "retry_after = \"body.retry_in\"",
            Behaviour::SoftTooMany,
        ),
        meets_with(
            "unauthorized_with_http_200",
            "unauthorized = \"body.error == 'invalid_token'\"",
            Behaviour::SoftUnauthorized,
        ),
    ]
}

/// Orders of one article one after another, each refused or taken.
fn in_a_row(behaviours: Vec<Behaviour>) -> impl Iterator<Item = Action> {
    let orders = (1401..).take(behaviours.len());
    let orders = orders.map(|number| create(&ShopOrder::new(number, &[("MUG", 1)])));
    std::iter::once(Supplier(behaviours)).chain(orders)
}

fn refusals_in_a_row() -> Vec<Story> {
    use Behaviour::{Reject, Take};
    vec![
        story(
            "four_refused_in_a_row",
            in_a_row(vec![Reject; 4])
                .chain([minute(), release()])
                .collect(),
        ),
        story(
            "refused_and_taken_by_turns",
            in_a_row(vec![Reject, Reject, Take, Reject, Reject]).collect(),
        ),
    ]
}

fn plain() -> Vec<Story> {
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
