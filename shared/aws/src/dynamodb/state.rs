//! The `state` item of an order: its history, and what it is found by.

use super::item::{
    Changes, Condition, FORM, Item, Key, Meaning, Write, bytes, bytes_of, known_form, number,
    number_of, text, text_of, unreadable,
};
use super::packed::{pack, unpack};
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::order::events::Recorded;
use domain::order::index::{BatchEntry, Index};
use jiff::{SignedDuration, Timestamp};
use ports::StoreError;
use std::sync::Arc;

const SHARDS: u8 = 4;
/// The sweep comes once a minute: an entry that is later by less than half of that stays, since
/// moving an entry of an index costs two writes.
const LATE: SignedDuration = SignedDuration::from_secs(30);

pub(crate) fn key(order: &OrderId) -> Key {
    Key::orders(order.to_string(), "state")
}

/// What is known of a state item. The history of a version never changes; the rest may, by the
/// sweep, and is conditioned on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    pub(crate) version: u64,
    /// The events as JSON, without the brackets around them.
    pub(crate) events: Arc<str>,
    /// In microseconds.
    pub(crate) due: Option<i64>,
    /// Batch entries as stored.
    pub(crate) batches: Option<String>,
}

impl Seen {
    pub(crate) fn read(order: &OrderId, item: &Item) -> Result<Self, StoreError> {
        known_form(item)?;
        if !item.contains_key("form") {
            return Err(StoreError::Corrupt(format!(
                "{order} was stored by a version of Waybill before its first release, which none reads \
                 any more: begin with new tables"
            )));
        }
        let history = || unreadable(format!("history of {order}"));
        let packed = bytes_of(item, "history").ok_or_else(history)?;
        let events = unpack(packed).map_err(|_| history())?;
        let events = events
            .strip_prefix('[')
            .and_then(|events| events.strip_suffix(']'))
            .ok_or_else(history)?;
        Ok(Self {
            version: number_of(item, "version").ok_or_else(history)?,
            events: events.into(),
            due: number_of(item, "due"),
            batches: text_of(item, "batches").map(str::to_owned),
        })
    }

    pub(crate) fn history(&self, order: &OrderId) -> Result<Vec<Recorded>, StoreError> {
        serde_json::from_str(&format!("[{}]", self.events)).map_err(|error| {
            StoreError::Corrupt(format!(
                "history of {order} cannot be read at character {}",
                error.column()
            ))
        })
    }

    /// After a commit of these events with that index.
    pub(crate) fn after(
        &self,
        events: &[Recorded],
        index: &Index,
    ) -> Result<Self, serde_json::Error> {
        let more = serde_json::to_string(events)?;
        let more = more.get(1..more.len() - 1).unwrap_or_default();
        let separator = if self.events.is_empty() { "" } else { "," };
        Ok(Self {
            version: self.version + events.len() as u64,
            events: format!("{}{separator}{more}", self.events).into(),
            due: self.due_after(index.due),
            batches: batches_text(&index.batches),
        })
    }

    /// The same version with another index.
    pub(crate) fn postponed(&self, index: &Index) -> Self {
        Self {
            due: index.due.map(not_before),
            batches: batches_text(&index.batches),
            ..self.clone()
        }
    }

    /// What the index says after a commit. An entry that is too early is moved by the sweep.
    fn due_after(&self, wanted: Option<Timestamp>) -> Option<i64> {
        let wanted = not_before(wanted?);
        match self.due {
            Some(known) if known <= latest(wanted) => Some(known),
            Some(_) | None => Some(wanted),
        }
    }

    /// The write that takes an order from this state to `after`.
    pub(crate) fn write(
        &self,
        order: &OrderId,
        after: &Self,
        index: &Index,
        commit: &str,
    ) -> Write {
        let mut changes = Changes::default();
        changes.set.insert("form", number(FORM));
        changes.set.insert("version", version(after.version));
        let history = pack(&format!("[{}]", after.events));
        changes.set.insert("history", bytes(history));
        changes.set.insert("commit", text(commit));
        changes.set_or_remove("batches", after.batches.as_ref().map(text));
        configuration(&mut changes, index);
        cases(&mut changes, index);
        let mut condition = if self.version == 0 {
            Condition::new("attribute_not_exists(#version)", [])
        } else {
            let expected = ":version";
            Condition::new("#version = :version", [(expected, version(self.version))])
                .and(same_batches(self.batches.as_ref()))
        };
        match (index.due.map(not_before), after.due) {
            (Some(wanted), Some(kept)) if Some(kept) == self.due && kept != wanted => {
                condition = condition.and(Condition::new(
                    "#due <= :due",
                    [(":due", number(latest(wanted)))],
                ));
            }
            (_, due) => set_due(&mut changes, order, due),
        }
        Write::update(key(order), changes).only_if(condition, Meaning::State)
    }

