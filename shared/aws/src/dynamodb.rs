//! Orders, stock and batches on `DynamoDB`.
//!
//! The orders table, by `pk` and `sk`:
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | order id | `state` | `version`, `history` (packed), `commit` (the name of the write that made it), `configuration`, `batches`, `sent` (when each purchase order with reservations was); for the sparse indexes `due_shard` and `due`, `open_cases` and `cases`; written once, for the other indexes, `listed` and `received`, `by_channel` (the shop's number), `by_supplier` (the first reference of a supplier) |
//! | order id | `payload#0001` | `body` (packed): the only personal data here |
//! | order id | `trace#0001` | `body` (packed), where the decision made no purchase order |
//! | `po#NUMBER` | `po` | `order`, `supplier`; of the first number of a decision also `trace` and `trace_number` |
//! | `reference#SCOPE#VALUE` | order id | nothing: the order may be known by it. Of references that the state has no attribute for |
//! | `batch#SUPPLIER#CUT-OFF` | purchase order number | `order` |
//! | `batches` | cut-off and name | `batch`, `uploaded` |
//! | `slots#SUPPLIER` | `slots` | `slot_N`: until when and by whom it is held |
//! | `refusals#SUPPLIER` | `refusals` | `streak` (JSON) |
//! | `installation` | `installation` | `table`: its own name; `restored_at`; `indexes`: which of them every order is in |
//! | `incidents` | `open#KIND#CAUSE`, `closed#TIME#KIND#CAUSE` | `incident`, `closing` |
//!
//! The stock table:
//!
//! | pk | sk | attributes |
//! |---|---|---|
//! | `sku#SKU` | `offers` | `offers` (JSON, in the order of the catalogue) |
//! | `stock#SUPPLIER#SUPPLIER SKU` | `stock` | `stock`, `available`, `as_of` |
//! | the same | `reservation#NUMBER` | `quantity`, `order`, `reserved_at`; of older versions instead `sent_at` |
//! | `spend#SUPPLIER` | day and currency | `spent`, in minor units |
//! | `catalogue` | `catalogue` | `digest` |
//!
//! What each operation asks of AWS; the roles of the functions follow from it. "orders" and "stock"
//! are the tables, the others are indexes of the orders table.
//!
//! | operation | action | on |
//! |---|---|---|
//! | `OrderStore::provenance`, once a process | `dynamodb:GetItem` | orders |
//! | of a new table | also `dynamodb:PutItem` | orders |
//! | `OrderStore::load`, `payload` | `dynamodb:GetItem` | orders |
//! | `OrderIndex::find` of a purchase order number | `dynamodb:GetItem` | orders |
//! | of another reference | `dynamodb:Query` | orders, index `by_channel` or `by_supplier` |
//! | `OrderStore::trace` | `dynamodb:GetItem` | orders |
//! | `OrderStore::commit` | `dynamodb:UpdateItem` | orders |
//! | with a payload, a trace, a number, a reference, a batch entry | also `dynamodb:PutItem` | orders |
//! | that takes a purchase order out of a batch | also `dynamodb:DeleteItem` | orders |
//! | of an order that this process has not loaded | also `dynamodb:GetItem` | orders |
//! | with reservations | also `dynamodb:UpdateItem`, `PutItem`, `DeleteItem`, `BatchGetItem` | stock |
//! | with spending | also `dynamodb:UpdateItem` | stock |
//! | `OrderIndex::due` | `dynamodb:Query` | index `due` |
//! | `OrderIndex::postpone` | `dynamodb:GetItem`, `UpdateItem`, `PutItem`, `DeleteItem` | orders |
//! | `OrderIndex::cases` | `dynamodb:Query` | index `open_cases` |
//! | | `dynamodb:BatchGetItem` | orders |
//! | `OrderIndex::open` | as `due` and `cases` | |
//! | `OrderIndex::list` | `dynamodb:GetItem` | orders |
//! | | `dynamodb:Query` | index `newest` |
//! | where older versions stored orders | `dynamodb:Scan` | orders |
//! | `DynamoDb::complete_indexes` | `dynamodb:Scan`, `GetItem`, `UpdateItem`, `PutItem` | orders |
//! | `IncidentStore::open_incident` | `dynamodb:PutItem` | orders |
//! | `IncidentStore::close_incident` | `dynamodb:GetItem`, `PutItem`, `DeleteItem` | orders |
//! | `IncidentStore::incidents`, `closed_incidents` | `dynamodb:Query` | orders |
//! | `OfferStore::offers` | `dynamodb:BatchGetItem` | stock |
//! | `OfferStore::apply` | `dynamodb:GetItem`, `Scan`, `Query`, `BatchWriteItem`, `PutItem`, `DeleteItem` | stock |
//! | where anything is reserved | `dynamodb:BatchGetItem` | orders |
//! | `OfferStore::spent` | `dynamodb:Query` | stock |
//! | `OfferStore::reservations`, `stock`, `spending` | `dynamodb:Scan` | stock |
//! | of reservations | `dynamodb:BatchGetItem` | orders |
//! | `BatchStore::entries`, `batches` | `dynamodb:Query` | orders |
//! | `BatchStore::put_batch` | `dynamodb:PutItem` | orders |
//! | `BatchStore::mark_uploaded` | `dynamodb:UpdateItem` | orders |
//! | `RefusalStore::streak` | `dynamodb:GetItem` | orders |
//! | `RefusalStore::replace_streak` | `dynamodb:PutItem`, `DeleteItem` | orders |
//! | `SupplierSlots::acquire`, `free` | `dynamodb:UpdateItem` | orders |
//!
//! A transaction needs the action of each of its items, and no action of its own.

mod batches;
mod bulk;
mod commit;
mod count;
mod incidents;
mod index;
mod item;
mod memory;
mod offers;
mod orders;
mod packed;
mod provenance;
mod refusals;
mod reservations;
mod sent;
mod slots;
mod spending;
mod state;

#[cfg(test)]
mod cost;

pub use commit::LARGEST_TRANSACTION;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use item::Table;
use memory::Memory;
use ports::Unavailable;
use std::error::Error;
use std::sync::Arc;

/// One merchant's tables.
#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    orders: String,
    stock: Option<String>,
    memory: Arc<Memory>,
}

impl DynamoDb {
    /// `stock` is the name of the stock table, for those who may touch it.
    pub fn new(client: Client, orders: impl Into<String>, stock: Option<String>) -> Self {
        Self {
            client,
            orders: orders.into(),
            stock,
            memory: Arc::new(Memory::new()),
        }
    }

    fn table(&self, table: Table) -> Result<&str, Unavailable> {
        match table {
            Table::Orders => Ok(&self.orders),
            Table::Stock => self
                .stock
                .as_deref()
                .ok_or_else(|| Unavailable::new("no stock table is given")),
        }
    }
}

/// What an error means for the caller.
#[derive(Debug)]
enum Failed {
    /// Contention or throttling, after all tries of the SDK.
    Busy(Unavailable),
    Unavailable(Unavailable),
}

impl From<Failed> for Unavailable {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Busy(error) | Failed::Unavailable(error) => error,
        }
    }
}

fn say<E>(operation: &str, error: SdkError<E>) -> Failed
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let busy = error.code().is_some_and(|code| BUSY.contains(&code));
    let said = error
        .code()
        .map_or_else(String::new, |code| format!(": {code}"));
    let error = Unavailable::because(format!("DynamoDB, {operation}{said}"), error);
    if busy {
        Failed::Busy(error)
    } else {
        Failed::Unavailable(error)
    }
}

const BUSY: [&str; 5] = [
    "TransactionConflictException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
];
