//! Many items at once, asked again for what was left over.

use super::item::{Item, Key, Table, known_form, names_in, text_of, unreadable};
use super::{DynamoDb, say};
use crate::clock::SystemClock;
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest,
};
use ports::{Backoff, StoreError, Unavailable};
use std::collections::{BTreeMap, HashMap};

const KEYS_A_REQUEST: usize = 100;
const WRITES_A_REQUEST: usize = 25;
/// With their pauses up to 10 seconds, as long as a table may take to grow.
pub(super) const TRIES: u32 = 10;

/// A write without a condition.
pub(crate) enum Bulk {
    Put(Item),
    Delete(Key),
}

/// Pages of items, in the order of the index or table.
pub(crate) struct Pages<'a> {
    pub(crate) table: Table,
    pub(crate) index: Option<&'a str>,
    /// With `#name` for attributes.
    pub(crate) keys: &'a str,
    pub(crate) values: Vec<(&'a str, AttributeValue)>,
    pub(crate) consistent: bool,
    pub(crate) newest_first: bool,
    pub(crate) limit: Option<usize>,
}

impl<'a> Pages<'a> {
    /// Of the table itself: all of them, as of now, in the order of sort keys.
    pub(crate) fn of(table: Table, keys: &'a str, values: Vec<(&'a str, AttributeValue)>) -> Self {
        Self {
            table,
            index: None,
            keys,
            values,
            consistent: true,
            newest_first: false,
            limit: None,
        }
    }
}

impl DynamoDb {
    /// Items by key; what is not in it does not exist.
    pub(super) async fn get_all(
        &self,
        keys: &[Key],
        consistent: bool,
        projection: Option<&str>,
    ) -> Result<BTreeMap<Key, Item>, StoreError> {
        let projection = projection.map(with_form);
        let projection = projection.as_deref();
        let mut found = BTreeMap::new();
        for chunk in keys.chunks(KEYS_A_REQUEST) {
            let mut asked = HashMap::<String, KeysAndAttributes>::new();
            for table in [Table::Orders, Table::Stock] {
                let keys = chunk.iter().filter(|key| key.table == table);
                let keys: Vec<_> = keys.map(Key::item).collect();
                if keys.is_empty() {
                    continue;
                }
                let asks = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(consistent)
                    .set_projection_expression(projection.map(str::to_owned))
                    .set_expression_attribute_names(projection.map(names_in))
                    .build()
                    .map_err(|error| Unavailable::because("a look-up without keys", error))
                    .map_err(StoreError::Unavailable)?;
                let name = self.table(table).map_err(StoreError::Unavailable)?;
                asked.insert(name.to_owned(), asks);
            }
            let mut tries = Tries::of("BatchGetItem");
            while !asked.is_empty() {
                tries.next().await.map_err(StoreError::Unavailable)?;
                let sent = self
                    .client
                    .batch_get_item()
                    .set_request_items(Some(asked))
                    .send();
                let got = sent
                    .await
                    .map_err(|error| say("BatchGetItem", error).into());
                let got = got.map_err(StoreError::Unavailable)?;
                for (name, items) in got.responses.unwrap_or_default() {
                    let table = if name == self.orders {
                        Table::Orders
                    } else {
                        Table::Stock
                    };
                    items.iter().try_for_each(known_form)?;
                    found.extend(items.into_iter().filter_map(|item| {
                        let key = Key {
                            table,
                            partition: text_of(&item, "pk")?.to_owned(),
                            sort: text_of(&item, "sk")?.to_owned(),
                        };
                        Some((key, item))
                    }));
                }
                asked = got.unprocessed_keys.unwrap_or_default();
            }
        }
        Ok(found)
    }

    /// Each is made, in no order; on an error any number of them.
    pub(super) async fn write_all(
        &self,
        table: Table,
        writes: Vec<Bulk>,
    ) -> Result<(), Unavailable> {
        let built = |error| Unavailable::because("a write without a key", error);
        let mut requests = Vec::with_capacity(writes.len());
        for write in writes {
            let request = WriteRequest::builder();
            requests.push(match write {
                Bulk::Put(item) => {
                    let put = PutRequest::builder().set_item(Some(item));
                    request.put_request(put.build().map_err(built)?).build()
                }
                Bulk::Delete(key) => {
                    let delete = DeleteRequest::builder().set_key(Some(key.item()));
                    request
                        .delete_request(delete.build().map_err(built)?)
                        .build()
                }
            });
        }
        let name = self.table(table)?;
        for chunk in requests.chunks(WRITES_A_REQUEST) {
            let mut asked = HashMap::from([(name.to_owned(), chunk.to_vec())]);
            let mut tries = Tries::of("BatchWriteItem");
            while !asked.is_empty() {
                tries.next().await?;
                let sent = self
                    .client
                    .batch_write_item()
                    .set_request_items(Some(asked))
                    .send();
                let made = sent.await.map_err(|error| say("BatchWriteItem", error))?;
                asked = made.unprocessed_items.unwrap_or_default();
            }
        }
        Ok(())
    }

