//! A count of a supplier SKU, as a feed or the catalogue tells it: it contains what was sent before
//! it, so those reservations end; the others are still to come off it.

use super::DynamoDb;
use super::bulk::{Pages, TRIES, sort_of};
use super::commit::{LARGEST_TRANSACTION, Refused};
use super::item::{Condition, Item, Key, Meaning, Table, Write, number, text};
use super::orders::unanswered;
use super::reservations::{Held, OnHand, RESERVATION};
use crate::clock::SystemClock;
use ports::{Backoff, StoreError, Unavailable};

/// A stock row and the reservations of it, as they were read: not all at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) on_hand: Option<OnHand>,
    pub(super) reservations: Vec<(String, Held)>,
}

impl View {
    pub(super) fn take_in(&mut self, item: &Item) -> Result<(), StoreError> {
        let sort = sort_of(item)?;
        let broken = || super::item::unreadable(format!("stock row {sort}"));
        if sort == "stock" {
            self.on_hand = Some(OnHand::read(item).ok_or_else(broken)?);
        } else if sort.starts_with(RESERVATION) {
            let held = Held::read(item).ok_or_else(broken)?;
            self.reservations.push((sort.to_owned(), held));
        }
        Ok(())
    }

    /// Rows of which it is not known whether their purchase orders were sent.
    pub(super) fn unsent(&mut self) -> impl Iterator<Item = (&str, &mut Held)> {
        let rows = self.reservations.iter_mut();
        let unsent = rows.filter(|(_, held)| held.sent_at.is_none());
        unsent.map(|(sort, held)| (sort.strip_prefix(RESERVATION).unwrap_or_default(), held))
    }

    fn reserved(&self) -> i64 {
        self.reservations
            .iter()
            .map(|(_, held)| held.quantity)
            .sum()
    }

    /// What is available is what there is less what is reserved, at any moment. Rows that were read
    /// while somebody reserved do not add up.
    fn adds_up(&self) -> bool {
        self.on_hand
            .is_none_or(|on_hand| on_hand.stock - self.reserved() == on_hand.available)
    }

    /// Whether the count changes nothing of it.
    pub(super) fn has(&self, count: Count) -> bool {
        let ended = self.ended(count).next().is_some();
        self.on_hand.is_some_and(|on_hand| {
            on_hand.as_of > count.as_of
                || (on_hand.as_of == count.as_of && on_hand.stock == count.stock && !ended)
        })
    }

    fn ended(&self, count: Count) -> impl Iterator<Item = &(String, Held)> {
        let sent_before = move |held: &Held| held.sent_at.is_some_and(|at| at < count.as_of);
        self.reservations
            .iter()
            .filter(move |(_, held)| sent_before(held))
    }

    /// The stock row after the count and the reservations that end, as many as one transaction
    /// holds; and whether there are more.
    fn writes(&self, partition: &str, count: Count) -> (Vec<Write>, bool) {
        let ended: Vec<_> = self.ended(count).collect();
        let now: Vec<_> = ended.iter().take(LARGEST_TRANSACTION - 1).collect();
        let gone: i64 = now.iter().map(|(_, held)| held.quantity).sum();
        let row = count.row(partition, count.stock - (self.reserved() - gone));
        let unchanged = self.on_hand.map_or_else(
            || Condition::new("attribute_not_exists(#pk)", []),
            OnHand::unchanged,
        );
        let stock =
            Write::put(Key::stock(partition, "stock"), row).only_if(unchanged, Meaning::Changed);
        let deletes = now.iter().map(|(sort, held)| {
            let key = Key::stock(partition, sort.as_str());
            Write::delete(key).only_if(held.unchanged(), Meaning::Changed)
        });
        let more = ended.len() > now.len();
        (std::iter::once(stock).chain(deletes).collect(), more)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) stock: i64,
    pub(super) as_of: i64,
}

impl Count {
    /// Of a supplier SKU of which nothing is reserved.
    pub(super) fn first_row(self, partition: &str) -> Item {
        self.row(partition, self.stock)
    }

    fn row(self, partition: &str, available: i64) -> Item {
        Key::stock(partition, "stock").with([
            ("stock", number(self.stock)),
            ("available", number(available)),
            ("as_of", number(self.as_of)),
        ])
    }
}

