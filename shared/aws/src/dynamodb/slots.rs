//! Places of those who hand over to a supplier: an item for each supplier, in it an attribute for
//! each slot that was ever taken. It says until when and by whom, the time first and always as long,
//! so that texts compare as their times do.

use super::item::{Item, Key, text, text_of};
use super::{DynamoDb, say};
use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::ids::SupplierId;
use jiff::Timestamp;
use ports::{Slot, StoreError, SupplierSlots};

/// Tries to take one that was free a moment ago.
const TRIES: usize = 4;

#[async_trait]
impl SupplierSlots for DynamoDb {
    /// The first is guessed; where somebody holds it, the refusal shows which are free.
    async fn acquire(
        &self,
        supplier: &SupplierId,
        of: usize,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Slot>, StoreError> {
        let spread = usize::try_from(now.subsec_nanosecond() / 1000).unwrap_or_default();
        let mut slot = Slot {
            supplier: supplier.clone(),
            number: spread % of.max(1),
            holder: holder.to_owned(),
            until,
        };
        for _ in 0..TRIES {
            let taken = self
                .client
                .update_item()
                .table_name(&self.orders)
                .set_key(Some(key(supplier).item()))
                .update_expression("SET #slot = :mine")
                .condition_expression("attribute_not_exists(#slot) OR #slot < :free")
                .expression_attribute_names("#slot", name(slot.number))
                .expression_attribute_values(":mine", text(value(&slot)))
                .expression_attribute_values(":free", text(first_held(now)))
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                )
                .send()
                .await;
            let Err(error) = taken else {
                return Ok(Some(slot));
            };
            let Some(UpdateItemError::ConditionalCheckFailedException(failed)) =
                error.as_service_error()
            else {
                return Err(StoreError::Unavailable(say("UpdateItem", error).into()));
            };
            let item = failed.item.clone().unwrap_or_default();
            // Its answer was lost, and the SDK asked again.
            if text_of(&item, &name(slot.number)) == Some(&value(&slot)) {
                return Ok(Some(slot));
            }
            match free(&item, of, now) {
                Some(number) => slot.number = number,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    async fn free(&self, slot: &Slot) -> Result<(), StoreError> {
        let left = self
            .client
            .update_item()
            .table_name(&self.orders)
            .set_key(Some(key(&slot.supplier).item()))
            .update_expression("REMOVE #slot")
            .condition_expression("#slot = :mine")
            .expression_attribute_names("#slot", name(slot.number))
            .expression_attribute_values(":mine", text(value(slot)))
            .send()
            .await;
        match left {
            Err(error)
                if !error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Err(StoreError::Unavailable(say("UpdateItem", error).into()))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn key(supplier: &SupplierId) -> Key {
    Key::orders(format!("slots#{supplier}"), "slots")
}

fn name(number: usize) -> String {
    format!("slot_{number}")
}

/// Microseconds, in as many digits as the last moment that there is.
fn moment(at: Timestamp) -> String {
    format!("{:018}", at.as_microsecond())
}

fn value(slot: &Slot) -> String {
    format!("{} {}", moment(slot.until), slot.holder)
}

/// What is still held after that moment is greater than this, and what is free from then on is less.
fn first_held(now: Timestamp) -> String {
    moment(now) + "~"
}

fn free(item: &Item, of: usize, now: Timestamp) -> Option<usize> {
    let first_held = first_held(now);
    (0..of)
        .find(|number| text_of(item, &name(*number)).is_none_or(|held| held < first_held.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_again_once_its_time_is_over() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let held = |number, until| {
            let slot = Slot {
                supplier: SupplierId::parse("harbour").unwrap(),
                number,
                holder: "SH-1-1-X 2026".to_owned(),
                until: at(until),
            };
            (name(number), text(value(&slot)))
        };
        let item = Item::from([held(0, 1_000_000_000), held(1, 999_999_999)]);
        assert_eq!(free(&item, 2, at(999_999_998)), None);
        assert_eq!(free(&item, 3, at(999_999_998)), Some(2));
        assert_eq!(free(&item, 2, at(999_999_999)), Some(1));
        assert_eq!(free(&item, 2, at(1_000_000_000)), Some(0));
    }
}
