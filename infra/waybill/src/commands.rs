//! What a person asks and decides, beside a server that may be running: no lock is needed, because
//! every decision is a commit on the version that was looked at.

use crate::machine::{open_channels, open_suppliers};
use crate::{BROKEN, OK, Person, REFUSED, say};
use anyhow::{Context as _, bail};
use domain::commit::Commit;
use domain::exceptions::way_out;
use domain::ids::{OrderId, SupplierSku};
use domain::messages::Message;
use domain::order::Order;
use domain::order::attention::CaseKind;
use domain::order::decide::{Command, Verdict};
use domain::order::event::{Event, Recorded};
use domain::order::machine::{Cancel, SendState};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::timeline::{label, timeline};
use embedded::{Embedded, EnvironmentSecrets, SystemClock};
use jiff::Timestamp;
use ports::{Clock, CommitError, OfferStore as _, OrderStore as _, Queue as _, Secrets as _};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

const TRIES: u32 = 20;
const PAGE: usize = 500;

/// Any secret will do to see whether the settings are right.
struct AnySecret;

impl ports::Secrets for AnySecret {
    fn get<'a, 'b, 'c>(
        &'a self,
        _: &'b str,
    ) -> std::pin::Pin<
        Box<
            dyn Future<Output = Result<Option<secrecy::SecretString>, ports::Unavailable>>
                + Send
                + 'c,
        >,
    >
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async { Ok(Some("any".to_owned().into())) })
    }
}

