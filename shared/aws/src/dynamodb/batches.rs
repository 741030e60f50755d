//! Batches: which purchase orders go with each, and what became of its file.

use super::bulk::{Pages, sort_of};
use super::item::{Item, Key, Table, number, number_of, text, text_of, unreadable};
use super::{DynamoDb, say};
use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::batch::{Batch, BatchName, Uploaded};
use domain::ids::{OrderId, SupplierId};
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use ports::{BatchStore, StoreError};

const PARTITION: &str = "batches";

pub(super) fn partition(supplier: &str, cut_off: i64) -> String {
    format!("batch#{supplier}#{cut_off}")
}

#[async_trait]
impl BatchStore for DynamoDb {
    async fn entries(
        &self,
        supplier: &SupplierId,
        cut_off: Timestamp,
    ) -> Result<Vec<(OrderId, PurchaseOrderNumber)>, StoreError> {
        let partition = partition(supplier.as_str(), cut_off.as_microsecond());
        let key = vec![(":pk", text(partition))];
        let items = self.query(Pages::of(Table::Orders, "#pk = :pk", key));
        let items = items.await?;
        let entries = items.iter().map(|item| {
            let order = text_of(item, "order").and_then(|order| OrderId::parse(order).ok());
            let order = order.ok_or_else(|| unreadable("an order id"))?;
            let number = PurchaseOrderNumber::parse(sort_of(item)?);
            Ok((
                order,
                number.map_err(|_| unreadable("a purchase order number"))?,
            ))
        });
        entries.collect()
    }

    async fn put_batch(&self, batch: &Batch) -> Result<(), StoreError> {
        let name = self.memory.name_of_a_write();
        let key = key(&batch.name);
        let item = to_item(&key, batch)?;
        self.create(&key, item, &name).await.map(drop)
    }

    async fn batches(&self, limit: usize) -> Result<Vec<Batch>, StoreError> {
        let key = vec![(":pk", text(PARTITION))];
        let items = self.query(Pages {
            newest_first: true,
            limit: Some(limit),
            ..Pages::of(Table::Orders, "#pk = :pk", key)
        });
        items.await?.iter().map(from_item).collect()
    }

    async fn mark_uploaded(
        &self,
        name: &BatchName,
        uploaded: &Uploaded,
    ) -> Result<bool, StoreError> {
        let write = self.memory.name_of_a_write();
        let uploaded = to_json(uploaded)?;
        let marked = self
            .client
            .update_item()
            .table_name(&self.orders)
            .set_key(Some(key(name).item()))
            .update_expression("SET #uploaded = :uploaded, #marked = :marked")
            .condition_expression("attribute_exists(#pk) AND attribute_not_exists(#uploaded)")
            .expression_attribute_names("#uploaded", "uploaded")
            .expression_attribute_names("#marked", "marked")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":uploaded", text(uploaded))
            .expression_attribute_values(":marked", text(&write))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = marked else {
            return Ok(true);
        };
        if let Some(UpdateItemError::ConditionalCheckFailedException(failed)) =
            error.as_service_error()
        {
            let stored = failed.item.as_ref();
            return Ok(stored.and_then(|item| text_of(item, "marked")) == Some(&write));
        }
        Err(StoreError::Unavailable(say("UpdateItem", error).into()))
    }
}

/// Sorted by the cut-off, which the name ends with.
fn key(name: &BatchName) -> Key {
    let cut_off = name.as_str().rsplit('-').next().unwrap_or_default();
    Key::orders(PARTITION, format!("{cut_off}#{name}"))
}

fn to_item(key: &Key, batch: &Batch) -> Result<Item, StoreError> {
    let mut item = key.with([
        ("name", text(batch.name.as_str())),
        ("supplier", text(batch.supplier.as_str())),
        ("cut_off", number(batch.cut_off.as_microsecond())),
        ("purchase_orders", text(to_json(&batch.purchase_orders)?)),
    ]);
    if let Some(by) = batch.upload_by {
        item.insert("upload_by".to_owned(), number(by.as_microsecond()));
    }
    if let Some(uploaded) = &batch.uploaded {
        item.insert("uploaded".to_owned(), text(to_json(uploaded)?));
    }
    Ok(item)
}

fn from_item(item: &Item) -> Result<Batch, StoreError> {
    let unreadable = |what| unreadable(format!("{what} of a batch"));
    let told = |name| text_of(item, name).ok_or_else(|| unreadable(name));
    let time = |name| {
        let at = number_of(item, name).map(Timestamp::from_microsecond);
        at.transpose().map_err(|_| unreadable(name))
    };
    let uploaded = text_of(item, "uploaded").map(serde_json::from_str);
    Ok(Batch {
        name: BatchName::from_text(told("name")?),
        supplier: SupplierId::parse(told("supplier")?).map_err(|_| unreadable("supplier"))?,
        cut_off: time("cut_off")?.ok_or_else(|| unreadable("cut_off"))?,
        purchase_orders: serde_json::from_str(told("purchase_orders")?)
            .map_err(|_| unreadable("purchase_orders"))?,
        upload_by: time("upload_by")?,
        uploaded: uploaded.transpose().map_err(|_| unreadable("uploaded"))?,
    })
}

fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt("a batch has no JSON".to_owned()))
}
