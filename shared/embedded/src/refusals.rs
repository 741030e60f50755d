//! Refusals in a row that do not say why, by supplier.

use crate::Embedded;
use crate::columns::{from_json, to_json};
use crate::database::Broken;
use async_trait::async_trait;
use domain::ids::SupplierId;
use domain::trust::RefusalStreak;
use ports::{RefusalStore, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};

#[async_trait]
impl RefusalStore for Embedded {
    async fn streak(&self, supplier: &SupplierId) -> Result<Option<RefusalStreak>, StoreError> {
        let supplier = supplier.to_string();
        let found = self
            .database
            .read(move |connection| streak(connection, &supplier));
        Ok(found.await?)
    }

    async fn replace_streak(
        &self,
        supplier: &SupplierId,
        known: Option<&RefusalStreak>,
        new: Option<&RefusalStreak>,
    ) -> Result<bool, StoreError> {
        let (supplier, known, new) = (supplier.to_string(), known.cloned(), new.cloned());
        let replaced = self.database.write(move |connection| {
            let stored = streak(connection, &supplier)?;
            if stored == new {
                return Ok(true);
            }
            if stored != known {
                return Ok(false);
            }
            match new {
                Some(new) => connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO refusals (supplier, body) VALUES (?1, ?2)",
                    )?
                    .execute(params![supplier, to_json(&new)?])?,
                None => connection
                    .prepare_cached("DELETE FROM refusals WHERE supplier = ?1")?
                    .execute([supplier])?,
            };
            Ok::<_, Broken>(true)
        });
        Ok(replaced.await?)
    }
}

fn streak(connection: &Connection, supplier: &str) -> Result<Option<RefusalStreak>, Broken> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM refusals WHERE supplier = ?1")?
        .query_row([supplier], |row| row.get(0))
        .optional()?;
    body.map(|body| from_json("the refusals of a supplier", &body))
        .transpose()
}
