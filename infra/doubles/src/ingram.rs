//! Ingram Micro's reseller API: an `OAuth2` token, `POST /resellers/v6/orders`, a search, and
//! `DELETE` while an order is on hold. <https://developer.ingrammicro.com/>
//!
//! One order of ours may become several of theirs. Single lines are backordered (201) or refused
//! (207); a customer order number is taken once unless duplicates are asked for.

use crate::exchange::{Double, Received, Script, Twist, json, with_headers};
use crate::supplier::Reply;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct State {
    script: Script,
    tokens: u32,
    /// Those that open the door.
    valid: BTreeSet<String>,
    refuses_client: bool,
    /// By customer order number, the orders that it became.
    orders: BTreeMap<String, Vec<Value>>,
    backordered: BTreeSet<String>,
    unknown: BTreeSet<String>,
    elsewhere: BTreeSet<String>,
    released: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

/// Cheap to clone; all clones are one service.
#[derive(Clone, Default)]
pub struct Ingram(Arc<Mutex<State>>);

impl Ingram {
    /// Of requests that are none for a token.
    pub fn script(&self, twists: impl IntoIterator<Item = Twist>) {
        self.lock().script.extend(twists);
    }

    pub fn backorder(&self, sku: &str) {
        self.lock().backordered.insert(sku.to_owned());
    }

    /// The SKU is refused as not found.
    pub fn forget(&self, sku: &str) {
        self.lock().unknown.insert(sku.to_owned());
    }

    /// The SKU ships from another warehouse, as an order of its own.
    pub fn move_elsewhere(&self, sku: &str) {
        self.lock().elsewhere.insert(sku.to_owned());
    }

    /// The warehouse has the order: nothing can be taken back.
    pub fn release(&self, number: &str) {
        self.lock().released.insert(number.to_owned());
    }

    /// Tokens that were given are worth nothing from now on.
    pub fn withdraw_tokens(&self) {
        self.lock().valid.clear();
    }

    pub fn refuse_client(&self, refuses: bool) {
        self.lock().refuses_client = refuses;
    }

    /// How many tokens were given.
    pub fn tokens(&self) -> u32 {
        self.lock().tokens
    }

    pub fn orders(&self, customer_order_number: &str) -> Vec<Value> {
        let state = self.lock();
        state
            .orders
            .get(customer_order_number)
            .cloned()
            .unwrap_or_default()
    }

    pub fn is_deleted(&self, number: &str) -> bool {
        self.lock().deleted.contains(number)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Double for Ingram {
    fn reply(&self, request: &Received) -> Reply {
        let mut state = self.lock();
        if request.path == "/oauth/oauth30/token" {
            return state.token(request);
        }
        let mut script = std::mem::take(&mut state.script);
        let too_many = || with_headers(429, &[("retry-after", "30")], String::new());
        let reply = script.play(too_many, || state.act(request));
        state.script = script;
        reply
    }
}

fn error(status: u16, message: &str, fields: &Value) -> Reply {
    let error = json!({"id": "74681b27", "type": "/errors/validation-failed",
        "message": message, "fields": fields});
    json(status, &json!({"errors": [error]}))
}

impl State {
    fn token(&mut self, request: &Received) -> Reply {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let asks = [
            "grant_type=client_credentials",
            "client_id=",
            "client_secret=",
        ]
        .iter()
        .all(|field| form.contains(field));
        if self.refuses_client || !asks || request.method != "POST" {
            return json(401, &json!({"error": "invalid_client"}));
        }
        self.tokens += 1;
        let token = format!("token-{}", self.tokens);
        self.valid.insert(token.clone());
        // The seconds are a text here.
        let body = json!({"access_token": token, "token_type": "Bearer", "expires_in": "86399"});
        json(200, &body)
    }

    fn act(&mut self, request: &Received) -> Reply {
        let token = request.header("authorization").strip_prefix("Bearer ");
        if !token.is_some_and(|token| self.valid.contains(token)) {
            let fault = json!({"fault": {"faultstring": "Invalid access token"}});
            return json(401, &fault);
        }
        let headers = ["im-customernumber", "im-countrycode", "im-correlationid"];
        if let Some(name) = headers.iter().find(|name| request.header(name).is_empty()) {
            let fields = json!([{"field": name, "message": "Required field is missing"}]);
            return error(400, "Validation failed", &fields);
        }
        let (path, query) = request
            .path
            .split_once('?')
            .unwrap_or((request.path.as_str(), ""));
        let number = path.strip_prefix("/resellers/v6/orders/");
        match (request.method.as_str(), number) {
            ("POST", None) if path == "/resellers/v6/orders" => self.create(request),
            ("GET", Some("search")) => self.search(query),
            ("DELETE", Some(number)) => self.delete(number),
            _ => error(404, "Not found.", &json!([])),
        }
    }

    fn create(&mut self, request: &Received) -> Reply {
        let body = request.json();
        let number = body["customerOrderNumber"].as_str().unwrap_or_default();
        if self.orders.contains_key(number) {
            let fields = json!([{"field": "customerOrderNumber", "value": number,
                "message": "Duplicate customer order number"}]);
            return error(400, "Validation failed", &fields);
        }
        let lines = body["lines"].as_array().cloned().unwrap_or_default();
        let sku = |line: &Value| line["ingramPartNumber"].as_str().unwrap_or("").to_owned();
        let (refused, taken): (Vec<Value>, Vec<Value>) = lines
            .into_iter()
            .partition(|line| self.unknown.contains(&sku(line)));
        let rejected: Vec<Value> = refused
            .iter()
            .map(|line| {
                json!({"customerLinenumber": line["customerLineNumber"],
                    "ingramPartNumber": line["ingramPartNumber"],
                    "quantityOrdered": line["quantity"], "rejectCode": "EN",
                    "rejectReason": format!("SKU-NOTFOUND    {}", sku(line))})
            })
            .collect();
        if taken.is_empty() {
            return json(
                400,
                &json!({"errors": [{"type": "/errors/validation-failed",
                "message": "No line can be ordered", "rejectedLineItems": rejected}]}),
            );
        }
        let (far, near): (Vec<Value>, Vec<Value>) = taken
            .into_iter()
            .partition(|line| self.elsewhere.contains(&sku(line)));
        let mut orders = Vec::new();
        for lines in [near, far].into_iter().filter(|lines| !lines.is_empty()) {
            let place = self.orders.len() * 2 + orders.len();
            let lines: Vec<Value> = lines.iter().map(|line| self.line(line)).collect();
            orders.push(json!({"ingramOrderNumber": format!("20-RF{place:03}"), "lines": lines}));
        }
        let is_partial = !rejected.is_empty();
        if is_partial && let Some(first) = orders.first_mut() {
            first["rejectedLineItems"] = json!(rejected);
        }
        self.orders.insert(number.to_owned(), orders.clone());
        let answer = json!({"customerOrderNumber": number, "orderSplit": orders.len() > 1,
            "processedPartially": is_partial, "orders": orders});
        json(if is_partial { 207 } else { 201 }, &answer)
    }

    fn line(&self, line: &Value) -> Value {
        let quantity = line["quantity"].as_u64().unwrap_or(0);
        let sku = line["ingramPartNumber"].as_str().unwrap_or("");
        let later = if self.backordered.contains(sku) {
            quantity
        } else {
            0
        };
        json!({"customerLineNumber": line["customerLineNumber"], "ingramPartNumber": sku,
            "lineStatus": if later > 0 { "Backordered" } else { "In Progress" },
            "quantityOrdered": quantity, "quantityConfirmed": quantity - later,
            "quantityBackOrdered": later})
    }

    fn search(&self, query: &str) -> Reply {
        let number = query
            .split('&')
            .find_map(|field| field.strip_prefix("customerOrderNumber="))
            .unwrap_or_default();
        let Some(orders) = self.orders.get(number) else {
            return with_headers(204, &[], String::new());
        };
        let orders: Vec<Value> = orders
            .iter()
            .map(|order| {
                json!({"ingramOrderNumber": order["ingramOrderNumber"],
                    "customerOrderNumber": number, "orderStatus": "OPEN"})
            })
            .collect();
        let found = orders.len().to_string();
        json(200, &json!({"recordsFound": found, "orders": orders}))
    }

    fn delete(&mut self, number: &str) -> Reply {
        let is_ours =
            self.orders.values().flatten().any(|order| {
                order["ingramOrderNumber"] == number && !self.deleted.contains(number)
            });
        if !is_ours {
            return error(404, "Order not found.", &json!([]));
        }
        if self.released.contains(number) {
            let message = "Order can not be deleted as the order is not no hold.";
            return error(405, message, &json!([]));
        }
        self.deleted.insert(number.to_owned());
        json(200, &json!({}))
    }
}
