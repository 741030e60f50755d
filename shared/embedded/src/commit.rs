//! One commit to one order, inside a savepoint of its own: what fails undoes the whole of it.

use crate::columns::to_json;
use crate::database::Broken;
use crate::index::owner;
use domain::commit::{Change, Commit, ReservationChange};
use domain::digest::Digest;
use domain::ids::SupplierId;
use domain::order::Reference;
use domain::order::index::Index;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::spending::SpendingChange;
use jiff::Timestamp;
use ports::CommitError;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// What undoes a commit.
pub(crate) enum Failure {
    Refused(CommitError),
    Broken(Broken),
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Broken(broken) => broken.into(),
        }
    }
}

pub(crate) fn apply(connection: &Connection, commit: &Commit) -> Result<(), Failure> {
    let order = commit.order.to_string();
    let Known { version, is_listed } = known(connection, &order)?;
    if version != number_of(commit.expected_version) {
        return Err(Failure::Refused(CommitError::Stale));
    }
    let mut insert = connection
        .prepare_cached("INSERT INTO events (order_id, sequence, body) VALUES (?1, ?2, ?3)")?;
    let mut sequence = version;
    for recorded in &commit.events {
        sequence += 1;
        insert.execute(params![order, sequence, to_json(recorded)?])?;
    }
    let received_at = commit.events.first().map(|recorded| recorded.at);
    let received_at = received_at.unwrap_or_default();
    index(
        connection,
        &order,
        sequence,
        received_at,
        &commit.index,
        is_listed,
    )?;
    for reference in &commit.references {
        match reference {
            Reference::PurchaseOrder(number) => {
                let supplier = commit.supplier_of(number).map_or("", SupplierId::as_str);
                claim(connection, &order, number, supplier)?;
            }
            Reference::Supplier { .. } | Reference::Channel { .. } => {
                refer(connection, &order, reference)?;
            }
        }
    }
    for change in &commit.reservations {
        reserve(connection, change)?;
    }
    for change in &commit.spending {
        spend(connection, change)?;
    }
    if let Some((number, payload)) = &commit.payload {
        put_item(connection, "payloads", &order, *number, &to_json(payload)?)?;
    }
    if let Some((number, trace)) = &commit.trace {
        put_item(connection, "traces", &order, *number, &to_json(trace)?)?;
    }
    Ok(())
}

/// What the indexes say of an order.
#[derive(Default)]
struct Known {
    version: i64,
    /// Whether it is in the index of cases or in one of batches.
    is_listed: bool,
}

fn known(connection: &Connection, order: &str) -> rusqlite::Result<Known> {
    let sql = "SELECT version, EXISTS (SELECT 1 FROM cases WHERE order_id = ?1)
                   OR EXISTS (SELECT 1 FROM batch_entries WHERE order_id = ?1)
               FROM orders WHERE id = ?1";
    let known = connection
        .prepare_cached(sql)?
        .query_row([order], |row| {
            Ok(Known {
                version: row.get(0)?,
                is_listed: row.get(1)?,
            })
        })
        .optional()?;
    Ok(known.unwrap_or_default())
}

/// Whether it may be refused when something is changed already.
pub(crate) fn may_be_refused_late(commit: &Commit) -> bool {
    let reserves = |change: &ReservationChange| matches!(change.change, Change::Reserve(_));
    let limited = commit.spending.iter().any(|change| change.limit.is_some());
    let unique = |reference: &Reference| matches!(reference, Reference::PurchaseOrder(_));
    commit.references.iter().any(unique) || commit.reservations.iter().any(reserves) || limited
}

fn index(
    connection: &Connection,
    order: &str,
    version: i64,
    received_at: Timestamp,
    index: &Index,
    was_listed: bool,
) -> Result<(), Failure> {
    let sql = "INSERT INTO orders (id, version, due, configuration, received_at)
               VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (id) DO UPDATE SET
                   version = excluded.version, due = excluded.due,
                   configuration = coalesce(excluded.configuration, configuration)";
    let row = params![
        order,
        version,
        index.due.map(not_before),
        configuration(index),
        received_at.as_microsecond()
    ];
    connection.prepare_cached(sql)?.execute(row)?;
    if was_listed {
        unlist(connection, order)?;
    }
    list(connection, order, index)?;
    Ok(set_open(connection, order, &index.open)?)
}

