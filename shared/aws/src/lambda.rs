//! What serves the functions on Lambda: HTTP, messages of queues, and the schedule.
//!
//! An invocation that cannot be understood fails as a whole; nothing of it counts as done.

mod body;
mod http;
mod queue;
mod sweep;

pub use body::{Body, DeadLetter, Delivered, MessageOrReport, Read};
pub use http::{Answer, Call, serve_http};
pub use lambda_runtime::Error;
pub use queue::serve_queue;
pub use sweep::serve_sweep;

use std::fmt::Write as _;

/// The causes, outermost first; without a source's text twice.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
