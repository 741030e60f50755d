//! A hand-over on its way to a supplier, as forwarding takes it.

use super::answers::{Answer, Does, Earlier};
use super::handovers::{line, plain, to_cancel};
use super::ports::World;
use super::{Fixture, Place};
use ::ports::{
    Accepted, Answer as LookupAnswer, Artifact, Attempt, Handover, Outcome, SendAnswer, StepDone,
    Supplier,
};
use domain::order::answer::{LookupFinding, Progress};
use domain::sending::subject::SendSubject;

/// Stands before a step, or before a request to cancel.
pub(super) struct Way<'a> {
    fixture: &'a Fixture,
    pub(super) world: World,
    pub(super) place: Place,
    pub(super) handover: Handover,
    pub(super) attempt: Attempt,
}

impl<'a> Way<'a> {
    /// All that comes before is done.
    pub(super) fn to(fixture: &'a Fixture, place: &Place) -> Self {
        let mut way = Self::start(fixture);
        while way.place != *place {
            let outcome = way.send(way.opened().as_ref());
            way.go_on(&outcome);
        }
        way
    }

    pub(super) fn start(fixture: &'a Fixture) -> Self {
        let handover = plain();
        Self {
            fixture,
            world: World::working(),
            place: fixture.places[0].clone(),
            attempt: Attempt {
                id: SendSubject::from(&handover.number),
                attempt: 0,
                doubted: false,
                progress: Progress::default(),
            },
            handover,
        }
    }

    pub(super) fn opened(&self) -> Box<dyn Supplier> {
        self.fixture.open(&self.world)
    }

    /// The supplier in a process of its own, to be reached unless it does something else.
    pub(super) fn opened_where(&self, does: Does) -> Box<dyn Supplier> {
        let address = if does == Does::Unreachable {
            World::unreachable()
        } else {
            self.world.address()
        };
        self.fixture.open_at(&self.world, &address)
    }

    pub(super) fn prepare(&self, supplier: &dyn Supplier) -> Artifact {
        self.place
            .of(supplier)
            .prepare(&self.handover, &self.attempt.progress)
            .unwrap()
    }

    pub(super) fn send(&mut self, supplier: &dyn Supplier) -> SendAnswer {
        let artifact = self.prepare(supplier);
        self.send_artifact(supplier, &artifact)
    }

    pub(super) fn send_artifact(
        &mut self,
        supplier: &dyn Supplier,
        artifact: &Artifact,
    ) -> SendAnswer {
        self.attempt.attempt += 1;
        let sender = self.place.of(supplier).sender();
        self.world.run(sender.send(artifact, &self.attempt))
    }

    pub(super) fn find(&self, supplier: &dyn Supplier) -> Option<LookupAnswer> {
        let side = self.place.of(supplier).sender();
        let via = side.via(&self.attempt.id, self.attempt.progress.steps.len());
        if let Some(file) = via.file {
            let files = self.world.files();
            let found = self.world.run(files.was_published(&file));
            return Some(match found {
                Ok(true) => LookupAnswer::Accepted(Accepted::default()),
                Ok(false) => LookupAnswer::NotFound(LookupFinding::Absent),
                Err(_) => LookupAnswer::NotFound(LookupFinding::Unclear),
            });
        }
        Some(self.world.run(side.lookup()?.find(&self.attempt)).answer)
    }

    pub(super) fn holds(&self) -> usize {
        self.world.holds(&self.attempt.id, self.place.is_last)
    }

    /// To the next step, or from the last one to a request to cancel.
    pub(super) fn go_on(&mut self, answer: &SendAnswer) {
        match &answer.outcome {
            Outcome::StepDone(done) => self.done(done),
            Outcome::Accepted(acceptance) => self.accepted(acceptance),
            Outcome::Rejected { .. }
            | Outcome::NotSent { .. }
            | Outcome::NotInBatch { .. }
            | Outcome::InDoubt { .. } => panic!("{}: {answer:?}", self.place.name),
        }
    }

    pub(super) fn done(&mut self, done: &StepDone) {
        assert_eq!(done.step, self.place.name);
        assert!(!self.place.is_last, "{done:?} is the last step");
        let progress = std::mem::take(&mut self.attempt.progress);
        self.attempt.progress = progress.with(&done.step, done.extracted.clone());
        self.attempt.doubted = false;
        self.next();
    }

    pub(super) fn accepted(&mut self, acceptance: &Accepted) {
        assert!(
            self.place.is_last,
            "{} is not the last step",
            self.place.name
        );
        self.handover = to_cancel(true, &acceptance.references);
        self.attempt = Attempt {
            id: SendSubject::new(self.handover.number.clone(), Some(1)),
            attempt: 0,
            doubted: false,
            progress: Progress::default(),
        };
        self.next();
    }

    fn next(&mut self) {
        let places = self.fixture.places.iter();
        let mut after = places.skip_while(|place| **place != self.place);
        // After the last place there is none: the way is at its end.
        if let Some(place) = after.nth(1) {
            self.place = place.clone();
        }
    }

    /// What the supplier has from before the answer.
    pub(super) fn earlier(&mut self, answer: &Answer) {
        let Some(earlier) = answer.earlier else {
            return;
        };
        let ours = self.handover.clone();
        if earlier == Earlier::Theirs {
            self.handover.lines = vec![line("LS-9", 1)];
        }
        let supplier = self.opened();
        let answer = self.send(supplier.as_ref());
        let taken = matches!(answer.outcome, Outcome::Accepted(_) | Outcome::StepDone(_));
        assert!(taken, "{answer:?}");
        self.handover = ours;
    }
}
