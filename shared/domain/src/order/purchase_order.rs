//! One purchase order: its lines, how it is sent, and what is asked back of it.

use super::answer::{Backorder, CancelAnswer, Rejection};
use crate::digest::Digest;
use crate::ids::{LineId, Sku, SupplierId, SupplierSku};
use crate::money::Money;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use crate::sending::Sending;
use crate::sending::machine::{SendEvent, SendState};
use crate::sending::subject::SendSubject;
use crate::sending::timing::{RESEND_AFTER, SENDING_OVERDUE};
use crate::spending::Spending;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What one supplier is asked to ship for one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseOrder {
    pub number: PurchaseOrderNumber,
    pub supplier: SupplierId,
    pub lines: Vec<PurchaseOrderLine>,
    /// The supplier's own word for the shipping method, where its settings have one.
    pub service: Option<String>,
    /// The payload it was planned from, and that payload's edit digest.
    pub payload: u32,
    /// The payload item whose address takes the place of that one's.
    pub address: Option<u32>,
    pub edit: Digest,
    /// Of address, shipping method and the personalisation of its lines alone.
    pub shipping: Digest,
    /// The shipping method that a person chose, where the channel names several.
    pub method: Option<String>,
    pub planned_at: Timestamp,
    /// Of the batch it goes with, where the supplier wants batches.
    pub cut_off: Option<Timestamp>,
    /// What it counts against the supplier's spend limit, where there was one.
    pub spending: Option<Spending>,
    pub sending: Sending,
    /// Requests to take it back, or units of it; the first is `X1`.
    pub cancels: Vec<CancelRequest>,
    /// Units that the supplier will not ship although it took the rest.
    pub refused: Vec<RefusedLine>,
    /// Units that the supplier took back.
    pub withdrawn: BTreeMap<LineId, u32>,
    pub backordered: BTreeMap<LineId, Backorder>,
    /// Answers of the supplier that nobody can make sense of.
    pub unclear: Vec<Unclear>,
    /// The order's `wakes` when routing last found that it holds.
    pub confirmed_at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseOrderLine {
    pub line: LineId,
    pub sku: Sku,
    pub supplier_sku: SupplierSku,
    pub quantity: u32,
    /// Of one unit, as the offer said when it was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Whether its stock was tracked, so that a reservation stands behind it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reserved: bool,
}

/// Units of a line that the supplier refused after it took the purchase order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    pub line: LineId,
    pub quantity: u32,
    pub at: Timestamp,
    pub why: Rejection,
    /// They may be planned again.
    pub freed: bool,
    /// By itself, so that this supplier is out for them; otherwise a person freed them.
    pub route_again: bool,
}

/// An answer of the supplier, or a part of it, that a person must read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    pub at: Timestamp,
    /// In our words.
    pub why: String,
    /// The supplier's own.
    pub evidence: Option<Digest>,
}

/// Asks a supplier to take units back: an artifact of its own, claimed and sent like the purchase
/// order. Wanted while the outcome of the purchase order is unknown, it waits; where the supplier
/// turns out not to have it, nothing need be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    pub lines: BTreeMap<LineId, u32>,
    /// Nothing of the purchase order is wanted any more.
    pub whole: bool,
    pub why: String,
    pub wanted_at: Timestamp,
    pub sending: Sending,
    /// `None` while it is open.
    pub end: Option<CancelEnd>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelEnd {
    Answered(CancelAnswer),
    /// The supplier never had it.
    Moot,
}

impl PurchaseOrder {
    pub(super) fn apply(&mut self, event: &SendEvent, at: Timestamp) -> Result<(), Refusal> {
        let was_voided = matches!(self.sending.state, SendState::Voided { .. });
        self.sending.apply(event, at)?;
        if matches!(event, SendEvent::RejectionFreed) {
            self.free_refused();
        }
        match &mut self.sending.state {
            // Nothing is left to take back once it is surely unsent.
            SendState::Planned { .. } => {
                if self.close_cancels() {
                    self.sending.state = SendState::Voided {
                        why: "cancelled before it was sent".to_owned(),
                    };
                }
            }
            SendState::Rejected { freed, .. } => {
                let begun = !self.sending.progress.is_start();
                *freed |= self
                    .cancels
                    .iter()
                    .any(|request| request.is_open() && request.whole);
                self.close_cancels();
                if begun && matches!(event, SendEvent::SendRejected { .. }) {
                    self.want_back("a draft of it was left when it was refused", at);
                }
            }
            // It was sent after all.
            SendState::Sent { .. } if was_voided => {
                self.want_back("it was voided before this became known", at);
            }
            SendState::Sent { .. }
            | SendState::SendStarted { .. }
            | SendState::BetweenSteps { .. }
            | SendState::InDoubt { .. }
            | SendState::Voided { .. } => {}
        }
        Ok(())
    }

