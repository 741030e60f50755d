//! A mail service: it takes finished messages, and may report later what became of them.

use async_trait::async_trait;
use domain::sending::subject::SendSubject;

/// Sends finished MIME messages.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Of one hand-over, whose every attempt has the same message; a service that reports later what
    /// became of it is told the attempt.
    async fn send(&self, id: &SendSubject, attempt: u32, message: &[u8]) -> MailOutcome;
    /// Where the message of that purchase order or request goes to on its way.
    fn place(&self, id: &SendSubject) -> MailPlace;
    /// Whether it reports later what became of each mail that it took. Then silence is a case, and mail
    /// to a supplier whose address it suppresses waits.
    fn reports_delivery(&self) -> bool {
        false
    }
}

/// Where a [`Mailer`] puts a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPlace {
    /// `smtp mail.example.com:587`, `ses eu-west-1`, `outbox`.
    pub server: String,
    /// The key of the file in the outbox, where the message becomes one.
    pub file: Option<String>,
}

/// What a mail service reports later about a mail that it took: at least once, in any order, and
/// maybe before its answer to the send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEvent {
    pub id: SendSubject,
    pub attempt: u32,
    pub report: MailReport,
    /// As it was reported.
    pub evidence: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailReport {
    /// The service took it, whatever it answered to the send. That it was delivered, it does not say.
    Sent,
    /// The mail server of somebody it was sent to, not only of a copy, took it.
    Delivered,
    /// The service could not deliver it yet and tries again; why, in our words.
    Delayed(String),
    /// It may not have reached whom it was sent to; why, in our words.
    Returned(String),
    /// It will not reach whom it was sent to; why, in our words.
    Bounced(String),
    /// The same, and neither will any other mail to that address, until a person removes the address
    /// from the list that the service keeps.
    Suppressed {
        why: String,
        /// What the person does, with the exact command.
        remedy: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailOutcome {
    Sent,
    /// The receiver does not exist or is refused for good: one line in our words, and below it the
    /// server's answer, which is evidence.
    Rejected(String),
    NotSent(String),
    InDoubt(String),
}
