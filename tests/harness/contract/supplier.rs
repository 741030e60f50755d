//! The promises of a supplier's method, tried with the settings and answers in each folder below
//! `tests/fixtures/suppliers/<method>`. What a supplier says it can do picks its trials.

mod answers;
mod artifact;
mod batch;
mod cancels;
mod handovers;
mod ports;
mod sent;
mod steps;
mod way;

use self::answers::{Answer, Answers};
use self::ports::World;
use crate::contract::Suite;
use crate::contract::fixtures::{self, Missing};
use ::ports::{Endpoint, Supplier};
use libtest_mimic::Trial;
use registry::{Opening, SettingsError, SupplierEntry};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Stands for the supplier's address in `settings.toml`.
const ADDRESS: &str = "127.0.0.1:4000";
const SECRET: &str = "the value that no artifact may hold";
/// The only step of who hands everything over at once.
const SEND: &str = "send";
const CANCEL: &str = "cancel";

/// One folder of a method.
pub(crate) struct Fixture {
    entry: &'static SupplierEntry,
    snapshots: PathBuf,
    name: String,
    folder: PathBuf,
    answers: Answers,
    places: Vec<Place>,
}

/// Where a hand-over can stand: before one of its steps, or before a request to take it back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    name: String,
    is_last: bool,
}

impl Place {
    fn is_cancel(&self) -> bool {
        self.name == CANCEL
    }

    fn of<'a>(&self, supplier: &'a dyn Supplier) -> &'a dyn Endpoint {
        if self.is_cancel() {
            supplier.cancels().unwrap()
        } else {
            supplier.orders()
        }
    }
}

impl Fixture {
    /// All of a method.
    pub(crate) fn load(suite: &Suite, entry: &'static SupplierEntry) -> Result<Vec<Self>, Missing> {
        let folder = suite.folder("suppliers", entry.kind);
        let mut loaded = Vec::new();
        for (name, folder) in fixtures::folders(&folder)? {
            let answers = folder.join("answers.toml");
            let answers = if answers.exists() {
                fixtures::toml(&answers, &[])?
            } else {
                Answers::default()
            };
            let _: Value = fixtures::toml(&folder.join("settings.toml"), &[])?;
            let mut fixture = Self {
                entry,
                snapshots: suite.snapshots.clone(),
                name,
                folder,
                answers,
                places: Vec::new(),
            };
            fixture.places = fixture.found_places();
            loaded.push(fixture);
        }
        Ok(loaded)
    }

    /// The settings, with the supplier at `address`.
    fn settings(&self, address: &str) -> Value {
        self.written("settings.toml", address)
    }

    fn written(&self, file: &str, address: &str) -> Value {
        fixtures::toml(&self.folder.join(file), &[(ADDRESS, address)])
            .unwrap_or_else(|Missing(what)| panic!("{what}"))
    }

    /// Speaks HTTP, so that it must know what every kind of answer means.
    fn has_hosts(&self) -> bool {
        !(self.entry.hosts)(&self.settings(ADDRESS)).names.is_empty()
    }

    fn found_places(&self) -> Vec<Place> {
        let only = [SEND.to_owned()];
        let steps = self.answers.steps.as_deref().unwrap_or(&only);
        let last = steps.len() - 1;
        let mut places: Vec<Place> = steps
            .iter()
            .enumerate()
            .map(|(at, name)| Place {
                name: name.clone(),
                is_last: at == last,
            })
            .collect();
        if self.open(&World::elsewhere()).cancels().is_some() {
            places.push(Place {
                name: CANCEL.to_owned(),
                is_last: true,
            });
        }
        places
    }

    fn answers_at(&self, place: &Place) -> impl Iterator<Item = &Answer> {
        let answers = self.answers.answer.iter();
        answers.filter(|answer| answer.is_of(place))
    }

    fn open(&self, world: &World) -> Box<dyn Supplier> {
        self.open_at(world, &world.address())
    }

    fn open_at(&self, world: &World, address: &str) -> Box<dyn Supplier> {
        self.open_with(world, &self.settings(address), self.secrets())
            .unwrap_or_else(|error| panic!("{}: {error}", self.folder.display()))
    }

    /// As the merchant might have it tomorrow.
    fn open_otherwise(&self, world: &World) -> Box<dyn Supplier> {
        let settings = self.written("other-settings.toml", ADDRESS);
        self.open_with(world, &settings, self.secrets()).unwrap()
    }

    fn secrets(&self) -> Vec<String> {
        (self.entry.secrets)(&self.settings(ADDRESS)).all
    }

    fn open_with(
        &self,
        world: &World,
        specific: &Value,
        secrets: Vec<String>,
    ) -> Result<Box<dyn Supplier>, SettingsError> {
        let secret = |name| (name, SecretString::from(SECRET.to_owned()));
        (self.entry.open)(Opening {
            id: "acme",
            settings: specific,
            sender: "orders@acme.example",
            http: World::http((self.entry.hosts)(specific).names),
            files: world.files(),
            mailer: world.mailer(),
            secrets: secrets.into_iter().map(secret).collect(),
            webhook_secrets: Vec::new(),
            tried_before: false,
        })
    }
}

