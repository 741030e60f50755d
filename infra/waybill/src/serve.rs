//! The HTTP server that channels call.

use crate::Exit;
use crate::machine::Machine;
use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path as PathParameter, Request, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use embedded::{EnvironmentSecrets, SystemClock};
use order_webhook::LARGEST_BODY;
use ports::WebhookRequest;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A body that trickles in would hold a connection for ever.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// For requests in flight at the end; channels repeat what was not answered.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn serve(
    data: &Path,
    config: &Path,
    listen: SocketAddr,
    restored: bool,
) -> anyhow::Result<Exit> {
    let opened = Machine::open(
        data,
        config,
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
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("{listen} cannot be listened on"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if let Err(error) = told_to_stop().await {
            tracing::error!(error = %error, "signals cannot be heard");
        }
        tracing::info!("stopping: what is in flight ends first");
        stop.send_replace(true);
    });
    let workers = tokio::spawn(machine.clone().run(stopped.clone()));
    answer(machine.clone(), listener, stopped).await?;
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

/// By a service manager, or by Ctrl-C.
pub async fn told_to_stop() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

/// Until `stopped` is true and the requests in flight are answered.
pub(crate) async fn answer(
    machine: Arc<Machine>,
    listener: TcpListener,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let router = Router::new()
        .route("/webhooks/{channel}", post(webhook))
        .route("/healthz", get(health))
        .with_state(machine);
    let until = |mut stopped: watch::Receiver<bool>| async move {
        drop(stopped.wait_for(|stopped| *stopped).await);
    };
    let late = until(stopped.clone());
    let server = axum::serve(listener, router).with_graceful_shutdown(until(stopped));
    tokio::select! {
        ended = server => ended.context("the server ended"),
        () = async { late.await; tokio::time::sleep(LAST_ANSWERS_WITHIN).await } => Ok(()),
    }
}

/// Not ok while the data folder is damaged.
async fn health(State(machine): State<Arc<Machine>>) -> (StatusCode, String) {
    let damage: Vec<_> = machine.damage().iter().map(ToString::to_string).collect();
    if damage.is_empty() {
        (StatusCode::OK, "ok".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, damage.join("\n"))
    }
}

async fn webhook(
    State(machine): State<Arc<Machine>>,
    PathParameter(channel): PathParameter<String>,
    request: Request<Body>,
) -> (StatusCode, &'static str) {
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let read = to_bytes(request.into_body(), LARGEST_BODY + 1);
    let body = match tokio::time::timeout(BODY_WITHIN, read).await {
        Ok(Ok(body)) => body.to_vec(),
        // As long as it need be to be refused; the answer is the handler's to give.
        Ok(Err(error)) if is_too_long(&error) => vec![0; LARGEST_BODY + 1],
        Ok(Err(_)) => return (StatusCode::BAD_REQUEST, "the body ended early"),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the body came too slowly"),
    };
    let request = WebhookRequest { headers, body };
    // A caller that goes away must not end a commit half way to its message.
    let task =
        tokio::spawn(
            async move { order_webhook::handle(&machine.webhook(), &channel, &request).await },
        );
    match task.await {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status);
            (
                status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                answer.note,
            )
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "not accepted"),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit") {
            return true;
        }
        cause = error.source();
    }
    false
}