    pub(super) async fn query(&self, pages: Pages<'_>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let left = pages.limit.map(|limit| limit.saturating_sub(found.len()));
            if left == Some(0) {
                return Ok(found);
            }
            let (items, on) = self.query_page(&pages, left, from).await?;
            found.extend(items);
            if on.is_none() {
                return Ok(found);
            }
            from = on;
        }
    }

    /// At most `limit` of them from `from` on, with where to go on.
    pub(super) async fn query_page(
        &self,
        pages: &Pages<'_>,
        limit: Option<usize>,
        from: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let values = pages.values.iter();
        let values = values.map(|(name, value)| ((*name).to_owned(), value.clone()));
        let sent = self
            .client
            .query()
            .table_name(self.table(pages.table).map_err(StoreError::Unavailable)?)
            .set_index_name(pages.index.map(str::to_owned))
            .key_condition_expression(pages.keys)
            .set_expression_attribute_names(Some(names_in(pages.keys)))
            .set_expression_attribute_values(Some(values.collect()))
            .consistent_read(pages.consistent)
            .scan_index_forward(!pages.newest_first)
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(from)
            .send()
            .await;
        let page = sent.map_err(|error| StoreError::Unavailable(say("Query", error).into()))?;
        let items = page.items.unwrap_or_default();
        items.iter().try_for_each(known_form)?;
        let on = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((items, on))
    }

    /// Items of the whole table that the filter, which names `:sort`, lets through.
    pub(super) async fn scan_all(
        &self,
        table: Table,
        filter: Option<(&str, &str)>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let (items, on) = self.scan(table, filter, None, from).await?;
            found.extend(items);
            if on.is_none() {
                return Ok(found);
            }
            from = on;
        }
    }

    /// The same a page at a time, with where to go on.
    pub(super) async fn scan(
        &self,
        table: Table,
        filter: Option<(&str, &str)>,
        projection: Option<&str>,
        from: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let projection = projection.map(with_form);
        let spoken = [filter.map(|(filter, _)| filter), projection.as_deref()];
        let names: HashMap<_, _> = spoken.into_iter().flatten().flat_map(names_in).collect();
        let values = filter.map(|(_, sort)| {
            HashMap::from([(":sort".to_owned(), AttributeValue::S(sort.to_owned()))])
        });
        let sent = self
            .client
            .scan()
            .table_name(self.table(table).map_err(StoreError::Unavailable)?)
            .consistent_read(true)
            .set_filter_expression(filter.map(|(filter, _)| filter.to_owned()))
            .set_projection_expression(projection)
            .set_expression_attribute_names(Some(names).filter(|names| !names.is_empty()))
            .set_expression_attribute_values(values)
            .set_exclusive_start_key(from)
            .send()
            .await;
        let page = sent.map_err(|error| StoreError::Unavailable(say("Scan", error).into()))?;
        let items = page.items.unwrap_or_default();
        items.iter().try_for_each(known_form)?;
        let on = page.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((items, on))
    }
}

/// Every read looks at the form of what it reads.
fn with_form(projection: &str) -> String {
    format!("{projection}, #form")
}

/// Tries of an operation that may leave something over.
struct Tries {
    operation: &'static str,
    made: u32,
    backoff: Backoff<'static>,
}

impl Tries {
    fn of(operation: &'static str) -> Self {
        Self {
            operation,
            made: 0,
            backoff: Backoff::new(&SystemClock),
        }
    }

    /// Before each of them: waits where it is not the first, and not for ever.
    async fn next(&mut self) -> Result<(), Unavailable> {
        if self.made == TRIES {
            let operation = self.operation;
            let what = format!("DynamoDB, {operation}: it left something over {TRIES} times");
            return Err(Unavailable::new(what));
        }
        if self.made > 0 {
            self.backoff.pause().await;
        }
        self.made += 1;
        Ok(())
    }
}

pub(crate) fn partition_of(item: &Item) -> Result<&str, StoreError> {
    text_of(item, "pk").ok_or_else(|| unreadable("the key of an item"))
}

pub(crate) fn sort_of(item: &Item) -> Result<&str, StoreError> {
    text_of(item, "sk").ok_or_else(|| unreadable("the key of an item"))
}
