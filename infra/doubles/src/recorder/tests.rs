use super::*;
use http_client::{Client, Failure, Http as _};
use std::collections::BTreeMap;
use std::time::Duration;

/// Answers each request with what it was, and counts.
async fn upstream() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let received = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let known = received.clone();
    let answer = move |request: axum::extract::Request| {
        let known = known.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let proto = head.headers["x-forwarded-proto"].to_str().unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            known.lock().unwrap().push(format!("{proto} {body}"));
            r#"{"ConsumedCapacity": [{"CapacityUnits": 4.0}, {"CapacityUnits": 0.5}]}"#
        }
    };
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, received)
}

struct World {
    recorder: Recorder,
    url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn new() -> Self {
        let (address, received) = upstream().await;
        let loopback = "127.0.0.1:0".parse().unwrap();
        let (recorder, listens) = Recorder::serve(loopback, address).await.unwrap();
        Self {
            recorder,
            url: format!("http://{listens}/"),
            received,
        }
    }

    async fn call(&self, attempt: u32) -> Result<u16, Failure> {
        let body = r#"{"TransactItems": [{"Put": {"TableName": "orders"}}]}"#;
        let request = http_client::Request {
            method: "POST".to_owned(),
            url: self.url.clone(),
            headers: [
                ("authorization", "AWS4-HMAC-SHA256 Credential=KEY/20261125/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"),
                ("x-amz-target", "DynamoDB_20120810.TransactWriteItems"),
                ("amz-sdk-request", &format!("attempt={attempt}; max=3")),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            body: body.as_bytes().to_vec(),
            ..http_client::Request::default()
        };
        let client = Client::new(["127.0.0.1".to_owned()], true).unwrap();
        let answer = client.send(&request, Duration::from_secs(5)).await?;
        Ok(answer.status)
    }

    fn received(&self) -> usize {
        self.received.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_call_is_passed_on_as_over_tls_and_told_whole() {
    let world = World::new().await;
    assert_eq!(world.call(1).await, Ok(200));
    let received = world.received.lock().unwrap().clone();
    assert_eq!(
        received,
        [r#"https {"TransactItems": [{"Put": {"TableName": "orders"}}]}"#]
    );
    world.recorder.forget();
    world.recorder.ask_for_units();
    assert_eq!(world.call(1).await, Ok(200));
    let received = world.received.lock().unwrap().clone();
    assert!(
        received[1].contains("ReturnConsumedCapacity"),
        "{received:?}"
    );
    let expected = Call {
        who: "KEY".to_owned(),
        service: "dynamodb".to_owned(),
        action: "TransactWriteItems".to_owned(),
        attempt: 1,
        needs: vec![Need {
            action: "dynamodb:PutItem".to_owned(),
            resource: "table/orders".to_owned(),
        }],
        entries: 1,
        tags: BTreeMap::new(),
        status: Some(200),
        capacity_halves: 9,
        fault: None,
    };
    assert_eq!(world.recorder.calls(), [expected]);
    world.recorder.forget();
    assert!(world.recorder.calls().is_empty());
}

#[tokio::test]
async fn a_disturbed_call_arrives_or_not_and_its_answer_is_lost() {
    let world = World::new().await;
    world.recorder.disturb(|call| match call.attempt {
        1 => Some(Fault::CutBefore),
        2 => Some(Fault::CutAfter),
        3 => Some(Fault::Throttled),
        _ => None,
    });
    assert!(world.call(1).await.is_err());
    assert_eq!(world.received(), 0);
    assert!(world.call(2).await.is_err());
    assert_eq!(world.received(), 1);
    assert_eq!(world.call(3).await, Ok(400));
    assert_eq!(world.received(), 1);
    world.recorder.calm();
    assert_eq!(world.call(1).await, Ok(200));
    let outcomes: Vec<_> = world
        .recorder
        .calls()
        .into_iter()
        .map(|call| (call.fault, call.status))
        .collect();
    assert_eq!(
        outcomes,
        [
            (Some(Fault::CutBefore), None),
            (Some(Fault::CutAfter), Some(200)),
            (Some(Fault::Throttled), Some(400)),
            (None, Some(200)),
        ]
    );
}

/// Each as (service, target of JSON or method and path, body).
fn needs(service: &str, what: &str, body: &str) -> Vec<String> {
    let mut headers = HeaderMap::new();
    let credential = format!("AWS4-HMAC-SHA256 Credential=KEY/day/region/{service}/aws4_request");
    headers.insert("authorization", credential.parse().unwrap());
    let (method, target) = what.split_once(' ').unwrap_or(("POST", "/"));
    if !what.contains(' ') && !what.is_empty() {
        headers.insert("x-amz-target", what.parse().unwrap());
    }
    let seen = Seen {
        method,
        target,
        headers: &headers,
        body: body.as_bytes(),
    };
    let call = Call::of(&seen).unwrap();
    let needs = call.needs.into_iter();
    needs
        .map(|need| format!("{} {}", need.action, need.resource))
        .collect()
}

#[test]
fn what_a_call_needs() {
    for (service, what, body, expected) in [
        (
            "dynamodb",
            "DynamoDB_20120810.Query",
            r#"{"TableName": "orders", "IndexName": "due"}"#,
            &["dynamodb:Query table/orders/index/due"][..],
        ),
        (
            "dynamodb",
            "DynamoDB_20120810.TransactWriteItems",
            r#"{"TransactItems": [{"Update": {"TableName": "orders"}}, {"ConditionCheck": {"TableName": "stock"}}]}"#,
            &[
                "dynamodb:UpdateItem table/orders",
                "dynamodb:ConditionCheckItem table/stock",
            ],
        ),
        (
            "dynamodb",
            "DynamoDB_20120810.BatchGetItem",
            r#"{"RequestItems": {"stock": {}}}"#,
            &["dynamodb:BatchGetItem table/stock"],
        ),
        (
            "sqs",
            "AmazonSQS.SendMessageBatch",
            r#"{"QueueUrl": "http://localhost:1/000000000000/routing"}"#,
            &["sqs:SendMessage routing"],
        ),
        (
            "ssm",
            "AmazonSSM.GetParametersByPath",
            r#"{"Path": "/waybill/channels"}"#,
            &["ssm:GetParametersByPath parameter/waybill/channels"],
        ),
        (
            "ses",
            "POST /",
            "Action=SendRawEmail&Source=orders%40acme.example&ConfigurationSetName=mails",
            &[
                "ses:SendRawEmail identity/orders@acme.example",
                "ses:SendRawEmail configuration-set/mails",
            ],
        ),
        (
            "ses",
            "POST /",
            "Action=SendRawEmail&RawMessage.Data=RnJvbTogIkFjbWUiIDxvcmRlcnNAYWNtZS5leGFtcGxlPg0KDQpIaQ%3D%3D",
            &["ses:SendRawEmail identity/orders@acme.example"],
        ),
        (
            "s3",
            "GET /artifacts/batch/one?x-id=GetObject",
            "",
            &[
                "s3:GetObject artifacts/batch/one",
                "s3:ListBucket artifacts",
            ],
        ),
        (
            "s3",
            "GET /artifacts/batch/one?versionId=7",
            "",
            &["s3:GetObjectVersion artifacts/batch/one"],
        ),
        (
            "s3",
            "GET /drops?versions&prefix=out",
            "",
            &["s3:ListBucketVersions drops"],
        ),
        (
            "s3",
            "PUT /drops/out/one.csv",
            "",
            &["s3:PutObject drops/out/one.csv"],
        ),
    ] {
        assert_eq!(needs(service, what, body), expected, "{service} {what}");
    }
}
