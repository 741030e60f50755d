//! The steps in which something is handed over: a purchase order, or a request to take one back.

use super::ENTRY;
use super::answer::plain;
use super::auth::Secrets;
use super::exchange::Connection;
use super::place::StepPlace;
use super::request::{Draft, Rendered, RequestKind};
use super::settings::{Lookup, Settings, Step};
use crate::templates::Templates;
use async_trait::async_trait;
use domain::order::answer::{LookupFinding, Progress};
use domain::sending::subject::SendSubject;
use domain::sending::via::Via;
use jiff::Timestamp;
use ports::{
    Accepted, Answer, Artifact, Attempt, Decoded, Endpoint, Handover, LookedUp, LookupPolicy,
    Outcome, PrepareError, SendAnswer, SendLookup, Sender, StepDone, Supplier,
};
use registry::SettingsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Order,
    Cancel,
}

pub(super) struct Sequence {
    pub(super) kind: Kind,
    pub(super) connection: Arc<Connection>,
    pub(super) steps: Vec<OpenStep>,
    pub(super) cancels: Option<Box<Sequence>>,
}

pub(super) struct OpenStep {
    pub(super) settings: Step,
    pub(super) path: String,
    pub(super) request: RequestKind,
    pub(super) lookup: Option<OpenLookup>,
    pub(super) carries_order: bool,
    takes_back: TakesBack,
    pub(super) is_last: bool,
    place: StepPlace,
    pub(super) reads: Reads,
}

/// Which expressions of a step look into the answer: its body, headers or text. A status alone may
/// come from any server on the way, and what earlier steps gave says nothing about this one.
pub(super) struct Reads {
    /// Any of those that show that the step was taken: `success`, a reference, what is extracted.
    pub(super) taken: bool,
    /// `reference` or `references`.
    pub(super) reference: bool,
    /// A written `rejected`.
    pub(super) rejected: bool,
}

impl Reads {
    /// Of settings whose expressions compile.
    fn of(step: &Step, templates: &Templates) -> Self {
        let reads = |expression: Option<&String>| {
            expression.is_some_and(|expression| templates.reads_answer(expression))
        };
        let reference = reads(step.reference.as_ref().or(step.references.as_ref()));
        let mut extract = step.extract.values();
        Self {
            taken: reference || reads(Some(&step.success)) || extract.any(|one| reads(Some(one))),
            reference,
            rejected: reads(step.rejected.as_ref()),
        }
    }
}

/// How little a request to cancel can ask for.
struct TakesBack {
    whole_only: bool,
    one_reference: bool,
}

pub(super) struct OpenLookup {
    pub(super) settings: Lookup,
    pub(super) request: RequestKind,
}

/// The artifact.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) step: String,
    pub(super) request: Rendered,
    /// To tell our order from another one with its number.
    pub(super) ordered: Vec<(String, u32)>,
}

/// What templates see.
#[derive(Serialize)]
pub(super) struct Seen<'a> {
    #[serde(flatten)]
    pub(super) handover: &'a Handover,
    /// What the steps before gave.
    pub(super) extracted: Value,
    /// Only in a rehearsal.
    pub(super) test: bool,
}

pub(super) fn open_steps(
    kind: Kind,
    settings: &Settings,
    secrets: &Secrets<'_>,
    templates: &mut Templates,
) -> Result<Vec<OpenStep>, SettingsError> {
    let steps = match kind {
        Kind::Order => settings.steps(),
        Kind::Cancel => settings.cancels(),
    };
    let count = steps.len();
    let mut opened = Vec::new();
    for (index, (path, step)) in steps.into_iter().enumerate() {
        for (name, expression) in step.expressions() {
            templates.check(&format!("{path}.{name}"), expression)?;
        }
        let draft = Draft::of_step(&path, &step);
        let place = StepPlace::open(&draft, &step, settings, secrets);
        let request = draft.open(settings, secrets, templates)?;
        let takes_back = TakesBack {
            whole_only: step.whole_only.unwrap_or(!draft.names_lines()),
            one_reference: step.one_reference.unwrap_or(draft.takes_first_reference()),
        };
        let mut lookup = None;
        if let Some(settings_of_lookup) = &step.lookup {
            let place = Step::lookup_path(&path);
            for (name, expression) in settings_of_lookup.expressions() {
                templates.check(&format!("{place}.{name}"), expression)?;
            }
            let draft = Draft::of_lookup(&path, settings_of_lookup);
            lookup = Some(OpenLookup {
                settings: settings_of_lookup.clone(),
                request: draft.open(settings, secrets, templates)?,
            });
        }
        opened.push(OpenStep {
            request,
            lookup,
            carries_order: step
                .carries_order
                .unwrap_or(kind == Kind::Order && index == 0),
            takes_back,
            is_last: index + 1 == count,
            place,
            reads: Reads::of(&step, templates),
            path,
            settings: step,
        });
    }
    Ok(opened)
}

impl Sequence {
    /// The step after those that are done; settings that changed in between are no reason to guess.
    pub(super) fn next(&self, progress: &Progress) -> Result<&OpenStep, PrepareError> {
        let mut steps = self.steps.iter();
        for done in &progress.steps {
            match steps.next() {
                Some(step) if step.settings.name == *done => {}
                Some(step) => {
                    return Err(PrepareError(format!(
                        "the step {done:?} is done, but the settings have {:?} in its place",
                        step.settings.name
                    )));
                }
                None => {
                    return Err(PrepareError(format!(
                        "the step {done:?} is done, but the settings know no such step"
                    )));
                }
            }
        }
        steps
            .next()
            .ok_or_else(|| PrepareError("all steps are done".to_owned()))
    }

