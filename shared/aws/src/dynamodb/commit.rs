//! One commit to one order: one conditional update where only its state changes, one transaction
//! where more does.

use super::item::{
    Action, Condition, Item, Key, Meaning, Write, bytes, number, number_of, text, text_of,
};
use super::packed::pack;
use super::reservations::{NotYet, Rows};
use super::state::{Seen, batch_keys};
use super::{DynamoDb, Failed, reservations, say, spending};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use domain::commit::Commit;
use domain::ids::{OrderId, SupplierId, SupplierSku};
use domain::order::Reference;
use domain::order::events::Event;
use domain::order::topics::routing::{Routed, RoutingDecision};
use domain::purchase_order_number::PurchaseOrderNumber;
use ports::{CommitError, StoreError, Unavailable};
use std::collections::BTreeSet;

/// Rounds in which something else than the version was another than was known.
const LOOKS: usize = 4;
/// What one transaction may hold.
pub const LARGEST_TRANSACTION: usize = 100;

/// Why a write of several items was not made.
#[derive(Debug)]
pub(super) enum Refused {
    /// By index of the write, with the item as it is.
    Conditions(Vec<(usize, Option<Item>)>),
    Busy,
}

impl DynamoDb {
    pub(super) async fn commit_all(&self, commit: &Commit) -> Result<(), CommitError> {
        let name = self.memory.name_of_a_write();
        let mut seen = self.seen(commit).await?;
        let mut rows = None;
        for look in 0..LOOKS {
            if seen.version != commit.expected_version {
                return Err(CommitError::Stale);
            }
            let after = seen.after(commit).map_err(unwritable)?;
            let writes = match writes(commit, &seen, &after, rows.as_ref(), &name) {
                Ok(writes) => writes,
                Err(Unwritten::NotYet(NotYet::Look)) => {
                    rows = Some(self.rows(commit).await?);
                    continue;
                }
                Err(Unwritten::NotYet(NotYet::ShortOf(sku))) => {
                    self.ran_short(commit, &sku);
                    return Err(CommitError::ShortOf(sku));
                }
                Err(Unwritten::SpendLimit(supplier)) => {
                    return Err(CommitError::SpendLimit(supplier));
                }
                Err(Unwritten::Json(error)) => return Err(unwritable(error)),
            };
            let failed = match self.write(&writes, &format!("{name}.{look}")).await? {
                Ok(()) => {
                    self.memory.saw(&commit.order, after);
                    return Ok(());
                }
                Err(Refused::Busy) => return Err(CommitError::Busy),
                Err(Refused::Conditions(failed)) => failed,
            };
            match judge(&writes, &failed) {
                Judged::State(item) => {
                    if item.and_then(|item| text_of(item, "commit")) == Some(&name) {
                        self.memory.saw(&commit.order, after);
                        return Ok(());
                    }
                    seen = match item {
                        Some(item) => Seen::read(&commit.order, item).map_err(unavailable)?,
                        None => Seen::default(),
                    };
                }
                Judged::Taken(number) => return Err(CommitError::Taken(number)),
                Judged::ShortOf(sku) => {
                    self.ran_short(commit, &sku);
                    return Err(CommitError::ShortOf(sku));
                }
                Judged::SpendLimit(supplier) => return Err(CommitError::SpendLimit(supplier)),
                Judged::Changed => rows = Some(self.rows(commit).await?),
            }
        }
        Err(CommitError::Busy)
    }

    /// The state to commit on; of a new order nothing.
    async fn seen(&self, commit: &Commit) -> Result<Seen, CommitError> {
        if commit.expected_version == 0 {
            return Ok(Seen::default());
        }
        let known = self.memory.order(&commit.order);
        match known.filter(|seen| seen.version == commit.expected_version) {
            Some(seen) => Ok(seen),
            None => Ok(self
                .read_state(&commit.order)
                .await
                .map_err(unavailable)?
                .unwrap_or_default()),
        }
    }

    async fn rows(&self, commit: &Commit) -> Result<Rows, CommitError> {
        let keys: Vec<_> = reservations::keys(&commit.reservations)
            .into_iter()
            .collect();
        self.get_all(&keys, true, None).await.map_err(unavailable)
    }

    fn ran_short(&self, commit: &Commit, sku: &SupplierSku) {
        for change in &commit.reservations {
            if &change.supplier_sku == sku {
                self.memory
                    .ran_short(reservations::partition(&change.supplier, sku));
            }
        }
    }

    /// One update where there is one, else a transaction. The inner error says why nothing was
    /// written.
    pub(super) async fn write(
        &self,
        writes: &[Write],
        token: &str,
    ) -> Result<Result<(), Refused>, CommitError> {
        match writes {
            [only] if matches!(only.action, Action::Update(_)) => self.update(only).await,
            several => self.transact(several, token).await,
        }
    }

    fn table_of(&self, write: &Write) -> Result<&str, CommitError> {
        self.table(write.key.table)
            .map_err(CommitError::Unavailable)
    }

