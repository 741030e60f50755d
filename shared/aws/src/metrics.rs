//! What became durable, counted: lines in `CloudWatch`'s embedded metric format, derived in one place
//! from what was committed.

use async_trait::async_trait;
use domain::cases::CaseKind;
use domain::commit::Commit;
use domain::ids::OrderId;
use domain::order::events::{Event, Recorded};
use domain::order::index::Index;
use domain::order::news::Payload;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::routing::trace::Trace;
use domain::sending::machine::SendEvent;
use jiff::Timestamp;
use ports::{
    AttentionRow, Clock, Closing, CommitError, History, Incident, OrderStore, Page, Provenance,
    StoreError,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Orders whose content became known.
    OrdersAccepted,
    /// Purchase orders that a supplier took.
    OrdersSent,
    /// Decisions of routing that hold units.
    OrdersHeld,
    /// Sends of which it became unknown whether they arrived.
    SendsInDoubt,
    IncidentsOpened,
}

impl Metric {
    pub fn name(self) -> &'static str {
        match self {
            Self::OrdersAccepted => "OrdersAccepted",
            Self::OrdersSent => "OrdersSent",
            Self::OrdersHeld => "OrdersHeld",
            Self::SendsInDoubt => "SendsInDoubt",
            Self::IncidentsOpened => "IncidentsOpened",
        }
    }
}

/// A store whose commits are counted once they are made. A commit that was made while its answer
/// was lost is not counted: a metric shows the run of things, it is no record.
pub struct Measured<S> {
    inner: S,
    stack: String,
    clock: Arc<dyn Clock>,
}

impl<S: OrderStore> Measured<S> {
    /// `stack` is the dimension, for an account may have several.
    pub fn new(inner: S, stack: String, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner,
            stack,
            clock,
        }
    }

    fn count(&self, counts: &BTreeMap<Metric, u32>) {
        if counts.is_empty() {
            return;
        }
        let line = line(counts, &self.stack, self.clock.now());
        // One write, so that no other line comes between; a line that is lost is lost.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

/// What the events of one commit count as.
fn counts(events: &[Recorded]) -> BTreeMap<Metric, u32> {
    let mut counts = BTreeMap::new();
    for metric in events.iter().filter_map(|recorded| metric(&recorded.event)) {
        *counts.entry(metric).or_default() += 1;
    }
    counts
}

fn metric(event: &Event) -> Option<Metric> {
    match event {
        Event::OrderReceived(_) => Some(Metric::OrdersAccepted),
        Event::Routed(routed) => (!routed.state.holds.is_empty()).then_some(Metric::OrdersHeld),
        Event::PurchaseOrder { event, .. } => match event {
            SendEvent::Sent { .. } => Some(Metric::OrdersSent),
            SendEvent::SendInDoubt { .. } | SendEvent::SuspectedSent { .. } => {
                Some(Metric::SendsInDoubt)
            }
            SendEvent::SendStarted { .. }
            | SendEvent::SendStepDone { .. }
            | SendEvent::SendRejected { .. }
            | SendEvent::SendBounced { .. }
            | SendEvent::DeliveryReported { .. }
            | SendEvent::SendDeferred { .. }
            | SendEvent::SendPostponed { .. }
            | SendEvent::LookedUp { .. }
            | SendEvent::PreparationFailed { .. }
            | SendEvent::Prepared
            | SendEvent::RetryRequested { .. }
            | SendEvent::PurchaseOrderVoided { .. }
            | SendEvent::RejectionFreed => None,
        },
        Event::CancelRequest {
            event: SendEvent::SendInDoubt { .. },
            ..
        } => Some(Metric::SendsInDoubt),
        Event::OrderEdited(_)
        | Event::OrderUpdated(_)
        | Event::PaymentReceived
        | Event::OrderCancelled { .. }
        | Event::EarlierReported(_)
        | Event::RefundRecorded(_)
        | Event::HoldsReleased { .. }
        | Event::CancelledByPerson { .. }
        | Event::AddressEdited { .. }
        | Event::HeldByPerson { .. }
        | Event::RerouteWanted { .. }
        | Event::CancelWanted { .. }
        | Event::CancelRequest { .. }
        | Event::CancelAnswered { .. }
        | Event::LinesRejected { .. }
        | Event::RefusedLinesFreed { .. }
        | Event::AnswerUnclear { .. }
        | Event::Acknowledged { .. } => None,
    }
}

fn line(counts: &BTreeMap<Metric, u32>, stack: &str, at: Timestamp) -> Value {
    let metrics: Vec<_> = counts
        .keys()
        .map(|metric| json!({ "Name": metric.name(), "Unit": "Count" }))
        .collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "Waybill",
                "Dimensions": [["Stack"]],
                "Metrics": metrics,
            }],
        },
        "Stack": stack,
    });
    for (metric, count) in counts {
        line[metric.name()] = json!(count);
    }
    line
}

