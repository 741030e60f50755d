//! The only HTTP client. Whoever calls it must know whether a request may have reached the other
//! side, so every failure says so, and nothing below it tries twice: no retry, no redirect, no
//! proxy, one total timeout, and only the hosts that the configuration names.

mod address;
mod failure;

use address::{Guarded, Reach};
use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, redirect, retry};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// Longer answers are cut off: no answer we understand is so long.
const LONGEST_BODY: usize = 1024 * 1024;
/// Shorter than the idle limit of common servers, so that a request rarely meets a closing
/// connection, which would be a doubt for nothing.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// A connection that does not stand by then has carried nothing, and that is worth knowing: a total
/// timeout would be a doubt.
const CONNECT: Duration = Duration::from_secs(5);

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    /// Apart from the others, so that they are neither stored nor shown.
    pub secret_headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Neither paths, headers nor bodies: they hold addresses and secrets.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("host", &host_of(&self.url))
            .finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// An answer may quote the address that was sent.
impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// In plain words: a merchant reads them in a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Surely no byte of the request reached the other side.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The other side may have acted.
    #[error("in doubt: {0}")]
    InDoubt(String),
}

#[async_trait]
pub trait Http: Send + Sync {
    /// One request, answer included, within `timeout`.
    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, Failure>;
}

/// The client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client: {0}")]
pub struct BuildError(String);

/// The host that a URL names, in lower case; `None` where it is no URL of HTTP.
pub fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    match url.scheme() {
        "http" | "https" => url.host_str().map(str::to_ascii_lowercase),
        _ => None,
    }
}

#[derive(Debug)]
pub struct Client {
    hosts: BTreeSet<String>,
    secure: Pool,
    /// For plain HTTP, and only to private addresses; none where those are not permitted.
    plain: Option<Pool>,
}

#[derive(Debug)]
struct Pool {
    reach: Reach,
    inner: reqwest::Client,
}

impl Pool {
    fn new(reach: Reach) -> Result<Self, BuildError> {
        let failed = |error: &dyn fmt::Display| BuildError(error.to_string());
        let roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let inner = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(POOL_IDLE)
            .dns_resolver(Guarded(reach))
            .user_agent("waybill")
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self { reach, inner })
    }
}

impl Client {
    /// Speaks to `hosts` only. `allow_private` also lets through addresses of this machine and of
    /// its network, which a supplier's name must never lead to otherwise, and plain HTTP to them.
    pub fn new(
        hosts: impl IntoIterator<Item = String>,
        allow_private: bool,
    ) -> Result<Self, BuildError> {
        let hosts = hosts
            .into_iter()
            .map(|host| host.to_ascii_lowercase())
            .collect();
        Ok(Self {
            hosts,
            secure: Pool::new(if allow_private {
                Reach::Anywhere
            } else {
                Reach::Public
            })?,
            plain: allow_private
                .then(|| Pool::new(Reach::Private))
                .transpose()?,
        })
    }

    fn permitted(&self, text: &str) -> Result<(Url, &Pool), Failure> {
        let refused = |why: &str| Err(Failure::NotSent(why.to_owned()));
        let Ok(url) = Url::parse(text) else {
            return refused("the URL cannot be read");
        };
        let pool = match (url.scheme(), &self.plain) {
            ("https", _) => &self.secure,
            ("http", Some(plain)) => plain,
            ("http", None) => return refused(Reach::Private.refusal()),
            _ => return refused("the URL is not one of HTTP"),
        };
        let named = url.host_str().unwrap_or_default().to_ascii_lowercase();
        if !self.hosts.contains(&named) {
            return Err(Failure::NotSent(format!(
                "{named} is not a host of this supplier"
            )));
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        };
        if literal.is_some_and(|address| !pool.reach.permits(address)) {
            return refused(pool.reach.refusal());
        }
        Ok((url, pool))
    }

    fn build(&self, request: &Request) -> Result<(reqwest::Request, &Pool), Failure> {
        let (url, pool) = self.permitted(&request.url)?;
        let not_sent = |why: String| Failure::NotSent(why);
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| not_sent("the method cannot be sent".to_owned()))?;
        let mut builder = pool.inner.request(method, url);
        let plain = request.headers.iter().map(|header| (header, false));
        let secret = request.secret_headers.iter().map(|header| (header, true));
        for ((name, value), sensitive) in plain.chain(secret) {
            let bad = || not_sent(format!("the header {name:?} cannot be sent"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
            value.set_sensitive(sensitive);
            builder = builder.header(name, value);
        }
        let built = builder
            .body(request.body.clone())
            .build()
            .map_err(|_| not_sent("the request cannot be written".to_owned()))?;
        Ok((built, pool))
    }

    async fn answer(request: reqwest::Request, pool: &Pool) -> Result<Response, Failure> {
        let sent = pool.inner.execute(request).await;
        let mut response = sent.map_err(|error| failure::classify(&error))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let mut body = Vec::new();
        // The request is out: whatever fails from here on is a doubt.
        while let Some(chunk) = response.chunk().await.map_err(|error| {
            Failure::InDoubt(format!("HTTP {status}, then {}", failure::told(&error)))
        })? {
            if body.len() + chunk.len() > LONGEST_BODY {
                return Err(Failure::InDoubt(format!(
                    "HTTP {status} with more than 1 MiB"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status,
            headers,
            body,
        })
    }
}

#[async_trait]
impl Http for Client {
    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, Failure> {
        let (request, pool) = self.build(request)?;
        // Around everything, so that no step of the library can go on for longer.
        tokio::time::timeout(timeout, Self::answer(request, pool))
            .await
            .unwrap_or_else(|_| Err(Failure::InDoubt(failure::no_answer(timeout))))
    }
}

#[cfg(test)]
mod tests;
