//! What a person decides, stored with who and why in the order's history.

use super::{find, not_found, open};
use crate::{Exit, Person, say};
use anyhow::{Context as _, bail};
use domain::commit::Commit;
use domain::ids::OrderId;
use domain::order::Order;
use domain::order::answer::CancelAnswer;
use domain::order::decide::{Command, Verdict};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::timeline::timeline;
use embedded::{Embedded, SystemClock};
use jiff::Timestamp;
use ports::{Clock as _, CommitError, OrderStore as _, Queue as _};
use std::path::Path;
use std::time::Duration;

const TRIES: u32 = 20;

pub(crate) async fn release(data: &Path, order: &str, person: Person) -> anyhow::Result<Exit> {
    let store = match open(data)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    let id = match find(&store, order).await? {
        Ok(id) => id,
        Err(exit) => return Ok(exit),
    };
    let command = Command::Release {
        who: person.who,
        why: person.why,
    };
    decide(&store, &id, &command).await
}

pub(crate) async fn cancel(data: &Path, order: &str, person: Person) -> anyhow::Result<Exit> {
    let store = match open(data)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    let id = match find(&store, order).await? {
        Ok(id) => id,
        Err(exit) => return Ok(exit),
    };
    let command = Command::Cancel {
        who: person.who,
        why: person.why,
    };
    decide(&store, &id, &command).await
}

pub(crate) async fn resolve(
    data: &Path,
    purchase_order: &str,
    verdict: crate::Verdict,
    person: Person,
) -> anyhow::Result<Exit> {
    let store = match open(data)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    let known = match PurchaseOrderNumber::parse(purchase_order) {
        Ok(number) => store.find(&number).await?.map(|id| (number, id)),
        Err(_) => None,
    };
    let Some((number, id)) = known else {
        say(format_args!(
            "{purchase_order:?} is no purchase order here; `waybill orders` lists them"
        ));
        return Ok(Exit::NotFound);
    };
    let verdict = match verdict {
        crate::Verdict {
            sent: Some(reference),
            ..
        } => Verdict::Sent { reference },
        crate::Verdict { not_sent: true, .. } => Verdict::NotSent,
        // The usage has it that exactly one is given.
        crate::Verdict {
            cancelled: true, ..
        } => Verdict::Cancel(CancelAnswer::Accepted),
        crate::Verdict { too_late: true, .. } => Verdict::Cancel(CancelAnswer::TooLate),
        crate::Verdict { .. } => Verdict::Cancel(CancelAnswer::Refused),
    };
    let command = Command::Resolve {
        number,
        verdict,
        who: person.who,
        why: person.why,
    };
    decide(&store, &id, &command).await
}

/// Commits what follows from the command on the newest version, and sets the order going.
async fn decide(store: &Embedded, id: &OrderId, command: &Command) -> anyhow::Result<Exit> {
    for attempt in 0..TRIES {
        let Some(history) = store.load(id).await? else {
            return Ok(not_found(&id.to_string()));
        };
        let order = history.fold()?;
        let now = SystemClock.now();
        let made = order.decide(command.clone(), now).and_then(|events| {
            if events.is_empty() {
                return Ok(None);
            }
            Commit::new(&order, events, now).map(Some)
        });
        let (commit, after) = match made {
            Ok(Some(made)) => made,
            Ok(None) => {
                say(format_args!("{id}: it is so already, nothing to do"));
                return Ok(Exit::Done);
            }
            Err(refusal) => {
                say(format_args!("refused: {refusal}"));
                return Ok(Exit::No);
            }
        };
        let told: Vec<_> = timeline(&commit.events)
            .into_iter()
            .map(|entry| entry.text)
            .collect();
        match store.commit(commit).await {
            Ok(()) => {
                for text in told {
                    say(format_args!("{id}: {text}"));
                }
                wake(store, &after, now).await;
                return Ok(Exit::Done);
            }
            Err(CommitError::Stale | CommitError::Busy) => {
                tokio::time::sleep(Duration::from_millis(10 * u64::from(attempt + 1))).await;
            }
            Err(error) => return Err(error).context("the decision may not have been stored"),
        }
    }
    bail!("{id} changed under every try; nothing was decided");
}

/// A message that is lost does not matter: the sweep finds the order.
async fn wake(store: &Embedded, order: &Order, now: Timestamp) {
    for message in domain::exceptions::wake(order, now) {
        if let Err(error) = store.send(&message).await {
            tracing::warn!(error = %error, "not enqueued; the sweep will");
        }
    }
}
