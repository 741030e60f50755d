//! What every function called, against what its role lets it.

use domain::messages::Message;
use doubles::recorder::Call;
use doubles::shop::Shop;
use http_client::{Client, Http as _, Request};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use waybill::demo::SECRET;
use waybill_aws::local_aws::deployment::Deployment;

/// Function, its role, and the role's policy.
const ROLES: [(&str, &str, &str); 4] = [
    ("OrderWebhookFunction", "OrderWebhookRole", "order-webhook"),
    ("RoutingFunction", "RoutingRole", "routing"),
    ("ForwardingFunction", "ForwardingRole", "forwarding"),
    ("ExceptionsFunction", "ExceptionsRole", "exceptions"),
];

/// Used by Lambda on the role's behalf, and so in no call of ours: logs, and what the event source
/// does to its queue.
const BY_LAMBDA: [&str; 5] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
];

/// Granted for what is not told here: role, action, a part of the resource, and when it is used.
const UNTOLD: [(&str, &str, &str, &str); 10] = [
    ("RoutingRole", "dynamodb:Query", "StockTable", LIMITED),
    ("RoutingRole", "dynamodb:PutItem", "StockTable", COUNTED),
    ("ForwardingRole", "dynamodb:PutItem", "StockTable", COUNTED),
    ("RoutingRole", "dynamodb:DeleteItem", "OrdersTable", CLOSED),
    (
        "ForwardingRole",
        "dynamodb:DeleteItem",
        "OrdersTable",
        CLOSED,
    ),
    (
        "ExceptionsRole",
        "dynamodb:DeleteItem",
        "OrdersTable",
        CLOSED,
    ),
    ("ForwardingRole", "dynamodb:PutItem", "OrdersTable", BATCHED),
    ("ForwardingRole", "dynamodb:Query", "OrdersTable", BATCHED),
    ("ForwardingRole", "s3:GetObject", "/batch/", BATCHED),
    ("ForwardingRole", "s3:PutObject", "/batch/", BATCHED),
];
const COUNTED: &str = "a reservation that was looked at because somebody else reserved, too";
const LIMITED: &str = "a supplier with a spend limit, which the demo has none of";
const CLOSED: &str =
    "the first function that takes a good configuration over closes the incident of the bad one";
const BATCHED: &str = "one file for each cut-off";

async fn post_unreadable(deployment: &Deployment, body: &str) {
    let shop = Shop {
        domain: "acme.myshopify.com".to_owned(),
        secret: SECRET.to_owned(),
    };
    let unreadable = shop.sign("orders/create", &Value::from(body));
    let request = Request {
        method: "POST".to_owned(),
        url: deployment.webhook_url.clone(),
        headers: unreadable.headers,
        body: unreadable.body,
        ..Request::default()
    };
    let client = Client::new(["127.0.0.1".to_owned()], true).unwrap();
    let answer = client.send(&request, Duration::from_secs(30)).await;
    assert_eq!(answer.unwrap().status, 200);
}

/// What the stories leave out: something unreadable, dead letters of both queues, and functions that
/// start while the newest configuration is a bad one.
pub(crate) async fn exercise(deployment: &Deployment) {
    post_unreadable(deployment, "no order").await;
    dead_letters(deployment).await;
    bad_configuration(deployment).await;
}

