//! Offers, and the stock that reservations are taken from.

use super::DynamoDb;
use super::bulk::{Bulk, partition_of, sort_of};
use super::count::{Count, View};
use super::item::{Item, Key, Table, text, text_of, unreadable};
use super::reservations::{Held, OnHand, RESERVATION, parts, stock_key};
use async_trait::async_trait;
use domain::catalogue::{CatalogueRow, Offer, OfferWithStock, Stock};
use domain::digest::Digest;
use domain::ids::{Sku, SupplierId, SupplierSku};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::spending::Spent;
use jiff::Timestamp;
use jiff::civil::Date;
use ports::{OfferStore, Reservation, ReservationPage, StoreError, Unavailable};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Supplier SKUs counted at the same time.
const COUNTS_AT_ONCE: usize = 16;

#[async_trait]
impl OfferStore for DynamoDb {
    /// In one request, where this process knows the SKUs' supplier SKUs; else in a second one.
    async fn offers(&self, skus: &[Sku]) -> Result<Vec<OfferWithStock>, StoreError> {
        let distinct: BTreeSet<_> = skus.iter().collect();
        let mut asked: BTreeSet<Key> = distinct.iter().map(|sku| offers_key(sku)).collect();
        for sku in &distinct {
            let stock = self.memory.stock_of(sku.as_str());
            asked.extend(stock.into_iter().map(|row| Key::stock(row, "stock")));
        }
        let mut found = self.look(&asked).await?;
        let mut offers = BTreeMap::<&Sku, Vec<Offer>>::new();
        for sku in distinct {
            let item = found.get(&offers_key(sku));
            let known = item.map(|item| from_offers(sku, item)).transpose()?;
            offers.insert(sku, known.unwrap_or_default());
        }
        let rows: BTreeSet<_> = offers.values().flatten().map(stock_row).collect();
        let unknown: BTreeSet<_> = rows.difference(&asked).cloned().collect();
        if !unknown.is_empty() {
            found.extend(self.look(&unknown).await?);
        }
        for (sku, offers) in &offers {
            let stock = offers.iter().map(|offer| stock_row(offer).partition);
            self.memory.saw_offers(sku.as_str(), stock.collect());
        }
        let all = skus.iter().filter_map(|sku| offers.get(sku)).flatten();
        let with_stock = all.map(|offer| {
            let row = found.get(&stock_row(offer));
            Ok(OfferWithStock {
                offer: offer.clone(),
                stock: row.map(to_stock).transpose()?,
            })
        });
        with_stock.collect()
    }

    /// What differs is written, the digest last: after a crash in between the next one does the rest.
    async fn apply(
        &self,
        digest: &Digest,
        rows: &[CatalogueRow],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let place = Key::stock("catalogue", "catalogue");
        let in_place = self.get(&place).await?;
        if in_place.as_ref().and_then(|item| text_of(item, "digest")) == Some(digest.as_str()) {
            return Ok(false);
        }
        let mut stored = self.stored().await?;
        let counts = counts(rows, now);
        let counted = counts.keys().cloned().collect::<BTreeSet<_>>();
        let views = stored.stock.iter_mut();
        let views = views.filter(|(partition, _)| counted.contains(*partition));
        self.look_up_sent(views.flat_map(|(_, view)| view.unsent()))
            .await?;
        let wanted = wanted(rows)?;
        let changed = wanted.iter().filter(|(sku, offers)| {
            stored.offers.get(*sku) != Some(&Digest::of(offers.as_bytes()))
        });
        let put = changed.map(|(sku, offers)| {
            let item = Key::stock(sku.as_str(), "offers").with([("offers", text(offers))]);
            Bulk::Put(item)
        });
        let gone = stored
            .offers
            .keys()
            .filter(|sku| !wanted.contains_key(*sku));
        let delete = gone.map(|sku| Bulk::Delete(Key::stock(sku.as_str(), "offers")));
        let offers = put.chain(delete).collect();

        let mut counted = Vec::new();
        let mut first = BTreeMap::new();
        for (partition, counts) in counts {
            match stored.stock.get(&partition) {
                None => {
                    let last = counts.into_iter().reduce(later);
                    first
                        .extend(last.map(|count| (partition.clone(), count.first_row(&partition))));
                }
                Some(view) => counted.extend(
                    counts
                        .into_iter()
                        .filter(|count| !view.has(*count))
                        .reduce(later)
                        .map(|count| (partition.clone(), count, view.clone())),
                ),
            }
        }
        // Before the offers, so that no offer is taken for one whose stock is not tracked.
        let first = first.into_values().map(Bulk::Put).collect();
        let made = self.write_all(Table::Stock, first).await;
        made.map_err(StoreError::Unavailable)?;
        self.count_all(counted).await?;
        let made = self.write_all(Table::Stock, offers).await;
        made.map_err(StoreError::Unavailable)?;
        let item = place.with([("digest", text(digest.as_str()))]);
        let placed = self.write_all(Table::Stock, vec![Bulk::Put(item)]).await;
        placed.map_err(StoreError::Unavailable)?;
        Ok(true)
    }