    async fn update(&self, write: &Write) -> Result<Result<(), Refused>, CommitError> {
        let said = write.said();
        let sent = self
            .client
            .update_item()
            .table_name(self.table_of(write)?)
            .set_key(Some(write.key.item()))
            .set_update_expression(said.update)
            .set_condition_expression(said.condition)
            .set_expression_attribute_names(said.names)
            .set_expression_attribute_values(said.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Ok(()));
        };
        if let Some(UpdateItemError::ConditionalCheckFailedException(failed)) =
            error.as_service_error()
        {
            return Ok(Err(Refused::Conditions(vec![(0, failed.item.clone())])));
        }
        match say("UpdateItem", error) {
            Failed::Busy(_) => Ok(Err(Refused::Busy)),
            Failed::Unavailable(error) => Err(CommitError::Unavailable(error)),
        }
    }

    /// The token makes a repetition by the SDK the same transaction.
    async fn transact(
        &self,
        writes: &[Write],
        token: &str,
    ) -> Result<Result<(), Refused>, CommitError> {
        if writes.len() > LARGEST_TRANSACTION {
            return Err(CommitError::Unavailable(Unavailable::new(format!(
                "{} items are more than one transaction holds",
                writes.len()
            ))));
        }
        let mut items = Vec::<TransactWriteItem>::with_capacity(writes.len());
        for write in writes {
            let item = write.in_transaction(self.table_of(write)?);
            items.push(item.map_err(|error| {
                CommitError::Unavailable(Unavailable::because("a write without a key", error))
            })?);
        }
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(token)
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Ok(()));
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        {
            let reasons = cancelled.cancellation_reasons();
            let failed: Vec<_> = reasons
                .iter()
                .enumerate()
                .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
                .map(|(index, reason)| (index, reason.item().cloned()))
                .collect();
            if !failed.is_empty() {
                return Ok(Err(Refused::Conditions(failed)));
            }
            if reasons
                .iter()
                .any(|reason| reason.code().is_some_and(passes))
            {
                return Ok(Err(Refused::Busy));
            }
        }
        match say("TransactWriteItems", error) {
            Failed::Busy(_) => Ok(Err(Refused::Busy)),
            Failed::Unavailable(error) => Err(CommitError::Unavailable(error)),
        }
    }
}

/// Reasons of a cancelled transaction that pass by themselves.
fn passes(code: &str) -> bool {
    [
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    ]
    .contains(&code)
}

fn unwritable(error: serde_json::Error) -> CommitError {
    CommitError::Unavailable(Unavailable::because("the commit has no JSON", error))
}

fn unavailable(error: StoreError) -> CommitError {
    match error {
        StoreError::Unavailable(error) => CommitError::Unavailable(error),
        StoreError::Corrupt(what) => CommitError::Unavailable(Unavailable::new(what)),
    }
}

enum Judged<'a> {
    State(Option<&'a Item>),
    Taken(PurchaseOrderNumber),
    ShortOf(SupplierSku),
    SpendLimit(SupplierId),
    Changed,
}

/// What matters most of all that failed: first the version, then numbers, then stock, then money.
fn judge<'a>(writes: &[Write], failed: &'a [(usize, Option<Item>)]) -> Judged<'a> {
    let meanings = || {
        failed.iter().filter_map(|(index, item)| {
            let (_, meaning) = writes.get(*index)?.condition.as_ref()?;
            Some((meaning, item.as_ref()))
        })
    };
    for (meaning, item) in meanings() {
        if *meaning == Meaning::State {
            return Judged::State(item);
        }
    }
    for (meaning, _) in meanings() {
        if let Meaning::Taken(number) = meaning {
            return Judged::Taken(number.clone());
        }
    }
    for (meaning, _) in meanings() {
        if let Meaning::ShortOf(sku) = meaning {
            return Judged::ShortOf(sku.clone());
        }
    }
    for (meaning, _) in meanings() {
        if let Meaning::SpendLimit(supplier) = meaning {
            return Judged::SpendLimit(supplier.clone());
        }
    }
    Judged::Changed
}

#[derive(Debug)]
pub(super) enum Unwritten {
    NotYet(NotYet),
    SpendLimit(SupplierId),
    Json(serde_json::Error),
}

