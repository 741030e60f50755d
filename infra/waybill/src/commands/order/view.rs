//! What is shown of an order, as text and as a document. Names of fields are for scripts: they stay.

use super::changes::Changed;
use crate::commands::orders::{State, number, state};
use domain::cases::{CaseEntry, CaseKind, releasable, way_out};
use domain::order::events::Recorded;
use domain::order::purchase_order::CancelRequest;
use domain::order::{Order, PurchaseOrder, Wait, WaitKind};
use domain::sending::Sending;
use domain::sending::machine::SendState;
use domain::text::moment;
use domain::timeline::timeline;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct View {
    pub(super) order: String,
    pub(super) number: Option<String>,
    #[serde(flatten)]
    pub(super) state: State,
    pub(super) lines: Vec<LineView>,
    pub(super) purchase_orders: Vec<PurchaseOrderView>,
    /// Units that wait for what is nobody's business yet.
    pub(super) waits: Vec<WaitView>,
    pub(super) cases: Vec<CaseView>,
    pub(super) history: Vec<HistoryView>,
    /// Why it was routed so, where it was.
    pub(super) routing: Option<Routing>,
}

#[derive(Serialize)]
pub(super) struct LineView {
    pub(super) line: String,
    pub(super) sku: Option<String>,
    pub(super) ordered: u32,
    pub(super) in_purchase_orders: u32,
    pub(super) held: u32,
    pub(super) waiting: u32,
    pub(super) not_ours: u32,
    pub(super) cancelled: u32,
    pub(super) no_longer_wanted: u32,
}

#[derive(Serialize)]
pub(super) struct PurchaseOrderView {
    pub(super) number: String,
    pub(super) supplier: String,
    pub(super) state: &'static str,
    /// When it is sent, or sent again.
    due: Option<Timestamp>,
    /// Why it was refused or voided.
    why: Option<String>,
    /// The supplier's own numbers.
    references: Vec<String>,
    pub(super) lines: Vec<Units>,
    backordered: Vec<BackorderView>,
    pub(super) cancels: Vec<CancelView>,
    #[serde(skip)]
    pub(super) told: String,
}

#[derive(Serialize)]
pub(super) struct Units {
    line: String,
    pub(super) sku: String,
    pub(super) quantity: u32,
}

#[derive(Serialize)]
struct BackorderView {
    line: String,
    quantity: u32,
    until: Option<Date>,
}

/// A request to take units back.
#[derive(Serialize)]
pub(super) struct CancelView {
    pub(super) number: String,
    pub(super) state: &'static str,
    pub(super) lines: Vec<Units>,
    whole: bool,
    pub(super) why: String,
    #[serde(skip)]
    pub(super) told: String,
}

#[derive(Serialize)]
pub(super) struct WaitView {
    kind: WaitKind,
    pub(super) why: String,
    lines: Vec<WaitingLine>,
    #[serde(skip)]
    pub(super) units: u32,
    since: Timestamp,
    /// When it becomes a case.
    case_at: Option<Timestamp>,
    pub(super) way_out: &'static str,
    pub(super) commands: Vec<String>,
}

#[derive(Serialize)]
struct WaitingLine {
    line: String,
    quantity: u32,
}

#[derive(Serialize)]
pub(super) struct CaseView {
    pub(super) kind: CaseKind,
    cause: String,
    severity: u8,
    since: Timestamp,
    pub(super) detail: String,
    pub(super) purchase_order: Option<String>,
    pub(super) way_out: &'static str,
    /// Ready to be typed.
    pub(super) commands: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) changed: Vec<Changed>,
}

#[derive(Serialize)]
pub(super) struct HistoryView {
    pub(super) at: Timestamp,
    pub(super) text: String,
}

#[derive(Serialize)]
pub(super) struct Routing {
    pub(super) configuration: String,
    pub(super) reasons: Vec<String>,
}

