//! The orders table's own name, stored in it. A restore to a point in time makes a table of another
//! name, in which the former name then stands.

use super::DynamoDb;
use super::item::{Changes, FORM, Key, Table, Write, number, number_of, text, text_of, unreadable};
use super::orders::unanswered;
use jiff::Timestamp;
use ports::{Provenance, StoreError, Unavailable};

/// Indexes that orders are in: 1 has them by due time and cases, 2 also by when they were received and
/// by references. An item without the number is that of a table with 1.
const INDEXES: i64 = 2;

fn key() -> Key {
    Key::orders("installation".to_owned(), "installation")
}

impl DynamoDb {
    /// Asked once by each process, and at every message while it is refused.
    pub(super) async fn where_from(&self) -> Result<Provenance, StoreError> {
        if let Some(known) = self.memory.provenance() {
            return Ok(known);
        }
        let orders = self.table(Table::Orders).map_err(StoreError::Unavailable)?;
        let mut stored = self.get(&key()).await?;
        if stored.is_none() {
            // A new table; whoever else does it now writes the same.
            let name = self.memory.name_of_a_write();
            let item = key().with([
                ("table", text(orders)),
                ("commit", text(&name)),
                ("indexes", number(INDEXES)),
            ]);
            if self.create(&key(), item, &name).await? {
                return Ok(self.memory.comes_from(None));
            }
            stored = self.get(&key()).await?;
        }
        let stored = stored.ok_or_else(|| unreadable("the table's own name"))?;
        let named = text_of(&stored, "table").ok_or_else(|| unreadable("the table's own name"))?;
        if named != orders {
            return Ok(Provenance::Suspect(format!(
                "the orders table {orders} was restored from {named}; nothing is planned or sent \
                 until `waybill restored --aws STACK` takes note of it"
            )));
        }
        let restored_at = number_of(&stored, "restored_at")
            .map(Timestamp::from_microsecond)
            .transpose();
        let restored_at = restored_at.map_err(|_| unreadable("when the table was restored"))?;
        Ok(self.memory.comes_from(restored_at))
    }

    /// Whether every order is in every index.
    pub(super) async fn is_indexed(&self) -> Result<bool, StoreError> {
        // A new table gets its item first.
        self.where_from().await?;
        let item = self.get(&key()).await?;
        let indexes: Option<i64> = item.and_then(|item| number_of(&item, "indexes"));
        Ok(indexes.is_some_and(|indexes| indexes >= INDEXES))
    }

    pub(super) async fn indexed(&self) -> Result<(), StoreError> {
        let mut changes = Changes::default();
        changes.set.insert("indexes", number(INDEXES));
        self.note(changes).await
    }

    /// What else the item says stays.
    async fn note(&self, changes: Changes) -> Result<(), StoreError> {
        let written = self.write(&[Write::update(key(), changes)], "").await;
        let busy = || StoreError::Unavailable(Unavailable::new("DynamoDB is busy"));
        written.map_err(unanswered)?.map_err(|_| busy())
    }

    /// Takes note that the orders table was restored from a copy, whatever its name: purchase orders
    /// that may have been sent since the copy was made come into doubt. Functions that run already take
    /// note of it only where they were refusing to work.
    pub async fn adopt_restored(&self, now: Timestamp) -> Result<(), StoreError> {
        let orders = self.table(Table::Orders).map_err(StoreError::Unavailable)?;
        let mut changes = Changes::default();
        changes.set.insert("form", number(FORM));
        changes.set.insert("table", text(orders));
        changes
            .set
            .insert("restored_at", number(now.as_microsecond()));
        self.note(changes).await
    }
}
