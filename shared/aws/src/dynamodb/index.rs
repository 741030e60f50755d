//! What orders are found by without loading them.

use super::DynamoDb;
use super::bulk::{Pages, partition_of, sort_of};
use super::commit::{LARGEST_TRANSACTION, Refused, hint_partition, hints, reference_key, relisted};
use super::item::{Item, Key, Table, number, number_of, text, text_of, unreadable};
use super::orders::unanswered;
use super::state::{self, LISTED, Seen, reference_text};
use async_trait::async_trait;
use domain::cases::CaseEntry;
use domain::digest::Digest;
use domain::ids::{OrderId, SupplierId};
use domain::order::Reference;
use domain::order::index::Index;
use jiff::Timestamp;
use ports::{CasePage, CaseRow, OrderIndex, Page, StoreError, Unavailable};
use std::collections::BTreeSet;

/// Rounds in which somebody else changed what an order is found by.
const LOOKS: usize = 4;
/// Orders that one reference finds.
const CANDIDATES: usize = 50;
const ORDERS_A_PAGE: usize = 500;

#[async_trait]
impl OrderIndex for DynamoDb {
    /// Of a purchase order number its item; else the first of its kind in an order by an index, and the
    /// others by items.
    async fn find(&self, reference: &Reference) -> Result<Vec<OrderId>, StoreError> {
        let (index, keys) = match reference {
            Reference::PurchaseOrder(number) => {
                let item = self.get(&reference_key(number)).await?;
                let order = item.as_ref().and_then(|item| text_of(item, "order"));
                return order.map(order_id).into_iter().collect();
            }
            Reference::Channel { .. } => ("by_channel", "#by_channel = :reference"),
            Reference::Supplier { .. } => ("by_supplier", "#by_supplier = :reference"),
        };
        let known = vec![(":reference", text(reference_text(reference)))];
        let by_index = self.query(Pages {
            index: Some(index),
            consistent: false,
            limit: Some(CANDIDATES),
            ..Pages::of(Table::Orders, keys, known)
        });
        let mut found = BTreeSet::new();
        for item in by_index.await? {
            found.insert(order_id(partition_of(&item)?)?);
        }
        let partition = vec![(":pk", text(hint_partition(reference)))];
        let by_items = self.query(Pages {
            limit: Some(CANDIDATES),
            ..Pages::of(Table::Orders, "#pk = :pk", partition)
        });
        for item in by_items.await? {
            found.insert(order_id(sort_of(&item)?)?);
        }
        Ok(found.into_iter().take(CANDIDATES).collect())
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

    async fn cases(&self, after: Option<&str>, limit: usize) -> Result<CasePage, StoreError> {
        let from = after.map(|order| {
            let mut from = Key::orders(order, "state").item();
            from.insert("open_cases".to_owned(), text("open"));
            from
        });
        let open = vec![(":open", text("open"))];
        let pages = Pages {
            index: Some("open_cases"),
            consistent: false,
            ..Pages::of(Table::Orders, "#open_cases = :open", open)
        };
        let (found, on) = self.query_page(&pages, Some(limit), from).await?;
        let mut keys = Vec::new();
        for item in found {
            keys.push(Key::orders(partition_of(&item)?, "state"));
        }
        let wanted = "#pk, #sk, #cases, #configuration";
        let items = self.get_all(&keys, false, Some(wanted)).await?;
        let mut rows = Vec::new();
        for item in items.values() {
            rows.extend(case_rows(item)?);
        }
        let next = on.as_ref().map(|key| partition_of(key).map(str::to_owned));
        Ok(CasePage {
            rows,
            next: next.transpose()?,
        })
    }

    /// Whatever has an outcome open is due some time, or a case: these are all, in one page. An index by
    /// supplier would cost each purchase order two writes.
    async fn open(
        &self,
        _: &SupplierId,
        after: Option<&str>,
        _: usize,
    ) -> Result<Page, StoreError> {
        let orders = match after {
            None => self.unfinished(usize::MAX).await?.into_iter().collect(),
            Some(_) => Vec::new(),
        };
        Ok(Page { orders, next: None })
    }

    /// Where an older version stored orders that nobody brought into the index yet, in no order.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let from = after.map(from_cursor).transpose()?;
        let is_listed = match &from {
            Some(from) => from.contains_key("received"),
            None => self.is_indexed().await?,
        };
        if !is_listed {
            return self.scan_orders(from, limit).await;
        }
        let listed = vec![(":listed", text(LISTED))];
        let pages = Pages {
            index: Some("newest"),
            consistent: false,
            newest_first: true,
            ..Pages::of(Table::Orders, "#listed = :listed", listed)
        };
        let (items, on) = self.query_page(&pages, Some(limit), from).await?;
        let ids = items.iter().map(|item| order_id(partition_of(item)?));
        Ok(Page {
            orders: ids.collect::<Result<_, _>>()?,
            next: on.as_ref().map(cursor).transpose()?,
        })
    }

