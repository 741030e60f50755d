//! What is remembered of suppliers whose answers are not understood: web servers' pages, refusals in a
//! row that do not say why.
//!
//! The store has the count, this process only where there is anything to forget: an order that is
//! accepted costs no request of its own unless the process knows of a refusal or a page. One machine
//! reads the store once for each supplier after its start, and is exact. Processes beside each other,
//! as on AWS, do not: an acceptance in one that saw no refusal ends nothing, so that refusals count as
//! in a row which are not, and the incident stays open until a process that saw a refusal or a page
//! meets an acceptance, or a person closes it. Orders are held longer by that, never doubled or lost.

use super::PurchaseOrders;
use crate::{Receiver, TRIES, open_incident};
use async_trait::async_trait;
use domain::cases::CaseKind;
use domain::ids::{OrderId, SupplierId};
use domain::sending::subject::SendSubject;
use domain::trust::AfterUnexplained;
use ports::{Backoff, Closing, StoreError};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const KIND: CaseKind = CaseKind::SupplierAnswersUnknown;

/// Whether there may be something to forget, by supplier.
#[derive(Debug)]
pub struct Trust {
    /// Nobody else forwards, so that what this process forgot was forgotten.
    is_alone: bool,
    suspected: Mutex<BTreeMap<SupplierId, bool>>,
}

impl Trust {
    /// For the one process that forwards.
    pub fn alone() -> Self {
        Self::new(true)
    }

    /// For one of several processes that know nothing of each other.
    pub fn among_others() -> Self {
        Self::new(false)
    }

    fn new(is_alone: bool) -> Self {
        Self {
            is_alone,
            suspected: Mutex::default(),
        }
    }

    fn suspected(&self) -> MutexGuard<'_, BTreeMap<SupplierId, bool>> {
        self.suspected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn suspect(&self, supplier: &SupplierId) {
        self.suspected().insert(supplier.clone(), true);
    }

    /// Whether an acceptance has something to forget; it is asked once.
    fn take(&self, supplier: &SupplierId) -> bool {
        let known = self.suspected().insert(supplier.clone(), false);
        known.unwrap_or(self.is_alone)
    }
}

/// The supplier that a purchase order, or a request to cancel it, is sent to.
pub(super) struct SupplierReceiver<'a> {
    pub(super) purchase_orders: &'a PurchaseOrders,
    pub(super) order: &'a OrderId,
    pub(super) supplier: &'a SupplierId,
}

#[async_trait]
impl Receiver for SupplierReceiver<'_> {
    /// Its refusals so far count no more, and the incident is over.
    async fn accepted(&self, subject: &SendSubject) {
        let trust = &self.purchase_orders.trust;
        if subject.request().is_some() || !trust.take(self.supplier) {
            return;
        }
        match self.forget(subject).await {
            Ok(true) => {}
            // Somebody else was refused at the same moment: the next acceptance ends it.
            Ok(false) => trust.suspect(self.supplier),
            Err(error) => {
                trust.suspect(self.supplier);
                tracing::warn!(supplier.id = %self.supplier, error = %error, "refusals not forgotten yet");
            }
        }
    }

    /// Refused requests to cancel count for nothing.
    async fn refused(&self, subject: &SendSubject) -> AfterUnexplained {
        if subject.request().is_some() {
            return AfterUnexplained::Believe;
        }
        // Before anything is stored: what may be stored must be forgotten one day.
        self.purchase_orders.trust.suspect(self.supplier);
        let mut backoff = Backoff::new(self.purchase_orders.execution.clock.as_ref());
        for _ in 0..TRIES {
            match self.count(subject).await {
                Ok(Some(after)) => return after,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(supplier.id = %self.supplier, error = %error, "refusal not counted yet");
                }
            }
            backoff.pause().await;
        }
        // A person has less to lose by looking than the merchant by a dearer supplier.
        AfterUnexplained::Hold
    }

    async fn unreadable(&self, subject: &SendSubject, why: &str) {
        let supplier = self.supplier;
        self.purchase_orders.trust.suspect(supplier);
        let number = subject.purchase_order();
        let detail = format!("{supplier} does not answer as it should, first for {number}: {why}");
        self.try_to_open(KIND, detail).await;
    }

    async fn unauthorized(&self, subject: &SendSubject) {
        let supplier = self.supplier;
        let detail = format!(
            "{supplier} refuses our credentials, first for {}",
            subject.purchase_order()
        );
        self.try_to_open(CaseKind::SupplierRefusesUs, detail).await;
    }
}

impl SupplierReceiver<'_> {
    async fn forget(&self, subject: &SendSubject) -> Result<bool, StoreError> {
        let PurchaseOrders {
            execution,
            incidents,
            refusals,
            ..
        } = self.purchase_orders;
        let supplier = self.supplier;
        if self.is_open().await? {
            let closing = Closing {
                who: "waybill".to_owned(),
                why: format!("{supplier} accepted {}", subject.purchase_order()),
                at: execution.clock.now(),
            };
            let cause = supplier.as_str();
            let closed = incidents.close_incident(KIND, cause, &closing);
            closed.await?;
        }
        let Some(streak) = refusals.streak(supplier).await? else {
            return Ok(true);
        };
        refusals.replace_streak(supplier, Some(&streak), None).await
    }

    /// `None` where somebody else counted at the same time.
    async fn count(&self, subject: &SendSubject) -> Result<Option<AfterUnexplained>, StoreError> {
        let supplier = self.supplier;
        let refusals = self.purchase_orders.refusals.as_ref();
        let is_open = self.is_open().await?;
        let known = refusals.streak(supplier).await?;
        let streak = known.clone().unwrap_or_default();
        let (streak, after) = streak.with(self.order, is_open);
        // The incident first: a streak that says it was reported, without one, would count anew.
        if after == AfterUnexplained::Report {
            let detail = format!(
                "{supplier} refused several orders in a row without a reason that is known, last {}: further ones are held",
                subject.purchase_order()
            );
            self.open(KIND, detail).await?;
        }
        if known.as_ref() == Some(&streak) || after == AfterUnexplained::Hold {
            return Ok(Some(after));
        }
        let replaced = refusals.replace_streak(supplier, known.as_ref(), Some(&streak));
        Ok(replaced.await?.then_some(after))
    }

    async fn is_open(&self) -> Result<bool, StoreError> {
        let open = self.purchase_orders.incidents.incidents().await?;
        let cause = self.supplier.as_str();
        let mut open = open.iter();
        Ok(open.any(|incident| incident.kind == KIND && incident.cause == cause))
    }

    async fn open(&self, kind: CaseKind, detail: String) -> Result<bool, StoreError> {
        let incidents = self.purchase_orders.incidents.as_ref();
        let clock = self.purchase_orders.execution.clock.as_ref();
        open_incident(incidents, clock, kind, self.supplier.as_str(), detail).await
    }

    async fn try_to_open(&self, kind: CaseKind, detail: String) {
        if let Err(error) = self.open(kind, detail).await {
            tracing::warn!(supplier.id = %self.supplier, error = %error, "incident not opened");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_alone_looks_without_having_seen_a_refusal() {
        let northwind = SupplierId::parse("northwind").unwrap();
        for (trust, first) in [(Trust::alone(), true), (Trust::among_others(), false)] {
            assert_eq!(trust.take(&northwind), first);
            assert!(!trust.take(&northwind), "once is enough");
            trust.suspect(&northwind);
            assert!(trust.take(&northwind));
            assert!(!trust.take(&northwind));
        }
    }
}
