//! Printful's API, version 2: `POST /v2/orders` makes a draft, `POST .../confirmation` buys it.
//! <https://developers.printful.com/docs/v2-beta/>
//!
//! An external id is taken once; a confirmed order cannot be confirmed again; only drafts and
//! pending orders can be deleted; 120 requests a minute, then 429 with `retry-after`.

use crate::exchange::{Double, Received, Script, Twist, json, with_headers};
use crate::supplier::Reply;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct State {
    script: Script,
    /// By external id.
    orders: BTreeMap<String, Order>,
    requests: Vec<Received>,
}

struct Order {
    id: u64,
    status: String,
    confirmations: u32,
    body: Value,
}

/// Cheap to clone; all clones are one service.
#[derive(Clone, Default)]
pub struct Printful(Arc<Mutex<State>>);

impl Printful {
    pub fn script(&self, twists: impl IntoIterator<Item = Twist>) {
        self.lock().script.extend(twists);
    }

    /// The status of an order, and how often it was bought.
    pub fn order(&self, external_id: &str) -> Option<(String, u32)> {
        let state = self.lock();
        let order = state.orders.get(external_id)?;
        Some((order.status.clone(), order.confirmations))
    }

    /// Production goes on: `inprocess`, `fulfilled`.
    pub fn set_status(&self, external_id: &str, status: &str) {
        if let Some(order) = self.lock().orders.get_mut(external_id) {
            status.clone_into(&mut order.status);
        }
    }

    /// Production of everything that it has goes on.
    pub fn set_status_of_all(&self, status: &str) {
        for order in self.lock().orders.values_mut() {
            status.clone_into(&mut order.status);
        }
    }

    pub fn requests(&self) -> Vec<Received> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Double for Printful {
    fn reply(&self, request: &Received) -> Reply {
        let mut state = self.lock();
        state.requests.push(request.clone());
        let mut script = std::mem::take(&mut state.script);
        let reply = script.play(too_many, || state.act(request));
        state.script = script;
        reply
    }
}

fn too_many() -> Reply {
    let headers = [
        ("retry-after", "60"),
        ("x-ratelimit-limit", "120"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "60"),
        ("x-ratelimit-policy", "120;w=60;"),
    ];
    let body = error("TooManyRequests", "You have exceeded the rate limit");
    with_headers(429, &headers, body.to_string())
}

fn error(reason: &str, message: &str) -> Value {
    json!({"data": message, "error": {"reason": reason, "message": message}})
}

impl State {
    fn act(&mut self, request: &Received) -> Reply {
        if !request.header("authorization").starts_with("Bearer ") {
            return json(401, &error("Unauthorized", "The access token is missing"));
        }
        let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["v2", "orders"]) => self.create(request),
            ("GET", ["v2", "orders", id]) => self.with(id, |order| json(200, &order.shown())),
            ("POST", ["v2", "orders", id, "confirmation"]) => self.with(id, Order::confirm),
            ("DELETE", ["v2", "orders", id]) => self.with(id, Order::delete),
            _ => json(404, &error("NotFound", "Not Found")),
        }
    }

    fn create(&mut self, request: &Received) -> Reply {
        let body = request.json();
        let external_id = body["external_id"].as_str().unwrap_or_default().to_owned();
        let items = body["order_items"].as_array().cloned().unwrap_or_default();
        let well_formed = |item: &Value| {
            item["catalog_variant_id"].is_u64()
                && item["quantity"].is_u64()
                && item["placements"].is_array()
        };
        if body["recipient"]["country_code"].as_str().is_none()
            || items.is_empty()
            || !items.iter().all(well_formed)
        {
            return json(400, &error("BadRequest", "The request is not well formed"));
        }
        if items.iter().any(|item| item["catalog_variant_id"] == 0) {
            return json(
                404,
                &error("NotFound", "Variant with ID: 0 does not exist."),
            );
        }
        if self.orders.contains_key(&external_id) {
            let message = "Order with this External ID already exists";
            return json(400, &error("BadRequest", message));
        }
        let order = Order {
            id: 4_000_001 + self.orders.len() as u64,
            status: "draft".to_owned(),
            confirmations: 0,
            body,
        };
        let shown = order.shown();
        self.orders.insert(external_id, order);
        json(200, &shown)
    }

    fn with(&mut self, id: &str, act: impl FnOnce(&mut Order) -> Reply) -> Reply {
        let found = self.orders.iter_mut().find(|(external_id, order)| {
            id.strip_prefix('@')
                .map_or_else(|| order.id.to_string() == id, |id| id == *external_id)
        });
        match found {
            Some((_, order)) => act(order),
            None => json(404, &error("NotFound", "Order not found")),
        }
    }
}

impl Order {
    fn shown(&self) -> Value {
        json!({"data": {
            "id": self.id, "external_id": self.body["external_id"], "status": self.status,
            "shipping": self.body["shipping"], "recipient": self.body["recipient"],
            "order_items": self.body["order_items"],
        }})
    }

    fn confirm(&mut self) -> Reply {
        if self.status != "draft" {
            return json(
                409,
                &error("Conflict", "The order has been confirmed already"),
            );
        }
        "pending".clone_into(&mut self.status);
        self.confirmations += 1;
        json(200, &self.shown())
    }

    fn delete(&mut self) -> Reply {
        if !["draft", "pending"].contains(&self.status.as_str()) {
            return json(
                409,
                &error("Conflict", "The order cannot be canceled any more"),
            );
        }
        "canceled".clone_into(&mut self.status);
        with_headers(204, &[], String::new())
    }
}
