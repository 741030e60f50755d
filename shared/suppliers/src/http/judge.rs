//! What an answer means. Whatever no expression recognises is in doubt, with the answer as evidence.

use super::answer::{Answer, references};
use super::exchange::Sent;
use super::lines;
use super::sequence::{Finished, Kind, OpenLookup, OpenStep, Sequence, Stored};
use super::settings::{LineRule, Lookup};
use domain::order::answer::CancelAnswer;
use domain::order::event::LookupFinding;
use ports::{Acceptance, Attempt, SendOutcome, StepDone};
use std::collections::BTreeMap;
use std::time::Duration;

/// With a new token at once: the old one ran out or was withdrawn.
const SOON: Duration = Duration::from_secs(1);

/// What of an answer tells what was done.
#[derive(Clone, Copy)]
struct Telling<'a> {
    extract: &'a BTreeMap<String, String>,
    reference: Option<&'a str>,
    lines: &'a [LineRule],
}

impl Sequence {
    pub(super) async fn judge(
        &self,
        step: &OpenStep,
        stored: &Stored,
        sent: &Sent,
        attempt: &Attempt,
    ) -> SendOutcome {
        let Sent { answer, wait, .. } = sent;
        let settings = &step.settings;
        let status = answer.status;
        let telling = Telling {
            extract: &settings.extract,
            reference: settings
                .reference
                .as_deref()
                .or(settings.references.as_deref()),
            lines: &settings.lines,
        };
        let rules = [
            settings.too_late.as_deref(),
            settings.refused.as_deref(),
            settings.accepted.as_deref().filter(|_| step.is_last),
        ];
        if let Some(said) = self.said(rules, answer) {
            if attempt.doubted
                && said != CancelAnswer::Accepted
                && let Some(lookup) = &step.lookup
                && let Some(looked) = self.ask(lookup, attempt).await
                && let Ok(Finished::Accepted(ours)) = self.looked(step, lookup, &looked)
                && ours.cancel == Some(CancelAnswer::Accepted)
            {
                // It cannot be taken back again, since our first request did it.
                return SendOutcome::Accepted(ours);
            }
            return SendOutcome::Accepted(Acceptance {
                references: self.references(telling.reference, answer),
                cancel: Some(said),
                ..Acceptance::default()
            });
        }
        if self.holds(settings.already_exists.as_deref(), answer) {
            return self.existing(step, stored, answer, attempt, telling).await;
        }
        let templates = &self.connection.templates;
        let success = templates.judge(&settings.success, &answer.seen);
        if matches!(success, Ok(true)) {
            return match self.finished(step, telling, answer) {
                Ok(finished) => finished.into(),
                Err(why) => doubt(answer, &format!("it is done, but {why}")),
            };
        }
        // These statuses tell of themselves that nothing was done, whatever page comes with them.
        if status == 401 && sent.with_cached_token {
            return SendOutcome::NotSent {
                retry_after: Some(wait.unwrap_or(SOON)),
                why: "HTTP 401: the access token is not valid any more".to_owned(),
                unauthorized: false,
            };
        }
        if matches!(status, 401 | 403 | 429) {
            return SendOutcome::NotSent {
                retry_after: *wait,
                why: format!("HTTP {status}"),
                unauthorized: status != 429,
            };
        }
        if let Err(error) = success {
            let why = format!("{}.success cannot be evaluated: {error}", step.path);
            return doubt(answer, &why);
        }
        if self.holds(settings.retryable.as_deref(), answer) {
            if let Some(wait) = wait {
                self.connection.limits.pause(*wait);
            }
            return SendOutcome::NotSent {
                retry_after: *wait,
                why: format!("HTTP {status}"),
                unauthorized: false,
            };
        }
        let conflict_with_us = status == 409 && attempt.doubted;
        if self.holds(Some(&settings.rejected), answer) && !conflict_with_us {
            let expression = settings
                .reason
                .as_deref()
                .or(self.connection.reason.as_deref());
            let word = expression.and_then(|expression| self.value(expression, answer));
            let (reason, code) = self.connection.reasons.read(word.as_ref());
            return SendOutcome::Rejected {
                reason,
                detail: match code {
                    Some(code) => format!("HTTP {status}: {code}"),
                    None => format!("HTTP {status}"),
                },
                evidence: answer.evidence(),
            };
        }
        SendOutcome::InDoubt {
            why: format!("HTTP {status}"),
            evidence: answer.evidence(),
        }
    }

