//! `DynamoDB`: conditions, transactions, indexes, and what they cost.

use crate::{Aws, eventually, facts};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TableStatus, TransactWriteItem, Update,
};
use std::collections::HashMap;
use tests::emulator::tables;

facts![
    a_failed_condition_shows_the_item,
    an_update_creates_what_is_not_there,
    cancellation_reasons_come_in_the_order_of_the_items,
    a_token_makes_a_transaction_once,
    a_transaction_writes_an_item_once,
    transactions_on_one_item_conflict,
    an_index_holds_only_keys_of_items_that_have_its_attributes,
    a_transaction_doubles_the_units_of_the_table_alone,
    an_index_entry_that_moves_costs_two,
    a_look_up_of_much_leaves_some_over,
];

type Item = HashMap<String, AttributeValue>;
type SdkError<E> = aws_sdk_dynamodb::error::SdkError<E>;

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn key(name: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(name)),
        ("sk".to_owned(), text("state")),
    ])
}

fn with(name: &str, attribute: &str, value: AttributeValue) -> Item {
    let mut item = key(name);
    item.insert(attribute.to_owned(), value);
    item
}

/// The tables of the code itself, gone when the trial ends well.
struct Tables {
    client: Client,
    orders: String,
    stock: String,
}

impl Tables {
    async fn new(aws: &Aws) -> Self {
        let (orders, stock) = tables(&aws.clients, &aws.name).await;
        let client = aws.clients.dynamodb();
        for table in [&orders, &stock] {
            eventually("the table is active", async || {
                let described = client.describe_table().table_name(table).send().await;
                let status = described.unwrap().table.unwrap().table_status;
                (status == Some(TableStatus::Active)).then_some(())
            })
            .await;
        }
        Self {
            client,
            orders,
            stock,
        }
    }

    async fn gone(self) {
        for table in [&self.orders, &self.stock] {
            let deleted = self.client.delete_table().table_name(table).send().await;
            deleted.unwrap();
        }
    }

    async fn put(&self, item: Item) {
        let put = self.client.put_item().table_name(&self.orders);
        put.set_item(Some(item)).send().await.unwrap();
    }

    async fn get(&self, name: &str) -> Option<Item> {
        let get = self.client.get_item().table_name(&self.orders);
        let got = get.set_key(Some(key(name))).consistent_read(true).send();
        got.await.unwrap().item
    }

    async fn transact(
        &self,
        token: &str,
        items: Vec<TransactWriteItem>,
    ) -> Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>> {
        self.client
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(token)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
    }

    /// `count` plus one, if it is so many now.
    fn counted_from(&self, name: &str, from: i64) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.orders)
            .set_key(Some(key(name)))
            .update_expression("ADD #count :one")
            .condition_expression("#count = :from")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":from", number(from))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        TransactWriteItem::builder()
            .update(update.build().unwrap())
            .build()
    }

    fn put_in_transaction(&self, item: Item) -> TransactWriteItem {
        let put = Put::builder().table_name(&self.orders).set_item(Some(item));
        TransactWriteItem::builder()
            .put(put.build().unwrap())
            .build()
    }
}

