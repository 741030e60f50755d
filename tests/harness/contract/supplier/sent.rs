//! A real send against a supplier that does as `answers.toml` says, judged by what the supplier has
//! afterwards: accepted means that it has it, rejected and not sent that it has not.

use super::answers::{Answer, Class, Does};
use super::handovers::{number, personal};
use super::way::Way;
use super::{Fixture, Place};
use ::ports::{Answer as LookupAnswer, Attempt, Moment, Outcome, SendAnswer, Trouble};
use domain::order::answer::LookupFinding;
use domain::sending::subject::SendSubject;
use jiff::{SignedDuration, Timestamp};

pub(super) fn answers(fixture: &Fixture) {
    for place in &fixture.places {
        for answer in fixture.answers_at(place) {
            met(fixture, place, answer);
        }
    }
}

fn met(fixture: &Fixture, place: &Place, answer: &Answer) {
    let mut way = Way::to(fixture, place);
    way.earlier(answer);
    let before = way.holds();
    let supplier = way.opened_where(answer.does);
    let artifact = way.prepare(supplier.as_ref());
    way.attempt.doubted = answer.doubted;
    way.world.meets(answer);
    let began = std::time::Instant::now();
    let outcome = way.send_artifact(supplier.as_ref(), &artifact);
    let limit = place.of(supplier.as_ref()).sender().timeout();
    assert!(began.elapsed() <= limit, "{answer:?}");
    judge(place, answer, &outcome);
    let holds = way.holds();
    match answer.outcome {
        // Only a verdict that was asked for in earnest is recorded there.
        Class::Accepted if place.is_cancel() && answer.does == Does::Answer => {}
        Class::Accepted => assert!(holds > 0, "accepted and not there: {answer:?}"),
        Class::NotSent | Class::PageNotSent | Class::Rejected | Class::Foreign => {
            assert_eq!(holds, before, "there all the same: {answer:?}");
        }
        Class::InDoubt | Class::PageInDoubt => {}
    }
    // Who was asked to wait asks nothing: the look-up comes from a process that knows of no wait.
    let later = way.opened_where(answer.does);
    let Some(found) = way.find(later.as_ref()) else {
        return;
    };
    let right = match (&found, answer.does, holds) {
        // Who cannot ask does not know.
        (LookupAnswer::NotFound(finding), Does::Unreachable, _) => {
            *finding == LookupFinding::Unclear
        }
        (LookupAnswer::NotFound(finding), _, 0) => *finding == LookupFinding::Absent,
        (LookupAnswer::Accepted(_), _, 1..) => place.is_last,
        (LookupAnswer::StepDone(done), _, 1..) => !place.is_last && done.step == place.name,
        (_, _, _) => false,
    };
    assert!(right, "{found:?} with {holds} there, after {answer:?}");
}

fn judge(place: &Place, answer: &Answer, heard: &SendAnswer) {
    // What people read; the supplier's own text is for evidence only.
    let told = |text: &str, evidence: &[u8]| {
        assert!(!text.is_empty(), "{answer:?}");
        for secret in personal() {
            assert!(!text.contains(&secret), "{text}");
        }
        let evidence = String::from_utf8_lossy(evidence);
        assert!(evidence.contains(&answer.body), "{answer:?}: {evidence}");
    };
    let evidence = &heard.evidence.bytes;
    let page = heard.trouble == Some(Trouble::Page);
    let class = match &heard.outcome {
        Outcome::Accepted(acceptance) => {
            assert!(
                place.is_last,
                "{answer:?}: {} is not the last step",
                place.name
            );
            if place.is_cancel() {
                assert_eq!(acceptance.cancel, answer.verdict, "{answer:?}");
            } else {
                let reference = acceptance.references.first().cloned();
                assert_eq!(reference, answer.reference, "{answer:?}");
                assert_eq!(acceptance.cancel, None, "{answer:?}");
            }
            Class::Accepted
        }
        Outcome::StepDone(done) => {
            assert!(!place.is_last, "{answer:?}: only {done:?}");
            assert_eq!(done.step, place.name);
            Class::Accepted
        }
        Outcome::Rejected { why, hold } => {
            told(&why.detail, evidence);
            let unexplained = heard.trouble == Some(Trouble::Unexplained);
            assert_eq!(unexplained, answer.unexplained, "{answer:?}");
            assert_eq!(why.reason, answer.reason(), "{answer:?}");
            assert!(!hold, "{answer:?}");
            let word = answer.word.as_deref().unwrap_or_default();
            assert!(why.detail.contains(word), "{answer:?}: {}", why.detail);
            Class::Rejected
        }
        Outcome::NotSent { why, .. } if page => {
            told(why, evidence);
            Class::PageNotSent
        }
        Outcome::NotSent { retry_after, why } => {
            told(why, answer.body.as_bytes());
            let seconds = |after| SignedDuration::from_secs(i64::try_from(after).unwrap());
            assert_eq!(*retry_after, answer.retry_after.map(seconds), "{answer:?}");
            let unauthorized = heard.trouble == Some(Trouble::Unauthorized);
            assert_eq!(unauthorized, answer.unauthorized, "{answer:?}");
            Class::NotSent
        }
        Outcome::InDoubt {
            why, can_look_up, ..
        } => {
            told(why, evidence);
            match (page, can_look_up) {
                (true, _) => Class::PageInDoubt,
                (false, true) => Class::InDoubt,
                (false, false) => Class::Foreign,
            }
        }
        Outcome::NotInBatch { .. } => panic!("{answer:?}"),
    };
    let at = &place.name;
    assert!(class == answer.outcome, "{at}: {answer:?} became {class:?}");
}

