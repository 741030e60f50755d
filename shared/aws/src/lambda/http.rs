//! API Gateway's HTTP API, payload version 2.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ports::WebhookRequest;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;

/// A request as the caller made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Of the route's path, by name.
    pub parameters: BTreeMap<String, String>,
    pub request: WebhookRequest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub text: &'static str,
    /// In the place of the text.
    pub body: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent {
    version: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    path_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    request_context: Context,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct Context {
    http: HttpContext,
}

#[derive(Deserialize)]
struct HttpContext {
    method: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpAnswer {
    status_code: u16,
    headers: BTreeMap<&'static str, &'static str>,
    body: Cow<'static, str>,
    is_base64_encoded: bool,
}

/// Until the process is ended.
pub async fn serve_http<F, W>(handle: F) -> Result<(), Error>
where
    F: Fn(Call) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = Answer> + Send + 'static,
{
    lambda_runtime::run(service_fn(move |event: LambdaEvent<HttpEvent>| {
        let handle = handle.clone();
        async move { Ok::<_, Error>(answer(event.payload, handle).await) }
    }))
    .await
}

async fn answer<F, W>(event: HttpEvent, handle: F) -> HttpAnswer
where
    F: Fn(Call) -> W,
    W: Future<Output = Answer> + Send + 'static,
{
    let answer = match call(event) {
        Ok(call) => {
            // A task of its own, for a panic is an answer, too.
            let handled = tokio::spawn(handle(call)).await;
            handled.unwrap_or_else(|_| {
                tracing::error!("the handler panicked");
                Answer {
                    status: 500,
                    text: "not accepted",
                    body: None,
                }
            })
        }
        Err(text) => Answer {
            status: 400,
            text,
            body: None,
        },
    };
    tracing::info!(http.status = answer.status, note = answer.text, "answered");
    HttpAnswer {
        status_code: answer.status,
        headers: BTreeMap::from([("content-type", "text/plain; charset=utf-8")]),
        is_base64_encoded: answer.body.is_some(),
        body: match answer.body {
            Some(bytes) => STANDARD.encode(bytes).into(),
            None => answer.text.into(),
        },
    }
}

/// The bytes as they were sent, before anybody reads or verifies them.
fn call(event: HttpEvent) -> Result<Call, &'static str> {
    if event.version != "2.0" {
        return Err("not a request that can be read");
    }
    let body = event.body.unwrap_or_default();
    let body = if event.is_base64_encoded {
        STANDARD
            .decode(body)
            .map_err(|_| "not a body that can be read")?
    } else {
        body.into_bytes()
    };
    let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
    Ok(Call {
        parameters: event.path_parameters.unwrap_or_default(),
        request: WebhookRequest {
            method: event.request_context.http.method,
            path: event.raw_path,
            query: event.raw_query_string,
            headers: event.headers.into_iter().map(lower).collect(),
            body,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event(changes: &Value) -> Value {
        let mut event = json!({
            "version": "2.0",
            "routeKey": "POST /webhooks/{channel}",
            "rawPath": "/webhooks/acme",
            "rawQueryString": "",
            "headers": {
                "content-type": "application/json",
                "X-Shopify-Hmac-Sha256": "c2lnbmF0dXJl",
            },
            "requestContext": {
                "http": { "method": "POST", "path": "/webhooks/acme", "sourceIp": "192.0.2.1" },
                "routeKey": "POST /webhooks/{channel}",
                "stage": "$default",
            },
            "pathParameters": { "channel": "acme" },
            "body": "{\"id\": 1}",
            "isBase64Encoded": false,
        });
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    }

    async fn answered(changes: Value) -> (HttpAnswer, Option<Call>) {
        let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
        let heard = seen.clone();
        let handle = move |call: Call| {
            let heard = heard.clone();
            async move {
                assert!(call.request.body != b"panic", "as asked");
                let challenge = call.request.query == "challenge";
                *heard.lock().unwrap() = Some(call);
                Answer {
                    status: 200,
                    text: "accepted",
                    body: challenge.then(|| b"\xff".to_vec()),
                }
            }
        };
        let event = serde_json::from_value(event(&changes)).unwrap();
        let answer = answer(event, handle).await;
        let seen = seen.lock().unwrap().take();
        (answer, seen)
    }

    #[tokio::test]
    async fn the_bytes_arrive_as_they_were_sent() {
        let (answer, call) = answered(json!({})).await;
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({
                "statusCode": 200,
                "headers": { "content-type": "text/plain; charset=utf-8" },
                "body": "accepted",
                "isBase64Encoded": false,
            })
        );
        let call = call.unwrap();
        assert_eq!(call.parameters["channel"], "acme");
        assert_eq!(call.request.body, b"{\"id\": 1}");
        assert_eq!(call.request.method, "POST");
        assert_eq!(call.request.path, "/webhooks/acme");
        let signature = (
            "x-shopify-hmac-sha256".to_owned(),
            "c2lnbmF0dXJl".to_owned(),
        );
        assert!(call.request.headers.contains(&signature));

        let encoded = json!({ "body": STANDARD.encode(b"\xff\x00{}"), "isBase64Encoded": true });
        let (_, call) = answered(encoded).await;
        assert_eq!(call.unwrap().request.body, b"\xff\x00{}");
    }

    #[tokio::test]
    async fn a_challenge_is_answered_with_its_bytes() {
        let (answer, _) = answered(json!({ "rawQueryString": "challenge" })).await;
        assert!(answer.is_base64_encoded);
        assert_eq!(STANDARD.decode(answer.body.as_bytes()).unwrap(), b"\xff");
    }

    #[tokio::test]
    async fn what_is_absent_is_empty() {
        let (_, call) = answered(json!({ "body": null, "pathParameters": null })).await;
        let call = call.unwrap();
        assert!(call.request.body.is_empty() && call.parameters.is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_read_reaches_nobody() {
        for changes in [
            json!({ "body": "no base64 at all!", "isBase64Encoded": true }),
            json!({ "version": "1.0" }),
        ] {
            let (answer, call) = answered(changes).await;
            assert_eq!((answer.status_code, call), (400, None));
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_and_the_next_call_is_served() {
        let (answer, _) = answered(json!({ "body": "panic" })).await;
        assert_eq!(answer.status_code, 500);
        let (answer, _) = answered(json!({})).await;
        assert_eq!(answer.status_code, 200);
    }
}