/// When the order is woken again and what of it needs a person, where it still has that version.
pub(crate) fn postpone(
    connection: &Connection,
    order: &str,
    version: Option<i64>,
    index: &Index,
) -> Result<(), Broken> {
    let sql = "UPDATE orders SET due = ?3, configuration = coalesce(?4, configuration)
               WHERE id = ?1 AND version = ifnull(?2, version)";
    let row = params![
        order,
        version,
        index.due.map(not_before),
        configuration(index)
    ];
    if connection.prepare_cached(sql)?.execute(row)? == 1 {
        unlist(connection, order)?;
        list(connection, order, index)?;
        set_open(connection, order, &index.open)?;
    }
    Ok(())
}

fn configuration(index: &Index) -> Option<&str> {
    index.configuration.as_ref().map(Digest::as_str)
}

fn unlist(connection: &Connection, order: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM cases WHERE order_id = ?1")?
        .execute([order])?;
    connection
        .prepare_cached("DELETE FROM batch_entries WHERE order_id = ?1")?
        .execute([order])
        .map(drop)
}

fn list(connection: &Connection, order: &str, index: &Index) -> Result<(), Broken> {
    for entry in &index.batches {
        let sql = "INSERT INTO batch_entries (order_id, supplier, cut_off, purchase_order)
                   VALUES (?1, ?2, ?3, ?4)";
        connection.prepare_cached(sql)?.execute(params![
            order,
            entry.supplier.as_str(),
            entry.cut_off.as_microsecond(),
            entry.purchase_order.as_str()
        ])?;
    }
    for (number, entry) in (1_i64..).zip(&index.cases) {
        put_item(connection, "cases", order, number, &to_json(entry)?)?;
    }
    Ok(())
}

