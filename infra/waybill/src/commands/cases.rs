//! What needs a person: the cases of orders and the incidents.

use super::{PAGE, open, read, table};
use crate::{Exit, Person, say};
use domain::exceptions::{severity, way_out};
use domain::ids::OrderId;
use domain::order::attention::CaseKind;
use domain::timeline::{counted, moment};
use embedded::{Embedded, SystemClock};
use jiff::Timestamp;
use ports::{Clock as _, Closing, OrderStore as _};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Closed incidents that are listed.
const CLOSED: usize = 50;

/// The orders of one case, with what is the matter in each and since when.
type Orders = BTreeMap<OrderId, (Timestamp, String)>;

pub(crate) async fn cases(data: &Path, closed: bool) -> anyhow::Result<Exit> {
    let store = match open(data)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    if closed {
        return closed_incidents(&store).await;
    }
    let groups = groups(&store).await?;
    let mut incidents = store.incidents().await?;
    incidents.sort_by_key(|incident| severity(incident.kind));
    let orders: BTreeSet<_> = groups.values().flat_map(BTreeMap::keys).collect();
    if groups.is_empty() && incidents.is_empty() {
        say(format_args!("Nothing needs your attention"));
        return Ok(Exit::Done);
    }
    say(format_args!(
        "{} in {}, {}",
        counted(groups.len(), "case"),
        counted(orders.len(), "order"),
        counted(incidents.len(), "incident"),
    ));
    let mut sorted: Vec<_> = groups.iter().collect();
    sorted.sort_by_key(|((kind, _), _)| severity(*kind));
    for ((kind, cause), orders) in sorted {
        // A cause that only repeats the order says nothing.
        let repeats = orders
            .keys()
            .any(|order| cause.starts_with(&order.to_string()));
        let cause = if cause.is_empty() || repeats {
            String::new()
        } else {
            format!(" {cause}")
        };
        head(*kind, &cause);
        let rows: Vec<_> = orders
            .iter()
            .map(|(order, (since, detail))| {
                vec![format!("  {order}"), moment(*since), detail.clone()]
            })
            .collect();
        table(&rows);
    }
    if !groups.is_empty() {
        say(format_args!(
            "\n`waybill order ORDER` tells how it came to be so, and what to type"
        ));
    }
    for incident in &incidents {
        head(incident.kind, &format!(", incident {}", incident.id()));
        for line in incident.detail.lines() {
            say(format_args!("  {}  {line}", moment(incident.opened_at)));
        }
        say(format_args!(
            "  waybill close {} --why '...'",
            incident.id()
        ));
    }
    Ok(Exit::Done)
}

fn head(kind: CaseKind, about: &str) {
    let severity = severity(kind);
    say(format_args!(
        "\n{kind}{about} (severity {severity}, respond within {})",
        severity.respond_within()
    ));
    say(format_args!("  way out: {}", way_out(kind)));
}

async fn groups(store: &Embedded) -> anyhow::Result<BTreeMap<(CaseKind, String), Orders>> {
    let now = SystemClock.now();
    let mut groups: BTreeMap<(CaseKind, String), Orders> = BTreeMap::new();
    for row in store.attention().await? {
        groups
            .entry((row.attention.kind, row.attention.cause))
            .or_default()
            .insert(row.order, (row.attention.since, row.attention.detail));
    }
    // The sweep writes down what shows only with time; where no server runs, nobody sweeps.
    for id in store.due(now, PAGE).await? {
        // One that cannot be read is an incident.
        let Ok(Some((order, _))) = read(store, &id).await else {
            continue;
        };
        for entry in order.attention(now) {
            groups
                .entry((entry.kind, entry.cause))
                .or_default()
                .insert(id.clone(), (entry.since, entry.detail));
        }
    }
    Ok(groups)
}

async fn closed_incidents(store: &Embedded) -> anyhow::Result<Exit> {
    let closed = store.closed_incidents(CLOSED).await?;
    for (incident, closing) in &closed {
        say(format_args!(
            "{} {}, opened {}, closed {} by {}: {}",
            incident.id(),
            incident.kind,
            moment(incident.opened_at),
            moment(closing.at),
            closing.who,
            closing.why
        ));
        for line in incident.detail.lines() {
            say(format_args!("  {line}"));
        }
    }
    say(format_args!("{} closed", counted(closed.len(), "incident")));
    Ok(Exit::Done)
}

/// An incident that comes again after this is opened again.
pub(crate) async fn close(data: &Path, id: &str, person: Person) -> anyhow::Result<Exit> {
    let store = match open(data)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    let open = store.incidents().await?;
    let Some(incident) = open.iter().find(|incident| incident.id() == id) else {
        let closed = store.closed_incidents(usize::MAX).await?;
        if closed.iter().any(|(incident, _)| incident.id() == id) {
            say(format_args!("{id} is closed already"));
            return Ok(Exit::Done);
        }
        say(format_args!(
            "{id:?} is no incident here; `waybill cases` lists those that are open"
        ));
        return Ok(Exit::NotFound);
    };
    let closing = Closing {
        who: person.who,
        why: person.why,
        at: SystemClock.now(),
    };
    store
        .close_incident(incident.kind, &incident.cause, &closing)
        .await?;
    say(format_args!(
        "{id} {}: closed by {}: {}",
        incident.kind, closing.who, closing.why
    ));
    Ok(Exit::Done)
}
