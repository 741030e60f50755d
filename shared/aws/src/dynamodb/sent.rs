//! When purchase orders were sent, for the rows of their reservations. Rows are not stamped: that would
//! be a transaction for each purchase order, and only a count and the report ever ask.

use super::DynamoDb;
use super::item::{Key, text_of};
use super::reservations::Held;
use super::state::{counter_of, sent_times};
use ports::StoreError;
use std::collections::{BTreeMap, BTreeSet};

impl DynamoDb {
    /// Of each row, named by its purchase order. Whatever is sent later than this look is later than any
    /// count that was made before it.
    pub(super) async fn look_up_sent<'a>(
        &self,
        rows: impl Iterator<Item = (&'a str, &'a mut Held)>,
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = rows.collect();
        // Rows of older versions name no order; the purchase order does.
        let numbers = rows.iter().filter(|(_, held)| held.order.is_none());
        let numbers: BTreeSet<Key> = numbers.map(|(number, _)| number_key(number)).collect();
        let numbers: Vec<_> = numbers.into_iter().collect();
        let owners = self
            .get_all(&numbers, true, Some("#pk, #sk, #order"))
            .await?;
        let owner = |number: &str, held: &Held| {
            let of_number = || text_of(owners.get(&number_key(number))?, "order");
            let order = held.order.as_deref().or_else(of_number);
            order.map(str::to_owned)
        };
        let states: BTreeSet<Key> = rows
            .iter()
            .filter_map(|(number, held)| Some(Key::orders(owner(number, held)?, "state")))
            .collect();
        let states: Vec<_> = states.into_iter().collect();
        let found = self.get_all(&states, true, Some("#pk, #sk, #sent")).await?;
        let sent: BTreeMap<_, _> = found
            .iter()
            .filter_map(|(key, item)| Some((&key.partition, sent_times(text_of(item, "sent")?))))
            .collect();
        for (number, held) in rows {
            let times = owner(number, held).and_then(|order| sent.get(&order));
            if let Some(at) = times.and_then(|times| times.get(counter_of(number))) {
                held.sent(*at);
            }
        }
        Ok(())
    }
}

fn number_key(number: &str) -> Key {
    Key::orders(format!("po#{number}"), "po")
}
