//! What a new process of a function costs until it has answered its first call, and what it is to be
//! downloaded: on the functions as they are deployed.
//!
//! Each process is started on its own with the variables that its function has, between a double of
//! Lambda's runtime API and TLS endpoints, one for each service as AWS has them, behind which the
//! local AWS answers. Orders go from one function to the next, so that every first call is a real one.
//! Counted is CPU time, which does not depend on how long anybody waits; a supplier is reached
//! without TLS.

mod endpoints;
mod figures;
mod function;

use crate::cost::OFFERS;
use crate::local_aws::deployment::Deployment;
use crate::local_aws::emulator::{Emulator, Permissions};
use crate::local_aws::preparation::Preparation;
use crate::local_aws::stage::LocalStage;
use anyhow::{Context as _, ensure};
use domain::ids::OrderId;
use domain::messages::{ForwardPurchaseOrder, Message, RouteOrder};
use domain::order::Order;
use doubles::runtime::events;
use doubles::shop::ShopOrder;
use endpoints::Endpoints;
use figures::{Figures, Sample};
use function::Function;
use registry::Registry;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use waybill::demo::{Cast, Stage as _, order_id};
use waybill::{Exit, say, say_lines};

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) async fn run(times: u32, registry: Registry, json: bool) -> anyhow::Result<Exit> {
    let preparation = Preparation::complete(Path::new("."))?;
    tokio::select! {
        exit = measure(&preparation, times, registry, json) => exit,
        told = waybill::told_to_stop() => {
            told?;
            anyhow::bail!("told to stop")
        }
    }
}

async fn measure(
    preparation: &Preparation,
    times: u32,
    registry: Registry,
    json: bool,
) -> anyhow::Result<Exit> {
    let emulator = Emulator::start(preparation, ANYWHERE, Permissions::Ignored).await?;
    let endpoints = Endpoints::serve(&emulator.endpoint).await?;
    let deployment = Arc::new(Deployment::deploy(preparation, emulator, registry).await?);
    deployment.leave_functions_alone().await?;
    let cast = Cast::assemble().await?;
    let stage = LocalStage::set(deployment.clone(), &cast).await?;
    stage.change("offers.csv", OFFERS).await?;
    let find = |name, logical| Function::find(preparation, &deployment, name, logical);
    let mut bench = Bench {
        order_webhook: Measured::of(find("order-webhook", "OrderWebhookFunction").await?),
        routing: Measured::of(find("routing", "RoutingFunction").await?),
        forwarding: Measured::of(find("forwarding", "ForwardingFunction").await?),
        exceptions: Measured::of(find("exceptions", "ExceptionsFunction").await?),
        endpoints,
        cast,
        stage,
    };
    for number in 0..times {
        bench.one(6000 + u64::from(number)).await?;
    }
    let figures = bench.figures();
    if json {
        let functions: Vec<Value> = figures.iter().map(Figures::json).collect();
        let document = json!({"times": times, "functions": functions});
        say_lines(format_args!("{document:#}"));
    } else {
        for line in figures::table(times, &figures) {
            say(format_args!("{line}"));
        }
    }
    Ok(Exit::Done)
}

/// A function and what its processes used.
struct Measured {
    function: Function,
    samples: Vec<Sample>,
}

impl Measured {
    fn of(function: Function) -> Self {
        let samples = Vec::new();
        Self { function, samples }
    }

    /// By a process of its own; its answer.
    async fn call(&mut self, endpoints: &Endpoints, event: &Value) -> anyhow::Result<Value> {
        let (sample, answer) = self.function.first_call(endpoints, event).await?;
        self.samples.push(sample);
        Ok(answer)
    }

    fn figures(self) -> Figures {
        Figures {
            function: self.function.name,
            zipped_bytes: self.function.zipped_bytes,
            samples: self.samples,
        }
    }
}

struct Bench {
    order_webhook: Measured,
    routing: Measured,
    forwarding: Measured,
    exceptions: Measured,
    endpoints: Endpoints,
    cast: Cast,
    stage: LocalStage,
}

impl Bench {
    /// An order from the webhook until its purchase order is sent, then a sweep that finds nothing
    /// due.
    async fn one(&mut self, number: u64) -> anyhow::Result<()> {
        let shop_order = ShopOrder::new(number, &[("MUG", 1)]);
        let order = order_id(&shop_order)?;
        let webhook = self.cast.shop.sign("orders/create", &shop_order.0);
        let event = events::webhook("acme", &webhook);
        let answer = self.order_webhook.call(&self.endpoints, &event).await?;
        ensure!(answer["statusCode"] == 200, "order-webhook: {answer}");

        let route = RouteOrder {
            order: order.clone(),
        };
        let event = queue_event(&route.into())?;
        let answer = self.routing.call(&self.endpoints, &event).await?;
        ensure!(is_done(&answer), "routing: {answer}");

        let planned = self.order(&order).await?;
        let planned = planned.purchase_orders.first();
        let planned = planned.with_context(|| format!("{order} was not routed"))?;
        let forward = ForwardPurchaseOrder {
            order: order.clone(),
            purchase_order: planned.number.clone(),
        };
        let event = queue_event(&forward.into())?;
        let answer = self.forwarding.call(&self.endpoints, &event).await?;
        ensure!(is_done(&answer), "forwarding: {answer}");
        let sent = self.order(&order).await?;
        let mut sent = sent.purchase_orders.iter();
        ensure!(sent.all(|own| own.sending.is_sent()), "{order} is not sent");

        let event = events::schedule();
        let answer = self.exceptions.call(&self.endpoints, &event).await?;
        ensure!(answer.is_null(), "exceptions: {answer}");
        Ok(())
    }

    async fn order(&self, id: &OrderId) -> anyhow::Result<Order> {
        let history = self.stage.installation().orders.load(id).await?;
        Ok(history.context("answered, and not stored")?.fold()?)
    }

    /// In the order of an order's way.
    fn figures(self) -> Vec<Figures> {
        let functions = [
            self.order_webhook,
            self.routing,
            self.forwarding,
            self.exceptions,
        ];
        functions.map(Measured::figures).into()
    }
}

/// As the event source of its queue hands it over.
fn queue_event(message: &Message) -> anyhow::Result<Value> {
    let body = serde_json::to_string(message)?;
    Ok(events::message(message.queue().as_str(), &body))
}

/// A batch of which no message comes again.
fn is_done(answer: &Value) -> bool {
    let failures = answer["batchItemFailures"].as_array();
    failures.is_some_and(Vec::is_empty)
}
