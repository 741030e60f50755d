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
use domain::order::Order;
use domain::order::events::Recorded;
use domain::purchase_order_number::PurchaseOrderNumber;
use ports::{OrderIndex, OrderStore, StoreError};
use progress::Progress;
use serde::Serialize;

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

/// Everything that is stored, in the order of ids.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) orders: Vec<(Order, Vec<Recorded>)>,
    /// With the reason; one of them must not hide the others.
    pub(crate) unreadable: Vec<(OrderId, String)>,
}

pub(crate) async fn all(at: &Installation) -> anyhow::Result<Stored> {
    let mut stored = Stored::default();
    let mut progress = Progress::on_stderr();
    let mut after: Option<String> = None;
    loop {
        let page = at.index.list(after.as_deref(), PAGE).await?;
        for ids in page.orders.chunks(AT_ONCE) {
            let reading = ids.iter().map(|id| {
                let (store, id) = (at.orders.clone(), id.clone());
                tokio::spawn(async move { (read(store.as_ref(), &id).await, id) })
            });
            for order in reading.collect::<Vec<_>>() {
                match order.await? {
                    (Ok(Some(order)), _) => stored.orders.push(order),
                    (Ok(None), _) => {}
                    (Err(StoreError::Corrupt(why)), id) => stored.unreadable.push((id, why)),
                    (Err(error), _) => return Err(error.into()),
                }
            }
            progress.reached(stored.orders.len() + stored.unreadable.len());
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    stored
        .orders
        .sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    stored.unreadable.sort();
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

/// The one order that the text means.
async fn find(at: &Installation, text: &str) -> anyhow::Result<OrderId> {
    // A request to cancel, `NUMBER/X1`, belongs to the order of its purchase order.
    let number = PurchaseOrderNumber::parse(text.split_once("/X").map_or(text, |(own, _)| own));
    let known = match (number, OrderId::parse(text)) {
        (Ok(number), _) => at.index.find(&number).await?,
        (Err(_), Ok(id)) if text.contains('/') => match at.orders.load(&id).await {
            Ok(history) => history.map(|history| history.order),
            // It is there; whoever reads it says what is the matter.
            Err(StoreError::Corrupt(_)) => Some(id),
            Err(error) => return Err(error.into()),
        },
        (Err(_), _) => None,
    };
    if let Some(id) = known {
        return Ok(id);
    }
    // As people have them from the shop's pages: no index knows these.
    let number = text.strip_prefix('#').unwrap_or(text);
    let mut meant = Vec::new();
    if !text.contains('/') {
        for (order, _) in all(at).await?.orders {
            let latest = order.news.latest.as_ref();
            if order.id.own.as_str() == text
                || latest.is_some_and(|latest| latest.content.order_number == number)
            {
                meant.push(order.id);
            }
        }
    }
    match meant.len() {
        0 => Err(not_found(text).into()),
        1 => Ok(meant.remove(0)),
        _ => {
            let ids: Vec<_> = meant.iter().map(|id| format!("\n  {id}")).collect();
            let said = format!(
                "{text} is several orders; name one of them:{}",
                ids.concat()
            );
            Err(Instead::not_found(said).into())
        }
    }
}

fn not_found(text: &str) -> Instead {
    Instead::not_found(format!(
        "{text:?} is no order here; expected channel/own id, a purchase order number, or the shop's order number"
    ))
}

/// The purchase order of that number, with its order.
async fn find_purchase_order(
    index: &dyn OrderIndex,
    text: &str,
) -> anyhow::Result<(PurchaseOrderNumber, OrderId)> {
    let known = match PurchaseOrderNumber::parse(text) {
        Ok(number) => index.find(&number).await?.map(|id| (number, id)),
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