pub(crate) async fn check(config: &Path) -> anyhow::Result<u8> {
    let loaded = match configuration::load_dir(config) {
        Ok(loaded) => loaded,
        Err(problems) => {
            for problem in &problems {
                say(format_args!("{problem}"));
            }
            say(format_args!("{} problems", problems.len()));
            return Ok(REFUSED);
        }
    };
    let settings = &loaded.settings;
    let mut problems = Vec::new();
    let folder = tempfile::tempdir()?;
    let store = Embedded::in_memory(folder.path())?;
    open_channels(settings, &AnySecret, &mut problems).await?;
    open_suppliers(settings, &store, &AnySecret, &mut problems).await?;
    for problem in &problems {
        say(format_args!("{problem}"));
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    for channel in settings.channels.values() {
        names.extend(channel.secrets.iter().cloned());
    }
    for supplier in settings.suppliers.values() {
        if let Some(entry) = suppliers::entry(&supplier.method) {
            names.extend((entry.secrets)(&supplier.specific));
        }
    }
    for name in &names {
        if EnvironmentSecrets.get(name).await?.is_none() {
            say(format_args!("note: {name} is not set here; serve needs it"));
        }
    }
    if !problems.is_empty() {
        say(format_args!("{} problems", problems.len()));
        return Ok(REFUSED);
    }
    say(format_args!(
        "right: {} channels, {} suppliers, {} offers, configuration {}",
        settings.channels.len(),
        settings.suppliers.len(),
        loaded.catalogue.len(),
        settings.digest.short()
    ));
    Ok(OK)
}

fn open(data: &Path) -> anyhow::Result<Embedded> {
    if !data.join("waybill.db").is_file() {
        bail!("{} holds no data of waybill", data.display());
    }
    Ok(Embedded::open(data)?)
}

/// Every order with its history, in the order of ids.
pub(crate) async fn all(store: &Embedded) -> anyhow::Result<Vec<(Order, Vec<Recorded>)>> {
    let mut orders = Vec::new();
    let mut after: Option<OrderId> = None;
    loop {
        let ids = store.list(after.as_ref(), PAGE).await?;
        let Some(last) = ids.last() else {
            return Ok(orders);
        };
        after = Some(last.clone());
        for id in &ids {
            if let Some(history) = store.load(id).await? {
                orders.push((history.fold()?, history.events));
            }
        }
    }
}

pub(crate) async fn orders(data: &Path) -> anyhow::Result<u8> {
    let store = open(data)?;
    let now = SystemClock.now();
    let orders = all(&store).await?;
    for (order, _) in &orders {
        let mut text = order.id.to_string();
        for own in &order.purchase_orders {
            let _ = write!(
                text,
                "  {} {} {}",
                own.number,
                own.supplier,
                own.send.name()
            );
        }
        if order.is_cancelled() {
            text.push_str("  cancelled");
        } else if let Some(wait) = order
            .routing
            .as_ref()
            .and_then(|routing| routing.wait.as_ref())
        {
            let _ = write!(text, "  waiting for {}", wait.why);
        }
        let cases: BTreeSet<_> = order
            .attention(now)
            .iter()
            .map(|entry| label(entry.kind))
            .collect();
        for case in cases {
            let _ = write!(text, "  ! {case}");
        }
        say(format_args!("{text}"));
    }
    say(format_args!("{} orders", orders.len()));
    Ok(OK)
}

/// The order's id, or the id of the order that has this purchase order.
async fn find(store: &Embedded, text: &str) -> anyhow::Result<Option<OrderId>> {
    if text.contains('/') {
        return Ok(OrderId::parse(text).ok());
    }
    match PurchaseOrderNumber::parse(text) {
        Ok(number) => Ok(store.find(&number).await?),
        Err(_) => Ok(None),
    }
}

fn not_found(text: &str) -> u8 {
    say(format_args!(
        "{text:?} is no order here; expected channel/own id or a purchase order number"
    ));
    REFUSED
}

pub(crate) async fn order(data: &Path, text: &str) -> anyhow::Result<u8> {
    let store = open(data)?;
    let Some(id) = find(&store, text).await? else {
        return Ok(not_found(text));
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
        say(format_args!(
            "  why it was routed so, configuration {}:",
            trace.configuration.short()
        ));
        for fact in trace.explain() {
            say(format_args!("    {fact}"));
        }
    }
    Ok(OK)
}

/// Lines, purchase orders, cases and timeline of one order.
pub(crate) fn show(order: &Order, history: &[Recorded], now: Timestamp) {
    say(format_args!("{}", order.id));
    for line in order
        .news
        .latest
        .iter()
        .flat_map(|latest| &latest.content.lines)
    {
        let places = order.places(&line.id);
        let mut text = format!("  line {}: {} ordered", line.id, places.ordered);
        for (units, place) in [
            (places.purchase_orders, "in purchase orders"),
            (places.held, "held"),
            (places.waiting, "waiting"),
            (places.not_ours, "not ours"),
            (places.cancelled, "cancelled"),
            (places.over_allocated, "handed over and no longer wanted"),
        ] {
            if units > 0 {
                let _ = write!(text, ", {units} {place}");
            }
        }
        say(format_args!("{text}"));
    }
    for own in &order.purchase_orders {
        let reference = if let SendState::Sent {
            reference: Some(reference),
            ..
        } = &own.send
        {
            format!(", their number {reference}")
        } else {
            String::new()
        };
        let cancel = match own.cancel {
            Cancel::None => "",
            Cancel::Wanted => ", cancel wanted",
            Cancel::Accepted => ", cancelled",
            Cancel::Refused => ", cancel refused",
        };
        say(format_args!(
            "  {} at {}: {}{reference}{cancel}",
            own.number,
            own.supplier,
            own.send.name()
        ));
    }
    for entry in order.attention(now) {
        say(format_args!(
            "  ! {}: {}; way out: {}",
            label(entry.kind),
            entry.detail,
            way_out(entry.kind)
        ));
    }
    for entry in timeline(history) {
        say(format_args!(
            "  {} {}",
            entry.at.strftime("%Y-%m-%d %H:%M:%SZ"),
            entry.text
        ));
    }
}

pub(crate) async fn cases(data: &Path) -> anyhow::Result<u8> {
    let store = open(data)?;
    let now = SystemClock.now();
    let mut groups: BTreeMap<(CaseKind, String), BTreeMap<OrderId, String>> = BTreeMap::new();
    for row in store.attention().await? {
        groups
            .entry((row.attention.kind, row.attention.cause))
            .or_default()
            .insert(row.order, row.attention.detail);
    }
    // The index is of the last commit; that an order is stuck shows only with time.
    for id in store.due(now, PAGE).await? {
        let Some(history) = store.load(&id).await? else {
            continue;
        };
        for entry in history.fold()?.attention(now) {
            groups
                .entry((entry.kind, entry.cause))
                .or_default()
                .insert(id.clone(), entry.detail);
        }
    }
    let affected: BTreeSet<_> = groups.values().flat_map(BTreeMap::keys).collect();
    say(format_args!(
        "{}",
        match affected.len() {
            0 => "No order needs your attention".to_owned(),
            1 => "1 order needs your attention".to_owned(),
            many => format!("{many} orders need your attention"),
        }
    ));
    let mut sorted: Vec<_> = groups.iter().collect();
    sorted.sort_by_key(|((kind, _), _)| domain::exceptions::severity(*kind));
    for ((kind, cause), orders) in sorted {
        say(format_args!(
            "\n{} ({cause}), severity {:?}; way out: {}",
            label(*kind),
            domain::exceptions::severity(*kind),
            way_out(*kind)
        ));
        for (order, detail) in orders {
            say(format_args!("  {order}: {detail}"));
        }
    }
    for incident in store.incidents().await? {
        say(format_args!(
            "\nincident {} since {}: {}; way out: {}",
            label(incident.kind),
            incident.opened_at.strftime("%Y-%m-%d %H:%M:%SZ"),
            incident.detail,
            way_out(incident.kind)
        ));
    }
    Ok(OK)
}

pub(crate) async fn report(data: &Path) -> anyhow::Result<u8> {
    report_on(&open(data)?).await
}

/// Each promise with `ok` or what breaks it.
pub(crate) async fn report_on(store: &Embedded) -> anyhow::Result<u8> {
    let orders = all(store).await?;
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    let mut broken: BTreeMap<&str, Vec<String>> = [
        "nothing lost",
        "nothing doubled",
        "stale news",
        "explained",
        "stock adds up",
    ]
    .into_iter()
    .map(|promise| (promise, Vec::new()))
    .collect();
    let mut wanted: BTreeMap<(PurchaseOrderNumber, SupplierSku), u32> = BTreeMap::new();
    let mut purchase_orders = 0;
    for (order, history) in &orders {
        for why in domain::invariants::broken(order, history) {
            let promise = ["nothing lost", "nothing doubled", "stale news", "explained"]
                .into_iter()
                .find(|promise| why.starts_with(promise))
                .unwrap_or("nothing lost");
            broken
                .entry(promise)
                .or_default()
                .push(format!("{}: {why}", order.id));
        }
        for own in &order.purchase_orders {
            purchase_orders += 1;
            *states.entry(own.send.name()).or_default() += 1;
            if own.holds_reservation() && !matches!(own.send, SendState::Sent { .. }) {
                for line in own.lines.iter().filter(|line| line.reserved) {
                    *wanted
                        .entry((own.number.clone(), line.supplier_sku.clone()))
                        .or_default() += line.quantity;
                }
            }
        }
    }
    let rows = store.reservations().await?;
    let mut reserved: BTreeMap<(PurchaseOrderNumber, SupplierSku), u32> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.sent_at.is_none()) {
        *reserved
            .entry((row.purchase_order.clone(), row.supplier_sku.clone()))
            .or_default() += row.quantity;
    }
    let stock = broken.entry("stock adds up").or_default();
    for key in wanted
        .keys()
        .chain(reserved.keys())
        .collect::<BTreeSet<_>>()
    {
        let (wants, has) = (wanted.get(key), reserved.get(key));
        if wants != has {
            stock.push(format!(
                "{} of {}: {} reserved, {} wanted",
                key.1,
                key.0,
                has.unwrap_or(&0),
                wants.unwrap_or(&0)
            ));
        }
    }
    for (supplier, sku, known) in store.stock().await? {
        let held: i64 = rows
            .iter()
            .filter(|row| row.supplier == supplier && row.supplier_sku == sku)
            .map(|row| i64::from(row.quantity))
            .sum();
        if known.available + held != i64::from(known.stock) {
            stock.push(format!(
                "{supplier} {sku}: {} available and {held} reserved of {}",
                known.available, known.stock
            ));
        }
    }
    say(format_args!(
        "{} orders, {purchase_orders} purchase orders",
        orders.len()
    ));
    for (state, count) in &states {
        say(format_args!("  {count} {state}"));
    }
    for (promise, breaks) in &broken {
        if breaks.is_empty() {
            say(format_args!("ok      {promise}"));
        }
        for why in breaks {
            say(format_args!("BROKEN  {promise}: {why}"));
        }
    }
    Ok(if broken.values().all(Vec::is_empty) {
        OK
    } else {
        BROKEN
    })
}

