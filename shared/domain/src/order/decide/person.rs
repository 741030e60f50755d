//! What a person decided, as events.

use super::{Verdict, Which, of};
use crate::cases::CaseKind;
use crate::ids::{LineId, SupplierId};
use crate::order::answer::{By, Rejection, RejectionReason};
use crate::order::decide::{CancelPlan, decided};
use crate::order::events::Event;
use crate::order::news::ShippingMethod;
use crate::order::purchase_order::{CancelRequest, PurchaseOrder};
use crate::order::state::{Order, WaitKind};
use crate::order::topics::person::Decision;
use crate::order::topics::supplier::SupplierReport;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use crate::sending::machine::{Delivery, SendEvent, SendState};
use crate::sending::subject::SendSubject;
use crate::text::moment;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

impl Order {
    pub(in crate::order) fn resolve(
        &self,
        number: &PurchaseOrderNumber,
        verdict: Verdict,
        by: By,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(number)?;
        let (id, event) = match verdict {
            Verdict::Sent { reference } => {
                let (id, attempt) = match (in_doubt(own), overdue(own, now)) {
                    (Ok(doubt), _) => doubt,
                    (Err(_), Some(attempt)) => {
                        let event = arrived(attempt, &reference, by);
                        return Ok(vec![of(SendSubject::from(number), event)]);
                    }
                    (Err(refusal), None) => return Err(refusal),
                };
                let references = vec![reference];
                let event = SendEvent::Sent {
                    attempt,
                    references,
                    by,
                };
                (id, event)
            }
            Verdict::NotSent => {
                let (id, attempt) = match (in_doubt(own), overdue(own, now)) {
                    (Ok(doubt), _) => doubt,
                    (Err(_), Some(attempt)) => {
                        return Ok(vec![of(SendSubject::from(number), never_arrived(attempt))]);
                    }
                    (Err(refusal), None) => return Err(refusal),
                };
                let event = SendEvent::SendDeferred {
                    attempt,
                    retry_at: Some(now),
                    why: "a person found that it is not there".to_owned(),
                    by,
                };
                (id, event)
            }
            Verdict::Cancel(answer) => {
                let open = own
                    .numbered_cancels()
                    .find(|(_, request)| request.is_open() && own.can_be_asked_back());
                let (request, _) = open.ok_or_else(|| {
                    Refusal::NotPossible(format!("no request to cancel {number} is open"))
                })?;
                let report = SupplierReport::CancelAnswered {
                    purchase_order: number.clone(),
                    request,
                    answer,
                    by,
                };
                return Ok(vec![report.into()]);
            }
        };
        Ok(vec![of(id, event)])
    }

    /// Whatever waits for a time is due, whatever is in doubt is looked up.
    pub(super) fn retry(
        &self,
        which: &Which,
        by: &By,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let meant = |own: &&PurchaseOrder| match which {
            Which::PurchaseOrder(number) => &own.number == number,
            Which::Supplier(supplier) => &own.supplier == supplier,
        };
        if let Which::PurchaseOrder(number) = which {
            self.own(number)?;
        }
        let mut events = Vec::new();
        let mut done = Vec::new();
        for own in self.purchase_orders.iter().filter(meant) {
            let requests = own
                .numbered_cancels()
                .filter(|(_, request)| request.is_open() && own.can_be_asked_back())
                .map(|(request, asked)| (Some(request), &asked.sending));
            let order = (!own.is_being_taken_back()).then_some((None, &own.sending));
            for (cancel, sending) in order.into_iter().chain(requests) {
                let waits = match &sending.state {
                    SendState::Planned { due } | SendState::BetweenSteps { due } => {
                        if now < sending.ready_since {
                            done.push(format!("{} is not due before {}", own.number, moment(*due)));
                            continue;
                        }
                        sending.waits_for_person || *due > now
                    }
                    SendState::InDoubt { look_ups, .. } => {
                        look_ups.next_at.is_none_or(|next| next > now)
                    }
                    SendState::SendStarted { .. }
                    | SendState::Sent { .. }
                    | SendState::Rejected { .. }
                    | SendState::Voided { .. } => {
                        done.push(format!("{} is {}", own.number, sending.state.name()));
                        continue;
                    }
                };
                if waits {
                    let event = SendEvent::RetryRequested { by: by.clone() };
                    events.push(of(own.subject(cancel), event));
                }
            }
        }
        if events.is_empty() && !done.is_empty() {
            return Err(Refusal::NotPossible(format!(
                "nothing waits to be tried again: {}",
                done.join(", ")
            )));
        }
        Ok(events)
    }

