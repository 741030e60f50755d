//! Mails over SES: handed over once, and what SES reports about them later.
//!
//! SES has nothing to recognise a mail by, so a call whose answer was lost is never made again. Tags
//! carry purchase order and attempt, and come back with each report. SES reports `Send` even where it
//! suppresses the delivery, so only `Delivery` proves that the supplier's mail server has the mail.

mod quota;
mod report;

pub use quota::SendingQuota;
pub use report::{Reported, reported};

use async_trait::async_trait;
use aws_sdk_ses::Client;
use aws_sdk_ses::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ses::operation::send_raw_email::SendRawEmailError;
use aws_sdk_ses::primitives::Blob;
use aws_sdk_ses::types::{MessageTag, RawMessage};
use ports::{MailOutcome, MailPlace, Mailer, SendSubject};

const PURCHASE_ORDER: &str = "purchase_order";
/// Of a request to take it back: its number.
const REQUEST: &str = "request";
const ATTEMPT: &str = "attempt";

pub struct SesMailer {
    client: Client,
    configuration_set: String,
}

impl SesMailer {
    /// Of a client that makes one attempt only.
    pub fn new(client: Client, configuration_set: String) -> Self {
        Self {
            client,
            configuration_set,
        }
    }
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, id: &SendSubject, attempt: u32, message: &[u8]) -> MailOutcome {
        let Ok(raw) = RawMessage::builder().data(Blob::new(message)).build() else {
            return MailOutcome::NotSent("the message cannot be written".to_owned());
        };
        let Some(tags) = tags(id, attempt) else {
            return MailOutcome::NotSent("the message cannot be tagged".to_owned());
        };
        let sent = self
            .client
            .send_raw_email()
            .raw_message(raw)
            .configuration_set_name(&self.configuration_set)
            .set_tags(Some(tags))
            .send()
            .await;
        match sent {
            Ok(_) => MailOutcome::Sent,
            Err(error) => outcome(&error),
        }
    }

    fn place(&self, _: &SendSubject) -> MailPlace {
        let region = self.client.config().region();
        MailPlace {
            server: format!("ses {}", region.map_or("", |region| region.as_ref())),
            file: None,
        }
    }

    /// The stack's rule brings every report to forwarding.
    fn reports_delivery(&self) -> bool {
        true
    }
}

fn tags(id: &SendSubject, attempt: u32) -> Option<Vec<MessageTag>> {
    let tag = |name: &str, value: String| MessageTag::builder().name(name).value(value).build();
    let request = id
        .request()
        .map(|request| tag(REQUEST, request.to_string()));
    [
        tag(PURCHASE_ORDER, id.purchase_order().to_string()),
        tag(ATTEMPT, attempt.to_string()),
    ]
    .into_iter()
    .chain(request)
    .collect::<Result<_, _>>()
    .ok()
}

/// Sent, refused or neither is believed only where SES, or the want of a connection, says so.
fn outcome<R>(error: &SdkError<SendRawEmailError, R>) -> MailOutcome {
    match error {
        SdkError::ConstructionFailure(_) => {
            MailOutcome::NotSent("the request to SES cannot be made".to_owned())
        }
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) if was_never_connected(error) => {
                MailOutcome::NotSent("SES cannot be reached".to_owned())
            }
            _ => MailOutcome::InDoubt("the connection to SES was lost".to_owned()),
        },
        SdkError::TimeoutError(_) => MailOutcome::InDoubt("SES did not answer in time".to_owned()),
        SdkError::ResponseError(_) => {
            MailOutcome::InDoubt("the answer of SES cannot be read".to_owned())
        }
        SdkError::ServiceError(answered) => {
            let error = answered.err();
            refused(error.code().unwrap_or_default(), error.message())
        }
        // Whatever may come to be, it is not known that nothing was sent.
        _ => MailOutcome::InDoubt("the request to SES failed".to_owned()),
    }
}

fn was_never_connected(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return error.is_connect();
        }
        cause = error.source();
    }
    false
}

/// By the code of the error that SES answered.
fn refused(code: &str, message: Option<&str>) -> MailOutcome {
    let message = message.unwrap_or_default();
    match code {
        // An identity of ours that is not verified is for the merchant to mend, and no other
        // supplier would get a mail either.
        "MessageRejected" if message.contains("not verified") => {
            MailOutcome::NotSent("SES has not verified the sender or the receiver".to_owned())
        }
        "MessageRejected" | "InvalidParameterValue" | "ValidationError" => {
            MailOutcome::Rejected(format!("SES refused the message: {code}\n{message}"))
        }
        "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException"
        | "LimitExceededException"
        | "AccountSendingPausedException"
        | "ConfigurationSetSendingPausedException"
        | "ConfigurationSetDoesNotExist"
        | "ConfigurationSetDoesNotExistException"
        | "MailFromDomainNotVerifiedException"
        | "AccessDenied"
        | "AccessDeniedException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "OptInRequired"
        | "NotAuthorized" => MailOutcome::NotSent(format!("SES does not take it now: {code}")),
        code => MailOutcome::InDoubt(format!("SES answered {code:?}")),
    }
}

#[cfg(test)]
mod tests;
