//! Copies that take the place of the data, in every way that shows, and damage while it is worked on.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use domain::cases::CaseKind;
use embedded::{BackupError, Damage, Embedded, OpenError, Restored};
use jiff::Timestamp;
use ports::{Area, Files as _, Incident, IncidentStore as _, OrderStore as _, Provenance};
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// So many groups of writes.
async fn write(store: &Embedded, causes: std::ops::Range<u32>) {
    for cause in causes {
        let incident = Incident {
            kind: CaseKind::DeadLetter,
            cause: cause.to_string(),
            detail: String::new(),
            opened_at: at(1),
        };
        assert!(store.open_incident(&incident).await.unwrap());
    }
}

fn found(data: &Path) -> Option<Restored> {
    match Embedded::open(data) {
        Ok(_) => None,
        Err(OpenError::Restored(restored)) => Some(restored),
        Err(error) => panic!("{error}"),
    }
}

/// A folder that a server left as it should, and the main file as it was five groups before.
async fn with_an_older_file() -> (TempDir, PathBuf) {
    let data = tempfile::tempdir().unwrap();
    let store = Embedded::open(data.path()).unwrap();
    write(&store, 0..5).await;
    store.end_serving().await.unwrap();
    let older = data.path().join("older");
    fs::copy(data.path().join("waybill.db"), &older).unwrap();
    write(&store, 5..10).await;
    store.end_serving().await.unwrap();
    (data, older)
}

/// The file alone, without any log.
fn put(file: &Path, data: &Path) {
    for old in ["waybill.db", "waybill.db-wal", "waybill.db-shm"] {
        drop(fs::remove_file(data.join(old)));
    }
    fs::copy(file, data.join("waybill.db")).unwrap();
}

#[tokio::test]
async fn what_nobody_restored_is_opened() {
    let (data, older) = with_an_older_file().await;
    assert_eq!(found(data.path()), None);
    // A server that ended leaves everything in the main file.
    let current = data.path().join("current");
    fs::copy(data.path().join("waybill.db"), &current).unwrap();
    put(&current, data.path());
    assert_eq!(found(data.path()), None);
    // Marks that lag.
    for mark in ["mark", "outbox/.mark"] {
        let path = data.path().join(mark);
        let text = fs::read_to_string(&path).unwrap();
        let (installation, _) = text.split_once(' ').unwrap();
        fs::write(&path, format!("{installation} {:020}\n", 1)).unwrap();
    }
    assert_eq!(found(data.path()), None);
    drop(older);
}

