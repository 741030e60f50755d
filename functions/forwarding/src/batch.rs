//! One file with all purchase orders of a cut-off.
//!
//! Every due purchase order of the batch is claimed, the file is assembled from all that are claimed
//! and created once, and outcomes are read off it: what is in it is sent, what is not goes with the
//! next. Whoever comes later, after a crash or beside another worker, does the same and reads the
//! same file: it is the only truth.

use crate::artifact::{artifact, stored};
use crate::record::record;
use crate::send::claim;
use crate::{Deps, TRIES, prepared_not};
use domain::batch::{Batch, BatchName};
use domain::forwarding::{Step, step};
use domain::ids::{OrderId, SupplierId};
use domain::order::decide::{Accepted, Outcome};
use domain::order::machine::SendState;
use domain::order::{Order, PurchaseOrder, SendId};
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use ports::{Area, Artifact, Batches, Put, StepError, Supplier};
use std::collections::BTreeSet;
use std::time::Duration;

/// What stands in the place of the file of a batch that was given up: no real one is empty.
const GIVEN_UP: &[u8] = b"";

/// Batches that are looked through for one that is being given up.
const NEWEST: usize = 1000;

fn key(name: &BatchName) -> String {
    format!("batch/{name}")
}

pub(crate) async fn run(
    deps: &Deps,
    id: &SupplierId,
    supplier: &dyn Supplier,
    cut_off: Timestamp,
) -> Result<(), StepError> {
    let Some(batches) = supplier.batches() else {
        return give_up(deps, id, cut_off).await;
    };
    let name = BatchName::new(id, cut_off);
    for (order, number) in deps.batches.entries(id, cut_off).await? {
        claim_due(deps, &order, &number, supplier, batches).await?;
    }
    let Some(file) = file(deps, &name, id, cut_off, batches).await? else {
        return Ok(());
    };
    if file == GIVEN_UP {
        return give_up(deps, id, cut_off).await;
    }
    let unreadable = |error: ports::PrepareError| StepError::Stop(format!("batch {name}: {error}"));
    let contents = batches.contents(&file).map_err(unreadable)?;
    batches.publish(name.as_str(), &file).await?;
    let batch = Batch {
        name: name.clone(),
        supplier: id.clone(),
        cut_off,
        purchase_orders: contents.clone(),
        upload_by: batches
            .upload_within()
            .and_then(|within| jiff::SignedDuration::try_from(within).ok())
            .map(|within| cut_off + within),
        uploaded: None,
    };
    deps.batches.put_batch(&batch).await?;
    for (order, number) in deps.batches.entries(id, cut_off).await? {
        settle(deps, &order, &number, cut_off, &contents).await?;
    }
    Ok(())
}

/// The supplier takes no batches any more, or is gone. Where the batch's file is not there, a file
/// without anything in it is created in its place: whoever still assembles one finds it, so that
/// nothing of the batch is sent. Where it is there, what it holds was recorded with it, unless
/// somebody is about to do so.
pub(crate) async fn give_up(
    deps: &Deps,
    id: &SupplierId,
    cut_off: Timestamp,
) -> Result<(), StepError> {
    let name = BatchName::new(id, cut_off);
    let contents = match deps
        .files
        .put_new(Area::Evidence, &key(&name), GIVEN_UP)
        .await?
    {
        Put::Created => Some(BTreeSet::new()),
        Put::AlreadyThere => held(deps, &name).await?,
    };
    for (order, number) in deps.batches.entries(id, cut_off).await? {
        match &contents {
            Some(contents) => settle(deps, &order, &number, cut_off, contents).await?,
            None => doubt(deps, &order, &number, cut_off).await?,
        }
    }
    Ok(())
}

/// What the batch's file holds, without reading it; `None` where nobody has recorded it.
async fn held(
    deps: &Deps,
    name: &BatchName,
) -> Result<Option<BTreeSet<PurchaseOrderNumber>>, StepError> {
    let file = deps.files.get(Area::Evidence, &key(name)).await?;
    if file.is_some_and(|file| file == GIVEN_UP) {
        return Ok(Some(BTreeSet::new()));
    }
    let known = deps.batches.batches(NEWEST).await?;
    let own = known.into_iter().find(|known| &known.name == name);
    Ok(own.map(|own| own.purchase_orders))
}

/// Its file may hold it, and nothing can read the file any more.
async fn doubt(
    deps: &Deps,
    order: &OrderId,
    number: &PurchaseOrderNumber,
    cut_off: Timestamp,
) -> Result<(), StepError> {
    let Some((order, own)) = load(deps, order, number).await? else {
        return Ok(());
    };
    let SendState::SendStarted {
        attempt,
        settle_at,
        cut_off: claimed,
        ..
    } = own.sending.state
    else {
        return Ok(());
    };
    // Until then somebody may be recording it.
    if claimed != Some(cut_off) || deps.clock.now() < settle_at {
        return Ok(());
    }
    let outcome = Outcome::InDoubt {
        why: format!(
            "it was claimed for a batch, and {} takes none any more",
            own.supplier
        ),
        evidence: None,
        can_look_up: false,
    };
    let id = SendId::of(number);
    record(deps, None, &order.id, &id, attempt, outcome)
        .await
        .map(drop)
}

