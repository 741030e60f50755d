//! What the mail service reports about mails after it took them.

use crate::record::{commit, keep};
use crate::{Deps, wake_routing};
use domain::order::answer::{Rejection, RejectionReason};
use domain::order::decide::{Command, MailReport as Report};
use ports::{MailEvent, MailReport, StepError};

/// Settles a doubt, or tells that the supplier never got it; what adds nothing changes nothing.
pub async fn mail_event(deps: &Deps, event: &MailEvent) -> Result<(), StepError> {
    let number = &event.id.number;
    let Some(order) = deps.orders.find(number).await? else {
        tracing::warn!(purchase_order.number = %number, "a mail of no order of ours was reported");
        return Ok(());
    };
    let report = match &event.report {
        MailReport::Sent => Report::Sent,
        MailReport::Bounced(detail) => Report::Bounced(Rejection {
            reason: RejectionReason::InvalidContactInformation,
            detail: detail.clone(),
            evidence: keep(deps, number, &event.evidence.clone().into()).await,
        }),
    };
    let after = commit(deps, &order, || Command::RecordMailReport {
        id: event.id.clone(),
        attempt: event.attempt,
        report: report.clone(),
    });
    let after = after.await?;
    wake_routing(deps, &order, after).await
}
