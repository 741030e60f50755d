//! What a supplier answered, or a look-up found, as events.

use super::{
    Accepted, Answer, LineOutcome, LineStatus, LookupTime, MailReport, Outcome, of, sending,
};
use crate::clock::Answered;
use crate::ids::LineId;
use crate::order::answer::{AfterRejection, Backorder, By, LookupFinding, Rejection};
use crate::order::events::Event;
use crate::order::purchase_order::{CancelRequest, PurchaseOrder};
use crate::order::state::Order;
use crate::order::topics::supplier::SupplierReport;
use crate::refusal::Refusal;
use crate::sending::machine::{SendEvent, SendState};
use crate::sending::subject::SendSubject;
use crate::sending::timing::{DATE_PRECISION, LOOK_UP_AFTER, LOOK_UPS_FOR_A_PROOF};
use crate::sending::{Sending, timing};
use crate::text::counted;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

impl Order {
    /// Valid on any newer version: an outcome that adds nothing to what is known becomes no event.
    pub(super) fn record_outcome(
        &self,
        id: &SendSubject,
        attempt: u32,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(id.purchase_order())?;
        let sending = sending(own, id)?;
        if attempt == 0 || attempt > sending.attempts {
            return Err(Refusal::NoSuchAttempt(attempt));
        }
        let current = match &sending.state {
            SendState::SendStarted { attempt, .. } | SendState::InDoubt { attempt, .. } => {
                Some(*attempt)
            }
            SendState::Planned { .. }
            | SendState::BetweenSteps { .. }
            | SendState::Sent { .. }
            | SendState::Rejected { .. }
            | SendState::Voided { .. } => None,
        };
        let event = match outcome {
            Outcome::Accepted(accepted) => {
                if is_known(sending, attempt) {
                    return Ok(Vec::new());
                }
                return Ok(self.accepted(own, id, attempt, accepted, By::Answer));
            }
            _ if current != Some(attempt) => return Ok(Vec::new()),
            Outcome::StepDone(done) => SendEvent::SendStepDone {
                attempt,
                step: done.step,
                extracted: done.extracted,
                by: By::Answer,
            },
            Outcome::Rejected { why, hold } => SendEvent::SendRejected {
                attempt,
                route_again: !hold && id.request().is_none() && self.routes_again(&why),
                why,
            },
            Outcome::NotSent { retry_after, why } => SendEvent::SendDeferred {
                attempt,
                retry_at: Some(now + timing::retry_after(retry_after, sending.deferrals)),
                why,
                by: By::Answer,
            },
            Outcome::NotInBatch { next_cut_off } => SendEvent::SendDeferred {
                attempt,
                retry_at: Some(next_cut_off),
                why: "the file of its batch was written without it".to_owned(),
                by: By::Batch,
            },
            Outcome::InDoubt { .. } if matches!(sending.state, SendState::InDoubt { .. }) => {
                return Ok(Vec::new());
            }
            Outcome::InDoubt {
                why,
                evidence,
                can_look_up,
            } => SendEvent::SendInDoubt {
                attempt,
                why,
                evidence,
                look_at: can_look_up.then(|| now + LOOK_UP_AFTER[0]),
            },
        };
        Ok(vec![of(id.clone(), event)])
    }

    /// What adds nothing to what is known becomes no event. That an older attempt was sent after all
    /// is as grave as a second acceptance; that it bounced matters only where it is the one that
    /// counts as sent.
    pub(super) fn record_mail_report(
        &self,
        id: &SendSubject,
        attempt: u32,
        report: MailReport,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(id.purchase_order())?;
        let sending = sending(own, id)?;
        // A restored order knows nothing of attempts made after its copy.
        let made_since = sending.suspected_for.is_some();
        let unknown = attempt == 0 || (attempt > sending.attempts && !made_since);
        // A service that reports on a delivery took the mail.
        let sent = (!is_known(sending, attempt)).then(|| SendEvent::Sent {
            attempt,
            references: Vec::new(),
            by: By::MailService,
        });
        let event = match report {
            _ if unknown => return Ok(Vec::new()),
            MailReport::Sent => sent,
            MailReport::Delivery(delivery) => {
                let is_news = !sending.bounced.contains(&attempt)
                    && sending.deliveries.get(&attempt) < Some(&delivery);
                let reported = is_news.then_some(SendEvent::DeliveryReported {
                    attempt,
                    delivery,
                    by: By::MailService,
                });
                let events = sent.into_iter().chain(reported);
                return Ok(events.map(|event| of(id.clone(), event)).collect());
            }
            MailReport::Bounced(why) => {
                let counts = matches!(&sending.state, SendState::SendStarted { attempt: current, .. }
                    | SendState::InDoubt { attempt: current, .. }
                    | SendState::Sent { attempt: current, .. } if *current == attempt);
                // By another attempt the supplier has it all the same.
                let only = sending
                    .accepted
                    .difference(&sending.bounced)
                    .all(|accepted| *accepted == attempt);
                (counts && only).then_some(SendEvent::SendBounced { attempt, why })
            }
        };
        Ok(event
            .map(|event| of(id.clone(), event))
            .into_iter()
            .collect())
    }

