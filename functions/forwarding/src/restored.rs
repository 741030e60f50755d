//! Data restored from a copy: what may have been sent after the copy was made is in doubt before
//! anything else is done with it.

use crate::record::commit;
use crate::send::Found;
use crate::{BatchFile, Deps, batch, way_to};
use domain::batch::{Batch, BatchName};
use domain::order::decide::{Command, WayInForce};
use domain::order::{Order, PurchaseOrder};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::subject::SendSubject;
use jiff::Timestamp;
use ports::{Area, Batches, Provenance, StepError, Supplier, Unavailable};
use std::collections::BTreeMap;

/// What a look at where the data comes from found.
pub(crate) enum Look {
    Nothing,
    /// Something of the order is in doubt now; with the state after it.
    Suspected(Option<Box<Order>>),
    /// Nobody took note of a restore: nothing may be done.
    Unknown,
}

pub(crate) async fn look(deps: &Deps, order: &Order) -> Result<Look, StepError> {
    let restored_at = match deps.orders.provenance().await? {
        Provenance::Known { restored_at: None } => return Ok(Look::Nothing),
        Provenance::Known {
            restored_at: Some(restored_at),
        } => restored_at,
        Provenance::Suspect(why) => {
            tracing::error!(why, "nothing is sent");
            return Ok(Look::Unknown);
        }
    };
    let suspects: Vec<_> = order.suspects(restored_at).collect();
    let lack_via = order.suspected_without_via();
    let ways: BTreeMap<_, _> = lack_via
        .chain(suspects.iter().copied())
        .filter_map(|own| Some((own.number.clone(), way_in_force(deps, own)?)))
        .collect();
    if suspects.is_empty() && ways.is_empty() {
        return Ok(Look::Nothing);
    }
    let suspect = || Command::Suspect {
        restored_at,
        ways: ways.clone(),
    };
    Ok(Look::Suspected(commit(deps, &order.id, suspect).await?))
}

fn way_in_force(deps: &Deps, own: &PurchaseOrder) -> Option<WayInForce> {
    let id = SendSubject::from(&own.number);
    let way = way_to(deps, own, &id).ok()?;
    let via = way.via(&id, own.sending.progress.steps.len());
    let leaves_file = via.file.is_some() || way.batches().is_some();
    Some(WayInForce {
        can_look_up: way.lookup().is_some() || leaves_file,
        via,
    })
}

/// A file that is there was sent. Of one that is not nobody knows whether the supplier took it.
pub(crate) async fn confirm_by_file(deps: &Deps, file: &str) -> Found {
    let lies = deps.files.get(Area::Outbox, file).await;
    let known = deps.files.was_published(file).await;
    if matches!(lies, Ok(Some(_))) || matches!(known, Ok(true)) {
        Found::accepted()
    } else {
        Found::unclear()
    }
}

/// The same of the file of its batch.
pub(crate) async fn confirm_by_batch(
    deps: &Deps,
    own: &PurchaseOrder,
    way: &dyn Supplier,
) -> Found {
    let (Some(cut_off), Some(batches)) = (own.cut_off, way.batches()) else {
        return Found::unclear();
    };
    let name = BatchName::new(&own.supplier, cut_off);
    let Ok(Some(file)) = batch_file(deps, &name, batches).await else {
        return Found::unclear();
    };
    let Ok(purchase_orders) = batches.contents(&file) else {
        return Found::unclear();
    };
    if !purchase_orders.contains(&own.number) {
        return Found::unclear();
    }
    // The copy does not know that it waits for somebody to upload it.
    let batch = Batch {
        upload_by: batch::upload_by(batches, cut_off),
        supplier: own.supplier.clone(),
        uploaded: None,
        name,
        cut_off,
        purchase_orders,
    };
    match deps.batches.put_batch(&batch).await {
        Ok(()) => Found::accepted(),
        Err(error) => {
            tracing::warn!(batch = %batch.name, error = %error, "batch not noted yet");
            Found::unclear()
        }
    }
}

/// As it lies in the outbox; or, where the supplier fetched it, as evidence keeps it.
async fn batch_file(
    deps: &Deps,
    name: &BatchName,
    batches: &dyn Batches,
) -> Result<Option<Vec<u8>>, Unavailable> {
    let key = batches.key(name.as_str());
    if let Some(file) = deps.files.get(Area::Outbox, &key).await? {
        return Ok(Some(file));
    }
    if !deps.files.was_published(&key).await? {
        return Ok(None);
    }
    let kept = deps.files.get(Area::Evidence, &batch::key(name)).await?;
    let kept = kept.and_then(|kept| BatchFile::from_evidence(&kept));
    Ok(kept.map(|kept| kept.bytes))
}

/// The batch's cut-off was before the data was restored: whether its file was written then is not
/// known, so none is written now.
pub(crate) async fn is_batch_of_before(deps: &Deps, cut_off: Timestamp) -> Result<bool, StepError> {
    let provenance = deps.orders.provenance().await?;
    Ok(
        matches!(provenance, Provenance::Known { restored_at: Some(restored_at) }
        if cut_off < restored_at),
    )
}

/// Nothing is claimed of what is not in doubt yet and should be.
pub(crate) async fn may_be_claimed(
    deps: &Deps,
    order: &Order,
    number: &PurchaseOrderNumber,
) -> Result<bool, StepError> {
    let is_meant = |own: &PurchaseOrder| &own.number == number;
    Ok(match deps.orders.provenance().await? {
        Provenance::Suspect(_) => false,
        Provenance::Known { restored_at: None } => true,
        Provenance::Known {
            restored_at: Some(restored_at),
        } => !order.suspects(restored_at).any(is_meant),
    })
}
