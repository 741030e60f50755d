//! Invocations that come again. Lambda hands one out twice where it is not sure that the first was
//! worked on: its answer was lost, its process ended, or two of its machines did not agree.
//!
//! The functions are those that are deployed, with the environment of the deployment, and ask a
//! double of Lambda for events: the local AWS hands out each event once.

use super::TURN;
use super::place::{Place, eventually};
use domain::messages::{ForwardPurchaseOrder, QueueMessage as _, QueueName};
use domain::order::events::Event;
use domain::order::topics::routing::RoutingDecision;
use doubles::runtime::{RuntimeDouble, Said, events};
use doubles::shop::ShopOrder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use waybill_aws::local_aws::preparation::Preparation;

const SAYS_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_that_comes_again_changes_nothing() {
    let _turn = TURN.lock().await;
    let Some(place) = Place::set("invocations that come again").await else {
        return;
    };
    place.deployment.leave_functions_alone().await.unwrap();
    let done = json!({ "batchItemFailures": [] });
    let outputs = &place.deployment.opened.outputs;

    let order = ShopOrder::new(6001, &[("MUG", 2), ("LAMP", 1), ("TOWEL", 1)]);
    let webhook = place.cast.shop.sign("orders/create", &order.0);
    let event = events::webhook("acme", &webhook);
    let answers = again(&place, "OrderWebhookFunction", &event).await;
    for answer in answers {
        assert_eq!(answer["statusCode"], 200, "{answer}");
    }
    for body in bodies(&place, &outputs.queue_urls[&QueueName::Routing], 1).await {
        let event = queue_event(&outputs.queue_urls[&QueueName::Routing], &body);
        for answer in again(&place, "RoutingFunction", &event).await {
            assert_eq!(answer, done);
        }
    }
    let bodies = bodies(&place, &outputs.queue_urls[&QueueName::Forwarding], 3).await;
    for body in &bodies {
        let event = queue_event(&outputs.queue_urls[&QueueName::Forwarding], body);
        for answer in again(&place, "ForwardingFunction", &event).await {
            assert_eq!(answer, done);
        }
    }
    for answer in again(&place, "ExceptionsFunction", &events::schedule()).await {
        assert_eq!(answer, Value::Null);
    }

    let installation = place.installation();
    let page = installation.index.list(None, 100).await.unwrap();
    assert_eq!(page.orders.len(), 1);
    let history = installation
        .orders
        .load(&page.orders[0])
        .await
        .unwrap()
        .unwrap();
    let plans = history.events.iter();
    let plans = plans
        .filter(|recorded| matches!(recorded.event, Event::Routing(RoutingDecision::Routed(_))));
    assert_eq!(plans.count(), 1);
    let known = place.stored(&order).await.unwrap();
    assert_eq!(known.purchase_orders.len(), 3);
    let mut http = place.cast.northwind.taken();
    for own in &known.purchase_orders {
        let number = &own.number;
        assert!(
            own.sending.is_sent(),
            "{number}: {}",
            own.sending.state.name()
        );
        assert_eq!(own.sending.attempts, 1, "{number}");
        let told = http.remove(number.as_str()).unwrap_or_default()
            + place.told("csv", number).await
            + place.told("eml", number).await;
        assert_eq!(told, 1, "{number}");
    }
    assert_eq!(http.len(), 0, "{http:?}");
    let forward = |body: &String| ForwardPurchaseOrder::parse(body).unwrap().purchase_order;
    let numbers: BTreeSet<_> = bodies.iter().map(forward).collect();
    let planned = known.purchase_orders.iter().map(|own| own.number.clone());
    assert_eq!(numbers, planned.collect());
    assert_eq!(installation.incidents.incidents().await.unwrap(), []);
    place.every_promise_is_kept().await;
}

/// To two processes at once, to one of them again, and to a new one after both ended, as if Lambda had
/// not heard of an answer. What each answered.
async fn again(place: &Place, function: &str, event: &Value) -> Vec<Value> {
    let mut one = Process::start(place, function).await;
    let mut other = Process::start(place, function).await;
    one.give(event);
    other.give(event);
    let mut answers = vec![one.answer().await, other.answer().await];
    one.give(event);
    answers.push(one.answer().await);
    drop((one, other));
    let mut last = Process::start(place, function).await;
    last.give(event);
    answers.push(last.answer().await);
    answers
}

/// Of a function; ended where it is when it is dropped.
struct Process {
    process: Child,
    lambda: RuntimeDouble,
}

impl Process {
    async fn start(place: &Place, function: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let program = Preparation::of(&root).unwrap().program_of(function);
        let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let lambda = RuntimeDouble::serve(anywhere).await.unwrap();
        let function = place.deployment.function(function).await.unwrap();
        let process = Command::new(program)
            .env_clear()
            .envs(function.environment)
            .env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut started = Self { process, lambda };
        assert_eq!(started.lambda.hear(SAYS_WITHIN).await, Some(Said::Ready));
        started
    }

    /// Always under the same id.
    fn give(&self, event: &Value) {
        self.lambda.give("8f5f0f4e-again", event);
    }

    async fn answer(&mut self) -> Value {
        let said = self.lambda.hear(SAYS_WITHIN).await;
        let Some(Said::Answered(_, answer)) = said else {
            panic!("{said:?}");
        };
        assert_eq!(self.lambda.hear(SAYS_WITHIN).await, Some(Said::Ready));
        serde_json::from_slice(&answer).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Of the messages in the queue, each once; of one order they come a second apart.
async fn bodies(place: &Place, url: &str, count: usize) -> BTreeSet<String> {
    let sqs = place.deployment.opened.account.clients.sqs();
    let mut bodies = BTreeSet::new();
    eventually("every message is there", async || {
        let receive = sqs.receive_message().queue_url(url);
        let received = receive.max_number_of_messages(10).send().await.unwrap();
        let found = received.messages().iter();
        bodies.extend(found.map(|message| message.body().unwrap().to_owned()));
        (bodies.len() >= count).then_some(())
    })
    .await;
    assert_eq!(bodies.len(), count, "{bodies:?}");
    bodies
}

/// As a mapping hands it over.
fn queue_event(url: &str, body: &str) -> Value {
    events::message(url.rsplit('/').next().unwrap(), body)
}