    /// The answer to a request to cancel, where it is one already.
    fn said(&self, rules: [Option<&str>; 3], answer: &Answer) -> Option<CancelAnswer> {
        let answers = [
            CancelAnswer::TooLate,
            CancelAnswer::Refused,
            CancelAnswer::Accepted,
        ];
        answers
            .into_iter()
            .zip(rules)
            .find(|(_, rule)| self.kind == Kind::Cancel && self.holds(*rule, answer))
            .map(|(said, _)| said)
    }

    /// The supplier has an order of this number: ours where we tried before, or where it says the
    /// same.
    async fn existing(
        &self,
        step: &OpenStep,
        stored: &Stored,
        answer: &Answer,
        attempt: &Attempt,
        telling: Telling<'_>,
    ) -> SendOutcome {
        let existing = &step.settings.existing;
        let of_existing = existing
            .reference
            .as_deref()
            .or(existing.references.as_deref());
        let told = Telling {
            extract: if existing.extract.is_empty() {
                telling.extract
            } else {
                &existing.extract
            },
            reference: of_existing.or(telling.reference),
            // It tells that the order is there, not what became of its lines.
            lines: &[],
        };
        // What follows a step of ours, or takes it back, can only be about our own order.
        let is_ours = attempt.doubted || !attempt.progress.is_start() || self.kind == Kind::Cancel;
        let by_us = if is_ours {
            self.finished(step, told, answer).ok()
        } else {
            None
        };
        let Some(lookup) = &step.lookup else {
            let unknown = || foreign(answer, None, "it exists already, though not by us");
            return by_us.map_or_else(unknown, SendOutcome::from);
        };
        let says_all = step.settings.lines.is_empty()
            && by_us.as_ref().is_some_and(|finished| match finished {
                Finished::Accepted(acceptance) => !acceptance.references.is_empty(),
                Finished::Done(_) => true,
            });
        let by_us = match by_us {
            Some(finished) if says_all => return finished.into(),
            by_us => by_us,
        };
        let Some(looked) = self.ask(lookup, attempt).await else {
            let unknown = || {
                foreign(
                    answer,
                    None,
                    "it exists already, and the look-up got no answer",
                )
            };
            return by_us.map_or_else(unknown, SendOutcome::from);
        };
        match self.looked(step, lookup, &looked) {
            Err(_) => {
                let why = "it exists already, though the look-up does not find it";
                let unknown = || foreign(answer, Some(&looked), why);
                by_us.map_or_else(unknown, SendOutcome::from)
            }
            Ok(found) if is_ours => found.into(),
            Ok(found) => match self.same_lines(&lookup.settings, stored, &looked) {
                Ok(()) => found.into(),
                Err(why) => foreign(answer, Some(&looked), &why),
            },
        }
    }

    fn same_lines(&self, lookup: &Lookup, stored: &Stored, looked: &Answer) -> Result<(), String> {
        let Some(ordered) = &lookup.ordered else {
            return Err(
                "it exists already, and without lookup.ordered nobody knows by whom".to_owned(),
            );
        };
        let theirs = lines::ordered(&self.connection.templates, ordered, &looked.seen)
            .map_err(|why| format!("it exists already, and its lines cannot be read: {why}"))?;
        if theirs == lines::summed(stored.ordered.iter().cloned()) {
            Ok(())
        } else {
            Err("it exists already, with other lines".to_owned())
        }
    }

