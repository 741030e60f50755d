//! The supplier's part: takes every purchase order, as often as it comes, and counts.

use crate::{Exit, say};
use doubles::exchange::{Double, Received};
use doubles::supplier::Reply;
use embedded::SystemClock;
use http_client::Response;
use ports::Clock as _;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Default)]
struct Counting(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    requests: u64,
    last_at: i64,
    times: HashMap<String, u64>,
}

impl Double for Counting {
    fn reply(&self, request: &Received) -> Reply {
        let body = request.json();
        let Some(reference) = body["reference"].as_str() else {
            return answer(422, r#"{"error":"reference is required"}"#.to_owned());
        };
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.requests += 1;
        taken.last_at = SystemClock.now().as_microsecond();
        *taken.times.entry(reference.to_owned()).or_default() += 1;
        answer(201, format!(r#"{{"id":{}}}"#, taken.requests))
    }
}

fn answer(status: u16, body: String) -> Reply {
    Reply::Answer(Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.into_bytes(),
    })
}

/// Until its input ends; every line asks for the count.
pub(super) async fn take() -> anyhow::Result<Exit> {
    let counting = Counting::default();
    let address = doubles::server::serve(counting.clone(), super::LOOPBACK).await?;
    say(format_args!("{}", json!({"address": address})));
    tokio::task::spawn_blocking(move || {
        for _ in std::io::stdin().lines().map_while(Result::ok) {
            let taken = counting.0.lock().unwrap_or_else(PoisonError::into_inner);
            let most = taken.times.values().max().copied().unwrap_or(0);
            say(format_args!(
                "{}",
                json!({"requests": taken.requests, "orders": taken.times.len(),
                    "most": most, "last_at": taken.last_at})
            ));
        }
    })
    .await?;
    Ok(Exit::Done)
}
