//! A sales channel: verifies and reads what it sends us.

use domain::order::news::ChannelEvent;

/// A webhook as it arrived, before anything was trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRequest {
    /// In capitals.
    pub method: String,
    pub path: String,
    /// As it was sent, without the question mark.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw bytes that the signature covers.
    pub body: Vec<u8>,
}

impl WebhookRequest {
    /// A POST of which only headers and body matter.
    pub fn post(headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self {
            method: "POST".to_owned(),
            path: String::new(),
            query: String::new(),
            headers,
            body,
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSignature(pub &'static str);

/// A signed payload that we cannot read. The text names the field, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub String);

/// What a webhook that can be trusted is.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// None for a topic that is not of interest.
    Events(Vec<ChannelEvent>),
    /// The channel asks whether we are who we say; these bytes are the answer.
    Challenge(Vec<u8>),
    /// The channel asks whether anybody is there.
    Ping,
}

impl Received {
    pub fn events(self) -> Vec<ChannelEvent> {
        match self {
            Self::Events(events) => events,
            Self::Challenge(_) | Self::Ping => Vec::new(),
        }
    }
}

/// Why a webhook is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Anybody may have sent it.
    #[error(transparent)]
    Untrusted(BadSignature),
    /// It is the channel's, and nobody can read it.
    #[error(transparent)]
    Unreadable(ParseError),
}

/// One configured sales account. What it can do is optional: a capability is a method that answers
/// `None` where a kind does not say otherwise.
pub trait Channel: Send + Sync {
    fn webhook(&self) -> Option<&dyn Webhook> {
        None
    }
}

/// Reads what a channel posts to us. Every method is pure.
pub trait Webhook: Send + Sync {
    /// Refuses a request whose head alone shows that [`Webhook::verify`] would refuse it: a signature
    /// is absent or has another shape, or the request is for another account. Reads no body, so that a
    /// server can call it before the body arrives.
    fn verify_head(&self, head: &WebhookRequest) -> Result<(), BadSignature>;
    /// In constant time over the raw bytes, and for this very account.
    fn verify(&self, request: &WebhookRequest) -> Result<(), BadSignature>;
    /// Of a request that was verified.
    fn read(&self, request: &WebhookRequest) -> Result<Received, ParseError>;

    /// Verifies, then reads.
    fn receive(&self, request: &WebhookRequest) -> Result<Received, Refused> {
        self.verify(request).map_err(Refused::Untrusted)?;
        self.read(request).map_err(Refused::Unreadable)
    }
}
