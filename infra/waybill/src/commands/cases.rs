//! What needs a person: the cases of orders and batches, and the incidents.

use super::{Instead, PAGE, document, read, table};
use crate::arguments::Person;
use crate::{Exit, Installation, say};
use domain::cases::{CaseEntry, CaseKind, severity, way_out};
use domain::text::{counted, moment};
use jiff::Timestamp;
use ports::{Closing, Incident, IncidentStore};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Closed incidents that are listed.
const CLOSED: usize = 50;

#[derive(Serialize)]
struct Open {
    /// What is the matter with the place where everything is stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damage: Vec<String>,
    cases: Vec<Case>,
    incidents: Vec<IncidentView>,
}

#[derive(Serialize)]
struct Case {
    kind: CaseKind,
    cause: String,
    severity: u8,
    respond_within: &'static str,
    way_out: &'static str,
    /// Those it is about; a batch that nobody uploaded has its own list instead.
    orders: Vec<Concerned>,
    batches: Vec<Concerned>,
}

/// An order or a batch, with what is the matter and since when.
#[derive(Serialize)]
struct Concerned {
    id: String,
    since: Timestamp,
    detail: String,
}

#[derive(Serialize)]
struct IncidentView {
    incident: String,
    kind: CaseKind,
    severity: u8,
    respond_within: &'static str,
    way_out: &'static str,
    opened_at: Timestamp,
    detail: String,
}

#[derive(Serialize)]
struct Closed {
    incidents: Vec<ClosedView>,
}

#[derive(Serialize)]
struct ClosedView {
    incident: String,
    kind: CaseKind,
    opened_at: Timestamp,
    closed_at: Timestamp,
    who: String,
    why: String,
    detail: String,
}

impl IncidentView {
    fn new(incident: &Incident) -> Self {
        let severity = severity(incident.kind);
        Self {
            incident: incident.id(),
            kind: incident.kind,
            severity: severity.number(),
            respond_within: severity.respond_within(),
            way_out: way_out(incident.kind),
            opened_at: incident.opened_at,
            detail: incident.detail.clone(),
        }
    }
}

pub(crate) async fn cases(at: &Installation, closed: bool, json: bool) -> anyhow::Result<Exit> {
    if closed {
        return closed_incidents(at.incidents.as_ref(), json).await;
    }
    let damage = at.health.damage().await?;
    let mut open = Open {
        damage,
        cases: Vec::new(),
        incidents: Vec::new(),
    };
    let read = open.read(at).await;
    if json {
        document(&open)?;
    } else {
        open.show();
    }
    read.map(|()| Exit::Done)
}

impl Open {
    async fn read(&mut self, at: &Installation) -> anyhow::Result<()> {
        let mut incidents = at.incidents.incidents().await?;
        incidents.sort_by_key(|incident| severity(incident.kind));
        self.incidents = incidents.iter().map(IncidentView::new).collect();
        self.cases = open_cases(at).await?;
        Ok(())
    }

    fn show(&self) {
        for damage in &self.damage {
            say(format_args!("{damage}"));
        }
        if !self.damage.is_empty() && self.cases.is_empty() && self.incidents.is_empty() {
            return;
        }
        if self.cases.is_empty() && self.incidents.is_empty() {
            say(format_args!("Nothing needs your attention"));
            return;
        }
        let orders: BTreeSet<&str> = self
            .cases
            .iter()
            .flat_map(|case| &case.orders)
            .map(|order| order.id.as_str())
            .collect();
        let batches: usize = self.cases.iter().map(|case| case.batches.len()).sum();
        let of_batches = match batches {
            0 => String::new(),
            1 => " and 1 batch".to_owned(),
            many => format!(" and {many} batches"),
        };
        say(format_args!(
            "{} in {}{of_batches}, {}",
            counted(self.cases.len(), "case"),
            counted(orders.len(), "order"),
            counted(self.incidents.len(), "incident"),
        ));
        for case in &self.cases {
            case.show();
        }
        if !orders.is_empty() {
            say(format_args!(
                "\n`waybill order ORDER` tells how it came to be so, and what to type"
            ));
        }
        for incident in &self.incidents {
            let about = format!(", incident {}", incident.incident);
            head(incident.kind, &about);
            for line in incident.detail.lines() {
                say(format_args!("  {}  {line}", moment(incident.opened_at)));
            }
            say(format_args!(
                "  waybill close {} --why '...'",
                incident.incident
            ));
        }
    }
}

impl Case {
    fn new(kind: CaseKind, cause: String) -> Self {
        let severity = severity(kind);
        Self {
            kind,
            cause,
            severity: severity.number(),
            respond_within: severity.respond_within(),
            way_out: way_out(kind),
            orders: Vec::new(),
            batches: Vec::new(),
        }
    }