/// What was sent is found by its own number and by no other, as often as it is asked for.
pub(super) fn look_up(fixture: &Fixture) {
    for place in &fixture.places {
        let mut way = Way::to(fixture, place);
        let supplier = way.opened();
        let Some(lookup) = place.of(supplier.as_ref()).sender().lookup() else {
            continue;
        };
        let own = way.attempt.clone();
        let other = Attempt {
            id: SendSubject::new(number(2), own.id.request()),
            ..own.clone()
        };
        let absent = LookupAnswer::NotFound(LookupFinding::Absent);
        for asked in [&own, &other] {
            assert_eq!(way.world.run(lookup.find(asked)).answer, absent);
        }
        let heard = way.send(supplier.as_ref());
        let taken = matches!(heard.outcome, Outcome::Accepted(_) | Outcome::StepDone(_));
        assert!(taken, "{heard:?}");
        for _ in 0..2 {
            let found = way.world.run(lookup.find(&own)).answer;
            assert!(!matches!(found, LookupAnswer::NotFound(_)), "{found:?}");
            assert_eq!(way.world.run(lookup.find(&other)).answer, absent);
        }
        assert_eq!(way.holds(), 1, "a look-up sends nothing");
    }
}

/// Until when is said before the next claim; nothing goes before it, and then everything does.
pub(super) fn waits(fixture: &Fixture) {
    let now: Timestamp = "2026-12-01T10:00:00Z".parse().unwrap();
    for place in &fixture.places {
        for answer in fixture.answers_at(place) {
            if matches!(answer.does, Does::TakeSilently | Does::Unreachable) {
                continue;
            }
            let mut way = Way::to(fixture, place);
            way.earlier(answer);
            let supplier = way.opened();
            let side = place.of(supplier.as_ref()).sender();
            assert_eq!(
                side.not_before(&Moment::of_unset_clock(now), None),
                None,
                "nothing was asked yet"
            );
            way.attempt.doubted = answer.doubted;
            way.world.meets(answer);
            way.send(supplier.as_ref());
            let until = side.not_before(&Moment::of_unset_clock(now), None);
            let Some(wait) = answer.retry_after else {
                assert_eq!(until, None, "{answer:?}");
                continue;
            };
            let wait = SignedDuration::from_secs(i64::try_from(wait).unwrap());
            let late = until
                .expect("it says until when")
                .duration_since(now + wait);
            assert!(late.abs() < SignedDuration::from_secs(5), "{late:?}");
            let (asked, holds) = (way.world.requests(), way.holds());
            let heard = way.send(supplier.as_ref());
            let Outcome::NotSent {
                retry_after: Some(left),
                ..
            } = heard.outcome
            else {
                panic!("{heard:?}")
            };
            assert!(left <= wait + SignedDuration::from_secs(5));
            assert_eq!((way.world.requests(), way.holds()), (asked, holds));
            let later = now + wait + SignedDuration::from_secs(5);
            assert_eq!(side.not_before(&Moment::of_unset_clock(later), None), None);
            let outcome = way.send(supplier.as_ref());
            way.go_on(&outcome);
        }
    }
}
