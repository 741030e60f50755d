//! Queues as a table; a message that is being worked on is only hidden until its lease ends.
//!
//! Messages that wait for the same supplier lie in one lane, so that whoever has no room for a slow
//! supplier's messages can leave them where they are and take the others'.

use crate::Embedded;
use crate::columns::{limited, to_json};
use crate::database::Broken;
use async_trait::async_trait;
use domain::messages::{Message, QueueName};
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use ports::{DeadLetter, Deliveries, Delivery, MAX_RECEIVES, Queue, Unavailable};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Notify;

const ACKNOWLEDGE: &str = "DELETE FROM messages WHERE id = ?1";

/// Wakes whoever waits for a message of a queue.
#[derive(Debug)]
pub(crate) struct Wakeups(BTreeMap<QueueName, Notify>);

impl Default for Wakeups {
    fn default() -> Self {
        let queues = QueueName::ALL.iter();
        Self(queues.map(|queue| (*queue, Notify::new())).collect())
    }
}

/// How many messages of each lane are wanted.
#[derive(Debug, Clone, Default)]
pub struct Room {
    /// By the name of the lane.
    pub lanes: BTreeMap<String, usize>,
    /// Of every other lane.
    pub others: usize,
}

/// A message and the lane it lay in.
#[derive(Debug, Clone)]
pub struct InLane {
    pub lane: String,
    pub delivery: Delivery,
}