    async fn spent(&self, suppliers: &[SupplierId], from: Date) -> Result<Vec<Spent>, StoreError> {
        self.spent_from(suppliers, from).await
    }

    async fn spending(&self) -> Result<Vec<Spent>, StoreError> {
        self.all_spending().await
    }

    /// A page is what one request reads of the table, however little of it is reserved.
    async fn reservation_page(
        &self,
        after: Option<&str>,
        _: usize,
    ) -> Result<ReservationPage, StoreError> {
        let filter = Some(("begins_with(#sk, :sort)", RESERVATION));
        let from = after.map(from_cursor).transpose()?;
        let (items, on) = self.scan(Table::Stock, filter, None, from).await?;
        let mut rows = Vec::with_capacity(items.len());
        for item in &items {
            let number = sort_of(item)?.strip_prefix(RESERVATION).unwrap_or_default();
            let held = Held::read(item).ok_or_else(|| unreadable("a reservation"))?;
            rows.push((number, held));
        }
        let unsent = rows.iter_mut().filter(|(_, held)| held.sent_at.is_none());
        self.look_up_sent(unsent.map(|(number, held)| (*number, held)))
            .await?;
        let found = items.iter().zip(&rows);
        let found = found.map(|(item, (number, held))| to_reservation(item, number, held));
        Ok(ReservationPage {
            reservations: found.collect::<Result<_, _>>()?,
            next: on.as_ref().map(cursor).transpose()?,
        })
    }

    async fn stock(&self) -> Result<Vec<(SupplierId, SupplierSku, Stock)>, StoreError> {
        let rows = Some(("#sk = :sort", "stock"));
        let mut found = Vec::new();
        for item in self.scan_all(Table::Stock, rows).await? {
            let (supplier, sku) = key_of(&item)?;
            found.push((supplier, sku, to_stock(&item)?));
        }
        found.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        Ok(found)
    }
}

/// The stock table as it was read.
#[derive(Default)]
struct Stored {
    /// Digests of the offers by key.
    offers: BTreeMap<String, Digest>,
    stock: BTreeMap<String, View>,
}

impl DynamoDb {
    /// As of now where a row was said to have less than we had read.
    async fn look(&self, keys: &BTreeSet<Key>) -> Result<BTreeMap<Key, Item>, StoreError> {
        let mut consistent = false;
        for key in keys {
            consistent |= self.memory.was_short(&key.partition);
        }
        let keys: Vec<_> = keys.iter().cloned().collect();
        self.get_all(&keys, consistent, None).await
    }

    async fn stored(&self) -> Result<Stored, StoreError> {
        let mut stored = Stored::default();
        let mut from = None;
        loop {
            let (items, on) = self.scan(Table::Stock, None, None, from).await?;
            for item in items {
                let partition = partition_of(&item)?;
                if sort_of(&item)? == "offers" {
                    let offers = text_of(&item, "offers").unwrap_or_default();
                    let digest = Digest::of(offers.as_bytes());
                    stored.offers.insert(partition.to_owned(), digest);
                } else if partition.starts_with("stock#") {
                    let view = stored.stock.entry(partition.to_owned()).or_default();
                    view.take_in(&item)?;
                }
            }
            if on.is_none() {
                return Ok(stored);
            }
            from = on;
        }
    }

