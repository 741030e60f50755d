//! Load, decide, commit, in a loop while others commit first; and what a supplier answered, as the
//! order remembers it.

use crate::{Deps, TRIES, current, trust};
use domain::cases::CaseKind;
use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::order::answer::Rejection;
use domain::order::decide::{
    Accepted, Command, LineOutcome, LineStatus as Status, Outcome, StepDone as Done,
};
use domain::order::{Order, PurchaseOrder, Refusal};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::subject::SendSubject;
use domain::trust::AfterUnexplained;
use ports::{
    Acceptance, Area, Evidence, Incident, LineAnswer, LineStatus, SendOutcome, StepDone, StepError,
};
use std::time::Duration;

/// What is forgotten costs a doubt: it ends only with success or the process. The state after it
/// comes back where it is known.
pub(crate) async fn record(
    deps: &Deps,
    mut claimed: Option<Box<Order>>,
    order: &OrderId,
    id: &SendSubject,
    attempt: u32,
    outcome: Outcome,
) -> Result<Option<Box<Order>>, StepError> {
    let mut wait = Duration::from_millis(20);
    loop {
        let command = || Command::RecordOutcome {
            id: id.clone(),
            attempt,
            outcome: outcome.clone(),
        };
        match commit_on(deps, claimed.take(), order, command).await {
            Ok(after) => return Ok(after),
            Err(StepError::Stop(why)) => return Err(StepError::Stop(why)),
            Err(error) => {
                tracing::warn!(purchase_order.number = %id, error = %error, "outcome not recorded yet");
            }
        }
        deps.clock.sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

/// With the state after it, where there is such an order.
pub(crate) async fn commit(
    deps: &Deps,
    id: &OrderId,
    command: impl Fn() -> Command,
) -> Result<Option<Box<Order>>, StepError> {
    commit_on(deps, None, id, command).await
}

/// Decides on the known state first, which is then the stored one or refused as stale.
pub(crate) async fn commit_on(
    deps: &Deps,
    mut known: Option<Box<Order>>,
    id: &OrderId,
    command: impl Fn() -> Command,
) -> Result<Option<Box<Order>>, StepError> {
    for attempt in 0..TRIES {
        let guessed = known.is_some();
        let Some(order) = current(deps, id, known.take()).await? else {
            return Ok(None);
        };
        let now = deps.clock.now();
        let events = match order.decide(command(), now) {
            Ok(events) if !events.is_empty() => events,
            // Of an old state that would prove nothing.
            Ok(_) | Err(Refusal::Illegal { .. }) if guessed => continue,
            Ok(_) | Err(Refusal::Illegal { .. }) => return Ok(Some(order)),
            Err(refusal) => return Err(StepError::Stop(refusal.to_string())),
        };
        let (commit, after) = Commit::new(&order, events, now)
            .map_err(|refusal| StepError::Stop(refusal.to_string()))?;
        match deps.orders.commit(commit).await {
            Ok(()) => return Ok(Some(Box::new(after))),
            Err(ports::CommitError::Stale) => {}
            Err(ports::CommitError::Busy) => {
                let pause = Duration::from_millis(20 * u64::from(attempt + 1));
                deps.clock.sleep(pause).await;
            }
            Err(error) => {
                return Err(StepError::GiveBack(
                    format!("commit of {id}"),
                    Box::new(error),
                ));
            }
        }
    }
    Err(StepError::Contended)
}

/// Stores the supplier's answer and opens what it calls for; a case, not a failure.
pub(crate) async fn recordable(
    deps: &Deps,
    order: &OrderId,
    own: &PurchaseOrder,
    id: &SendSubject,
    sent: SendOutcome,
    can_look_up: bool,
) -> Outcome {
    let is_order = id.request().is_none();
    match sent {
        SendOutcome::Accepted(acceptance) => {
            if is_order {
                trust::accepted(deps, own).await;
            }
            Outcome::Accepted(accepted(deps, own, acceptance).await)
        }
        SendOutcome::Done(done) => {
            if is_order {
                trust::accepted(deps, own).await;
            }
            Outcome::StepDone(step_done(done))
        }
        SendOutcome::Rejected {
            reason,
            detail,
            explained,
            evidence,
        } => {
            let evidence = keep(deps, &own.number, &evidence).await;
            let hold = is_order
                && !explained
                && trust::refused(deps, order, own).await == AfterUnexplained::Hold;
            let detail = if hold {
                format!("{detail}, held while the answers of the supplier are not understood")
            } else {
                detail
            };
            let why = Rejection {
                reason,
                detail,
                evidence,
            };
            Outcome::Rejected { why, hold }
        }
        SendOutcome::Page {
            is_unsent,
            retry_after,
            why,
            evidence,
        } => {
            let evidence = keep(deps, &own.number, &evidence).await;
            trust::page(deps, own, &why).await;
            if is_unsent {
                not_sent(retry_after, why)
            } else {
                Outcome::InDoubt {
                    why,
                    evidence,
                    can_look_up,
                }
            }
        }
        SendOutcome::NotSent {
            retry_after,
            why,
            unauthorized,
        } => {
            if unauthorized {
                open_incident(deps, own).await;
            }
            not_sent(retry_after, why)
        }
        SendOutcome::InDoubt { why, evidence } => Outcome::InDoubt {
            why,
            evidence: keep(deps, &own.number, &evidence).await,
            can_look_up,
        },
        SendOutcome::Foreign { why, evidence } => Outcome::InDoubt {
            why,
            evidence: keep(deps, &own.number, &evidence).await,
            can_look_up: false,
        },
    }
}

fn not_sent(retry_after: Option<Duration>, why: String) -> Outcome {
    let retry_after = retry_after.and_then(|after| jiff::SignedDuration::try_from(after).ok());
    Outcome::NotSent { retry_after, why }
}

pub(crate) async fn accepted(deps: &Deps, own: &PurchaseOrder, acceptance: Acceptance) -> Accepted {
    let evidence = keep(
        deps,
        &own.number,
        &words(&acceptance.lines).into_bytes().into(),
    )
    .await;
    let lines = acceptance.lines.into_iter().map(|line| LineOutcome {
        supplier_sku: line.supplier_sku,
        quantity: line.quantity,
        status: match line.status {
            LineStatus::Backordered(until) => Status::Backordered(until),
            LineStatus::Rejected { reason, detail } => Status::Rejected(Rejection {
                reason,
                detail,
                evidence: evidence.clone(),
            }),
        },
    });
    Accepted {
        references: acceptance.references,
        lines: lines.collect(),
        cancel: acceptance.cancel,
        evidence: evidence.clone(),
    }
}

/// What the supplier says of single lines, by its own names of the articles.
fn words(lines: &[LineAnswer]) -> String {
    let lines = lines.iter().map(|line| {
        let status = match &line.status {
            LineStatus::Backordered(None) => "backordered".to_owned(),
            LineStatus::Backordered(Some(until)) => format!("backordered until {until}"),
            LineStatus::Rejected { reason, detail } => {
                format!("rejected, {}: {detail}", reason.name())
            }
        };
        format!("{} x {}: {status}\n", line.quantity, line.supplier_sku)
    });
    lines.collect::<Vec<_>>().concat()
}

pub(crate) fn step_done(done: StepDone) -> Done {
    Done {
        step: done.step,
        extracted: done.extracted,
    }
}

async fn open_incident(deps: &Deps, own: &PurchaseOrder) {
    let incident = Incident {
        kind: CaseKind::SupplierRefusesUs,
        cause: own.supplier.to_string(),
        detail: format!(
            "{} refuses our credentials, first for {}",
            own.supplier, own.number
        ),
        opened_at: deps.clock.now(),
    };
    if let Err(error) = deps.orders.open_incident(&incident).await {
        tracing::warn!(supplier.id = %own.supplier, error = %error, "incident not opened");
    }
}

/// Foreign text goes to evidence, its digest to the event. The outcome matters more than its
/// evidence: what cannot be stored is logged and left.
pub(crate) async fn keep(
    deps: &Deps,
    number: &PurchaseOrderNumber,
    evidence: &Evidence,
) -> Option<Digest> {
    if evidence.bytes.is_empty() {
        return None;
    }
    let digest = evidence.digest();
    let key = format!("answer/{number}/{digest}");
    let put = deps.files.put_new(Area::Evidence, &key, &evidence.bytes);
    match put.await {
        Ok(_) => Some(digest),
        Err(error) => {
            tracing::warn!(purchase_order.number = %number, error = %error, "evidence not stored");
            None
        }
    }
}
