//! Queues as a table; a message that is being worked on is only hidden until its lease ends.

use crate::Embedded;
use crate::columns::{limited, to_json};
use crate::database::Broken;
use async_trait::async_trait;
use domain::messages::{Message, QueueName};
use jiff::Timestamp;
use ports::{DeadLetter, Deliveries, Delivery, MAX_RECEIVES, Queue, Unavailable};
use rusqlite::{Connection, params};
use std::time::Duration;

impl Embedded {
    /// For the start of the only server: whoever held a lease is gone.
    pub async fn release_leases(&self) -> Result<(), Unavailable> {
        let released = self.database.write(|connection| {
            connection.execute(
                "UPDATE messages SET visible_at = 0 WHERE visible_at <> 0",
                [],
            )?;
            Ok::<_, Broken>(())
        });
        Ok(released.await?)
    }
}

#[async_trait]
impl Queue for Embedded {
    async fn send(&self, message: &Message) -> Result<(), Unavailable> {
        let queue = message.queue().as_str();
        let body = to_json(message)?;
        let sent = self.database.write(move |connection| {
            let sql = "INSERT INTO messages (queue, body) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute([queue, &body])?;
            Ok::<_, Broken>(())
        });
        Ok(sent.await?)
    }
}

#[async_trait]
impl Deliveries for Embedded {
    async fn receive(
        &self,
        queue: QueueName,
        limit: usize,
        now: Timestamp,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, Unavailable> {
        let now = now.as_microsecond();
        let hidden_until =
            now.saturating_add(i64::try_from(visibility.as_micros()).unwrap_or(i64::MAX));
        let received = self.database.write(move |connection| {
            give_up(connection, queue, now)?;
            lease(connection, queue, limit, now, hidden_until)
        });
        Ok(received.await?)
    }

    async fn acknowledge(&self, delivery: &Delivery) -> Result<(), Unavailable> {
        Ok(self
            .delete("DELETE FROM messages WHERE id = ?1", delivery.id)
            .await?)
    }

    async fn give_back(&self, delivery: &Delivery, at: Timestamp) -> Result<(), Unavailable> {
        let (id, receives) = (delivery.id, delivery.receives);
        let given_back = self.database.write(move |connection| {
            // Another who received it since has a lease of their own.
            let sql = "UPDATE messages SET visible_at = ?3 WHERE id = ?1 AND receives = ?2";
            connection
                .prepare_cached(sql)?
                .execute(params![id, receives, at.as_microsecond()])?;
            Ok::<_, Broken>(())
        });
        Ok(given_back.await?)
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Unavailable> {
        let letters = self.database.read(move |connection| {
            let sql = "SELECT id, queue, body FROM dead_letters ORDER BY id LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let letters = statement.query_map([limited(limit)], |row| {
                Ok(DeadLetter {
                    id: row.get(0)?,
                    queue: row.get(1)?,
                    body: row.get(2)?,
                })
            })?;
            Ok(letters.collect::<Result<_, _>>()?)
        });
        Ok(letters.await?)
    }

    async fn bury(&self, id: i64) -> Result<(), Unavailable> {
        Ok(self
            .delete("DELETE FROM dead_letters WHERE id = ?1", id)
            .await?)
    }
}

impl Embedded {
    async fn delete(&self, sql: &'static str, id: i64) -> Result<(), Broken> {
        self.database
            .write(move |connection| {
                connection.prepare_cached(sql)?.execute([id])?;
                Ok(())
            })
            .await
    }
}

/// Moves what was received too often to the dead letters.
fn give_up(connection: &Connection, queue: QueueName, now: i64) -> Result<(), Broken> {
    let bury = "INSERT INTO dead_letters (id, queue, body) SELECT id, queue, body FROM messages
                WHERE queue = ?1 AND visible_at <= ?2 AND receives >= ?3";
    let remove = "DELETE FROM messages WHERE queue = ?1 AND visible_at <= ?2 AND receives >= ?3";
    let key = params![queue.as_str(), now, MAX_RECEIVES];
    if connection.prepare_cached(bury)?.execute(key)? > 0 {
        connection.prepare_cached(remove)?.execute(key)?;
    }
    Ok(())
}

fn lease(
    connection: &Connection,
    queue: QueueName,
    limit: usize,
    now: i64,
    hidden_until: i64,
) -> Result<Vec<Delivery>, Broken> {
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET visible_at = ?4, receives = receives + 1 WHERE id IN
             (SELECT id FROM messages WHERE queue = ?1 AND visible_at <= ?2 ORDER BY id LIMIT ?3)
         RETURNING id, body, receives",
    )?;
    let rows = statement.query_map(
        params![queue.as_str(), now, limited(limit), hidden_until],
        |row| {
            Ok(Delivery {
                id: row.get(0)?,
                body: row.get(1)?,
                receives: row.get(2)?,
            })
        },
    )?;
    let mut deliveries = rows.collect::<Result<Vec<_>, _>>()?;
    // SQLite returns changed rows in no promised order.
    deliveries.sort_by_key(|delivery| delivery.id);
    Ok(deliveries)
}
