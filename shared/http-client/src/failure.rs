//! What went wrong, in plain words, and whether the request may have reached the other side.

use crate::address::{Forbidden, NameNotFound};
use crate::{CONNECT, Failure};
use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

/// A connection that never stood carried nothing; of everything else we cannot be sure.
pub(crate) fn classify(error: &reqwest::Error) -> Failure {
    if (error.is_builder() || error.is_connect()) && !error.is_body() {
        Failure::NotSent(told(error))
    } else {
        Failure::InDoubt(told(error))
    }
}

pub(crate) fn no_answer(timeout: Duration) -> String {
    match timeout.as_secs() {
        0 => format!("no answer within {} ms", timeout.as_millis()),
        seconds => format!("no answer within {seconds} s"),
    }
}

/// Never the library's own text: it repeats the URL, whose query may name a person, and words that
/// only a programmer knows.
pub(crate) fn told(error: &reqwest::Error) -> String {
    for cause in causes(error) {
        if cause.is::<NameNotFound>() || cause.is::<Forbidden>() {
            return cause.to_string();
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return format!("TLS failed: {error}");
        }
    }
    for cause in causes(error) {
        let kind = cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        if kind == Some(ErrorKind::ConnectionRefused) {
            return "connection refused".to_owned();
        }
        if matches!(
            kind,
            Some(ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable)
        ) {
            return "the host cannot be reached".to_owned();
        }
    }
    if error.is_connect() && error.is_timeout() {
        return format!("no connection within {} s", CONNECT.as_secs());
    }
    if error.is_connect() {
        return "no connection".to_owned();
    }
    "the connection was cut".to_owned()
}

/// Through I/O errors too, which name what they wrap nowhere else.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), next)
}

fn next<'a>(cause: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let cause: &'a (dyn Error + 'static) = *cause;
    match cause.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => cause.source(),
    }
}
