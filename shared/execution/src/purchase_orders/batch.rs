//! One file with all purchase orders of a cut-off.
//!
//! Every due purchase order of the batch is claimed, the file is assembled from all that are claimed
//! and created once, and outcomes are read off it: what is in it is sent, what is not goes with the
//! next. Whoever comes later, after a crash or beside another worker, does the same and reads the
//! same file: it is the only truth.

mod file;
mod terms;

pub use file::BatchFile;
pub(super) use file::{key, upload_by};

use super::PurchaseOrders;
use crate::{PreparationError, TRIES};
use domain::batch::BatchName;
use domain::ids::{OrderId, SupplierId};
use domain::order::decide::{Accepted, Command, Outcome};
use domain::order::step::{Step, step};
use domain::order::{Order, PurchaseOrder};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::machine::SendState;
use domain::sending::subject::SendSubject;
use file::GIVEN_UP;
use jiff::Timestamp;
use ports::{Area, Artifact, Backoff, Batches, PrepareError, Put, StepError, Supplier};
use std::collections::BTreeSet;
use terms::Terms;

/// The batch of a cut-off.
struct CutOff<'a> {
    purchase_orders: &'a PurchaseOrders,
    supplier: &'a SupplierId,
    name: BatchName,
    at: Timestamp,
}

impl PurchaseOrders {
    /// Sends the batch of that cut-off, or goes on with it; again changes nothing.
    pub async fn send_batch(
        &self,
        id: &SupplierId,
        supplier: &dyn Supplier,
        cut_off: Timestamp,
    ) -> Result<(), StepError> {
        let cut_off = CutOff::new(self, id, cut_off);
        if supplier.batches().is_none() {
            return cut_off.give_up().await;
        }
        let files = self.execution.files.as_ref();
        let mut terms = Terms::of(files, &cut_off.name, supplier).await?;
        for (order, number) in cut_off.entries().await? {
            cut_off.claim_due(&order, &number, &mut terms).await?;
        }
        match cut_off.file(terms.batches()?).await? {
            Some(file) => cut_off.finish(&file).await,
            None => Ok(()),
        }
    }

    /// The supplier takes no batches any more, or is gone. Where the batch's file is not there, a file
    /// without anything in it is created in its place: whoever still assembles one finds it, so that
    /// nothing of the batch is sent. One that is there is sent as it was meant to be.
    pub async fn give_up_batch(
        &self,
        id: &SupplierId,
        cut_off: Timestamp,
    ) -> Result<(), StepError> {
        CutOff::new(self, id, cut_off).give_up().await
    }

    /// Without batches, what waits is planned anew, at once.
    fn next_batch(&self, supplier: &SupplierId) -> Timestamp {
        let settings = self.settings();
        let now = self.execution.clock.now();
        let known = settings.suppliers.get(supplier);
        known.and_then(|known| known.next_batch(now)).unwrap_or(now)
    }

    async fn load(
        &self,
        order: &OrderId,
        number: &PurchaseOrderNumber,
    ) -> Result<Option<(Box<Order>, PurchaseOrder)>, StepError> {
        let Some(order) = self.execution.current(order, None).await? else {
            return Ok(None);
        };
        let purchase_order = order.purchase_order(number).cloned();
        Ok(purchase_order.map(|purchase_order| (order, purchase_order)))
    }
}

impl<'a> CutOff<'a> {
    fn new(purchase_orders: &'a PurchaseOrders, supplier: &'a SupplierId, at: Timestamp) -> Self {
        Self {
            purchase_orders,
            supplier,
            name: BatchName::new(supplier, at),
            at,
        }
    }

    async fn entries(&self) -> Result<Vec<(OrderId, PurchaseOrderNumber)>, StepError> {
        let batches = self.purchase_orders.batches.as_ref();
        Ok(batches.entries(self.supplier, self.at).await?)
    }

    async fn give_up(&self) -> Result<(), StepError> {
        let files = self.purchase_orders.execution.files.as_ref();
        let (area, key) = (Area::Evidence, key(&self.name));
        let stored = match files.put_new(area, &key, GIVEN_UP).await? {
            Put::Created => None,
            Put::AlreadyThere => files.get(area, &key).await?,
        };
        self.finish(&stored.unwrap_or_default()).await
    }

    /// Publishes the file and reads off it what was sent; again changes nothing.
    async fn finish(&self, stored: &[u8]) -> Result<(), StepError> {
        let mut contents = BTreeSet::new();
        if stored != GIVEN_UP {
            let unreadable =
                || StepError::Permanent(format!("the file of batch {} is unreadable", self.name));
            let file = BatchFile::from_evidence(stored).ok_or_else(unreadable)?;
            let files = self.purchase_orders.execution.files.as_ref();
            files
                .put_new(Area::Outbox, &file.head.key, &file.bytes)
                .await?;
            let batch = file.batch(&self.name, self.supplier, self.at);
            self.purchase_orders.batches.put_batch(&batch).await?;
            contents = file.head.purchase_orders;
        }
        for (order, number) in self.entries().await? {
            self.record(&order, &number, &contents).await?;
        }
        Ok(())
    }

