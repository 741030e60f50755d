//! Orders, as many and as one.

use super::{Stored, all, find, not_found, open, table};
use crate::{Exit, say};
use domain::exceptions::{releasable, way_out};
use domain::order::attention::{Attention, CaseKind};
use domain::order::event::{Event, Recorded};
use domain::order::machine::SendState;
use domain::order::units::Places;
use domain::order::{Order, PurchaseOrder};
use domain::timeline::{counted, moment, timeline};
use embedded::SystemClock;
use jiff::Timestamp;
use ports::{Clock as _, OrderStore as _};
use std::collections::BTreeSet;
use std::path::Path;

pub(crate) async fn orders(data: &Path) -> anyhow::Result<Exit> {
    let store = match open(data)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    let now = SystemClock.now();
    let Stored { orders, unreadable } = all(&store).await?;
    let header = ["ORDER", "NUMBER", "STATE", "CASES", "PURCHASE ORDERS"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (order, _) in &orders {
        let cases: BTreeSet<String> = order
            .attention(now)
            .iter()
            .map(|entry| entry.kind.to_string())
            .collect();
        let own: Vec<String> = order
            .purchase_orders
            .iter()
            .map(|own| {
                format!(
                    "{} {} {}",
                    own.number,
                    own.supplier,
                    own.sending.state.name()
                )
            })
            .collect();
        rows.push(vec![
            order.id.to_string(),
            number(order),
            state(order),
            Vec::from_iter(cases).join(" "),
            own.join(", "),
        ]);
    }
    for (id, _) in &unreadable {
        rows.push(vec![
            id.to_string(),
            String::new(),
            "unreadable".to_owned(),
            CaseKind::DeadLetter.to_string(),
        ]);
    }
    if rows.len() > 1 {
        table(&rows);
    }
    say(format_args!("{}", counted(rows.len() - 1, "order")));
    Ok(Exit::Done)
}

fn number(order: &Order) -> String {
    let latest = order.news.latest.as_ref();
    latest.map_or_else(String::new, |latest| latest.content.sequential.clone())
}

/// Places of all lines together.
fn places(order: &Order) -> Places {
    let lines = order.news.latest.iter();
    let lines = lines.flat_map(|latest| &latest.content.lines);
    lines.fold(Places::default(), |sum, line| {
        let places = order.places(&line.id);
        Places {
            ordered: sum.ordered + places.ordered,
            cancelled: sum.cancelled + places.cancelled,
            not_ours: sum.not_ours + places.not_ours,
            purchase_orders: sum.purchase_orders + places.purchase_orders,
            held: sum.held + places.held,
            waiting: sum.waiting + places.waiting,
            over_allocated: sum.over_allocated + places.over_allocated,
        }
    })
}

/// One word for the whole order: of what is true of its units, that which keeps it from being done.
fn state(order: &Order) -> String {
    let places = places(order);
    let some = |so: fn(&SendState) -> bool| order.live().any(|own| so(&own.sending.state));
    let word = if order.is_cancelled() {
        "cancelled"
    } else if order.news.latest.is_none() {
        "not received"
    } else if some(|send| matches!(send, SendState::InDoubt { .. })) {
        "in doubt"
    } else if some(|send| matches!(send, SendState::Rejected { .. })) {
        "rejected"
    } else if places.held > 0 {
        "held"
    } else if places.waiting > 0 {
        let wait = order.routing.as_ref();
        return match wait.and_then(|routing| routing.wait.as_ref()) {
            Some(wait) => format!("waiting for {}", wait.why),
            None => "being routed".to_owned(),
        };
    } else if some(|send| {
        matches!(
            send,
            SendState::Planned { .. }
                | SendState::SendStarted { .. }
                | SendState::BetweenSteps { .. }
        )
    }) {
        "being sent"
    } else if places.purchase_orders > 0 {
        "sent"
    } else if places.not_ours > 0 {
        "not ours"
    } else {
        "nothing to send"
    };
    word.to_owned()
}

pub(crate) async fn order(data: &Path, text: &str) -> anyhow::Result<Exit> {
    let store = match open(data)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    let id = match find(&store, text).await? {
        Ok(id) => id,
        Err(exit) => return Ok(exit),
    };
    let Some(history) = store.load(&id).await? else {
        return Ok(not_found(text));
    };
    show(&history.fold()?, &history.events, SystemClock.now());
    let last = history.events.iter().rev().find_map(|recorded| {
        if let Event::Routed(routed) = &recorded.event {
            Some(routed.trace)
        } else {
            None
        }
    });
    if let Some(number) = last
        && let Some(trace) = store.trace(&id, number).await?
    {
        let configuration = trace.configuration.short();
        say(format_args!(
            "  why it was routed so, configuration {configuration}:"
        ));
        for fact in trace.explain() {
            say(format_args!("    {fact}"));
        }
    }
    Ok(Exit::Done)
}

/// Lines, purchase orders, cases and timeline of one order.
pub(crate) fn show(order: &Order, history: &[Recorded], now: Timestamp) {
    let number = match number(order).as_str() {
        "" => String::new(),
        number => format!(", number {number}"),
    };
    say(format_args!("{}{number}: {}", order.id, state(order)));
    let lines = order.news.latest.iter();
    let lines: Vec<_> = lines
        .flat_map(|latest| &latest.content.lines)
        .map(|line| {
            let sku = line.sku.as_ref().map(ToString::to_string);
            vec![
                format!("  line {}", line.id),
                sku.unwrap_or_else(|| "(no SKU)".to_owned()),
                told(&order.places(&line.id)),
            ]
        })
        .collect();
    table(&lines);
    let own: Vec<_> = order
        .purchase_orders
        .iter()
        .map(|own| {
            let lines: Vec<_> = own
                .lines
                .iter()
                .map(|line| format!("{} x {}", line.quantity, line.sku))
                .collect();
            vec![
                format!("  {}", own.number),
                own.supplier.to_string(),
                lines.join(", "),
                standing(own, now),
            ]
        })
        .collect();
    table(&own);
    for entry in order.attention(now) {
        say(format_args!("  ! {}: {}", entry.kind, entry.detail));
        say(format_args!("      way out: {}", way_out(entry.kind)));
        for command in next(order, &entry) {
            say(format_args!("      {command}"));
        }
    }
    for entry in timeline(history) {
        say(format_args!("  {}  {}", moment(entry.at), entry.text));
    }
}

fn told(places: &Places) -> String {
    let mut text = Vec::new();
    for (units, place) in [
        (places.purchase_orders, "in purchase orders"),
        (places.held, "held"),
        (places.waiting, "waiting"),
        (places.not_ours, "not ours"),
        (places.cancelled, "cancelled"),
        (places.over_allocated, "handed over and no longer wanted"),
    ] {
        if units > 0 {
            text.push(format!("{units} {place}"));
        }
    }
    format!("{} ordered: {}", places.ordered, text.join(", "))
}

fn standing(own: &PurchaseOrder, now: Timestamp) -> String {
    let mut text = match &own.sending.state {
        SendState::Planned { due } | SendState::BetweenSteps { due } if *due > now => {
            format!("{}, again at {}", own.sending.state.name(), moment(*due))
        }
        SendState::Rejected { why, .. } => {
            format!("rejected, {}: {}", why.reason.name(), why.detail)
        }
        SendState::Voided { why } => format!("voided: {why}"),
        SendState::InDoubt { since, .. } => format!("in doubt since {}", moment(*since)),
        SendState::Sent { .. }
        | SendState::Planned { .. }
        | SendState::BetweenSteps { .. }
        | SendState::SendStarted { .. } => own.sending.state.name().to_owned(),
    };
    match own.sending.references() {
        [] => {}
        [one] => text.extend([", their number ", one]),
        several => text.extend([", their numbers ", &several.join(", ")]),
    }
    for (number, request) in own.numbered_cancels() {
        let request = format!(", cancel X{number} {}", request.status());
        text.push_str(&request);
    }
    text
}

/// Commands that may end the case, ready to be typed.
fn next(order: &Order, entry: &Attention) -> Vec<String> {
    let resolve = |verdict: &str| {
        let number = entry.purchase_order.as_ref();
        number.map(|number| format!("waybill resolve {number} {verdict} --why '...'"))
    };
    let verdicts: &[&str] = if entry.kind == CaseKind::SendInDoubt {
        &["--sent REF", "--not-sent"]
    } else if matches!(
        entry.kind,
        CaseKind::CancelAfterSend | CaseKind::CancelRequested
    ) {
        &["--cancelled", "--not-cancelled", "--too-late"]
    } else if releasable(entry.kind) {
        return vec![format!("waybill release {} --why '...'", order.id)];
    } else {
        &[]
    };
    verdicts
        .iter()
        .filter_map(|verdict| resolve(verdict))
        .collect()
}
