//! The cases of one order: its open holds, sends in doubt and overdue steps. Computed from the state, kept only as an index.

use crate::cases::{CaseEntry, CaseKind};
use crate::order::answer::CancelAnswer;
use crate::order::purchase_order::{CancelEnd, CancelRequest, PurchaseOrder};
use crate::order::schedule::ROUTING_OVERDUE;
use crate::order::state::{Order, WaitKind};
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::sending::Sending;
use crate::sending::machine::SendState;
use crate::sending::timing::SENDING_OVERDUE;
use crate::text::{counted, moment};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

impl Order {
    /// The next moment at which a case shows that is none now, though nothing happens until then.
    pub fn next_case_at(&self, now: Timestamp) -> Option<Timestamp> {
        let routing = self.unrouted_since().map(|since| since + ROUTING_OVERDUE);
        let waits = self.routing.iter().flat_map(|routing| &routing.waits);
        let waits = waits.filter_map(|wait| wait.case_at);
        let sends = self.purchase_orders.iter().flat_map(|own| {
            let askable = own.can_be_asked_back();
            let requests = own
                .cancels
                .iter()
                .filter(move |request| askable && request.is_open());
            let requests = requests.filter_map(|request| overdue_at(&request.sending));
            let backordered = own
                .backordered_until()
                .filter(|_| own.sending.is_sent() && own.waits_for_backorder() > 0)
                .and_then(day_after);
            overdue_at(&own.sending)
                .into_iter()
                .chain(requests)
                .chain(backordered)
        });
        routing
            .into_iter()
            .chain(waits)
            .chain(sends)
            .filter(|at| *at > now)
            .min()
    }

    /// Every open hold, doubt and overdue step.
    pub fn cases(&self, now: Timestamp) -> Vec<CaseEntry> {
        let mut found = CaseCollector::default();
        for hold in self.routing.iter().flat_map(|routing| &routing.holds) {
            found.add(hold.kind, &hold.cause, hold.since, hold.reason.clone());
        }
        for wait in self.routing.iter().flat_map(|routing| &routing.waits) {
            if let Some(kind) = wait.kind.case()
                && wait.case_at.is_some_and(|case_at| now >= case_at)
            {
                let units = wait.lines.values().copied().fold(0, u32::saturating_add);
                let detail = format!("{} wait for {}", counted(units, "unit"), wait.why);
                found.add(kind, &self.wait_cause(wait.kind), wait.since, detail);
            }
        }
        if let Some(since) = self.unrouted_since()
            && now >= since + ROUTING_OVERDUE
        {
            let detail = "received and not routed".to_owned();
            found.add(CaseKind::Stuck, "routing", since, detail);
        }
        for own in &self.purchase_orders {
            found.purchase_order = Some(own.number.clone());
            found.sending(own, now);
            found.unclear(own);
            found.after_sending(own, now);
            for (number, request) in own.numbered_cancels() {
                found.cancel(own, number, request, now);
            }
            if let Some(detail) = self.edited_after_claim(own) {
                let cause = self.edit_cause(own);
                found.add(CaseKind::EditedAfterSend, &cause, own.planned_at, detail);
            }
            self.held_after_claim(own, &mut found);
        }
        found
            .entries
            .retain(|entry| !self.is_released(entry.kind, &entry.cause));
        found.entries
    }

    /// A hold stays until routing looks again; what only informs is closed by its release.
    fn is_released(&self, kind: CaseKind, cause: &str) -> bool {
        let closes = matches!(
            kind,
            CaseKind::EditedAfterSend
                | CaseKind::OnHoldAfterSend
                | CaseKind::CancelRefused
                | CaseKind::Backordered
                | CaseKind::AnswerUnclear
        );
        closes && self.released.contains(&(kind, cause.to_owned()))
    }

    fn edit_cause(&self, own: &PurchaseOrder) -> String {
        let edit = self.payload.as_ref().map_or("", |(_, edit)| edit.short());
        format!("{}@{edit}", own.number)
    }

    /// What groups the cases that long waits become: those of a channel are one.
    pub fn wait_cause(&self, kind: WaitKind) -> String {
        match kind {
            WaitKind::Channel => self.id.channel.to_string(),
            WaitKind::Payment | WaitKind::NextCommit => self.id.to_string(),
        }
    }

