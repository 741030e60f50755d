//! What orders are found by without loading them.

use crate::Embedded;
use crate::columns::{from_json, from_text, limited};
use crate::commit::{number_of, postpone};
use crate::database::Broken;
use async_trait::async_trait;
use domain::ids::{ChannelId, OrderId, SupplierId};
use domain::order::Reference;
use domain::order::index::Index;
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use ports::{CasePage, CaseRow, OrderIndex, Page, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Orders that one reference finds.
const CANDIDATES: usize = 50;

const OWNER: &str = "SELECT order_id FROM reference_numbers WHERE number = ?1";
const FIND: &str = "SELECT order_id FROM order_references WHERE scope = ?1 AND value = ?2
    ORDER BY order_id LIMIT ?3";
const DUE: &str = "SELECT id FROM orders WHERE due <= ?1 ORDER BY due, id LIMIT ?2";
const ORDERS_WITH_CASES: &str =
    "SELECT DISTINCT order_id FROM cases WHERE order_id > ?1 ORDER BY order_id LIMIT ?2";
const OPEN: &str = "SELECT order_id FROM open_suppliers WHERE supplier = ?1 AND order_id > ?2
    ORDER BY order_id LIMIT ?3";
const LIST: &str = "SELECT received_at, id FROM orders WHERE (received_at, id) < (?1, ?2)
    ORDER BY received_at DESC, id DESC LIMIT ?3";
const SCOPES: &str = "WITH RECURSIVE scopes (scope) AS (
        SELECT min(scope) FROM order_references
        UNION ALL
        SELECT (SELECT min(scope) FROM order_references WHERE scope > scopes.scope)
        FROM scopes WHERE scope IS NOT NULL
    )
    SELECT scope FROM scopes WHERE scope IS NOT NULL";

#[async_trait]
impl OrderIndex for Embedded {
    async fn find(&self, reference: &Reference) -> Result<Vec<OrderId>, StoreError> {
        let reference = reference.clone();
        let found = self
            .database
            .read(move |connection| find(connection, &reference));
        Ok(found.await?)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError> {
        Ok(self
            .database
            .read(move |connection| {
                ids(
                    connection,
                    DUE,
                    params![now.as_microsecond(), limited(limit)],
                )
            })
            .await?)
    }

    /// A page ends with an id, and the next begins after it.
    async fn cases(&self, after: Option<&str>, limit: usize) -> Result<CasePage, StoreError> {
        let after = after.unwrap_or_default().to_owned();
        Ok(self
            .database
            .read(move |connection| cases(connection, &after, limit))
            .await?)
    }

    /// A page ends with an id, and the next begins after it.
    async fn open(
        &self,
        supplier: &SupplierId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let supplier = supplier.to_string();
        let after = after.unwrap_or_default().to_owned();
        let orders = self
            .database
            .read(move |connection| ids(connection, OPEN, params![supplier, after, limited(limit)]))
            .await?;
        let next = orders.last().filter(|_| orders.len() >= limit);
        Ok(Page {
            next: next.map(OrderId::to_string),
            orders,
        })
    }

    /// A page ends with a time and an id, and the next begins before them.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let after = match after {
            Some(after) => from_cursor(after)?,
            None => (i64::MAX, String::new()),
        };
        Ok(self
            .database
            .read(move |connection| list(connection, &after, limit))
            .await?)
    }

    async fn place_after(&self, order: &OrderId) -> Result<Option<String>, StoreError> {
        let order = order.to_string();
        let sql = "SELECT received_at FROM orders WHERE id = ?1";
        let place = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let received_at = statement.query_row([&order], |row| row.get(0)).optional()?;
            Ok::<_, Broken>(received_at.map(|at: i64| cursor(at, &order)))
        };
        Ok(self.database.read(place).await?)
    }

    async fn postpone(
        &self,
        order: &OrderId,
        version: Option<u64>,
        index: &Index,
    ) -> Result<(), StoreError> {
        let (order, index) = (order.to_string(), index.clone());
        let version = version.map(number_of);
        let postponed = self
            .database
            .write(move |connection| postpone(connection, &order, version, &index));
        Ok(postponed.await?)
    }
}