    /// The write that changes only what the order is found by.
    pub(crate) fn postpone(&self, order: &OrderId, index: &Index) -> Write {
        let mut changes = Changes::default();
        set_due(&mut changes, order, index.due.map(not_before));
        changes.set_or_remove("batches", batches_text(&index.batches).map(text));
        configuration(&mut changes, index);
        cases(&mut changes, index);
        let condition =
            Condition::new("#version = :version", [(":version", version(self.version))])
                .and(same_batches(self.batches.as_ref()));
        Write::update(key(order), changes).only_if(condition, Meaning::State)
    }
}

/// The write that only says when an order is due, whatever else is stored of it.
pub(crate) fn set_aside(order: &OrderId, index: &Index) -> Write {
    let mut changes = Changes::default();
    set_due(&mut changes, order, index.due.map(not_before));
    let condition = Condition::new("attribute_exists(#version)", []);
    Write::update(key(order), changes).only_if(condition, Meaning::State)
}

fn version(version: u64) -> aws_sdk_dynamodb::types::AttributeValue {
    number(i64::try_from(version).unwrap_or(i64::MAX))
}

fn same_batches(known: Option<&String>) -> Condition {
    match known {
        Some(known) => Condition::new("#batches = :batches", [(":batches", text(known))]),
        None => Condition::new("attribute_not_exists(#batches)", []),
    }
}

fn set_due(changes: &mut Changes, order: &OrderId, due: Option<i64>) {
    changes.set_or_remove("due", due.map(number));
    changes.set_or_remove("due_shard", due.map(|_| text(shard(order))));
}

/// What is known stays where this step does not say it.
fn configuration(changes: &mut Changes, index: &Index) {
    if let Some(digest) = &index.configuration {
        changes.set.insert("configuration", text(digest.as_str()));
    }
}

fn cases(changes: &mut Changes, index: &Index) {
    let cases = (!index.cases.is_empty()).then(|| serde_json::to_string(&index.cases).ok());
    changes.set_or_remove("open_cases", cases.as_ref().map(|_| text("open")));
    changes.set_or_remove("cases", cases.flatten().map(text));
}

/// One of the partitions of the `due` index.
fn shard(order: &OrderId) -> String {
    let digest = Digest::of(order.to_string().as_bytes());
    let sum: u32 = digest.as_str().bytes().map(u32::from).sum();
    (sum % u32::from(SHARDS)).to_string()
}

pub(crate) fn shards() -> impl Iterator<Item = String> {
    (0..SHARDS).map(|shard| shard.to_string())
}

/// Rounded up, so that no order is swept before it is due.
fn not_before(due: Timestamp) -> i64 {
    let microsecond = due.as_microsecond();
    match Timestamp::from_microsecond(microsecond) {
        Ok(rounded) if rounded < due => microsecond + 1,
        Ok(_) | Err(_) => microsecond,
    }
}

fn latest(wanted: i64) -> i64 {
    wanted.saturating_add(i64::try_from(LATE.as_micros()).unwrap_or_default())
}

fn batches_text(batches: &[BatchEntry]) -> Option<String> {
    let mut entries: Vec<(&str, i64, &str)> = batches
        .iter()
        .map(|entry| {
            (
                entry.supplier.as_str(),
                entry.cut_off.as_microsecond(),
                entry.purchase_order.as_str(),
            )
        })
        .collect();
    entries.sort_unstable();
    (!entries.is_empty())
        .then(|| serde_json::to_string(&entries).ok())
        .flatten()
}

/// Keys of the items that a state's batch entries stand for.
pub(crate) fn batch_keys(batches: Option<&String>) -> Vec<Key> {
    let entries: Vec<(String, i64, String)> = batches
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    entries
        .into_iter()
        .map(|(supplier, cut_off, number)| {
            Key::orders(super::batches::partition(&supplier, cut_off), number)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(form: Option<i64>) -> Item {
        let order = OrderId::parse("shop/1001").unwrap();
        let mut item = key(&order).with([("version", version(1)), ("history", bytes(pack("[]")))]);
        item.remove("form");
        item.extend(form.map(|form| ("form".to_owned(), number(form))));
        item
    }

    fn read(form: Option<i64>) -> Result<Seen, String> {
        let order = OrderId::parse("shop/1001").unwrap();
        Seen::read(&order, &stored(form)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_form_that_this_version_does_not_know_is_refused_with_what_to_do() {
        assert!(read(Some(FORM)).is_ok());
        let before = read(None).unwrap_err();
        assert!(before.ends_with("begin with new tables"), "{before}");
        let newer = read(Some(FORM + 1)).unwrap_err();
        assert!(
            newer.contains("form 2") && newer.contains("deploy the version"),
            "{newer}"
        );
    }
}
