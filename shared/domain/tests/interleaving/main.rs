//! What a channel tells, suppliers answer and persons decide, in any order and with any repetition,
//! with time passing in between: nothing panics, and every promise holds after every commit.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of a test")]

mod fixture;
mod oracle;
mod step;
mod world;

use domain::cases::CaseKind;
use domain::order::answer::RejectionReason;
use fixture::{chairs, mugs};
use proptest::prelude::*;
use step::{Decision, Said, Step, Told, said, step};
use world::{Honesty, World};

fn told(honesty: Honesty, steps: &[Step]) -> World {
    let mut world = World::new(honesty);
    for step in steps {
        world.takes(step);
    }
    world
}

proptest! {
    /// Suppliers and persons may contradict themselves and each other.
    #[test]
    fn whatever_anybody_says(steps in prop::collection::vec(step(), 0..40)) {
        told(Honesty::Anything, &steps);
    }

    /// Where nobody lies, nothing is taken twice, whatever is late or lost.
    #[test]
    fn nothing_is_taken_twice(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = told(Honesty::Honest, &steps);
        world.settles();
        for (id, times) in &world.takings {
            prop_assert!(*times == 1, "{id:?} was taken {times} times");
        }
        oracle::settled(&world);
    }

    /// Whether a supplier's answer comes before or after what the channel tells, or a person decides,
    /// each unit ends in the same place once routing has looked.
    #[test]
    fn an_answer_and_news_in_either_order(
        before in prop::collection::vec(step(), 0..12),
        place in 0..3_usize,
        said in said(),
        news in news(),
    ) {
        let mut world = told(Honesty::Anything, &before);
        world.takes(&Step::Routing);
        world.takes(&Step::Claim { place, taken: true });
        let answer = Step::Answer { place, older: 0, said };
        let mut other = world.clone();
        for step in [&answer, &news, &Step::Routing] {
            world.takes(step);
        }
        for step in [&news, &answer, &Step::Routing] {
            other.takes(step);
        }
        for line in [mugs(), chairs()] {
            prop_assert_eq!(world.order.places(&line), other.order.places(&line));
        }
        let kinds = |world: &World| {
            let mut kinds: Vec<_> = world.order.cases(world.now).iter().map(|entry| entry.kind).collect();
            kinds.sort_unstable();
            kinds
        };
        prop_assert_eq!(kinds(&world), kinds(&other));
    }
}

fn news() -> impl Strategy<Value = Step> {
    let decisions = vec![
        Decision::Hold,
        Decision::Cancel,
        Decision::EditAddress(false),
    ];
    prop_oneof![
        4 => prop::sample::select(Told::ALL.to_vec()).prop_map(Step::Channel),
        1 => prop::sample::select(decisions).prop_map(Step::Person),
    ]
}

/// Units of a rejection went back into stock: they are reserved again when it turns out to be there.
#[test]
fn accepted_after_it_was_rejected() {
    let rejected = Said::Rejected(RejectionReason::IncorrectAddress);
    told(Honesty::Anything, &sent(&[rejected, Said::Accepted]));
}

/// Nobody wants it any more, and routing had seen that nothing was there to take back.
#[test]
fn accepted_after_it_was_rejected_and_cancelled() {
    let mut steps = sent(&[Said::Rejected(RejectionReason::InvalidContactInformation)]);
    steps.extend([Step::Person(Decision::Cancel), Step::Routing]);
    steps.push(answered(0, Said::Accepted));
    steps.push(Step::Routing);
    let world = told(Honesty::Anything, &steps);
    let own = &world.order.purchase_orders[0];
    assert_eq!(
        own.cancels.len(),
        1,
        "the supplier is asked to take it back"
    );
}

/// More is reserved than there is, which nobody may overlook: nothing else is planned from it.
#[test]
fn accepted_after_others_bought_what_it_gave_back() {
    let mut steps = sent(&[Said::Rejected(RejectionReason::IncorrectAddress)]);
    steps.push(Step::OthersBuy(4));
    steps.push(answered(0, Said::Accepted));
    let world = told(Honesty::Anything, &steps);
    let stocks = world.offers.iter().filter_map(|known| known.stock.as_ref());
    let available: Vec<_> = stocks.map(|stock| stock.available).collect();
    assert_eq!(available, [-1, -3]);
}

/// Only the supplier knows whether it has it twice, and the newer attempt may never be answered.
#[test]
fn an_older_attempt_is_accepted_while_a_newer_one_is_on_its_way() {
    let mut steps = sent(&[Said::NotSent]);
    let again = Step::Claim {
        place: 0,
        taken: true,
    };
    steps.extend([Step::Later(20), again]);
    steps.extend([answered(1, Said::Accepted), answered(1, Said::Accepted)]);
    let mut world = told(Honesty::Anything, &steps);
    let kinds = |world: &World| {
        let entries = world.order.cases(world.now);
        entries.iter().map(|entry| entry.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&world), [CaseKind::AnswerUnclear]);
    world.takes(&answered(0, Said::Accepted));
    assert_eq!(
        kinds(&world),
        [CaseKind::AnswerUnclear, CaseKind::SentTwice]
    );
}

fn answered(older: u32, said: Said) -> Step {
    Step::Answer {
        place: 0,
        older,
        said,
    }
}

/// Planned, claimed, and answered.
fn sent(answers: &[Said]) -> Vec<Step> {
    let claim = Step::Claim {
        place: 0,
        taken: true,
    };
    let answers = answers.iter().map(|said| answered(0, *said));
    [Step::Routing, claim].into_iter().chain(answers).collect()
}
