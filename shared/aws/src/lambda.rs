//! What serves the functions on Lambda: HTTP, messages of queues, and the schedule.
//!
//! An invocation that cannot be understood fails as a whole; nothing of it counts as done.

mod http;
mod queue;
mod sweep;

pub use http::{Answer, Call, serve_http};
pub use lambda_runtime::Error;
pub use queue::{Body, Delivered, serve_queue};
pub use sweep::serve_sweep;

use domain::ids::OrderId;
use ports::{OrderStore, StepError};
use std::fmt::Write as _;

/// Makes the first connection to the store while the function initialises, at full CPU, by asking
/// for an order that cannot be.
pub async fn connect(orders: &impl OrderStore) -> Result<(), StepError> {
    let nobody = OrderId::parse("waybill/starts");
    let nobody = nobody.map_err(|error| StepError::Permanent(error.to_string()))?;
    orders.load(&nobody).await?;
    Ok(())
}

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
