//! What every function called, against what its role lets it.

use super::place::{Place, eventually};
use domain::cases::CaseKind;
use domain::digest::Digest;
use domain::messages::{ForwardPurchaseOrder, QueueName, RouteOrder};
use doubles::recorder::{Call, Need};
use doubles::shop::ShopOrder;
use ports::Incident;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use waybill::demo::Stage as _;
use waybill_aws::local_aws::deployment::{Deployment, ROLES};

/// Used by Lambda on the role's behalf, and so in no call of ours: logs, and what the event source
/// does to its queue.
const BY_LAMBDA: [&str; 5] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
];

const BUNDLE: &str = "configuration/bundle.json";

/// What the stories leave out: something unreadable, dead letters of both queues, functions that
/// start while the newest configuration is a bad one, and a good one after it.
pub(crate) async fn exercise(place: &Place) {
    post_unreadable(place, "no order").await;
    dead_letters(place).await;
    bad_configuration(place).await;
    good_configuration(place).await;
}

async fn post_unreadable(place: &Place, body: &str) {
    let unreadable = place.cast.shop.sign("orders/create", &Value::from(body));
    assert_eq!(place.send(unreadable).await.unwrap().status, 200);
}

async fn dead_letters(place: &Place) {
    place.deployment.hide_messages_for(1).await.unwrap();
    let opened = &place.deployment.opened;
    let outputs = &opened.outputs;
    for queue in QueueName::ALL {
        let url = &outputs.queue_urls[queue];
        // The same cause would be the same incident.
        let body = format!("no message for {}", queue.as_str());
        let sqs = opened.account.clients.sqs();
        let sent = sqs.send_message().queue_url(url).message_body(body);
        sent.send().await.unwrap();
    }
    let store = &place.installation().incidents;
    eventually(
        "the unreadable payload and a dead letter of each queue are incidents",
        async || (store.incidents().await.unwrap().len() == 1 + QueueName::ALL.len()).then_some(()),
    )
    .await;
}

async fn bad_configuration(place: &Place) {
    let deployment = &place.deployment;
    let opened = &deployment.opened;
    let put = opened.account.clients.s3().put_object();
    let put = put
        .bucket(&opened.outputs.artifacts_bucket)
        .key(BUNDLE)
        .body(b"no bundle".to_vec().into());
    put.send().await.unwrap();
    deployment.emulator.kill_functions().unwrap();
    post_unreadable(place, "no order either").await;
    let installation = place.installation();
    let page = installation.index.list(None, 100).await.unwrap();
    for id in page.orders {
        let history = installation.orders.load(&id).await.unwrap().unwrap();
        let order = history.fold().unwrap();
        if let Some(own) = order.purchase_orders.first() {
            let purchase_order = own.number.clone();
            let route = RouteOrder { order: id.clone() };
            let forward = ForwardPurchaseOrder {
                order: id,
                purchase_order,
            };
            let messages = [route.into(), forward.into()];
            installation.queue.send_all(&messages).await.unwrap();
            break;
        }
    }
    deployment.sweep().await.unwrap();
    eventually(
        "every function that starts looks for a former configuration",
        async || {
            let calls = deployment.emulator.recorder.calls();
            let looked_back = ROLES.iter().all(|(function, role, _)| {
                let key = deployment.access_key(function, role).unwrap();
                calls.iter().any(|call| {
                    call.who == key && call.action == "ListObjectVersions" && call.went_well()
                })
            });
            looked_back.then_some(())
        },
    )
    .await;
    assert_eq!(refused(place).await, 1);
}

/// Every function that runs takes it over, and the incident of the bad one is closed by itself.
async fn good_configuration(place: &Place) {
    let recorder = &place.deployment.emulator.recorder;
    let before = recorder.calls().len();
    let rules = std::fs::read_to_string(place.stage.config().join("rules.toml")).unwrap();
    let rules = format!("{rules}\n# Looked through.\n");
    place.stage.change("rules.toml", &rules).await.unwrap();
    let pushed = Instant::now();
    eventually("the incident is closed", async || {
        (refused(place).await == 0).then_some(())
    })
    .await;
    let store = &place.installation().incidents;
    let closed = store.closed_incidents(1).await.unwrap();
    let [(incident, closing)] = closed.as_slice() else {
        panic!("{closed:?}");
    };
    assert_eq!(incident.kind, CaseKind::RefusedConfiguration);
    assert_eq!(closing.who, "waybill");

    // The others look once a minute, and when there is something to do.
    tokio::time::sleep_until(pushed + Duration::from_secs(61)).await;
    let order = ShopOrder::new(2091, &[("MUG", 1)]);
    place.post("orders/create", &order).await;
    let sent = place
        .until(&order, "sent", |order| {
            let own = &order.purchase_orders;
            own.iter().any(|own| own.sending.is_sent())
        })
        .await;
    let routing = sent.routing.unwrap();
    assert_eq!(routing.configuration, digest(place.stage.config()));
    let calls = recorder.calls();
    for (function, role, _) in ROLES {
        let key = place.deployment.access_key(function, role).unwrap();
        let read = calls[before..].iter().any(|call| {
            let bundle = |need: &Need| need.resource.ends_with(BUNDLE);
            call.who == key && call.status == Some(200) && call.needs.iter().any(bundle)
        });
        assert!(read, "{function} goes on with the former configuration");
    }
}

/// Of the merchant's files.
fn digest(folder: &Path) -> Digest {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    });
    configuration::digest(&files.collect())
}

/// Configurations that are refused at this moment.
async fn refused(place: &Place) -> usize {
    let incidents = place.installation().incidents.incidents().await.unwrap();
    let refused = |incident: &&Incident| incident.kind == CaseKind::RefusedConfiguration;
    incidents.iter().filter(refused).count()
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
            if !used {
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
