//! One file with all purchase orders of a cut-off.
//!
//! Every due purchase order of the batch is claimed, the file is assembled from all that are claimed
//! and created once, and outcomes are read off it: what is in it is sent, what is not goes with the
//! next. Whoever comes later, after a crash or beside another worker, does the same and reads the
//! same file: it is the only truth.

use crate::artifact::{artifact, stored};
use crate::record::{commit, record};
use crate::restored::is_batch_of_before;
use crate::send::claim;
use crate::{Deps, TRIES, prepared_not};
use domain::batch::{Batch, BatchName};
use domain::ids::{OrderId, SupplierId};
use domain::order::decide::{Accepted, Command, Outcome};
use domain::order::step::{Step, step};
use domain::order::{Order, PurchaseOrder};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::machine::SendState;
use domain::sending::subject::SendSubject;
use jiff::Timestamp;
use ports::{Area, Artifact, Batches, Put, StepError, Supplier};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// What stands in the place of the file of a batch that was given up: no real one is empty.
const GIVEN_UP: &[u8] = b"";

pub(crate) fn key(name: &BatchName) -> String {
    format!("batch/{name}")
}

/// The file of a batch as evidence keeps it: a line of JSON that says what is done with it, then its
/// bytes. Whoever finds it finishes the batch by it, whatever the settings say by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFile {
    head: Head,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// The key in the outbox.
    key: String,
    purchase_orders: BTreeSet<PurchaseOrderNumber>,
    /// Until when a person has to upload it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload_by: Option<Timestamp>,
}

impl BatchFile {
    /// `None` where the evidence is no such file, or of a batch that was given up.
    pub fn from_evidence(stored: &[u8]) -> Option<Self> {
        let end = stored.iter().position(|byte| *byte == b'\n')?;
        let (head, bytes) = stored.split_at_checked(end)?;
        Some(Self {
            head: serde_json::from_slice(head).ok()?,
            bytes: bytes.get(1..)?.to_vec(),
        })
    }

    fn to_evidence(&self) -> Result<Vec<u8>, StepError> {
        let mut evidence =
            serde_json::to_vec(&self.head).map_err(|error| StepError::Stop(error.to_string()))?;
        evidence.push(b'\n');
        evidence.extend_from_slice(&self.bytes);
        Ok(evidence)
    }
}

/// The supplier as a batch has it: by the settings in force until its first claim, then by the terms
/// that were stored before that claim.
struct Terms<'a> {
    name: &'a BatchName,
    in_force: &'a dyn Supplier,
    begun: Option<Box<dyn Supplier>>,
}

impl Terms<'_> {
    fn supplier(&self) -> &dyn Supplier {
        self.begun.as_deref().unwrap_or(self.in_force)
    }

    fn batches(&self) -> Result<&dyn Batches, StepError> {
        let batches = self.supplier().batches();
        batches.ok_or_else(|| StepError::Stop(format!("batch {}: no batches", self.name)))
    }

    fn key(&self) -> String {
        format!("{}/terms", key(self.name))
    }

    /// Takes over the terms where the batch is begun.
    async fn look(&mut self, deps: &Deps) -> Result<(), StepError> {
        let stored = deps.files.get(Area::Evidence, &self.key()).await?;
        stored.map_or(Ok(()), |stored| self.take_over(&stored))
    }

    /// Begins the batch; `false` where somebody did so by other settings.
    async fn begin(&mut self, deps: &Deps) -> Result<bool, StepError> {
        if self.begun.is_some() {
            return Ok(true);
        }
        let own = self.batches()?.terms();
        let (area, key) = (Area::Evidence, self.key());
        let stored = match deps.files.put_new(area, &key, &own).await? {
            Put::Created => None,
            Put::AlreadyThere => deps.files.get(area, &key).await?,
        };
        let stored = stored.as_ref().unwrap_or(&own);
        self.take_over(stored)?;
        Ok(*stored == own)
    }

    fn take_over(&mut self, stored: &[u8]) -> Result<(), StepError> {
        let begun = self.batches()?.under(stored);
        let begun =
            begun.map_err(|error| StepError::Stop(format!("batch {}: {error}", self.name)))?;
        self.begun = Some(begun);
        Ok(())
    }
}

pub(crate) async fn run(
    deps: &Deps,
    id: &SupplierId,
    supplier: &dyn Supplier,
    cut_off: Timestamp,
) -> Result<(), StepError> {
    if supplier.batches().is_none() {
        return give_up(deps, id, cut_off).await;
    }
    let name = BatchName::new(id, cut_off);
    let mut terms = Terms {
        name: &name,
        in_force: supplier,
        begun: None,
    };
    terms.look(deps).await?;
    for (order, number) in deps.batches.entries(id, cut_off).await? {
        claim_due(deps, &order, &number, &mut terms).await?;
    }
    match file(deps, &name, id, cut_off, terms.batches()?).await? {
        Some(file) => finish(deps, &name, id, cut_off, &file).await,
        None => Ok(()),
    }
}

/// The supplier takes no batches any more, or is gone. Where the batch's file is not there, a file
/// without anything in it is created in its place: whoever still assembles one finds it, so that
/// nothing of the batch is sent. One that is there is sent as it was meant to be.
pub(crate) async fn give_up(
    deps: &Deps,
    id: &SupplierId,
    cut_off: Timestamp,
) -> Result<(), StepError> {
    let name = BatchName::new(id, cut_off);
    let key = key(&name);
    let stored = match deps.files.put_new(Area::Evidence, &key, GIVEN_UP).await? {
        Put::Created => None,
        Put::AlreadyThere => deps.files.get(Area::Evidence, &key).await?,
    };
    finish(deps, &name, id, cut_off, &stored.unwrap_or_default()).await
}

