//! A supplier with an HTTP API: `POST /orders`, `GET /orders?reference=`. Or in two steps:
//! `POST /drafts`, `POST /drafts/{id}/confirm`, `GET /drafts?reference=`. It takes back what it is
//! asked to: `POST /cancellations`, `GET /cancellations?reference=&request=`.

use crate::exchange::{Double, InProcess, Received};
use async_trait::async_trait;
use http_client::{Failure, Http, Request, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
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
    /// HTTP 422 without a word that anybody knows.
    Reject,
    /// HTTP 422, since it has none.
    OutOfStock,
    /// HTTP 422, since the address is wrong: any supplier would say so.
    BadAddress,
    /// Takes the order but one unit of its first line, of which it has no more.
    Short,
    /// Takes the order; its first line comes later.
    Backorder,
    /// HTTP 422 since it has none left.
    SoldOut,
    /// HTTP 200 with an error in the body, and nothing taken.
    SoftError,
    /// HTTP 429 with `Retry-After: 120`.
    TooMany,
    /// HTTP 429 that does not say how long to wait, and nothing taken.
    TooManyNow,
    /// The same, though it takes the order.
    TakeTooManyNow,
    /// HTTP 200 that asks in its body to wait for two minutes, and nothing taken.
    SoftTooMany,
    /// HTTP 200 that refuses the credentials in its body, and nothing taken.
    SoftUnauthorized,
    /// HTTP 429 with a `Retry-After` of ten years.
    TooManyForYears,
    /// HTTP 201 with a number that is null, and nothing taken.
    NullNumber,
    /// Takes the order; HTTP 201 names no number, which only the look-up knows.
    TakeNameless,
    /// HTTP 404 with a web server's page: the path is another one, and nothing was taken.
    PathMoved,
    /// HTTP 400 with a page that does not say whether anything was taken; nothing was.
    ErrorPage,
    /// HTTP 409 without a word that anybody knows, and nothing taken.
    Conflict,
    /// Takes the order, and answers HTTP 409: its gateway repeated the request.
    TakeConflict,
    /// Takes the order, and refuses it with HTTP 422 without a word that anybody knows.
    TakeReject,
    /// Takes the order, the answer never comes, and its look-up does not know the order; whoever
    /// sends it again is told that the reference is in use.
    TakeUnseen,
    /// Takes the order, the answer never comes, and its look-up knows the order only when it is shown.
    TakeHidden,
}

/// More than a floating-point number can hold exactly.
const FIRST_ID: u64 = 9_007_199_254_740_993;

#[derive(Default)]
struct State {
    script: VecDeque<Behaviour>,
    taken: BTreeMap<String, Vec<Value>>,
    /// References of what it took and does not show.
    unseen: BTreeSet<String>,
    /// The same until they are shown.
    hidden: BTreeSet<String>,
    /// Under which account each reference came, where it was not the usual one.
    accounts: BTreeMap<String, String>,
    /// The `Date` of its answers to look-ups.
    date: Option<String>,
    /// In the order in which they came; the place of one makes its id.
    drafts: Vec<Value>,
    /// By reference and request.
    cancellations: BTreeMap<(String, String), usize>,
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

    /// From now on it takes whatever comes.
    pub fn forget_script(&self) {
        self.lock().script.clear();
    }

    /// Its look-up knows from now on whatever it took.
    pub fn show(&self) {
        self.lock().hidden.clear();
    }

    /// The `Date` of its answers to look-ups from now on, as RFC 9110 writes it; none at first.
    pub fn set_date(&self, date: &str) {
        self.lock().date = Some(date.to_owned());
    }

    /// How often each purchase order number was taken.
    pub fn taken(&self) -> BTreeMap<String, usize> {
        self.lock()
            .taken
            .iter()
            .map(|(reference, orders)| (reference.clone(), orders.len()))
            .collect()
    }

    /// How often a draft was made of a purchase order.
    pub fn drafts(&self, reference: &str) -> usize {
        let state = self.lock();
        let of_it = |draft: &&Value| text(draft, "reference") == Some(reference);
        state.drafts.iter().filter(of_it).count()
    }

