//! The HTTP server that channels call, and strangers.

mod body;
mod connections;
mod gate;
mod places;
mod refusals;

use crate::Exit;
use crate::machine::Machine;
use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Path as PathParameter, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use body::{Bodies, Unread, discard};
use embedded::{EnvironmentSecrets, SystemClock};
use order_webhook::{LARGEST_BODY, refuse_unread};
use ports::WebhookRequest;
use refusals::Refusals;
use registry::Registry;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

pub(crate) async fn serve(
    data: &Path,
    config: &Path,
    registry: Registry,
    listen: SocketAddr,
    restored: bool,
) -> anyhow::Result<Exit> {
    let opened = Machine::open(
        data,
        config,
        registry,
        Arc::new(SystemClock),
        Arc::new(EnvironmentSecrets),
        restored,
    );
    let machine = match opened.await? {
        Ok(machine) => machine,
        Err(problems) => {
            for problem in &problems {
                tracing::error!("{problem}");
            }
            tracing::error!("not started: the configuration is not right");
            return Ok(Exit::No);
        }
    };
    // Before anybody can know that it serves: whoever does may stop it at once.
    let stop_signal = StopSignal::catch().context("signals cannot be caught")?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("{listen} cannot be listened on"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        stop_signal.received().await;
        tracing::info!("stopping: what is in flight ends first");
        stop.send_replace(true);
    });
    let workers = tokio::spawn(machine.clone().run(stopped.clone()));
    answer(machine.clone(), listener, stopped).await;
    workers.await?;
    let counts = machine.store.counts();
    tracing::info!(
        transactions = counts.transactions,
        writes = counts.writes,
        reads = counts.reads,
        "stopped"
    );
    Ok(Exit::Done)
}

/// The request of a service manager, or of Ctrl-C, to stop. While it is caught it does not end the
/// process.
struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    fn catch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}

/// By a service manager, or by Ctrl-C.
pub async fn told_to_stop() -> std::io::Result<()> {
    StopSignal::catch()?.received().await;
    Ok(())
}

/// What a request is answered from.
struct Server {
    machine: Arc<Machine>,
    bodies: Bodies,
    refusals: Arc<Refusals>,
}

/// Until `stopped` is true and the requests in flight are answered.
pub(crate) async fn answer(
    machine: Arc<Machine>,
    listener: TcpListener,
    stopped: watch::Receiver<bool>,
) {
    let refusals = Arc::new(Refusals::default());
    let server = Server {
        machine,
        bodies: Bodies::new(),
        refusals: refusals.clone(),
    };
    let router = Router::new()
        .route("/webhooks/{channel}", post(webhook))
        .route("/healthz", get(health))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(Arc::new(server));
    let connections = connections::serve(router, listener, refusals.clone(), stopped.clone());
    tokio::join!(connections, refusals.log(stopped));
    refusals.log_once();
}

type Answer = (StatusCode, &'static str);

async fn no_such_path(State(server): State<Arc<Server>>, request: Request<Body>) -> Answer {
    server.refuse(request.into_body(), StatusCode::NOT_FOUND, "no such path")
}

async fn no_such_method(State(server): State<Arc<Server>>, request: Request<Body>) -> Answer {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    server.refuse(request.into_body(), status, "no such method here")
}

/// Not ok while the data folder is damaged.
async fn health(State(server): State<Arc<Server>>) -> (StatusCode, String) {
    let damage: Vec<_> = server
        .machine
        .damage()
        .iter()
        .map(ToString::to_string)
        .collect();
    if damage.is_empty() {
        (StatusCode::OK, "ok".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, damage.join("\n"))
    }
}

async fn webhook(
    State(server): State<Arc<Server>>,
    PathParameter(channel): PathParameter<String>,
    request: Request<Body>,
) -> Response {
    let announced = request.body().size_hint().exact();
    let (head, mut body) = request.into_parts();
    let mut request = WebhookRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: texts(&head.headers),
        body: Vec::new(),
    };
    let deps = server.machine.webhook();
    if let Some(refused) = refuse_unread(&deps, &channel, &request, announced).await {
        let refused = server.refuse(body, status(&refused), refused.note);
        return refused.into_response();
    }
    let mut read = match server.bodies.read(&mut body, announced).await {
        Ok(read) => read,
        Err(unread) => {
            let (status, why) = match unread {
                Unread::TooLong => {
                    let length = u64::try_from(LARGEST_BODY).ok().map(|longest| longest + 1);
                    let refused = refuse_unread(&deps, &channel, &request, length).await;
                    refused.map_or(
                        (StatusCode::PAYLOAD_TOO_LARGE, "body too large"),
                        |refused| (status(&refused), refused.note),
                    )
                }
                Unread::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body came too slowly"),
                Unread::EndedEarly => (StatusCode::BAD_REQUEST, "the body ended early"),
                Unread::Displaced => {
                    let busy = StatusCode::SERVICE_UNAVAILABLE;
                    (busy, "body unfinished, and newer ones came")
                }
            };
            return server.refuse(body, status, why).into_response();
        }
    };
    // A caller that goes away must not end a commit half way to its message.
    let task = tokio::spawn(async move {
        request.body = read.take();
        let answer = order_webhook::handle(&deps, &channel, &request).await;
        read.leave(request.body);
        answer
    });
    match task.await {
        Ok(answer) => {
            if status(&answer).is_client_error() {
                server.refusals.count(answer.note);
            }
            let status = status(&answer);
            match answer.body {
                // As on AWS: a channel may look at the type of what it asked for.
                Some(bytes) => {
                    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response()
                }
                None => (status, answer.note).into_response(),
            }
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "not accepted").into_response(),
    }
}

impl Server {
    /// Counts a refusal, and lets the rest of the body come so that its sender reads the answer.
    fn refuse(&self, rest: Body, status: StatusCode, why: &'static str) -> Answer {
        self.refusals.count(why);
        discard(rest);
        (status, why)
    }
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    headers.iter().map(text).collect()
}

fn status(answer: &order_webhook::Answer) -> StatusCode {
    StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
