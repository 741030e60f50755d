//! Data restored from a copy: what may have been sent after the copy was made is in doubt before
//! anything else is done with it.

use super::batch::{key, upload_by};
use super::{BatchFile, PurchaseOrders};
use crate::Found;
use domain::batch::{Batch, BatchName};
use domain::order::decide::{Command, WayInForce};
use domain::order::{Order, PurchaseOrder};
use domain::sending::subject::SendSubject;
use jiff::Timestamp;
use ports::{Area, Batches, Provenance, StepError, Unavailable};
use std::collections::BTreeMap;

/// What a look at where the data comes from found.
pub enum Suspicion {
    None,
    /// Something of the order is in doubt now; with the state after it.
    Doubted(Option<Box<Order>>),
    /// Nobody took note of a restore: nothing may be done.
    Unknown,
}

impl PurchaseOrders {
    /// Puts into doubt what of the order may have been sent after the copy was made.
    pub async fn suspect(&self, order: &Order) -> Result<Suspicion, StepError> {
        let restored_at = match self.execution.orders.provenance().await? {
            Provenance::Known { restored_at: None } => return Ok(Suspicion::None),
            Provenance::Known {
                restored_at: Some(restored_at),
            } => restored_at,
            Provenance::Suspect(why) => {
                tracing::error!(why, "nothing is sent");
                return Ok(Suspicion::Unknown);
            }
        };
        let suspects: Vec<_> = order.suspects(restored_at).collect();
        let lack_via = order.suspected_without_via();
        let ways: BTreeMap<_, _> = lack_via
            .chain(suspects.iter().copied())
            .filter_map(|suspect| Some((suspect.number.clone(), self.way_in_force(suspect)?)))
            .collect();
        if suspects.is_empty() && ways.is_empty() {
            return Ok(Suspicion::None);
        }
        let suspect = Command::Suspect { restored_at, ways };
        let after = self.execution.commit(&order.id, &suspect).await?;
        Ok(Suspicion::Doubted(after))
    }

    fn way_in_force(&self, purchase_order: &PurchaseOrder) -> Option<WayInForce> {
        let supplier = self.supplier(&purchase_order.supplier)?;
        let sender = supplier.orders().sender();
        let steps_done = purchase_order.sending.progress.steps.len();
        let via = sender.via(&SendSubject::from(&purchase_order.number), steps_done);
        let leaves_file = via.file.is_some() || supplier.batches().is_some();
        Some(WayInForce {
            can_look_up: sender.lookup().is_some() || leaves_file,
            via,
        })
    }

    /// A purchase order in a batch's file that is there was sent. Of one that is not nobody knows whether
    /// the supplier took it.
    pub(super) async fn confirm_by_batch(&self, purchase_order: &PurchaseOrder) -> Found {
        let supplier = self.supplier(&purchase_order.supplier);
        let batches = supplier.and_then(|supplier| supplier.batches());
        let (Some(cut_off), Some(batches)) = (purchase_order.cut_off, batches) else {
            return Found::unclear();
        };
        let name = BatchName::new(&purchase_order.supplier, cut_off);
        let Ok(Some(file)) = self.batch_file(&name, batches).await else {
            return Found::unclear();
        };
        let Ok(purchase_orders) = batches.contents(&file) else {
            return Found::unclear();
        };
        if !purchase_orders.contains(&purchase_order.number) {
            return Found::unclear();
        }
        // The copy does not know that it waits for somebody to upload it.
        let batch = Batch {
            upload_by: upload_by(batches, cut_off),
            supplier: purchase_order.supplier.clone(),
            uploaded: None,
            name,
            cut_off,
            purchase_orders,
        };
        match self.batches.put_batch(&batch).await {
            Ok(()) => Found::accepted(),
            Err(error) => {
                tracing::warn!(batch = %batch.name, error = %error, "batch not noted yet");
                Found::unclear()
            }
        }
    }

    /// As it lies in the outbox; or, where the supplier fetched it, as evidence keeps it.
    async fn batch_file(
        &self,
        name: &BatchName,
        batches: &dyn Batches,
    ) -> Result<Option<Vec<u8>>, Unavailable> {
        let files = self.execution.files.as_ref();
        let published = batches.key(name.as_str());
        if let Some(file) = files.get(Area::Outbox, &published).await? {
            return Ok(Some(file));
        }
        if !files.was_published(&published).await? {
            return Ok(None);
        }
        let kept = files.get(Area::Evidence, &key(name)).await?;
        let kept = kept.and_then(|kept| BatchFile::from_evidence(&kept));
        Ok(kept.map(|kept| kept.bytes))
    }

    /// The batch's cut-off was before the data was restored: whether its file was written then is not
    /// known, so none is written now.
    pub(super) async fn is_batch_of_before(&self, cut_off: Timestamp) -> Result<bool, StepError> {
        let provenance = self.execution.orders.provenance().await?;
        Ok(
            matches!(provenance, Provenance::Known { restored_at: Some(restored_at) }
            if cut_off < restored_at),
        )
    }
}
