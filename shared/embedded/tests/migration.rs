//! Form 1 and its migration end in the schema that a new database has.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use embedded::{DirectoryLock, Embedded, OpenError};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::Path;

fn put_baseline(data: &Path) {
    let connection = Connection::open(data.join("waybill.db")).unwrap();
    let sql = include_str!("../../../tests/fixtures/databases/form-1/database.sql");
    connection.execute_batch(sql).unwrap();
    let mark: String = connection
        .query_row(
            "SELECT id || printf(' %020d', commits) || char(10) FROM installation",
            [],
            |row| row.get(0),
        )
        .unwrap();
    std::fs::write(data.join("mark"), mark).unwrap();
}

/// Each with its statement, in which only white space and comments may differ.
fn schema(data: &Path) -> BTreeMap<String, String> {
    let connection = Connection::open(data.join("waybill.db")).unwrap();
    let sql = "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema";
    let mut statement = connection.prepare(sql).unwrap();
    let words = |sql: String| {
        let lines = sql
            .lines()
            .map(|line| line.split("--").next().unwrap().to_owned());
        let text = lines.collect::<Vec<_>>().join(" ");
        text.split_whitespace().collect::<String>()
    };
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, words(row.get(1)?))))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn form_1_and_its_migration_are_the_schema_of_form_2() {
    let (new, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(Embedded::open(new.path()).unwrap());
    put_baseline(old.path());
    let before = schema(old.path());
    assert!(embedded::is_of_older_form(old.path()));
    assert!(!embedded::is_of_older_form(&old.path().join("nothing")));
    let lock = DirectoryLock::acquire(old.path()).unwrap();
    drop(Embedded::open_to_serve(old.path(), &lock).unwrap());
    assert_ne!(before, schema(old.path()));
    assert_eq!(schema(old.path()), schema(new.path()));
    // Once it is migrated, everybody opens it.
    drop(Embedded::open(old.path()).unwrap());
}

#[test]
fn only_the_holder_of_the_lock_migrates() {
    let folder = tempfile::tempdir().unwrap();
    put_baseline(folder.path());
    for _ in 0..2 {
        let refused = Embedded::open(folder.path()).map(drop).unwrap_err();
        assert!(matches!(refused, OpenError::Older { found: 1, known: 2 }));
    }
    assert!(!folder.path().join("waybill.db.form-1").exists());
}

/// A copy that somebody restores is migrated, too, and still counts as a copy.
#[test]
fn a_copy_of_form_1_is_migrated_when_it_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    put_baseline(folder.path());
    let lock = DirectoryLock::acquire(folder.path()).unwrap();
    drop(Embedded::open_to_serve(folder.path(), &lock).unwrap());
    let restored = tempfile::tempdir().unwrap();
    let kept = folder.path().join("waybill.db.form-1");
    std::fs::copy(kept, restored.path().join("waybill.db")).unwrap();
    let lock = DirectoryLock::acquire(restored.path()).unwrap();
    let refused = Embedded::open_to_serve(restored.path(), &lock).map(drop);
    assert!(matches!(refused, Err(OpenError::Restored(_))));
    assert!(!restored.path().join("waybill.db.form-1").exists());
    let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    drop(Embedded::open_restored(restored.path(), now).unwrap());
    drop(Embedded::open(restored.path()).unwrap());
}

#[test]
fn a_migration_leaves_one_copy_however_often_it_is_broken_off() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&first, &second] {
        put_baseline(folder.path());
    }
    let lock = DirectoryLock::acquire(first.path()).unwrap();
    drop(Embedded::open_to_serve(first.path(), &lock).unwrap());
    // As a process leaves it that is killed after the copy was made.
    let kept = "waybill.db.form-1";
    std::fs::copy(first.path().join(kept), second.path().join(kept)).unwrap();
    let lock = DirectoryLock::acquire(second.path()).unwrap();
    drop(Embedded::open_to_serve(second.path(), &lock).unwrap());
    assert!(!second.path().join("waybill.db.form-1.2").exists());
    assert_eq!(schema(second.path()), schema(first.path()));
}

#[test]
fn a_migration_that_fails_leaves_no_copy() {
    let folder = tempfile::tempdir().unwrap();
    put_baseline(folder.path());
    let database = folder.path().join("waybill.db");
    let connection = Connection::open(database).unwrap();
    let in_the_way = "CREATE TABLE open_suppliers (x)";
    connection.execute_batch(in_the_way).unwrap();
    drop(connection);
    let before = schema(folder.path());
    let lock = DirectoryLock::acquire(folder.path()).unwrap();
    let failed = Embedded::open_to_serve(folder.path(), &lock).map(drop);
    assert!(matches!(failed, Err(OpenError::Migration(_))));
    assert_eq!(schema(folder.path()), before);
    assert!(!folder.path().join("waybill.db.form-1").exists());
}
