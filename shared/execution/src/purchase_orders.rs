//! Purchase orders, and requests to cancel them: the first user of the protocol.
//!
//! What is here knows suppliers: how an artifact is rendered and checked, batches, which share one file,
//! mails whose delivery is reported later, data restored from a copy, and what is remembered of
//! suppliers whose answers are not understood.

mod batch;
mod mail;
mod prepare;
mod restored;
mod send;
mod trust;

pub use batch::BatchFile;
pub use restored::Suspicion;
pub use send::SupplierStep;
pub use trust::Trust;

use crate::{ConcurrencyLimit, Doubt, Execution};
use domain::ids::SupplierId;
use domain::order::{Order, PurchaseOrder};
use domain::sending::subject::SendSubject;
use domain::settings::Settings;
use ports::{
    BatchStore, Endpoint, IncidentStore, OrderIndex, RefusalStore, Shared, StepError, Supplier,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What sends of purchase orders may touch.
#[derive(Clone)]
pub struct PurchaseOrders {
    pub execution: Execution,
    pub index: Arc<dyn OrderIndex>,
    pub incidents: Arc<dyn IncidentStore>,
    pub batches: Arc<dyn BatchStore>,
    pub refusals: Arc<dyn RefusalStore>,
    pub settings: Shared<Settings>,
    pub suppliers: Arc<BTreeMap<SupplierId, Box<dyn Supplier>>>,
    /// `None` where whoever delivers the messages keeps each supplier's `concurrency`.
    pub concurrency: Option<Arc<ConcurrencyLimit>>,
    /// Kept as long as the process: what it knows of suppliers whose answers are not understood.
    pub trust: Arc<Trust>,
}

impl PurchaseOrders {
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    pub fn supplier(&self, id: &SupplierId) -> Option<&dyn Supplier> {
        self.suppliers.get(id).map(AsRef::as_ref)
    }

    /// Where the purchase order, or the request to cancel it, goes by the settings in force; else why
    /// it goes nowhere.
    pub fn endpoint(
        &self,
        purchase_order: &PurchaseOrder,
        subject: &SendSubject,
    ) -> Result<&dyn Endpoint, String> {
        let id = &purchase_order.supplier;
        let supplier = self
            .supplier(id)
            .ok_or_else(|| format!("supplier {id} is not configured"))?;
        match subject.request() {
            None => Ok(supplier.orders()),
            Some(_) => supplier.cancels().ok_or_else(|| self.call_them(id)),
        }
    }

    fn call_them(&self, supplier: &SupplierId) -> String {
        let settings = self.settings();
        let known = settings.suppliers.get(supplier);
        let name = known.map_or(supplier.as_str(), |known| known.name.as_str());
        let contact = known
            .and_then(|known| known.contact.as_deref())
            .map_or_else(String::new, |contact| format!(": {contact}"));
        format!("{name} takes no such requests by its method; call them{contact}")
    }

    /// Looks up what became of the attempt and records it.
    pub async fn look_up(
        &self,
        order: &Order,
        subject: &SendSubject,
        attempt: u32,
        endpoint: &dyn Endpoint,
    ) -> Result<(), StepError> {
        let sender = Some(endpoint.sender());
        let doubt = Doubt::new(&self.execution, order, subject, sender);
        let purchase_order = order.purchase_order(subject.purchase_order());
        let Some((doubt, purchase_order)) = doubt.zip(purchase_order) else {
            return Ok(());
        };
        let is_of_batch = subject.request().is_none()
            && doubt.file().is_none()
            && purchase_order.cut_off.is_some();
        let found = if is_of_batch && doubt.sending.is_suspected() {
            self.confirm_by_batch(purchase_order).await
        } else {
            doubt.look_up().await
        };
        doubt.record(attempt, found).await
    }
}
