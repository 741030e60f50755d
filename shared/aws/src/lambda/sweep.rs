//! A schedule and dead letters, which start the same function.

use super::body::Body;
use super::queue::answer;
use super::told;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ports::StepError;
use serde_json::Value;
use std::future::Future;

/// Until the process is ended. What has no records is the schedule's, which passes no input.
pub async fn serve_sweep<M, F, W, G, V>(on_time: F, on_message: G) -> Result<(), Error>
where
    M: Body,
    F: Fn() -> W + Clone + Send + Sync + 'static,
    W: Future<Output = Result<(), StepError>> + Send + 'static,
    G: Fn(M) -> V + Clone + Send + Sync + 'static,
    V: Future<Output = Result<(), StepError>> + Send + 'static,
{
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let (on_time, on_message) = (on_time.clone(), on_message.clone());
        async move { served(event.payload, on_time, on_message).await }
    }))
    .await
}

async fn served<M, F, W, G, V>(event: Value, on_time: F, on_message: G) -> Result<Value, Error>
where
    M: Body,
    F: Fn() -> W,
    W: Future<Output = Result<(), StepError>>,
    G: Fn(M) -> V,
    V: Future<Output = Result<(), StepError>> + Send + 'static,
{
    if event.get("Records").is_some() {
        let batch = serde_json::from_value(event)?;
        return Ok(serde_json::to_value(answer(batch, on_message).await)?);
    }
    match on_time().await {
        Ok(()) => Ok(Value::Null),
        Err(error) => {
            tracing::warn!(why = %told(&error), "not finished; the next time goes on");
            Err(error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Delivered, Read};
    use super::*;
    use serde_json::json;

    struct Any;

    impl Body for Any {
        fn read(delivered: Delivered) -> Read<Self> {
            match delivered.queue.as_str() {
                "letters" => Read::Work(Self),
                _ => Read::Unreadable,
            }
        }
        fn subject(&self) -> String {
            String::new()
        }
    }

    async fn serve(event: Value, on_time: Result<(), StepError>) -> Result<Value, Error> {
        let once = std::sync::Mutex::new(Some(on_time));
        let on_time = || {
            let result = once.lock().unwrap().take().unwrap();
            async { result }
        };
        served(event, on_time, |_: Any| async { Ok(()) }).await
    }

    #[tokio::test]
    async fn the_schedule_passes_no_input() {
        for event in [
            json!({}),
            json!({ "source": "aws.scheduler", "detail": {} }),
        ] {
            assert_eq!(serve(event, Ok(())).await.unwrap(), Value::Null);
        }
        let failed = serve(json!({}), Err(StepError::Conflict)).await;
        assert!(
            failed.is_err(),
            "a sweep that failed is an error of the function"
        );
    }

    #[tokio::test]
    async fn letters_are_answered_one_by_one() {
        let letter = |id: &str, queue: &str| {
            json!({
                "messageId": id,
                "body": "raw",
                "attributes": { "ApproximateReceiveCount": "1" },
                "eventSourceARN": format!("arn:aws:sqs:eu-west-1:123456789012:{queue}"),
            })
        };
        let event = json!({ "Records": [letter("1", "letters"), letter("2", "other")] });
        assert_eq!(
            serve(event, Ok(())).await.unwrap(),
            json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] })
        );
        assert!(serve(json!({ "Records": 1 }), Ok(())).await.is_err());
    }
}
