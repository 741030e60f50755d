//! What the mail service reports about mails after it took them, and mail that is paused for it.

use super::PurchaseOrders;
use super::send::SupplierStep;
use crate::{Flow, open_incident};
use domain::cases::CaseKind;
use domain::ids::OrderId;
use domain::order::answer::{Rejection, RejectionReason};
use domain::order::decide::{Command, MailReport as Report};
use domain::order::{Order, Reference};
use domain::sending::machine::Delivery;
use ports::{MailEvent, MailReport, StepError};

impl PurchaseOrders {
    /// Resolves an in-doubt send, or records what became of the delivery; a report that adds nothing
    /// changes nothing. With the order as it is then; `None` where the mail is of no order of ours.
    pub async fn record_mail_event(
        &self,
        event: &MailEvent,
    ) -> Result<Option<(OrderId, Option<Box<Order>>)>, StepError> {
        let number = event.id.purchase_order();
        let reference = Reference::PurchaseOrder(number.clone());
        let Some(id) = self.index.find(&reference).await?.pop() else {
            tracing::warn!(purchase_order.number = %number, "a mail of no order of ours was reported");
            return Ok(None);
        };
        let Some(order) = self.execution.current(&id, None).await? else {
            return Ok(None);
        };
        let report = Command::RecordMailReport {
            id: event.id.clone(),
            attempt: event.attempt,
            report: self.report(event).await,
        };
        // What cannot be decided is refused by the commit.
        let events = order.decide(report.clone(), self.execution.clock.now());
        if events.is_ok_and(|events| events.is_empty()) {
            return Ok(Some((id, Some(order))));
        }
        if let MailReport::Suppressed { remedy, .. } = &event.report {
            self.pause_mail(&order, event, remedy).await?;
        }
        let after = self.execution.commit_on(Some(order), &id, &report).await?;
        Ok(Some((id, after)))
    }

    async fn report(&self, event: &MailEvent) -> Report {
        match &event.report {
            MailReport::Sent => Report::Sent,
            MailReport::Delivered => Report::Delivery(Delivery::Delivered),
            MailReport::Delayed(why) => Report::Delivery(Delivery::Delayed { why: why.clone() }),
            MailReport::Returned(why) => Report::Delivery(Delivery::Returned { why: why.clone() }),
            MailReport::Bounced(detail)
            | MailReport::Suppressed {
                why: detail,
                remedy: _,
            } => {
                let evidence = event.evidence.clone().into();
                let number = event.id.purchase_order();
                Report::Bounced(Rejection {
                    reason: RejectionReason::InvalidContactInformation,
                    detail: detail.clone(),
                    evidence: self.execution.keep_evidence(number, &evidence).await,
                })
            }
        }
    }

    /// Before the report is recorded, so that no crash leaves the one without the other, and a report
    /// that is delivered again after a person closed the incident opens none.
    async fn pause_mail(
        &self,
        order: &Order,
        event: &MailEvent,
        remedy: &str,
    ) -> Result<(), StepError> {
        let Some(purchase_order) = order.purchase_order(event.id.purchase_order()) else {
            return Ok(());
        };
        let supplier = &purchase_order.supplier;
        let detail = format!(
            "the mail service does not deliver to {supplier}, first seen with {}; mail to it is paused\n{remedy}",
            event.id
        );
        let incidents = self.incidents.as_ref();
        let clock = self.execution.clock.as_ref();
        let kind = CaseKind::MailSuppressed;
        open_incident(incidents, clock, kind, supplier.as_str(), detail).await?;
        Ok(())
    }
}

impl SupplierStep<'_> {
    /// Where the supplier's address is suppressed, every further mail would be lost: it waits, as a
    /// case, until a person closes the incident. `None` where nothing keeps it back.
    pub(super) async fn wait_while_paused(&self) -> Result<Option<Flow>, StepError> {
        let via = self.step.via();
        if !via.reports_delivery {
            return Ok(None);
        }
        let execution = self.step.execution;
        let supplier = self.purchase_order.supplier.as_str();
        let incidents = self.purchase_orders.incidents.incidents().await?;
        let is_paused = incidents.iter().any(|incident| {
            incident.kind == CaseKind::MailSuppressed && incident.cause == supplier
        });
        if !is_paused {
            return Ok(None);
        }
        let id = self.step.subject.clone();
        let pause = Command::PauseMail { id, via };
        let after = execution.commit(&self.step.order.id, &pause).await?;
        Ok(Some(Flow::Stop(after)))
    }
}