/// Most commits change nothing of it, and write nothing.
pub(crate) fn set_open(
    connection: &Connection,
    order: &str,
    open: &BTreeSet<SupplierId>,
) -> rusqlite::Result<()> {
    let known: BTreeSet<String> = connection
        .prepare_cached("SELECT supplier FROM open_suppliers WHERE order_id = ?1")?
        .query_map([order], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for gone in known
        .iter()
        .filter(|known| !open.iter().any(|open| open.as_str() == *known))
    {
        let sql = "DELETE FROM open_suppliers WHERE order_id = ?1 AND supplier = ?2";
        connection
            .prepare_cached(sql)?
            .execute([order, gone.as_str()])?;
    }
    for new in open.iter().filter(|open| !known.contains(open.as_str())) {
        let sql = "INSERT INTO open_suppliers (order_id, supplier) VALUES (?1, ?2)";
        connection
            .prepare_cached(sql)?
            .execute([order, new.as_str()])?;
    }
    Ok(())
}

/// That the order may be known by it; several may.
pub(crate) fn refer(
    connection: &Connection,
    order: &str,
    reference: &Reference,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO order_references (scope, value, order_id) VALUES (?1, ?2, ?3)
               ON CONFLICT DO NOTHING";
    connection
        .prepare_cached(sql)?
        .execute([&reference.scope(), &reference.key(), order])
        .map(drop)
}

fn put_item(
    connection: &Connection,
    table: &str,
    order: &str,
    number: impl Into<i64>,
    body: &str,
) -> rusqlite::Result<()> {
    let sql = format!("INSERT INTO {table} (order_id, number, body) VALUES (?1, ?2, ?3)");
    connection
        .prepare_cached(&sql)?
        .execute(params![order, number.into(), body])
        .map(drop)
}

fn claim(
    connection: &Connection,
    order: &str,
    number: &PurchaseOrderNumber,
    supplier: &str,
) -> Result<(), Failure> {
    let sql = "INSERT INTO reference_numbers (number, order_id, supplier) VALUES (?1, ?2, ?3)
               ON CONFLICT DO NOTHING";
    let claimed = connection
        .prepare_cached(sql)?
        .execute([number.as_str(), order, supplier])?
        == 1;
    if claimed || owner(connection, number)?.as_deref() == Some(order) {
        Ok(())
    } else {
        Err(Failure::Refused(CommitError::Taken(number.clone())))
    }
}

fn reserve(connection: &Connection, change: &ReservationChange) -> Result<(), Failure> {
    let supplier = change.supplier.as_str();
    let sku = change.supplier_sku.as_str();
    match &change.change {
        Change::Reserve(quantity) => {
            let take = "UPDATE stock SET available = available - ?3
                        WHERE supplier = ?1 AND supplier_sku = ?2 AND available >= ?3";
            if connection
                .prepare_cached(take)?
                .execute(params![supplier, sku, quantity])?
                == 0
            {
                return Err(Failure::Refused(CommitError::ShortOf(
                    change.supplier_sku.clone(),
                )));
            }
            hold(connection, change, *quantity)?;
        }
        Change::ReserveAgain(quantity) => {
            let take = "UPDATE stock SET available = available - ?3
                        WHERE supplier = ?1 AND supplier_sku = ?2";
            let row = params![supplier, sku, quantity];
            connection.prepare_cached(take)?.execute(row)?;
            hold(connection, change, *quantity)?;
        }
        Change::GiveBack(quantity) => give_back(connection, change, *quantity)?,
        Change::SoldOut => {
            // What is reserved stays: those purchase orders were accepted before.
            let empty = "UPDATE stock SET stock = stock - available, available = 0
                         WHERE supplier = ?1 AND supplier_sku = ?2 AND available > 0";
            connection
                .prepare_cached(empty)?
                .execute(params![supplier, sku])?;
        }
        Change::Sent(at) => {
            let stamp = "UPDATE reservations SET sent_at = ?4
                         WHERE supplier = ?1 AND supplier_sku = ?2 AND purchase_order = ?3";
            let row = params![
                supplier,
                sku,
                change.purchase_order.as_str(),
                at.as_microsecond()
            ];
            connection.prepare_cached(stamp)?.execute(row)?;
        }
    }
    Ok(())
}

fn hold(
    connection: &Connection,
    change: &ReservationChange,
    quantity: u32,
) -> rusqlite::Result<()> {
    let hold = "INSERT INTO reservations (supplier, supplier_sku, purchase_order, quantity)
                VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, sent_at = NULL";
    let (supplier, sku) = (change.supplier.as_str(), change.supplier_sku.as_str());
    let row = params![supplier, sku, change.purchase_order.as_str(), quantity];
    connection.prepare_cached(hold)?.execute(row).map(drop)
}

/// As much of it as the reservation still holds: a newer feed may have accounted for it.
fn give_back(
    connection: &Connection,
    change: &ReservationChange,
    quantity: u32,
) -> Result<(), Failure> {
    let supplier = change.supplier.as_str();
    let sku = change.supplier_sku.as_str();
    let number = change.purchase_order.as_str();
    let key = params![supplier, sku, number];
    let held = "SELECT quantity FROM reservations
                WHERE supplier = ?1 AND supplier_sku = ?2 AND purchase_order = ?3";
    let held: Option<i64> = connection
        .prepare_cached(held)?
        .query_row(key, |row| row.get(0))
        .optional()?;
    let freed = held.unwrap_or(0).min(i64::from(quantity));
    if freed == 0 {
        return Ok(());
    }
    let less = "UPDATE reservations SET quantity = quantity - ?4
                WHERE supplier = ?1 AND supplier_sku = ?2 AND purchase_order = ?3";
    connection
        .prepare_cached(less)?
        .execute(params![supplier, sku, number, freed])?;
    let gone = "DELETE FROM reservations WHERE supplier = ?1 AND supplier_sku = ?2
                AND purchase_order = ?3 AND quantity = 0";
    connection.prepare_cached(gone)?.execute(key)?;
    let back =
        "UPDATE stock SET available = available + ?3 WHERE supplier = ?1 AND supplier_sku = ?2";
    connection
        .prepare_cached(back)?
        .execute(params![supplier, sku, freed])?;
    Ok(())
}

fn spend(connection: &Connection, change: &SpendingChange) -> Result<(), Failure> {
    let add = "INSERT INTO spending (supplier, day, currency, spent) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO UPDATE SET spent = spent + excluded.spent RETURNING spent";
    let spent: i64 = connection.prepare_cached(add)?.query_row(
        params![
            change.supplier.as_str(),
            change.day.to_string(),
            change.currency.to_string(),
            change.by
        ],
        |row| row.get(0),
    )?;
    if change.limit.is_some_and(|limit| spent > limit) {
        return Err(Failure::Refused(CommitError::SpendLimit(
            change.supplier.clone(),
        )));
    }
    Ok(())
}

pub(crate) fn number_of(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// Rounded up, so that no order is swept before it is due.
pub(crate) fn not_before(due: Timestamp) -> i64 {
    let microsecond = due.as_microsecond();
    match Timestamp::from_microsecond(microsecond) {
        Ok(rounded) if rounded < due => microsecond + 1,
        _ => microsecond,
    }
}