    fn show(&self) {
        // A cause that only repeats the order says nothing.
        let repeats = self
            .orders
            .iter()
            .any(|order| self.cause.starts_with(&order.id));
        let cause = if self.cause.is_empty() || repeats {
            String::new()
        } else {
            format!(" {}", self.cause)
        };
        head(self.kind, &cause);
        let concerned = self.orders.iter().chain(&self.batches);
        let rows: Vec<_> = concerned
            .map(|one| {
                vec![
                    format!("  {}", one.id),
                    moment(one.since),
                    one.detail.clone(),
                ]
            })
            .collect();
        table(&rows);
        for batch in &self.batches {
            say(format_args!("  waybill batches open {}", batch.id));
            say(format_args!("  waybill batches uploaded {}", batch.id));
        }
    }
}

fn head(kind: CaseKind, about: &str) {
    let severity = severity(kind);
    say(format_args!(
        "\n{kind}{about} (severity {severity}, respond within {})",
        severity.respond_within()
    ));
    say(format_args!("  way out: {}", way_out(kind)));
}

/// Entries of the same kind and cause are one case; the gravest first.
async fn open_cases(at: &Installation) -> anyhow::Result<Vec<Case>> {
    let now = at.clock.now();
    let mut groups: BTreeMap<(CaseKind, String), BTreeMap<String, CaseEntry>> = BTreeMap::new();
    let mut add = |id: String, entry: CaseEntry| {
        let group = groups.entry((entry.kind, entry.cause.clone())).or_default();
        group.insert(id, entry);
    };
    for row in at.index.all_cases().await? {
        add(row.order.to_string(), row.entry);
    }
    // The sweep writes down what shows only with time; where no server runs, nobody sweeps.
    for id in at.index.due(now, PAGE).await? {
        // One that cannot be read is an incident.
        let Ok(Some((order, _))) = read(at.orders.as_ref(), &id).await else {
            continue;
        };
        for entry in order.cases(now) {
            add(id.to_string(), entry);
        }
    }
    for batch in at.batches.batches(usize::MAX).await? {
        if let Some(entry) = batch.case(now) {
            add(batch.name.to_string(), entry);
        }
    }
    let mut cases: Vec<Case> = groups
        .into_iter()
        .map(|((kind, cause), concerned)| {
            let mut case = Case::new(kind, cause);
            let concerned = concerned.into_iter().map(|(id, entry)| Concerned {
                id,
                since: entry.since,
                detail: entry.detail,
            });
            if kind == CaseKind::BatchNotUploaded {
                case.batches = concerned.collect();
            } else {
                case.orders = concerned.collect();
            }
            case
        })
        .collect();
    cases.sort_by_key(|case| case.severity);
    Ok(cases)
}

async fn closed_incidents(store: &dyn IncidentStore, json: bool) -> anyhow::Result<Exit> {
    let closed = store.closed_incidents(CLOSED).await?;
    let incidents: Vec<_> = closed
        .into_iter()
        .map(|(incident, closing)| ClosedView {
            incident: incident.id(),
            kind: incident.kind,
            opened_at: incident.opened_at,
            closed_at: closing.at,
            who: closing.who,
            why: closing.why,
            detail: incident.detail,
        })
        .collect();
    if json {
        document(&Closed { incidents })?;
        return Ok(Exit::Done);
    }
    for closed in &incidents {
        say(format_args!(
            "{} {}, opened {}, closed {} by {}: {}",
            closed.incident,
            closed.kind,
            moment(closed.opened_at),
            moment(closed.closed_at),
            closed.who,
            closed.why
        ));
        for line in closed.detail.lines() {
            say(format_args!("  {line}"));
        }
    }
    say(format_args!(
        "{} closed",
        counted(incidents.len(), "incident")
    ));
    Ok(Exit::Done)
}

/// An incident that comes again after this is opened again.
pub(crate) async fn close(at: &Installation, id: &str, person: Person) -> anyhow::Result<Exit> {
    let store = at.incidents.as_ref();
    let open = store.incidents().await?;
    let Some(incident) = open.iter().find(|incident| incident.id() == id) else {
        let closed = store.closed_incidents(usize::MAX).await?;
        if closed.iter().any(|(incident, _)| incident.id() == id) {
            say(format_args!("{id} is closed already"));
            return Ok(Exit::Done);
        }
        let said = format!("{id:?} is no incident here; `waybill cases` lists those that are open");
        return Err(Instead::not_found(said).into());
    };
    let closing = Closing {
        who: person.who,
        why: person.why,
        at: at.clock.now(),
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