    /// It was taken, with whatever else the supplier says of it at once.
    fn accepted(
        &self,
        own: &PurchaseOrder,
        id: &SendSubject,
        attempt: u32,
        accepted: Accepted,
        by: By,
    ) -> Vec<Event> {
        let sent = of(
            id.clone(),
            SendEvent::Sent {
                attempt,
                references: accepted.references,
                by: by.clone(),
            },
        );
        let mut events = vec![sent];
        if let Some(request) = id.request() {
            let open = own.cancel(request).is_some_and(CancelRequest::is_open);
            match accepted.cancel {
                Some(answer) if open => events.push(
                    SupplierReport::CancelAnswered {
                        purchase_order: id.purchase_order().clone(),
                        request,
                        answer,
                        by,
                    }
                    .into(),
                ),
                // It was settled before; what the supplier says now may be something else.
                Some(_) => events.push(
                    SupplierReport::AnswerUnclear {
                        purchase_order: id.purchase_order().clone(),
                        why: format!("the supplier answered {id} after it had been settled"),
                        evidence: None,
                    }
                    .into(),
                ),
                None => {}
            }
            return events;
        }
        match self.line_events(own, accepted.lines, &by) {
            Ok(lines) => events.extend(lines),
            // Taken all the same; what it says of lines nobody ordered is for a person.
            Err(error) => events.push(
                SupplierReport::AnswerUnclear {
                    purchase_order: id.purchase_order().clone(),
                    why: error.in_our_words(),
                    evidence: accepted.evidence,
                }
                .into(),
            ),
        }
        // Whatever becomes of the newer attempt, only the supplier knows whether it has both.
        if let SendState::SendStarted { attempt: newer, .. }
        | SendState::InDoubt { attempt: newer, .. } = &own.sending.state
            && *newer != attempt
        {
            events.push(SupplierReport::AnswerUnclear {
                purchase_order: id.purchase_order().clone(),
                why: format!(
                    "attempt {attempt} was accepted when attempt {newer} was on its way: the supplier may have it twice"
                ),
                evidence: None,
            }.into());
        }
        events
    }

    /// What the supplier says of single lines, as events; an error where it names what was not
    /// ordered of it.
    pub(super) fn line_events(
        &self,
        own: &PurchaseOrder,
        lines: Vec<LineOutcome>,
        by: &By,
    ) -> Result<Vec<Event>, NotAskedFor> {
        let mut events = Vec::new();
        let mut backordered: BTreeMap<LineId, Backorder> = BTreeMap::new();
        let mut taken: BTreeMap<LineId, u32> = BTreeMap::new();
        for outcome in lines {
            let mut left = outcome.quantity;
            let mut units = BTreeMap::new();
            for line in own
                .lines
                .iter()
                .filter(|line| line.supplier_sku.as_str() == outcome.supplier_sku)
            {
                let used = taken.entry(line.line.clone()).or_default();
                let free = own
                    .remaining(line)
                    .saturating_sub(own.refused_and_held(&line.line));
                let here = left.min(free.saturating_sub(*used));
                if here > 0 {
                    *used += here;
                    left -= here;
                    units.insert(line.line.clone(), here);
                }
            }
            if left > 0 {
                return Err(NotAskedFor {
                    quantity: outcome.quantity,
                    asked: outcome.quantity - left,
                    supplier_sku: outcome.supplier_sku,
                });
            }
            match outcome.status {
                LineStatus::Backordered(until) => backordered.extend(
                    units
                        .into_iter()
                        .map(|(line, quantity)| (line, Backorder { quantity, until })),
                ),
                LineStatus::Rejected(why) => events.push(
                    SupplierReport::LinesRejected {
                        purchase_order: own.number.clone(),
                        lines: units,
                        route_again: self.routes_again(&why),
                        why,
                        by: by.clone(),
                    }
                    .into(),
                ),
            }
        }
        if backordered != own.backordered {
            events.push(
                SupplierReport::Acknowledged {
                    purchase_order: own.number.clone(),
                    backordered,
                    by: by.clone(),
                }
                .into(),
            );
        }
        Ok(events)
    }