impl Embedded {
    /// Channels of which any order has a number.
    pub async fn known_channels(&self) -> Result<Vec<ChannelId>, StoreError> {
        let known = |scope: &str| ChannelId::parse(scope.strip_prefix("channel/")?).ok();
        let scopes = self.database.read(scopes).await?;
        Ok(scopes.iter().filter_map(|scope| known(scope)).collect())
    }

    /// Suppliers that gave any purchase order a reference of theirs.
    pub async fn known_suppliers(&self) -> Result<Vec<SupplierId>, StoreError> {
        let known = |scope: &str| SupplierId::parse(scope.strip_prefix("supplier/")?).ok();
        let scopes = self.database.read(scopes).await?;
        Ok(scopes.iter().filter_map(|scope| known(scope)).collect())
    }
}

fn find(connection: &Connection, reference: &Reference) -> Result<Vec<OrderId>, Broken> {
    if let Reference::PurchaseOrder(number) = reference {
        let owner = owner(connection, number)?;
        let owner = owner.map(|id| from_text("an order id", id)).transpose()?;
        return Ok(owner.into_iter().collect());
    }
    let known = params![reference.scope(), reference.key(), limited(CANDIDATES)];
    ids(connection, FIND, known)
}

/// One step through the index for each.
fn scopes(connection: &Connection) -> Result<Vec<String>, Broken> {
    let mut statement = connection.prepare_cached(SCOPES)?;
    let scopes = statement.query_map([], |row| row.get(0))?;
    Ok(scopes.collect::<Result<_, _>>()?)
}

pub(crate) fn owner(
    connection: &Connection,
    number: &PurchaseOrderNumber,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(OWNER)?
        .query_row([number.as_str()], |row| row.get(0))
        .optional()
}

