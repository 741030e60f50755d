//! Refusals in a row that do not say why: an item for each supplier that has any.

use super::item::{Item, Key, Table, text, text_of, unreadable};
use super::{DynamoDb, say};
use async_trait::async_trait;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use domain::ids::SupplierId;
use domain::trust::RefusalStreak;
use ports::{RefusalStore, StoreError};

#[async_trait]
impl RefusalStore for DynamoDb {
    async fn streak(&self, supplier: &SupplierId) -> Result<Option<RefusalStreak>, StoreError> {
        let item = self.get(&key(supplier)).await?;
        item.as_ref().map(read).transpose()
    }

    async fn replace_streak(
        &self,
        supplier: &SupplierId,
        known: Option<&RefusalStreak>,
        new: Option<&RefusalStreak>,
    ) -> Result<bool, StoreError> {
        let key = key(supplier);
        let table = self.table(Table::Orders).map_err(StoreError::Unavailable)?;
        let known = known.map(written).transpose()?;
        let condition = match known {
            Some(_) => "#streak = :known",
            None => "attribute_not_exists(#streak)",
        };
        // Where an answer of AWS was lost the SDK asks again, and finds what its first request wrote.
        let is_written = if let Some(new) = new {
            let written = written(new)?;
            let put = self
                .client
                .put_item()
                .table_name(table)
                .set_item(Some(key.with([("streak", text(&written))])))
                .condition_expression(condition)
                .expression_attribute_names("#streak", "streak")
                .set_expression_attribute_values(known.map(|known| values(&known)))
                .return_values_on_condition_check_failure(AllOld)
                .send();
            let Err(error) = put.await else {
                return Ok(true);
            };
            let Some(PutItemError::ConditionalCheckFailedException(failed)) =
                error.as_service_error()
            else {
                return Err(StoreError::Unavailable(say("PutItem", error).into()));
            };
            let stored = failed.item.as_ref();
            let stored = stored.and_then(|item| text_of(item, "streak"));
            stored == Some(&written)
        } else {
            let deleted = self
                .client
                .delete_item()
                .table_name(table)
                .set_key(Some(key.item()))
                .condition_expression(condition)
                .expression_attribute_names("#streak", "streak")
                .set_expression_attribute_values(known.map(|known| values(&known)))
                .return_values_on_condition_check_failure(AllOld)
                .send();
            let Err(error) = deleted.await else {
                return Ok(true);
            };
            let Some(DeleteItemError::ConditionalCheckFailedException(failed)) =
                error.as_service_error()
            else {
                return Err(StoreError::Unavailable(say("DeleteItem", error).into()));
            };
            failed.item.is_none()
        };
        Ok(is_written)
    }
}

fn key(supplier: &SupplierId) -> Key {
    Key::orders(format!("refusals#{supplier}"), "refusals")
}

fn values(known: &str) -> Item {
    Item::from([(":known".to_owned(), text(known))])
}

fn written(streak: &RefusalStreak) -> Result<String, StoreError> {
    serde_json::to_string(streak).map_err(|_| unreadable("the refusals of a supplier"))
}

fn read(item: &Item) -> Result<RefusalStreak, StoreError> {
    text_of(item, "streak")
        .and_then(|streak| serde_json::from_str(streak).ok())
        .ok_or_else(|| unreadable("the refusals of a supplier"))
}