impl From<serde_json::Error> for Unwritten {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// Everything that a commit writes, the state first.
pub(super) fn writes(
    commit: &Commit,
    seen: &Seen,
    after: &Seen,
    rows: Option<&Rows>,
    name: &str,
) -> Result<Vec<Write>, Unwritten> {
    let mut writes = vec![seen.write(&commit.order, after, &commit.index, name)];
    if let Some((number, payload)) = &commit.payload {
        let key = payload_key(&commit.order, *number);
        let body = bytes(pack(&serde_json::to_string(payload)?));
        let item = key.with([("body", body)]);
        writes.push(Write::put(key, item));
    }
    let mut trace = match &commit.trace {
        Some((number, trace)) => Some((*number, pack(&serde_json::to_string(trace)?))),
        None => None,
    };
    // What explains a plan lies with the first number that it made: an item less to write.
    let explained = trace
        .as_ref()
        .and_then(|(number, _)| first_planned(commit, *number));
    if explained.is_none()
        && let Some((number, body)) = trace.take()
    {
        let key = trace_key(&commit.order, number);
        let item = key.with([("body", bytes(body))]);
        writes.push(Write::put(key, item));
    }
    for own in commit.references.iter().filter_map(number_in) {
        let key = reference_key(own);
        let order = commit.order.to_string();
        let mut item = key.with([
            ("order", text(&order)),
            (
                "supplier",
                text(commit.supplier_of(own).map_or("", SupplierId::as_str)),
            ),
        ]);
        if explained == Some(own)
            && let Some((number_of_trace, body)) = trace.take()
        {
            item.insert("trace".to_owned(), bytes(body));
            item.insert("trace_number".to_owned(), number(number_of_trace));
        }
        let ours = Condition::new(
            "attribute_not_exists(#pk) OR #order = :order",
            [(":order", text(order))],
        );
        writes.push(Write::put(key, item).only_if(ours, Meaning::Taken(own.clone())));
    }
    let by = reservations::ReservedBy::of(commit);
    let stock = reservations::writes(&commit.reservations, rows, &by).map_err(Unwritten::NotYet)?;
    writes.extend(stock);
    writes.extend(spending::writes(&commit.spending).map_err(Unwritten::SpendLimit)?);
    writes.extend(relisted(&commit.order, seen, after));
    let mut references: BTreeSet<Reference> = commit.references.iter().cloned().collect();
    if seen.received_at.is_none() {
        references.extend(after.references(&commit.order));
    }
    let hints = hints(&commit.order, after, &references);
    // What is found must never keep anything from being committed.
    let room = LARGEST_TRANSACTION.saturating_sub(writes.len());
    writes.extend(hints.take(room));
    Ok(writes)
}

fn number_in(reference: &Reference) -> Option<&PurchaseOrderNumber> {
    match reference {
        Reference::PurchaseOrder(number) => Some(number),
        Reference::Supplier { .. } | Reference::Channel { .. } => None,
    }
}

/// Items for the references that no attribute of the state has room for. Nothing refuses one: several
/// orders may have the same.
pub(super) fn hints<'a>(
    order: &'a OrderId,
    after: &'a Seen,
    references: impl IntoIterator<Item = &'a Reference>,
) -> impl Iterator<Item = Write> {
    let without = references
        .into_iter()
        .filter(|reference| !after.is_found_by(reference));
    without.map(|reference| {
        let key = hint_key(reference, order);
        let item = key.with([]);
        Write::put(key, item)
    })
}

/// That order may be known by it.
fn hint_key(reference: &Reference, order: &OrderId) -> Key {
    Key::orders(hint_partition(reference), order.to_string())
}

pub(super) fn hint_partition(reference: &Reference) -> String {
    format!("reference#{}#{}", reference.scope(), reference.key())
}

/// Batch entries that come and go.
pub(super) fn relisted(order: &OrderId, seen: &Seen, after: &Seen) -> Vec<Write> {
    let (before, now) = (
        batch_keys(seen.batches.as_ref()),
        batch_keys(after.batches.as_ref()),
    );
    let gone = before
        .iter()
        .filter(|key| !now.contains(key))
        .map(|key| Write::delete(key.clone()));
    let new = now.iter().filter(|key| !before.contains(key)).map(|key| {
        let item = key.with([("order", text(order.to_string()))]);
        Write::put(key.clone(), item)
    });
    gone.chain(new).collect()
}

pub(super) fn payload_key(order: &OrderId, number: u32) -> Key {
    Key::orders(order.to_string(), format!("payload#{number:04}"))
}

pub(super) fn trace_key(order: &OrderId, number: u32) -> Key {
    Key::orders(order.to_string(), format!("trace#{number:04}"))
}

pub(super) fn reference_key(number: &PurchaseOrderNumber) -> Key {
    Key::orders(format!("po#{number}"), "po")
}

/// The decision of that trace.
pub(super) fn decision(event: &Event, trace: u32) -> Option<&Routed> {
    if let Event::Routing(RoutingDecision::Routed(routed)) = event
        && routed.trace == trace
    {
        Some(routed)
    } else {
        None
    }
}

fn first_planned(commit: &Commit, trace: u32) -> Option<&PurchaseOrderNumber> {
    let mut events = commit.events.iter();
    let routed = events.find_map(|recorded| decision(&recorded.event, trace))?;
    let first = &routed.purchase_orders.first()?.number;
    let mut new = commit.references.iter().filter_map(number_in);
    new.any(|number| number == first).then_some(first)
}

/// Whether the stored reference is of that order and holds that trace.
pub(super) fn trace_in<'a>(item: &'a Item, order: &OrderId, trace: u32) -> Option<&'a [u8]> {
    let ours = text_of(item, "order") == Some(&order.to_string())
        && number_of::<u32>(item, "trace_number") == Some(trace);
    ours.then(|| super::item::bytes_of(item, "trace")).flatten()
}
