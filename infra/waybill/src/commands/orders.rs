//! Every order in a line.

use super::{AT_ONCE, PAGE, Stored, read_all, table};
use crate::output::write_json;
use crate::{Exit, Installation, say};
use clap::Args;
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

    fn of(stored: &Stored, now: Timestamp) -> Self {
        match stored {
            Stored::Order(order, _) => Self::new(order, now),
            Stored::Unreadable(id, _) => Self {
                order: id.to_string(),
                number: None,
                state: State {
                    state: UNREADABLE,
                    waits_for: None,
                },
                cases: BTreeSet::from([CaseKind::DeadLetter.to_string()]),
                purchase_orders: Vec::new(),
            },
        }
    }

    fn cells(self) -> Vec<String> {
        let own = self.purchase_orders.iter();
        let own = own.map(|own| format!("{} {} {}", own.number, own.supplier, own.state));
        vec![
            self.order,
            self.number.unwrap_or_default(),
            self.state.told(),
            Vec::from_iter(self.cases).join(" "),
            own.collect::<Vec<_>>().join(", "),
        ]
    }
}

/// Which of them are listed.
#[derive(Args)]
pub(crate) struct Which {
    /// Only those in this state: in-doubt, held, waiting, being-sent, sent, ...
    #[arg(long, value_parser = state_named)]
    state: Option<&'static str>,
    /// At most so many.
    #[arg(long, value_parser = at_least_one)]
    limit: Option<usize>,
    /// From where another list ended, as it said.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
}

const STATES: [&str; 13] = [
    "cancelled",
    "not received",
    "in doubt",
    "rejected",
    "held",
    "waiting",
    "being routed",
    "being sent",
    IN_THE_OUTBOX,
    "sent",
    "not ours",
    "nothing to send",
    UNREADABLE,
];
const UNREADABLE: &str = "unreadable";

fn state_named(text: &str) -> Result<&'static str, String> {
    let text = text.replace('-', " ");
    let known = STATES.into_iter().find(|state| *state == text);
    known.ok_or_else(|| {
        let names: Vec<_> = STATES.iter().map(|state| state.replace(' ', "-")).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "expected a number from 1 on".to_owned())
}

/// Those received last come first.
pub(crate) async fn orders(at: &Installation, which: Which, json: bool) -> anyhow::Result<Exit> {
    let mut output = if json { Output::json() } else { Output::text() };
    let next = list(at, &which, &mut output).await?;
    output.end(next.as_ref(), &which);
    Ok(Exit::Done)
}

/// Prints the rows page by page; where the list goes on, if it was cut.
async fn list(
    at: &Installation,
    which: &Which,
    output: &mut Output,
) -> anyhow::Result<Option<String>> {
    let now = at.clock.now();
    let mut left = which.limit.unwrap_or(usize::MAX);
    let mut after = which.after.clone();
    loop {
        // Of those in one state most may be in another.
        let wanted = match which.state {
            Some(_) => PAGE,
            None => PAGE.min(left),
        };
        let page = at.index.list(after.as_deref(), wanted).await?;
        let mut rows = Vec::new();
        let mut cut_after = None;
        for ids in page.orders.chunks(AT_ONCE) {
            for stored in read_all(at, ids).await? {
                if left == 0 {
                    break;
                }
                let row = Row::of(&stored, now);
                if which.state.is_none_or(|state| state == row.state.state) {
                    rows.push(row);
                    left -= 1;
                }
                if left == 0 && page.orders.last() != Some(stored.id()) {
                    cut_after = Some(stored.id().clone());
                }
            }
            if left == 0 {
                break;
            }
        }
        output.rows(rows)?;
        after = match cut_after {
            Some(order) => at.index.place_after(&order).await?,
            None => page.next,
        };
        if after.is_none() || left == 0 {
            return Ok(after);
        }
    }
}

/// One document or one table, of which never more than a page is in memory. Columns are as wide as a page
/// needs them.
struct Output {
    is_json: bool,
    printed: usize,
}

impl Output {
    fn json() -> Self {
        Self {
            is_json: true,
            printed: 0,
        }
    }

    fn text() -> Self {
        Self {
            is_json: false,
            printed: 0,
        }
    }

    fn rows(&mut self, rows: Vec<Row>) -> anyhow::Result<()> {
        let is_first = self.printed == 0;
        self.printed += rows.len();
        if self.is_json {
            for (number, row) in rows.iter().enumerate() {
                let begin = if is_first && number == 0 {
                    "{\n  \"orders\": [\n"
                } else {
                    ",\n"
                };
                let row = serde_json::to_string_pretty(row)?.replace('\n', "\n    ");
                write_json(&format!("{begin}    {row}"));
            }
            return Ok(());
        }
        let header = ["ORDER", "NUMBER", "STATE", "CASES", "PURCHASE ORDERS"];
        let header = header.map(str::to_owned).to_vec();
        let mut cells: Vec<_> = Some(header).filter(|_| is_first).into_iter().collect();
        cells.extend(rows.into_iter().map(Row::cells));
        if self.printed > 0 {
            table(&cells);
        }
        Ok(())
    }

    fn end(&self, next: Option<&String>, which: &Which) {
        if self.is_json {
            let end = if self.printed == 0 {
                "{\n  \"orders\": []"
            } else {
                "\n  ]"
            };
            let next = serde_json::Value::from(next.cloned());
            write_json(&format!("{end},\n  \"next\": {next}\n}}\n"));
            return;
        }
        say(format_args!("{}", counted(self.printed, "order")));
        if let Some(next) = next {
            let state = which.state.map_or_else(String::new, |state| {
                format!(" --state {}", state.replace(' ', "-"))
            });
            let limit = which.limit.unwrap_or(PAGE);
            say(format_args!(
                "more: waybill orders{state} --limit {limit} --after '{next}'"
            ));
        }
    }
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
