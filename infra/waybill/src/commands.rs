//! What a person asks and decides of an installation, beside the functions that work on it.

pub(crate) mod acknowledge;
pub(crate) mod address;
pub(crate) mod batches;
pub(crate) mod cases;
pub mod check;
pub(crate) mod decide;
pub(crate) mod evidence;
pub(crate) mod order;
pub(crate) mod orders;
mod progress;
pub(crate) mod redrive;
pub(crate) mod report;
pub(crate) mod restored;
pub(crate) mod retry;
pub(crate) mod supplier;

use crate::{Exit, Installation, say, say_lines};
use domain::ids::OrderId;
use domain::order::events::Recorded;
use domain::order::{Order, Reference};
use domain::purchase_order_number::PurchaseOrderNumber;
use ports::{OrderIndex, OrderStore, StoreError};
use progress::Progress;
use serde::Serialize;
use std::collections::BTreeSet;

const PAGE: usize = 500;
/// Orders that are read at once: a store that is far away answers each only after a while.
const AT_ONCE: usize = 32;

/// There is nothing to show or to do: what is said instead, and how the command ends.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub struct Instead {
    exit: Exit,
    said: String,
}

impl Instead {
    pub fn not_found(said: impl Into<String>) -> Self {
        Self {
            exit: Exit::NotFound,
            said: said.into(),
        }
    }

    pub fn refused(why: &str) -> Self {
        Self {
            exit: Exit::No,
            said: format!("refused: {why}"),
        }
    }

    pub(crate) fn tell(&self, json: bool) -> Exit {
        if json {
            say(format_args!("{}", serde_json::json!({"error": self.said})));
        } else {
            say_lines(format_args!("{}", self.said));
        }
        self.exit
    }
}

/// The one JSON document of a command.
fn document(value: &impl Serialize) -> anyhow::Result<()> {
    say_lines(format_args!("{}", serde_json::to_string_pretty(value)?));
    Ok(())
}

/// An order as it is stored, or why it cannot be read: one of them must not hide the others.
pub(crate) enum Stored {
    Order(Box<Order>, Vec<Recorded>),
    Unreadable(OrderId, String),
}

impl Stored {
    pub(crate) fn id(&self) -> &OrderId {
        match self {
            Self::Order(order, _) => &order.id,
            Self::Unreadable(id, _) => id,
        }
    }
}

/// Every order, those received last first, of which a few are in memory at once.
pub(crate) struct AllOrders<'a> {
    at: &'a Installation,
    after: Option<String>,
    is_over: bool,
    progress: Progress<std::io::Stderr>,
    read: usize,
}

impl<'a> AllOrders<'a> {
    pub(crate) fn of(at: &'a Installation) -> Self {
        Self {
            at,
            after: None,
            is_over: false,
            progress: Progress::on_stderr(),
            read: 0,
        }
    }

    /// The next of them; `None` after the last.
    pub(crate) async fn page(&mut self) -> anyhow::Result<Option<Vec<Stored>>> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.at.index.list(self.after.as_deref(), PAGE).await?;
        let stored = read_all(self.at, &page.orders).await?;
        self.read += page.orders.len();
        self.progress.reached(self.read);
        self.is_over = page.next.is_none();
        self.after = page.next;
        Ok(Some(stored))
    }
}

/// In their order.
async fn read_all(at: &Installation, ids: &[OrderId]) -> anyhow::Result<Vec<Stored>> {
    let mut stored = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let reading = ids.iter().map(|id| {
            let (store, id) = (at.orders.clone(), id.clone());
            tokio::spawn(async move { (read(store.as_ref(), &id).await, id) })
        });
        for order in reading.collect::<Vec<_>>() {
            match order.await? {
                (Ok(Some((order, events))), _) => {
                    stored.push(Stored::Order(Box::new(order), events));
                }
                (Ok(None), _) => {}
                (Err(StoreError::Corrupt(why)), id) => stored.push(Stored::Unreadable(id, why)),
                (Err(error), _) => return Err(error.into()),
            }
        }
    }
    Ok(stored)
}

async fn read(
    store: &dyn OrderStore,
    id: &OrderId,
) -> Result<Option<(Order, Vec<Recorded>)>, StoreError> {
    match store.load(id).await? {
        Some(history) => Ok(Some((history.fold()?, history.events))),
        None => Ok(None),
    }
}

