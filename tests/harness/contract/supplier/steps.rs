//! Hand-overs in several steps: each has a claim, an answer and a look-up of its own.

use super::answers::{Answer, Does};
use super::handovers::{plain, to_cancel};
use super::ports::World;
use super::way::Way;
use super::{Fixture, Place};
use ::ports::{Answer as LookupAnswer, Outcome};
use domain::order::answer::Progress;
use domain::sending::subject::SendSubject;
use std::collections::BTreeMap;

fn steps(fixture: &Fixture) -> Vec<Place> {
    let mut places = fixture.places.clone();
    places.retain(|place| !place.is_cancel());
    places
}

/// How often the supplier has what each step hands over.
fn held(fixture: &Fixture, way: &Way<'_>) -> Vec<usize> {
    let id = SendSubject::from(&plain().number);
    let steps = steps(fixture);
    let held = steps.iter().map(|step| way.world.holds(&id, step.is_last));
    held.collect()
}

pub(super) fn in_order(fixture: &Fixture) {
    let steps = steps(fixture);
    let mut way = Way::start(fixture);
    for (done, step) in steps.iter().enumerate() {
        assert_eq!(way.place, *step);
        let artifact = way.prepare(way.opened().as_ref());
        let again = way.prepare(way.opened().as_ref());
        assert!(artifact == again, "{} does not repeat", step.name);
        let mut expected = vec![1; done];
        expected.resize(steps.len(), 0);
        assert_eq!(held(fixture, &way), expected);
        let outcome = way.send_artifact(way.opened().as_ref(), &artifact);
        way.go_on(&outcome);
    }
    assert_eq!(held(fixture, &way), vec![1; steps.len()]);
}

/// The look-up of the step alone settles it, and the next ones go on with what it found.
pub(super) fn doubts(fixture: &Fixture) {
    for doubted in steps(fixture) {
        let mut way = Way::to(fixture, &doubted);
        way.world.meets(&Answer::plain(Does::TakeSilently));
        let outcome = way.send(way.opened().as_ref());
        assert!(
            matches!(outcome.outcome, Outcome::InDoubt { .. }),
            "{outcome:?}"
        );
        way.attempt.doubted = true;
        match way.find(way.opened().as_ref()) {
            Some(LookupAnswer::StepDone(done)) => way.done(&done),
            Some(LookupAnswer::Accepted(acceptance)) => way.accepted(&acceptance),
            found => panic!("{found:?} at {}", doubted.name),
        }
        while !way.place.is_cancel() && held(fixture, &way).contains(&0) {
            let outcome = way.send(way.opened().as_ref());
            way.go_on(&outcome);
        }
        assert!(held(fixture, &way).into_iter().all(|held| held == 1));
    }
}

/// An artifact of one step is never sent as another.
pub(super) fn mixed(fixture: &Fixture) {
    for place in steps(fixture) {
        for other in steps(fixture) {
            if place == other {
                continue;
            }
            let mut way = Way::to(fixture, &place);
            let supplier = way.opened();
            let artifact = Way::to(fixture, &other).prepare(supplier.as_ref());
            let before = (way.world.requests(), held(fixture, &way));
            let outcome = way.send_artifact(supplier.as_ref(), &artifact);
            assert!(
                matches!(outcome.outcome, Outcome::NotSent { .. }),
                "{outcome:?}"
            );
            assert_eq!((way.world.requests(), held(fixture, &way)), before);
        }
    }
}

/// Other settings made a step that these do not know: what it handed over must not go again.
pub(super) fn unknown(fixture: &Fixture) {
    let supplier = fixture.open(&World::elsewhere());
    let unheard = Progress::default().with("no-such-step", BTreeMap::new());
    let mut all = Progress::default();
    for step in steps(fixture) {
        all = all.with(&step.name, BTreeMap::new());
    }
    for progress in [
        &unheard,
        &all,
        &all.clone().with("no-such-step", BTreeMap::new()),
    ] {
        let error = supplier.orders().prepare(&plain(), progress).err();
        assert!(error.is_some(), "{progress:?} is let through");
    }
    let error = supplier.orders().prepare(&plain(), &unheard).err();
    assert!(error.is_some_and(|error| error.0.contains("no-such-step")));
    if let Some(cancels) = supplier.cancels() {
        let request = to_cancel(true, &["A-1".to_owned()]);
        let error = cancels.prepare(&request, &unheard).err();
        assert!(error.is_some_and(|error| error.0.contains("no-such-step")));
    }
}