async fn dead_letters(deployment: &Deployment) {
    deployment.hide_messages_for(1).await.unwrap();
    let opened = &deployment.opened;
    let outputs = &opened.outputs;
    for (url, body) in [
        // The same cause would be the same incident.
        (&outputs.routing_queue_url, "no message for routing"),
        (&outputs.forwarding_queue_url, "no message for forwarding"),
    ] {
        let sqs = opened.account.clients.sqs();
        let sent = sqs.send_message().queue_url(url).message_body(body);
        sent.send().await.unwrap();
    }
    let orders = opened.installation().orders;
    for _ in 0..60 {
        // The unreadable payload, and a dead letter of each queue.
        if orders.incidents().await.unwrap().len() == 3 {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("no incident: {:?}", orders.incidents().await.unwrap());
}

async fn bad_configuration(deployment: &Deployment) {
    let opened = &deployment.opened;
    let put = opened.account.clients.s3().put_object();
    let put = put
        .bucket(&opened.outputs.artifacts_bucket)
        .key("configuration/bundle.json")
        .body(b"no bundle".to_vec().into());
    put.send().await.unwrap();
    deployment.emulator.kill_functions().unwrap();
    post_unreadable(deployment, "no order either").await;
    let installation = opened.installation();
    let page = installation.orders.list(None, 100).await.unwrap();
    for id in page.orders {
        let history = installation.orders.load(&id).await.unwrap().unwrap();
        let order = history.fold().unwrap();
        if let Some(own) = order.purchase_orders.first() {
            let purchase_order = own.number.clone();
            let route = Message::Route { order: id.clone() };
            let forward = Message::Forward {
                order: id,
                purchase_order,
            };
            installation
                .queue
                .send_all(&[route, forward])
                .await
                .unwrap();
            break;
        }
    }
    deployment.sweep().await.unwrap();
    for _ in 0..60 {
        let calls = deployment.emulator.recorder.calls();
        let looked_back = ROLES.iter().all(|(function, role, _)| {
            let key = deployment.access_key(function, role).unwrap();
            calls.iter().any(|call| {
                call.who == key && call.action == "ListObjectVersions" && call.went_well()
            })
        });
        if looked_back {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("a function that started did not look for a former configuration");
}

/// An action on what its resource begins with, or is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    action: String,
    resource: String,
}

impl Grant {
    fn covers(&self, action: &str, resource: &str) -> bool {
        let is_meant = match self.resource.strip_suffix('*') {
            Some(beginning) => resource.starts_with(beginning),
            None => resource == self.resource,
        };
        self.action == action && is_meant
    }
}

pub(crate) async fn compare(deployment: &Deployment) {
    let calls = deployment.emulator.recorder.calls();
    let mut wrong = Vec::new();
    for (function, role, policy) in ROLES {
        let key = deployment.access_key(function, role).unwrap();
        let own: Vec<&Call> = calls.iter().filter(|call| call.who == key).collect();
        assert!(!own.is_empty(), "{function} made no call");
        let policy = deployment.policy(role, policy).await.unwrap();
        let granted = grants(&policy);
        let needed: BTreeSet<_> = own.iter().flat_map(|call| &call.needs).collect();
        for need in &needed {
            if !granted
                .iter()
                .any(|grant| grant.covers(&need.action, &need.resource))
            {
                wrong.push(format!("{role} lacks {} on {}", need.action, need.resource));
            }
        }
        for grant in &granted {
            let used = needed
                .iter()
                .any(|need| grant.covers(&need.action, &need.resource));
            let known = UNTOLD.iter().any(|(known, action, part, _)| {
                *known == role && *action == grant.action && grant.resource.contains(part)
            });
            if !used && !known {
                wrong.push(format!(
                    "{role} never uses {} on {}",
                    grant.action, grant.resource
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every pair of an action and a resource, but those that Lambda uses itself.
fn grants(policy: &Value) -> BTreeSet<Grant> {
    let list = |value: &Value| -> Vec<String> {
        let one = std::slice::from_ref(value);
        let each = value.as_array().map_or(one, Vec::as_slice).iter();
        each.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut grants = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for action in list(&statement["Action"]) {
            for arn in list(&statement["Resource"]) {
                if !BY_LAMBDA.contains(&action.as_str()) {
                    // What follows the account is how the recorder names it.
                    let resource = arn.splitn(6, ':').nth(5).unwrap().to_owned();
                    let action = action.clone();
                    grants.insert(Grant { action, resource });
                }
            }
        }
    }
    grants
}
