use super::*;
use domain::messages::RouteOrder;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

fn record(id: &str, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "a handle",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795428000000",
            "SenderId": "AROAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": "1795428000001",
        },
        "messageAttributes": {},
        "md5OfBody": "d41d8cd98f00b204e9800998ecf8427e",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:waybill-RoutingQueue-A1",
        "awsRegion": "eu-west-1",
    })
}

fn route(order: &str) -> String {
    json!({ "kind": "route", "order": order }).to_string()
}

/// Handles as the order's own id says, and gives the answer with what was begun.
async fn answered(records: Vec<Value>) -> (Value, Vec<String>) {
    let begun: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = begun.clone();
    let handle = move |message: RouteOrder| {
        let order = message.order.to_string();
        heard.lock().unwrap().push(order.clone());
        async move {
            tokio::task::yield_now().await;
            match order.as_str() {
                "acme/contended" => Err(StepError::Conflict),
                "acme/panics" => panic!("as asked"),
                _ => Ok(()),
            }
        }
    };
    let event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let answer = serde_json::to_value(answer(event, handle).await).unwrap();
    let begun = begun.lock().unwrap().clone();
    (answer, begun)
}

fn failed(ids: &[&str]) -> Value {
    let failures: Vec<_> = ids
        .iter()
        .map(|id| json!({ "itemIdentifier": id }))
        .collect();
    json!({ "batchItemFailures": failures })
}

#[tokio::test]
async fn only_what_failed_comes_again() {
    let (answer, begun) = answered(vec![
        record("1", &route("acme/1")),
        record("2", &route("acme/contended")),
        record("3", &route("acme/panics")),
        record("4", "no message at all"),
        record("5", &route("acme/5")),
    ])
    .await;
    assert_eq!(answer, failed(&["2", "3", "4"]));
    assert_eq!(begun.len(), 4, "an unreadable one reaches nobody");
}

#[tokio::test]
async fn a_batch_that_went_well_names_nobody() {
    let (answer, _) = answered(vec![record("1", &route("acme/1"))]).await;
    assert_eq!(answer, failed(&[]));
}

/// Two deliveries of one message in a batch: where either fails, it comes again.
#[tokio::test]
async fn one_message_twice() {
    let twice = |order: &str| vec![record("1", &route(order)), record("1", &route(order))];
    assert_eq!(answered(twice("acme/1")).await.0, failed(&[]));
    assert_eq!(answered(twice("acme/panics")).await.0, failed(&["1", "1"]));
}

/// What is no batch is no success either.
#[test]
fn what_is_no_batch_fails_as_a_whole() {
    let mut nameless = record("1", "{}");
    nameless.as_object_mut().unwrap().remove("messageId");
    for event in [
        json!({}),
        json!({ "Records": null }),
        json!({ "records": [] }),
        json!({ "Records": [nameless] }),
        json!(null),
    ] {
        let read = serde_json::from_value::<QueueEvent>(event.clone());
        assert!(read.is_err(), "{event}");
    }
}
