//! Messages of SQS, in batches; each that fails is named, and only those come again.

use super::body::{Body, Delivered, Read};
use super::told;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ports::StepError;
use serde::{Deserialize, Serialize};
use std::future::Future;
use tokio::task::JoinSet;
use tracing::Instrument as _;

/// What comes without these is no batch, and fails as a whole: an answer without failures would say
/// that everything was done.
#[derive(Debug, Deserialize)]
pub(super) struct QueueEvent {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    body: String,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: String,
    /// For the log alone.
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    #[serde(default)]
    approximate_receive_count: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BatchAnswer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

/// Until the process is ended.
pub async fn serve_queue<M, F, W>(handle: F) -> Result<(), Error>
where
    M: Body,
    F: Fn(M) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = Result<(), StepError>> + Send + 'static,
{
    lambda_runtime::run(service_fn(move |event: LambdaEvent<QueueEvent>| {
        let handle = handle.clone();
        async move { Ok::<_, Error>(answer(event.payload, handle).await) }
    }))
    .await
}

/// All at once, each in a task of its own: a panic fails its message and no other.
pub(super) async fn answer<M, F, W>(event: QueueEvent, handle: F) -> BatchAnswer
where
    M: Body,
    F: Fn(M) -> W,
    W: Future<Output = Result<(), StepError>> + Send + 'static,
{
    let mut open: Vec<String> = event
        .records
        .iter()
        .map(|record| record.message_id.clone())
        .collect();
    let mut tasks = JoinSet::new();
    for record in event.records {
        let id = record.message_id;
        let span = tracing::info_span!(
            "message",
            message.id = %id,
            message.receives = %record.attributes.approximate_receive_count,
            order.id = tracing::field::Empty,
        );
        let queue = record.event_source_arn.rsplit(':').next();
        let delivered = Delivered {
            queue: queue.unwrap_or_default().to_owned(),
            body: record.body,
        };
        let message = match span.in_scope(|| M::read(delivered)) {
            Read::Work(message) => message,
            Read::Done => {
                open.retain(|open| *open != id);
                continue;
            }
            Read::Unreadable => {
                span.in_scope(|| tracing::error!("the message cannot be read"));
                continue;
            }
        };
        span.record("order.id", message.subject());
        let handled = handle(message);
        let work = async move {
            match handled.await {
                Ok(()) => Some(id),
                Err(error) => {
                    tracing::warn!(why = %told(&error), "message given back");
                    None
                }
            }
        };
        tasks.spawn(work.instrument(span));
    }
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Some(done)) => open.retain(|id| *id != done),
            Ok(None) => {}
            Err(_) => tracing::error!("the handler panicked"),
        }
    }
    BatchAnswer {
        batch_item_failures: open
            .into_iter()
            .map(|item_identifier| Failure { item_identifier })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
