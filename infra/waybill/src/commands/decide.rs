//! What a person decides, stored with who and why in the order's history.

use super::{Instead, PAGE, find, find_purchase_order, nearest, not_found, restored};
use crate::arguments::{Person, Way};
use crate::{Exit, Installation, arguments, say};
use anyhow::{Context as _, bail};
use async_trait::async_trait;
use configuration::Configuration;
use domain::ids::{OrderId, SupplierId};
use domain::order::answer::CancelAnswer;
use domain::order::decide::{Command, Verdict};
use domain::order::events::{Event, Recorded};
use domain::order::news::Payload;
use domain::order::purchase_order::CancelRequest;
use domain::order::{Order, PurchaseOrder, Refusal};
use domain::sending::machine::SendState;
use domain::timeline::timeline;
use execution::{Change, Changed, Decider, Draft, Look, notify};
use jiff::Timestamp;
use ports::{StepError, StoreError};
use std::path::Path;

/// What a person wants of an order.
#[async_trait]
pub(super) trait PersonCommand: Send + Sync {
    /// The command for this state, with the payload item that its event names.
    async fn command(&self, order: &Order) -> anyhow::Result<(Command, Option<Payload>)>;
}

/// The same for every state.
#[async_trait]
impl PersonCommand for Command {
    async fn command(&self, _: &Order) -> anyhow::Result<(Command, Option<Payload>)> {
        Ok((self.clone(), None))
    }
}

/// What became of a person's command; the person has been told.
pub(super) enum Decided {
    Done,
    /// The order as it refuses.
    Refused(Box<Order>),
}

impl Decided {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Done => Exit::Done,
            Self::Refused(_) => Exit::No,
        }
    }
}

pub(crate) async fn release(
    at: &Installation,
    order: &str,
    method: Option<String>,
    person: Person,
) -> anyhow::Result<Exit> {
    let id = find(at, order).await?;
    let Person { who, why } = person;
    command(at, &id, Command::Release { method, who, why }).await
}

pub(crate) async fn hold(at: &Installation, order: &str, person: Person) -> anyhow::Result<Exit> {
    let id = find(at, order).await?;
    let Person { who, why } = person;
    command(at, &id, Command::Hold { who, why }).await
}

pub(crate) async fn cancel(at: &Installation, order: &str, person: Person) -> anyhow::Result<Exit> {
    let id = find(at, order).await?;
    let Person { who, why } = person;
    command(at, &id, Command::Cancel { who, why }).await
}

pub(crate) async fn reroute(
    at: &Installation,
    order: &str,
    way: Way,
    config: Option<&Path>,
    person: Person,
) -> anyhow::Result<Exit> {
    let id = find(at, order).await?;
    let Way { without, only } = way;
    if let (Some(config), Some(supplier)) = (config, without.as_ref().or(only.as_ref())) {
        configured(config, supplier)?;
    }
    let reroute = Command::Reroute {
        without,
        only,
        who: person.who,
        why: person.why,
    };
    command(at, &id, reroute).await
}

pub(super) fn loaded(config: &Path) -> anyhow::Result<Configuration> {
    configuration::load_dir(config).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the configuration is not right: {}", problems.join("; "))
    })
}

fn configured(config: &Path, supplier: &SupplierId) -> anyhow::Result<()> {
    let known = loaded(config)?.settings.suppliers;
    if known.contains_key(supplier) {
        return Ok(());
    }
    Err(no_such_supplier(supplier.as_str(), known.keys(), config).into())
}

pub(super) fn no_such_supplier<'a>(
    name: &str,
    known: impl Iterator<Item = &'a SupplierId>,
    config: &Path,
) -> Instead {
    let known: Vec<&str> = known.map(SupplierId::as_str).collect();
    let meant = nearest(name, known.iter().copied())
        .map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
    Instead::not_found(format!(
        "{name} is no supplier of {}, which has {}{meant}",
        config.display(),
        known.join(", ")
    ))
}