    async fn count_all(&self, counted: Vec<(String, Count, View)>) -> Result<(), StoreError> {
        let room = Arc::new(Semaphore::new(COUNTS_AT_ONCE));
        let mut counting = JoinSet::new();
        for (partition, count, view) in counted {
            let stop = |error| {
                let error = Unavailable::because("counting stopped", error);
                StoreError::Unavailable(error)
            };
            let place = room.clone().acquire_owned().await.map_err(stop)?;
            let store = self.clone();
            counting.spawn(async move {
                let counted = store.count(&partition, count, view).await;
                drop(place);
                counted
            });
        }
        while let Some(counted) = counting.join_next().await {
            counted.map_err(|error| {
                StoreError::Unavailable(Unavailable::because("counting stopped", error))
            })??;
        }
        Ok(())
    }
}

fn offers_key(sku: &Sku) -> Key {
    Key::stock(format!("sku#{sku}"), "offers")
}

fn stock_row(offer: &Offer) -> Key {
    stock_key(&offer.supplier, &offer.supplier_sku)
}

fn from_offers(sku: &Sku, item: &Item) -> Result<Vec<Offer>, StoreError> {
    let broken = || unreadable(format!("offers of {sku}"));
    let offers = text_of(item, "offers").ok_or_else(broken)?;
    serde_json::from_str(offers).map_err(|_| broken())
}

/// The offers of each SKU as they are stored, by key.
fn wanted(rows: &[CatalogueRow]) -> Result<BTreeMap<String, String>, StoreError> {
    let mut offers = BTreeMap::<String, Vec<&Offer>>::new();
    for row in rows {
        let key = offers_key(&row.offer.sku).partition;
        offers.entry(key).or_default().push(&row.offer);
    }
    let texts = offers.into_iter().map(|(key, offers)| {
        let text = serde_json::to_string(&offers);
        Ok((
            key,
            text.map_err(|_| StoreError::Corrupt("an offer has no JSON".to_owned()))?,
        ))
    });
    texts.collect()
}

/// What the catalogue tells of each supplier SKU, in its order.
fn counts(rows: &[CatalogueRow], now: Timestamp) -> BTreeMap<String, Vec<Count>> {
    let mut counts = BTreeMap::<String, Vec<Count>>::new();
    for row in rows {
        let Some(stock) = row.stock else { continue };
        let count = Count {
            stock: i64::from(stock),
            as_of: row.as_of.unwrap_or(now).as_microsecond(),
        };
        let partition = stock_row(&row.offer).partition;
        counts.entry(partition).or_default().push(count);
    }
    counts
}

/// Of two counts of one supplier SKU the newer; of the same time the one that is told last.
fn later(one: Count, next: Count) -> Count {
    if one.as_of > next.as_of { one } else { next }
}

fn to_stock(item: &Item) -> Result<Stock, StoreError> {
    let broken = || unreadable("a stock row");
    let row = OnHand::read(item).ok_or_else(broken)?;
    Ok(Stock {
        stock: u32::try_from(row.stock).map_err(|_| broken())?,
        available: row.available,
        as_of: Timestamp::from_microsecond(row.as_of).map_err(|_| broken())?,
    })
}

fn key_of(item: &Item) -> Result<(SupplierId, SupplierSku), StoreError> {
    parts(partition_of(item)?).ok_or_else(|| unreadable("the key of a stock row"))
}

fn to_reservation(item: &Item, number: &str, held: &Held) -> Result<Reservation, StoreError> {
    let broken = || unreadable("a reservation");
    let (supplier, supplier_sku) = key_of(item)?;
    let sent_at = held.sent_at.map(Timestamp::from_microsecond);
    Ok(Reservation {
        supplier,
        supplier_sku,
        purchase_order: PurchaseOrderNumber::parse(number).map_err(|_| broken())?,
        quantity: u32::try_from(held.quantity).map_err(|_| broken())?,
        sent_at: sent_at.transpose().map_err(|_| broken())?,
    })
}

/// Where a scan ended, as a text.
fn cursor(key: &Item) -> Result<String, StoreError> {
    serde_json::to_string(&(partition_of(key)?, sort_of(key)?))
        .map_err(|_| unreadable("where a scan ended"))
}

fn from_cursor(cursor: &str) -> Result<Item, StoreError> {
    let (partition, sort): (String, String) =
        serde_json::from_str(cursor).map_err(|_| unreadable("where a scan ended"))?;
    Ok(Key::stock(partition, sort).item())
}
