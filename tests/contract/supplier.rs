//! The promises of a supplier's method, tried with the settings and answers in
//! `tests/fixtures/suppliers/<method>`.

mod artifact;
mod handovers;
mod ports;
mod sent;

use self::ports::World;
use crate::fixtures::{self, Missing};
use ::ports::Supplier;
use domain::ids::SupplierId;
use domain::settings::SupplierSettings;
use libtest_mimic::Trial;
use secrecy::SecretString;
use sent::Answers;
use serde_json::{Value, json};
use std::sync::Arc;
use suppliers::{Entry, Opening, SettingsError};

/// Stands for the supplier's address in `settings.toml`.
const ADDRESS: &str = "127.0.0.1:4000";
const SECRET: &str = "the value that no artifact may hold";

/// A method with its fixtures.
pub(crate) struct Method {
    entry: &'static Entry,
    answers: Answers,
}

impl Method {
    pub(crate) fn load(method: &str) -> Result<Self, Missing> {
        let folder = fixtures::folder("suppliers", method);
        let answers = fixtures::toml(&folder.join("answers.toml"), &[])?;
        let _: Value = fixtures::toml(&folder.join("settings.toml"), &[])?;
        let entry = suppliers::entry(method)
            .ok_or_else(|| Missing(format!("there is no method {method}")))?;
        Ok(Self { entry, answers })
    }

    /// The settings, with the supplier at `address`.
    fn settings(&self, address: &str) -> Value {
        let path = fixtures::folder("suppliers", self.entry.method).join("settings.toml");
        fixtures::toml(&path, &[(ADDRESS, address)])
            .ok()
            .expect("the settings were read before")
    }

    /// Speaks HTTP, so that it must know what every kind of answer means.
    fn has_hosts(&self) -> bool {
        !(self.entry.hosts)(&self.settings(ADDRESS)).is_empty()
    }

    fn open(&self, world: &World) -> Box<dyn Supplier> {
        self.open_with(world, &self.settings(&world.address()), self.secrets())
            .unwrap()
    }

    fn secrets(&self) -> Vec<String> {
        (self.entry.secrets)(&self.settings(ADDRESS))
    }

    fn open_with(
        &self,
        world: &World,
        specific: &Value,
        secrets: Vec<String>,
    ) -> Result<Box<dyn Supplier>, SettingsError> {
        let id = SupplierId::parse("acme").unwrap();
        let settings = SupplierSettings::plain(id, self.entry.method, specific.clone());
        let secret = |name| (name, SecretString::from(SECRET.to_owned()));
        (self.entry.open)(Opening {
            settings: &settings,
            http: World::http((self.entry.hosts)(specific)),
            files: world.files(),
            mailer: world.mailer(),
            secrets: secrets.into_iter().map(secret).collect(),
        })
    }
}

type Promise = fn(&Method);

pub(crate) fn trials(entry: &'static Entry) -> Vec<Trial> {
    let method = match Method::load(entry.method) {
        Ok(method) => Arc::new(method),
        Err(Missing(what)) => {
            return vec![crate::trial(entry.method, "has_fixtures", move || {
                panic!("{what}");
            })];
        }
    };
    let promises: [(&str, Promise); 11] = [
        ("an_unknown_setting_is_named", unknown_setting),
        ("a_missing_secret_is_named", missing_secret),
        ("an_artifact_can_be_read", artifact::snapshot),
        ("an_artifact_repeats_its_bytes", artifact::repeats),
        ("an_artifact_holds_no_secret", artifact::no_secret),
        ("an_awkward_text_stays_a_text", artifact::awkward),
        ("a_long_order_is_whole", artifact::long),
        ("an_empty_order_is_survived", artifact::empty),
        ("any_order_is_survived", artifact::arbitrary),
        ("every_answer_is_described", sent::coverage),
        ("every_answer_becomes_its_class", sent::answers),
    ];
    let mut trials: Vec<Trial> = promises
        .into_iter()
        .map(|(name, promise)| {
            let method = Arc::clone(&method);
            crate::trial(entry.method, name, move || promise(&method))
        })
        .collect();
    let world = World::working();
    if method.open(&world).lookup().is_some() {
        trials.push(crate::trial(
            entry.method,
            "a_look_up_tells_what_is_there",
            move || sent::look_up(&method),
        ));
    }
    trials
}

/// In the settings and in each of their tables.
fn unknown_setting(method: &Method) {
    let world = World::working();
    let settings = method.settings(ADDRESS);
    let tables = settings.as_object().unwrap().iter();
    let tables = tables.filter(|(_, value)| value.is_object());
    let places = tables.map(|(key, _)| format!("/{key}"));
    for place in places.chain([String::new()]) {
        let mut changed = settings.clone();
        changed.pointer_mut(&place).unwrap()["no_such_setting"] = json!("x");
        let error = method
            .open_with(&world, &changed, method.secrets())
            .err()
            .unwrap_or_else(|| panic!("{place}/no_such_setting is let through"));
        assert!(error.to_string().contains("no_such_setting"), "{error}");
    }
}

fn missing_secret(method: &Method) {
    let world = World::working();
    for name in method.secrets() {
        let mut others = method.secrets();
        others.retain(|other| *other != name);
        let error = method
            .open_with(&world, &method.settings(ADDRESS), others)
            .err()
            .unwrap_or_else(|| panic!("opens without {name}"));
        assert!(error.to_string().contains(&name), "{error}");
    }
}