fn ids(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<OrderId>, Broken> {
    let mut statement = connection.prepare_cached(sql)?;
    let texts: Vec<String> = statement
        .query_map(values, |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    texts
        .into_iter()
        .map(|text| from_text("an order id", text))
        .collect()
}

fn list(connection: &Connection, before: &(i64, String), limit: usize) -> Result<Page, Broken> {
    let mut statement = connection.prepare_cached(LIST)?;
    let values = params![before.0, before.1, limited(limit)];
    let rows: Vec<(i64, String)> = statement
        .query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let last = rows.last().filter(|_| rows.len() >= limit);
    let next = last.map(|(at, id)| cursor(*at, id));
    let orders = rows
        .into_iter()
        .map(|(_, id)| from_text("an order id", id))
        .collect::<Result<_, _>>()?;
    Ok(Page { orders, next })
}

fn cursor(received_at: i64, order: &str) -> String {
    format!("{received_at}~{order}")
}

fn from_cursor(cursor: &str) -> Result<(i64, String), StoreError> {
    let parts = cursor.split_once('~');
    let parts = parts.and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    parts.ok_or_else(|| StoreError::Corrupt(format!("{cursor:?} is no place in a list of orders")))
}

fn cases(connection: &Connection, after: &str, limit: usize) -> Result<CasePage, Broken> {
    let orders = ids(
        connection,
        ORDERS_WITH_CASES,
        params![after, limited(limit)],
    )?;
    let mut statement = connection.prepare_cached(
        "SELECT body, configuration FROM cases JOIN orders ON orders.id = cases.order_id
         WHERE order_id = ?1 ORDER BY number",
    )?;
    let next = orders.last().filter(|_| orders.len() >= limit);
    let next = next.map(OrderId::to_string);
    let mut rows = Vec::new();
    for order in orders {
        let mut found = statement.query([order.to_string()])?;
        while let Some(row) = found.next()? {
            let configuration: Option<String> = row.get(1)?;
            rows.push(CaseRow {
                order: order.clone(),
                entry: from_json("a case", &row.get::<_, String>(0)?)?,
                configuration: configuration
                    .map(|text| from_text("a digest", text))
                    .transpose()?,
            });
        }
    }
    Ok(CasePage { rows, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::{Params, StatementStatus};

    /// So many orders, the first of which are cases; 100 are due, and 100 are open at Globex.
    fn stored(orders: u32, held: u32) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let schema = include_str!("schema.sql");
        connection.execute_batch(schema).unwrap();
        let numbers = "CREATE TABLE own AS
            WITH RECURSIVE own (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM own WHERE n < ?1)
            SELECT n FROM own";
        connection.execute(numbers, [orders]).unwrap();
        let filled = format!(
            "INSERT INTO orders (id, version, due, received_at)
                 SELECT 'acme/' || n, 1, iif(n <= 100, n, 9000000 + n), n FROM own;
             INSERT INTO cases (order_id, number, body)
                 SELECT 'acme/' || n, 1, '{{}}' FROM own WHERE n <= {held};
             INSERT INTO open_suppliers (order_id, supplier)
                 SELECT 'acme/' || n, iif(n <= 100, 'globex', 'initech') FROM own;
             INSERT INTO order_references (scope, value, order_id)
                 SELECT 'channel/acme', n, 'acme/' || n FROM own;
             INSERT INTO order_references (scope, value, order_id)
                 SELECT 'supplier/globex', 'PO-' || n, 'acme/' || n FROM own;
             INSERT INTO reference_numbers (number, order_id)
                 SELECT 'SH-' || n, 'acme/' || n FROM own;"
        );
        connection.execute_batch(&filled).unwrap();
        connection
    }

    /// Rows that a query answers with, and steps of the machine that it takes.
    fn cost(connection: &Connection, sql: &str, values: impl Params) -> (usize, i32) {
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows = statement.query(values).unwrap();
        let mut answered = 0;
        while rows.next().unwrap().is_some() {
            answered += 1;
        }
        drop(rows);
        assert_eq!(statement.get_status(StatementStatus::Sort), 0, "{sql}");
        (answered, statement.get_status(StatementStatus::VmStep))
    }

    /// What a look-up, a page and a sweep read follows what they answer, not what is stored or held.
    #[test]
    fn reads_follow_what_is_found() {
        let costs = |orders: u32, held: u32| {
            let connection = stored(orders, held);
            [
                ("number", cost(&connection, OWNER, ["SH-77"])),
                (
                    "shop",
                    cost(&connection, FIND, params!["channel/acme", "77", 50]),
                ),
                (
                    "supplier",
                    cost(&connection, FIND, params!["supplier/globex", "PO-77", 50]),
                ),
                ("known", cost(&connection, SCOPES, [])),
                ("due", cost(&connection, DUE, params![8_000_000, 1000])),
                ("open", cost(&connection, OPEN, params!["globex", "", 500])),
                (
                    "cases",
                    cost(&connection, ORDERS_WITH_CASES, params!["", 50]),
                ),
                ("newest", cost(&connection, LIST, params![i64::MAX, "", 50])),
                (
                    "older",
                    cost(&connection, LIST, params![orders / 2, "acme/1", 50]),
                ),
            ]
        };
        let (few, many) = (costs(1_000, 100), costs(100_000, 10_000));
        for ((what, (rows, steps)), (_, (rows_of_many, steps_of_many))) in few.iter().zip(&many) {
            println!(
                "{what:<10} {rows:>4} rows {steps:>6} steps; {steps_of_many:>6} of 100,000 orders"
            );
            assert_eq!(rows, rows_of_many, "{what}");
            assert!(*rows > 0, "{what}");
            // Where several orders hold a page, they do so by a few steps each.
            assert!(
                steps_of_many <= &(steps + 50),
                "{what}: {steps} {steps_of_many}"
            );
        }
    }
}
