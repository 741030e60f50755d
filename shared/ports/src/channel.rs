//! A sales channel: verifies and reads what it sends us.

use domain::order::news::ChannelEvent;

/// A webhook as it arrived, before anything was trusted.
#[derive(Clone)]
pub struct WebhookRequest {
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw bytes that the signature covers.
    pub body: Vec<u8>,
}

impl WebhookRequest {
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

/// One configured sales account. Every method is pure.
pub trait Channel: Send + Sync {
    /// Refuses a request whose headers alone show that [`Channel::verify`] would refuse it: a signature
    /// is absent or has another shape, or the request is for another account. Reads no body, so that a
    /// server can call it before the body arrives.
    fn verify_head(&self, head: &WebhookRequest) -> Result<(), BadSignature>;
    /// In constant time over the raw bytes, and for this very account.
    fn verify(&self, request: &WebhookRequest) -> Result<(), BadSignature>;
    /// Empty for a topic that is not of interest.
    fn parse(&self, request: &WebhookRequest) -> Result<Vec<ChannelEvent>, ParseError>;
}