/// Publishes the file and reads off it what was sent; again changes nothing.
async fn finish(
    deps: &Deps,
    name: &BatchName,
    id: &SupplierId,
    cut_off: Timestamp,
    stored: &[u8],
) -> Result<(), StepError> {
    let mut contents = BTreeSet::new();
    if stored != GIVEN_UP {
        let unreadable = || StepError::Stop(format!("the file of batch {name} is unreadable"));
        let file = BatchFile::from_evidence(stored).ok_or_else(unreadable)?;
        deps.files
            .put_new(Area::Outbox, &file.head.key, &file.bytes)
            .await?;
        contents.clone_from(&file.head.purchase_orders);
        let batch = Batch {
            name: name.clone(),
            supplier: id.clone(),
            cut_off,
            purchase_orders: file.head.purchase_orders,
            upload_by: file.head.upload_by,
            uploaded: None,
        };
        deps.batches.put_batch(&batch).await?;
    }
    for (order, number) in deps.batches.entries(id, cut_off).await? {
        settle(deps, &order, &number, cut_off, &contents).await?;
    }
    Ok(())
}

/// Claims the purchase order where it is due and still holds; what cannot be prepared stays out.
async fn claim_due(
    deps: &Deps,
    order: &OrderId,
    number: &PurchaseOrderNumber,
    terms: &mut Terms<'_>,
) -> Result<(), StepError> {
    for attempt in 0..TRIES {
        let Some((order, own)) = load(deps, order, number).await? else {
            return Ok(());
        };
        let planned = matches!(own.sending.state, SendState::Planned { .. });
        if !planned || !matches!(step(&order, &own, deps.clock.now()), Step::Batch { .. }) {
            return Ok(());
        }
        let id = SendSubject::from(number);
        let artifact = match artifact(deps, &order, &own, &id, terms.supplier()).await? {
            // What was rendered for another kind of file must not keep the others out of this one.
            Ok(artifact) => fits(terms.batches()?, number, &artifact).map(|()| artifact),
            Err(why) => Err(why),
        };
        let artifact = match artifact {
            Ok(artifact) => artifact,
            Err(why) => return stays_out(deps, &order.id, &own, why, terms).await,
        };
        if !terms.begin(deps).await? {
            continue;
        }
        match claim(deps, &order, &own, &id, &artifact, terms.supplier()).await {
            Err(StepError::Contended) => {
                let pause = Duration::from_millis(10 * u64::from(attempt + 1));
                deps.clock.sleep(pause).await;
            }
            claimed => return claimed.map(drop),
        }
    }
    Err(StepError::Contended)
}

/// A batch that is begun stays as it is: what a person corrects later goes with another one.
async fn stays_out(
    deps: &Deps,
    order: &OrderId,
    own: &PurchaseOrder,
    why: String,
    terms: &Terms<'_>,
) -> Result<(), StepError> {
    let id = SendSubject::from(&own.number);
    prepared_not(deps, order, &id, why).await?;
    if terms.begun.is_none() {
        return Ok(());
    }
    let cut_off = next_batch(deps, &own.supplier);
    let via = terms.in_force.via(&id, 0);
    commit(deps, order, || Command::MoveToBatch {
        id: id.clone(),
        cut_off,
        via: via.clone(),
    })
    .await
    .map(drop)
}

/// Without batches, what waits is planned anew, at once.
fn next_batch(deps: &Deps, supplier: &SupplierId) -> Timestamp {
    let settings = deps.settings();
    let now = deps.clock.now();
    let known = settings.suppliers.get(supplier);
    known.and_then(|known| known.next_batch(now)).unwrap_or(now)
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

/// The file as it was created by whoever came first, as evidence keeps it; `None` where nothing is
/// claimed.
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
    if is_batch_of_before(deps, cut_off).await? {
        deps.files.put_new(Area::Evidence, &key, GIVEN_UP).await?;
        return Ok(deps.files.get(Area::Evidence, &key).await?);
    }
    let mut artifacts = Vec::new();
    for (order, number) in deps.batches.entries(id, cut_off).await? {
        let Some((_, own)) = load(deps, &order, &number).await? else {
            continue;
        };
        if let SendState::SendStarted {
            cut_off: Some(claimed),
            artifact,
            ..
        } = &own.sending.state
            && *claimed == cut_off
            && let Some(artifact) = stored(deps, &SendSubject::from(&number), artifact).await?
            && fits(batches, &number, &artifact).is_ok()
        {
            artifacts.push((number, artifact));
        }
    }
    if artifacts.is_empty() {
        return Ok(None);
    }
    artifacts.sort_by(|(one, _), (other, _)| one.cmp(other));
    let failed = |error: ports::PrepareError| StepError::Stop(format!("batch {name}: {error}"));
    let bytes = batches.assemble(&artifacts).map_err(failed)?;
    let head = Head {
        key: batches.key(name.as_str()),
        purchase_orders: batches.contents(&bytes).map_err(failed)?,
        upload_by: upload_by(batches, cut_off),
    };
    let assembled = BatchFile { head, bytes }.to_evidence()?;
    deps.files.put_new(Area::Evidence, &key, &assembled).await?;
    Ok(deps.files.get(Area::Evidence, &key).await?)
}

/// Until when a person has to upload the file, where one does.
pub(crate) fn upload_by(batches: &dyn Batches, cut_off: Timestamp) -> Option<Timestamp> {
    let within = batches.upload_within()?;
    let within = jiff::SignedDuration::try_from(within).ok()?;
    Some(cut_off + within)
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
        Outcome::NotInBatch {
            next_cut_off: next_batch(deps, &own.supplier),
        }
    };
    let id = SendSubject::from(number);
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
