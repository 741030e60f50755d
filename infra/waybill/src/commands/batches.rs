//! Files with all purchase orders of a cut-off, which a person puts into a supplier's portal.

use super::{Instead, document, table};
use crate::output::{remark, write_file};
use crate::{Exit, Installation, say};
use domain::batch::{Batch, BatchName, Uploaded};
use domain::text::{counted, moment};
use execution::purchase_orders::BatchFile;
use jiff::Timestamp;
use ports::{Area, BatchStore};
use serde::Serialize;

#[derive(Serialize)]
struct Listing {
    batches: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    batch: String,
    supplier: String,
    cut_off: Timestamp,
    purchase_orders: Vec<String>,
    /// Until when a person has to upload it; nothing where the supplier fetches it.
    upload_by: Option<Timestamp>,
    uploaded_at: Option<Timestamp>,
    uploaded_by: Option<String>,
    overdue: bool,
}

impl Row {
    fn new(batch: &Batch, now: Timestamp) -> Self {
        let uploaded = batch.uploaded.as_ref();
        Self {
            batch: batch.name.to_string(),
            supplier: batch.supplier.to_string(),
            cut_off: batch.cut_off,
            purchase_orders: batch
                .purchase_orders
                .iter()
                .map(ToString::to_string)
                .collect(),
            upload_by: batch.upload_by,
            uploaded_at: uploaded.map(|uploaded| uploaded.at),
            uploaded_by: uploaded.map(|uploaded| uploaded.by.clone()),
            overdue: batch.is_overdue(now),
        }
    }

    fn standing(&self) -> String {
        match (&self.uploaded_by, self.uploaded_at, self.upload_by) {
            (Some(by), Some(at), _) => format!("uploaded {} by {by}", moment(at)),
            (_, _, None) => "the supplier fetches it".to_owned(),
            (_, _, Some(by)) if self.overdue => format!("not uploaded, was due {}", moment(by)),
            (_, _, Some(by)) => format!("to be uploaded by {}", moment(by)),
        }
    }
}

pub(crate) async fn list(at: &Installation, json: bool) -> anyhow::Result<Exit> {
    let now = at.clock.now();
    let batches = at.batches.batches(usize::MAX).await?;
    let batches: Vec<Row> = batches.iter().map(|batch| Row::new(batch, now)).collect();
    if json {
        document(&Listing { batches })?;
        return Ok(Exit::Done);
    }
    let header = ["BATCH", "SUPPLIER", "CUT-OFF", "UPLOAD", "PURCHASE ORDERS"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(batches.iter().map(|row| {
        vec![
            row.batch.clone(),
            row.supplier.clone(),
            moment(row.cut_off),
            row.standing(),
            row.purchase_orders.join(" "),
        ]
    }));
    if rows.len() > 1 {
        table(&rows);
    }
    let number = rows.len() - 1;
    let batches = if number == 1 { "batch" } else { "batches" };
    say(format_args!("{number} {batches}"));
    Ok(Exit::Done)
}

async fn named(store: &dyn BatchStore, name: &str) -> anyhow::Result<Batch> {
    let wanted = BatchName::from_text(name);
    let all = store.batches(usize::MAX).await?;
    all.into_iter()
        .find(|batch| batch.name == wanted)
        .ok_or_else(|| {
            let said = format!("{name:?} is no batch here; `waybill batches` lists them");
            Instead::not_found(said).into()
        })
}

/// Where it lies goes to stderr, so that stdout is the file and nothing else.
pub(crate) async fn open(at: &Installation, name: &str) -> anyhow::Result<Exit> {
    let batch = named(at.batches.as_ref(), name).await?;
    let key = format!("batch/{}", batch.name);
    let stored = at.files.get(Area::Evidence, &key).await?;
    let Some(file) = stored.and_then(|stored| BatchFile::from_evidence(&stored)) else {
        let said = format!("the file of {} was erased", batch.name);
        return Err(Instead::not_found(said).into());
    };
    let place = at.listing.published(batch.name.as_str()).await?;
    let place = place.unwrap_or_else(|| {
        "no more in the outbox: somebody took it; this is what it was".to_owned()
    });
    let orders = counted(batch.purchase_orders.len(), "purchase order");
    remark(format_args!("{place} ({orders})"));
    write_file(&file.bytes);
    Ok(Exit::Done)
}

pub(crate) async fn uploaded(at: &Installation, name: &str, who: String) -> anyhow::Result<Exit> {
    let store = at.batches.as_ref();
    let batch = named(store, name).await?;
    if batch.upload_by.is_none() {
        let why = format!("{} fetches {} itself", batch.supplier, batch.name);
        return Err(Instead::refused(&why).into());
    }
    let mark = Uploaded {
        at: at.clock.now(),
        by: who,
    };
    if store.mark_uploaded(&batch.name, &mark).await? {
        say(format_args!("{}: uploaded by {}", batch.name, mark.by));
        return Ok(Exit::Done);
    }
    let before = named(store, name).await?.uploaded;
    let before = before.map_or_else(String::new, |before| {
        format!(", by {} at {}", before.by, moment(before.at))
    });
    say(format_args!("{} is marked already{before}", batch.name));
    Ok(Exit::Done)
}