#[tokio::test]
async fn an_older_file_shows_by_either_mark() {
    for lost in [None, Some("mark"), Some("outbox/.mark")] {
        let (data, older) = with_an_older_file().await;
        put(&older, data.path());
        if let Some(lost) = lost {
            fs::remove_file(data.path().join(lost)).unwrap();
        }
        let found = found(data.path());
        assert!(
            matches!(found, Some(Restored::Behind { database, mark }) if mark >= database + 5),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_file_from_elsewhere_and_no_file_show() {
    let (data, older) = with_an_older_file().await;
    let (other, _) = with_an_older_file().await;
    put(&older, other.path());
    assert_eq!(found(other.path()), Some(Restored::AnotherInstallation));

    let alone = tempfile::tempdir().unwrap();
    put(&older, alone.path());
    assert_eq!(found(alone.path()), Some(Restored::NoMark));

    for keep in ["mark", "outbox"] {
        let folder = tempfile::tempdir().unwrap();
        if keep == "mark" {
            fs::copy(data.path().join("mark"), folder.path().join("mark")).unwrap();
        } else {
            fs::create_dir(folder.path().join("outbox")).unwrap();
            fs::write(folder.path().join("outbox/one.csv"), "").unwrap();
        }
        assert_eq!(found(folder.path()), Some(Restored::NoDatabase), "{keep}");
        assert!(!folder.path().join("waybill.db").exists());
    }
}

#[tokio::test]
async fn a_lost_log_shows_and_a_killed_server_keeps_it() {
    let data = tempfile::tempdir().unwrap();
    let store = Embedded::open(data.path()).unwrap();
    store.begin_serving().await.unwrap();
    write(&store, 0..3).await;
    let alone = tempfile::tempdir().unwrap();
    put(&data.path().join("waybill.db"), alone.path());
    assert_eq!(found(alone.path()), Some(Restored::WalLost));
    assert!(!alone.path().join("waybill.db-wal").exists(), "it made one");
    // Killed: nobody ends it. Whoever looks then must not take the log away.
    drop(store);
    for _ in 0..2 {
        assert_eq!(found(data.path()), None);
    }
    assert!(data.path().join("waybill.db-wal").exists());
}

#[tokio::test]
async fn a_backup_is_whole_private_and_says_that_it_is_one() {
    let data = tempfile::tempdir().unwrap();
    let store = Embedded::open(data.path()).unwrap();
    store.begin_serving().await.unwrap();
    write(&store, 0..20).await;
    let copy = data.path().join("copy.db");
    let (copied, ()) = tokio::join!(store.back_up(&copy), write(&store, 20..60));
    copied.unwrap();
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let again = store.back_up(&copy).await;
    assert!(matches!(again, Err(BackupError::AlreadyThere)));
    let beside = fs::read_dir(data.path()).unwrap().flatten();
    let beside = beside.filter(|entry| entry.file_name().to_string_lossy().contains("copy"));
    assert_eq!(beside.count(), 1, "one file");

    let other = tempfile::tempdir().unwrap();
    put(&copy, other.path());
    assert_eq!(found(other.path()), Some(Restored::Copy));
    let restored = Embedded::open_restored(other.path(), at(100)).unwrap();
    assert!(restored.incidents().await.unwrap().len() >= 20);
    restored.check_pages().await.unwrap();
    assert_eq!(restored.damage(), []);
}

#[tokio::test]
async fn what_is_taken_for_current_is_so_from_then_on() {
    let (data, older) = with_an_older_file().await;
    put(&older, data.path());
    let former = fs::read(data.path().join("mark")).unwrap();
    let store = Embedded::open_restored(data.path(), at(100)).unwrap();
    let restored_at = |second| Provenance::Known {
        restored_at: Some(at(second)),
    };
    assert_eq!(store.provenance().await.unwrap(), restored_at(100));
    drop(store);
    assert_eq!(found(data.path()), None);
    // Broken off before the marks: refused until somebody says so again.
    fs::write(data.path().join("mark"), &former).unwrap();
    assert_eq!(found(data.path()), Some(Restored::AnotherInstallation));
    // A clock that went back takes nothing out of doubt.
    let store = Embedded::open_restored(data.path(), at(50)).unwrap();
    assert_eq!(store.provenance().await.unwrap(), restored_at(100));
}

/// A row that the copy holds says nothing of a file: put again, it is there again.
#[tokio::test]
async fn no_file_counts_as_put_after_a_restore() {
    let data = tempfile::tempdir().unwrap();
    let store = Embedded::open(data.path()).unwrap();
    store
        .put_new(Area::Outbox, "acme/one", b"first")
        .await
        .unwrap();
    let copy = data.path().join("copy.db");
    store.back_up(&copy).await.unwrap();
    drop(store);
    let other = tempfile::tempdir().unwrap();
    put(&copy, other.path());
    let store = Embedded::open_restored(other.path(), at(100)).unwrap();
    assert!(!store.was_published("acme/one").await.unwrap());
    store
        .put_new(Area::Outbox, "acme/one", b"first")
        .await
        .unwrap();
    assert!(other.path().join("outbox/acme/one").exists());
}

#[tokio::test]
async fn a_group_that_writes_is_counted_and_one_that_does_not_is_none() {
    let data = tempfile::tempdir().unwrap();
    let store = Embedded::open(data.path()).unwrap();
    let count = || {
        let text = fs::read_to_string(data.path().join("mark")).unwrap();
        text.trim()
            .rsplit_once(' ')
            .unwrap()
            .1
            .parse::<u64>()
            .unwrap()
    };
    let before = count();
    write(&store, 0..3).await;
    assert_eq!(count(), before + 3);
    // Nothing is there to be released.
    store.release_leases().await.unwrap();
    assert_eq!(count(), before + 3);
    let outbox = fs::read(data.path().join("outbox/.mark")).unwrap();
    assert_eq!(outbox, fs::read(data.path().join("mark")).unwrap());
}

#[tokio::test]
async fn damaged_pages_show() {
    let (data, _) = with_an_older_file().await;
    let store = Embedded::open(data.path()).unwrap();
    store.check_pages().await.unwrap();
    assert_eq!(store.damage(), []);
    let file = data.path().join("waybill.db");
    let mut raw = fs::OpenOptions::new().write(true).open(file).unwrap();
    let end = raw.metadata().unwrap().len();
    // Not the first pages, which say what the file is.
    raw.seek(SeekFrom::Start(end / 2)).unwrap();
    raw.write_all(&vec![0xa5; usize::try_from(end / 2).unwrap()])
        .unwrap();
    store.check_pages().await.unwrap();
    assert_eq!(store.damage(), [Damage::Malformed]);
}

#[tokio::test]
async fn a_folder_that_was_moved_or_replaced_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
    fs::create_dir(&data).unwrap();
    let store = Embedded::open(&data).unwrap();
    assert_eq!(store.damage(), []);
    fs::rename(&data, &elsewhere).unwrap();
    let moved = Damage::Moved(data.join("waybill.db"));
    assert_eq!(store.damage(), std::slice::from_ref(&moved));
    fs::create_dir(&data).unwrap();
    fs::copy(elsewhere.join("waybill.db"), data.join("waybill.db")).unwrap();
    assert_eq!(store.damage(), [moved]);
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&elsewhere, &data).unwrap();
    assert_eq!(store.damage(), []);
}

/// The log of a killed server does not go with the copy that takes the place of its database: opened
/// together they would look current.
#[tokio::test]
async fn a_copy_beside_the_log_of_another_is_a_copy() {
    let data = tempfile::tempdir().unwrap();
    let store = Embedded::open(data.path()).unwrap();
    write(&store, 0..5).await;
    store.begin_serving().await.unwrap();
    let copy = data.path().join("copy.db");
    store.back_up(&copy).await.unwrap();
    write(&store, 5..10).await;
    // The log as a server that is killed leaves it.
    let wal = data.path().join("waybill.db-wal");
    let left = fs::read(&wal).unwrap();
    assert!(!left.is_empty());
    drop(store);
    fs::copy(&copy, data.path().join("waybill.db")).unwrap();
    fs::write(&wal, &left).unwrap();
    assert_eq!(found(data.path()), Some(Restored::Copy));
    assert_eq!(fs::read(&wal).unwrap(), left, "nothing was written");
    let store = Embedded::open_restored(data.path(), at(100)).unwrap();
    assert_eq!(store.incidents().await.unwrap().len(), 5);
    write(&store, 10..12).await;
    store.begin_serving().await.unwrap();
    write(&store, 12..13).await;
    drop(store);
    // From then on it is no copy, whatever its log has.
    assert_eq!(found(data.path()), None);
    let store = Embedded::open(data.path()).unwrap();
    assert_eq!(store.incidents().await.unwrap().len(), 8);
}

/// Whoever may write into the outbox must not decide which file a mark is written to.
#[tokio::test]
async fn a_link_in_the_place_of_a_mark_is_not_followed() {
    let data = tempfile::tempdir().unwrap();
    drop(Embedded::open(data.path()).unwrap());
    let (mark, victim) = (data.path().join("outbox/.mark"), data.path().join("victim"));
    fs::write(&victim, "precious").unwrap();
    fs::remove_file(&mark).unwrap();
    std::os::unix::fs::symlink("../victim", &mark).unwrap();
    let store = Embedded::open(data.path()).unwrap();
    write(&store, 0..2).await;
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::symlink_metadata(&mark).unwrap().is_file());
    drop(store);
    // One that cannot be opened lags.
    fs::remove_file(&mark).unwrap();
    fs::create_dir(&mark).unwrap();
    write(&Embedded::open(data.path()).unwrap(), 2..3).await;
}
