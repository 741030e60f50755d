//! Orders: their events are the truth, everything else in a commit is an index of them.

use super::commit::{decision, payload_key, reference_key, trace_in, trace_key};
use super::item::{Item, Key, bytes_of, known_form, unreadable};
use super::packed::unpack;
use super::state::Seen;
use super::{DynamoDb, say, state};
use async_trait::async_trait;
use domain::commit::Commit;
use domain::ids::OrderId;
use domain::order::news::Payload;
use domain::routing::trace::Trace;
use ports::{CommitError, History, OrderStore, Provenance, StoreError};

#[async_trait]
impl OrderStore for DynamoDb {
    async fn provenance(&self) -> Result<Provenance, StoreError> {
        self.where_from().await
    }

    async fn load(&self, order: &OrderId) -> Result<Option<History>, StoreError> {
        let Some(seen) = self.read_state(order).await? else {
            return Ok(None);
        };
        let events = seen.history(order)?;
        self.memory.saw(order, seen);
        Ok(Some(History {
            order: order.clone(),
            events,
        }))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.commit_all(&commit).await
    }

    async fn payload(&self, order: &OrderId, number: u32) -> Result<Option<Payload>, StoreError> {
        let item = self.get(&payload_key(order, number)).await?;
        let body = item.as_ref().and_then(|item| bytes_of(item, "body"));
        body.map(|body| from_packed("a payload", body)).transpose()
    }

    async fn trace(&self, order: &OrderId, number: u32) -> Result<Option<Trace>, StoreError> {
        if let Some(item) = self.get(&trace_key(order, number)).await? {
            let body = bytes_of(&item, "body");
            return body.map(|body| from_packed("a trace", body)).transpose();
        }
        let Some(history) = self.load(order).await? else {
            return Ok(None);
        };
        let mut events = history.events.iter();
        let routed = events.find_map(|recorded| decision(&recorded.event, number));
        let Some(first) = routed.and_then(|routed| routed.purchase_orders.first()) else {
            return Ok(None);
        };
        let item = self.get(&reference_key(&first.number)).await?;
        let body = item.as_ref().and_then(|item| trace_in(item, order, number));
        body.map(|body| from_packed("a trace", body)).transpose()
    }
}

impl DynamoDb {
    /// As it is now: who asks decides on it.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let table = self.table(key.table).map_err(StoreError::Unavailable)?;
        let sent = self
            .client
            .get_item()
            .table_name(table)
            .set_key(Some(key.item()))
            .consistent_read(true)
            .send()
            .await;
        let got = sent.map_err(|error| StoreError::Unavailable(say("GetItem", error).into()))?;
        if let Some(item) = &got.item {
            known_form(item)?;
        }
        Ok(got.item)
    }

    pub(super) async fn read_state(&self, order: &OrderId) -> Result<Option<Seen>, StoreError> {
        let item = self.get(&state::key(order)).await?;
        item.map(|item| Seen::read(order, &item)).transpose()
    }
}

pub(super) fn unanswered(error: CommitError) -> StoreError {
    match error {
        CommitError::Unavailable(error) => StoreError::Unavailable(error),
        CommitError::Stale
        | CommitError::ShortOf(_)
        | CommitError::SpendLimit(_)
        | CommitError::Taken(_)
        | CommitError::Busy => {
            StoreError::Unavailable(ports::Unavailable::because("DynamoDB", error))
        }
    }
}

/// The message names the place in the JSON, not its content.
fn from_packed<T: serde::de::DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, StoreError> {
    let json = unpack(body).map_err(|_| unreadable(what))?;
    serde_json::from_str(&json).map_err(|error| {
        StoreError::Corrupt(format!(
            "{what} cannot be read at character {}",
            error.column()
        ))
    })
}