impl View {
    pub(crate) fn of(order: &Order, history: &[Recorded], now: Timestamp) -> Self {
        let latest = order.news.latest.iter();
        let lines = latest.flat_map(|latest| &latest.content.lines).map(|line| {
            let places = order.places(&line.id);
            LineView {
                line: line.id.to_string(),
                sku: line.sku.as_ref().map(ToString::to_string),
                ordered: places.ordered,
                in_purchase_orders: places.purchase_orders,
                held: places.held,
                waiting: places.waiting,
                not_ours: places.not_ours,
                cancelled: places.cancelled,
                no_longer_wanted: places.over_allocated,
            }
        });
        let cases = order.cases(now);
        let cases = cases.iter().map(|entry| case(order, entry));
        let waits = order.routing.iter().flat_map(|routing| &routing.waits);
        let history = timeline(history).into_iter().map(|entry| HistoryView {
            at: entry.at,
            text: entry.text,
        });
        let own = order.purchase_orders.iter();
        Self {
            order: order.id.to_string(),
            number: number(order),
            state: state(order),
            lines: lines.collect(),
            purchase_orders: own.map(|own| purchase_order(own, now)).collect(),
            waits: waits.map(|known| wait(order, known)).collect(),
            cases: cases.collect(),
            history: history.collect(),
            routing: None,
        }
    }
}

fn wait(order: &Order, wait: &Wait) -> WaitView {
    let lines = wait.lines.iter().map(|(line, quantity)| WaitingLine {
        line: line.to_string(),
        quantity: *quantity,
    });
    let release = match wait.kind {
        WaitKind::Channel => vec![format!("waybill release {} --why '...'", order.id)],
        WaitKind::Payment | WaitKind::NextCommit => Vec::new(),
    };
    WaitView {
        kind: wait.kind,
        why: wait.why.clone(),
        lines: lines.collect(),
        units: wait.lines.values().copied().fold(0, u32::saturating_add),
        since: wait.since,
        case_at: wait.case_at,
        way_out: wait.kind.way_out(),
        commands: release,
    }
}

fn purchase_order(own: &PurchaseOrder, now: Timestamp) -> PurchaseOrderView {
    let lines = own.lines.iter().map(|line| Units {
        line: line.line.to_string(),
        sku: line.sku.to_string(),
        quantity: line.quantity,
    });
    let backordered = own
        .backordered
        .iter()
        .map(|(line, backorder)| BackorderView {
            line: line.to_string(),
            quantity: backorder.quantity,
            until: backorder.until,
        });
    let cancels = own
        .numbered_cancels()
        .map(|(number, request)| cancel(own, number, request, now));
    let why = match &own.sending.state {
        SendState::Rejected { why, .. } => Some(format!("{}: {}", why.reason.name(), why.detail)),
        SendState::Voided { why } => Some(why.clone()),
        SendState::Planned { .. }
        | SendState::SendStarted { .. }
        | SendState::BetweenSteps { .. }
        | SendState::InDoubt { .. }
        | SendState::Sent { .. } => None,
    };
    PurchaseOrderView {
        number: own.number.to_string(),
        supplier: own.supplier.to_string(),
        state: own.sending.word(),
        due: due(&own.sending.state),
        why,
        references: own.sending.references().to_vec(),
        lines: lines.collect(),
        backordered: backordered.collect(),
        cancels: cancels.collect(),
        told: standing(&own.sending, now),
    }
}

fn cancel(own: &PurchaseOrder, number: u32, request: &CancelRequest, now: Timestamp) -> CancelView {
    let lines = request.lines.iter().map(|(line, quantity)| {
        let known = own.lines.iter().find(|known| &known.line == line);
        Units {
            line: line.to_string(),
            sku: known.map_or_else(String::new, |known| known.sku.to_string()),
            quantity: *quantity,
        }
    });
    // Once it was asked or answered, how it went to the supplier says no more.
    let told = if request.is_open() && !request.sending.is_sent() && own.can_be_asked_back() {
        let sending = standing(&request.sending, now);
        format!("{}, {sending}", request.status())
    } else {
        request.status().to_owned()
    };
    CancelView {
        number: format!("{}/X{number}", own.number),
        state: request.status(),
        lines: lines.collect(),
        whole: request.whole,
        why: request.why.clone(),
        told,
    }
}

