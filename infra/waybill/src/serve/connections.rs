//! Accepts connections of strangers, among them the shop, and bounds what they hold: so many
//! connections, so long for a head. Limits are for all together, never by address: every request comes
//! from the proxy on this machine.

use super::gate::{Displaced, Gate, Pass};
use super::refusals::Refusals;
use axum::Router;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// Half of the 1,024 files that a process may commonly have open.
const AT_ONCE: usize = 512;
/// From a connection's beginning, or from an answer that was no acceptance, to the end of the next
/// head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// The same after a webhook was accepted: longer than the minute for which proxies keep connections.
const IDLE_FOR: Duration = Duration::from_secs(75);
/// How often a connection that is being answered looks whether it is late.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Bytes of a head, and of what is read at once. A webhook's head has about 2 KiB.
const READ_BUFFER: usize = 16 * 1024;
/// For requests in flight at the end; channels repeat what was not answered.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// After an accept that failed, which it does again at once where files have run out.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What all connections share.
struct Shared {
    router: Router,
    gate: Gate,
    refusals: Arc<Refusals>,
}

/// Until `stopped` is true and the requests in flight are answered.
pub(super) async fn serve(
    router: Router,
    listener: TcpListener,
    refusals: Arc<Refusals>,
    stopped: watch::Receiver<bool>,
) {
    let shared = Arc::new(Shared {
        router,
        gate: Gate::new(AT_ONCE),
        refusals,
    });
    let mut connections = JoinSet::new();
    let mut until = stopped.clone();
    loop {
        let connection = tokio::select! {
            _ = until.wait_for(|stopped| *stopped) => break,
            connection = accept(&listener, &shared) => connection,
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(connection.serve(stopped.clone()));
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    drop(timeout(LAST_ANSWERS_WITHIN, ended).await);
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> Connection {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                shared.refusals.count("no connection left");
                tracing::debug!(%error, "connection not accepted");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        if let Ok((pass, displaced)) = shared.gate.enter().await {
            let place = Place {
                pass,
                head_until: Mutex::new(Some(Instant::now() + HEAD_WITHIN)),
            };
            return Connection {
                stream,
                displaced,
                place,
                shared: shared.clone(),
            };
        }
    }
}

/// What a connection takes and how long it may.
struct Place {
    pass: Pass,
    /// Until when the next head has to be there; `None` while a request is answered.
    head_until: Mutex<Option<Instant>>,
}

impl Place {
    /// A head is there.
    fn begin_answer(&self) {
        *self.lock() = None;
        self.pass.finish();
    }

    /// The answer is there, and the next head may come.
    fn end_answer(&self, is_accepted: bool) {
        let within = if is_accepted { IDLE_FOR } else { HEAD_WITHIN };
        *self.lock() = Some(Instant::now() + within);
        self.pass.begin_again(is_accepted);
    }

    fn head_until(&self) -> Option<Instant> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.head_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

struct Connection {
    stream: TcpStream,
    displaced: Displaced,
    place: Place,
    shared: Arc<Shared>,
}

impl Connection {
    async fn serve(mut self, mut stopped: watch::Receiver<bool>) {
        // Without it an answer waits for more of it to come; it is sent all the same where this fails.
        drop(self.stream.set_nodelay(true));
        let router = TowerToHyperService::new(self.shared.router.clone());
        let place = &self.place;
        let service = service_fn(|request| {
            place.begin_answer();
            let is_webhook = request.method() == Method::POST;
            let answer = router.call(request);
            async move {
                let answer = answer.await;
                let is_accepted = |answer: &Response| answer.status() == StatusCode::OK;
                place.end_answer(is_webhook && answer.as_ref().is_ok_and(is_accepted));
                answer
            }
        });
        let served = http1::Builder::new()
            // Ours, since an idle connection of the proxy may wait longer than a head may take.
            .header_read_timeout(None)
            .max_buf_size(READ_BUFFER)
            .serve_connection(TokioIo::new(self.stream), service);
        let mut served = std::pin::pin!(served);
        let mut is_stopping = false;
        loop {
            let now = Instant::now();
            let head_until = place.head_until();
            tokio::select! {
                biased;
                _ = &mut self.displaced => {
                    self.shared.refusals.count("head unfinished, and a newer one came");
                    break;
                }
                _ = stopped.wait_for(|stopped| *stopped), if !is_stopping => {
                    is_stopping = true;
                    served.as_mut().graceful_shutdown();
                }
                // A connection that breaks is its other end's matter.
                _ = &mut served => break,
                () = sleep_until(head_until.unwrap_or(now + LOOK_EVERY)) => {
                    if place.head_until().is_some_and(|until| until <= Instant::now()) {
                        self.shared.refusals.count("no head in time");
                        break;
                    }
                }
            }
        }
    }
}