impl Embedded {
    /// Returns soon after this process sent a message; others' messages notify nobody here.
    pub async fn sent(&self, queue: QueueName) {
        match self.wakeups.0.get(&queue) {
            Some(wakeup) => wakeup.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Acknowledges the messages that are `done`, then receives as [`Deliveries::receive`] does:
    /// the oldest of each lane for which there is room.
    pub async fn receive_in_lanes(
        &self,
        queue: QueueName,
        done: Vec<i64>,
        room: Room,
        now: Timestamp,
        visibility: Duration,
    ) -> Result<Vec<InLane>, Unavailable> {
        let (now, hidden_until) = lease_of(now, visibility);
        let received = self.database.write_at_once(move |connection| {
            let mut acknowledge = connection.prepare_cached(ACKNOWLEDGE)?;
            for id in done {
                acknowledge.execute([id])?;
            }
            give_up(connection, queue, now)?;
            let mut received = Vec::new();
            for lane in lanes(connection, queue)? {
                let wanted = room.lanes.get(&lane).copied().unwrap_or(room.others);
                for id in visible(connection, queue, &lane, wanted, now)? {
                    let delivery = lease(connection, id, hidden_until)?;
                    let lane = lane.clone();
                    received.push(InLane { lane, delivery });
                }
            }
            Ok::<_, Broken>(received)
        });
        Ok(received.await?)
    }

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
        self.send_all(std::slice::from_ref(message)).await
    }

    async fn send_all(&self, messages: &[Message]) -> Result<(), Unavailable> {
        if messages.is_empty() {
            return Ok(());
        }
        let bodies = messages.iter().map(|message| {
            let number = message.purchase_order().cloned();
            Ok((message.queue(), to_json(message)?, number))
        });
        let rows = bodies.collect::<Result<Vec<_>, Broken>>()?;
        let sent = self.database.write_at_once(move |connection| {
            let sql = "INSERT INTO messages (queue, body, lane) VALUES (?1, ?2, coalesce(
                           (SELECT supplier FROM reference_numbers WHERE number = ?3), ''))";
            let mut insert = connection.prepare_cached(sql)?;
            for (queue, body, number) in &rows {
                let number = number.as_ref().map(PurchaseOrderNumber::as_str);
                insert.execute(params![queue.as_str(), body, number])?;
            }
            Ok::<_, Broken>(())
        });
        sent.await?;
        for message in messages {
            if let Some(wakeup) = self.wakeups.0.get(&message.queue()) {
                wakeup.notify_one();
            }
        }
        Ok(())
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
        let (now, hidden_until) = lease_of(now, visibility);
        let received = self.database.write_at_once(move |connection| {
            give_up(connection, queue, now)?;
            let mut oldest = Vec::new();
            for lane in lanes(connection, queue)? {
                oldest.extend(visible(connection, queue, &lane, limit, now)?);
            }
            oldest.sort_unstable();
            oldest.truncate(limit);
            let leased = oldest
                .into_iter()
                .map(|id| lease(connection, id, hidden_until));
            leased.collect::<Result<_, Broken>>()
        });
        Ok(received.await?)
    }

    async fn acknowledge(&self, delivery: &Delivery) -> Result<(), Unavailable> {
        Ok(self.delete(ACKNOWLEDGE, delivery.id).await?)
    }

    async fn nack(&self, delivery: &Delivery, at: Timestamp) -> Result<(), Unavailable> {
        let (id, receives) = (delivery.id, delivery.receives);
        let given_back = self.database.write_at_once(move |connection| {
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

    async fn remove_dead_letter(&self, id: i64) -> Result<(), Unavailable> {
        Ok(self
            .delete("DELETE FROM dead_letters WHERE id = ?1", id)
            .await?)
    }
}

impl Embedded {
    async fn delete(&self, sql: &'static str, id: i64) -> Result<(), Broken> {
        self.database
            .write_at_once(move |connection| {
                connection.prepare_cached(sql)?.execute([id])?;
                Ok(())
            })
            .await
    }
}

/// Now, and when a lease that begins now ends.
fn lease_of(now: Timestamp, visibility: Duration) -> (i64, i64) {
    let now = now.as_microsecond();
    let visibility = i64::try_from(visibility.as_micros()).unwrap_or(i64::MAX);
    (now, now.saturating_add(visibility))
}

/// Moves what was received too often to the dead letters.
fn give_up(connection: &Connection, queue: QueueName, now: i64) -> Result<(), Broken> {
    // The number in the text, not bound: only so is the index known to hold them all.
    let spent = format!("queue = ?1 AND visible_at <= ?2 AND receives >= {MAX_RECEIVES}");
    let move_to_dead_letters = format!(
        "INSERT INTO dead_letters (id, queue, body) SELECT id, queue, body FROM messages
         WHERE {spent}"
    );
    let key = params![queue.as_str(), now];
    if connection
        .prepare_cached(&move_to_dead_letters)?
        .execute(key)?
        > 0
    {
        let remove = format!("DELETE FROM messages WHERE {spent}");
        connection.prepare_cached(&remove)?.execute(key)?;
    }
    Ok(())
}

/// From one to the next by the index, however many messages lie in each.
fn lanes(connection: &Connection, queue: QueueName) -> Result<Vec<String>, Broken> {
    let mut next = connection
        .prepare_cached("SELECT min(lane) FROM messages WHERE queue = ?1 AND lane > ?2")?;
    let mut first = connection
        .prepare_cached("SELECT lane FROM messages WHERE queue = ?1 AND lane = '' LIMIT 1")?;
    let mut lanes: Vec<String> = first
        .query_row([queue.as_str()], |row| row.get(0))
        .optional()?
        .into_iter()
        .collect();
    let mut last = String::new();
    while let Some(lane) = next.query_row([queue.as_str(), &last], |row| {
        row.get::<_, Option<String>>(0)
    })? {
        last.clone_from(&lane);
        lanes.push(lane);
    }
    Ok(lanes)
}

/// The oldest of a lane that nobody works on.
fn visible(
    connection: &Connection,
    queue: QueueName,
    lane: &str,
    limit: usize,
    now: i64,
) -> Result<Vec<i64>, Broken> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(
        "SELECT id FROM messages WHERE queue = ?1 AND lane = ?2 AND visible_at <= ?3
         ORDER BY id LIMIT ?4",
    )?;
    let ids = statement.query_map(params![queue.as_str(), lane, now, limited(limit)], |row| {
        row.get(0)
    })?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn lease(connection: &Connection, id: i64, hidden_until: i64) -> Result<Delivery, Broken> {
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET visible_at = ?2, receives = receives + 1 WHERE id = ?1
         RETURNING body, receives",
    )?;
    Ok(statement.query_row([id, hidden_until], |row| {
        Ok(Delivery {
            id,
            body: row.get(0)?,
            receives: row.get(1)?,
        })
    })?)
}