#[async_trait]
impl<S: OrderStore> OrderStore for Measured<S> {
    async fn provenance(&self) -> Result<Provenance, StoreError> {
        self.inner.provenance().await
    }

    async fn load(&self, order: &OrderId) -> Result<Option<History>, StoreError> {
        self.inner.load(order).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let counts = counts(&commit.events);
        self.inner.commit(commit).await?;
        self.count(&counts);
        Ok(())
    }

    async fn payload(&self, order: &OrderId, number: u32) -> Result<Option<Payload>, StoreError> {
        self.inner.payload(order, number).await
    }

    async fn trace(&self, order: &OrderId, number: u32) -> Result<Option<Trace>, StoreError> {
        self.inner.trace(order, number).await
    }

    async fn find(&self, number: &PurchaseOrderNumber) -> Result<Option<OrderId>, StoreError> {
        self.inner.find(number).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError> {
        self.inner.due(now, limit).await
    }

    async fn postpone(
        &self,
        order: &OrderId,
        version: Option<u64>,
        index: &Index,
    ) -> Result<(), StoreError> {
        self.inner.postpone(order, version, index).await
    }

    async fn attention(&self) -> Result<Vec<AttentionRow>, StoreError> {
        self.inner.attention().await
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.inner.list(after, limit).await
    }

    async fn open_incident(&self, incident: &Incident) -> Result<bool, StoreError> {
        let opened = self.inner.open_incident(incident).await?;
        if opened {
            self.count(&BTreeMap::from([(Metric::IncidentsOpened, 1)]));
        }
        Ok(opened)
    }

    async fn close_incident(
        &self,
        kind: CaseKind,
        cause: &str,
        closing: &Closing,
    ) -> Result<bool, StoreError> {
        self.inner.close_incident(kind, cause, closing).await
    }

    async fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        self.inner.incidents().await
    }

    async fn closed_incidents(&self, limit: usize) -> Result<Vec<(Incident, Closing)>, StoreError> {
        self.inner.closed_incidents(limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::digest::Digest;
    use domain::ids::ChannelCode;
    use domain::order::answer::By;

    fn of(event: SendEvent) -> Recorded {
        let code = ChannelCode::parse("SH").unwrap();
        Recorded {
            at: Timestamp::UNIX_EPOCH,
            event: Event::PurchaseOrder {
                number: PurchaseOrderNumber::new(&code, "1001", 1),
                event,
            },
        }
    }

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let sent = || SendEvent::Sent {
            attempt: 1,
            references: Vec::new(),
            by: By::Answer,
        };
        let doubt = SendEvent::SendInDoubt {
            attempt: 1,
            why: "cut".to_owned(),
            evidence: None,
            look_at: None,
        };
        let claim = SendEvent::SendStarted {
            attempt: 1,
            artifact: Digest::of(b"artifact"),
            settle_at: Timestamp::UNIX_EPOCH,
            cut_off: None,
            via: domain::sending::via::Via::new("mail", "outbox"),
        };
        let counted = counts(&[of(claim), of(sent()), of(doubt), of(sent())]);
        let at = "2026-11-23T10:00:00.5Z".parse().unwrap();
        assert_eq!(
            line(&counted, "waybill", at),
            json!({
                "_aws": {
                    "Timestamp": 1_795_428_000_500_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Waybill",
                        "Dimensions": [["Stack"]],
                        "Metrics": [
                            { "Name": "OrdersSent", "Unit": "Count" },
                            { "Name": "SendsInDoubt", "Unit": "Count" },
                        ],
                    }],
                },
                "Stack": "waybill",
                "OrdersSent": 2,
                "SendsInDoubt": 1,
            })
        );
    }

    #[test]
    fn what_nobody_watches_is_no_line() {
        assert!(counts(&[of(SendEvent::RejectionFreed)]).is_empty());
    }
}
