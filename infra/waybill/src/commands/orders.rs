//! Every order in a line.

use super::{Stored, all, document, table};
use crate::{Exit, Installation, say};
use domain::cases::CaseKind;
use domain::order::Order;
use domain::order::units::Places;
use domain::sending::IN_THE_OUTBOX;
use domain::sending::machine::SendState;
use domain::text::counted;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Listing {
    orders: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    order: String,
    number: Option<String>,
    #[serde(flatten)]
    state: State,
    cases: BTreeSet<String>,
    purchase_orders: Vec<Short>,
}

#[derive(Serialize)]
struct Short {
    number: String,
    supplier: String,
    state: &'static str,
}

impl Row {
    fn new(order: &Order, now: Timestamp) -> Self {
        let cases = order.cases(now);
        let short = order.purchase_orders.iter().map(|own| Short {
            number: own.number.to_string(),
            supplier: own.supplier.to_string(),
            state: own.sending.word(),
        });
        Self {
            order: order.id.to_string(),
            number: number(order),
            state: state(order),
            cases: cases.iter().map(|entry| entry.kind.to_string()).collect(),
            purchase_orders: short.collect(),
        }
    }
}

pub(crate) async fn orders(at: &Installation, json: bool) -> anyhow::Result<Exit> {
    let now = at.clock.now();
    let Stored { orders, unreadable } = all(at).await?;
    let readable = orders.iter().map(|(order, _)| Row::new(order, now));
    let unreadable = unreadable.iter().map(|(id, _)| Row {
        order: id.to_string(),
        number: None,
        state: State {
            state: "unreadable",
            waits_for: None,
        },
        cases: BTreeSet::from([CaseKind::DeadLetter.to_string()]),
        purchase_orders: Vec::new(),
    });
    let orders: Vec<Row> = readable.chain(unreadable).collect();
    if json {
        document(&Listing { orders })?;
        return Ok(Exit::Done);
    }
    let header = ["ORDER", "NUMBER", "STATE", "CASES", "PURCHASE ORDERS"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(orders.into_iter().map(|row| {
        let own = row.purchase_orders.iter();
        let own = own.map(|own| format!("{} {} {}", own.number, own.supplier, own.state));
        vec![
            row.order,
            row.number.unwrap_or_default(),
            row.state.told(),
            Vec::from_iter(row.cases).join(" "),
            own.collect::<Vec<_>>().join(", "),
        ]
    }));
    if rows.len() > 1 {
        table(&rows);
    }
    say(format_args!("{}", counted(rows.len() - 1, "order")));
    Ok(Exit::Done)
}

/// The shop's own, where it is known.
pub(super) fn number(order: &Order) -> Option<String> {
    let latest = order.news.latest.as_ref();
    latest.map(|latest| latest.content.order_number.clone())
}

/// One word for the whole order: of what is true of its units, that which keeps it from being done.
#[derive(Serialize)]
pub(super) struct State {
    state: &'static str,
    waits_for: Option<String>,
}

impl State {
    pub(super) fn told(&self) -> String {
        match &self.waits_for {
            Some(what) => format!("{} for {what}", self.state),
            None => self.state.to_owned(),
        }
    }
}

pub(super) fn state(order: &Order) -> State {
    let places = places(order);
    let some = |so: fn(&SendState) -> bool| order.live().any(|own| so(&own.sending.state));
    let waits = order.routing.iter().flat_map(|routing| &routing.waits);
    let whys: Vec<&str> = waits.map(|wait| wait.why.as_str()).collect();
    let nothing_left = places.held + places.waiting + places.purchase_orders == 0;
    let mut waits_for = None;
    let state = if order.is_cancelled() || (order.is_stopped() && nothing_left) {
        "cancelled"
    } else if order.news.latest.is_none() {
        "not received"
    } else if some(|send| matches!(send, SendState::InDoubt { .. })) {
        "in doubt"
    } else if some(|send| matches!(send, SendState::Rejected { .. })) {
        "rejected"
    } else if places.held > 0 {
        "held"
    } else if places.waiting > 0 && !whys.is_empty() {
        waits_for = Some(whys.join("; and for "));
        "waiting"
    } else if places.waiting > 0 {
        "being routed"
    } else if some(|send| {
        matches!(
            send,
            SendState::Planned { .. }
                | SendState::SendStarted { .. }
                | SendState::BetweenSteps { .. }
        )
    }) {
        "being sent"
    } else if order.live().any(|own| own.sending.word() == IN_THE_OUTBOX) {
        IN_THE_OUTBOX
    } else if places.purchase_orders > 0 {
        "sent"
    } else if places.not_ours > 0 {
        "not ours"
    } else {
        "nothing to send"
    };
    State { state, waits_for }
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
