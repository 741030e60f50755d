//! The history of an order for people: a line an event, with the reason.

use crate::ids::{LineId, Sku};
use crate::order::answer::{By, CancelAnswer, Rejection};
use crate::order::events::{Event, Recorded};
use crate::order::news::Latest;
use crate::sending::machine::{Delivery, SendEvent};
use crate::text::{counted, moment};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// `text` reads alone; times are UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    pub text: String,
}

pub fn timeline(history: &[Recorded]) -> Vec<Entry> {
    let names = Names::of(history);
    history
        .iter()
        .enumerate()
        .filter(|(at, recorded)| {
            !(matches!(recorded.event, Event::OrderUpdated(_))
                && history
                    .get(at + 1)
                    .is_some_and(|next| next.at == recorded.at && is_news(&next.event)))
        })
        .flat_map(|(_, recorded)| {
            texts(&recorded.event, &names)
                .into_iter()
                .map(|text| Entry {
                    at: recorded.at,
                    text,
                })
        })
        .collect()
}

/// What one message of the channel may say beside its content; told alone, without the line that
/// the content is as it was.
fn is_news(event: &Event) -> bool {
    matches!(
        event,
        Event::PaymentReceived | Event::OrderCancelled { .. } | Event::RefundRecorded(_)
    )
}

/// The SKUs of lines, as far as the history tells them.
struct Names<'a>(BTreeMap<&'a LineId, &'a Sku>);

impl<'a> Names<'a> {
    fn of(history: &'a [Recorded]) -> Self {
        let snapshots = history
            .iter()
            .filter_map(|recorded| told_by(&recorded.event));
        let lines = snapshots.flat_map(|latest| &latest.content.lines);
        Self(
            lines
                .filter_map(|line| Some((&line.id, line.sku.as_ref()?)))
                .collect(),
        )
    }

    /// `2 x MUG`, or the line where its SKU is not known.
    fn units(&self, line: &LineId, quantity: u32) -> String {
        self.0.get(line).map_or_else(
            || format!("{quantity} of line {line}"),
            |sku| format!("{quantity} x {sku}"),
        )
    }
}

fn told_by(event: &Event) -> Option<&Latest> {
    if let Event::OrderReceived(snapshot) | Event::OrderEdited(snapshot) = event {
        Some(&snapshot.latest)
    } else {
        None
    }
}