pub(crate) async fn resolve(
    at: &Installation,
    what: &str,
    verdict: arguments::Verdict,
    person: Person,
) -> anyhow::Result<Exit> {
    let verdict = match verdict {
        arguments::Verdict {
            sent: Some(reference),
            ..
        } => Verdict::Sent { reference },
        arguments::Verdict { not_sent: true, .. } => Verdict::NotSent,
        // The usage has it that exactly one is given.
        arguments::Verdict {
            cancelled: true, ..
        } => Verdict::Cancel(CancelAnswer::Accepted),
        arguments::Verdict { too_late: true, .. } => Verdict::Cancel(CancelAnswer::TooLate),
        arguments::Verdict { .. } => Verdict::Cancel(CancelAnswer::Refused),
    };
    if let Some(supplier) = restored::supplier(what) {
        return restored::resolve(at, supplier, verdict, person).await;
    }
    let (number, id) = find_purchase_order(at.index.as_ref(), what).await?;
    let resolve = Command::Resolve {
        number: number.clone(),
        verdict,
        who: person.who,
        why: person.why,
    };
    let decided = decide(at, &id, &resolve).await?;
    if let Decided::Refused(order) = &decided
        && let Some(own) = order.purchase_order(&number)
    {
        say_possible(order, own, at.clock.now());
    }
    Ok(decided.exit())
}

/// What a person may decide of it as it is.
fn say_possible(order: &Order, own: &PurchaseOrder, now: Timestamp) {
    let commands = possible(order, own, now);
    if commands.is_empty() {
        say(format_args!(
            "nothing of {} is open: it is {}",
            own.number,
            own.sending.state.name()
        ));
        return;
    }
    say(format_args!("possible now:"));
    for command in commands {
        say(format_args!("  {command}"));
    }
}

fn possible(order: &Order, own: &PurchaseOrder, now: Timestamp) -> Vec<String> {
    let (id, number) = (&order.id, &own.number);
    let doubt = |state: &SendState| matches!(state, SendState::InDoubt { .. });
    let doubted = doubt(&own.sending.state)
        || own
            .cancels
            .iter()
            .any(|request| doubt(&request.sending.state));
    let asked_back = own.can_be_asked_back() && own.cancels.iter().any(CancelRequest::is_open);
    let mut commands = Vec::new();
    let mut add = |so: bool, words: String| {
        if so {
            commands.push(format!("waybill {words} --why '...'"));
        }
    };
    let waits = own.sending.waits_for_person || own.sending.waits_because.is_some();
    add(waits && own.is_live(), format!("retry {number}"));
    for verdict in ["--sent REF", "--not-sent"] {
        let asked = doubted || own.sending.is_overdue(now);
        add(asked, format!("resolve {number} {verdict}"));
    }
    for verdict in ["--cancelled", "--not-cancelled", "--too-late"] {
        add(asked_back, format!("resolve {number} {verdict}"));
    }
    let refused = matches!(own.sending.state, SendState::Rejected { freed: false, .. });
    add(refused, format!("release {id}"));
    let shipping = own.is_live() && !asked_back;
    add(
        shipping && own.sending.is_sent(),
        format!("acknowledge {number} --backorder SUPPLIER_SKU=QTY"),
    );
    add(shipping, format!("reroute {id} --without {}", own.supplier));
    add(shipping && !order.is_cancelled(), format!("cancel {id}"));
    commands
}

/// Commits a command that is the same for every version.
pub(crate) async fn command(
    at: &Installation,
    id: &OrderId,
    command: Command,
) -> anyhow::Result<Exit> {
    Ok(decide(at, id, &command).await?.exit())
}

