//! A real send against a supplier that does as `answers.toml` says, judged by what the supplier has
//! afterwards: accepted means that it has it, rejected and not sent that it has not.

use super::Method;
use super::handovers::{number, plain};
use super::ports::World;
use ::ports::supplier::LookupAnswer;
use ::ports::{Attempt, SendOutcome, Supplier};
use domain::order::SendId;
use domain::order::answer::Progress;
use domain::order::event::LookupFinding;
use domain::purchase_order_number::PurchaseOrderNumber;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// `answers.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers {
    answer: Vec<Answer>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) does: Does,
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: String,
    #[serde(default)]
    earlier: bool,
    #[serde(default)]
    doubted: bool,
    outcome: Class,
    reference: Option<String>,
    retry_after: Option<u64>,
    #[serde(default)]
    unauthorized: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Does {
    Take,
    TakeSilently,
    Unreachable,
    CutOff,
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    Accepted,
    Rejected,
    NotSent,
    InDoubt,
}

/// Answers of HTTP that every supplier gives one day.
const STATUSES: [u16; 10] = [200, 400, 401, 403, 404, 409, 422, 429, 500, 502];

pub(super) fn coverage(method: &Method) {
    let answers = &method.answers.answer;
    let mut expected = vec![Does::Take, Does::TakeSilently, Does::Unreachable];
    if method.has_hosts() {
        expected.push(Does::CutOff);
        for status in STATUSES {
            assert!(
                answers.iter().any(|answer| answer.status == Some(status)),
                "no answer with HTTP {status}"
            );
        }
        let asked_to_wait = answers.iter().any(|answer| answer.retry_after.is_some());
        assert!(asked_to_wait, "no answer asks to wait");
        // That a success without its reference is no success.
        let soft =
            |answer: &Answer| answer.status == Some(200) && answer.outcome != Class::Accepted;
        assert!(answers.iter().any(soft), "no error comes with HTTP 200");
    }
    for does in expected {
        let described = answers.iter().any(|answer| answer.does == does);
        assert!(described, "no answer where the supplier does {does:?}");
    }
    assert!(
        answers.iter().any(|answer| answer.earlier),
        "no answer where the supplier has it from before"
    );
}

fn attempt(number: &PurchaseOrderNumber, attempt: u32, doubted: bool) -> Attempt {
    Attempt {
        id: SendId::of(number),
        attempt,
        doubted,
        progress: Progress::default(),
    }
}

fn opened(method: &Method, does: Does) -> (World, Box<dyn Supplier>) {
    let world = World::working();
    let world = if does == Does::Unreachable {
        world.unreachable()
    } else {
        world
    };
    let supplier = method.open(&world);
    (world, supplier)
}

pub(super) fn answers(method: &Method) {
    for answer in &method.answers.answer {
        let (world, supplier) = opened(method, answer.does);
        let artifact = supplier.prepare(&plain(), &Progress::default()).unwrap();
        let number = plain().number;
        if answer.earlier {
            let first = attempt(&number, 1, false);
            let outcome = world.run(supplier.send(&artifact, &first));
            assert!(matches!(outcome, SendOutcome::Accepted(_)), "{outcome:?}");
        }
        world.meets(answer);
        let now = attempt(&number, 2, answer.doubted);
        let began = std::time::Instant::now();
        let outcome = world.run(supplier.send(&artifact, &now));
        assert!(began.elapsed() <= supplier.timeout(), "{answer:?}");
        judge(answer, &outcome);
        let holds = world.holds(&number);
        match answer.outcome {
            Class::Accepted => assert!(holds > 0, "accepted and not there: {answer:?}"),
            Class::NotSent | Class::Rejected => {
                assert!(
                    holds == 0 || answer.earlier,
                    "there all the same: {answer:?}"
                );
            }
            Class::InDoubt => {}
        }
        // Who was asked to wait asks nothing: the look-up comes from a process that knows of no wait.
        let later = method.open(&world);
        let Some(lookup) = later.lookup() else {
            continue;
        };
        let found = world.run(lookup.find(&attempt(&number, 1, false)));
        let right = match (answer.does, holds) {
            // Who cannot ask does not know.
            (Does::Unreachable, _) => found == LookupAnswer::NotFound(LookupFinding::Unclear),
            (_, 0) => found == LookupAnswer::NotFound(LookupFinding::Absent),
            (_, _) => matches!(found, LookupAnswer::Accepted(_)),
        };
        assert!(right, "{found:?} with {holds} there, after {answer:?}");
    }
}

fn judge(answer: &Answer, outcome: &SendOutcome) {
    let class = match outcome {
        SendOutcome::Accepted(acceptance) => {
            let reference = acceptance.references.first().cloned();
            assert_eq!(reference, answer.reference, "{answer:?}");
            Class::Accepted
        }
        SendOutcome::Done(done) => panic!("{answer:?}: only {done:?}"),
        SendOutcome::Rejected {
            detail, evidence, ..
        } => {
            assert!(!detail.is_empty(), "{answer:?}");
            let evidence = String::from_utf8_lossy(evidence);
            assert!(evidence.contains(&answer.body), "{answer:?}: {evidence}");
            Class::Rejected
        }
        SendOutcome::NotSent {
            retry_after,
            why,
            unauthorized,
        } => {
            assert!(!why.is_empty(), "{answer:?}");
            let expected = answer.retry_after.map(Duration::from_secs);
            assert_eq!(retry_after, &expected, "{answer:?}");
            assert_eq!(*unauthorized, answer.unauthorized, "{answer:?}");
            Class::NotSent
        }
        SendOutcome::InDoubt { why, evidence } | SendOutcome::Foreign { why, evidence } => {
            assert!(!why.is_empty(), "{answer:?}");
            let evidence = String::from_utf8_lossy(evidence);
            assert!(evidence.contains(&answer.body), "{answer:?}: {evidence}");
            Class::InDoubt
        }
    };
    assert_eq!(class, answer.outcome, "{answer:?} became {outcome:?}");
}

/// What was sent is found by its own number and by no other, as often as it is asked for.
pub(super) fn look_up(method: &Method) {
    let (world, supplier) = opened(method, Does::Take);
    let lookup = supplier.lookup().expect("the trial is for who can look up");
    let artifact = supplier.prepare(&plain(), &Progress::default()).unwrap();
    let (own, other) = (number(1), number(2));
    let absent = LookupAnswer::NotFound(LookupFinding::Absent);
    for asked in [&own, &other] {
        assert_eq!(world.run(lookup.find(&attempt(asked, 1, false))), absent);
    }
    let first = attempt(&own, 1, false);
    let outcome = world.run(supplier.send(&artifact, &first));
    assert!(matches!(outcome, SendOutcome::Accepted(_)), "{outcome:?}");
    for _ in 0..2 {
        let found = world.run(lookup.find(&attempt(&own, 1, false)));
        assert!(matches!(found, LookupAnswer::Accepted(_)), "{found:?}");
        assert_eq!(world.run(lookup.find(&attempt(&other, 1, false))), absent);
    }
    assert_eq!(world.holds(&own), 1, "a look-up sends nothing");
}
