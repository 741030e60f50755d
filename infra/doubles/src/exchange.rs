//! What every double of an HTTP service has in common: a request as it arrived, what may go wrong
//! around it, and the way into a process or onto a port.

use crate::supplier::Reply;
use async_trait::async_trait;
use http_client::{Failure, Http, Request, Response};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A request as a server reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    pub method: String,
    /// With its query.
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// A service that answers.
pub trait Double: Clone + Send + Sync + 'static {
    fn reply(&self, request: &Received) -> Reply;
}

/// What happens to a request, whatever the service would have said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    /// Nothing: the service answers.
    None,
    /// The service acts, and the answer never comes.
    Silence,
    /// Not reached: nothing is done.
    Unreachable,
    /// The service acts, and a page of its proxy comes instead of the answer.
    BadGateway,
    /// The service acts not, and asks for patience in its own way.
    TooMany,
}

/// Twists of the next requests, in order.
#[derive(Debug, Default)]
pub(crate) struct Script(VecDeque<Twist>);

impl Script {
    pub(crate) fn extend(&mut self, twists: impl IntoIterator<Item = Twist>) {
        self.0.extend(twists);
    }

    /// `too_many` is the service's own answer to one request too many.
    pub(crate) fn play(
        &mut self,
        too_many: impl FnOnce() -> Reply,
        act: impl FnOnce() -> Reply,
    ) -> Reply {
        match self.0.pop_front().unwrap_or(Twist::None) {
            Twist::None => act(),
            Twist::Silence => {
                act();
                Reply::Silence
            }
            Twist::Unreachable => Reply::Unreachable,
            Twist::BadGateway => {
                act();
                text(502, "<html><body><h1>502 Bad Gateway</h1></body></html>")
            }
            Twist::TooMany => too_many(),
        }
    }
}

pub(crate) fn json(status: u16, body: &Value) -> Reply {
    with_headers(
        status,
        &[("content-type", "application/json")],
        body.to_string(),
    )
}

pub(crate) fn text(status: u16, body: &str) -> Reply {
    with_headers(status, &[("content-type", "text/html")], body.to_owned())
}

pub(crate) fn with_headers(status: u16, headers: &[(&str, &str)], body: String) -> Reply {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Reply::Answer(Response {
        status,
        headers,
        body: body.into_bytes(),
    })
}

/// A double reached without a socket.
pub struct InProcess<D>(pub D);

#[async_trait]
impl<D: Double> Http for InProcess<D> {
    async fn send(&self, request: &Request, _: Duration) -> Result<Response, Failure> {
        match self.0.reply(&received(request)) {
            Reply::Answer(response) => Ok(response),
            Reply::Silence => Err(Failure::InDoubt("no answer in time".to_owned())),
            Reply::Unreachable => Err(Failure::NotSent("connection refused".to_owned())),
        }
    }
}

pub(crate) fn received(request: &Request) -> Received {
    let after_scheme = request
        .url
        .split_once("://")
        .map_or(request.url.as_str(), |(_, rest)| rest);
    Received {
        method: request.method.clone(),
        path: after_scheme
            .find('/')
            .map_or("/", |at| &after_scheme[at..])
            .to_owned(),
        headers: request
            .headers
            .iter()
            .chain(&request.secret_headers)
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect(),
        body: request.body.clone(),
    }
}