/// The one order that the text means. What finds it reads as many orders as have that number.
async fn find(at: &Installation, text: &str) -> anyhow::Result<OrderId> {
    let mut meant = BTreeSet::new();
    // A request to cancel, `NUMBER/X1`, belongs to the order of its purchase order.
    let number = text.split_once("/X").map_or(text, |(own, _)| own);
    if let Ok(number) = PurchaseOrderNumber::parse(number) {
        meant.extend(known_by(at, &Reference::PurchaseOrder(number)).await?);
    } else if let Ok(id) = OrderId::parse(text)
        && text.contains('/')
        && is_there(at, &id).await?
    {
        meant.insert(id);
    }
    if meant.is_empty() {
        meant = found_by_others_numbers(at, text).await?;
    }
    let ids: Vec<_> = meant.iter().map(|id| format!("\n  {id}")).collect();
    match meant.pop_first() {
        None => Err(not_found(text).into()),
        Some(id) if ids.len() == 1 => Ok(id),
        Some(_) => {
            let several = ids.concat();
            let said = format!("{text} is several orders; name one of them:{several}");
            Err(Instead::not_found(said).into())
        }
    }
}

/// As people have them from the shop's pages and from suppliers' mails.
async fn found_by_others_numbers(
    at: &Installation,
    text: &str,
) -> anyhow::Result<BTreeSet<OrderId>> {
    let mut meant = BTreeSet::new();
    let number = text.strip_prefix('#').unwrap_or(text);
    for channel in at.parties.channels().await? {
        let own = OrderId::parse(&format!("{channel}/{text}"));
        if let Ok(id) = own
            && is_there(at, &id).await?
        {
            meant.insert(id);
        }
        let reference = Reference::of_channel(&channel, number);
        meant.extend(known_by(at, &reference).await?);
    }
    for supplier in at.parties.suppliers().await? {
        let reference = Reference::of_supplier(&supplier, text);
        meant.extend(known_by(at, &reference).await?);
    }
    Ok(meant)
}

/// Orders that have the reference; the index may name others, too.
async fn known_by(at: &Installation, reference: &Reference) -> anyhow::Result<Vec<OrderId>> {
    let mut known = Vec::new();
    for id in at.index.find(reference).await? {
        match read(at.orders.as_ref(), &id).await {
            Ok(Some((order, _))) if order.references().contains(reference) => known.push(id),
            Ok(_) => {}
            // It may; whoever reads it says what is the matter.
            Err(StoreError::Corrupt(_)) => known.push(id),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(known)
}

async fn is_there(at: &Installation, id: &OrderId) -> Result<bool, StoreError> {
    match at.orders.load(id).await {
        Ok(history) => Ok(history.is_some()),
        // It is there; whoever reads it says what is the matter.
        Err(StoreError::Corrupt(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

fn not_found(text: &str) -> Instead {
    Instead::not_found(format!(
        "{text:?} is no order here; expected channel/own id, a purchase order number, the shop's order \
         number, or a supplier's reference"
    ))
}

/// The purchase order of that number, with its order.
async fn find_purchase_order(
    index: &dyn OrderIndex,
    text: &str,
) -> anyhow::Result<(PurchaseOrderNumber, OrderId)> {
    let known = match PurchaseOrderNumber::parse(text) {
        Ok(number) => {
            let reference = Reference::PurchaseOrder(number.clone());
            let found = index.find(&reference).await?.pop();
            found.map(|id| (number, id))
        }
        Err(_) => None,
    };
    known.ok_or_else(|| {
        let said = format!("{text:?} is no purchase order here; `waybill orders` lists them");
        Instead::not_found(said).into()
    })
}

/// Of the names the one that was probably meant.
fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&text.to_lowercase(), name), name))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3))
        .min()
        .map(|(_, name)| name)
}

/// Columns as wide as their widest cell; the last one is never padded.
fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        say(format_args!("{}", cells.join("  ").trim_end()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_has_a_nearest_name() {
        let names = ["city", "zip", "country_code", "country"];
        assert_eq!(nearest("ctiy", names), Some("city"));
        assert_eq!(nearest("Zip", names), Some("zip"));
        assert_eq!(nearest("contry", names), Some("country"));
        assert_eq!(nearest("street", names), None);
    }
}
