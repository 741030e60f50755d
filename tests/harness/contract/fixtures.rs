//! Folders of fixtures: each kind has one, and each belongs to a kind.

use super::channel::Kind;
use super::supplier::Fixture;
use crate::contract::Suite;
use libtest_mimic::Trial;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use registry::{ChannelEntry, Registry, SupplierEntry};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// What must be added before a kind can be tried, in words.
pub(crate) struct Missing(pub(crate) String);

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

/// About the folders themselves.
pub(crate) fn trials(suite: &Suite) -> Vec<Trial> {
    let Registry {
        channels,
        suppliers,
    } = suite.registry;
    let folder = |registry| suite.folder(registry, "");
    let (of_channels, of_suppliers) = (folder("channels"), folder("suppliers"));
    let kinds = channels.iter().map(|entry| entry.kind);
    let mut trials = vec![owned("channels", of_channels, kinds.collect())];
    let methods = suppliers.iter().map(|entry| entry.kind);
    trials.push(owned("suppliers", of_suppliers, methods.collect()));
    trials.extend(missing(suite));
    trials
}

/// A kind without fixtures fails.
fn missing(suite: &Suite) -> Option<Trial> {
    let channel = ChannelEntry::new(UNHEARD_OF, suite.registry.channels.first()?.open);
    let supplier = SupplierEntry::new(UNHEARD_OF, suite.registry.suppliers.first()?.open);
    let channel = Kind::load(suite, &channel).err();
    let supplier = Fixture::load(suite, Box::leak(Box::new(supplier))).err();
    let name = "a_kind_without_fixtures_fails";
    Some(super::trial("fixtures", name, move || {
        let missing = |found: Option<Missing>| found.unwrap().0;
        assert!(missing(channel).contains("channels/unheard-of"));
        assert!(missing(supplier).contains("suppliers/unheard-of"));
    }))
}

const UNHEARD_OF: &str = "unheard-of";

/// Nobody's fixtures lie in the folder.
fn owned(registry: &str, folder: PathBuf, kinds: Vec<&'static str>) -> Trial {
    let name = format!("every_folder_of_{registry}_has_its_kind");
    super::trial("fixtures", &name, move || {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let known = kinds.contains(&name.as_str());
            assert!(known, "nobody reads {name} in {}", folder.display());
        }
    })
}
