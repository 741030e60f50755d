//! A supplier with an HTTP API: `POST /orders`, `GET /orders?reference=`.

use crate::exchange::{Double, InProcess, Received};
use async_trait::async_trait;
use http_client::{Failure, Http, Request, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How the next request to create an order is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    Take,
    /// Takes the order, and the answer never comes.
    TakeSilently,
    /// Not reached: nothing was taken.
    Unreachable,
    /// HTTP 422 with a reason.
    Reject,
    /// HTTP 422 since it has none left.
    SoldOut,
    /// HTTP 200 with an error in the body, and nothing taken.
    SoftError,
    /// HTTP 429 with `Retry-After: 120`.
    TooMany,
}

#[derive(Default)]
struct State {
    script: VecDeque<Behaviour>,
    taken: BTreeMap<String, Vec<Value>>,
    look_ups: u32,
}

/// Cheap to clone; all clones are one supplier.
#[derive(Clone, Default)]
pub struct SupplierDouble(Arc<Mutex<State>>);

/// An answer, or none within any patience.
pub enum Reply {
    Answer(Response),
    Silence,
    Unreachable,
}

impl SupplierDouble {
    /// The next requests, in order; then `Take`.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.lock().script.extend(behaviours);
    }

    /// How often each purchase order number was taken.
    pub fn taken(&self) -> BTreeMap<String, usize> {
        self.lock()
            .taken
            .iter()
            .map(|(reference, orders)| (reference.clone(), orders.len()))
            .collect()
    }

    pub fn bodies(&self, reference: &str) -> Vec<Value> {
        self.lock()
            .taken
            .get(reference)
            .cloned()
            .unwrap_or_default()
    }

    pub fn look_ups(&self) -> u32 {
        self.lock().look_ups
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn reply(&self, method: &str, path_and_query: &str, body: &[u8]) -> Reply {
        match (method, path_and_query.split_once('?')) {
            ("POST", None) if path_and_query == "/orders" => self.create(body),
            ("GET", Some(("/orders", query))) => self.look_up(query),
            _ => answer(404, &json!({"error": "no such route"})),
        }
    }

    fn create(&self, body: &[u8]) -> Reply {
        let mut state = self.lock();
        let behaviour = state.script.pop_front().unwrap_or(Behaviour::Take);
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let Some(reference) = body
            .get("reference")
            .and_then(Value::as_str)
            .map(str::to_owned)
        else {
            return answer(422, &json!({"error": "reference is required"}));
        };
        let mut take = || {
            let id = 9_007_199_254_740_993_u64 + state.taken.len() as u64;
            state
                .taken
                .entry(reference.clone())
                .or_default()
                .push(body.clone());
            id
        };
        match behaviour {
            Behaviour::Take => answer(201, &json!({"id": take(), "reference": reference})),
            Behaviour::TakeSilently => {
                take();
                Reply::Silence
            }
            Behaviour::Unreachable => Reply::Unreachable,
            Behaviour::Reject => answer(422, &json!({"error": "no such article"})),
            Behaviour::SoldOut => answer(422, &json!({"error": "sold out"})),
            Behaviour::SoftError => answer(
                200,
                &json!({"code": 500, "message": "Something went wrong"}),
            ),
            Behaviour::TooMany => Reply::Answer(Response {
                status: 429,
                headers: vec![("retry-after".to_owned(), "120".to_owned())],
                body: Vec::new(),
            }),
        }
    }

    fn look_up(&self, query: &str) -> Reply {
        let mut state = self.lock();
        state.look_ups += 1;
        let reference = query.strip_prefix("reference=").unwrap_or_default();
        match state.taken.get(reference).and_then(|orders| orders.first()) {
            Some(order) => answer(
                200,
                &json!({"id": format!("NW-{reference}"), "order": order}),
            ),
            None => answer(404, &json!({"error": "not found"})),
        }
    }
}

fn answer(status: u16, body: &Value) -> Reply {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Reply::Answer(Response {
        status,
        headers,
        body: body.to_string().into_bytes(),
    })
}

impl Double for SupplierDouble {
    fn reply(&self, request: &Received) -> Reply {
        self.reply(&request.method, &request.path, &request.body)
    }
}

#[async_trait]
impl Http for SupplierDouble {
    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, Failure> {
        InProcess(self.clone()).send(request, timeout).await
    }
}