    pub(super) fn release(
        &self,
        method: Option<&str>,
        who: String,
        why: String,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let mut events = Vec::new();
        for own in &self.purchase_orders {
            let number = own.number.clone();
            let left_there = matches!(own.sending.state, SendState::BetweenSteps { .. })
                && own.is_being_taken_back()
                && !own.cancels.iter().any(CancelRequest::is_open);
            if matches!(own.sending.state, SendState::Rejected { freed: false, .. }) {
                let event = SendEvent::RejectionFreed;
                events.push(of(SendSubject::PurchaseOrder(number), event));
            } else if left_there {
                let event = SendEvent::PurchaseOrderVoided {
                    why: "its draft stays at the supplier, as a person agreed".to_owned(),
                };
                events.push(of(SendSubject::PurchaseOrder(number), event));
            } else if own.refused.iter().any(|refused| !refused.freed) {
                let decision = Decision::RejectedLinesReleased {
                    purchase_order: number,
                };
                events.push(decided(who.clone(), why.clone(), decision));
            }
        }
        let held = self
            .held
            .is_some()
            .then(|| (CaseKind::HeldByPerson, self.id.to_string()));
        let mut holds: BTreeSet<(CaseKind, String)> = self
            .cases(now)
            .into_iter()
            .filter(|entry| crate::cases::releasable(entry.kind))
            .map(|entry| (entry.kind, entry.cause))
            .chain(held)
            .collect();
        // A wait on the channel can be ended before it is a case, where nothing else is meant.
        if holds.is_empty() && events.is_empty() {
            holds.extend(self.waits_on_channel());
        }
        let open = !holds.is_empty();
        let holds: Vec<_> = holds
            .into_iter()
            .filter(|hold| !self.is_let_through(hold))
            .collect();
        let method = self.choose_method(method, &holds)?;
        // Released already, and routing has not looked yet.
        if open && holds.is_empty() && events.is_empty() {
            return Ok(Vec::new());
        }
        if holds.is_empty() && events.is_empty() {
            return Err(Refusal::NotPossible(format!(
                "{} has no hold that a person can release",
                self.id
            )));
        }
        let decision = Decision::HoldsReleased { holds, method };
        events.push(decided(who, why, decision));
        Ok(events)
    }

    fn waits_on_channel(&self) -> Option<(CaseKind, String)> {
        let mut waits = self.routing.iter().flat_map(|routing| &routing.waits);
        waits.any(|wait| wait.kind == WaitKind::Channel).then(|| {
            (
                CaseKind::OnHoldAtChannel,
                self.wait_cause(WaitKind::Channel),
            )
        })
    }

    /// Whether a person let it through already, and routing only has to look.
    fn is_let_through(&self, hold: &(CaseKind, String)) -> bool {
        if hold.0 == CaseKind::OnHoldAtChannel {
            self.held_by_channel(std::slice::from_ref(hold)).is_empty()
        } else if hold.0 == CaseKind::SeveralShippingMethods {
            self.chosen_method().is_some()
        } else {
            self.released.contains(hold)
        }
    }

    /// The method of that title or code among those of the channel; needed exactly where several of
    /// them are what holds the order.
    fn choose_method(
        &self,
        given: Option<&str>,
        holds: &[(CaseKind, String)],
    ) -> Result<Option<ShippingMethod>, Refusal> {
        let needed = holds
            .iter()
            .any(|(kind, _)| *kind == CaseKind::SeveralShippingMethods);
        let latest = self.news.latest.as_ref();
        let known = latest.map_or(&[][..], |latest| &latest.content.shipping);
        let names = || {
            let names: Vec<_> = known
                .iter()
                .map(|method| format!("{:?}", method.name()))
                .collect();
            names.join(", ")
        };
        match given {
            None if needed => Err(Refusal::NotPossible(format!(
                "say with --method by which of its shipping methods everything is shipped: {}",
                names()
            ))),
            None => Ok(None),
            Some(_) if !needed => Err(Refusal::NotPossible(
                "--method is only for an order that several shipping methods hold".to_owned(),
            )),
            Some(given) => {
                let is_meant = |text: &str| text.trim().eq_ignore_ascii_case(given.trim());
                let mut chosen = known
                    .iter()
                    .filter(|method| is_meant(&method.title) || is_meant(&method.code));
                match (chosen.next(), chosen.next()) {
                    (Some(only), None) => Ok(Some(only.clone())),
                    (Some(_), Some(_)) => Err(Refusal::NotPossible(format!(
                        "several of its shipping methods are {given:?}: give the code of one"
                    ))),
                    (None, _) => Err(Refusal::NotPossible(format!(
                        "{given:?} is none of its shipping methods: {}",
                        names()
                    ))),
                }
            }
        }
    }

