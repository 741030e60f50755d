//! What a person asks and decides, beside a server that may be running: no lock is needed, because
//! every decision is a commit on the version that was looked at.

pub(crate) mod cases;
pub(crate) mod check;
pub(crate) mod decide;
pub(crate) mod evidence;
pub(crate) mod look;
pub(crate) mod report;

use crate::{Exit, say};
use domain::ids::OrderId;
use domain::order::Order;
use domain::order::event::Recorded;
use domain::purchase_order_number::PurchaseOrderNumber;
use embedded::Embedded;
use ports::{OrderStore as _, StoreError};
use std::path::Path;

const PAGE: usize = 500;

/// Opened beside the server; `Err` inside is the answer where there is nothing to open.
fn open(data: &Path) -> anyhow::Result<Result<Embedded, Exit>> {
    if !data.join("waybill.db").is_file() {
        say(format_args!(
            "{} holds no data of Waybill; name the folder of `serve` with --data",
            data.display()
        ));
        return Ok(Err(Exit::NotFound));
    }
    Ok(Ok(Embedded::open(data)?))
}

/// Everything that is stored, in the order of ids.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) orders: Vec<(Order, Vec<Recorded>)>,
    /// With the reason; one of them must not hide the others.
    pub(crate) unreadable: Vec<(OrderId, String)>,
}

pub(crate) async fn all(store: &Embedded) -> anyhow::Result<Stored> {
    let mut stored = Stored::default();
    let mut after: Option<OrderId> = None;
    loop {
        let ids = store.list(after.as_ref(), PAGE).await?;
        let Some(last) = ids.last() else {
            return Ok(stored);
        };
        after = Some(last.clone());
        for id in ids {
            match read(store, &id).await {
                Ok(Some(order)) => stored.orders.push(order),
                Ok(None) => {}
                Err(StoreError::Corrupt(why)) => stored.unreadable.push((id, why)),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn read(
    store: &Embedded,
    id: &OrderId,
) -> Result<Option<(Order, Vec<Recorded>)>, StoreError> {
    match store.load(id).await? {
        Some(history) => Ok(Some((history.fold()?, history.events))),
        None => Ok(None),
    }
}

/// The one order that the text means; `Err` inside is the answer where it means none or several.
async fn find(store: &Embedded, text: &str) -> anyhow::Result<Result<OrderId, Exit>> {
    let known = if text.contains('/') {
        match OrderId::parse(text) {
            Ok(id) => match store.load(&id).await {
                Ok(history) => history.map(|history| history.order),
                // It is there; whoever reads it says what is the matter.
                Err(StoreError::Corrupt(_)) => Some(id),
                Err(error) => return Err(error.into()),
            },
            Err(_) => None,
        }
    } else {
        match PurchaseOrderNumber::parse(text) {
            Ok(number) => store.find(&number).await?,
            Err(_) => None,
        }
    };
    if let Some(id) = known {
        return Ok(Ok(id));
    }
    // As people have them from the shop's pages: no index knows these.
    let number = text.strip_prefix('#').unwrap_or(text);
    let mut meant = Vec::new();
    if !text.contains('/') {
        for (order, _) in all(store).await?.orders {
            let latest = order.news.latest.as_ref();
            if order.id.own.as_str() == text
                || latest.is_some_and(|latest| latest.content.sequential == number)
            {
                meant.push(order.id);
            }
        }
    }
    Ok(match meant.len() {
        0 => Err(not_found(text)),
        1 => Ok(meant.remove(0)),
        _ => {
            say(format_args!("{text} is several orders; name one of them:"));
            for id in &meant {
                say(format_args!("  {id}"));
            }
            Err(Exit::NotFound)
        }
    })
}

fn not_found(text: &str) -> Exit {
    say(format_args!(
        "{text:?} is no order here; expected channel/own id, a purchase order number, or the shop's order number"
    ));
    Exit::NotFound
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