    /// What a look-up's answer says of the step.
    pub(super) fn looked(
        &self,
        step: &OpenStep,
        lookup: &OpenLookup,
        answer: &Answer,
    ) -> Result<Finished, LookupFinding> {
        let settings = &lookup.settings;
        let telling = Telling {
            extract: &settings.extract,
            reference: settings
                .reference
                .as_deref()
                .or(settings.references.as_deref()),
            lines: &settings.lines,
        };
        let rules = [
            settings.too_late.as_deref(),
            settings.refused.as_deref(),
            settings.accepted.as_deref().filter(|_| step.is_last),
        ];
        if let Some(said) = self.said(rules, answer) {
            return Ok(Finished::Accepted(Acceptance {
                references: self.references(telling.reference, answer),
                cancel: Some(said),
                ..Acceptance::default()
            }));
        }
        if self.holds(Some(&settings.found), answer) {
            self.finished(step, telling, answer)
                .map_err(|_| LookupFinding::Unclear)
        } else if self.holds(Some(&settings.absent), answer) {
            Err(LookupFinding::Absent)
        } else {
            Err(LookupFinding::Unclear)
        }
    }

    /// What the step gave; an error where what follows could not go on with it.
    fn finished(
        &self,
        step: &OpenStep,
        telling: Telling<'_>,
        answer: &Answer,
    ) -> Result<Finished, String> {
        if step.is_last {
            let lines = lines::answers(
                &self.connection.templates,
                telling.lines,
                &answer.seen,
                &self.connection.reasons,
            )
            .map_err(|why| format!("what it says of the lines cannot be read: {why}"))?;
            return Ok(Finished::Accepted(Acceptance {
                references: self.references(telling.reference, answer),
                lines,
                cancel: None,
            }));
        }
        let mut extracted = BTreeMap::new();
        for (name, expression) in telling.extract {
            let values = self
                .value(expression, answer)
                .and_then(|value| references(&value))
                .filter(|values| !values.is_empty())
                .ok_or_else(|| format!("{}.extract.{name} finds nothing", step.path))?;
            extracted.insert(name.clone(), values);
        }
        Ok(Finished::Done(StepDone {
            step: step.settings.name.clone(),
            extracted,
        }))
    }

    /// A supplier's id is worth having, but an order that was accepted stays so without it.
    fn references(&self, expression: Option<&str>, answer: &Answer) -> Vec<String> {
        expression
            .and_then(|expression| self.value(expression, answer))
            .and_then(|value| references(&value))
            .unwrap_or_default()
    }

    fn value(&self, expression: &str, answer: &Answer) -> Option<minijinja::Value> {
        self.connection
            .templates
            .evaluate(expression, &answer.seen)
            .ok()
            .filter(|value| !value.is_undefined())
    }

    /// An optional expression that cannot be evaluated recognises nothing.
    fn holds(&self, expression: Option<&str>, answer: &Answer) -> bool {
        let templates = &self.connection.templates;
        expression
            .is_some_and(|expression| templates.judge(expression, &answer.seen).unwrap_or(false))
    }
}

fn doubt(answer: &Answer, why: &str) -> SendOutcome {
    SendOutcome::InDoubt {
        why: format!("HTTP {}: {why}", answer.status),
        evidence: answer.evidence(),
    }
}

/// It is there, and nothing shows that it is ours.
fn foreign(answer: &Answer, looked: Option<&Answer>, why: &str) -> SendOutcome {
    let mut evidence = answer.evidence();
    if let Some(looked) = looked {
        evidence.extend_from_slice(b"\n\nthe look-up: ");
        evidence.extend_from_slice(&looked.evidence());
    }
    SendOutcome::Foreign {
        why: format!("HTTP {}: {why}", answer.status),
        evidence,
    }
}
