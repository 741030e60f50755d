//! What orders are found by without loading them.

use super::DynamoDb;
use super::bulk::{Pages, partition_of};
use super::commit::{Refused, reference_key, relisted};
use super::item::{Item, Key, Table, number, number_of, text, text_of, unreadable};
use super::orders::unanswered;
use super::state::{self, Seen};
use async_trait::async_trait;
use domain::cases::CaseEntry;
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::order::index::Index;
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use ports::{CaseRow, OrderIndex, Page, StoreError};

/// Rounds in which somebody else changed what an order is found by.
const LOOKS: usize = 4;

#[async_trait]
impl OrderIndex for DynamoDb {
    async fn find(&self, number: &PurchaseOrderNumber) -> Result<Option<OrderId>, StoreError> {
        let item = self.get(&reference_key(number)).await?;
        let order = item.as_ref().and_then(|item| text_of(item, "order"));
        order.map(order_id).transpose()
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError> {
        let mut due = Vec::<(i64, OrderId)>::new();
        for shard in state::shards() {
            let keys = "#due_shard = :shard AND #due <= :now";
            let values = vec![
                (":shard", text(shard)),
                (":now", number(now.as_microsecond())),
            ];
            let found = self.query(Pages {
                index: Some("due"),
                consistent: false,
                limit: Some(limit),
                ..Pages::of(Table::Orders, keys, values)
            });
            for item in found.await? {
                let at = number_of(&item, "due").ok_or_else(|| unreadable("a due time"))?;
                due.push((at, order_id(partition_of(&item)?)?));
            }
        }
        due.sort_unstable();
        Ok(due
            .into_iter()
            .map(|(_, order)| order)
            .take(limit)
            .collect())
    }

    async fn postpone(
        &self,
        order: &OrderId,
        version: Option<u64>,
        index: &Index,
    ) -> Result<(), StoreError> {
        let is_meant = |seen: &Seen| version.is_none_or(|version| seen.version == version);
        let name = self.memory.name_of_a_write();
        let known = self.memory.order(order);
        let mut seen = known.filter(is_meant);
        for look in 0..LOOKS {
            if seen.is_none() {
                seen = match self.read_state(order).await {
                    Err(StoreError::Corrupt(_)) if version.is_none() => {
                        return self.set_aside(order, index).await;
                    }
                    read => read?,
                };
            }
            let Some(found) = seen.take().filter(is_meant) else {
                return Ok(());
            };
            let after = found.postponed(index);
            let mut writes = vec![found.postpone(order, index)];
            writes.extend(relisted(order, &found, &after));
            let written = self.write(&writes, &format!("{name}.{look}")).await;
            match written.map_err(unanswered)? {
                Ok(()) => {
                    self.memory.saw(order, after);
                    return Ok(());
                }
                // Somebody commits to it this moment, and says when it is due.
                Err(Refused::Busy) => return Ok(()),
                Err(Refused::Conditions(_)) => {}
            }
        }
        Ok(())
    }

    async fn cases(&self) -> Result<Vec<CaseRow>, StoreError> {
        let open = vec![(":open", text("open"))];
        let found = self.query(Pages {
            index: Some("open_cases"),
            consistent: false,
            ..Pages::of(Table::Orders, "#open_cases = :open", open)
        });
        let mut keys = Vec::new();
        for item in found.await? {
            keys.push(Key::orders(partition_of(&item)?, "state"));
        }
        let wanted = "#pk, #sk, #cases, #configuration";
        let items = self.get_all(&keys, false, Some(wanted)).await;
        let mut rows = Vec::new();
        for item in items.map_err(StoreError::Unavailable)?.values() {
            rows.extend(case_rows(item)?);
        }
        Ok(rows)
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let mut from = after.map(from_cursor).transpose()?;
        let mut orders = Vec::new();
        loop {
            let states = Some(("#sk = :sort", "state"));
            let (items, on) = self.scan(Table::Orders, states, Some("#pk"), from).await?;
            for item in items {
                orders.push(order_id(partition_of(&item)?)?);
            }
            let next = on.as_ref().map(cursor).transpose()?;
            if next.is_none() || orders.len() >= limit {
                return Ok(Page { orders, next });
            }
            from = on;
        }
    }
}

impl DynamoDb {
    /// Postpones what cannot be read, and changes nothing else of it: a newer version may have written
    /// it.
    async fn set_aside(&self, order: &OrderId, index: &Index) -> Result<(), StoreError> {
        let name = self.memory.name_of_a_write();
        let write = state::set_aside(order, index);
        let written = self.write(&[write], &name).await;
        written.map(drop).map_err(unanswered)
    }
}

fn case_rows(item: &Item) -> Result<Vec<CaseRow>, StoreError> {
    // It may have been closed since the index was read.
    let Some(cases) = text_of(item, "cases") else {
        return Ok(Vec::new());
    };
    let order = order_id(partition_of(item)?)?;
    let configuration = text_of(item, "configuration");
    let configuration: Option<Digest> = configuration.map(from_text).transpose()?;
    let cases: Vec<CaseEntry> =
        serde_json::from_str(cases).map_err(|_| unreadable(format!("cases of {order}")))?;
    let rows = cases.into_iter().map(|entry| CaseRow {
        order: order.clone(),
        entry,
        configuration: configuration.clone(),
    });
    Ok(rows.collect())
}

fn order_id(text: &str) -> Result<OrderId, StoreError> {
    OrderId::parse(text).map_err(|_| unreadable("an order id"))
}

/// Of a type that serialises as a string.
fn from_text<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_value(text.into()).map_err(|_| unreadable("a digest"))
}

/// Where a scan goes on, as a text.
fn cursor(key: &Item) -> Result<String, StoreError> {
    let part = |name| text_of(key, name).ok_or_else(|| unreadable("where a scan goes on"));
    serde_json::to_string(&(part("pk")?, part("sk")?))
        .map_err(|_| unreadable("where a scan goes on"))
}

fn from_cursor(cursor: &str) -> Result<Item, StoreError> {
    let (partition, sort): (String, String) =
        serde_json::from_str(cursor).map_err(|_| unreadable("where a scan goes on"))?;
    Ok(Key::orders(partition, sort).item())
}
