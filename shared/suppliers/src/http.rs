//! Any supplier with an HTTP interface, described by the merchant: templates make the request and
//! expressions judge the answer.
//!
//! What no expression recognises is in doubt, with the answer as evidence.

mod answer;
mod settings;

use crate::templates::Templates;
use crate::{Entry, Opening, SettingsError};
use answer::Answer;
use async_trait::async_trait;
use domain::order::answer::{Progress, RejectionReason};
use domain::order::event::LookupFinding;
use domain::purchase_order_number::PurchaseOrderNumber;
use http_client::{Failure, Http, Request};
use ports::supplier::LookupAnswer;
use ports::{
    Acceptance, Artifact, Attempt, Decoded, Handover, LookupPolicy, PrepareError, SendLookup,
    SendOutcome, Supplier,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settings::{Lookup, SecretHeader, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use settings::allow_private;

pub(crate) const ENTRY: Entry = Entry {
    method: "http",
    open,
    secrets: settings::secrets,
    hosts: settings::hosts,
};

const BODY: &str = "create.body.json";
const CREATE_URL: &str = "create.url";
const LOOKUP_URL: &str = "lookup.url";

/// The artifact: the request without its secrets, which are added when it is sent.
#[derive(Serialize, Deserialize)]
struct Stored {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

struct HttpSupplier {
    settings: Settings,
    templates: Templates,
    /// For the create and for the look-up request.
    create_secrets: Vec<(String, SecretString)>,
    lookup_secrets: Vec<(String, SecretString)>,
    http: Arc<dyn Http>,
}

fn open(opening: Opening) -> Result<Box<dyn Supplier>, SettingsError> {
    let settings = settings::checked(&opening.settings.specific)?;
    let mut templates = Templates::new();
    let create = &settings.create;
    templates.add(CREATE_URL, CREATE_URL, create.url.as_str())?;
    templates.add("create.body", BODY, create.body.as_str())?;
    for (name, value) in &create.headers {
        let path = format!("create.headers.{name}");
        templates.add(&path, &path, value.as_str())?;
    }
    for (path, expression) in create.expressions() {
        templates.check(path, expression)?;
    }
    let create_secrets = filled("create", &create.secret_headers, &opening.secrets)?;
    let mut lookup_secrets = Vec::new();
    if let Some(lookup) = &settings.lookup {
        templates.add(LOOKUP_URL, LOOKUP_URL, lookup.url.as_str())?;
        for (name, value) in &lookup.headers {
            let path = format!("lookup.headers.{name}");
            templates.add(&path, &path, value.as_str())?;
        }
        for (path, expression) in lookup.expressions() {
            templates.check(path, expression)?;
        }
        lookup_secrets = filled("lookup", &lookup.secret_headers, &opening.secrets)?;
    }
    Ok(Box::new(HttpSupplier {
        settings,
        templates,
        create_secrets,
        lookup_secrets,
        http: opening.http,
    }))
}

fn filled(
    part: &str,
    headers: &BTreeMap<String, String>,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<Vec<(String, SecretString)>, SettingsError> {
    headers
        .iter()
        .map(|(header, form)| {
            let form = SecretHeader::parse(form);
            let secret = secrets.get(form.name).ok_or_else(|| {
                let path = format!("{part}.secret_headers.{header}");
                SettingsError::new(path, format!("there is no secret {:?}", form.name))
            })?;
            let value = format!("{}{}{}", form.before, secret.expose_secret(), form.after);
            Ok((header.clone(), SecretString::from(value)))
        })
        .collect()
}

fn exposed(secrets: &[(String, SecretString)]) -> Vec<(String, String)> {
    secrets
        .iter()
        .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
        .collect()
}

impl HttpSupplier {
    fn headers<T: Serialize>(
        &self,
        part: &str,
        headers: &BTreeMap<String, String>,
        seen: &T,
    ) -> Result<Vec<(String, String)>, PrepareError> {
        headers
            .keys()
            .map(|name| {
                let path = format!("{part}.headers.{name}");
                let value = self.templates.render(&path, seen)?;
                if value.chars().any(char::is_control) {
                    return Err(PrepareError(format!("{path} has a control character")));
                }
                Ok((name.clone(), value))
            })
            .collect()
    }

    fn accepted(&self, answer: &Answer) -> SendOutcome {
        SendOutcome::Accepted(self.acceptance(self.settings.create.reference.as_deref(), answer))
    }

    /// A supplier's id is worth having, but an order that was accepted stays so without it.
    fn acceptance(&self, expression: Option<&str>, answer: &Answer) -> Acceptance {
        let reference = expression
            .and_then(|expression| self.templates.evaluate(expression, answer).ok())
            .and_then(|value| answer::reference(&value));
        Acceptance {
            references: reference.into_iter().collect(),
            ..Acceptance::default()
        }
    }

    /// An optional expression that cannot be evaluated recognises nothing.
    fn holds(&self, expression: Option<&str>, answer: &Answer) -> bool {
        expression
            .is_some_and(|expression| self.templates.judge(expression, answer).unwrap_or(false))
    }

    async fn judge(&self, answer: &Answer, attempt: &Attempt) -> SendOutcome {
        let create = &self.settings.create;
        let status = answer.status;
        let doubt = |why: String| SendOutcome::InDoubt {
            why,
            evidence: answer.evidence(),
        };
        if self.holds(create.already_exists.as_deref(), answer) {
            if attempt.doubted {
                return self.accepted(answer);
            }
            return match self.find(attempt).await {
                LookupAnswer::Accepted(acceptance) => SendOutcome::Accepted(acceptance),
                LookupAnswer::Done(done) => SendOutcome::Done(done),
                LookupAnswer::NotFound(_) => doubt(format!(
                    "HTTP {status}: it exists already, though not by us"
                )),
            };
        }
        let success = self.templates.judge(&create.success, answer);
        if matches!(success, Ok(true)) {
            return self.accepted(answer);
        }
        // These statuses tell of themselves that nothing was done, whatever page comes with them.
        if matches!(status, 401 | 403 | 429) {
            return SendOutcome::NotSent {
                retry_after: answer.retry_after(),
                why: format!("HTTP {status}"),
                unauthorized: status != 429,
            };
        }
        if let Err(error) = success {
            return doubt(format!(
                "HTTP {status}: create.success cannot be evaluated: {error}"
            ));
        }
        if self.holds(create.retryable.as_deref(), answer) {
            return SendOutcome::NotSent {
                retry_after: answer.retry_after(),
                why: format!("HTTP {status}"),
                unauthorized: false,
            };
        }
        let conflict_with_us = status == 409 && attempt.doubted;
        if self.holds(Some(&create.rejected), answer) && !conflict_with_us {
            return SendOutcome::Rejected {
                reason: RejectionReason::Unknown,
                detail: format!("HTTP {status}"),
                evidence: answer.evidence(),
            };
        }
        doubt(format!("HTTP {status}"))
    }

    async fn ask(&self, lookup: &Lookup, number: &PurchaseOrderNumber) -> Option<Answer> {
        // The look-up knows only the number, so its templates do too.
        let seen = json!({ "number": number });
        let request = Request {
            method: "GET".to_owned(),
            url: self.templates.render(LOOKUP_URL, &seen).ok()?,
            headers: self.headers("lookup", &lookup.headers, &seen).ok()?,
            secret_headers: exposed(&self.lookup_secrets),
            body: Vec::new(),
        };
        let response = self
            .http
            .send(&request, self.settings.timeout())
            .await
            .ok()?;
        Some(Answer::new(response))
    }
}

#[async_trait]
impl Supplier for HttpSupplier {
    fn prepare(&self, handover: &Handover, _: &Progress) -> Result<Artifact, PrepareError> {
        let create = &self.settings.create;
        let body = self.templates.render(BODY, handover)?;
        serde_json::from_str::<Value>(&body)
            .map_err(|error| PrepareError(format!("create.body gives no JSON: {error}")))?;
        let mut headers = self.headers("create", &create.headers, handover)?;
        if !create.names_header("content-type") {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let stored = Stored {
            method: create.method.clone(),
            url: self.templates.render(CREATE_URL, handover)?,
            headers,
            body,
        };
        let bytes = serde_json::to_vec(&stored).map_err(|error| PrepareError(error.to_string()))?;
        Ok(Artifact {
            media_type: "application/json".to_owned(),
            bytes,
            omits: create.omits.clone(),
            carries_order: true,
        })
    }

    fn decode(&self, artifact: &Artifact) -> Result<Decoded, PrepareError> {
        let unreadable = |error: serde_json::Error| PrepareError(error.to_string());
        let stored: Stored = serde_json::from_slice(&artifact.bytes).map_err(unreadable)?;
        let body: Value = serde_json::from_str(&stored.body).map_err(unreadable)?;
        Ok(answer::records(&body))
    }

    /// One request, and a second one where "exists already" is looked up at once.
    fn timeout(&self) -> Duration {
        let twice = self.settings.create.already_exists.is_some() && self.settings.lookup.is_some();
        self.settings.timeout() * if twice { 2 } else { 1 }
    }

    async fn send(&self, artifact: &Artifact, attempt: &Attempt) -> SendOutcome {
        let stored: Stored = match serde_json::from_slice(&artifact.bytes) {
            Ok(stored) => stored,
            Err(error) => {
                return SendOutcome::not_sent(format!("the artifact cannot be read: {error}"));
            }
        };
        let request = Request {
            method: stored.method,
            url: stored.url,
            headers: stored.headers,
            secret_headers: exposed(&self.create_secrets),
            body: stored.body.into_bytes(),
        };
        match self.http.send(&request, self.settings.timeout()).await {
            Ok(response) => self.judge(&Answer::new(response), attempt).await,
            Err(Failure::NotSent(why)) => SendOutcome::not_sent(why),
            Err(Failure::InDoubt(why)) => SendOutcome::InDoubt {
                why,
                evidence: Vec::new(),
            },
        }
    }

    fn lookup(&self) -> Option<&dyn SendLookup> {
        self.settings
            .lookup
            .is_some()
            .then_some(self as &dyn SendLookup)
    }
}

#[async_trait]
impl SendLookup for HttpSupplier {
    fn policy(&self, _: &Attempt) -> LookupPolicy {
        LookupPolicy {
            authoritative_after: self.settings.lookup.as_ref().and_then(Lookup::lag),
        }
    }

    async fn find(&self, attempt: &Attempt) -> LookupAnswer {
        let unclear = LookupAnswer::NotFound(LookupFinding::Unclear);
        let Some(lookup) = &self.settings.lookup else {
            return unclear;
        };
        let Some(answer) = self.ask(lookup, &attempt.id.number).await else {
            return unclear;
        };
        if self.holds(Some(&lookup.found), &answer) {
            LookupAnswer::Accepted(self.acceptance(lookup.reference.as_deref(), &answer))
        } else if self.holds(Some(&lookup.absent), &answer) {
            LookupAnswer::NotFound(LookupFinding::Absent)
        } else {
            unclear
        }
    }
}

#[cfg(test)]
mod tests;