/// Claims the purchase order where it is due and still holds; what cannot be prepared stays out.
async fn claim_due(
    deps: &Deps,
    order: &OrderId,
    number: &PurchaseOrderNumber,
    supplier: &dyn Supplier,
    batches: &dyn Batches,
) -> Result<(), StepError> {
    for attempt in 0..TRIES {
        let Some((order, own)) = load(deps, order, number).await? else {
            return Ok(());
        };
        let planned = matches!(own.sending.state, SendState::Planned { .. });
        if !planned || !matches!(step(&order, &own, deps.clock.now()), Step::Batch { .. }) {
            return Ok(());
        }
        let id = SendId::of(number);
        let artifact = match artifact(deps, &order, &own, &id, supplier).await? {
            Ok(artifact) => artifact,
            Err(why) => return prepared_not(deps, &order.id, &id, why).await.map(drop),
        };
        // What was rendered for another kind of file must not keep the others out of this one.
        if let Err(why) = fits(batches, number, &artifact) {
            return prepared_not(deps, &order.id, &id, why).await.map(drop);
        }
        match claim(deps, &order, &own, &id, &artifact, supplier).await {
            Err(StepError::Contended) => {
                let pause = Duration::from_millis(10 * u64::from(attempt + 1));
                deps.clock.sleep(pause).await;
            }
            claimed => return claimed.map(drop),
        }
    }
    Err(StepError::Contended)
}

/// Whether the artifact can stand in the batch's file as it is now.
fn fits(
    batches: &dyn Batches,
    number: &PurchaseOrderNumber,
    artifact: &Artifact,
) -> Result<(), String> {
    let alone = [(number.clone(), artifact.clone())];
    batches
        .assemble(&alone)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// The file as it was created by whoever came first; `None` where nothing is claimed.
async fn file(
    deps: &Deps,
    name: &BatchName,
    id: &SupplierId,
    cut_off: Timestamp,
    batches: &dyn Batches,
) -> Result<Option<Vec<u8>>, StepError> {
    let key = key(name);
    if let Some(file) = deps.files.get(Area::Evidence, &key).await? {
        return Ok(Some(file));
    }
    let mut artifacts = Vec::new();
    for (order, number) in deps.batches.entries(id, cut_off).await? {
        let Some((_, own)) = load(deps, &order, &number).await? else {
            continue;
        };
        if matches!(&own.sending.state, SendState::SendStarted { cut_off: claimed, .. } if *claimed == Some(cut_off))
            && let Some(artifact) = stored(deps, &SendId::of(&number)).await?
            && fits(batches, &number, &artifact).is_ok()
        {
            artifacts.push((number, artifact));
        }
    }
    if artifacts.is_empty() {
        return Ok(None);
    }
    artifacts.sort_by(|(one, _), (other, _)| one.cmp(other));
    let assembled = batches
        .assemble(&artifacts)
        .map_err(|error| StepError::Stop(format!("batch {name}: {error}")))?;
    deps.files.put_new(Area::Evidence, &key, &assembled).await?;
    Ok(deps.files.get(Area::Evidence, &key).await?)
}

async fn settle(
    deps: &Deps,
    order: &OrderId,
    number: &PurchaseOrderNumber,
    cut_off: Timestamp,
    contents: &BTreeSet<PurchaseOrderNumber>,
) -> Result<(), StepError> {
    let Some((order, own)) = load(deps, order, number).await? else {
        return Ok(());
    };
    let SendState::SendStarted {
        attempt,
        cut_off: claimed,
        ..
    } = own.sending.state
    else {
        return Ok(());
    };
    if claimed != Some(cut_off) {
        return Ok(());
    }
    let outcome = if contents.contains(number) {
        Outcome::Accepted(Accepted::default())
    } else {
        let settings = deps.settings();
        let supplier = settings.suppliers.get(&own.supplier);
        // Without batches it is planned anew, at once.
        let now = deps.clock.now();
        Outcome::NotInBatch {
            next_cut_off: supplier
                .and_then(|known| known.next_batch(now))
                .unwrap_or(now),
        }
    };
    let id = SendId::of(number);
    record(deps, None, &order.id, &id, attempt, outcome)
        .await
        .map(drop)
}

async fn load(
    deps: &Deps,
    order: &OrderId,
    number: &PurchaseOrderNumber,
) -> Result<Option<(Order, PurchaseOrder)>, StepError> {
    let Some(history) = deps.orders.load(order).await? else {
        return Ok(None);
    };
    let order = history.fold()?;
    let own = order.purchase_order(number).cloned();
    Ok(own.map(|own| (order, own)))
}
