//! Foreign text as evidence: bytes in a file, their digest in the event.

use crate::Execution;
use domain::digest::Digest;
use domain::order::decide::{Accepted, LineOutcome, LineStatus, Outcome};
use domain::purchase_order_number::PurchaseOrderNumber;
use ports::{Area, Evidence};

impl Execution {
    /// The outcome matters more than its evidence: what cannot be stored is logged and left.
    pub(crate) async fn keep_evidence(
        &self,
        number: &PurchaseOrderNumber,
        evidence: &Evidence,
    ) -> Option<Digest> {
        if evidence.bytes.is_empty() {
            return None;
        }
        let digest = evidence.digest();
        let key = format!("answer/{number}/{digest}");
        let put = self.files.put_new(Area::Evidence, &key, &evidence.bytes);
        match put.await {
            Ok(_) => Some(digest),
            Err(error) => {
                tracing::warn!(purchase_order.number = %number, error = %error, "evidence not stored");
                None
            }
        }
    }

    /// With the evidence of what is said of single lines.
    pub(crate) async fn with_line_evidence(
        &self,
        number: &PurchaseOrderNumber,
        accepted: Accepted,
    ) -> Accepted {
        let report = line_report(&accepted.lines).into_bytes().into();
        let evidence = self.keep_evidence(number, &report).await;
        with_digest(accepted, evidence.as_ref())
    }

    /// With its evidence, which is stored for it.
    pub(crate) async fn with_evidence(
        &self,
        number: &PurchaseOrderNumber,
        mut outcome: Outcome,
        evidence: &Evidence,
    ) -> Outcome {
        match &mut outcome {
            Outcome::Accepted(accepted) => {
                let accepted = std::mem::take(accepted);
                return Outcome::Accepted(self.with_line_evidence(number, accepted).await);
            }
            Outcome::Rejected { why, .. } => {
                why.evidence = self.keep_evidence(number, evidence).await;
            }
            Outcome::InDoubt { evidence: kept, .. } => {
                *kept = self.keep_evidence(number, evidence).await;
            }
            Outcome::NotSent { .. } => {
                self.keep_evidence(number, evidence).await;
            }
            Outcome::StepDone(_) | Outcome::NotInBatch { .. } => {}
        }
        outcome
    }
}

fn with_digest(accepted: Accepted, evidence: Option<&Digest>) -> Accepted {
    let lines = accepted.lines.into_iter().map(|line| LineOutcome {
        status: match line.status {
            LineStatus::Rejected(mut why) => {
                why.evidence = evidence.cloned();
                LineStatus::Rejected(why)
            }
            LineStatus::Backordered(until) => LineStatus::Backordered(until),
        },
        ..line
    });
    Accepted {
        lines: lines.collect(),
        evidence: evidence.cloned(),
        ..accepted
    }
}

/// What is said of single lines, by the receiver's own names of the articles.
fn line_report(lines: &[LineOutcome]) -> String {
    let lines = lines.iter().map(|line| {
        let status = match &line.status {
            LineStatus::Backordered(None) => "backordered".to_owned(),
            LineStatus::Backordered(Some(until)) => format!("backordered until {until}"),
            LineStatus::Rejected(why) => {
                format!("rejected, {}: {}", why.reason.name(), why.detail)
            }
        };
        format!("{} x {}: {status}\n", line.quantity, line.supplier_sku)
    });
    lines.collect::<Vec<_>>().concat()
}