pub(crate) async fn release(data: &Path, order: &str, person: Person) -> anyhow::Result<u8> {
    let store = open(data)?;
    let Some(id) = find(&store, order).await? else {
        return Ok(not_found(order));
    };
    let command = Command::Release {
        who: person.who,
        why: person.why,
    };
    decide(&store, &id, &command).await
}

pub(crate) async fn cancel(data: &Path, order: &str, person: Person) -> anyhow::Result<u8> {
    let store = open(data)?;
    let Some(id) = find(&store, order).await? else {
        return Ok(not_found(order));
    };
    let command = Command::Cancel {
        who: person.who,
        why: person.why,
    };
    decide(&store, &id, &command).await
}

pub(crate) async fn resolve(
    data: &Path,
    purchase_order: &str,
    verdict: crate::Verdict,
    person: Person,
) -> anyhow::Result<u8> {
    let store = open(data)?;
    let Ok(number) = PurchaseOrderNumber::parse(purchase_order) else {
        return Ok(not_found(purchase_order));
    };
    let Some(id) = store.find(&number).await? else {
        return Ok(not_found(purchase_order));
    };
    let verdict = match verdict {
        crate::Verdict {
            sent: Some(reference),
            ..
        } => Verdict::Sent { reference },
        crate::Verdict { not_sent: true, .. } => Verdict::NotSent,
        // The usage has it that exactly one is given.
        crate::Verdict { cancelled, .. } => Verdict::Cancelled(cancelled),
    };
    let command = Command::Resolve {
        number,
        verdict,
        who: person.who,
        why: person.why,
    };
    decide(&store, &id, &command).await
}