/// So a retry whose first answer was lost recognises itself.
async fn a_failed_condition_shows_the_item(aws: Aws) {
    let tables = Tables::new(&aws).await;
    let stored = with("one", "commit", text("mine"));
    tables.put(stored.clone()).await;
    let update = tables
        .client
        .update_item()
        .table_name(&tables.orders)
        .set_key(Some(key("one")))
        .update_expression("SET #commit = :commit")
        .condition_expression("attribute_not_exists(#commit)")
        .expression_attribute_names("#commit", "commit")
        .expression_attribute_values(":commit", text("other"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    let error = update.unwrap_err().into_service_error();
    assert_eq!(error.code(), Some("ConditionalCheckFailedException"));
    let aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
        failed,
    ) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(failed.item, Some(stored));
    tables.gone().await;
}

/// The first commit to an order, and the first reservation.
async fn an_update_creates_what_is_not_there(aws: Aws) {
    let tables = Tables::new(&aws).await;
    for (sum, more) in [(3, 3), (1, -2)] {
        let update = tables
            .client
            .update_item()
            .table_name(&tables.orders)
            .set_key(Some(key("one")))
            .update_expression("SET #set = :set REMOVE #never ADD #sum :more")
            .expression_attribute_names("#set", "set")
            .expression_attribute_names("#never", "never")
            .expression_attribute_names("#sum", "sum")
            .expression_attribute_values(":set", text("so"))
            .expression_attribute_values(":more", number(more));
        update.send().await.unwrap();
        let item = tables.get("one").await.unwrap();
        assert_eq!((&item["set"], &item["sum"]), (&text("so"), &number(sum)));
    }
    tables.gone().await;
}

/// What failed is told apart by its place; the item comes where it was asked for.
async fn cancellation_reasons_come_in_the_order_of_the_items(aws: Aws) {
    let tables = Tables::new(&aws).await;
    for name in ["one", "two", "three"] {
        tables.put(with(name, "count", number(1))).await;
    }
    let items = vec![
        tables.counted_from("one", 1),
        tables.counted_from("two", 7),
        tables.put_in_transaction(key("four")),
        tables.counted_from("three", 8),
    ];
    let error = tables.transact("a", items).await.unwrap_err();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) =
        error.into_service_error()
    else {
        panic!("not cancelled")
    };
    let reasons = cancelled.cancellation_reasons();
    let codes: Vec<_> = reasons
        .iter()
        .map(|reason| reason.code().unwrap())
        .collect();
    let failed = "ConditionalCheckFailed";
    assert_eq!(codes, ["None", failed, "None", failed]);
    assert_eq!(reasons[1].item, Some(with("two", "count", number(1))));
    assert_eq!(reasons[3].item, Some(with("three", "count", number(1))));
    assert_eq!(tables.get("one").await.unwrap()["count"], number(1));
    assert_eq!(tables.get("four").await, None);
    tables.gone().await;
}

/// A repetition by the SDK, whose first answer was lost, is the same transaction.
async fn a_token_makes_a_transaction_once(aws: Aws) {
    let tables = Tables::new(&aws).await;
    tables.put(with("one", "count", number(1))).await;
    for _ in 0..2 {
        let counted = vec![tables.counted_from("one", 1)];
        tables.transact("the-token", counted).await.unwrap();
        assert_eq!(tables.get("one").await.unwrap()["count"], number(2));
    }
    let other = vec![tables.counted_from("one", 2)];
    let refused = tables.transact("the-token", other).await.unwrap_err();
    let code = refused.into_service_error();
    assert_eq!(code.code(), Some("IdempotentParameterMismatchException"));
    tables.gone().await;
}

/// So all changes of a commit to one row become one write.
async fn a_transaction_writes_an_item_once(aws: Aws) {
    let tables = Tables::new(&aws).await;
    let twice = vec![
        tables.put_in_transaction(with("one", "a", number(1))),
        tables.put_in_transaction(with("one", "b", number(1))),
    ];
    let refused = tables.transact("a", twice).await.unwrap_err();
    let code = refused.into_service_error();
    assert_eq!(code.code(), Some("ValidationException"));
    tables.gone().await;
}

