//! What an answer means. Whatever no expression recognises is in doubt, with the answer as evidence.

use super::answer::{Answer, Reference, references};
use super::decode::Form;
use super::exchange::Sent;
use super::lines;
use super::refusal::Refusal;
use super::sequence::{Finished, Kind, OpenLookup, OpenStep, Sequence, Stored};
use super::settings::{LineRule, Lookup, Retry429};
use domain::digest::Digest;
use domain::order::answer::{CancelAnswer, LookupFinding};
use ports::{Accepted, Attempt, Outcome, SendAnswer, StepDone, Trouble};
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
    ) -> SendAnswer {
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
                && let Some(looked) = self.ask(step, lookup, attempt).await
                && let Ok(Finished::Accepted(ours)) = self.looked(step, lookup, &looked)
                && ours.cancel == Some(CancelAnswer::Accepted)
            {
                // It cannot be taken back again, since our first request did it.
                return Outcome::Accepted(ours).into();
            }
            return Outcome::Accepted(Accepted {
                references: self.references(telling.reference, answer),
                cancel: Some(said),
                ..Accepted::default()
            })
            .into();
        }
        if self.holds(settings.already_exists.as_deref(), answer) {
            return self.existing(step, stored, answer, attempt, telling).await;
        }
        let success = self
            .connection
            .templates
            .judge(&settings.success, &answer.seen);
        let taken = matches!(success, Ok(true)).then(|| self.taken(step, telling, answer));
        let taken = match taken {
            // It says so itself; a status alone may be about anything.
            Some(Ok(finished)) if step.reads.taken => return finished.into(),
            taken => taken,
        };
        if let Some(not_sent) = self.not_now(step, answer, sent.with_cached_token).await {
            return not_sent;
        }
        let refusal = self.refusal(step, answer, attempt.doubted);
        match taken {
            Some(Ok(finished)) => return finished.into(),
            // Its status says that it was taken, and what it says of itself that it was not.
            Some(Err(_)) if refusal == Some(Refusal::Explained) => {}
            Some(Err(why)) => return self.doubt(step, answer, &why),
            None => {}
        }
        if let Some(outcome) = self.not_sent(step, sent) {
            return outcome;
        }
        let word = self.word(step, answer);
        let (reason, code) = self.connection.reasons.read(word.as_ref());
        let rejected = || {
            let detail = match &code {
                Some(code) => format!("HTTP {status}: {code}"),
                None => format!("HTTP {status}"),
            };
            SendAnswer::rejected(reason, detail, answer.evidence())
        };
        let unexplained = || rejected().with_trouble(Trouble::Unexplained);
        match refusal {
            Some(Refusal::Explained) => return rejected(),
            Some(Refusal::Unexplained | Refusal::Conflict) => {
                let is_conflict = refusal == Some(Refusal::Conflict);
                let Some(lookup) = &step.lookup else {
                    return if is_conflict {
                        self.doubt(step, answer, "a conflict, and nothing to look it up with")
                    } else {
                        unexplained()
                    };
                };
                return match self.check(step, lookup, stored, answer, attempt).await {
                    Ok(outcome) => outcome,
                    Err(LookupFinding::Absent) if !is_conflict => unexplained(),
                    Err(LookupFinding::Absent) => {
                        self.doubt(step, answer, "a conflict, though the look-up finds nothing")
                    }
                    Err(LookupFinding::Unclear) => self.doubt(
                        step,
                        answer,
                        "it does not say why, and the look-up is unclear",
                    ),
                };
            }
            Some(Refusal::Page { is_unsent }) => {
                // On HTTP 409 the look-up may know more than the page.
                if status == 409
                    && let Some(lookup) = &step.lookup
                    && let Ok(outcome) = self.check(step, lookup, stored, answer, attempt).await
                {
                    return outcome;
                }
                let why = format!("HTTP {status}: {}", page(answer.form));
                let mut meaning = if is_unsent {
                    SendAnswer::not_sent_for(*wait, why)
                } else {
                    SendAnswer::in_doubt(why, answer.evidence())
                };
                meaning.evidence = answer.evidence();
                return meaning.with_trouble(Trouble::Page);
            }
            None => {}
        }
        if let Err(error) = success {
            let why = format!("{}.success cannot be evaluated: {error}", step.path);
            return self.doubt(step, answer, &why);
        }
        self.doubt(step, answer, "")
    }

    /// What expressions of the settings recognise as an answer to nothing: the credentials are
    /// refused, or the supplier wants to be left alone. It is heeded at once: the token is forgotten,
    /// the supplier closed.
    pub(super) async fn not_now(
        &self,
        step: &OpenStep,
        answer: &Answer,
        with_cached_token: bool,
    ) -> Option<SendAnswer> {
        let connection = &self.connection;
        let settings = &step.settings;
        let unauthorized = settings
            .unauthorized
            .as_deref()
            .or(connection.unauthorized.as_deref());
        let retry_after = settings
            .retry_after
            .as_deref()
            .or(connection.retry_after.as_deref());
        let wait = retry_after
            .and_then(|expression| self.value(expression, answer))
            .and_then(|value| connection.limits.hear_value(answer, &value));
        let status = answer.status;
        if self.holds(unauthorized, answer) {
            connection.identity.forget().await;
            let soon = with_cached_token.then_some(SOON);
            let why = format!("HTTP {status}: our credentials are refused");
            let not_sent = SendAnswer::not_sent_for(wait.or(soon), why);
            return Some(if with_cached_token {
                not_sent
            } else {
                not_sent.with_trouble(Trouble::Unauthorized)
            });
        }
        wait.map(|wait| {
            let why = format!("HTTP {status}: the supplier asks to wait");
            SendAnswer::not_sent_for(Some(wait), why)
        })
    }

    /// These statuses say of themselves that nothing was done, whatever page comes with them; and
    /// what the settings call `retryable`.
    fn not_sent(&self, step: &OpenStep, sent: &Sent) -> Option<SendAnswer> {
        let Sent { answer, wait, .. } = sent;
        let status = answer.status;
        let not_sent = || SendAnswer::not_sent_for(*wait, self.status(step, answer));
        if status == 401 && sent.with_cached_token {
            let why = "HTTP 401: the access token is not valid any more";
            return Some(SendAnswer::not_sent_for(Some(wait.unwrap_or(SOON)), why));
        }
        if matches!(status, 401 | 403) {
            return Some(not_sent().with_trouble(Trouble::Unauthorized));
        }
        // `check` knows that every step of an order has one; a request to cancel need not.
        let asks_first = self.connection.retry_429 == Retry429::LookUp && step.lookup.is_some();
        if matches!(status, 429 | 451) && asks_first {
            let why = "the look-up decides, as retry_429 asks";
            return Some(self.doubt(step, answer, why));
        }
        if status == 429 {
            return Some(not_sent());
        }
        if self.holds(step.settings.retryable.as_deref(), answer) {
            if let Some(wait) = wait {
                self.connection.limits.pause(*wait);
            }
            return Some(not_sent());
        }
        None
    }

    /// The supplier's own word for a refusal.
    pub(super) fn word(&self, step: &OpenStep, answer: &Answer) -> Option<minijinja::Value> {
        let expression = step.settings.reason.as_deref();
        let expression = expression.or(self.connection.reason.as_deref());
        self.value(expression?, answer)
    }

    /// The status, and the supplier's word where it is a code: for histories, which hold no foreign
    /// text.
    fn status(&self, step: &OpenStep, answer: &Answer) -> String {
        let word = self.word(step, answer);
        let (_, code) = self.connection.reasons.read(word.as_ref());
        let status = answer.status;
        code.map_or_else(
            || format!("HTTP {status}"),
            |code| format!("HTTP {status}: {code}"),
        )
    }

    fn doubt(&self, step: &OpenStep, answer: &Answer, why: &str) -> SendAnswer {
        let status = self.status(step, answer);
        let why = if why.is_empty() {
            status
        } else {
            format!("{status}: {why}")
        };
        SendAnswer::in_doubt(why, answer.evidence())
    }

    /// Asks the look-up once whether the supplier has what it refused. It may: its gateway repeated
    /// our request, or an attempt before this one arrived.
    async fn check(
        &self,
        step: &OpenStep,
        lookup: &OpenLookup,
        stored: &Stored,
        answer: &Answer,
        attempt: &Attempt,
    ) -> Result<SendAnswer, LookupFinding> {
        let looked = self.ask(step, lookup, attempt).await;
        let looked = looked.ok_or(LookupFinding::Unclear)?;
        let found = self.looked(step, lookup, &looked)?;
        // The request that was just made is the likeliest reason for it to be there; lines that differ
        // show another.
        if self.can_only_be_ours(attempt) || lookup.settings.ordered.is_none() {
            return Ok(found.into());
        }
        Ok(match self.same_lines(&lookup.settings, stored, &looked) {
            Ok(()) => found.into(),
            Err(why) => foreign(answer, Some(&looked), &why),
        })
    }

    /// An earlier attempt may be there; and what follows a step of ours, or takes it back, can only be
    /// about our own order.
    fn can_only_be_ours(&self, attempt: &Attempt) -> bool {
        attempt.doubted || !attempt.progress.is_start() || self.kind == Kind::Cancel
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
    ) -> SendAnswer {
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
        let is_ours = self.can_only_be_ours(attempt);
        let by_us = if is_ours {
            self.finished(step, told, answer).ok()
        } else {
            None
        };
        let Some(lookup) = &step.lookup else {
            let unknown = || foreign(answer, None, "it exists already, though not by us");
            return by_us.map_or_else(unknown, SendAnswer::from);
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
        let Some(looked) = self.ask(step, lookup, attempt).await else {
            let unknown = || {
                foreign(
                    answer,
                    None,
                    "it exists already, and the look-up got no answer",
                )
            };
            return by_us.map_or_else(unknown, SendAnswer::from);
        };
        match self.looked(step, lookup, &looked) {
            Err(_) => {
                let why = "it exists already, though the look-up does not find it";
                let unknown = || foreign(answer, Some(&looked), why);
                by_us.map_or_else(unknown, SendAnswer::from)
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
            return Ok(Finished::Accepted(Accepted {
                references: self.references(telling.reference, answer),
                cancel: Some(said),
                ..Accepted::default()
            }));
        }
        // A page is no supplier's word, unless an expression says which page it is.
        let templates = &self.connection.templates;
        let holds = |expression: &str| {
            let may =
                answer.form != Form::Page || templates.reads(expression, &["headers", "text"]);
            may && self.holds(Some(expression), answer)
        };
        if holds(&settings.found) {
            self.finished(step, telling, answer)
                .map_err(|_| LookupFinding::Unclear)
        } else if holds(&settings.absent) {
            Err(LookupFinding::Absent)
        } else {
            Err(LookupFinding::Unclear)
        }
    }

    /// What an answer gave that says it took the step; an error where nothing shows that it did. An
    /// accepted order has a number at the supplier: where the settings say where to read it, an
    /// answer without one proves nothing. A request to cancel needs none.
    fn taken(
        &self,
        step: &OpenStep,
        telling: Telling<'_>,
        answer: &Answer,
    ) -> Result<Finished, String> {
        let is_numbered = step.is_last && self.kind == Kind::Order && step.reads.reference;
        if is_numbered && self.reference(telling.reference, answer) == Reference::Nothing {
            return Err("it looks accepted, but it does not name the supplier's number".to_owned());
        }
        self.finished(step, telling, answer)
            .map_err(|why| format!("it is done, but {why}"))
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
            return Ok(Finished::Accepted(Accepted {
                references: self.references(telling.reference, answer),
                lines,
                ..Accepted::default()
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

    /// The supplier's numbers, as far as they can be read.
    fn references(&self, expression: Option<&str>, answer: &Answer) -> Vec<String> {
        let found = self.reference(expression, answer);
        found.given().unwrap_or_default()
    }

    fn reference(&self, expression: Option<&str>, answer: &Answer) -> Reference {
        expression
            .and_then(|expression| self.value(expression, answer))
            .map_or(Reference::Nothing, |value| Reference::of(&value))
    }

    fn value(&self, expression: &str, answer: &Answer) -> Option<minijinja::Value> {
        self.connection
            .templates
            .evaluate(expression, &answer.seen)
            .ok()
            .filter(|value| !value.is_undefined())
    }

    /// An optional expression that cannot be evaluated recognises nothing.
    pub(super) fn holds(&self, expression: Option<&str>, answer: &Answer) -> bool {
        let templates = &self.connection.templates;
        expression
            .is_some_and(|expression| templates.judge(expression, &answer.seen).unwrap_or(false))
    }
}

/// What came in the place of the supplier's own words.
fn page(form: Form) -> &'static str {
    match form {
        Form::Empty => "an empty answer, which does not say why",
        Form::Page | Form::Value | Form::Tree => "a page in the place of the supplier's answer",
    }
}

/// It is there, and nothing shows that it is ours.
fn foreign(answer: &Answer, looked: Option<&Answer>, why: &str) -> SendAnswer {
    let mut evidence = answer.evidence();
    if let Some(looked) = looked {
        let looked = looked.evidence();
        let identity = (evidence.digest(), looked.digest());
        evidence.bytes.extend_from_slice(b"\n\nthe look-up: ");
        evidence.bytes.extend_from_slice(&looked.bytes);
        evidence.identity = Some(Digest::of_value(&identity));
    }
    SendAnswer::foreign(format!("HTTP {}: {why}", answer.status), evidence)
}
