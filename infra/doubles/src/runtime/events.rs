//! What Lambda hands to a function, as those who wake it say it.

use crate::shop::SignedWebhook;
use serde_json::{Map, Value, json};

/// Of an HTTP API with payload version 2.0.
pub fn webhook(channel: &str, webhook: &SignedWebhook) -> Value {
    let headers: Map<String, Value> = webhook
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    let path = format!("/webhooks/{channel}");
    json!({
        "version": "2.0",
        "routeKey": "POST /webhooks/{channel}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "routeKey": "POST /webhooks/{channel}",
            "stage": "$default",
        },
        "pathParameters": {"channel": channel},
        "body": String::from_utf8_lossy(&webhook.body),
        "isBase64Encoded": false,
    })
}

/// Of an event source mapping, with one message of a queue.
pub fn message(queue: &str, body: &str) -> Value {
    json!({"Records": [{
        "messageId": "4c1f8b6e-0000-0000-0000-000000000000",
        "receiptHandle": "handle",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795428000500",
            "ApproximateFirstReceiveTimestamp": "1795428000600",
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{queue}"),
        "awsRegion": "us-east-1",
    }]})
}

/// Of a schedule without an input.
pub fn schedule() -> Value {
    json!({
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "region": "us-east-1",
        "resources": [],
        "detail": "{}",
    })
}