    /// What a supplier is to give back so that another one can ship it, and whether that is all:
    /// nothing that is shipped, and nothing twice.
    fn to_be_taken_back(&self, own: &PurchaseOrder) -> (BTreeMap<LineId, u32>, bool) {
        let everything = own.everything();
        let unshipped = self.unshipped(own);
        let open = || own.cancels.iter().filter(|request| request.is_open());
        if unshipped == everything {
            let asked = open().any(|request| request.whole);
            return (if asked { BTreeMap::new() } else { everything }, true);
        }
        let rest = unshipped.into_iter().map(|(line, units)| {
            let asked = open().filter_map(|request| request.lines.get(&line));
            let asked = asked.copied().fold(0, u32::saturating_add);
            (line, units.saturating_sub(asked))
        });
        (rest.filter(|(_, units)| *units > 0).collect(), false)
    }

    /// What is planned is planned again elsewhere by routing; what was handed over is asked back.
    pub(super) fn reroute(
        &self,
        without: Option<&SupplierId>,
        only: Option<&SupplierId>,
        who: &str,
        why: &str,
    ) -> Result<Vec<Event>, Refusal> {
        let concerned = |own: &&PurchaseOrder| {
            without == Some(&own.supplier) || only.is_some_and(|only| only != &own.supplier)
        };
        if without.is_none() && only.is_none() {
            return Err(Refusal::NotPossible(
                "say which supplier not to use, or which one only".to_owned(),
            ));
        }
        let decision = Decision::Rerouted {
            without: without.cloned(),
            only: only.cloned(),
        };
        let mut events = vec![decided(who.to_owned(), why.to_owned(), decision)];
        for own in self.live().filter(concerned) {
            if matches!(own.sending.state, SendState::Rejected { freed: false, .. }) {
                events.push(of(
                    SendSubject::from(&own.number),
                    SendEvent::RejectionFreed,
                ));
            }
            let (lines, whole) = self.to_be_taken_back(own);
            if own.sending.is_claimed() && !lines.is_empty() {
                let plan = CancelPlan {
                    purchase_order: own.number.clone(),
                    lines,
                    whole,
                    why: why.to_owned(),
                };
                events.push(plan.event().into());
            }
        }
        Ok(events)
    }
}

/// The attempt whose mail should have been reported as delivered by now, and was not.
fn overdue(own: &PurchaseOrder, now: Timestamp) -> Option<u32> {
    let SendState::Sent { attempt, .. } = &own.sending.state else {
        return None;
    };
    own.sending.is_overdue(now).then_some(*attempt)
}

/// A person asked the supplier, who has the mail, under that number of theirs.
fn arrived(attempt: u32, reference: &str, by: By) -> SendEvent {
    let by = match by {
        By::Person { who, why } => By::Person {
            who,
            why: format!("{why} (their number {reference})"),
        },
        By::Answer | By::LookUp | By::Notice | By::Batch | By::MailService | By::Configuration => {
            by
        }
    };
    SendEvent::DeliveryReported {
        attempt,
        delivery: Delivery::Delivered,
        by,
    }
}

/// A person asked the supplier, who does not have the mail.
fn never_arrived(attempt: u32) -> SendEvent {
    SendEvent::SendBounced {
        attempt,
        why: Rejection {
            reason: RejectionReason::Unknown,
            detail: "a person found that it did not arrive".to_owned(),
            evidence: None,
        },
    }
}

/// What of the purchase order is in doubt: itself, or a request to cancel it.
fn in_doubt(own: &PurchaseOrder) -> Result<(SendSubject, u32), Refusal> {
    let cancels = own
        .numbered_cancels()
        .map(|(request, asked)| (Some(request), &asked.sending));
    std::iter::once((None, &own.sending))
        .chain(cancels)
        .find_map(|(cancel, sending)| match &sending.state {
            SendState::InDoubt { attempt, .. } => Some((own.subject(cancel), *attempt)),
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::BetweenSteps { .. }
            | SendState::Sent { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => None,
        })
        .ok_or_else(|| {
            Refusal::NotPossible(format!(
                "{} is {}, not in doubt",
                own.number,
                own.sending.state.name()
            ))
        })
}
