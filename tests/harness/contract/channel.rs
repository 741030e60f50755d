//! The promises of a channel, tried on the requests in `tests/fixtures/channels/<kind>`.

mod believed;
mod mutated;
mod told;

use crate::contract::Suite;
use crate::contract::fixtures::{self, Missing};
use domain::order::news::{ChannelEvent, OrderSnapshot, Refund};
use libtest_mimic::Trial;
use ports::{BadSignature, Channel, Received, Webhook, WebhookRequest};
use registry::ChannelEntry;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `channel.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    secret: String,
    signature: String,
    believed_by: Vec<String>,
    settings: serde_json::Value,
    /// Absent where no secret is shared by two accounts.
    other_account: Option<serde_json::Value>,
    #[serde(default)]
    status: Vec<Status>,
    total: Total,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    request: String,
    pointer: String,
    paid: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Total {
    request: String,
    pointers: Vec<String>,
}

/// A channel that receives webhooks.
struct Opened(Box<dyn Channel>);

impl Opened {
    fn webhook(&self) -> &dyn Webhook {
        self.0.webhook().expect("its fixtures are webhooks")
    }

    fn verify_head(&self, head: &WebhookRequest) -> Result<(), BadSignature> {
        self.webhook().verify_head(head)
    }

    fn verify(&self, request: &WebhookRequest) -> Result<(), BadSignature> {
        self.webhook().verify(request)
    }

    fn parse(&self, request: &WebhookRequest) -> Result<Vec<ChannelEvent>, ports::ParseError> {
        self.webhook().read(request).map(Received::events)
    }
}

/// A kind with its fixtures.
pub(crate) struct Kind {
    entry: &'static str,
    snapshots: PathBuf,
    open: registry::Open<dyn Channel>,
    sheet: Sheet,
    requests: Vec<(String, WebhookRequest)>,
}

impl Kind {
    pub(crate) fn load(suite: &Suite, entry: &ChannelEntry) -> Result<Self, Missing> {
        let folder = suite.folder("channels", entry.kind);
        let sheet = fixtures::toml(&folder.join("channel.toml"), &[])?;
        let mut requests = Vec::new();
        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .map_err(|error| Missing(format!("{}: {error}", folder.display())))?
            .map(|file| file.expect("the folder can be read").path())
            .filter(|path| path.file_name().is_none_or(|name| name != "channel.toml"))
            .collect();
        names.sort();
        for body in names.iter().filter(|path| !is_headers(path)) {
            let headers = fixtures::text(&body.with_extension("headers"))?;
            let headers = headers.lines().map(|line| {
                let (name, value) = line.split_once(": ").expect("a header is `name: value`");
                (name.to_owned(), value.to_owned())
            });
            let name = body.file_stem().unwrap_or_default().to_string_lossy();
            requests.push((
                name.into_owned(),
                WebhookRequest::post(
                    headers.collect(),
                    std::fs::read(body).expect("a body can be read"),
                ),
            ));
        }
        if requests.is_empty() {
            return Err(Missing(format!("{}: no request", folder.display())));
        }
        Ok(Self {
            entry: entry.kind,
            snapshots: suite.snapshots.clone(),
            open: entry.open,
            sheet,
            requests,
        })
    }

    fn with(&self, specific: &serde_json::Value, secrets: &[&str]) -> Opened {
        Opened((self.open)(crate::opening::channel(specific, secrets)).unwrap())
    }

    fn channel(&self) -> Opened {
        self.with(&self.sheet.settings, &[&self.sheet.secret])
    }

    fn request(&self, name: &str) -> &WebhookRequest {
        let found = self.requests.iter().find(|(known, _)| known == name);
        &found
            .unwrap_or_else(|| panic!("there is no request {name}"))
            .1
    }

    /// What the request of that name tells when its body is another.
    fn told(&self, name: &str, body: Vec<u8>) -> Result<Vec<ChannelEvent>, ports::ParseError> {
        let headers = self.request(name).headers.clone();
        self.channel().parse(&WebhookRequest::post(headers, body))
    }

    /// Everything that the fixtures tell.
    fn events(&self) -> Vec<ChannelEvent> {
        let channel = self.channel();
        let told = self.requests.iter().map(|(name, request)| {
            let events = channel.parse(request);
            events.unwrap_or_else(|error| panic!("{name}: {error}"))
        });
        told.flatten().collect()
    }
}

fn is_headers(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "headers")
}

fn orders(events: &[ChannelEvent]) -> impl Iterator<Item = &OrderSnapshot> {
    events.iter().filter_map(|event| match event {
        ChannelEvent::Order(order) => Some(order.as_ref()),
        ChannelEvent::Refund { .. } => None,
    })
}

fn refunds(events: &[ChannelEvent]) -> impl Iterator<Item = &Refund> {
    events.iter().flat_map(|event| match event {
        ChannelEvent::Order(order) => order.refunds.iter().collect::<Vec<_>>(),
        ChannelEvent::Refund { refund, .. } => vec![refund],
    })
}

/// Every id that the channel gave, orders first.
fn ids(events: &[ChannelEvent]) -> Vec<String> {
    let mut ids: Vec<String> = events
        .iter()
        .map(|event| event.order().to_string())
        .collect();
    for line in orders(events).flat_map(|order| &order.content.lines) {
        ids.push(line.id.to_string());
    }
    for refund in refunds(events) {
        ids.push(refund.id.to_string());
        ids.extend(refund.units.keys().map(ToString::to_string));
    }
    ids
}

/// Texts about a person that are long enough not to be found by chance.
fn personal(events: &[ChannelEvent]) -> Vec<String> {
    let mut texts = Vec::new();
    for order in orders(events) {
        let address = order.payload.ship_to.reveal();
        texts.extend([
            address.name.clone(),
            address.address1.clone(),
            address.city.clone(),
            address.zip.clone(),
            address.phone.clone(),
            order.payload.email.reveal().clone(),
        ]);
    }
    texts.retain(|text| text.chars().count() >= 5);
    texts
}

type Promise = fn(&Kind);

pub(crate) fn trials(suite: &Suite, entry: &'static ChannelEntry) -> Vec<Trial> {
    let kind = match Kind::load(suite, entry) {
        Ok(kind) => Arc::new(kind),
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
    let promises: [(&str, Promise); 12] = [
        ("the_fixtures_tell_every_kind_of_news", told::coverage),
        ("a_payload_is_read", told::snapshots),
        ("nothing_personal_is_shown", told::nothing_personal),
        ("only_known_statuses_are_paid", told::statuses),
        ("large_ids_are_exact", told::large_ids),
        ("money_is_exact", told::money),
        ("a_good_signature_is_believed", believed::good),
        ("a_bad_signature_is_not_believed", believed::bad),
        ("another_account_is_not_believed", believed::other_account),
        ("any_bytes_are_survived", mutated::bytes),
        ("any_structure_is_survived", mutated::structure),
        ("an_unknown_setting_is_named", unknown_setting),
    ];
    let trials = promises.into_iter().map(|(name, promise)| {
        let kind = Arc::clone(&kind);
        crate::contract::trial(entry.kind, name, move || promise(&kind))
    });
    trials.collect()
}

fn unknown_setting(kind: &Kind) {
    let mut specific = kind.sheet.settings.clone();
    specific["no_such_setting"] = "x".into();
    let error = (kind.open)(crate::opening::channel(&specific, &[]))
        .err()
        .expect("an unknown setting is refused");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}