    /// Units that must not be shipped now and that a supplier has, or may have: nobody is asked to
    /// cancel them, since a hold ends and an unclear refund may mean nothing.
    fn held_after_claim(&self, own: &PurchaseOrder, found: &mut CaseCollector) {
        if !own.sending.is_claimed() {
            return;
        }
        for (line, units) in self.unshipped(own) {
            let on_hold = self.on_hold(&line).claimed.min(units);
            if on_hold > 0 {
                let (kind, cause, why) = if self.line_units(&line).added_after_refund {
                    let cause = self.line_cause(&line);
                    let why = "were added after everything was refunded";
                    (CaseKind::AddedAfterRefund, cause, why)
                } else {
                    let cause = format!("{}:{line}:{on_hold}", own.number);
                    (
                        CaseKind::OnHoldAfterSend,
                        cause,
                        "are on hold at the channel",
                    )
                };
                let detail = format!("{} of {} {why}", counted(on_hold, "unit"), own.number);
                found.add(kind, &cause, own.planned_at, detail);
            }
            let unclear = self.refund_unclear(&line).claimed.min(units);
            if unclear > 0 {
                let detail = format!(
                    "{} of {} were refunded, and the channel still counts them as to be shipped",
                    counted(unclear, "unit"),
                    own.number
                );
                let cause = self.refund_cause(&line);
                found.add(CaseKind::RefundUnclear, &cause, own.planned_at, detail);
            }
        }
    }

    /// Another address, shipping method or personalisation than the supplier has. Units that are no longer wanted are
    /// asked back instead, units that were added wait in a hold.
    fn edited_after_claim(&self, own: &PurchaseOrder) -> Option<String> {
        let edited = own.shipping != self.shipping(&own.lines);
        let asked_back = own.cancels.iter().any(|request| request.whole);
        let concerned = own.sending.is_claimed()
            && own.is_live()
            && !asked_back
            // What was delivered cannot be shipped otherwise, and an address may be erased then.
            && !self.unshipped(own).is_empty();
        (edited && concerned).then(|| {
            format!(
                "address, shipping method or personalisation changed after {} was handed over",
                own.number
            )
        })
    }
}

/// Entries of one order, gathered purchase order by purchase order.
#[derive(Default)]
struct CaseCollector {
    entries: Vec<CaseEntry>,
    purchase_order: Option<PurchaseOrderNumber>,
}

impl CaseCollector {
    fn add(&mut self, kind: CaseKind, cause: &str, since: Timestamp, detail: String) {
        self.entries.push(CaseEntry {
            kind,
            cause: cause.to_owned(),
            severity: crate::cases::severity(kind),
            since,
            detail,
            purchase_order: self.purchase_order.clone(),
        });
    }