    /// Claims the purchase order where it is due and still holds; what cannot be prepared stays out.
    async fn claim_due(
        &self,
        order: &OrderId,
        number: &PurchaseOrderNumber,
        terms: &mut Terms<'_>,
    ) -> Result<(), StepError> {
        let purchase_orders = self.purchase_orders;
        let clock = purchase_orders.execution.clock.as_ref();
        let subject = SendSubject::from(number);
        let mut backoff = Backoff::new(clock);
        for _ in 0..TRIES {
            let Some((order, purchase_order)) = purchase_orders.load(order, number).await? else {
                return Ok(());
            };
            let planned = matches!(purchase_order.sending.state, SendState::Planned { .. });
            let next = step(&order, &purchase_order, clock.now());
            if !planned || !matches!(next, Step::Batch { .. }) {
                return Ok(());
            }
            let prepared = self.prepare(&order, &subject, terms).await;
            let artifact = match prepared {
                Ok(artifact) => artifact,
                Err(PreparationError::Impossible(why)) => {
                    return self.leave_out(&order.id, &subject, why, terms).await;
                }
                Err(PreparationError::Step(error)) => return Err(error),
            };
            if !terms.begin().await? {
                continue;
            }
            let endpoint = terms.supplier().orders();
            let Some(step) = purchase_orders.step(&order, &subject, endpoint) else {
                return Ok(());
            };
            match step.step.claim(&artifact, purchase_order.cut_off).await {
                Err(StepError::Conflict) => backoff.pause().await,
                claimed => return claimed.map(drop),
            }
        }
        Err(StepError::Conflict)
    }

    /// The artifact, stored. What was rendered for another kind of file must not keep the others out of
    /// this one.
    async fn prepare(
        &self,
        order: &Order,
        subject: &SendSubject,
        terms: &Terms<'_>,
    ) -> Result<Artifact, PreparationError> {
        let endpoint = terms.supplier().orders();
        let step = self.purchase_orders.step(order, subject, endpoint);
        let missing = || StepError::Permanent(format!("{subject} is no purchase order"));
        let artifact = step.ok_or_else(missing)?.stored_artifact().await?;
        fits(terms.batches()?, subject.purchase_order(), &artifact)?;
        Ok(artifact)
    }

    /// A batch that is begun stays as it is: what a person corrects later goes with another one.
    async fn leave_out(
        &self,
        order: &OrderId,
        subject: &SendSubject,
        why: String,
        terms: &Terms<'_>,
    ) -> Result<(), StepError> {
        let execution = &self.purchase_orders.execution;
        execution
            .record_preparation_failure(order, subject, why)
            .await?;
        if !terms.is_begun() {
            return Ok(());
        }
        let to_next = Command::MoveToBatch {
            id: subject.clone(),
            cut_off: self.purchase_orders.next_batch(self.supplier),
            via: terms.in_force.orders().sender().via(subject, 0),
        };
        execution.commit(order, &to_next).await.map(drop)
    }

    /// The file as it was created by whoever came first, as evidence keeps it; `None` where nothing is
    /// claimed.
    async fn file(&self, batches: &dyn Batches) -> Result<Option<Vec<u8>>, StepError> {
        let files = self.purchase_orders.execution.files.as_ref();
        let (area, key) = (Area::Evidence, key(&self.name));
        if let Some(file) = files.get(area, &key).await? {
            return Ok(Some(file));
        }
        if self.purchase_orders.is_batch_of_before(self.at).await? {
            files.put_new(area, &key, GIVEN_UP).await?;
            return Ok(files.get(area, &key).await?);
        }
        let mut artifacts = Vec::new();
        for (order, number) in self.entries().await? {
            if let Some(artifact) = self.claimed(&order, &number).await?
                && fits(batches, &number, &artifact).is_ok()
            {
                artifacts.push((number, artifact));
            }
        }
        if artifacts.is_empty() {
            return Ok(None);
        }
        artifacts.sort_by(|(one, _), (other, _)| one.cmp(other));
        let failed =
            |error: PrepareError| StepError::Permanent(format!("batch {}: {error}", self.name));
        let file = BatchFile::assemble(batches, &self.name, self.at, &artifacts).map_err(failed)?;
        files.put_new(area, &key, &file.to_evidence()?).await?;
        Ok(files.get(area, &key).await?)
    }

    /// The artifact of a purchase order that is claimed for this batch.
    async fn claimed(
        &self,
        order: &OrderId,
        number: &PurchaseOrderNumber,
    ) -> Result<Option<Artifact>, StepError> {
        let Some((_, purchase_order)) = self.purchase_orders.load(order, number).await? else {
            return Ok(None);
        };
        let SendState::SendStarted {
            cut_off: Some(claimed),
            artifact,
            ..
        } = &purchase_order.sending.state
        else {
            return Ok(None);
        };
        if *claimed != self.at {
            return Ok(None);
        }
        let execution = &self.purchase_orders.execution;
        let subject = SendSubject::from(number);
        execution.stored_artifact(&subject, artifact).await
    }

    /// Records the outcome of a purchase order that was claimed for this batch.
    async fn record(
        &self,
        order: &OrderId,
        number: &PurchaseOrderNumber,
        contents: &BTreeSet<PurchaseOrderNumber>,
    ) -> Result<(), StepError> {
        let Some((order, purchase_order)) = self.purchase_orders.load(order, number).await? else {
            return Ok(());
        };
        let SendState::SendStarted {
            attempt,
            cut_off: claimed,
            ..
        } = purchase_order.sending.state
        else {
            return Ok(());
        };
        if claimed != Some(self.at) {
            return Ok(());
        }
        let outcome = if contents.contains(number) {
            Outcome::Accepted(Accepted::default())
        } else {
            Outcome::NotInBatch {
                next_cut_off: self.purchase_orders.next_batch(self.supplier),
            }
        };
        let subject = SendSubject::from(number);
        let execution = &self.purchase_orders.execution;
        let recorded = execution.record(None, &order.id, &subject, attempt, outcome);
        recorded.await.map(drop)
    }
}

/// Whether the artifact can stand in the batch's file as it is now.
fn fits(
    batches: &dyn Batches,
    number: &PurchaseOrderNumber,
    artifact: &Artifact,
) -> Result<(), PrepareError> {
    let alone = [(number.clone(), artifact.clone())];
    batches.assemble(&alone).map(drop)
}