type Promise = fn(&Fixture);

const EVERYONE: &[(&str, Promise)] = &[
    ("an_unknown_setting_is_named", unknown_setting),
    ("a_missing_secret_is_named", missing_secret),
    ("an_artifact_can_be_read", artifact::snapshot),
    ("an_artifact_repeats_its_bytes", artifact::repeats),
    ("an_artifact_holds_no_secret", artifact::no_secret),
    ("an_awkward_text_stays_a_text", artifact::awkward),
    ("a_long_order_is_whole", artifact::long),
    ("an_empty_order_is_survived", artifact::empty),
    ("any_order_is_survived", artifact::arbitrary),
    ("an_unknown_step_is_refused", steps::unknown),
];

const SENDS: &[(&str, Promise)] = &[
    ("every_answer_is_described", answers::coverage),
    ("every_answer_becomes_its_class", sent::answers),
    ("a_wait_is_told_and_kept", sent::waits),
];

const LOOKS_UP: &[(&str, Promise)] = &[("a_look_up_tells_what_is_there", sent::look_up)];

const STEPS: &[(&str, Promise)] = &[
    ("a_hand_over_goes_step_by_step", steps::in_order),
    ("a_doubt_is_settled_at_its_step", steps::doubts),
    ("an_artifact_is_for_its_step_only", steps::mixed),
];

const CANCELS: &[(&str, Promise)] = &[
    ("a_request_to_cancel_says_everything", cancels::said),
    ("a_request_to_cancel_goes_its_own_way", cancels::apart),
];

const BATCHES: &[(&str, Promise)] = &[
    ("a_batch_repeats_and_says_what_is_in_it", batch::assembled),
    (
        "a_batch_holds_nothing_of_other_settings",
        batch::other_settings,
    ),
    ("a_batch_is_finished_as_it_was_begun", batch::begun),
    ("an_order_of_a_batch_never_goes_alone", batch::alone),
];

fn promises(fixture: &Fixture) -> Vec<&'static [(&'static str, Promise)]> {
    let supplier = fixture.open(&World::elsewhere());
    let mut promises = vec![EVERYONE];
    let can = |can: bool, what| can.then_some(what);
    promises.extend(can(supplier.batches().is_none(), SENDS));
    promises.extend(can(supplier.batches().is_some(), BATCHES));
    promises.extend(can(supplier.orders().sender().lookup().is_some(), LOOKS_UP));
    promises.extend(can(supplier.cancels().is_some(), CANCELS));
    promises.extend(can(fixture.answers.steps.is_some(), STEPS));
    promises
}

pub(crate) fn trials(suite: &Suite, entry: &'static SupplierEntry) -> Vec<Trial> {
    let loaded = match Fixture::load(suite, entry) {
        Ok(loaded) => loaded,
        Err(Missing(what)) => {
            return vec![crate::contract::trial(
                entry.kind,
                "has_fixtures",
                move || {
                    panic!("{what}");
                },
            )];
        }
    };
    let trials = loaded.into_iter().flat_map(|fixture| {
        let kind = format!("{}::{}", entry.kind, fixture.name);
        let fixture = Arc::new(fixture);
        let promises = promises(&fixture).concat();
        promises.into_iter().map(move |(name, promise)| {
            let fixture = Arc::clone(&fixture);
            crate::contract::trial(&kind, name, move || promise(&fixture))
        })
    });
    trials.collect()
}

/// In the settings, in each of their tables and in each table of their lists.
fn unknown_setting(fixture: &Fixture) {
    let world = World::elsewhere();
    let settings = fixture.settings(ADDRESS);
    let mut places = vec![String::new()];
    for (key, value) in settings.as_object().unwrap() {
        let entries = value.as_array().into_iter().flatten().enumerate();
        let tables = entries.filter(|(_, entry)| entry.is_object());
        places.extend(tables.map(|(at, _)| format!("/{key}/{at}")));
        places.extend(value.is_object().then(|| format!("/{key}")));
    }
    for place in places {
        let mut changed = settings.clone();
        changed.pointer_mut(&place).unwrap()["no_such_setting"] = json!("x");
        let error = fixture
            .open_with(&world, &changed, fixture.secrets())
            .err()
            .unwrap_or_else(|| panic!("{place}/no_such_setting is let through"));
        assert!(error.to_string().contains("no_such_setting"), "{error}");
    }
}

fn missing_secret(fixture: &Fixture) {
    let world = World::elsewhere();
    for name in fixture.secrets() {
        let mut others = fixture.secrets();
        others.retain(|other| *other != name);
        let error = fixture
            .open_with(&world, &fixture.settings(ADDRESS), others)
            .err()
            .unwrap_or_else(|| panic!("opens without {name}"));
        assert!(error.to_string().contains(&name), "{error}");
    }
}