    /// Whether one of them was for the whole.
    fn close_cancels(&mut self) -> bool {
        let mut whole = false;
        for request in self.cancels.iter_mut().filter(|request| request.is_open()) {
            whole |= request.whole;
            request.end = Some(CancelEnd::Moot);
        }
        whole
    }

    fn want_back(&mut self, why: &str, at: Timestamp) {
        let lines = self.everything();
        self.cancels
            .push(CancelRequest::new(lines, true, why.to_owned(), at));
    }

    /// Units that are still asked for or on their way, by line.
    pub fn everything(&self) -> BTreeMap<LineId, u32> {
        let lines: BTreeSet<&LineId> = self.lines.iter().map(|line| &line.line).collect();
        lines
            .into_iter()
            .map(|line| (line.clone(), self.quantity_of(line)))
            .filter(|(_, quantity)| *quantity > 0)
            .collect()
    }

    pub(super) fn answer_cancel(
        &mut self,
        request: u32,
        answer: CancelAnswer,
    ) -> Result<(), Refusal> {
        let number = self.number.clone();
        let illegal = || Refusal::NotPossible(format!("no request X{request} of {number} is open"));
        let own = self.cancel_mut(request).ok_or_else(illegal)?;
        if !own.is_open() {
            return Err(illegal());
        }
        own.end = Some(CancelEnd::Answered(answer));
        let (lines, whole) = (own.lines.clone(), own.whole);
        if answer != CancelAnswer::Accepted {
            return Ok(());
        }
        // With the whole of it, the supplier gave back what smaller requests ask for.
        if whole {
            self.close_cancels();
        }
        match &self.sending.state {
            SendState::BetweenSteps { .. } if whole => {
                self.sending.state = SendState::Voided {
                    why: "the supplier took its draft back".to_owned(),
                };
            }
            SendState::Rejected { .. } | SendState::Voided { .. } => {}
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::BetweenSteps { .. }
            | SendState::InDoubt { .. }
            | SendState::Sent { .. } => {
                for (line, quantity) in lines {
                    let taken = self.withdrawn.entry(line).or_default();
                    *taken = taken.saturating_add(quantity);
                }
            }
        }
        Ok(())
    }

    pub(super) fn refuse_lines(
        &mut self,
        lines: &BTreeMap<LineId, u32>,
        why: &Rejection,
        route_again: bool,
        at: Timestamp,
    ) {
        self.refused
            .extend(lines.iter().map(|(line, quantity)| RefusedLine {
                line: line.clone(),
                quantity: *quantity,
                at,
                why: why.clone(),
                freed: route_again,
                route_again,
            }));
    }

    /// Lets the units that a person looked at be planned again.
    pub(super) fn free_refused(&mut self) {
        self.refused
            .iter_mut()
            .for_each(|refused| refused.freed = true);
    }

    /// Its units are spoken for: planned, on the way, in doubt, sent, or refused and not yet looked
    /// at by a person.
    pub fn is_live(&self) -> bool {
        let spoken_for = match &self.sending.state {
            SendState::Voided { .. } => false,
            SendState::Rejected { freed, .. } => !freed,
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::BetweenSteps { .. }
            | SendState::InDoubt { .. }
            | SendState::Sent { .. } => true,
        };
        spoken_for && self.lines.iter().any(|line| self.remaining(line) > 0)
    }

