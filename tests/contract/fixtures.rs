//! Folders of fixtures: each kind has one, and each belongs to a kind.

use libtest_mimic::Trial;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use registry::{ChannelEntry, SupplierEntry};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use tests::opening::REGISTRY;

/// What must be added before a kind can be tried, in words.
pub(crate) struct Missing(pub(crate) String);

pub(crate) fn folder(registry: &str, kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(registry)
        .join(kind)
}

/// The folders in a folder, each with its name.
pub(crate) fn folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, Missing> {
    let missing = |what: &dyn std::fmt::Display| Missing(format!("{}: {what}", folder.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| missing(&error))? {
        let path = entry.map_err(|error| missing(&error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !path.is_dir() {
            return Err(missing(&format!("{name} is no folder, so nobody reads it")));
        }
        found.push((name.into_owned(), path));
    }
    if found.is_empty() {
        return Err(missing(&"no fixture"));
    }
    found.sort();
    Ok(found)
}

pub(crate) fn text(path: &Path) -> Result<String, Missing> {
    std::fs::read_to_string(path).map_err(|error| Missing(format!("{}: {error}", path.display())))
}

/// `replace` stands in for a text that only the running test knows.
pub(crate) fn toml<T: DeserializeOwned>(
    path: &Path,
    replace: &[(&str, &str)],
) -> Result<T, Missing> {
    let mut text = text(path)?;
    for (from, to) in replace {
        text = text.replace(from, to);
    }
    toml::from_str(&text).map_err(|error| Missing(format!("{}: {error}", path.display())))
}

/// Runs a property, without a file that remembers what failed.
pub(crate) fn property<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    if let Err(error) = TestRunner::new(config).run(strategy, test) {
        panic!("{error}");
    }
}

static UNHEARD_OF: SupplierEntry = SupplierEntry::new("unheard-of", REGISTRY.suppliers[0].open);

/// About the folders themselves.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        crate::trial("fixtures", "every_folder_has_its_kind", || {
            let kinds = REGISTRY.channels.iter().map(|entry| entry.kind);
            owned("channels", &kinds.collect::<Vec<_>>());
            let methods = REGISTRY.suppliers.iter().map(|entry| entry.kind);
            owned("suppliers", &methods.collect::<Vec<_>>());
        }),
        crate::trial("fixtures", "a_kind_without_fixtures_fails", || {
            let entry = ChannelEntry::new("unheard-of", REGISTRY.channels[0].open);
            let missing = crate::channel::Kind::load(&entry).err().unwrap().0;
            assert!(missing.contains("channels/unheard-of"), "{missing}");
            let missing = crate::supplier::Fixture::load(&UNHEARD_OF).err().unwrap().0;
            assert!(missing.contains("suppliers/unheard-of"), "{missing}");
        }),
    ]
}

fn owned(registry: &str, kinds: &[&str]) {
    for entry in std::fs::read_dir(folder(registry, "")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            kinds.contains(&name.as_str()),
            "nobody reads tests/fixtures/{registry}/{name}"
        );
    }
}
