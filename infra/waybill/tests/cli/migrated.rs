//! A database of form 1, as the version that had it stored the orders of `demo`, in the hands of this
//! version.

use super::place::CHANNELS;
use super::{DONE, FAILED, NO, NOT_FOUND, Place};
use embedded::{DirectoryLock, Embedded};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn baseline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/databases/form-1")
}

/// Leaves the log where it is.
fn form_of(file: &Path) -> i64 {
    let only_read = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(file, only_read).unwrap();
    connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

/// Puts it there as its server left it.
fn put_baseline(place: &Place) -> PathBuf {
    let data = place.folder.path().join("data");
    std::fs::create_dir_all(data.join("outbox")).unwrap();
    let database = data.join("waybill.db");
    let connection = Connection::open(&database).unwrap();
    let sql = std::fs::read_to_string(baseline().join("database.sql")).unwrap();
    connection.execute_batch(&sql).unwrap();
    let wal = "PRAGMA journal_mode = WAL";
    connection.query_row(wal, [], |_| Ok(())).unwrap();
    let mark: String = connection
        .query_row(
            "SELECT id || printf(' %020d', commits) || char(10) FROM installation",
            [],
            |row| row.get(0),
        )
        .unwrap();
    std::fs::write(data.join("mark"), mark).unwrap();
    database
}

fn migrate(data: &Path) {
    let lock = DirectoryLock::acquire(data).unwrap();
    Embedded::open_to_serve(data, &lock).unwrap();
}

fn document(place: &Place, words: &[&str]) -> Value {
    let words = [words, &["--json"]].concat();
    serde_json::from_str(&place.says(DONE, &words)).unwrap()
}

fn by_id(mut orders: Value) -> Value {
    let orders = orders["orders"].as_array_mut().unwrap();
    orders.sort_by_key(|order| order["order"].as_str().unwrap().to_owned());
    json!(orders)
}

#[tokio::test]
async fn the_documents_are_what_the_older_version_printed() {
    let place = Place::new().await;
    let database = put_baseline(&place);
    let data = database.parent().unwrap();
    // Whoever only looks at it changes nothing, whether a server works on it or not.
    let before = std::fs::read(&database).unwrap();
    let refused = place.run(&["orders"]);
    assert_eq!(refused.code, FAILED);
    let what_to_do = "the database has form 1, and this version of Waybill works with form 2: stop the \
                      server that uses it and start `waybill serve`";
    assert!(refused.err.contains(what_to_do), "{}", refused.err);
    assert_eq!(std::fs::read(&database).unwrap(), before);

    migrate(data);
    let text = std::fs::read_to_string(baseline().join("documents.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let orders = document(&place, &["orders"]);
    assert_eq!(by_id(orders), by_id(expected["orders"].clone()));
    assert_eq!(document(&place, &["cases"]), expected["cases"]);
    assert_eq!(document(&place, &["report"]), expected["report"]);
    let every = expected["order"].as_array().unwrap();
    let references = |order: &Value| -> Vec<String> {
        let own = order["purchase_orders"].as_array().unwrap().iter();
        let references = own.flat_map(|own| own["references"].as_array().unwrap().clone());
        references
            .map(|reference| reference.as_str().unwrap().to_owned())
            .collect()
    };
    for order in every {
        let id = order["order"].as_str().unwrap();
        assert_eq!(&document(&place, &["order", id]), order);
        // By the shop's number, by our number, and by those of suppliers, of whom two may have one.
        let mut names = vec![order["number"].as_str().unwrap().to_owned()];
        let own = order["purchase_orders"].as_array().unwrap().iter();
        names.extend(own.map(|own| own["number"].as_str().unwrap().to_owned()));
        names.extend(references(order));
        for name in names {
            let several = every
                .iter()
                .filter(|other| references(other).contains(&name));
            if several.count() > 1 {
                let said = place.says(NOT_FOUND, &["order", &name]);
                assert!(
                    said.contains("is several orders; name one of them:"),
                    "{said}"
                );
                assert!(said.contains(id), "{said}");
            } else {
                assert_eq!(&document(&place, &["order", &name]), order, "{name}");
            }
        }
    }
    place.says(NOT_FOUND, &["order", "9007199254740992"]);

    let kept = data.join("waybill.db.form-1");
    assert_eq!(form_of(&kept), 1);
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Newest first, by page and by state.
#[tokio::test]
async fn orders_are_listed_by_page() {
    let place = Place::new().await;
    let database = put_baseline(&place);
    migrate(database.parent().unwrap());
    let all = document(&place, &["orders"]);
    assert_eq!(all["next"], Value::Null);
    let all = all["orders"].as_array().unwrap();
    assert_eq!(all[0]["number"], "1010");
    assert_eq!(all[9]["number"], "1001");
    for limit in ["1", "3", "4", "10", "11"] {
        for state in [None, Some("sent"), Some("in-the-outbox")] {
            let expected = all.iter().filter(|order| {
                state.is_none_or(|state| order["state"] == state.replace('-', " "))
            });
            let mut found = Vec::new();
            let mut next: Option<String> = None;
            loop {
                let mut words = vec!["orders", "--limit", limit];
                words.extend(state.iter().flat_map(|state| ["--state", state]));
                words.extend(next.iter().flat_map(|next| ["--after", next.as_str()]));
                let page = document(&place, &words);
                let rows = page["orders"].as_array().unwrap();
                assert!(rows.len() <= limit.parse().unwrap());
                found.extend(rows.clone());
                next = page["next"].as_str().map(str::to_owned);
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(
                found,
                expected.cloned().collect::<Vec<_>>(),
                "{limit} {state:?}"
            );
        }
    }
    assert_says!(
        place,
        "orders_by_page",
        place.says(DONE, &["orders", "--limit", "2"])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_migrates_and_keeps_every_copy() {
    let mut place = Place::new().await;
    let database = put_baseline(&place);
    let data = database.parent().unwrap().to_owned();
    std::fs::write(data.join("waybill.db.form-1"), "somebody's").unwrap();
    // Files that are refused.
    place.write("suppliers.toml", "[[supplier]]\nid = 1\n");
    place.says(NO, &["serve"]);
    assert_eq!(form_of(&database), 1);
    place.write("suppliers.toml", &place.suppliers);
    // A secret that is not there: the older version can still go on.
    let unset = CHANNELS.replace("WAYBILL_TEST_SECRET", "WAYBILL_TEST_NOT_SET");
    place.write("channels.toml", &unset);
    let refused = place.run(&["serve"]);
    assert_ne!(refused.code, DONE);
    assert_eq!(form_of(&database), 1, "{}", refused.err);
    place.write("channels.toml", CHANNELS);
    // No room for a copy.
    let before = std::fs::read(&database).unwrap();
    place.serve_after = Some("ulimit -f 100 && trap '' XFSZ".to_owned());
    let refused = place.run(&["serve"]);
    assert_eq!(refused.code, FAILED, "{}", refused.err);
    let why = "no copy of it can be kept beside it, so it was left as it is";
    assert!(refused.err.contains(why), "{}", refused.err);
    assert_eq!(std::fs::read(&database).unwrap(), before);
    assert!(!data.join("waybill.db.form-1.2").exists());

    place.serve_after = None;
    place.serve().await;
    place.until(&["order", "1001"], "number 1001").await;
    assert_eq!(place.terminate(), DONE);
    assert_eq!(form_of(&database), 2);
    assert_eq!(form_of(&data.join("waybill.db.form-1.2")), 1);
    let kept = std::fs::read(data.join("waybill.db.form-1")).unwrap();
    assert_eq!(kept, b"somebody's");
}

/// Killed at any moment, it is of form 1 or of form 2, and works on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_is_killed_was_made_or_not() {
    let text = std::fs::read_to_string(baseline().join("documents.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let mut forms = Vec::new();
    for turn in 0..12 {
        let place = Place::new().await;
        let database = put_baseline(&place);
        let mut server = place.command(&["serve"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(8 * turn));
        server.kill().unwrap();
        server.wait().unwrap();
        let form = form_of(&database);
        assert!(form == 1 || form == 2, "{form}");
        forms.push(form);
        migrate(database.parent().unwrap());
        let found = document(&place, &["orders"]);
        let ids = |orders: Value| {
            let orders = by_id(orders);
            let orders = orders.as_array().unwrap().iter();
            orders
                .map(|order| order["order"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(found), ids(expected["orders"].clone()));
        let order = document(&place, &["order", "1001"]);
        assert_eq!(order["number"], "1001");
    }
    println!("killed at forms {forms:?}");
}