    /// Nobody knows yet whether the supplier ships it, or takes it back as it was asked to.
    pub fn is_open(&self) -> bool {
        let sending = match &self.sending.state {
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::BetweenSteps { .. }
            | SendState::InDoubt { .. } => true,
            SendState::Sent { .. } | SendState::Rejected { .. } | SendState::Voided { .. } => false,
        };
        sending || self.cancels.iter().any(CancelRequest::is_open)
    }

    /// Its reservations stand, and what it spends.
    pub fn holds_reservation(&self) -> bool {
        !matches!(
            self.sending.state,
            SendState::Voided { .. } | SendState::Rejected { .. }
        )
    }

    /// Units of the line that are still asked for or on their way.
    pub fn quantity_of(&self, line: &LineId) -> u32 {
        self.lines
            .iter()
            .filter(|own| &own.line == line)
            .map(|own| self.remaining(own))
            .fold(0, u32::saturating_add)
    }

    /// What is left of a line after what was taken back or refused and freed.
    pub fn remaining(&self, line: &PurchaseOrderLine) -> u32 {
        let refused: u32 = self
            .refused
            .iter()
            .filter(|refused| refused.line == line.line && refused.freed)
            .map(|refused| refused.quantity)
            .fold(0, u32::saturating_add);
        let withdrawn = self.withdrawn.get(&line.line).copied().unwrap_or(0);
        // A line that several offers of the supplier serve gives back in their order.
        let before: u32 = self
            .lines
            .iter()
            .take_while(|own| *own != line)
            .filter(|own| own.line == line.line)
            .map(|own| own.quantity)
            .fold(0, u32::saturating_add);
        let gone = refused.saturating_add(withdrawn).saturating_sub(before);
        line.quantity.saturating_sub(gone)
    }

    /// Units of a line that the supplier has not refused or given back: reservations and spending
    /// stand for them.
    pub fn standing(&self, line: &PurchaseOrderLine) -> u32 {
        self.remaining(line)
            .saturating_sub(self.refused_and_held(&line.line))
    }

