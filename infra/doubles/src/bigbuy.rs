//! `BigBuy`'s API: `POST /rest/order/create.json`, `GET /rest/order/reference/{reference}.json`.
//! <https://api.bigbuy.eu/rest/doc>
//!
//! The id of a new order is in `Location`. Errors carry a code (`ER001` to `ER014`) and hold JSON in
//! the text of their message. Some come with HTTP 200; so do a whole HTTP response as a body and the
//! plain text that the limit is exceeded.

use crate::exchange::{Double, Received, Script, Twist, json, text, with_headers};
use crate::supplier::Reply;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the next order is treated, beside a [`Twist`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// HTTP 409 and `ER003`: out of stock.
    OutOfStock,
    /// HTTP 400 and `ER005`: the money box is empty.
    MoneyBoxTooLow,
    /// HTTP 200, nothing taken, and a body that says so.
    SoftError,
    /// HTTP 200, nothing taken, and a whole HTTP response as the body.
    ResponseInBody,
    /// HTTP 400 with code and message the wrong way round.
    Swapped,
}

#[derive(Default)]
struct State {
    script: Script,
    moods: VecDeque<Mood>,
    /// By reference, every order that was taken.
    orders: BTreeMap<String, (u64, Value)>,
    /// `ER008` with HTTP 200.
    is_soft: bool,
    resets_at: i64,
}

/// Cheap to clone; all clones are one service.
#[derive(Clone, Default)]
pub struct BigBuy(Arc<Mutex<State>>);

impl BigBuy {
    pub fn script(&self, twists: impl IntoIterator<Item = Twist>) {
        self.lock().script.extend(twists);
    }

    pub fn moods(&self, moods: impl IntoIterator<Item = Mood>) {
        self.lock().moods.extend(moods);
    }

    /// From now on "already exists" comes with HTTP 200.
    pub fn soften(&self) {
        self.lock().is_soft = true;
    }

    /// The moment of `X-Ratelimit-Reset`, in seconds since 1970.
    pub fn resets_at(&self, second: i64) {
        self.lock().resets_at = second;
    }

    /// Somebody else's order with that reference.
    pub fn place(&self, reference: &str, products: &Value) {
        let mut state = self.lock();
        let body = json!({"order": {"internalReference": reference, "products": products}});
        state.orders.insert(reference.to_owned(), (77, body));
    }

    pub fn order(&self, reference: &str) -> Option<Value> {
        let state = self.lock();
        let (_, body) = state.orders.get(reference)?;
        Some(body.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Double for BigBuy {
    fn reply(&self, request: &Received) -> Reply {
        let mut state = self.lock();
        let mut script = std::mem::take(&mut state.script);
        let reset = state.resets_at.to_string();
        let too_many = || {
            let headers = [("x-ratelimit-reset", reset.as_str())];
            with_headers(200, &headers, "You exceeded the rate limit".to_owned())
        };
        let reply = script.play(too_many, || state.act(request));
        state.script = script;
        reply
    }
}

/// An error as this API writes it, its message a text that holds JSON.
fn error(status: u16, code: &str, info: &str, data: &Value) -> Reply {
    let message = json!({"info": info, "data": data}).to_string();
    json(status, &json!({"code": code, "message": message}))
}

impl State {
    fn act(&mut self, request: &Received) -> Reply {
        if !request.header("authorization").starts_with("Bearer ") {
            let body = json!({"code": 401, "message": "You must be authenticated"});
            return json(401, &body);
        }
        let reference = request
            .path
            .strip_prefix("/rest/order/reference/")
            .and_then(|rest| rest.strip_suffix(".json"));
        match (request.method.as_str(), request.path.as_str(), reference) {
            ("POST", "/rest/order/create.json", _) => self.create(request),
            ("GET", _, Some(reference)) => match self.orders.get(reference) {
                Some((id, body)) => json(
                    200,
                    &json!({
                        "id": id, "internalReference": reference, "status": "Pending",
                        "products": body["order"]["products"],
                    }),
                ),
                None => json(404, &json!({"code": 404, "message": "Order not found"})),
            },
            _ => json(404, &json!({"code": 404, "message": "Not Found"})),
        }
    }

    fn create(&mut self, request: &Received) -> Reply {
        let body = request.json();
        let order = &body["order"];
        let reference = order["internalReference"].as_str().unwrap_or_default();
        let address = &order["shippingAddress"];
        let required = [
            "firstName",
            "lastName",
            "country",
            "postcode",
            "town",
            "address",
            "phone",
            "email",
        ];
        let lacks = |field: &&str| address[field].as_str().is_none_or(str::is_empty);
        if let Some(field) = required.iter().find(|field| lacks(field)) {
            let errors = json!({"children": {"shippingAddress": {"children":
                {*field: {"errors": ["This value should not be blank."]}}}}});
            let body = json!({"code": 400, "message": "Validation Failed", "errors": errors});
            return json(400, &body);
        }
        match self.moods.pop_front() {
            Some(Mood::OutOfStock) => {
                let data = json!({"skus": [order["products"][0]["reference"]]});
                return error(409, "ER003", "Products without stock.", &data);
            }
            Some(Mood::MoneyBoxTooLow) => {
                let data = json!({"moneyBoxAmount": 0.5, "totalOrder": 9.8});
                return error(400, "ER005", "The money box is too low.", &data);
            }
            Some(Mood::SoftError) => {
                return json(
                    200,
                    &json!({"code": 500, "message": "Something went wrong"}),
                );
            }
            Some(Mood::ResponseInBody) => {
                return text(
                    200,
                    "HTTP/1.0 500 Internal Server Error\r\nContent-Type: application/json\r\n\r\n\
                     {\"error\":\"Information is not available right now.\"}",
                );
            }
            Some(Mood::Swapped) => {
                return json(400, &json!({"code": "Bad request", "message": 400}));
            }
            None => {}
        }
        if let Some((id, _)) = self.orders.get(reference) {
            let status = if self.is_soft { 200 } else { 409 };
            let data = json!({"orderId": id});
            return error(status, "ER008", "The order already exists.", &data);
        }
        let id = 119 + self.orders.len() as u64;
        self.orders.insert(reference.to_owned(), (id, body.clone()));
        let location = format!("https://api.bigbuy.eu/rest/order/{id}");
        with_headers(201, &[("location", location.as_str())], String::new())
    }
}
