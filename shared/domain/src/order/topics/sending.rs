//! What happened to something that is sent once.

use super::{LineNames, Topic, reported_by};
use crate::order::answer::{By, CancelAnswer, LookupFinding, Rejection};
use crate::order::state::Order;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use crate::sending::machine::{Delivery, SendEvent, SendState};
use crate::sending::subject::SendSubject;
use crate::text::moment;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An event of the machine, with what it happened to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendChange {
    pub subject: SendSubject,
    pub event: SendEvent,
}

impl Topic for SendChange {
    fn apply(&self, order: &mut Order, at: Timestamp) -> Result<(), Refusal> {
        match &self.subject {
            SendSubject::PurchaseOrder(number) => {
                apply_to_purchase_order(order, number, &self.event, at)
            }
            SendSubject::Cancel {
                purchase_order,
                request,
            } => apply_to_cancel(order, purchase_order, *request, &self.event, at),
        }
    }

    fn describe(&self, _: &LineNames) -> Vec<String> {
        vec![format!("{} {}", self.subject, describe(&self.event))]
    }

    fn metric(&self) -> Option<&'static str> {
        match (&self.subject, &self.event) {
            (SendSubject::PurchaseOrder(_), SendEvent::Sent { .. }) => Some("OrdersSent"),
            (SendSubject::PurchaseOrder(_), SendEvent::SuspectedSent { .. })
            | (_, SendEvent::SendInDoubt { .. }) => Some("SendsInDoubt"),
            (
                _,
                SendEvent::Sent { .. }
                | SendEvent::SuspectedSent { .. }
                | SendEvent::SendStarted { .. }
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
                | SendEvent::RejectionFreed,
            ) => None,
        }
    }
}

fn apply_to_purchase_order(
    order: &mut Order,
    number: &PurchaseOrderNumber,
    event: &SendEvent,
    at: Timestamp,
) -> Result<(), Refusal> {
    let own = order.own_mut(number)?;
    let given_up = !own.holds_reservation();
    own.apply(event, at)?;
    if let SendEvent::SendDeferred {
        retry_at: Some(cut_off),
        by: By::Batch,
        ..
    } = event
    {
        own.cut_off = Some(*cut_off);
    }
    // What is gathered in batches goes with the one of that time.
    if let SendEvent::SendPostponed { until, .. } = event
        && own.cut_off.is_some()
    {
        own.cut_off = Some(*until);
    }
    // What came while it was being sent concerns it again now that it is not.
    let open = matches!(
        own.sending.state,
        SendState::Planned { .. } | SendState::BetweenSteps { .. }
    );
    let (seen, live) = (own.confirmed_at, own.is_live());
    // What was given up is there after all: its units may be planned elsewhere, or no
    // longer be wanted.
    if (open && seen != order.wakes) || !live || given_up {
        order.wake(at);
    }
    Ok(())
}

fn apply_to_cancel(
    order: &mut Order,
    number: &PurchaseOrderNumber,
    request: u32,
    event: &SendEvent,
    at: Timestamp,
) -> Result<(), Refusal> {
    let own = order.own_mut(number)?;
    let missing = || Refusal::NotPossible(format!("{number} has no request X{request}"));
    let asked = own.cancel_mut(request).ok_or_else(missing)?;
    asked.sending.apply(event, at)?;
    if matches!(event, SendEvent::SendRejected { .. }) && asked.is_open() {
        own.answer_cancel(request, CancelAnswer::Refused)?;
    }
    Ok(())
}

fn describe(event: &SendEvent) -> String {
    match event {
        SendEvent::SendStarted {
            attempt, artifact, ..
        } => format!("attempt {attempt} started, artifact {}", artifact.short()),
        SendEvent::SendStepDone {
            attempt, step, by, ..
        } => format!("step {step:?} done by attempt {attempt}{}", reported_by(by)),
        SendEvent::Sent {
            attempt,
            references,
            by,
        } => {
            let numbers = match references.as_slice() {
                [] => String::new(),
                [one] => format!(", their number {one}"),
                several => format!(", their numbers {}", several.join(", ")),
            };
            let how = match attempt {
                0 => "sent before the data was restored".to_owned(),
                attempt => format!("sent by attempt {attempt}"),
            };
            format!("{how}{numbers}{}", reported_by(by))
        }
        SendEvent::SendRejected {
            attempt,
            why,
            route_again,
        } => format!(
            "rejected, attempt {attempt}: {}; {}",
            reason(why),
            after_rejection(*route_again)
        ),
        SendEvent::SendBounced { attempt, why } => {
            format!(
                "bounced, attempt {attempt}: {}; a person must look",
                reason(why)
            )
        }
        SendEvent::DeliveryReported {
            attempt,
            delivery,
            by,
        } => {
            let what = match delivery {
                Delivery::Delivered => "delivered".to_owned(),
                Delivery::Delayed { why } => format!("delivery delayed: {why}"),
                Delivery::Returned { why } => format!("may not have been delivered: {why}"),
            };
            format!("mail of attempt {attempt} {what}{}", reported_by(by))
        }
        SendEvent::SendPostponed { until, why, .. } => {
            format!("not before {}: {why}", moment(*until))
        }
        SendEvent::SendInDoubt { attempt, why, .. } => {
            format!("in doubt, attempt {attempt}: {why}")
        }
        SendEvent::SuspectedSent { restored_at, .. } => format!(
            "may have been sent: the data was restored from a copy at {}",
            moment(*restored_at)
        ),
        SendEvent::SendDeferred {
            attempt,
            retry_at,
            why,
            by,
        } => {
            let again = retry_at.map_or_else(
                || "tried again only when a person asks for it".to_owned(),
                |retry_at| format!("again at {}", moment(retry_at)),
            );
            let how = match attempt {
                0 => "not sent before the data was restored".to_owned(),
                attempt => format!("not sent by attempt {attempt}"),
            };
            format!("{how}: {why}; {again}{}", reported_by(by))
        }
        SendEvent::LookedUp {
            finding, next_at, ..
        } => format!(
            "looked up: {}, {}",
            match finding {
                LookupFinding::Absent => "not there",
                LookupFinding::Unclear => "no clear answer",
            },
            next_at.map_or_else(
                || "a person must decide".to_owned(),
                |next| format!("again at {}", moment(next))
            )
        ),
        SendEvent::PreparationFailed { why, retry_at } => {
            format!("cannot be prepared: {why}; again at {}", moment(*retry_at))
        }
        SendEvent::Prepared => "can be prepared again".to_owned(),
        SendEvent::RetryRequested { by } => match by {
            By::Configuration => "tried again at once: the supplier's settings changed".to_owned(),
            By::Answer
            | By::LookUp
            | By::Notice
            | By::Batch
            | By::MailService
            | By::Person { .. } => {
                format!("tried again at once{}", reported_by(by))
            }
        },
        SendEvent::PurchaseOrderVoided { why } => format!("voided: {why}"),
        SendEvent::RejectionFreed => "rejection released: its units are planned again".to_owned(),
    }
}

/// Why a supplier refused something, for people.
pub(super) fn reason(why: &Rejection) -> String {
    format!("{}, {}", why.reason.name(), why.detail)
}

/// What follows from a rejection, for people.
pub(super) fn after_rejection(route_again: bool) -> &'static str {
    if route_again {
        "routed again without this supplier"
    } else {
        "a person must look"
    }
}
