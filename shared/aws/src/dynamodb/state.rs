//! The `state` item of an order: its history, and what it is found by.

use super::item::{
    Changes, Condition, FORM, Item, Key, Meaning, Write, bytes, bytes_of, known_form, number,
    number_of, text, text_of, unreadable,
};
use super::packed::{pack, unpack};
use domain::commit::{Change, Commit};
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::order::events::Recorded;
use domain::order::index::{BatchEntry, Index};
use domain::order::{Order, Reference};
use jiff::{SignedDuration, Timestamp};
use ports::StoreError;
use std::collections::{BTreeMap, BTreeSet};
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
    /// When it was received, in microseconds; `None` of an order that was stored before orders were
    /// listed by it.
    pub(crate) received_at: Option<i64>,
    /// References that an index finds without an item of their own: the first of each kind.
    pub(crate) channel_reference: Option<String>,
    pub(crate) supplier_reference: Option<String>,
    /// When purchase orders with reservations were sent, as stored.
    pub(crate) sent: Option<String>,
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
            received_at: number_of(item, "received"),
            channel_reference: text_of(item, "by_channel").map(str::to_owned),
            supplier_reference: text_of(item, "by_supplier").map(str::to_owned),
            sent: text_of(item, "sent").map(str::to_owned),
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

    /// After the commit.
    pub(crate) fn after(&self, commit: &Commit) -> Result<Self, serde_json::Error> {
        let more = serde_json::to_string(&commit.events)?;
        let more = more.get(1..more.len() - 1).unwrap_or_default();
        let separator = if self.events.is_empty() { "" } else { "," };
        let mut after = Self {
            version: self.version + commit.events.len() as u64,
            events: format!("{}{separator}{more}", self.events).into(),
            due: self.due_after(commit.index.due),
            batches: batches_text(&commit.index.batches),
            sent: self.sent_after(commit),
            ..self.clone()
        };
        after.index(&commit.order);
        for reference in &commit.references {
            after.take_in(reference);
        }
        Ok(after)
    }

    /// When purchase orders were sent, by the counters in their numbers. Nothing is sent before what the
    /// history already has, whatever the clock of whoever reports it says: the reservation that it ends
    /// must be the older of the two.
    fn sent_after(&self, commit: &Commit) -> Option<String> {
        let mut times = self.sent.as_deref().map(sent_times).unwrap_or_default();
        let mut earliest = None;
        for change in &commit.reservations {
            if let Change::Sent(at) = &change.change {
                let earliest = *earliest.get_or_insert_with(|| {
                    let history = self.history(&commit.order).unwrap_or_default();
                    history.iter().map(|recorded| recorded.at).max()
                });
                let at = earliest.map_or(*at, |earliest| earliest.max(*at));
                let counter = counter_of(change.purchase_order.as_str());
                times.insert(counter.to_owned(), at.as_microsecond());
            }
        }
        let times = times.iter().map(|(counter, at)| format!("{counter}@{at}"));
        let times: Vec<_> = times.collect();
        (!times.is_empty()).then(|| times.join(" "))
    }

    /// An order that was stored before there were these indexes comes into them. What cannot be read is
    /// listed all the same, at its end.
    pub(crate) fn index(&mut self, id: &OrderId) {
        if self.received_at.is_some() {
            return;
        }
        let history = self.history(id).unwrap_or_default();
        let first = history.first().map(|recorded| recorded.at);
        self.received_at = Some(first.unwrap_or_default().as_microsecond());
        for reference in self.references(id) {
            self.take_in(&reference);
        }
    }

    /// Everything that the order is known by; nothing where its history cannot be read.
    pub(crate) fn references(&self, id: &OrderId) -> BTreeSet<Reference> {
        let history = self.history(id).unwrap_or_default();
        let order = Order::fold(id.clone(), &history);
        order.map(|order| order.references()).unwrap_or_default()
    }

    /// The first of each kind has an attribute.
    fn take_in(&mut self, reference: &Reference) {
        let (Reference::Channel { .. } | Reference::Supplier { .. }) = reference else {
            return;
        };
        let first = match reference {
            Reference::Channel { .. } => &mut self.channel_reference,
            Reference::Supplier { .. } | Reference::PurchaseOrder(_) => {
                &mut self.supplier_reference
            }
        };
        first.get_or_insert_with(|| reference_text(reference));
    }

    /// Whether the state item itself is found by it.
    pub(crate) fn is_found_by(&self, reference: &Reference) -> bool {
        let own = match reference {
            Reference::PurchaseOrder(_) => return true,
            Reference::Channel { .. } => &self.channel_reference,
            Reference::Supplier { .. } => &self.supplier_reference,
        };
        own.as_ref() == Some(&reference_text(reference))
    }

    /// The write that brings an order into the indexes and changes nothing else of it.
    pub(crate) fn list(&self, order: &OrderId, after: &Self) -> Write {
        let mut changes = Changes::default();
        self.found_by(after, &mut changes);
        let condition =
            Condition::new("#version = :version", [(":version", version(self.version))]);
        Write::update(key(order), changes).only_if(condition, Meaning::State)
    }

    /// Each is written once, since moving an entry of an index costs two writes.
    fn found_by(&self, after: &Self, changes: &mut Changes) {
        if let Some(received_at) = after.received_at.filter(|_| self.received_at.is_none()) {
            changes.set.insert("listed", text(LISTED));
            changes.set.insert("received", number(received_at));
        }
        let mut set = |name, known: &Option<String>, new: &Option<String>| {
            if let Some(new) = new.as_ref().filter(|_| known.is_none()) {
                changes.set.insert(name, text(new));
            }
        };
        let (known, new) = (&self.channel_reference, &after.channel_reference);
        set("by_channel", known, new);
        let (known, new) = (&self.supplier_reference, &after.supplier_reference);
        set("by_supplier", known, new);
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
        self.found_by(after, &mut changes);
        if after.sent != self.sent {
            changes.set_or_remove("sent", after.sent.as_ref().map(text));
        }
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

/// The write that lists an order, at the end, whatever else is stored of it.
pub(crate) fn list_unread(order: &OrderId) -> Write {
    let mut changes = Changes::default();
    changes.set.insert("listed", text(LISTED));
    changes.set.insert("received", number(0));
    let condition = Condition::new(
        "attribute_exists(#version) AND attribute_not_exists(#received)",
        [],
    );
    Write::update(key(order), changes).only_if(condition, Meaning::State)
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

/// When each of its purchase orders was sent last, by the counter in its number, in microseconds:
/// `1@1763892003318580 2@...`. Reservations end by it.
pub(crate) fn sent_times(sent: &str) -> BTreeMap<String, i64> {
    let times = sent.split(' ').filter_map(|one| one.split_once('@'));
    let times = times.filter_map(|(counter, at)| Some((counter.to_owned(), at.parse().ok()?)));
    times.collect()
}

/// The part of a purchase order number that no other of its order has.
pub(crate) fn counter_of(number: &str) -> &str {
    number.split('-').nth(2).unwrap_or(number)
}

/// The one partition of the `newest` index.
pub(crate) const LISTED: &str = "o";

/// A reference as the key of its kind's index: short, since it counts for every write of the state.
pub(crate) fn reference_text(reference: &Reference) -> String {
    let scope = reference.scope();
    let party = scope.split_once('/').map_or("", |(_, party)| party);
    format!("{party}#{}", reference.key())
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
    use super::super::commit::LARGEST_TRANSACTION;
    use super::super::item::Action;
    use super::*;
    use domain::commit::ReservationChange;
    use domain::ids::{ChannelCode, ChannelId, SupplierId, SupplierSku};
    use domain::order::events::Event;
    use domain::order::topics::channel::ChannelChange;
    use domain::purchase_order_number::PurchaseOrderNumber;

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

    fn commit(references: Vec<Reference>, reservations: Vec<ReservationChange>) -> Commit {
        Commit {
            order: OrderId::parse("shop/1001").unwrap(),
            expected_version: 0,
            events: vec![Recorded {
                at: Timestamp::from_second(5).unwrap(),
                event: Event::Channel(ChannelChange::PaymentReceived),
            }],
            index: Index::default(),
            reservations,
            spending: Vec::new(),
            references,
            payload: None,
            trace: None,
        }
    }

    fn supplied(value: &str) -> Reference {
        Reference::of_supplier(&SupplierId::parse("globex").unwrap(), value)
    }

    fn writes(commit: &Commit, seen: &Seen) -> (Vec<Write>, Seen) {
        let after = seen.after(commit).unwrap();
        let writes = super::super::commit::writes(commit, seen, &after, None, "name").unwrap();
        (writes, after)
    }

    #[test]
    fn the_first_reference_of_a_kind_costs_no_item_and_none_is_one_too_many() {
        let number = Reference::of_channel(&ChannelId::parse("shop").unwrap(), "1001");
        let (first, seen) = writes(
            &commit(vec![number.clone(), supplied("A")], Vec::new()),
            &Seen::default(),
        );
        assert_eq!(first.len(), 1);
        assert!(seen.is_found_by(&number) && seen.is_found_by(&supplied("A")));
        assert_eq!(seen.received_at, Some(5_000_000));
        // Again, and another one.
        let (second, seen) = writes(
            &commit(vec![supplied("A"), supplied("B")], Vec::new()),
            &seen,
        );
        assert_eq!(second.len(), 2);
        assert_eq!(
            (
                second[1].key.partition.as_str(),
                second[1].key.sort.as_str()
            ),
            ("reference#supplier/globex#B", "shop/1001")
        );
        assert_eq!(second[1].condition, None, "nothing refuses it");
        let many = (0..500).map(|n| supplied(&n.to_string())).collect();
        let (many, _) = writes(&commit(many, Vec::new()), &seen);
        assert_eq!(many.len(), LARGEST_TRANSACTION);
    }

    /// As an older version stored it: its next commit brings it into every index.
    #[test]
    fn an_order_of_an_older_version_comes_into_the_indexes() {
        let (_, mut seen) = writes(&commit(Vec::new(), Vec::new()), &Seen::default());
        seen.received_at = None;
        let (written, seen) = writes(&commit(vec![supplied("A")], Vec::new()), &seen);
        let Action::Update(changes) = &written[0].action else {
            panic!("{written:?}")
        };
        assert_eq!(changes.set["listed"], text(LISTED));
        assert_eq!(changes.set["received"], number(5_000_000));
        let (written, _) = writes(&commit(Vec::new(), Vec::new()), &seen);
        let Action::Update(changes) = &written[0].action else {
            panic!("{written:?}")
        };
        assert!(!changes.set.contains_key("listed"), "once");
    }

    #[test]
    fn the_state_keeps_when_purchase_orders_were_sent() {
        let code = ChannelCode::parse("SH1").unwrap();
        let sent = |counter, second| ReservationChange {
            supplier: SupplierId::parse("globex").unwrap(),
            supplier_sku: SupplierSku::parse("GX-1").unwrap(),
            purchase_order: PurchaseOrderNumber::new(&code, "1001", counter),
            change: Change::Sent(Timestamp::from_second(second).unwrap()),
        };
        let (first, seen) = writes(&commit(Vec::new(), vec![sent(1, 9)]), &Seen::default());
        assert_eq!(first.len(), 1, "no stock row is written");
        let (_, seen) = writes(&commit(Vec::new(), vec![sent(2, 11)]), &seen);
        let times = sent_times(seen.sent.as_deref().unwrap());
        assert_eq!(
            times.into_values().collect::<Vec<_>>(),
            [9_000_000, 11_000_000]
        );
        // By a clock that is slow: never before what the history has, such as what was reserved.
        let (_, seen) = writes(&commit(Vec::new(), vec![sent(3, 2)]), &seen);
        let times = sent_times(seen.sent.as_deref().unwrap());
        assert_eq!(times["3"], 5_000_000);
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