/// Commits the command to every order with anything open at the supplier to which it means something;
/// how many these are. What it cannot be done to is no failure: others wait.
pub(super) async fn decide_at_supplier(
    at: &Installation,
    supplier: &SupplierId,
    command: Command,
) -> anyhow::Result<usize> {
    let mut decided = 0;
    let mut after = None;
    loop {
        let page = at.index.open(supplier, after.as_deref(), PAGE).await?;
        for id in &page.orders {
            let order = match at.orders.load(id).await {
                Ok(None) => continue,
                Ok(Some(history)) => history.fold(),
                Err(error) => Err(error),
            };
            let order = match order {
                Err(StoreError::Corrupt(why)) => {
                    say(format_args!("{id}: left as it is: {why}"));
                    continue;
                }
                order => order?,
            };
            let follows = order.decide(command.clone(), at.clock.now());
            if follows.is_ok_and(|events| !events.is_empty())
                && let Decided::Done = decide(at, id, &command).await?
            {
                decided += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(decided);
        }
    }
}

/// Commits what follows from the command on the newest version, and sets the order going.
pub(super) async fn decide(
    at: &Installation,
    id: &OrderId,
    command: &dyn PersonCommand,
) -> anyhow::Result<Decided> {
    let mut decision = Decision {
        command,
        texts: Vec::new(),
        on: None,
    };
    let change = Change::of(id, at.orders.as_ref(), at.clock.as_ref());
    match (change.commit(&mut decision).await, decision.on) {
        (Ok(Changed::Committed { after, at: now }), _) => {
            for text in decision.texts {
                say(format_args!("{id}: {text}"));
            }
            notify(at.queue.as_ref(), &domain::sweep::wake(&after, now)).await;
            Ok(Decided::Done)
        }
        (Ok(Changed::Unchanged(_)), _) => {
            say(format_args!("{id}: it is so already, nothing to do"));
            Ok(Decided::Done)
        }
        (Ok(Changed::Missing), _) => Err(not_found(&id.to_string()).into()),
        (Err(Halt::Refused(refusal)), Some(order)) => {
            say(format_args!("refused: {refusal}"));
            Ok(Decided::Refused(order))
        }
        (Err(Halt::Refused(refusal)), None) => bail!("refused: {refusal}"),
        (Err(Halt::NotCommitted(StepError::Conflict)), _) => {
            bail!("{id} changed under every try; nothing was decided")
        }
        // Nothing was decided on what cannot be read.
        (Err(Halt::NotCommitted(error @ StepError::Permanent(_))), _) => Err(error.into()),
        (Err(Halt::NotCommitted(error @ StepError::Retry(..))), _) => {
            Err(error).context("the decision may not have been stored")
        }
        (Err(Halt::Failed(error)), _) => Err(error),
    }
}

/// A command on its way into the history.
struct Decision<'a> {
    command: &'a dyn PersonCommand,
    /// What its events say.
    texts: Vec<String>,
    /// The state that it was decided on last.
    on: Option<Box<Order>>,
}

#[async_trait]
impl Decider<Halt> for Decision<'_> {
    async fn decide(&mut self, look: Look<'_>) -> Result<Draft, Halt> {
        let Look { order, now, .. } = look;
        self.on = Some(Box::new(order.clone()));
        let (command, payload) = self.command.command(order).await.map_err(Halt::Failed)?;
        let events = order.decide(command, now)?;
        self.texts = texts_of(&events, now);
        Ok(Draft {
            events,
            payload: payload.map(|payload| (order.payloads + 1, payload)),
            trace: None,
        })
    }
}

/// Why a decision was not committed.
enum Halt {
    Refused(Refusal),
    NotCommitted(StepError),
    /// The command itself could not be made.
    Failed(anyhow::Error),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StepError> for Halt {
    fn from(error: StepError) -> Self {
        Self::NotCommitted(error)
    }
}

fn texts_of(events: &[Event], at: Timestamp) -> Vec<String> {
    let recorded: Vec<_> = events
        .iter()
        .map(|event| Recorded {
            at,
            event: event.clone(),
        })
        .collect();
    let entries = timeline(&recorded).into_iter();
    entries.map(|entry| entry.text).collect()
}