/// Commits what follows from the command on the newest version, and sets the order going.
async fn decide(store: &Embedded, id: &OrderId, command: &Command) -> anyhow::Result<u8> {
    for attempt in 0..TRIES {
        let Some(history) = store.load(id).await? else {
            return Ok(not_found(&id.to_string()));
        };
        let order = history.fold()?;
        let now = SystemClock.now();
        let made = order.decide(command.clone(), now).and_then(|events| {
            if events.is_empty() {
                return Ok(None);
            }
            Commit::new(&order, events, now).map(Some)
        });
        let (commit, after) = match made {
            Ok(Some(made)) => made,
            Ok(None) => {
                say(format_args!("{id}: it is so already"));
                return Ok(OK);
            }
            Err(refusal) => {
                say(format_args!("refused: {refusal}"));
                return Ok(REFUSED);
            }
        };
        let told: Vec<_> = timeline(&commit.events)
            .into_iter()
            .map(|entry| entry.text)
            .collect();
        match store.commit(commit).await {
            Ok(()) => {
                for text in told {
                    say(format_args!("{id}: {text}"));
                }
                wake(store, &after, now).await;
                return Ok(OK);
            }
            Err(CommitError::Stale | CommitError::Busy) => {
                tokio::time::sleep(Duration::from_millis(10 * u64::from(attempt + 1))).await;
            }
            Err(error) => return Err(error).context("the decision may not have been stored"),
        }
    }
    bail!("{id} changed under every try; nothing was decided");
}

/// A message that is lost does not matter: the sweep finds the order.
async fn wake(store: &Embedded, order: &Order, now: Timestamp) {
    let route = order.needs_routing.map(|_| Message::Route {
        order: order.id.clone(),
    });
    let forward = order
        .purchase_orders
        .iter()
        .filter(|own| matches!(&own.send, SendState::Planned { due } if *due <= now))
        .map(|own| Message::Forward {
            order: order.id.clone(),
            purchase_order: own.number.clone(),
        });
    for message in route.into_iter().chain(forward) {
        if let Err(error) = store.send(&message).await {
            tracing::warn!(error = %error, "not enqueued; the sweep will");
        }
    }
}
