//! A marked test order, sent to the supplier's sandbox step by step before a real one goes out.

use super::checks;
use super::sequence::Sequence;
use super::settings::{Auth, Sandbox, Settings, Step};
use async_trait::async_trait;
use domain::order::answer::{LookupFinding, Progress};
use ports::{
    Accepted, Answer, Attempt, Endpoint as _, Handover, LineStatus, Outcome, PrepareError,
    SendAnswer, SendLookup as _, SendSubject, Trouble,
};
use registry::{Opening, Rehearsal, SettingsError, StepReport};
use std::collections::BTreeMap;

/// Numbers of test orders begin so; no channel may have this code.
const TEST: &str = "TEST-";

/// A supplier as its sandbox knows it.
struct Sandboxed {
    sequence: Sequence,
    last_step: Option<String>,
}

/// Opens the sandbox version of a supplier, where its settings have one.
pub(super) fn rehearse(opening: Opening) -> Result<Box<dyn Rehearsal>, SettingsError> {
    let settings = checks::checked(opening.settings)?;
    let Some(sandbox) = &settings.sandbox else {
        let message = "without [sandbox] a test order would be a real one: urls, marker = true \
                       or last_step";
        return Err(SettingsError::new("sandbox", message));
    };
    if sandbox.urls.is_empty() && !sandbox.marker && sandbox.last_step.is_none() {
        let message = "it keeps a test order from being a real one by none of urls, marker = true \
                       and last_step";
        return Err(SettingsError::new("sandbox", message));
    }
    covered(&settings, sandbox)?;
    let last_step = sandbox.last_step.clone();
    if let Some(last) = &last_step
        && !settings.steps().iter().any(|(_, step)| step.name == *last)
    {
        let message = format!("there is no step {last:?}");
        return Err(SettingsError::new("sandbox.last_step", message));
    }
    Ok(Box::new(Sandboxed {
        sequence: super::sequence(opening, &settings, true)?,
        last_step,
    }))
}

/// One URL outside of the sandbox would take the test order for a real one.
fn covered(settings: &Settings, sandbox: &Sandbox) -> Result<(), SettingsError> {
    if sandbox.urls.is_empty() {
        return Ok(());
    }
    let mut urls = Vec::new();
    if let Some(Auth::OAuth2 { token_url, .. }) = &settings.auth {
        urls.push(("auth.token_url".to_owned(), token_url.clone()));
    }
    for (path, step) in settings.steps() {
        if let Some(lookup) = &step.lookup {
            let path = format!("{}.url", Step::lookup_path(&path));
            urls.push((path, lookup.url.clone()));
        }
        urls.push((format!("{path}.url"), step.url));
    }
    for (path, url) in urls {
        if !sandbox.urls.keys().any(|from| url.starts_with(from)) {
            let message = format!("{path} begins like none of these");
            return Err(SettingsError::new("sandbox.urls", message));
        }
    }
    Ok(())
}

#[async_trait]
impl Rehearsal for Sandboxed {
    async fn perform(&self, handover: &Handover) -> Result<Vec<StepReport>, PrepareError> {
        let number = handover.number.to_string();
        if !number.starts_with(TEST) {
            let why = format!("{number} is no test order: its number begins with {TEST}");
            return Err(PrepareError(why));
        }
        let mut reports = Vec::new();
        let mut progress = Progress::default();
        loop {
            let step = self.sequence.next(&progress)?.settings.name.clone();
            let attempt = Attempt {
                id: SendSubject::PurchaseOrder(handover.number.clone()),
                attempt: 1,
                doubted: false,
                progress: progress.clone(),
            };
            let (mut report, answer) = self.step(&step, handover, &attempt).await?;
            let is_end = self.last_step.as_ref() == Some(&step);
            if is_end && matches!(answer.outcome, Outcome::StepDone(_)) {
                "done; the steps that follow would make it real".clone_into(&mut report.judged);
            }
            reports.push(report);
            match answer.outcome {
                Outcome::StepDone(done) if !is_end => {
                    progress = progress.with(&done.step, done.extracted);
                }
                Outcome::StepDone(_)
                | Outcome::Accepted(_)
                | Outcome::Rejected { .. }
                | Outcome::NotSent { .. }
                | Outcome::NotInBatch { .. }
                | Outcome::InDoubt { .. } => return Ok(reports),
            }
        }
    }
}