impl DynamoDb {
    /// Puts the count on what was seen, and on what is there where that is something else.
    pub(super) async fn count(
        &self,
        partition: &str,
        count: Count,
        seen: View,
    ) -> Result<(), StoreError> {
        let name = self.memory.name_of_a_write();
        let mut view = Some(seen);
        let mut backoff = Backoff::new(&SystemClock);
        for attempt in 0..TRIES {
            let found = match view.take() {
                Some(seen) => seen,
                None => self.view(partition).await?,
            };
            if found.on_hand.is_some_and(|known| known.as_of > count.as_of) {
                return Ok(());
            }
            // What never adds up was broken by somebody else: the count mends it.
            if !found.adds_up() && attempt + 2 < TRIES {
                continue;
            }
            let (writes, more) = found.writes(partition, count);
            let written = self.write(&writes, &format!("{name}.{attempt}")).await;
            match written.map_err(unanswered)? {
                Ok(()) if more => return Box::pin(self.count_on(partition, count)).await,
                Ok(()) => return Ok(()),
                Err(Refused::Conditions(_)) => {}
                Err(Refused::Busy) => backoff.pause().await,
            }
        }
        let what = format!("DynamoDB: {partition} changes under every try");
        Err(StoreError::Unavailable(Unavailable::new(what)))
    }

    async fn count_on(&self, partition: &str, count: Count) -> Result<(), StoreError> {
        let view = self.view(partition).await?;
        self.count(partition, count, view).await
    }

    async fn view(&self, partition: &str) -> Result<View, StoreError> {
        let key = vec![(":pk", text(partition))];
        let items = self.query(Pages::of(Table::Stock, "#pk = :pk", key));
        let mut view = View::default();
        for item in items.await? {
            view.take_in(&item)?;
        }
        self.look_up_sent(view.unsent()).await?;
        Ok(view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(stock: i64, available: i64, held: &[(i64, Option<i64>)]) -> View {
        let held = held.iter().enumerate().map(|(index, (quantity, sent_at))| {
            let held = Held::sent_by(*quantity, *sent_at);
            (format!("{RESERVATION}{index:04}"), held)
        });
        View {
            on_hand: Some(OnHand {
                stock,
                available,
                as_of: 10,
            }),
            reservations: held.collect(),
        }
    }

    /// The emulator reads all rows at one moment; `DynamoDB` need not.
    #[test]
    fn rows_of_different_moments_do_not_add_up() {
        assert!(view(10, 7, &[(3, None)]).adds_up());
        assert!(!view(10, 7, &[]).adds_up(), "the reservation came later");
        assert!(!view(10, 10, &[(3, None)]).adds_up());
        assert!(view(2, -1, &[(3, None)]).adds_up(), "more than there is");
        assert!(View::default().adds_up(), "never counted");
    }

    #[test]
    fn the_same_count_again_changes_nothing() {
        let count = |stock, as_of| Count { stock, as_of };
        let known = view(10, 7, &[(3, Some(8))]);
        assert!(known.has(count(99, 9)), "older");
        assert!(!known.has(count(10, 10)), "what was sent before it ends");
        let waiting = view(10, 7, &[(3, Some(10))]);
        assert!(waiting.has(count(10, 10)));
        assert!(!waiting.has(count(11, 10)));
        assert!(!waiting.has(count(10, 11)));
    }

    /// Each part leaves what is available right.
    #[test]
    fn more_than_a_transaction_holds_ends_in_parts() {
        let many = view(500, 350, &[(1, Some(5)); 150]);
        let count = Count {
            stock: 400,
            as_of: 20,
        };
        let (writes, more) = many.writes("stock#a#b", count);
        assert_eq!((writes.len(), more), (LARGEST_TRANSACTION, true));
        let super::super::item::Action::Put(row) = &writes[0].action else {
            panic!("{:?}", writes[0])
        };
        assert_eq!(row["available"], number(400 - 51));
        let rest = view(400, 349, &[(1, Some(5)); 51]);
        let (writes, more) = rest.writes("stock#a#b", count);
        assert_eq!((writes.len(), more), (52, false));
    }
}
