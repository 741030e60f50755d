//! What became durable, counted: lines in `CloudWatch`'s embedded metric format, derived in one place
//! from what was committed.

use async_trait::async_trait;
use domain::cases::CaseKind;
use domain::commit::Commit;
use domain::ids::{OrderId, SupplierId};
use domain::order::Reference;
use domain::order::events::Recorded;
use domain::order::index::Index;
use domain::order::news::Payload;
use domain::routing::trace::Trace;
use jiff::Timestamp;
use ports::{
    CasePage, Clock, Closing, CommitError, History, Incident, IncidentStore, OrderIndex,
    OrderStore, Page, Provenance, StoreError,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

const INCIDENTS_OPENED: &str = "IncidentsOpened";

/// A store whose commits are counted once they are made. A commit that was made while its answer
/// was lost is not counted: a metric shows the run of things, it is no record.
pub struct Measured<S> {
    inner: S,
    stack: String,
    clock: Arc<dyn Clock>,
}

impl<S> Measured<S> {
    /// `stack` is the dimension, for an account may have several.
    pub fn new(inner: S, stack: String, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner,
            stack,
            clock,
        }
    }

    fn count(&self, counts: &BTreeMap<&str, u32>) {
        if counts.is_empty() {
            return;
        }
        let line = line(counts, &self.stack, self.clock.now());
        // One write, so that no other line comes between; a line that is lost is lost.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

/// What the events of one commit count as, by the metric's name.
fn counts(events: &[Recorded]) -> BTreeMap<&'static str, u32> {
    let mut counts = BTreeMap::new();
    for metric in events.iter().filter_map(|recorded| recorded.event.metric()) {
        *counts.entry(metric).or_default() += 1;
    }
    counts
}

fn line(counts: &BTreeMap<&str, u32>, stack: &str, at: Timestamp) -> Value {
    let metrics: Vec<_> = counts
        .keys()
        .map(|metric| json!({ "Name": metric, "Unit": "Count" }))
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
        line[metric] = json!(count);
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
}

#[async_trait]
impl<S: OrderIndex> OrderIndex for Measured<S> {
    async fn find(&self, reference: &Reference) -> Result<Vec<OrderId>, StoreError> {
        self.inner.find(reference).await
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

    async fn cases(&self, after: Option<&str>, limit: usize) -> Result<CasePage, StoreError> {
        self.inner.cases(after, limit).await
    }

    async fn open(
        &self,
        supplier: &SupplierId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.inner.open(supplier, after, limit).await
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.inner.list(after, limit).await
    }
    async fn place_after(&self, order: &OrderId) -> Result<Option<String>, StoreError> {
        self.inner.place_after(order).await
    }
}

#[async_trait]
impl<S: IncidentStore> IncidentStore for Measured<S> {
    async fn open_incident(&self, incident: &Incident) -> Result<bool, StoreError> {
        let opened = self.inner.open_incident(incident).await?;
        if opened {
            self.count(&BTreeMap::from([(INCIDENTS_OPENED, 1)]));
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
    use domain::order::events::Event;
    use domain::order::topics::sending::SendChange;
    use domain::purchase_order_number::PurchaseOrderNumber;
    use domain::sending::machine::SendEvent;
    use domain::sending::subject::SendSubject;

    fn of(event: SendEvent) -> Recorded {
        let code = ChannelCode::parse("SH").unwrap();
        Recorded {
            at: Timestamp::UNIX_EPOCH,
            event: Event::Send(SendChange {
                subject: SendSubject::PurchaseOrder(PurchaseOrderNumber::new(&code, "1001", 1)),
                event,
            }),
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
            resolve_at: Timestamp::UNIX_EPOCH,
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
