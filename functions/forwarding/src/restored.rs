//! Data restored from a copy: what may have been sent after the copy was made is in doubt before
//! anything else is done with it.

use crate::record::commit;
use crate::send::Found;
use crate::{Deps, way_to};
use domain::batch::BatchName;
use domain::order::decide::{Command, WayInForce};
use domain::order::{Order, PurchaseOrder, SendId};
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use ports::{Area, Provenance, StepError, Supplier};
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
    let id = SendId::of(&own.number);
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
    let key = batches.key(name.as_str());
    let contents = match deps.files.get(Area::Outbox, &key).await {
        Ok(Some(bytes)) => batches.contents(&bytes),
        Ok(None) | Err(_) => return Found::unclear(),
    };
    if contents.is_ok_and(|contents| contents.contains(&own.number)) {
        Found::accepted()
    } else {
        Found::unclear()
    }
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