    async fn place_after(&self, order: &OrderId) -> Result<Option<String>, StoreError> {
        let Some(mut item) = self.get(&state::key(order)).await? else {
            return Ok(None);
        };
        // As long as the list is a scan of the table, its places are those of a scan.
        if !self.is_indexed().await? {
            item.remove("received");
        }
        cursor(&item).map(Some)
    }
}

impl DynamoDb {
    async fn scan_orders(&self, from: Option<Item>, limit: usize) -> Result<Page, StoreError> {
        let mut from = from;
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

    /// Brings orders that an older version stored into the indexes that it did not have; how many there
    /// were. Each is also brought there by its next commit.
    pub async fn complete_indexes(&self) -> Result<usize, StoreError> {
        if self.is_indexed().await? {
            return Ok(0);
        }
        let mut completed = 0;
        let mut from = None;
        loop {
            let page = self.scan_orders(from, ORDERS_A_PAGE).await?;
            for order in &page.orders {
                completed += usize::from(self.complete(order).await?);
            }
            let Some(next) = page.next else { break };
            from = Some(from_cursor(&next)?);
        }
        self.indexed().await?;
        Ok(completed)
    }

    async fn complete(&self, order: &OrderId) -> Result<bool, StoreError> {
        let name = self.memory.name_of_a_write();
        for look in 0..LOOKS {
            let seen = match self.read_state(order).await {
                // It is found by its numbers once it can be read.
                Err(StoreError::Corrupt(why)) => {
                    tracing::warn!(order.id = %order, why, "an order that cannot be read is listed without its numbers");
                    let listed = self.write(&[state::list_unread(order)], &name).await;
                    return listed.map(|_| true).map_err(unanswered);
                }
                read => read?,
            };
            let Some(seen) = seen.filter(|seen| seen.received_at.is_none()) else {
                return Ok(false);
            };
            let mut after = seen.clone();
            after.index(order);
            let references = seen.references(order);
            let mut writes = vec![seen.list(order, &after)];
            writes.extend(hints(order, &after, &references).take(LARGEST_TRANSACTION - 1));
            let written = self.write(&writes, &format!("{name}.{look}")).await;
            if written.map_err(unanswered)?.is_ok() {
                return Ok(true);
            }
        }
        let what = format!("{order} changes under every try");
        Err(StoreError::Unavailable(Unavailable::new(what)))
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

/// Where a page ended, as a text: the time, where the page was of the index by it, and the order.
fn cursor(key: &Item) -> Result<String, StoreError> {
    let received_at = number_of::<i64>(key, "received");
    let received_at = received_at.map_or_else(String::new, |at| at.to_string());
    let sort = sort_of(key)?;
    Ok(format!("{received_at}~{}~{sort}", partition_of(key)?))
}

fn from_cursor(cursor: &str) -> Result<Item, StoreError> {
    let broken = || StoreError::Corrupt(format!("{cursor:?} is no place in a list of orders"));
    let (received_at, rest) = cursor.split_once('~').ok_or_else(broken)?;
    let (partition, sort) = rest.rsplit_once('~').ok_or_else(broken)?;
    let mut key = Key::orders(partition, sort).item();
    if !received_at.is_empty() {
        let at: i64 = received_at.parse().map_err(|_| broken())?;
        key.insert("listed".to_owned(), text(LISTED));
        key.insert("received".to_owned(), number(at));
    }
    Ok(key)
}
