//! Who may read the data folder: modes of what is made, and of what was there.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use embedded::{DirectoryLock, Embedded, FileGroup, GroupError};
use ports::{Area, Files as _};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Of everything below the folder, by path; the folder itself has none.
fn modes(folder: &Path) -> BTreeMap<String, u32> {
    let mut modes = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = path.symlink_metadata().unwrap();
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        modes.insert(name, metadata.mode() & 0o7777);
        if metadata.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    modes
}

async fn fill(store: &Embedded) {
    for (area, key) in [
        (Area::Evidence, "answer/SH-1001-1-Q"),
        (Area::Outbox, "mail/SH-1001-1-Q.eml"),
        (Area::Outbox, "quay/2026-11-20.csv"),
    ] {
        store.put_new(area, key, b"Ada Example").await.unwrap();
    }
}

/// One that the process may give files to: for root any, else its last.
fn group() -> (String, u32) {
    let id = |words: &str| {
        let output = Command::new("id").args(words.split(' ')).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let groups = id("-Gn");
    let last = groups.split(' ').next_back().unwrap();
    let name = if id("-u") == "0" { "daemon" } else { last };
    let entry = Command::new("getent")
        .args(["group", name])
        .output()
        .unwrap();
    let entry = String::from_utf8(entry.stdout).unwrap();
    let number = entry.split(':').nth(2).unwrap().parse().unwrap();
    (name.to_owned(), number)
}

#[tokio::test]
async fn what_is_made_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("below/data");
    let _lock = DirectoryLock::acquire(&data).unwrap();
    let store = Embedded::open(&data).unwrap();
    fill(&store).await;
    let modes = modes(&data);
    for name in ["", "outbox", "outbox/mail", "outbox/quay", ".staging"] {
        assert_eq!(modes[name], 0o700, "{name:?} of {modes:?}");
    }
    for name in [
        "waybill.db",
        "waybill.db-wal",
        "waybill.db-shm",
        "waybill.lock",
        "mark",
        "outbox/.mark",
        "outbox/mail/SH-1001-1-Q.eml",
        "outbox/quay/2026-11-20.csv",
    ] {
        assert_eq!(modes[name], 0o600, "{name}");
    }
    assert_eq!(modes.len(), 13, "{modes:?}");
}

#[tokio::test]
async fn what_was_open_to_others_is_narrowed_and_links_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
    fs::write(&elsewhere, "not ours").unwrap();
    chmod(&elsewhere, 0o644);
    let store = Embedded::open(&data).unwrap();
    fill(&store).await;
    symlink(&elsewhere, data.join("link")).unwrap();
    for (name, mode) in modes(&data) {
        if name != "link" {
            let is_folder = data.join(&name).is_dir();
            chmod(
                &data.join(&name),
                mode | if is_folder { 0o055 } else { 0o044 },
            );
        }
    }
    drop(store);
    // The database, as soon as it is opened, by whatever command.
    let store = Embedded::open(&data).unwrap();
    assert_eq!(modes(&data)["waybill.db"], 0o600);
    assert_eq!(modes(&data)["outbox/mail/SH-1001-1-Q.eml"], 0o644);

    let restricted = store.restrict(&data, None);
    assert_eq!(restricted.changed, 9, "{restricted:?}");
    assert!(restricted.example.is_some() && restricted.failed.is_empty());
    for (name, mode) in modes(&data) {
        assert!(name == "link" || mode & !0o700 == 0, "{name}: {mode:o}");
    }
    assert_eq!(elsewhere.symlink_metadata().unwrap().mode() & 0o777, 0o644);
    assert_eq!(store.restrict(&data, None).changed, 0, "the second time");
}

#[tokio::test]
async fn a_group_reads_the_outbox_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store = Embedded::open(&data).unwrap();
    fill(&store).await;
    let (name, number) = group();
    let group = FileGroup::named(&name).unwrap();
    let restricted = store.restrict(&data, Some(group));
    assert_eq!((restricted.changed, &restricted.failed[..]), (0, &[][..]));
    // What is published from now on, in a folder that was there and in a new one.
    for key in ["quay/2026-11-21.csv", "dock/deep/one.csv"] {
        store.put_new(Area::Outbox, key, b"rows").await.unwrap();
    }
    let modes = modes(&data);
    assert_eq!(modes[""], 0o710);
    for name in ["outbox", "outbox/quay", "outbox/dock", "outbox/dock/deep"] {
        assert_eq!(modes[name], 0o2770, "{name}");
    }
    for name in [
        "outbox/quay/2026-11-20.csv",
        "outbox/quay/2026-11-21.csv",
        "outbox/dock/deep/one.csv",
    ] {
        assert_eq!(modes[name], 0o640, "{name}");
    }
    for (name, mode) in &modes {
        let owner = data.join(name).symlink_metadata().unwrap().gid();
        let is_shared = name.starts_with("outbox");
        assert_eq!(is_shared || name.is_empty(), mode & 0o070 != 0, "{name}");
        assert!(!is_shared || owner == number, "{name} belongs to {owner}");
        assert_eq!(mode & 0o007, 0, "{name}");
    }
    // Named no more.
    assert!(store.restrict(&data, None).changed > 0);
    for (name, mode) in self::modes(&data) {
        assert_eq!(mode & !0o700, 0, "{name}: {mode:o}");
    }
}

#[test]
fn a_group_that_is_none_is_refused() {
    let unknown = FileGroup::named("no-such-group-here");
    assert!(matches!(unknown, Err(GroupError::Unknown(name)) if name == "no-such-group-here"));
}
