//! One step of one send to a supplier, with what may keep it back.

use super::PurchaseOrders;
use super::trust::SupplierReceiver;
use crate::{Admission, Flow, PreparationError, SendStep};
use domain::messages::ForwardPurchaseOrder;
use domain::order::{Order, PurchaseOrder};
use domain::sending::subject::SendSubject;
use jiff::Timestamp;
use ports::{Artifact, Endpoint, StepError};

/// One step of sending a purchase order, or a request to cancel it, by the state in which the order was
/// found.
pub struct SupplierStep<'a> {
    pub(super) purchase_orders: &'a PurchaseOrders,
    pub(super) purchase_order: &'a PurchaseOrder,
    pub(super) endpoint: &'a dyn Endpoint,
    pub step: SendStep<'a>,
}

impl PurchaseOrders {
    /// `None` where the order has no such subject.
    pub fn step<'a>(
        &'a self,
        order: &'a Order,
        subject: &'a SendSubject,
        endpoint: &'a dyn Endpoint,
    ) -> Option<SupplierStep<'a>> {
        Some(SupplierStep {
            purchase_orders: self,
            purchase_order: order.purchase_order(subject.purchase_order())?,
            endpoint,
            step: SendStep::new(&self.execution, order, subject, endpoint.sender())?,
        })
    }
}

impl SupplierStep<'_> {
    /// Sends once, unless the mail service, the supplier's limits or other processes keep it back.
    pub async fn send(&self) -> Result<Flow, StepError> {
        if let Some(flow) = self.wait_while_paused().await? {
            return Ok(flow);
        }
        if !self.step.wait_for_receiver().await? {
            return Ok(Flow::Stop(None));
        }
        let Admission::Admitted(slot) = self.admit().await? else {
            return Ok(Flow::Stop(None));
        };
        let held_until = slot.as_ref().map(|slot| slot.until);
        let flow = self.send_once(held_until).await;
        if let (Some(limit), Some(slot)) = (&self.purchase_orders.concurrency, &slot) {
            limit.free(slot).await;
        }
        flow
    }

    async fn admit(&self) -> Result<Admission, StepError> {
        let settings = self.purchase_orders.settings();
        let supplier = &self.purchase_order.supplier;
        let known = settings.suppliers.get(supplier);
        let (Some(limit), Some(known)) = (&self.purchase_orders.concurrency, known) else {
            return Ok(Admission::Admitted(None));
        };
        let now = self.step.execution.clock.now();
        let (subject, until) = (self.step.subject, self.step.ended_at(now));
        let admission = limit.admit(supplier, known.concurrency, subject, now, until);
        let admission = admission.await?;
        if let Admission::Busy = admission {
            let message = ForwardPurchaseOrder {
                order: self.step.order.id.clone(),
                purchase_order: self.purchase_order.number.clone(),
            };
            let state = &self.step.sending.state;
            limit.redeliver(message, state, now).await?;
        }
        Ok(admission)
    }

    /// The slot at the supplier is ours until then, where one is needed.
    async fn send_once(&self, held_until: Option<Timestamp>) -> Result<Flow, StepError> {
        let artifact = match self.stored_artifact().await {
            Ok(artifact) => artifact,
            Err(PreparationError::Impossible(why)) => {
                let (order, subject) = (&self.step.order.id, self.step.subject);
                let execution = self.step.execution;
                execution
                    .record_preparation_failure(order, subject, why)
                    .await?;
                return Ok(Flow::Stop(None));
            }
            Err(PreparationError::Step(error)) => return Err(error),
        };
        let Some(claim) = self.step.claim(&artifact, None).await? else {
            return Ok(Flow::Stop(None));
        };
        let receiver = SupplierReceiver {
            purchase_orders: self.purchase_orders,
            order: &self.step.order.id,
            supplier: &self.purchase_order.supplier,
        };
        let sent = self.step.send(claim, &artifact, held_until, &receiver);
        Ok(Flow::GoOn(sent.await?))
    }

    /// The artifact of the next attempt, stored.
    pub(super) async fn stored_artifact(&self) -> Result<Artifact, PreparationError> {
        let artifact = self.prepare().await?;
        self.step.store(&artifact).await?;
        Ok(artifact)
    }
}