    /// How often it was asked to take something back.
    pub fn cancellations(&self, reference: &str, request: &str) -> usize {
        let asked = (reference.to_owned(), request.to_owned());
        self.lock().cancellations.get(&asked).copied().unwrap_or(0)
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

    /// Under the usual account.
    pub fn reply(&self, method: &str, path_and_query: &str, body: &[u8]) -> Reply {
        self.reply_to("", method, path_and_query, body)
    }

    /// An account knows nothing of what came under another.
    fn reply_to(&self, account: &str, method: &str, path_and_query: &str, body: &[u8]) -> Reply {
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        match (method, path) {
            ("POST", "/orders") => self.create(account, body),
            ("GET", "/orders") => self.look_up(account, query),
            ("POST", "/drafts") => self.draft(body),
            ("GET", "/drafts") => self.look_up_draft(query),
            ("POST", "/cancellations") => self.cancel(body),
            ("GET", "/cancellations") => self.look_up_cancellation(query),
            ("POST", path) => match confirmed(path) {
                Some(id) => self.confirm(id),
                None => no_such("route"),
            },
            _ => no_such("route"),
        }
    }

    fn draft(&self, body: &[u8]) -> Reply {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let Some(reference) = text(&body, "reference").map(str::to_owned) else {
            return answer(422, &json!({"error": "reference is required"}));
        };
        let mut state = self.lock();
        state.drafts.push(body);
        let id = FIRST_ID + state.drafts.len() as u64 - 1;
        answer(201, &json!({"draft": {"id": id}, "reference": reference}))
    }

    fn confirm(&self, id: u64) -> Reply {
        let mut state = self.lock();
        let place = id
            .checked_sub(FIRST_ID)
            .and_then(|at| usize::try_from(at).ok());
        let draft = place.and_then(|at| state.drafts.get(at)).cloned();
        let Some((draft, reference)) = draft.and_then(|draft| {
            text(&draft, "reference")
                .map(str::to_owned)
                .map(|reference| (draft, reference))
        }) else {
            return no_such("draft");
        };
        let number = format!("NW-{reference}");
        state.taken.entry(reference).or_default().push(draft);
        answer(200, &json!({"order": {"id": number}}))
    }

    fn look_up_draft(&self, query: &str) -> Reply {
        let mut state = self.lock();
        state.look_ups += 1;
        let reference = parameter(query, "reference");
        let of_it = |draft: &Value| text(draft, "reference") == Some(reference);
        match state.drafts.iter().position(of_it) {
            Some(at) => {
                let order = state
                    .taken
                    .get(reference)
                    .map(|_| json!({"id": format!("NW-{reference}")}));
                let id = FIRST_ID + at as u64;
                answer(
                    200,
                    &json!({"draft": {"id": id}, "lines": state.drafts[at]["lines"], "order": order}),
                )
            }
            None => no_such("draft"),
        }
    }

    fn cancel(&self, body: &[u8]) -> Reply {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let (Some(reference), Some(request)) = (text(&body, "reference"), text(&body, "request"))
        else {
            return answer(422, &json!({"error": "reference and request are required"}));
        };
        let asked = (reference.to_owned(), request.to_owned());
        *self.lock().cancellations.entry(asked).or_default() += 1;
        answer(200, &json!({"result": "cancelled"}))
    }

    fn look_up_cancellation(&self, query: &str) -> Reply {
        let mut state = self.lock();
        state.look_ups += 1;
        let asked = (
            parameter(query, "reference").to_owned(),
            parameter(query, "request").to_owned(),
        );
        match state.cancellations.get(&asked) {
            Some(_) => answer(200, &json!({"result": "cancelled"})),
            None => no_such("cancellation"),
        }
    }

    fn create(&self, account: &str, body: &[u8]) -> Reply {
        let mut state = self.lock();
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let Some(reference) = body
            .get("reference")
            .and_then(Value::as_str)
            .map(str::to_owned)
        else {
            return answer(422, &json!({"error": "reference is required"}));
        };
        if state.unseen.contains(&reference) {
            return answer(422, &json!({"error": "reference is in use"}));
        }
        if !account.is_empty() {
            let account = account.to_owned();
            state.accounts.insert(reference.clone(), account);
        }
        let behaviour = state.script.pop_front().unwrap_or(Behaviour::Take);
        let mut take = || {
            let id = FIRST_ID + state.taken.len() as u64;
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
            Behaviour::TakeUnseen => {
                take();
                state.unseen.insert(reference.clone());
                Reply::Silence
            }
            Behaviour::TakeHidden => {
                take();
                state.hidden.insert(reference.clone());
                Reply::Silence
            }
            Behaviour::Unreachable => Reply::Unreachable,
            Behaviour::Reject => answer(422, &json!({"error": "no such article"})),
            Behaviour::OutOfStock => answer(422, &json!({"code": "sold-out"})),
            Behaviour::BadAddress => answer(422, &json!({"code": "bad-address"})),
            Behaviour::Short => {
                let first = body["lines"][0]["sku"].clone();
                let refused = json!([{"sku": first, "quantity": 1, "code": "sold-out"}]);
                answer(201, &json!({"id": take(), "refused": refused}))
            }
            Behaviour::Backorder => {
                let first = &body["lines"][0];
                let later = json!([{
                    "sku": first["sku"], "quantity": first["quantity"], "on": "2026-12-24"
                }]);
                answer(201, &json!({"id": take(), "later": later}))
            }
            Behaviour::SoldOut => answer(422, &json!({"error": "sold out"})),
            Behaviour::SoftError => answer(
                200,
                &json!({"code": 500, "message": "Something went wrong"}),
            ),
            Behaviour::NullNumber => {
                answer(201, &json!({"id": null, "errors": ["unknown article"]}))
            }
            Behaviour::TakeNameless => {
                take();
                answer(201, &json!({"state": "received"}))
            }
            Behaviour::PathMoved => page(404),
            Behaviour::ErrorPage => page(400),
            Behaviour::Conflict => answer(409, &json!({"error": "conflict"})),
            Behaviour::TakeConflict => {
                take();
                answer(409, &json!({"error": "conflict"}))
            }
            Behaviour::TakeReject => {
                take();
                answer(422, &json!({"error": "reference is in use"}))
            }
            Behaviour::TooMany => too_many("120"),
            Behaviour::TooManyNow => answer(429, &json!({"error": "busy"})),
            Behaviour::TakeTooManyNow => {
                take();
                answer(429, &json!({"error": "busy"}))
            }
            Behaviour::SoftTooMany => answer(200, &json!({"error": "busy", "retry_in": 120})),
            Behaviour::SoftUnauthorized => answer(200, &json!({"error": "invalid_token"})),
            Behaviour::TooManyForYears => too_many("315360000"),
        }
    }

    fn look_up(&self, account: &str, query: &str) -> Reply {
        let mut state = self.lock();
        state.look_ups += 1;
        let reference = parameter(query, "reference");
        let owner = state.accounts.get(reference);
        let shown = !state.unseen.contains(reference)
            && !state.hidden.contains(reference)
            && owner.map_or("", String::as_str) == account;
        let mut reply = match state.taken.get(reference).and_then(|orders| orders.first()) {
            Some(order) if shown => answer(
                200,
                &json!({"id": format!("NW-{reference}"), "order": order}),
            ),
            Some(_) | None => no_such("order"),
        };
        if let (Reply::Answer(response), Some(date)) = (&mut reply, &state.date) {
            response.headers.push(("date".to_owned(), date.clone()));
        }
        reply
    }
}

fn too_many(seconds: &str) -> Reply {
    Reply::Answer(Response {
        status: 429,
        headers: vec![("retry-after".to_owned(), seconds.to_owned())],
        body: Vec::new(),
    })
}

/// What a web server says when it has no answer of the supplier.
fn page(status: u16) -> Reply {
    Reply::Answer(Response {
        status,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: b"<html><body><h1>No such page</h1><hr></body></html>".to_vec(),
    })
}

/// The draft that a path asks to confirm.
fn confirmed(path: &str) -> Option<u64> {
    let id = path.strip_prefix("/drafts/")?.strip_suffix("/confirm")?;
    id.parse().ok()
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn parameter<'a>(query: &'a str, name: &str) -> &'a str {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map_or("", |(_, value)| value)
}

