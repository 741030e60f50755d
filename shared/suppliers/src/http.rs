//! Any supplier with an HTTP interface, described by the merchant: templates make the requests and
//! expressions judge the answers. `infra/config/suppliers.toml` explains each setting.
//!
//! A hand-over is a sequence of steps, each with a claim, a judge and a look-up of its own. What no
//! expression recognises is in doubt, with the answer as evidence. Secrets are named in the
//! settings, added when a request leaves, and seen by no template.

mod answer;
mod auth;
mod body;
mod checks;
mod decode;
mod exchange;
mod judge;
mod lines;
mod place;
mod rate;
mod refusal;
mod rehearsal;
mod request;
mod sequence;
mod settings;
mod trial;
mod xml;

use crate::templates::Templates;
use auth::{Identity, Secrets};
use exchange::Connection;
use lines::Reasons;
use ports::Supplier;
use rate::Limits;
use registry::{Opening, SettingsError, SupplierEntry};
use sequence::{Kind, Sequence};
use settings::Settings;
use std::sync::Arc;

pub(crate) const ENTRY: SupplierEntry = SupplierEntry {
    secrets: checks::secrets,
    hosts: checks::hosts,
    try_out: trial::tried,
    rehearse: Some(rehearsal::rehearse),
    ..SupplierEntry::new("http", open)
};

fn open(opening: Opening) -> Result<Box<dyn Supplier>, SettingsError> {
    let settings = checks::checked(opening.settings)?;
    Ok(Box::new(sequence(opening, &settings, false)?))
}

fn sequence(
    opening: Opening,
    settings: &Settings,
    in_sandbox: bool,
) -> Result<Sequence, SettingsError> {
    let sandbox = settings.sandbox.as_ref().filter(|_| in_sandbox);
    let secrets = Secrets {
        values: &opening.secrets,
        renamed: sandbox.map(|sandbox| &sandbox.secrets),
    };
    let mut templates = Templates::new();
    let steps = sequence::open_steps(Kind::Order, settings, &secrets, &mut templates)?;
    let cancels = sequence::open_steps(Kind::Cancel, settings, &secrets, &mut templates)?;
    for (path, expression) in [
        ("reason", &settings.reason),
        ("unauthorized", &settings.unauthorized),
        ("retry_after", &settings.retry_after),
    ] {
        if let Some(expression) = expression {
            templates.check(path, expression)?;
        }
    }
    let identity = Identity::open(settings.auth.as_ref(), &secrets, |url| {
        settings.sandboxed_url(url, in_sandbox)
    })?;
    let connection = Arc::new(Connection {
        http: opening.http,
        templates,
        identity,
        limits: Limits::new(settings.rate.as_ref(), settings.longest_wait()?),
        timeout: settings.timeout(),
        reason: settings.reason.clone(),
        unauthorized: settings.unauthorized.clone(),
        retry_after: settings.retry_after.clone(),
        retry_429: settings.retry_429,
        reasons: Reasons::new(&settings.reasons),
        test: sandbox.is_some_and(|sandbox| sandbox.marker),
    });
    let cancels = (!cancels.is_empty()).then(|| {
        Box::new(Sequence {
            kind: Kind::Cancel,
            connection: connection.clone(),
            steps: cancels,
            cancels: None,
        })
    });
    Ok(Sequence {
        kind: Kind::Order,
        connection,
        steps,
        cancels,
    })
}

#[cfg(test)]
mod tests;
