//! The history of an order for people: a line an event, with the reason.

use crate::order::event::{By, Event, Recorded};
use crate::order::machine::SendEvent;
use jiff::Timestamp;

/// `text` reads alone; times are UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    pub text: String,
}

pub fn timeline(history: &[Recorded]) -> Vec<Entry> {
    history
        .iter()
        .flat_map(|recorded| {
            texts(&recorded.event).into_iter().map(|text| Entry {
                at: recorded.at,
                text,
            })
        })
        .collect()
}

fn texts(event: &Event) -> Vec<String> {
    let one = |text: String| vec![text];
    match event {
        Event::OrderReceived(snapshot) => one(format!(
            "order received: {} lines, {}, payload {}",
            snapshot.latest.content.lines.len(),
            snapshot.latest.content.total,
            snapshot.payload
        )),
        Event::OrderEdited(snapshot) => one(format!("order edited: payload {}", snapshot.payload)),
        Event::OrderUpdated(_) => one("order updated, nothing a supplier would see".to_owned()),
        Event::PaymentReceived => one("payment received".to_owned()),
        Event::OrderCancelled { .. } => one("order cancelled on the channel".to_owned()),
        Event::FullyRefunded => one("order refunded in full".to_owned()),
        Event::RefundRecorded(refund) => {
            let units: u32 = refund.units.values().sum();
            let amount = refund
                .amount
                .map_or_else(|| "no amount".to_owned(), |amount| amount.to_string());
            one(format!("refund {}: {units} units, {amount}", refund.id))
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
                    let due = planned.due.map_or_else(String::new, |due| {
                        format!(
                            ", to be sent {} when it opens",
                            due.strftime("%Y-%m-%d %H:%MZ")
                        )
                    });
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
                    "held {} units, {}: {}; way out: {}",
                    hold.lines.values().sum::<u32>(),
                    label(hold.kind),
                    hold.reason,
                    crate::exceptions::way_out(hold.kind)
                )
            }));
            texts.extend(
                state
                    .wait
                    .iter()
                    .map(|wait| format!("waiting for {}", wait.why)),
            );
            texts.extend(state.not_ours.iter().map(|entry| {
                format!(
                    "not ours: {} of line {}: {}",
                    entry.quantity, entry.line, entry.why
                )
            }));
            if texts.is_empty() {
                texts.push("routed: nothing to do".to_owned());
            }
            texts
        }
        Event::HoldsReleased { holds, by, why } => {
            let kinds: Vec<_> = holds.iter().map(|(kind, _)| label(*kind)).collect();
            one(format!(
                "{by} released {}: {why}",
                if kinds.is_empty() {
                    "a rejection".to_owned()
                } else {
                    kinds.join(", ")
                }
            ))
        }
        Event::CancelledByPerson { by, why } => one(format!("{by} cancelled the order: {why}")),
        Event::PurchaseOrder { number, event } => one(format!("{number} {}", sending(event))),
    }
}

fn sending(event: &SendEvent) -> String {
    match event {
        SendEvent::SendStarted {
            attempt, artifact, ..
        } => format!("attempt {attempt} started, artifact {}", artifact.short()),
        SendEvent::Sent {
            attempt,
            reference,
            by,
        } => {
            let reference = reference.as_ref().map_or_else(String::new, |reference| {
                format!(", their number {reference}")
            });
            format!("sent by attempt {attempt}{reference}{}", said_by(by))
        }
        SendEvent::SendRejected { attempt, why } => {
            format!("rejected, attempt {attempt}: {}", why.detail)
        }
        SendEvent::SendInDoubt { attempt, why, .. } => {
            format!("in doubt, attempt {attempt}: {why}")
        }
        SendEvent::SendDeferred {
            attempt,
            retry_at,
            why,
            by,
        } => {
            format!(
                "not sent by attempt {attempt}: {why}; again at {retry_at}{}",
                said_by(by)
            )
        }
        SendEvent::LookedUp {
            finding, next_at, ..
        } => format!(
            "looked up: {}, {}",
            match finding {
                crate::order::event::LookupFinding::Absent => "not there",
                crate::order::event::LookupFinding::Unclear => "no clear answer",
            },
            next_at.map_or_else(
                || "a person must decide".to_owned(),
                |next| format!("again at {next}")
            )
        ),
        SendEvent::PreparationFailed { why, .. } => format!("cannot be prepared: {why}"),
        SendEvent::PurchaseOrderVoided { why } => format!("voided: {why}"),
        SendEvent::CancelWanted { why } => format!("cancel wanted: {why}"),
        SendEvent::CancelSettled { accepted, by } => {
            format!(
                "cancel {}{}",
                if *accepted { "accepted" } else { "refused" },
                said_by(by)
            )
        }
        SendEvent::RejectionFreed => "rejection released: its units are planned again".to_owned(),
    }
}

fn said_by(by: &By) -> String {
    match by {
        By::Answer => String::new(),
        By::LookUp => ", a look-up said".to_owned(),
        By::Person { who, why } => format!(", {who} said: {why}"),
    }
}

/// The kind as the command line and the files write it: `unmapped-sku`.
pub fn label(kind: crate::order::attention::CaseKind) -> String {
    let mut label = String::new();
    for character in format!("{kind:?}").chars() {
        if character.is_uppercase() && !label.is_empty() {
            label.push('-');
        }
        label.extend(character.to_lowercase());
    }
    label
}