fn texts(event: &Event, names: &Names) -> Vec<String> {
    let one = |text: String| vec![text];
    match event {
        Event::OrderReceived(snapshot) => one(format!(
            "order received: {}, {}",
            counted(snapshot.latest.content.lines.len(), "line"),
            snapshot.latest.content.total,
        )),
        Event::OrderEdited(snapshot) => one(format!(
            "order edited, version {}: {}, {}",
            snapshot.payload,
            counted(snapshot.latest.content.lines.len(), "line"),
            snapshot.latest.content.total,
        )),
        Event::OrderUpdated(_) => one("order updated, nothing a supplier would see".to_owned()),
        Event::PaymentReceived => one("payment received".to_owned()),
        Event::OrderCancelled { .. } => one("order cancelled on the channel".to_owned()),
        Event::EarlierReported(_) => {
            one("an older message came, which only shows when something was first so".to_owned())
        }
        Event::RefundRecorded(refund) => {
            let units = refund.units.values().map(|units| units.total());
            let units = units.fold(0, u32::saturating_add);
            let amount = refund
                .amount
                .map_or_else(|| "no amount".to_owned(), |amount| amount.to_string());
            one(format!(
                "refund {}: {}, {amount}",
                refund.id,
                counted(units, "unit")
            ))
        }
        Event::Routed(routed) => {
            let mut texts: Vec<String> = routed
                .purchase_orders
                .iter()
                .map(|planned| {
                    let lines: Vec<_> = planned
                        .lines
                        .iter()
                        .map(|line| format!("{} x {}", line.quantity, line.sku))
                        .collect();
                    let service = planned.service.as_ref();
                    let service = service.map_or_else(String::new, |name| format!(", by {name}"));
                    let queued = planned
                        .spending
                        .as_ref()
                        .is_some_and(|spending| spending.queued_from.is_some());
                    let why = if queued {
                        "when its spend limit has room"
                    } else if planned.due.is_some() && planned.due == planned.released_at {
                        "when the release delay is over"
                    } else {
                        "when it opens"
                    };
                    let due = match (planned.cut_off, planned.due) {
                        (Some(cut_off), _) if queued => format!(
                            ", with the batch of {}, {why}",
                            cut_off.strftime("%Y-%m-%d %H:%MZ")
                        ),
                        (Some(cut_off), _) => format!(
                            ", with the batch of {}",
                            cut_off.strftime("%Y-%m-%d %H:%MZ")
                        ),
                        (None, Some(due)) => {
                            format!(", to be sent {} {why}", due.strftime("%Y-%m-%d %H:%MZ"))
                        }
                        (None, None) => String::new(),
                    };
                    format!(
                        "planned {} at {}: {}{service}{due}",
                        planned.number,
                        planned.supplier,
                        lines.join(", "),
                    )
                })
                .collect();
            let state = &routed.state;
            texts.extend(state.holds.iter().map(|hold| {
                format!(
                    "held {}, {}: {}; way out: {}",
                    counted(
                        hold.lines.values().copied().fold(0, u32::saturating_add),
                        "unit"
                    ),
                    hold.kind,
                    hold.reason,
                    crate::cases::way_out(hold.kind)
                )
            }));
            texts.extend(
                state
                    .waits
                    .iter()
                    .map(|wait| format!("waiting for {}", wait.why)),
            );
            texts.extend(state.not_ours.iter().map(|entry| {
                let units = names.units(&entry.line, entry.quantity);
                format!("not ours: {units}: {}", entry.why)
            }));
            if texts.is_empty() {
                texts.push("routed: nothing to do".to_owned());
            }
            texts
        }
        Event::HoldsReleased {
            holds,
            method,
            by,
            why,
        } => {
            let kinds: Vec<_> = holds.iter().map(|(kind, _)| kind.to_string()).collect();
            let method = method.as_ref();
            let method = method.map_or_else(String::new, |method| {
                format!(", to be shipped by {:?}", method.name())
            });
            one(format!(
                "{by} released {}{method}: {why}",
                if kinds.is_empty() {
                    "a rejection".to_owned()
                } else {
                    kinds.join(", ")
                }
            ))
        }
        Event::CancelledByPerson { by, why } => one(format!("{by} cancelled the order: {why}")),
        Event::AddressEdited {
            payload, by, why, ..
        } => one(format!(
            "{by} corrected the address, payload {payload}: {why}"
        )),
        Event::HeldByPerson { by, why } => one(format!("{by} held the order: {why}")),
        Event::RerouteWanted {
            without,
            only,
            by,
            why,
        } => {
            let without = without.iter().map(|supplier| format!("without {supplier}"));
            let only = only.iter().map(|supplier| format!("only by {supplier}"));
            let wish: Vec<_> = without.chain(only).collect();
            one(format!("{by} rerouted, {}: {why}", wish.join(", ")))
        }
        Event::PurchaseOrder { number, event } => one(format!("{number} {}", sending(event))),
        Event::CancelWanted {
            number,
            lines,
            whole,
            why,
        } => {
            let units = counted(lines.values().copied().fold(0, u32::saturating_add), "unit");
            let what = if *whole { "all of it" } else { "a part" };
            one(format!("{number} to be taken back, {what}, {units}: {why}"))
        }
        Event::CancelRequest {
            number,
            request,
            event,
        } => one(format!("{number}/X{request} {}", sending(event))),
        Event::CancelAnswered {
            number,
            request,
            answer,
            by,
        } => one(format!(
            "{number}/X{request} cancel {}{}",
            match answer {
                CancelAnswer::Accepted => "accepted",
                CancelAnswer::Refused => "refused",
                CancelAnswer::TooLate => "too late",
            },
            said_by(by)
        )),
        Event::LinesRejected {
            number,
            lines,
            why,
            route_again,
            by,
        } => one(format!(
            "{number} {} refused, {}; {}{}",
            units_of(lines, names),
            reason(why),
            after_rejection(*route_again),
            said_by(by)
        )),
        Event::RefusedLinesFreed { number } => one(format!(
            "{number} refused lines released: their units are planned again"
        )),
        Event::AnswerUnclear { number, why, .. } => one(format!("{number} answer unclear: {why}")),
        Event::Acknowledged {
            number,
            backordered,
            by,
        } if backordered.is_empty() => one(format!(
            "{number} nothing is backordered any more{}",
            said_by(by)
        )),
        Event::Acknowledged {
            number,
            backordered,
            by,
        } => {
            let lines: Vec<_> = backordered
                .iter()
                .map(|(line, backorder)| {
                    format!(
                        "{} {}",
                        names.units(line, backorder.quantity),
                        backorder.until.map_or_else(
                            || "without a date".to_owned(),
                            |until| format!("until {until}")
                        )
                    )
                })
                .collect();
            one(format!(
                "{number} backordered: {}{}",
                lines.join(", "),
                said_by(by)
            ))
        }
    }
}

fn sending(event: &SendEvent) -> String {
    match event {
        SendEvent::SendStarted {
            attempt, artifact, ..
        } => format!("attempt {attempt} started, artifact {}", artifact.short()),
        SendEvent::SendStepDone {
            attempt, step, by, ..
        } => format!("step {step:?} done by attempt {attempt}{}", said_by(by)),
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
            format!("{how}{numbers}{}", said_by(by))
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
            format!("mail of attempt {attempt} {what}{}", said_by(by))
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
            format!("{how}: {why}; {again}{}", said_by(by))
        }
        SendEvent::LookedUp {
            finding, next_at, ..
        } => format!(
            "looked up: {}, {}",
            match finding {
                crate::order::answer::LookupFinding::Absent => "not there",
                crate::order::answer::LookupFinding::Unclear => "no clear answer",
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
            By::Answer | By::LookUp | By::Batch | By::MailService | By::Person { .. } => {
                format!("tried again at once{}", said_by(by))
            }
        },
        SendEvent::PurchaseOrderVoided { why } => format!("voided: {why}"),
        SendEvent::RejectionFreed => "rejection released: its units are planned again".to_owned(),
    }
}

fn reason(why: &Rejection) -> String {
    format!("{}, {}", why.reason.name(), why.detail)
}

fn after_rejection(route_again: bool) -> &'static str {
    if route_again {
        "routed again without this supplier"
    } else {
        "a person must look"
    }
}

fn units_of(lines: &BTreeMap<LineId, u32>, names: &Names) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|(line, quantity)| names.units(line, *quantity))
        .collect();
    lines.join(", ")
}

fn said_by(by: &By) -> String {
    match by {
        By::Answer => String::new(),
        By::LookUp => ", a look-up said".to_owned(),
        By::Batch => ", as the file of its batch says".to_owned(),
        By::MailService => ", the mail service reported".to_owned(),
        By::Configuration => ", by other settings".to_owned(),
        By::Person { who, why } => format!(", {who} said: {why}"),
    }
}
