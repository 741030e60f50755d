//! Incidents, open and closed; who closed them stays.

use super::bulk::Pages;
use super::commit::Refused;
use super::item::{
    Condition, Item, Key, Meaning, Table, Write, number, number_of, text, text_of, unreadable,
};
use super::orders::unanswered;
use super::{DynamoDb, say};
use crate::clock::SystemClock;
use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::cases::CaseKind;
use domain::digest::Digest;
use jiff::Timestamp;
use ports::{Backoff, Closing, Incident, IncidentStore, StoreError, Unavailable};

const PARTITION: &str = "incidents";
const TRIES: u32 = 4;

#[async_trait]
impl IncidentStore for DynamoDb {
    async fn open_incident(&self, incident: &Incident) -> Result<bool, StoreError> {
        self.open(incident).await
    }

    async fn close_incident(
        &self,
        kind: CaseKind,
        cause: &str,
        closing: &Closing,
    ) -> Result<bool, StoreError> {
        self.close(kind, cause, closing).await
    }

    async fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        self.all_open().await
    }

    async fn closed_incidents(&self, limit: usize) -> Result<Vec<(Incident, Closing)>, StoreError> {
        self.closed(limit).await
    }
}

impl DynamoDb {
    pub(super) async fn open(&self, incident: &Incident) -> Result<bool, StoreError> {
        let name = self.memory.name_of_a_write();
        let key = open_key(incident.kind, &incident.cause);
        let mut item = to_item(&key, incident);
        item.insert("commit".to_owned(), text(&name));
        self.create(&key, item, &name).await
    }

    /// `false` where there is such an item already, made by somebody else.
    pub(super) async fn create(
        &self,
        key: &Key,
        item: Item,
        name: &str,
    ) -> Result<bool, StoreError> {
        let table = self.table(key.table).map_err(StoreError::Unavailable)?;
        let sent = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", "pk")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(true);
        };
        if let Some(PutItemError::ConditionalCheckFailedException(failed)) =
            error.as_service_error()
        {
            let stored = failed.item.as_ref();
            return Ok(stored.and_then(|item| text_of(item, "commit")) == Some(name));
        }
        Err(StoreError::Unavailable(say("PutItem", error).into()))
    }

    pub(super) async fn close(
        &self,
        kind: CaseKind,
        cause: &str,
        closing: &Closing,
    ) -> Result<bool, StoreError> {
        let name = self.memory.name_of_a_write();
        let key = open_key(kind, cause);
        let mut backoff = Backoff::new(&SystemClock);
        for attempt in 0..TRIES {
            let Some(open) = self.get(&key).await? else {
                return Ok(false);
            };
            let opened_by = text_of(&open, "commit").unwrap_or_default();
            let same = Condition::new("#commit = :commit", [(":commit", text(opened_by))]);
            let closed_key = closed_key(kind, cause, closing.at, &name);
            let mut closed = open.clone();
            closed.extend(closed_key.with([
                ("closed_by", text(&closing.who)),
                ("closed_why", text(&closing.why)),
                ("closed_at", number(closing.at.as_microsecond())),
            ]));
            let writes = [
                Write::delete(key.clone()).only_if(same, Meaning::Changed),
                Write::put(closed_key, closed),
            ];
            let written = self.write(&writes, &format!("{name}.{attempt}")).await;
            match written.map_err(unanswered)? {
                Ok(()) => return Ok(true),
                // Closed by somebody else, and perhaps open again: look.
                Err(Refused::Conditions(_)) => {}
                Err(Refused::Busy) => backoff.pause().await,
            }
        }
        let what = "DynamoDB: an incident is closed and opened all the time";
        Err(StoreError::Unavailable(Unavailable::new(what)))
    }

    pub(super) async fn all_open(&self) -> Result<Vec<Incident>, StoreError> {
        let items = self.query(incidents("open#"));
        let items = items.await?;
        let open: Result<Vec<_>, _> = items.iter().map(from_item).collect();
        let mut open = open?;
        open.sort_by_key(|incident| incident.opened_at);
        Ok(open)
    }

    pub(super) async fn closed(
        &self,
        limit: usize,
    ) -> Result<Vec<(Incident, Closing)>, StoreError> {
        let items = self.query(Pages {
            limit: Some(limit),
            newest_first: true,
            ..incidents("closed#")
        });
        let items = items.await?;
        let closed = items.iter().map(|item| {
            let closing = Closing {
                who: told(item, "closed_by")?,
                why: told(item, "closed_why")?,
                at: time(item, "closed_at")?,
            };
            Ok((from_item(item)?, closing))
        });
        closed.collect()
    }
}

fn incidents(prefix: &str) -> Pages<'_> {
    Pages::of(
        Table::Orders,
        "#pk = :pk AND begins_with(#sk, :prefix)",
        vec![(":pk", text(PARTITION)), (":prefix", text(prefix))],
    )
}

fn open_key(kind: CaseKind, cause: &str) -> Key {
    Key::orders(
        PARTITION,
        format!("open#{kind}#{}", Digest::of(cause.as_bytes())),
    )
}

/// Sorted by the time of closing.
fn closed_key(kind: CaseKind, cause: &str, at: Timestamp, name: &str) -> Key {
    let digest = Digest::of(cause.as_bytes());
    let at = at.as_microsecond();
    let sort = format!("closed#{at:020}#{kind}#{}#{name}", digest.short());
    Key::orders(PARTITION, sort)
}

fn to_item(key: &Key, incident: &Incident) -> Item {
    key.with([
        ("kind", text(incident.kind.to_string())),
        ("cause", text(&incident.cause)),
        ("detail", text(&incident.detail)),
        ("opened_at", number(incident.opened_at.as_microsecond())),
    ])
}

fn from_item(item: &Item) -> Result<Incident, StoreError> {
    let kind = serde_json::from_value(told(item, "kind")?.into());
    Ok(Incident {
        kind: kind.map_err(|_| unreadable("the kind of an incident"))?,
        cause: told(item, "cause")?,
        detail: told(item, "detail")?,
        opened_at: time(item, "opened_at")?,
    })
}

fn told(item: &Item, name: &str) -> Result<String, StoreError> {
    let value = text_of(item, name).map(str::to_owned);
    value.ok_or_else(|| unreadable(format!("{name} of an incident")))
}

fn time(item: &Item, name: &str) -> Result<Timestamp, StoreError> {
    number_of(item, name)
        .and_then(|at| Timestamp::from_microsecond(at).ok())
        .ok_or_else(|| unreadable(format!("{name} of an incident")))
}
