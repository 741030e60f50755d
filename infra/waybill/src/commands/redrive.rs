//! What was put aside, put back: a payload that nobody could read, or a message that failed every time.

use super::Instead;
use super::decide::loaded;
use crate::arguments::Person;
use crate::{Exit, Installation, say};
use connectors::{Means, NoMail, open_channels};
use domain::cases::CaseKind;
use domain::digest::Digest;
use domain::messages::Message;
use order_webhook::Redriven;
use ports::{Area, Closing};
use registry::Registry;
use std::path::Path;
use std::sync::Arc;

pub(crate) async fn redrive(
    at: &Installation,
    config: &Path,
    registry: Registry,
    key: &str,
    person: Person,
) -> anyhow::Result<Exit> {
    let Some(kept) = at.files.get(Area::Evidence, key).await? else {
        let said = format!("no evidence is {key:?}; `waybill cases` shows the keys of incidents");
        return Err(Instead::not_found(said).into());
    };
    let kind = if let Some(letter) = letter(key, &kept) {
        at.queue.send(&letter).await?;
        let queue = letter.queue().as_str();
        say(format_args!(
            "{}: put back into the queue {queue}",
            letter.order()
        ));
        CaseKind::DeadLetter
    } else {
        match payload(at, config, registry, key).await? {
            Redriven::Accepted(orders) if orders.is_empty() => {
                say(format_args!("read, and its topic is not of interest"));
            }
            Redriven::Accepted(orders) => {
                for order in &orders {
                    say(format_args!("{order}: taken in"));
                }
            }
            Redriven::Refused(why) => return Err(Instead::refused(&why).into()),
            Redriven::Unknown => {
                let why = format!(
                    "{key} is neither a dead letter nor a payload that was kept with its headers"
                );
                return Err(Instead::refused(&why).into());
            }
        }
        CaseKind::QuarantinedPayload
    };
    let closing = Closing {
        who: person.who,
        why: person.why,
        at: at.clock.now(),
    };
    let cause = Digest::of(&kept).to_string();
    if at.incidents.close_incident(kind, &cause, &closing).await? {
        say(format_args!(
            "its incident is closed by {}: {}",
            closing.who, closing.why
        ));
    }
    Ok(Exit::Done)
}

/// Through the very steps of the webhook, with the channels as they are configured now.
async fn payload(
    at: &Installation,
    config: &Path,
    registry: Registry,
    key: &str,
) -> anyhow::Result<Redriven> {
    let loaded = loaded(config)?;
    let mut problems = Vec::new();
    let channels = {
        let (files, mailer) = (at.files.clone(), Arc::new(NoMail));
        let means = Means { files, mailer };
        let secrets = at.secrets.as_ref();
        open_channels(&loaded, registry.channels, &means, secrets, &mut problems).await?
    };
    if let Some(problem) = problems.first() {
        return Ok(Redriven::Refused(problem.to_string()));
    }
    let deps = order_webhook::Deps {
        orders: at.orders.clone(),
        incidents: at.incidents.clone(),
        queue: at.queue.clone(),
        files: at.files.clone(),
        clock: at.clock.clone(),
        channels: Arc::new(channels),
        refused: Arc::default(),
    };
    Ok(order_webhook::redrive(&deps, key).await?)
}

fn letter(key: &str, kept: &[u8]) -> Option<Message> {
    let of_queue = |message: &Message| {
        let place = format!("quarantine/{}/", message.queue().as_str());
        key.starts_with(&place)
    };
    serde_json::from_slice(kept).ok().filter(of_queue)
}
