//! One order: where its units are, what was made of it and how it came to be so.

mod changes;
mod view;

use super::address::payload;
use super::{document, find, not_found};
use crate::{Exit, Installation, say};
use changes::{Changed, changes};
use domain::cases::CaseKind;
use domain::ids::OrderId;
use domain::order::Order;
use domain::order::events::{Event, Recorded};
use domain::order::topics::routing::RoutingDecision;
use domain::text::moment;
use ports::OrderStore;
pub(crate) use view::View;
use view::{LineView, Routing};

pub(crate) async fn order(at: &Installation, text: &str, json: bool) -> anyhow::Result<Exit> {
    let store = at.orders.as_ref();
    let id = find(at, text).await?;
    let Some(history) = store.load(&id).await? else {
        return Err(not_found(text).into());
    };
    let order = history.fold()?;
    let mut view = View::of(&order, &history.events, at.clock.now());
    for case in &mut view.cases {
        if case.kind == CaseKind::EditedAfterSend {
            case.changed = edited(store, &order, case.purchase_order.as_deref()).await?;
        }
    }
    view.routing = routing(store, &id, &history.events).await?;
    if json {
        document(&view)?;
    } else {
        view.show();
    }
    Ok(Exit::Done)
}

/// The last routing that had something to explain: later ones may have found nothing to do.
async fn routing(
    store: &dyn OrderStore,
    id: &OrderId,
    history: &[Recorded],
) -> anyhow::Result<Option<Routing>> {
    for recorded in history.iter().rev() {
        let Event::Routing(RoutingDecision::Routed(routed)) = &recorded.event else {
            continue;
        };
        if let Some(trace) = store.trace(id, routed.trace).await? {
            let reasons = trace.explain();
            if !reasons.is_empty() {
                return Ok(Some(Routing {
                    configuration: trace.configuration.short().to_owned(),
                    reasons,
                }));
            }
        }
    }
    Ok(None)
}

/// What the supplier has, beside what it should have.
async fn edited(
    store: &dyn OrderStore,
    order: &Order,
    number: Option<&str>,
) -> anyhow::Result<Vec<Changed>> {
    let own = order
        .purchase_orders
        .iter()
        .find(|own| Some(own.number.as_str()) == number);
    let (Some(own), Some((latest, _))) = (own, &order.payload) else {
        return Ok(Vec::new());
    };
    let old = payload(store, &order.id, own.payload, own.address).await?;
    let corrected = order.address.as_ref().map(|(number, _)| *number);
    let new = payload(store, &order.id, *latest, corrected).await?;
    Ok(match (old, new) {
        (Some(old), Some(new)) => changes(&old, &new),
        (None, _) | (_, None) => Vec::new(),
    })
}

impl View {
    pub(crate) fn show(&self) {
        let number = self.number.as_ref();
        let number = number.map_or_else(String::new, |number| format!(", number {number}"));
        say(format_args!(
            "{}{number}: {}",
            self.order,
            self.state.told()
        ));
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|line| {
                let sku = line.sku.clone();
                vec![
                    format!("  line {}", line.line),
                    sku.unwrap_or_else(|| "(no SKU)".to_owned()),
                    told(line),
                ]
            })
            .collect();
        super::table(&lines);
        let mut rows = Vec::new();
        for own in &self.purchase_orders {
            let units: Vec<_> = own
                .lines
                .iter()
                .map(|line| format!("{} x {}", line.quantity, line.sku))
                .collect();
            let told = own.told.clone();
            rows.push(vec![
                format!("  {}", own.number),
                own.supplier.clone(),
                units.join(", "),
                told,
            ]);
            for cancel in &own.cancels {
                let units: Vec<_> = cancel
                    .lines
                    .iter()
                    .map(|line| format!("{} x {}", line.quantity, line.sku))
                    .collect();
                rows.push(vec![
                    format!("  {}", cancel.number),
                    own.supplier.clone(),
                    units.join(", "),
                    format!("take back: {}; {}", cancel.told, cancel.why),
                ]);
            }
        }
        super::table(&rows);
        for wait in &self.waits {
            let units = domain::text::counted(wait.units, "unit");
            say(format_args!("  {units} waiting for {}", wait.why));
            say(format_args!("      way out: {}", wait.way_out));
            for command in &wait.commands {
                say(format_args!("      {command}"));
            }
        }
        for case in &self.cases {
            say(format_args!("  ! {}: {}", case.kind, case.detail));
            for change in &case.changed {
                say(format_args!(
                    "      {}: {:?} -> {:?}",
                    change.what,
                    change.old.reveal(),
                    change.new.reveal()
                ));
            }
            if case.kind == CaseKind::EditedAfterSend && case.changed.is_empty() {
                say(format_args!("      what changed cannot be shown any more"));
            }
            say(format_args!("      way out: {}", case.way_out));
            for command in &case.commands {
                say(format_args!("      {command}"));
            }
        }
        for entry in &self.history {
            say(format_args!("  {}  {}", moment(entry.at), entry.text));
        }
        if let Some(routing) = &self.routing {
            say(format_args!(
                "  why it was routed so, configuration {}:",
                routing.configuration
            ));
            for fact in &routing.reasons {
                say(format_args!("    {fact}"));
            }
        }
    }
}

fn told(line: &LineView) -> String {
    let mut text = Vec::new();
    for (units, place) in [
        (line.in_purchase_orders, "in purchase orders"),
        (line.held, "held"),
        (line.waiting, "waiting"),
        (line.not_ours, "not ours"),
        (line.cancelled, "cancelled"),
        (line.no_longer_wanted, "handed over and no longer wanted"),
    ] {
        if units > 0 {
            text.push(format!("{units} {place}"));
        }
    }
    format!("{} ordered: {}", line.ordered, text.join(", "))
}