impl Sandboxed {
    async fn step(
        &self,
        step: &str,
        handover: &Handover,
        attempt: &Attempt,
    ) -> Result<(StepReport, SendAnswer), PrepareError> {
        let artifact = self.sequence.prepare(handover, &attempt.progress)?;
        let rendered = Sequence::shown(&artifact)?;
        let mut request = format!("{} {}\n", rendered.method, rendered.url);
        for (name, value) in &rendered.headers {
            request.extend([name.as_str(), ": ", value, "\n"]);
        }
        request.extend(["\n", &rendered.body]);
        let mut missing = Vec::new();
        if artifact.carries_order {
            let decoded = self.sequence.decode(&artifact)?;
            missing = decoded.lacks_essentials(handover, &artifact.omits);
        }
        let exchange = self.sequence.exchange(&artifact, attempt).await;
        let (judged, extracted) = told(&exchange.meaning);
        let has_lookup = self
            .sequence
            .next(&attempt.progress)
            .is_ok_and(|step| step.lookup.is_some());
        let looked_up = if has_lookup && exchange.answer.is_some() {
            Some(found(&self.sequence.find(attempt).await.answer))
        } else {
            None
        };
        let report = StepReport {
            step: step.to_owned(),
            request: request.trim_end().to_owned(),
            status: exchange.answer.as_ref().map(|answer| answer.status),
            answer: exchange.answer.as_ref().map_or_else(String::new, |answer| {
                String::from_utf8_lossy(&answer.evidence().bytes)
                    .trim_end()
                    .to_owned()
            }),
            judged,
            went_well: matches!(
                exchange.meaning.outcome,
                Outcome::Accepted(_) | Outcome::StepDone(_)
            ) && missing.is_empty(),
            missing,
            extracted,
            looked_up,
        };
        Ok((report, exchange.meaning))
    }
}

fn told(answer: &SendAnswer) -> (String, BTreeMap<String, Vec<String>>) {
    let mut extracted = BTreeMap::new();
    let judged = match &answer.outcome {
        Outcome::Accepted(acceptance) => format!("accepted{}", accepted(acceptance)),
        Outcome::StepDone(done) => {
            extracted.clone_from(&done.extracted);
            "done; the next step follows".to_owned()
        }
        Outcome::Rejected { why, .. } => {
            let unexplained = if answer.trouble == Some(Trouble::Unexplained) {
                ", which does not say why"
            } else {
                ""
            };
            let reason = why.reason.name();
            format!("rejected ({reason}): {}{unexplained}", why.detail)
        }
        Outcome::NotSent {
            retry_after: Some(after),
            why,
        } if answer.trouble != Some(Trouble::Page) => {
            format!("not sent, again in {} s: {why}", after.as_secs())
        }
        Outcome::NotSent { why, .. } => format!("not sent: {why}"),
        Outcome::NotInBatch { .. } => "not sent: it goes with a batch".to_owned(),
        Outcome::InDoubt {
            why,
            can_look_up: true,
            ..
        } => format!("in doubt: {why}"),
        Outcome::InDoubt { why, .. } => format!("in doubt for a person: {why}"),
    };
    (judged, extracted)
}

fn found(answer: &Answer) -> String {
    match answer {
        Answer::Accepted(acceptance) => format!("found{}", accepted(acceptance)),
        Answer::StepDone(_) => "found".to_owned(),
        Answer::NotFound(LookupFinding::Absent) => "not there (yet)".to_owned(),
        Answer::NotFound(LookupFinding::Unclear) => {
            "unclear: neither found nor absent recognises the answer".to_owned()
        }
    }
}

fn accepted(acceptance: &Accepted) -> String {
    let mut text = match acceptance.references.as_slice() {
        [] => ", without a number of theirs".to_owned(),
        references => format!(", as {}", references.join(" and ")),
    };
    for line in &acceptance.lines {
        let status = match &line.status {
            LineStatus::Backordered(None) => "backordered".to_owned(),
            LineStatus::Backordered(Some(day)) => format!("backordered until {day}"),
            LineStatus::Rejected(why) => format!("rejected ({})", why.reason.name()),
        };
        let quantity = line.quantity.to_string();
        text.extend(["; ", &quantity, " of ", &line.supplier_sku, " ", &status]);
    }
    text
}
