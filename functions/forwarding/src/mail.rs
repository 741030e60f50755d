//! What the mail service reports about mails after it took them, and mail that is paused for it.

use crate::record::{commit_on, keep};
use crate::{Deps, Flow, current, wake_routing};
use domain::cases::CaseKind;
use domain::ids::SupplierId;
use domain::order::Order;
use domain::order::answer::{Rejection, RejectionReason};
use domain::order::decide::{Command, MailReport as Report};
use domain::sending::machine::Delivery;
use domain::sending::subject::SendSubject;
use ports::{Incident, MailEvent, MailReport, StepError, Supplier};

/// Resolves an in-doubt send, or records what became of the delivery; a report that adds nothing
/// changes nothing.
pub async fn mail_event(deps: &Deps, event: &MailEvent) -> Result<(), StepError> {
    let number = event.id.purchase_order();
    let Some(id) = deps.orders.find(number).await? else {
        tracing::warn!(purchase_order.number = %number, "a mail of no order of ours was reported");
        return Ok(());
    };
    let Some(order) = current(deps, &id, None).await? else {
        return Ok(());
    };
    let report = match &event.report {
        MailReport::Sent => Report::Sent,
        MailReport::Delivered => Report::Delivery(Delivery::Delivered),
        MailReport::Delayed(why) => Report::Delivery(Delivery::Delayed { why: why.clone() }),
        MailReport::Returned(why) => Report::Delivery(Delivery::Returned { why: why.clone() }),
        MailReport::Bounced(detail)
        | MailReport::Suppressed {
            why: detail,
            remedy: _,
        } => Report::Bounced(Rejection {
            reason: RejectionReason::InvalidContactInformation,
            detail: detail.clone(),
            evidence: keep(deps, number, &event.evidence.clone().into()).await,
        }),
    };
    let command = || Command::RecordMailReport {
        id: event.id.clone(),
        attempt: event.attempt,
        report: report.clone(),
    };
    // What cannot be decided is refused by the commit.
    let news = order.decide(command(), deps.clock.now());
    if news.is_ok_and(|events| events.is_empty()) {
        return wake_routing(deps, &id, Some(order)).await;
    }
    if let MailReport::Suppressed { remedy, .. } = &event.report {
        pause(deps, &order, event, remedy).await?;
    }
    let after = commit_on(deps, Some(order), &id, command).await?;
    wake_routing(deps, &id, after).await
}

/// Before the report is recorded, so that no crash leaves the one without the other, and a report that
/// is delivered again after a person closed the incident opens none.
async fn pause(
    deps: &Deps,
    order: &Order,
    event: &MailEvent,
    remedy: &str,
) -> Result<(), StepError> {
    let number = event.id.purchase_order();
    let Some(purchase_order) = order.purchase_order(number) else {
        return Ok(());
    };
    let supplier = &purchase_order.supplier;
    let incident = Incident {
        kind: CaseKind::MailSuppressed,
        cause: supplier.to_string(),
        detail: format!(
            "the mail service does not deliver to {supplier}, first seen with {}; mail to it is paused\n{remedy}",
            event.id
        ),
        opened_at: deps.clock.now(),
    };
    if deps.orders.open_incident(&incident).await? {
        tracing::error!(supplier.id = %supplier, "mail to the supplier is paused: its address is suppressed");
    }
    Ok(())
}

/// Where the supplier's address is suppressed, every further mail would be lost: it waits, as a case,
/// until a person closes the incident. `None` where nothing keeps it back.
pub(crate) async fn wait_while_paused(
    deps: &Deps,
    order: &Order,
    supplier: &SupplierId,
    id: &SendSubject,
    endpoint: &dyn Supplier,
    steps_done: usize,
) -> Result<Option<Flow>, StepError> {
    let via = endpoint.via(id, steps_done);
    if !via.reports_delivery {
        return Ok(None);
    }
    let incidents = deps.orders.incidents().await?;
    let is_paused = incidents.iter().any(|incident| {
        incident.kind == CaseKind::MailSuppressed && incident.cause == supplier.as_str()
    });
    if !is_paused {
        return Ok(None);
    }
    let pause = || Command::PauseMail {
        id: id.clone(),
        via: via.clone(),
    };
    let after = commit_on(deps, None, &order.id, pause).await?;
    Ok(Some(Flow::Stop(after)))
}