/// Contention is no failed condition: the caller tries again a little later.
async fn transactions_on_one_item_conflict(aws: Aws) {
    let tables = std::sync::Arc::new(Tables::new(&aws).await);
    let tasks: Vec<_> = (0..40)
        .map(|own: i32| {
            let tables = tables.clone();
            tokio::spawn(async move {
                let add = Update::builder()
                    .table_name(&tables.orders)
                    .set_key(Some(key("hot")))
                    .update_expression("ADD #count :one")
                    .expression_attribute_names("#count", "count")
                    .expression_attribute_values(":one", number(1));
                let add = TransactWriteItem::builder().update(add.build().unwrap());
                tables.transact(&format!("t{own}"), vec![add.build()]).await
            })
        })
        .collect();
    let mut made = 0;
    let mut conflicts = 0;
    for task in tasks {
        match task.await.unwrap().map_err(SdkError::into_service_error) {
            Ok(_) => made += 1,
            Err(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let reasons = cancelled.cancellation_reasons();
                assert_eq!(reasons[0].code(), Some("TransactionConflict"));
                conflicts += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(tables.get("hot").await.unwrap()["count"], number(made));
    if aws.is_exact("transactions never conflict") {
        assert!(conflicts > 0, "of 40 transactions at once none conflicted");
    }
    std::sync::Arc::into_inner(tables).unwrap().gone().await;
}

async fn an_index_holds_only_keys_of_items_that_have_its_attributes(aws: Aws) {
    let tables = Tables::new(&aws).await;
    tables.put(with("one", "cases", text("[]"))).await;
    let mut listed = with("two", "cases", text("[]"));
    listed.insert("open_cases".to_owned(), text("open"));
    tables.put(listed).await;
    let open = async || {
        let query = tables
            .client
            .query()
            .table_name(&tables.orders)
            .index_name("open_cases")
            .key_condition_expression("#open_cases = :open")
            .expression_attribute_names("#open_cases", "open_cases")
            .expression_attribute_values(":open", text("open"));
        query.send().await.unwrap().items.unwrap()
    };
    let entries = eventually("the index follows", async || {
        Some(open().await).filter(|entries| !entries.is_empty())
    })
    .await;
    let mut expected = key("two");
    expected.insert("open_cases".to_owned(), text("open"));
    assert_eq!(entries, [expected]);
    tables.put(key("two")).await;
    eventually("the entry goes with its attribute", async || {
        open().await.is_empty().then_some(())
    })
    .await;
    tables.gone().await;
}

/// Units of the table, and of its indexes together.
fn units(output: &[aws_sdk_dynamodb::types::ConsumedCapacity]) -> (u32, u32) {
    let [consumed] = output else {
        panic!("of one table: {output:?}")
    };
    let indexes = consumed.global_secondary_indexes.iter().flatten();
    let indexes = indexes.filter_map(|(_, index)| whole(index.capacity_units));
    let indexes = indexes.sum();
    (whole(consumed.capacity_units).unwrap() - indexes, indexes)
}

/// Writes take whole units.
fn whole(units: Option<f64>) -> Option<u32> {
    format!("{:.0}", units?).parse().ok()
}

async fn a_transaction_doubles_the_units_of_the_table_alone(aws: Aws) {
    let tables = Tables::new(&aws).await;
    let mut item = with(
        "one",
        "history",
        AttributeValue::B(Blob::new(vec![7; 1000])),
    );
    item.insert("due_shard".to_owned(), text("0"));
    item.insert("due".to_owned(), number(1));
    let items = vec![
        tables.put_in_transaction(item),
        tables.put_in_transaction(key("two")),
    ];
    let made = tables.transact("a", items).await.unwrap();
    assert_eq!(
        units(made.consumed_capacity()),
        (6, 1),
        "2 x (2 + 1), and 1"
    );
    tables.gone().await;
}

/// The sweep's time is written again only where it must.
async fn an_index_entry_that_moves_costs_two(aws: Aws) {
    let tables = Tables::new(&aws).await;
    let update = async |expression: &str, due: Option<i64>| {
        let mut update = tables
            .client
            .update_item()
            .table_name(&tables.orders)
            .set_key(Some(key("one")))
            .update_expression(expression)
            .expression_attribute_names("#due", "due")
            .expression_attribute_names("#shard", "due_shard")
            .expression_attribute_names("#more", "more")
            .expression_attribute_values(":more", text("more"))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        if let Some(due) = due {
            update = update
                .expression_attribute_values(":due", number(due))
                .expression_attribute_values(":shard", text("0"));
        }
        let made = update.send().await.unwrap();
        units(&[made.consumed_capacity.unwrap()])
    };
    let set = "SET #due = :due, #shard = :shard, #more = :more";
    assert_eq!(update(set, Some(1)).await, (1, 1), "a new entry");
    assert_eq!(update(set, Some(1)).await, (1, 0), "where it was");
    assert_eq!(update(set, Some(2)).await, (1, 2), "elsewhere");
    let gone = "SET #more = :more REMOVE #due, #shard";
    assert_eq!(update(gone, None).await, (1, 1), "gone");
    tables.gone().await;
}

/// The rest is asked for again.
async fn a_look_up_of_much_leaves_some_over(aws: Aws) {
    const ITEMS: usize = 60;
    let tables = Tables::new(&aws).await;
    let body = AttributeValue::B(Blob::new(vec![7; 300 * 1024]));
    let names: Vec<_> = (0..ITEMS).map(|own| own.to_string()).collect();
    for name in &names {
        tables.put(with(name, "body", body.clone())).await;
    }
    let keys = names.iter().map(|name| key(name)).collect();
    let keys = KeysAndAttributes::builder().set_keys(Some(keys));
    let got = tables
        .client
        .batch_get_item()
        .request_items(&tables.orders, keys.build().unwrap());
    let got = got.send().await.unwrap();
    let found = got.responses.unwrap()[&tables.orders].len();
    let left = got.unprocessed_keys.unwrap_or_default();
    let left = left.get(&tables.orders).map_or(0, |left| left.keys.len());
    assert_eq!(found + left, ITEMS);
    if aws.is_exact("18 MB come at once") {
        assert!(left > 0, "18 MB came at once");
    }
    tables.gone().await;
}
