//! The next step of what is sent, from the state of its order alone.

use crate::order::purchase_order::PurchaseOrder;
use crate::order::state::Order;
use crate::sending::Sending;
use crate::sending::machine::SendState;
use crate::sending::subject::SendSubject;
use crate::settings::SupplierSettings;
use jiff::Timestamp;

/// The next step of one hand-over, from the order's state alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Send,
    /// Take part in the batch of that cut-off: its file is the only truth of what was sent.
    Batch {
        cut_off: Timestamp,
    },
    /// The claim's time is over and nobody told the outcome.
    Lapse {
        attempt: u32,
    },
    LookUp {
        attempt: u32,
    },
    /// Nothing now.
    Leave(&'static str),
}

pub fn step(order: &Order, own: &PurchaseOrder, now: Timestamp) -> Step {
    match (next(&own.sending, now), own.cut_off) {
        (Step::Send, _) if order.needs_routing.is_some() => Step::Leave("routing looks first"),
        (Step::Send, _) if order.no_longer_holds(own).is_some() => Step::Leave("no longer holds"),
        (Step::Send, Some(cut_off)) => Step::Batch { cut_off },
        (Step::Lapse { attempt }, _) => match &own.sending.state {
            SendState::SendStarted {
                cut_off: Some(cut_off),
                ..
            } => Step::Batch { cut_off: *cut_off },
            SendState::SendStarted { .. }
            | SendState::Planned { .. }
            | SendState::BetweenSteps { .. }
            | SendState::InDoubt { .. }
            | SendState::Sent { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => Step::Lapse { attempt },
        },
        (step, _) => step,
    }
}

/// The supplier now takes batches and did not when it was planned, or the other way round: routing
/// plans it anew.
pub fn is_out_of_step(own: &PurchaseOrder, supplier: &SupplierSettings, now: Timestamp) -> bool {
    supplier.next_batch(now).is_some() != own.cut_off.is_some()
}

/// The next step of the n-th request to take units back. A request waits until it is known that the
/// supplier has something to give back.
pub fn step_of_cancel(own: &PurchaseOrder, request: u32, now: Timestamp) -> Step {
    match own.cancel(request) {
        Some(asked) if asked.is_open() && own.can_be_asked_back() => next(&asked.sending, now),
        Some(_) | None => Step::Leave("nothing to ask"),
    }
}

/// What of the purchase order waits for a later time, or for a person: the purchase order itself, or
/// its oldest request to take units back. It can be prepared before it may be sent.
pub fn waiting(own: &PurchaseOrder, now: Timestamp) -> Option<SendSubject> {
    let waits = |sending: &Sending| {
        let planned = matches!(
            sending.state,
            SendState::Planned { .. } | SendState::BetweenSteps { .. }
        );
        planned && matches!(next(sending, now), Step::Leave(_))
    };
    if waits(&own.sending) && !own.is_being_taken_back() {
        return Some(own.subject(None));
    }
    let asked = own.numbered_cancels().find(|(_, request)| {
        request.is_open() && own.can_be_asked_back() && waits(&request.sending)
    });
    asked.map(|(request, _)| own.subject(Some(request)))
}

fn next(sending: &Sending, now: Timestamp) -> Step {
    match &sending.state {
        SendState::Planned { .. } | SendState::BetweenSteps { .. } if sending.waits_for_person => {
            Step::Leave("a person must ask for it")
        }
        // What could not be prepared is tried again whenever somebody asks: the merchant may have
        // corrected a template.
        SendState::Planned { due } | SendState::BetweenSteps { due }
            if now < *due && (sending.unpreparable.is_none() || now < sending.ready_since) =>
        {
            Step::Leave("not due")
        }
        SendState::Planned { .. } | SendState::BetweenSteps { .. } => Step::Send,
        SendState::SendStarted {
            attempt,
            resolve_at,
            ..
        } if now >= *resolve_at => Step::Lapse { attempt: *attempt },
        SendState::SendStarted { .. } => Step::Leave("somebody may be sending it"),
        SendState::InDoubt {
            attempt, look_ups, ..
        } => match look_ups.next_at {
            Some(next) if now >= next => Step::LookUp { attempt: *attempt },
            Some(_) | None => Step::Leave("in doubt"),
        },
        SendState::Sent { .. } | SendState::Rejected { .. } | SendState::Voided { .. } => {
            Step::Leave("settled")
        }
    }
}