fn no_such(what: &str) -> Reply {
    answer(404, &json!({"error": format!("no such {what}")}))
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
        let account = ["x-account", "x-view"].map(|name| request.header(name));
        self.reply_to(
            &account.concat(),
            &request.method,
            &request.path,
            &request.body,
        )
    }
}

#[async_trait]
impl Http for SupplierDouble {
    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, Failure> {
        InProcess(self.clone()).send(request, timeout).await
    }
}
/// How `suppliers.toml` says that an HTTP supplier is reached at this double: its last tables, of
/// which the last one, the look-up, may go on.
pub fn http_tables(address: impl fmt::Display) -> String {
    format!(
        r#"[supplier.http.create]
url = "http://{address}/orders"
headers = {{ content-type = "application/json" }}
success = "status == 201 and body.id is given"
rejected = "status == 422"
reference = "body.id"
body = '''
{{
  "reference": {{{{ number | tojson }}}},
  "ship_to": {{{{ ship_to | tojson }}}},
  "lines": [{{% for line in lines %}}{{"sku": {{{{ line.supplier_sku | tojson }}}}, "quantity": {{{{ line.quantity }}}}}}{{% if not loop.last %}},{{% endif %}}{{% endfor %}}]
}}
'''
[supplier.http.lookup]
url = "http://{address}/orders?reference={{{{ number }}}}"
found = "status == 200"
absent = "status == 404"
reference = "body.id"
"#
    )
}