    pub(super) fn stored(artifact: &Artifact) -> Result<Stored, PrepareError> {
        serde_json::from_slice(&artifact.bytes)
            .map_err(|error| PrepareError(format!("the artifact cannot be read: {error}")))
    }

    /// The request that an artifact holds, for a person's eyes: it has no secrets.
    pub(super) fn shown(artifact: &Artifact) -> Result<Rendered, PrepareError> {
        Ok(Self::stored(artifact)?.request)
    }
}

impl Supplier for Sequence {
    fn orders(&self) -> &dyn Endpoint {
        self
    }

    fn cancels(&self) -> Option<&dyn Endpoint> {
        self.cancels
            .as_deref()
            .map(|sequence| sequence as &dyn Endpoint)
    }
}

impl Endpoint for Sequence {
    fn prepare(&self, handover: &Handover, progress: &Progress) -> Result<Artifact, PrepareError> {
        let step = self.next(progress)?;
        let lines = match (self.kind, &handover.cancel) {
            (Kind::Order, None) => &handover.lines,
            (Kind::Order, Some(_)) => {
                let why = "a purchase order and a request to cancel go different ways";
                return Err(PrepareError(why.to_owned()));
            }
            (Kind::Cancel, None) => {
                return Err(PrepareError("this is no request to cancel".to_owned()));
            }
            (Kind::Cancel, Some(cancel)) => {
                if step.takes_back.whole_only && !cancel.whole {
                    return Err(PrepareError(format!(
                        "{} can only take back the whole order, not single lines of it: ask them",
                        handover.supplier
                    )));
                }
                if step.takes_back.one_reference && cancel.references.len() != 1 {
                    return Err(PrepareError(format!(
                        "{} has it under {} numbers, and this request names one: ask them",
                        handover.supplier,
                        cancel.references.len()
                    )));
                }
                &cancel.lines
            }
        };
        let seen = Seen {
            handover,
            extracted: plain(&progress.extracted),
            test: self.connection.test,
        };
        let stored = Stored {
            step: step.settings.name.clone(),
            request: step.request.render(&self.connection.templates, &seen)?,
            ordered: lines
                .iter()
                .map(|line| (line.supplier_sku.clone(), line.quantity))
                .collect(),
        };
        let bytes = serde_json::to_vec(&stored).map_err(|error| PrepareError(error.to_string()))?;
        Ok(Artifact {
            media_type: "application/json".to_owned(),
            bytes,
            omits: step.settings.omits.clone(),
            carries_order: step.carries_order,
        })
    }

    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError> {
        let request = Self::stored(artifact)?.request;
        match request.format {
            Some(format) => format.decode(&request.body),
            None => Ok(Decoded::default()),
        }
    }

    fn sender(&self) -> &dyn Sender {
        self
    }
}

#[async_trait]
impl Sender for Sequence {
    /// Of a step that the settings do not have, only the method is known.
    fn via(&self, id: &SendSubject, steps_done: usize) -> Via {
        let step = self.steps.get(steps_done);
        let place = step.map_or_else(String::new, |step| step.place.seen_by(id));
        Via {
            lookup: step.and_then(|step| step.place.lookup_seen_by(id)),
            ..Via::new(ENTRY.kind, place)
        }
    }

    /// One request, another before it for a token, and another after it where the answer has to be
    /// looked up at once: "exists already", a conflict, a refusal that does not say why.
    fn timeout(&self) -> Duration {
        let token = u32::from(self.connection.identity.asks_first());
        let looks = self.steps.iter().any(|step| step.lookup.is_some());
        self.connection.timeout * (1 + token + u32::from(looks))
    }

    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendAnswer {
        self.exchange(artifact, attempt).await.meaning
    }

    fn lookup(&self) -> Option<&dyn SendLookup> {
        self.steps
            .iter()
            .any(|step| step.lookup.is_some())
            .then_some(self as &dyn SendLookup)
    }

    fn not_before(&self, now: &ports::Moment, retried_at: Option<Timestamp>) -> Option<Timestamp> {
        self.connection.limits.not_before(now, retried_at)
    }
}

#[async_trait]
impl SendLookup for Sequence {
    fn policy(&self, attempt: &Attempt) -> LookupPolicy {
        let step = self.next(&attempt.progress).ok();
        let lookup = step.and_then(|step| step.lookup.as_ref());
        LookupPolicy {
            authoritative_after: lookup.and_then(|lookup| lookup.settings.lag()),
        }
    }

    async fn find(&self, attempt: &Attempt) -> LookedUp {
        let unclear = LookedUp {
            answer: Answer::NotFound(LookupFinding::Unclear),
            date: None,
        };
        let Ok(step) = self.next(&attempt.progress) else {
            return unclear;
        };
        let Some(lookup) = &step.lookup else {
            return unclear;
        };
        match self.ask(step, lookup, attempt).await {
            None => unclear,
            Some(answer) => LookedUp {
                answer: self
                    .looked(step, lookup, &answer)
                    .map_or_else(Answer::NotFound, Answer::from),
                date: answer.date(),
            },
        }
    }
}

/// The last step of a sequence, or one that others follow.
pub(super) enum Finished {
    Accepted(Accepted),
    Done(StepDone),
}

impl From<Finished> for SendAnswer {
    fn from(finished: Finished) -> Self {
        match finished {
            Finished::Accepted(accepted) => Outcome::Accepted(accepted).into(),
            Finished::Done(done) => Outcome::StepDone(done).into(),
        }
    }
}

impl From<Finished> for Answer {
    fn from(finished: Finished) -> Self {
        match finished {
            Finished::Accepted(accepted) => Self::Accepted(accepted),
            Finished::Done(done) => Self::StepDone(done),
        }
    }
}