    /// Another supplier may be tried by itself, up to a number of rejections of one order.
    fn routes_again(&self, why: &Rejection) -> bool {
        let before = self
            .purchase_orders
            .iter()
            .map(|own| {
                let whole = matches!(own.sending.state, SendState::Rejected { .. });
                usize::from(whole) + own.refused.len()
            })
            .sum::<usize>();
        why.reason.response() == AfterRejection::RouteAgain
            && before < timing::REJECTIONS_BEFORE_HOLD
    }

    pub(super) fn record_lookup(
        &self,
        id: &SendSubject,
        attempt: u32,
        answer: Answer,
        time: LookupTime,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let own = self.own(id.purchase_order())?;
        let sending = sending(own, id)?;
        let SendState::InDoubt {
            attempt: current,
            since,
            look_ups,
            ..
        } = &sending.state
        else {
            return Ok(Vec::new());
        };
        if *current != attempt {
            return Ok(Vec::new());
        }
        let event = match answer {
            Answer::Accepted(accepted) => {
                return Ok(self.accepted(own, id, attempt, accepted, By::LookUp));
            }
            Answer::StepDone(done) => SendEvent::SendStepDone {
                attempt,
                step: done.step,
                extracted: done.extracted,
                by: By::LookUp,
            },
            Answer::NotFound(finding) => {
                let answered = Answered {
                    at: now,
                    date: time.date,
                    steady: time.steady,
                };
                let passed = look_ups.absent_for(&answered);
                let to_wait = time
                    .proof_after
                    .filter(|_| finding == LookupFinding::Absent)
                    .map(|lag| lag - passed);
                if to_wait.is_some_and(|wait| wait <= SignedDuration::ZERO) {
                    // A supplier that fails every time is not asked for ever.
                    let goes_on = sending.absences + 1 < timing::ABSENCES_BEFORE_CASE;
                    SendEvent::SendDeferred {
                        attempt,
                        retry_at: goes_on.then_some(now),
                        why: "the look-up proved that it is not there".to_owned(),
                        by: By::LookUp,
                    }
                } else {
                    let precision = answered
                        .date
                        .map_or(SignedDuration::ZERO, |_| DATE_PRECISION);
                    let proving = to_wait
                        .filter(|_| look_ups.done < LOOK_UPS_FOR_A_PROOF)
                        .map(|wait| wait + precision);
                    SendEvent::LookedUp {
                        attempt,
                        finding,
                        next_at: timing::next_look_up(*since, proving, now),
                        date: answered.date,
                        steady: answered.steady,
                    }
                }
            }
        };
        Ok(vec![of(id.clone(), event)])
    }
}

/// What became of the attempt is on record, so that it was taken adds nothing.
fn is_known(sending: &Sending, attempt: u32) -> bool {
    sending.accepted.contains(&attempt) || sending.bounced.contains(&attempt)
}

/// Somebody speaks of units of an article that were not asked for.
#[derive(Debug, thiserror::Error)]
#[error("the supplier speaks of {quantity} x {supplier_sku}, of which {asked} were asked for")]
pub(super) struct NotAskedFor {
    quantity: u32,
    /// Of them.
    asked: u32,
    supplier_sku: String,
}

impl NotAskedFor {
    /// Without the name of the article, which may be anything.
    fn in_our_words(&self) -> String {
        let units = counted(self.quantity, "unit");
        let asked = self.asked;
        format!("the supplier speaks of {units} of an article, of which {asked} were asked for")
    }
}