fn due(state: &SendState) -> Option<Timestamp> {
    match state {
        SendState::Planned { due } | SendState::BetweenSteps { due } => Some(*due),
        SendState::SendStarted { .. }
        | SendState::InDoubt { .. }
        | SendState::Sent { .. }
        | SendState::Rejected { .. }
        | SendState::Voided { .. } => None,
    }
}

fn standing(sending: &Sending, now: Timestamp) -> String {
    let mut text = match &sending.state {
        SendState::Planned { due } | SendState::BetweenSteps { due } if *due > now => {
            format!("{}, again at {}", sending.state.name(), moment(*due))
        }
        SendState::Rejected { why, .. } => {
            format!("rejected, {}: {}", why.reason.name(), why.detail)
        }
        SendState::Voided { why } => format!("voided: {why}"),
        SendState::InDoubt { since, .. } => format!("in doubt since {}", moment(*since)),
        SendState::Sent { .. }
        | SendState::Planned { .. }
        | SendState::BetweenSteps { .. }
        | SendState::SendStarted { .. } => sending.word().to_owned(),
    };
    match sending.references() {
        [] => {}
        [one] => text.extend([", their number ", one]),
        several => text.extend([", their numbers ", &several.join(", ")]),
    }
    text
}

fn case(order: &Order, entry: &CaseEntry) -> CaseView {
    CaseView {
        kind: entry.kind,
        cause: entry.cause.clone(),
        severity: entry.severity.number(),
        since: entry.since,
        detail: entry.detail.clone(),
        purchase_order: entry.purchase_order.as_ref().map(ToString::to_string),
        way_out: way_out(entry.kind),
        commands: commands(order, entry),
        changed: Vec::new(),
    }
}

/// Commands that may end the case, ready to be typed.
fn commands(order: &Order, entry: &CaseEntry) -> Vec<String> {
    let id = &order.id;
    let own = entry.purchase_order.as_ref();
    let of_own = |words: &[&str]| -> Vec<String> {
        let words = words.iter();
        own.map(|own| words.map(|word| word.replace("PO", own.as_str())).collect())
            .unwrap_or_default()
    };
    let kind = entry.kind;
    let mut commands = if matches!(kind, CaseKind::SendInDoubt | CaseKind::MailUnconfirmed) {
        of_own(&["resolve PO --sent REF", "resolve PO --not-sent"])
    } else if matches!(kind, CaseKind::CancelAfterSend | CaseKind::CancelRequested) {
        of_own(&[
            "resolve PO --cancelled",
            "resolve PO --not-cancelled",
            "resolve PO --too-late",
        ])
    } else if kind == CaseKind::AnswerUnclear {
        of_own(&["acknowledge PO"])
    } else if matches!(
        kind,
        CaseKind::AddressIncomplete | CaseKind::AddressUnusable | CaseKind::UnknownCountry
    ) {
        vec![format!("edit-address {id} --set FIELD=VALUE")]
    } else if kind == CaseKind::CannotPrepare {
        let retry = of_own(&["retry PO"]);
        std::iter::once(format!("edit-address {id} --set FIELD=VALUE"))
            .chain(retry)
            .collect()
    } else if matches!(kind, CaseKind::SupplierUnreachable | CaseKind::SendDelayed) {
        let supplier = &entry.cause;
        vec![
            format!("retry {supplier}"),
            format!("reroute {id} --without {supplier}"),
        ]
    } else if kind == CaseKind::Backordered
        && let Some(own) = own.and_then(|own| order.purchase_order(own))
    {
        vec![format!("reroute {id} --without {}", own.supplier)]
    } else {
        Vec::new()
    };
    if kind == CaseKind::SeveralShippingMethods {
        let latest = order.news.latest.iter();
        let methods = latest.flat_map(|latest| &latest.content.shipping);
        commands.extend(methods.map(|method| format!("release {id} --method {:?}", method.name())));
    } else if releasable(entry.kind) {
        commands.push(format!("release {id}"));
    }
    commands
        .into_iter()
        .map(|words| format!("waybill {words} --why '...'"))
        .collect()
}
