//! What contradicts what was known: answers that come too late, persons who were faster, requests
//! that overlap, suppliers that are gone when something is still to be asked of them.

use super::Action::{Configuration, Decide, Offers, Pass, Printful, Supplier, Webhook};
use super::after_sending::{answered, cancelled, clock, crates, hold, person, shirt};
use super::{
    OFFERS, Story, create, minute, mug, offers_without, release, story, suppliers_file,
    suppliers_without,
};
use domain::order::Order;
use domain::order::answer::CancelAnswer;
use domain::order::decide::{Accepted, Command, Outcome};
use domain::sending::machine::SendState;
use domain::sending::subject::SendSubject;
use doubles::exchange::Twist;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use jiff::SignedDuration;

fn lamps(number: u64, quantity: u64) -> super::Action {
    create(&ShopOrder::new(number, &[("LAMP", quantity)]))
}

/// What was rejected was taken by the attempt before, and the answer to that one arrives.
fn taken_after_all(order: &Order) -> Option<Command> {
    let rejected = order
        .purchase_orders
        .iter()
        .find(|own| matches!(own.sending.state, SendState::Rejected { .. }))?;
    Some(Command::RecordOutcome {
        id: SendSubject::from(&rejected.number),
        attempt: rejected.sending.attempts.checked_sub(1)?,
        outcome: Outcome::Accepted(Accepted {
            references: vec!["NW-LATE".to_owned()],
            ..Accepted::default()
        }),
    })
}

/// The first request to take something back is answered, whoever settled it before.
fn cancel_is_refused_late(order: &Order) -> Option<Command> {
    let own = order.purchase_orders.first()?;
    let request = own.cancel(1)?;
    Some(Command::RecordOutcome {
        id: SendSubject::Cancel {
            purchase_order: own.number.clone(),
            request: 1,
        },
        attempt: request.sending.attempts,
        outcome: Outcome::Accepted(Accepted {
            cancel: Some(CancelAnswer::Refused),
            ..Accepted::default()
        }),
    })
}

fn hold_again(order: &Order) -> Option<Command> {
    let (who, _) = person();
    let why = "the customer called again".to_owned();
    (!order.is_cancelled()).then_some(Command::Hold { who, why })
}

/// Long enough for look-ups, their proof, and another attempt, though workers die twice.
fn a_while() -> Vec<super::Action> {
    let quarter = || {
        [
            minute(),
            minute(),
            minute(),
            Pass(SignedDuration::from_mins(12)),
        ]
    };
    (0..4).flat_map(|_| quarter()).collect()
}

pub(super) fn all() -> Vec<Story> {
    [late_answers(), persons(), gone()]
        .into_iter()
        .flatten()
        .collect()
}

fn late_answers() -> Vec<Story> {
    let unseen = || Supplier(vec![Behaviour::TakeUnseen]);
    vec![
        story(
            "taken_after_it_was_rejected",
            [unseen(), create(&mug())]
                .into_iter()
                .chain(a_while())
                .chain([Decide(taken_after_all), minute()])
                .collect(),
        ),
        // Others bought its lamps in between: there are two, and four are sold.
        story(
            "taken_after_it_was_rejected_and_oversold",
            [unseen(), lamps(1301, 2)]
                .into_iter()
                .chain(a_while())
                .chain([lamps(1302, 2), minute(), Decide(taken_after_all)])
                .chain([minute(), lamps(1303, 1)])
                .collect(),
        ),
        story(
            "asked_to_wait_for_years",
            vec![
                Supplier(vec![Behaviour::TooManyForYears]),
                create(&mug()),
                Pass(SignedDuration::from_mins(25 * 60)),
            ],
        ),
        story(
            "a_cancel_that_nobody_answers",
            vec![
                create(&clock(2)),
                minute(),
                cancelled(&clock(2)),
                Pass(SignedDuration::from_hours(72)),
            ],
        ),
    ]
}

fn persons() -> Vec<Story> {
    vec![
        story(
            "held_twice_and_released_once",
            vec![
                Supplier(vec![Behaviour::Unreachable]),
                create(&mug()),
                Decide(hold),
                minute(),
                Decide(hold_again),
                minute(),
                release(),
            ],
        ),
        story(
            "units_refunded_one_after_the_other",
            vec![
                create(&clock(3)),
                minute(),
                Webhook("refunds/create", clock(3).refund(81, 0, 1)),
                Webhook("refunds/create", clock(3).refund(82, 0, 1)),
                minute(),
                Decide(|order| answered(order, CancelAnswer::Accepted)),
                minute(),
                Decide(|order| answered(order, CancelAnswer::TooLate)),
            ],
        ),
        story(
            "answered_after_a_person_settled_it",
            vec![
                create(&shirt()),
                minute(),
                Printful(vec![Twist::Silence]),
                cancelled(&shirt()),
                Decide(|order| answered(order, CancelAnswer::Accepted)),
                Decide(cancel_is_refused_late),
                minute(),
                release(),
            ],
        ),
    ]
}

/// The merchant changes the files while something of the supplier is still open.
fn gone() -> Vec<Story> {
    vec![
        story(
            "its_supplier_is_gone_while_it_is_in_doubt",
            vec![
                Supplier(vec![Behaviour::TakeSilently]),
                create(&mug()),
                Offers(offers_without("northwind")),
                Configuration("suppliers.toml", suppliers_without("northwind")),
                minute(),
                minute(),
                Configuration("suppliers.toml", suppliers_file()),
                Offers(OFFERS.to_owned()),
            ],
        ),
        story(
            "no_batches_any_more_after_the_cut_off",
            vec![
                create(&crates(1218)),
                create(&crates(1219)),
                Pass(SignedDuration::from_mins(121)),
                Configuration("suppliers.toml", {
                    let batch = "[supplier.csv.batch]\nupload = \"person\"\nupload_within = \"1h\"";
                    suppliers_file().replace(batch, "")
                }),
            ],
        ),
        story(
            "its_supplier_is_gone_after_the_cut_off",
            vec![
                create(&crates(1220)),
                create(&crates(1221)),
                Pass(SignedDuration::from_mins(121)),
                Offers(offers_without("quay")),
                Configuration("suppliers.toml", suppliers_without("quay")),
                Pass(SignedDuration::from_mins(5)),
            ],
        ),
    ]
}