    /// Units refused by the supplier that nobody has freed.
    pub fn refused_and_held(&self, line: &LineId) -> u32 {
        match &self.sending.state {
            SendState::Rejected { freed: false, .. } => self.quantity_of(line),
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::BetweenSteps { .. }
            | SendState::InDoubt { .. }
            | SendState::Sent { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => self
                .refused
                .iter()
                .filter(|refused| &refused.line == line && !refused.freed)
                .map(|refused| refused.quantity)
                .fold(0, u32::saturating_add),
        }
    }

    /// The supplier refused units of the line, so that they went to be planned again without it.
    pub fn refused_by_supplier(&self, line: &LineId) -> bool {
        let whole = matches!(
            &self.sending.state,
            SendState::Rejected {
                route_again: true,
                ..
            }
        ) && self.lines.iter().any(|own| &own.line == line);
        whole
            || self
                .refused
                .iter()
                .any(|refused| &refused.line == line && refused.route_again)
    }

    /// Units of the line that the supplier was asked to take back and has not given back: asking
    /// again would change nothing.
    pub fn asked_back(&self, line: &LineId) -> u32 {
        self.cancels
            .iter()
            .filter(|request| {
                !matches!(
                    request.end,
                    Some(CancelEnd::Moot | CancelEnd::Answered(CancelAnswer::Accepted))
                )
            })
            .filter_map(|request| request.lines.get(line).copied())
            .fold(0, u32::saturating_add)
            .min(self.quantity_of(line))
    }

    /// The whole of it was asked back, and it was not given back: nothing more is done for it, though
    /// the supplier refused, until a person says how it goes on.
    pub fn is_being_taken_back(&self) -> bool {
        let open = |request: &CancelRequest| {
            !matches!(
                request.end,
                Some(CancelEnd::Moot | CancelEnd::Answered(CancelAnswer::Accepted))
            )
        };
        self.cancels
            .iter()
            .any(|request| request.whole && open(request))
    }

    /// What is sent of it: the purchase order itself, or that request to cancel.
    pub fn subject(&self, request: Option<u32>) -> SendSubject {
        SendSubject::new(self.number.clone(), request)
    }

    /// The state of what is sent of it; `None` where it has no such request to cancel.
    pub fn sending_of(&self, subject: &SendSubject) -> Option<&Sending> {
        match subject.request() {
            None => Some(&self.sending),
            Some(request) => self.cancel(request).map(|asked| &asked.sending),
        }
    }

    pub fn cancel(&self, request: u32) -> Option<&CancelRequest> {
        self.cancels
            .get(usize::try_from(request).ok()?.checked_sub(1)?)
    }

    pub(super) fn cancel_mut(&mut self, request: u32) -> Option<&mut CancelRequest> {
        self.cancels
            .get_mut(usize::try_from(request).ok()?.checked_sub(1)?)
    }

    /// The requests with their numbers, from 1.
    pub fn numbered_cancels(&self) -> impl Iterator<Item = (u32, &CancelRequest)> {
        (1..).zip(&self.cancels)
    }

    /// The supplier has something that can be taken back.
    pub fn can_be_asked_back(&self) -> bool {
        match &self.sending.state {
            SendState::Sent { .. } | SendState::BetweenSteps { .. } => true,
            SendState::Rejected { .. } => !self.sending.progress.is_start(),
            SendState::Planned { .. }
            | SendState::SendStarted { .. }
            | SendState::InDoubt { .. }
            | SendState::Voided { .. } => false,
        }
    }

    /// The next moment at which something must happen by itself.
    pub(super) fn timers(&self) -> impl Iterator<Item = Timestamp> {
        let askable = self.can_be_asked_back();
        let cancels = self
            .cancels
            .iter()
            .filter(move |request| askable && request.is_open())
            .filter_map(|request| due(&request.sending, request.wanted_at));
        due(&self.sending, self.planned_at)
            .into_iter()
            .chain(cancels)
    }

    /// Units that the supplier has not in stock and still means to ship.
    pub fn waits_for_backorder(&self) -> u32 {
        let waiting = self
            .backordered
            .iter()
            .map(|(line, backorder)| backorder.quantity.min(self.quantity_of(line)));
        waiting.fold(0, u32::saturating_add)
    }

    /// When the supplier expects the last of what it has not in stock; nothing where it said no day.
    pub fn backordered_until(&self) -> Option<jiff::civil::Date> {
        self.backordered
            .values()
            .filter_map(|line| line.until)
            .max()
    }
}

fn due(sending: &Sending, begun_at: Timestamp) -> Option<Timestamp> {
    match &sending.state {
        SendState::Planned { .. } | SendState::BetweenSteps { .. } if sending.waits_for_person => {
            None
        }
        // A deferral's time is when to send; a fresh plan has its own message under way.
        SendState::Planned { due } if *due > begun_at => Some(*due),
        SendState::Planned { due } => Some(*due + RESEND_AFTER),
        SendState::BetweenSteps { due } => Some(*due),
        SendState::SendStarted { resolve_at, .. } => Some(*resolve_at),
        SendState::InDoubt { look_ups, .. } => look_ups.next_at,
        SendState::Sent { .. } | SendState::Rejected { .. } | SendState::Voided { .. } => None,
    }
}

impl CancelRequest {
    pub fn new(lines: BTreeMap<LineId, u32>, whole: bool, why: String, at: Timestamp) -> Self {
        Self {
            lines,
            whole,
            why,
            wanted_at: at,
            sending: Sending::planned(at),
            end: None,
        }
    }

    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Asked, and the supplier has not said what becomes of it.
    pub fn awaits_answer(&self) -> bool {
        self.is_open() && self.sending.is_sent()
    }

    /// In words: wanted, requested, accepted, refused, too late.
    pub fn status(&self) -> &'static str {
        match self.end {
            Some(CancelEnd::Answered(CancelAnswer::Accepted)) => "accepted",
            Some(CancelEnd::Answered(CancelAnswer::Refused)) => "refused",
            Some(CancelEnd::Answered(CancelAnswer::TooLate)) => "too late",
            Some(CancelEnd::Moot) => "not needed",
            None if self.sending.is_sent() => "requested",
            None => "wanted",
        }
    }

    /// Not on its way although it should be.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        matches!(&self.sending.state, SendState::Planned { due } if now >= *due + SENDING_OVERDUE)
    }
}
