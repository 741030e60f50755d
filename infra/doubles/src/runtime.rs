//! Lambda's runtime API, for one process of a function: hands it events, and tells what it says.
//!
//! Each event waits until it is given, so that whoever gives it can look at the process before; one
//! that is given twice is handed out twice.

pub mod events;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::Response;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

const INVOCATIONS: &str = "/2018-06-01/runtime/invocation/";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:waybill";

/// What a function's process says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is ready for an event.
    Ready,
    /// It answered the event of that id.
    Answered(String, Vec<u8>),
    /// An event, or its start, failed.
    Failed(Vec<u8>),
}

pub struct RuntimeDouble {
    /// What `AWS_LAMBDA_RUNTIME_API` is to be.
    pub address: SocketAddr,
    events: mpsc::UnboundedSender<Event>,
    said: mpsc::UnboundedReceiver<Said>,
}

struct Event {
    id: String,
    body: String,
}

struct Given {
    events: Mutex<mpsc::UnboundedReceiver<Event>>,
    said: mpsc::UnboundedSender<Said>,
}

impl RuntimeDouble {
    /// Serves until the runtime ends.
    pub async fn serve(listen: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (events, given) = mpsc::unbounded_channel();
        let (says, said) = mpsc::unbounded_channel();
        let state = Given {
            events: Mutex::new(given),
            said: says,
        };
        let router = Router::new().fallback(answer).with_state(Arc::new(state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            events,
            said,
        })
    }

    /// To whoever is ready next. `id` is of the request.
    pub fn give(&self, id: &str, event: &Value) {
        let id = id.to_owned();
        let body = event.to_string();
        // Who does not listen any more is not told.
        drop(self.events.send(Event { id, body }));
    }

    /// Waits for the next word; `None` where none comes in time.
    pub async fn hear(&mut self, within: Duration) -> Option<Said> {
        let said = tokio::time::timeout(within, self.said.recv()).await;
        said.ok().flatten()
    }
}

async fn answer(
    State(given): State<Arc<Given>>,
    method: Method,
    target: Uri,
    body: Bytes,
) -> Response {
    let say = |said| drop(given.said.send(said));
    let about = target.path().strip_prefix(INVOCATIONS).unwrap_or_default();
    match (method, about.rsplit_once('/')) {
        (Method::GET, None) if about == "next" => {
            say(Said::Ready);
            match given.events.lock().await.recv().await {
                Some(event) => handed(event),
                None => std::future::pending().await,
            }
        }
        (Method::POST, Some((id, "response"))) => {
            say(Said::Answered(id.to_owned(), body.to_vec()));
            with_status(202)
        }
        (Method::POST, _) if target.path().ends_with("/error") => {
            say(Said::Failed(body.to_vec()));
            with_status(202)
        }
        _ => with_status(404),
    }
}

fn handed(event: Event) -> Response {
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", event.id)
        .header("lambda-runtime-deadline-ms", DEADLINE)
        .header("lambda-runtime-invoked-function-arn", FUNCTION)
        .header(
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Sampled=0",
        );
    response.body(Body::from(event.body)).unwrap_or_default()
}

/// In milliseconds since 1970, in the year 2100: nobody is in a hurry.
const DEADLINE: u64 = 4_102_444_800_000;

fn with_status(status: u16) -> Response {
    let response = Response::builder().status(status);
    response.body(Body::empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_client::{Client, Http as _, Request};
    use serde_json::json;

    const SOON: Duration = Duration::from_secs(5);

    async fn call(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
        let request = Request {
            method: method.to_owned(),
            url: format!("http://{address}/2018-06-01/runtime/{path}"),
            body: body.as_bytes().to_vec(),
            ..Request::default()
        };
        let client = Client::new(["127.0.0.1".to_owned()], true).unwrap();
        let answer = client.send(&request, SOON).await.unwrap();
        let id = answer
            .headers
            .iter()
            .find(|(name, _)| name == "lambda-runtime-aws-request-id");
        let id = id.map(|(_, id)| format!("{id} ")).unwrap_or_default();
        let body = String::from_utf8(answer.body).unwrap();
        (answer.status, format!("{id}{body}"))
    }

    #[tokio::test]
    async fn an_event_waits_until_it_is_given_and_may_come_twice() {
        let mut double = RuntimeDouble::serve("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let address = double.address;
        let next = tokio::spawn(call(address, "GET", "invocation/next", ""));
        assert_eq!(double.hear(SOON).await, Some(Said::Ready));
        assert_eq!(double.hear(Duration::from_millis(50)).await, None);
        assert!(!next.is_finished());
        double.give("one", &json!({"a": 1}));
        double.give("one", &json!({"a": 1}));
        let handed = (200, r#"one {"a":1}"#.to_owned());
        assert_eq!(next.await.unwrap(), handed);
        let (status, _) = call(address, "POST", "invocation/one/response", "done").await;
        assert_eq!(status, 202);
        let answered = Said::Answered("one".to_owned(), b"done".to_vec());
        assert_eq!(double.hear(SOON).await, Some(answered));
        assert_eq!(call(address, "GET", "invocation/next", "").await, handed);
    }

    #[tokio::test]
    async fn what_fails_is_told_and_nothing_else_is_known() {
        let mut double = RuntimeDouble::serve("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        for path in ["invocation/one/error", "init/error"] {
            let (status, _) = call(double.address, "POST", path, "why").await;
            assert_eq!(status, 202);
            let failed = Said::Failed(b"why".to_vec());
            assert_eq!(double.hear(SOON).await, Some(failed));
        }
        let (status, _) = call(double.address, "GET", "invocation/last", "").await;
        assert_eq!(status, 404);
    }
}
