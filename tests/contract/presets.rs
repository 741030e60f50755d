//! The presets of `infra/config/presets`: each is right where a merchant copies it to. Whole ways of
//! them against doubles are in `suppliers`.

use http_client::Client;
use libtest_mimic::Trial;
use registry::Opening;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tests::opening::REGISTRY;

const SUPPLIERS: &str = "suppliers.toml";

fn configuration() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/config")
}

pub(crate) fn trials() -> Vec<Trial> {
    let presets = std::fs::read_dir(configuration().join("presets")).unwrap();
    let mut presets: Vec<PathBuf> = presets.map(|entry| entry.unwrap().path()).collect();
    presets.sort();
    assert!(!presets.is_empty(), "there are no presets");
    presets
        .into_iter()
        .map(|preset| {
            let name = preset.file_stem().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            tests::contract::trial("presets", &name.clone(), move || opens(&name, &preset))
        })
        .collect()
}

/// Below the suppliers of the example, under the name of its file.
fn opens(name: &str, preset: &Path) {
    let preset = std::fs::read_to_string(preset).unwrap();
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(configuration()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            files.insert(file, std::fs::read(path).unwrap());
        }
    }
    let suppliers = files.get_mut(SUPPLIERS).unwrap();
    suppliers.extend_from_slice(format!("\n{preset}").as_bytes());
    let loaded = configuration::load(&files).unwrap_or_else(|problems| panic!("{problems:?}"));
    let suppliers = loaded.settings.suppliers.values();
    let supplier = suppliers
        .into_iter()
        .find(|supplier| supplier.id.to_string() == name)
        .unwrap_or_else(|| panic!("the preset's supplier is not called {name}"));
    let entry = REGISTRY.supplier(&supplier.method).unwrap();
    let secrets = (entry.secrets)(&supplier.specific).all;
    let explained: Vec<&str> = preset
        .lines()
        .filter(|line| line.starts_with('#'))
        .collect();
    let explained = explained.join("\n");
    for secret in &secrets {
        assert!(explained.contains(secret), "nobody says what {secret} is");
    }
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().join("outbox");
    let store = Arc::new(embedded::Embedded::in_memory(&outbox).unwrap());
    let hosts = (entry.hosts)(&supplier.specific).names;
    let opened = (entry.open)(Opening {
        id: supplier.id.as_str(),
        settings: &supplier.specific,
        sender: "orders@acme.example",
        http: Arc::new(Client::new(hosts, false).unwrap()),
        files: store.clone(),
        mailer: Arc::new(embedded::OutboxMailer { files: store }),
        secrets: secrets
            .into_iter()
            .map(|name| (name, SecretString::from("secret".to_owned())))
            .collect(),
        webhook_secrets: Vec::new(),
        tried_before: false,
    });
    opened.map(drop).unwrap();
}
