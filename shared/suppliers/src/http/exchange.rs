//! One request to a supplier and its answer, within the supplier's limits and under our name.

use super::answer::{Answer, plain};
use super::auth::Identity;
use super::lines::Reasons;
use super::rate::{Limits, Pass};
use super::request::{Rendered, RequestKind};
use super::sequence::{OpenLookup, OpenStep, Sequence};
use super::settings::Retry429;
use crate::templates::Templates;
use http_client::{Failure, Http};
use ports::{Artifact, Attempt, Evidence, SendAnswer, Trouble};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// What all requests to one supplier share.
pub(super) struct Connection {
    pub(super) http: Arc<dyn Http>,
    pub(super) templates: Templates,
    pub(super) identity: Identity,
    pub(super) limits: Limits,
    pub(super) timeout: Duration,
    pub(super) reason: Option<String>,
    pub(super) unauthorized: Option<String>,
    pub(super) retry_after: Option<String>,
    pub(super) retry_429: Retry429,
    pub(super) reasons: Reasons,
    /// Whether templates mark orders as tests.
    pub(super) test: bool,
}

/// What became of one request of a step.
pub(super) struct Exchange {
    pub(super) meaning: SendAnswer,
    pub(super) answer: Option<Answer>,
}

/// An answer, and what is known of the request beside it.
pub(super) struct Sent {
    pub(super) answer: Answer,
    pub(super) wait: Option<Duration>,
    pub(super) with_cached_token: bool,
}

impl Sequence {
    pub(super) async fn exchange(&self, artifact: &Artifact, attempt: &Attempt) -> Exchange {
        let not_sent = |why: String| Exchange {
            meaning: SendAnswer::not_sent(why),
            answer: None,
        };
        let stored = match Self::stored(artifact) {
            Ok(stored) => stored,
            Err(error) => return not_sent(error.0),
        };
        let step = match self.next(&attempt.progress) {
            Ok(step) => step,
            Err(error) => return not_sent(error.0),
        };
        if step.settings.name != stored.step {
            return not_sent(format!("the artifact is for the step {:?}", stored.step));
        }
        let pass = match self.connection.limits.take() {
            Ok(pass) => pass,
            Err(wait) => {
                return Exchange {
                    meaning: SendAnswer::not_sent_for(
                        Some(wait),
                        "as many requests as the supplier permits were sent",
                    ),
                    answer: None,
                };
            }
        };
        let rendered = stored.request.clone();
        let sent = self.request(&step.request, rendered, attempt, Some(&pass));
        let sent = sent.await;
        drop(pass);
        match sent {
            Err(meaning) => Exchange {
                meaning,
                answer: None,
            },
            Ok(sent) => {
                let meaning = self.judge(step, &stored, &sent, attempt).await;
                Exchange {
                    meaning,
                    answer: Some(sent.answer),
                }
            }
        }
    }

    async fn request(
        &self,
        kind: &RequestKind,
        rendered: Rendered,
        attempt: &Attempt,
        pass: Option<&Pass<'_>>,
    ) -> Result<Sent, SendAnswer> {
        let connection = &self.connection;
        let read = |response| {
            let number = attempt.id.purchase_order().to_string();
            Answer::new(response, &number, &attempt.progress.extracted)
        };
        let http = connection.http.as_ref();
        // Others may be asking for the token already: to wait for them takes no longer than to ask,
        // or the send would outlast its claim.
        let shown = connection.identity.show(http, connection.timeout);
        let shown = match tokio::time::timeout(connection.timeout, shown).await {
            Ok(Ok(shown)) => shown,
            Err(_) => return Err(SendAnswer::not_sent("no access token in time")),
            Ok(Err(failure)) => {
                let heard = failure
                    .response
                    .map(read)
                    .and_then(|answer| connection.limits.hear(&answer, None));
                let not_sent = SendAnswer::not_sent_for(heard, failure.why);
                return Err(if failure.unauthorized {
                    not_sent.with_trouble(Trouble::Unauthorized)
                } else {
                    not_sent
                });
            }
        };
        let request = kind.complete(rendered, shown.headers);
        match http.send(&request, connection.timeout).await {
            Ok(response) => {
                let answer = read(response);
                if matches!(answer.status, 401 | 403) {
                    connection.identity.forget().await;
                }
                let wait = connection.limits.hear(&answer, pass);
                Ok(Sent {
                    answer,
                    wait,
                    with_cached_token: shown.is_cached,
                })
            }
            Err(Failure::NotSent(why)) => Err(SendAnswer::not_sent(why)),
            Err(Failure::InDoubt(why)) => Err(SendAnswer::in_doubt(why, Evidence::default())),
        }
    }

    /// Asks whether the step is done; `None` where the question got no answer, or one that says of
    /// itself that it answers nothing: `unauthorized`, `retry_after`.
    pub(super) async fn ask(
        &self,
        step: &OpenStep,
        lookup: &OpenLookup,
        attempt: &Attempt,
    ) -> Option<Answer> {
        let seen = json!({
            "number": attempt.id.purchase_order(),
            "extracted": plain(&attempt.progress.extracted),
            "cancel": attempt.id.request().map(|request| json!({ "id": format!("X{request}") })),
            "test": self.connection.test,
        });
        let rendered = lookup
            .request
            .render(&self.connection.templates, &seen)
            .ok()?;
        if !self.connection.limits.spend() {
            return None;
        }
        let sent = self.request(&lookup.request, rendered, attempt, None);
        let sent = tokio::time::timeout(self.connection.timeout, sent).await;
        let answer = sent.ok()?.ok()?.answer;
        let unanswered = self.not_now(step, &answer, false).await.is_some();
        (!unanswered).then_some(answer)
    }
}