    fn sending(&mut self, own: &PurchaseOrder, now: Timestamp) {
        let supplier = own.supplier.as_str();
        match &own.sending.state {
            SendState::InDoubt { since, .. } => {
                let why = blocked(&own.sending);
                let since_copy = if own.sending.is_suspected() {
                    ", sent after the copy was made that the data was restored from"
                } else {
                    ""
                };
                let detail = format!(
                    "{} may or may not be at {supplier}{since_copy}{why}",
                    own.number
                );
                let since = own.sending.doubt_since(*since);
                self.add(CaseKind::SendInDoubt, supplier, since, detail);
            }
            SendState::Rejected {
                at,
                why,
                freed: false,
                ..
            } if own.sending.has_bounced() => {
                let detail = format!("{} did not reach {supplier}: {}", own.number, why.detail);
                self.add(CaseKind::MailBounced, supplier, *at, detail);
            }
            SendState::Rejected {
                at,
                why,
                freed: false,
                ..
            } => {
                let detail = format!(
                    "{supplier} refused {}, {}: {}",
                    own.number,
                    why.reason.name(),
                    why.detail
                );
                self.add(CaseKind::SupplierRejected, supplier, *at, detail);
            }
            // Its request to cancel is the case.
            SendState::BetweenSteps { .. } if own.is_being_taken_back() => {}
            SendState::Planned { due } | SendState::BetweenSteps { due } => {
                let number = own.number.to_string();
                self.waiting(&number, supplier, &own.sending, *due, now);
            }
            SendState::SendStarted { resolve_at, .. } if now >= *resolve_at + SENDING_OVERDUE => {
                let detail = format!("nobody settled what became of sending {}", own.number);
                self.add(CaseKind::Stuck, "forwarding", *resolve_at, detail);
            }
            SendState::Sent { .. }
            | SendState::SendStarted { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => {}
        }
    }

    /// What should be on its way and is not. A wait is one case for all purchase orders at the
    /// supplier, whatever it is waited for.
    fn waiting(
        &mut self,
        name: &str,
        supplier: &str,
        sending: &Sending,
        due: Timestamp,
        now: Timestamp,
    ) {
        let since = sending.ready_since;
        let because = sending.waits_because.as_deref();
        if let Some(why) = &sending.unpreparable {
            let since = sending.unpreparable_since.unwrap_or(since);
            self.add(CaseKind::CannotPrepare, supplier, since, why.clone());
        } else if sending.waits_for_person {
            let times = sending.absences;
            let detail = format!(
                "{name} was sent {times} times in doubt, and was not at {supplier} each time"
            );
            let since = sending.doubt_since(since);
            self.add(CaseKind::SupplierUnreachable, supplier, since, detail);
        } else if sending.deferrals >= crate::sending::timing::DEFERRALS_BEFORE_CASE
            || (sending.deferrals > 0 && due >= now + crate::sending::timing::LONG_WAIT)
        {
            let why = because.unwrap_or("no reason was given");
            let detail = format!(
                "{name} could not be sent {} times: {why}",
                sending.deferrals
            );
            self.add(CaseKind::SupplierUnreachable, supplier, since, detail);
        } else if now >= since + SENDING_OVERDUE {
            let detail = match because {
                Some(why) if due <= now => format!("{name} waits: {why}"),
                Some(why) => format!("{name} waits until {}: {why}", moment(due)),
                None => format!(
                    "{name} is due and not sent: as many sends to {supplier} as its concurrency permits are under way, or messages are late"
                ),
            };
            self.add(CaseKind::SendDelayed, supplier, since, detail);
        }
    }

    /// Each answer is a case of its own, so that a release lets none through that comes later.
    fn unclear(&mut self, own: &PurchaseOrder) {
        for (number, unclear) in (1..).zip(&own.unclear) {
            let cause = match number {
                1 => own.number.to_string(),
                number => format!("{}#{number}", own.number),
            };
            let evidence = unclear
                .evidence
                .as_ref()
                .map_or_else(String::new, |digest| {
                    format!(
                        "; its words are evidence answer/{}/{}",
                        own.number,
                        digest.short()
                    )
                });
            let detail = format!("{}{evidence}", unclear.why);
            self.add(CaseKind::AnswerUnclear, &cause, unclear.at, detail);
        }
    }

    fn after_sending(&mut self, own: &PurchaseOrder, now: Timestamp) {
        let supplier = own.supplier.as_str();
        let SendState::Sent { at, .. } = &own.sending.state else {
            return;
        };
        if let Some(mail) = own.sending.unconfirmed()
            && now >= mail.overdue_at
        {
            let detail = format!("{} may not be at {supplier}: {}", own.number, mail.why);
            self.add(CaseKind::MailUnconfirmed, supplier, mail.sent_at, detail);
        }
        if own.sending.is_sent_twice() {
            let detail = format!("{supplier} accepted {} more than once", own.number);
            self.add(CaseKind::SentTwice, supplier, *at, detail);
        }
        for refused in own.refused.iter().filter(|refused| !refused.freed) {
            let sku = own
                .lines
                .iter()
                .find(|line| line.line == refused.line)
                .map_or("", |line| line.sku.as_str());
            let detail = format!(
                "{supplier} refused {} x {sku} of {}, {}: {}",
                refused.quantity,
                own.number,
                refused.why.reason.name(),
                refused.why.detail
            );
            self.add(CaseKind::SupplierRejected, supplier, refused.at, detail);
        }
        let waiting = own.waits_for_backorder();
        if waiting > 0 {
            let waits = counted(waiting, "unit");
            let until = own.backordered_until();
            let cause = format!(
                "{}:{}",
                own.number,
                until.map_or_else(|| "no-date".to_owned(), |until| until.to_string())
            );
            let overdue = until.is_some_and(|until| day_after(until).is_some_and(|end| now >= end));
            let detail = match until {
                Some(until) if overdue => {
                    format!("{supplier} expected {waits} of {} by {until}", own.number)
                }
                Some(until) => {
                    format!("{supplier} expects {waits} of {} by {until}", own.number)
                }
                None => format!(
                    "{supplier} has not {waits} of {} and says no date",
                    own.number
                ),
            };
            // A person who agreed to wait is asked again when the day has passed.
            let cause = if overdue {
                format!("{cause}:overdue")
            } else {
                cause
            };
            self.add(CaseKind::Backordered, &cause, *at, detail);
        }
    }

    fn cancel(
        &mut self,
        own: &PurchaseOrder,
        number: u32,
        request: &CancelRequest,
        now: Timestamp,
    ) {
        let supplier = own.supplier.as_str();
        let name = format!("{}/X{number}", own.number);
        let units = counted(
            request.lines.values().copied().fold(0, u32::saturating_add),
            "unit",
        );
        let since = request.wanted_at;
        let answered = |what: &str| format!("{supplier} {what}: {units} of {name}");
        match request.end {
            Some(CancelEnd::Answered(CancelAnswer::Refused)) => {
                let detail = answered("ships all the same");
                self.add(CaseKind::CancelRefused, &name, since, detail);
                return;
            }
            Some(CancelEnd::Answered(CancelAnswer::TooLate)) => {
                let detail = answered("has shipped already");
                self.add(CaseKind::CancelRefused, &name, since, detail);
                return;
            }
            Some(CancelEnd::Answered(CancelAnswer::Accepted) | CancelEnd::Moot) => return,
            None if !own.can_be_asked_back() => return,
            None => {}
        }
        if let Some(mail) = request.sending.unconfirmed()
            && now >= mail.overdue_at
        {
            let detail = format!("take {units} of {} back: {}", own.number, mail.why);
            self.add(CaseKind::CancelAfterSend, supplier, since, detail);
            return;
        }
        match &request.sending.state {
            SendState::InDoubt { since, .. } => {
                let why = blocked(&request.sending);
                let detail = format!("{name} may or may not have been asked of {supplier}{why}");
                self.add(CaseKind::SendInDoubt, supplier, *since, detail);
            }
            SendState::Planned { due } | SendState::BetweenSteps { due } => {
                if let Some(why) = &request.sending.unpreparable {
                    let detail = format!("take {units} of {} back: {why}", own.number);
                    self.add(CaseKind::CancelAfterSend, supplier, since, detail);
                } else {
                    self.waiting(&name, supplier, &request.sending, *due, now);
                }
            }
            SendState::Sent { .. } => {
                let detail = format!("{supplier} was asked to take {units} of {name} back");
                self.add(CaseKind::CancelRequested, supplier, since, detail);
            }
            // Nobody was asked; one that was refused is answered.
            SendState::Rejected { why, .. } if request.sending.has_bounced() => {
                let detail = format!("take {units} of {} back: {}", own.number, why.detail);
                self.add(CaseKind::CancelAfterSend, supplier, since, detail);
            }
            SendState::SendStarted { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => {}
        }
    }
}

/// Why nobody can look it up, where that is so.
fn blocked(sending: &Sending) -> String {
    if let Some(why) = &sending.unpreparable {
        return format!(", and cannot be looked up: {why}");
    }
    match &sending.state {
        SendState::InDoubt { look_ups, .. } if look_ups.next_at.is_none() => {
            ", and nothing looks it up: ask them".to_owned()
        }
        SendState::InDoubt { .. }
        | SendState::Planned { .. }
        | SendState::SendStarted { .. }
        | SendState::BetweenSteps { .. }
        | SendState::Sent { .. }
        | SendState::Rejected { .. }
        | SendState::Voided { .. } => String::new(),
    }
}

/// When a hand-over that should be under way is a case.
fn overdue_at(sending: &Sending) -> Option<Timestamp> {
    match &sending.state {
        SendState::Planned { .. } | SendState::BetweenSteps { .. } => {
            Some(sending.ready_since + SENDING_OVERDUE)
        }
        SendState::SendStarted { resolve_at, .. } => Some(*resolve_at + SENDING_OVERDUE),
        SendState::Sent { .. } => sending.unconfirmed().map(|mail| mail.overdue_at),
        SendState::InDoubt { .. } | SendState::Rejected { .. } | SendState::Voided { .. } => None,
    }
}

/// The end of that day, in UTC.
fn day_after(day: Date) -> Option<Timestamp> {
    let next = day.tomorrow().ok()?;
    Some(next.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
