//! What is remembered of suppliers whose answers are not understood: web servers' pages, refusals in a
//! row that do not say why.
//!
//! The store has the count, this process only where there is anything to forget: an order that is
//! accepted costs no request of its own unless the process knows of a refusal or a page. One machine
//! reads the store once for each supplier after its start, and is exact. Processes beside each other,
//! as on AWS, do not: an acceptance in one that saw no refusal ends nothing, so that refusals count as
//! in a row which are not, and the incident stays open until a process that saw a refusal or a page
//! meets an acceptance, or a person closes it. Orders are held longer by that, never doubled or lost.

use crate::Deps;
use domain::cases::CaseKind;
use domain::ids::{OrderId, SupplierId};
use domain::order::PurchaseOrder;
use domain::trust::AfterUnexplained;
use ports::{Closing, Incident, StoreError};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const KIND: CaseKind = CaseKind::SupplierAnswersUnknown;
const TRIES: u32 = 8;

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

/// The supplier took an order: its refusals so far count no more, and the incident is over.
pub(crate) async fn accepted(deps: &Deps, own: &PurchaseOrder) {
    let supplier = &own.supplier;
    if !deps.trust.take(supplier) {
        return;
    }
    match forget(deps, own).await {
        Ok(true) => {}
        // Somebody else was refused at the same moment: the next acceptance ends it.
        Ok(false) => deps.trust.suspect(supplier),
        Err(error) => {
            deps.trust.suspect(supplier);
            tracing::warn!(supplier.id = %supplier, error = %error, "refusals not forgotten yet");
        }
    }
}

async fn forget(deps: &Deps, own: &PurchaseOrder) -> Result<bool, StoreError> {
    let supplier = &own.supplier;
    if is_open(deps, supplier).await? {
        let closing = Closing {
            who: "waybill".to_owned(),
            why: format!("{supplier} accepted {}", own.number),
            at: deps.clock.now(),
        };
        let cause = supplier.as_str();
        deps.orders.close_incident(KIND, cause, &closing).await?;
    }
    let Some(streak) = deps.refusals.streak(supplier).await? else {
        return Ok(true);
    };
    let replaced = deps.refusals.replace_streak(supplier, Some(&streak), None);
    replaced.await
}

/// The supplier refused an order and did not say why; what follows for the order.
pub(crate) async fn refused(deps: &Deps, order: &OrderId, own: &PurchaseOrder) -> AfterUnexplained {
    // Before anything is stored: what may be stored must be forgotten one day.
    deps.trust.suspect(&own.supplier);
    for attempt in 1..=TRIES {
        match count(deps, order, own).await {
            Ok(Some(after)) => return after,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(supplier.id = %own.supplier, error = %error, "refusal not counted yet");
            }
        }
        deps.clock.sleep(Duration::from_millis(20) * attempt).await;
    }
    // A person has less to lose by looking than the merchant by a dearer supplier.
    AfterUnexplained::Hold
}

/// `None` where somebody else counted at the same time.
async fn count(
    deps: &Deps,
    order: &OrderId,
    own: &PurchaseOrder,
) -> Result<Option<AfterUnexplained>, StoreError> {
    let supplier = &own.supplier;
    let is_open = is_open(deps, supplier).await?;
    let known = deps.refusals.streak(supplier).await?;
    let (streak, after) = known.clone().unwrap_or_default().with(order, is_open);
    // The incident first: a streak that says it was reported, without one, would count anew.
    if after == AfterUnexplained::Report {
        let detail = format!(
            "{supplier} refused several orders in a row without a reason that is known, last {}: further ones are held",
            own.number
        );
        deps.orders
            .open_incident(&incident(deps, supplier, detail))
            .await?;
    }
    if known.as_ref() == Some(&streak) || after == AfterUnexplained::Hold {
        return Ok(Some(after));
    }
    let replaced = deps
        .refusals
        .replace_streak(supplier, known.as_ref(), Some(&streak));
    Ok(replaced.await?.then_some(after))
}

/// A web server's page came in the place of the supplier's answer; `why` in our words.
pub(crate) async fn page(deps: &Deps, own: &PurchaseOrder, why: &str) {
    let supplier = &own.supplier;
    deps.trust.suspect(supplier);
    let detail = format!(
        "{supplier} does not answer as it should, first for {}: {why}",
        own.number
    );
    let incident = incident(deps, supplier, detail);
    if let Err(error) = deps.orders.open_incident(&incident).await {
        tracing::warn!(supplier.id = %supplier, error = %error, "incident not opened");
    }
}

fn incident(deps: &Deps, supplier: &SupplierId, detail: String) -> Incident {
    Incident {
        kind: KIND,
        cause: supplier.to_string(),
        detail,
        opened_at: deps.clock.now(),
    }
}

async fn is_open(deps: &Deps, supplier: &SupplierId) -> Result<bool, StoreError> {
    let open = deps.orders.incidents().await?;
    let of_it = |incident: &Incident| incident.kind == KIND && incident.cause == supplier.as_str();
    Ok(open.iter().any(of_it))
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
