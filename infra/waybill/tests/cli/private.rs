//! Who may read the data folder of `serve`, whatever the umask is and whatever was there.

use crate::place::{CHANNELS, Place};
use crate::{DONE, NO};
use doubles::shop::ShopOrder;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

/// Of the folder and everything below, those that have one of the bits.
fn with_bits(folder: &Path, bits: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if mode(&path) & bits != 0 {
            found.push(path.clone());
        }
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
        }
    }
    found
}

fn log(place: &Place) -> String {
    std::fs::read_to_string(place.log_file()).unwrap()
}

/// The group that this process has anyway, by name.
fn own_group() -> String {
    let output = Command::new("id").arg("-gn").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_the_owner_reads_the_data_folder() {
    let mut place = Place::new().await;
    place.serve_after = Some("umask 0".to_owned());
    let data = place.folder.path().join("data");
    let open = data.join("evidence/earlier");
    std::fs::create_dir_all(data.join("evidence")).unwrap();
    std::fs::write(&open, "Ada Example").unwrap();
    for (path, mode) in [
        (&data, 0o755),
        (&data.join("evidence"), 0o755),
        (&open, 0o644),
    ] {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    place.serve().await;
    place.order(&ShopOrder::new(1001, &[("TOWEL", 1)])).await;
    place.until(&["order", "1001"], ": in the outbox\n").await;
    assert_eq!(with_bits(&data, 0o077), Vec::<PathBuf>::new());
    assert!(data.join("waybill.db-wal").is_file(), "it serves");
    assert_eq!(
        std::fs::read_dir(data.join("outbox/mail")).unwrap().count(),
        1
    );
    let log = log(&place);
    let said = "others could read files in the data folder, and cannot any more changed=3";
    assert!(log.contains(said), "{log}");
    // Commands beside it make nothing wider.
    place.says(DONE, &["orders"]);
    assert_eq!(place.terminate(), DONE);
    place.says(DONE, &["report"]);
    assert_eq!(with_bits(&data, 0o077), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_group_reads_the_outbox_from_one_second_to_the_next() {
    let mut place = Place::new().await;
    let data = place.folder.path().join("data");
    let with_group = |group: &str| {
        let table = format!("[merchant.files]\ngroup = \"{group}\"\n\n[[channel]]");
        CHANNELS.replace("[[channel]]", &table)
    };
    place.write("channels.toml", &with_group("no-such-group-here"));
    let refused = place.run(&["serve"]);
    assert_eq!(refused.code, NO);
    let why =
        "channels.toml:7: merchant.files.group: this machine has no group \"no-such-group-here\"";
    assert!(refused.err.contains(why), "{}", refused.err);
    let warned = place.says(DONE, &["check"]);
    assert!(warned.contains(why), "{warned}");

    place.write("channels.toml", CHANNELS);
    place.serve().await;
    place.order(&ShopOrder::new(1001, &[("TOWEL", 1)])).await;
    place.until(&["order", "1001"], ": in the outbox\n").await;
    assert_eq!(with_bits(&data, 0o077), Vec::<PathBuf>::new());
    place.write("channels.toml", &with_group(&own_group()));
    let mail = data.join("outbox/mail");
    until_mode(&data, 0o710).await;
    assert_eq!((mode(&data.join("outbox")), mode(&mail)), (0o2770, 0o2770));
    place.order(&ShopOrder::new(1002, &[("TOWEL", 1)])).await;
    place.until(&["order", "1002"], ": in the outbox\n").await;
    let files: Vec<_> = std::fs::read_dir(&mail).unwrap().collect();
    assert_eq!(files.len(), 2);
    for file in files {
        assert_eq!(mode(&file.unwrap().path()), 0o640);
    }
    assert_eq!(mode(&data.join("waybill.db")), 0o600);
    assert_eq!(with_bits(&data, 0o007), Vec::<PathBuf>::new());
    place.write("channels.toml", CHANNELS);
    until_mode(&data, 0o700).await;
    assert_eq!(with_bits(&data, 0o077), Vec::<PathBuf>::new());
    assert_eq!(place.terminate(), DONE);
}

/// The folder itself is changed last.
async fn until_mode(folder: &Path, wanted: u32) {
    for _ in 0..200 {
        if mode(folder) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} stays {:o}", folder.display(), mode(folder));
}
