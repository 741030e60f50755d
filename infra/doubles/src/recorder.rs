//! Stands between AWS clients and a local AWS: counts every call, tells what it needs to be allowed
//! to, and can throttle it or cut its connection.
//!
//! To the local AWS each call looks as if it had come over TLS, for the buckets refuse others. Where
//! nobody looks at signatures, calls to `DynamoDB` can be made to say what they consume, which the
//! functions never ask.

mod call;
mod needs;

pub use call::Call;
pub use needs::Need;

use call::{Seen, consumed};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a call on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives, and is answered as an overloaded service answers.
    Throttled,
    /// It never arrives, and nobody answers.
    CutBefore,
    /// It arrives and takes effect, and its answer is lost.
    CutAfter,
}

type Disturbance = dyn Fn(&Call) -> Option<Fault> + Send + Sync;

/// Cheap to clone; every clone records into the same list.
#[derive(Clone)]
pub struct Recorder(Arc<State>);

struct State {
    upstream: SocketAddr,
    calls: Mutex<Vec<Call>>,
    disturbance: Mutex<Option<Arc<Disturbance>>>,
    asks_for_units: AtomicBool,
}

impl Recorder {
    /// Serves until the runtime ends; answers with the address it listens on.
    pub async fn serve(listen: SocketAddr, upstream: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let recorder = Self(Arc::new(State {
            upstream,
            calls: Mutex::default(),
            disturbance: Mutex::default(),
            asks_for_units: AtomicBool::new(false),
        }));
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        tokio::spawn(recorder.clone().accept(listener));
        Ok((recorder, address))
    }

    /// What was called since the start, or since all was forgotten.
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.0.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn forget(&self) {
        let calls = self.0.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// From here on, whatever `fault` says of a call that is on its way.
    pub fn disturb(&self, fault: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) {
        self.set(Some(Arc::new(fault)));
    }

    /// From here on. What a call asks is signed: whoever checks signatures refuses it changed.
    pub fn ask_for_units(&self) {
        self.0.asks_for_units.store(true, Ordering::SeqCst);
    }

    pub fn calm(&self) {
        self.set(None);
    }

    fn set(&self, disturbance: Option<Arc<Disturbance>>) {
        *self
            .0
            .disturbance
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = disturbance;
    }

    fn fault(&self, call: &Call) -> Option<Fault> {
        let disturbance = self
            .0
            .disturbance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        disturbance.and_then(|fault| fault(call))
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            // One that was gone before it was accepted is nothing to end for.
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let recorder = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| recorder.pass(request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                // Ends with an error where it was cut.
                drop(connection.await);
            });
        }
    }

    /// An error closes the connection without an answer.
    async fn pass(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let seen = Seen {
            method: head.method.as_str(),
            target: head
                .uri
                .path_and_query()
                .map_or("/", |target| target.as_str()),
            headers: &head.headers,
            body: &body,
        };
        let Some(mut call) = Call::of(&seen) else {
            // Not signed: it is about the local AWS itself.
            return self
                .forward(Request::from_parts(head, Full::new(body)))
                .await;
        };
        let fault = self.fault(&call);
        let mut outcome = match fault {
            Some(Fault::CutBefore) => Err(cut()),
            Some(Fault::Throttled) => Ok(throttled(&call)),
            Some(Fault::CutAfter) | None => {
                let asks = self.0.asks_for_units.load(Ordering::SeqCst);
                let asking = asks.then(|| call.asking_for_units(&body)).flatten();
                let body = asking.map_or(body, Bytes::from);
                head.headers.insert(
                    HeaderName::from_static("content-length"),
                    HeaderValue::from(body.len()),
                );
                self.forward(Request::from_parts(head, Full::new(body)))
                    .await
            }
        };
        if let Ok(response) = &mut outcome {
            call.status = Some(response.status().as_u16());
            let body = response.body_mut().collect().await;
            let body = body.map_err(io::Error::other)?.to_bytes();
            call.capacity_halves = consumed(&body);
            *response.body_mut() = Full::new(body);
        }
        call.fault = fault;
        self.0
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        match fault {
            Some(Fault::CutAfter) => Err(cut()),
            Some(Fault::CutBefore | Fault::Throttled) | None => outcome,
        }
    }

    /// As it is but for what makes it look as if it had come over TLS.
    async fn forward(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> io::Result<Response<Full<Bytes>>> {
        without_hops(request.headers_mut());
        request.headers_mut().insert(
            HeaderName::from_static("x-forwarded-proto"),
            HeaderValue::from_static("https"),
        );
        let stream = TcpStream::connect(self.0.upstream).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);
        let response = sender.send_request(request).await;
        let (mut head, body) = response.map_err(io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        without_hops(&mut head.headers);
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

/// What belongs to one connection, not to what goes over it.
fn without_hops(headers: &mut HeaderMap) {
    for name in ["connection", "keep-alive", "transfer-encoding"] {
        headers.remove(name);
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut")
}

fn throttled(call: &Call) -> Response<Full<Bytes>> {
    let (status, kind, body) = match call.service.as_str() {
        "s3" => (
            503,
            "application/xml",
            "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>",
        ),
        "ses" | "email" => (
            400,
            "text/xml",
            "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>\
             <Message>Maximum sending rate exceeded.</Message></Error></ErrorResponse>",
        ),
        "dynamodb" => (
            400,
            "application/x-amz-json-1.0",
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}"#,
        ),
        _ => (
            400,
            "application/x-amz-json-1.1",
            r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(
        HeaderName::from_static("content-type"),
        HeaderValue::from_static(kind),
    );
    response
}

#[cfg(test)]
mod tests;
