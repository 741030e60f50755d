//! Hands a purchase order to its supplier, once: artifact, claim, one send, outcome; and settles
//! what became of a claim whose outcome nobody recorded.
//!
//! The artifact is stored and the claim committed before anything leaves. A claim never expires
//! into a resend. What is not surely unsent is in doubt, and a doubt is settled by looking.

use domain::commit::Commit;
use domain::digest::Digest;
use domain::forwarding::{SETTLE_MARGIN, Step, step};
use domain::ids::{OrderId, SupplierId};
use domain::order::attention::CaseKind;
use domain::order::decide::{Answer, Command, Outcome};
use domain::order::event::{Rejection, RejectionReason};
use domain::order::{Order, PurchaseOrder, Refusal};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::settings::Settings;
use ports::supplier::HandoverLine;
use ports::{
    Area, Artifact, Attempt, Clock, CommitError, Files, Handover, Incident, LookupAnswer,
    OrderStore, SendOutcome, StepError, Supplier,
};
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

const TRIES: u32 = 8;

/// What the function may touch.
#[derive(Clone)]
pub struct Deps {
    pub orders: Arc<dyn OrderStore>,
    pub files: Arc<dyn Files>,
    pub clock: Arc<dyn Clock>,
    pub settings: Arc<RwLock<Arc<Settings>>>,
    pub suppliers: Arc<BTreeMap<SupplierId, Box<dyn Supplier>>>,
}

pub async fn handle(
    deps: &Deps,
    id: &OrderId,
    number: &PurchaseOrderNumber,
) -> Result<(), StepError> {
    for attempt in 0..TRIES {
        match take_step(deps, id, number).await {
            // Another purchase order of the same order took a step first: look again.
            Err(StepError::Contended) => {
                deps.clock
                    .sleep(Duration::from_millis(10 * u64::from(attempt + 1)))
                    .await;
            }
            done => return done,
        }
    }
    Err(StepError::Contended)
}

async fn take_step(
    deps: &Deps,
    id: &OrderId,
    number: &PurchaseOrderNumber,
) -> Result<(), StepError> {
    let Some(history) = deps.orders.load(id).await? else {
        return Ok(());
    };
    let order = history.fold()?;
    let Some(own) = order.purchase_order(number) else {
        return Ok(());
    };
    let Some(supplier) = deps.suppliers.get(&own.supplier) else {
        return prepared_not(
            deps,
            &order,
            own,
            format!("supplier {} is not configured", own.supplier),
        )
        .await;
    };
    match step(&order, own, deps.clock.now()) {
        Step::Leave(_) => Ok(()),
        Step::Send => send(deps, &order, own, supplier.as_ref()).await,
        Step::Lapse { attempt } => {
            commit(deps, id, || Command::ClaimLapsed {
                number: number.clone(),
                attempt,
            })
            .await?;
            look_up(deps, id, number, attempt, supplier.as_ref()).await
        }
        Step::LookUp { attempt } => look_up(deps, id, number, attempt, supplier.as_ref()).await,
    }
}

async fn send(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
    supplier: &dyn Supplier,
) -> Result<(), StepError> {
    let artifact = match artifact(deps, order, own, supplier).await? {
        Ok(artifact) => artifact,
        Err(why) => return prepared_not(deps, order, own, why).await,
    };
    let timeout = jiff::SignedDuration::try_from(supplier.timeout()).unwrap_or(SETTLE_MARGIN);
    let claimed_at = deps.clock.now();
    let claim = Command::StartSend {
        number: own.number.clone(),
        artifact: Digest::of(&artifact.bytes),
        settle_at: claimed_at + timeout + SETTLE_MARGIN,
    };
    // The claim is made on the very version that was looked at: anybody's step since makes it stale,
    // and then everything is looked at again.
    let events = match order.decide(claim, claimed_at) {
        Ok(events) => events,
        Err(Refusal::Illegal { .. } | Refusal::NoLongerHolds) => return Ok(()),
        Err(refusal) => return Err(StepError::Stop(refusal.to_string())),
    };
    let (claim, _) = Commit::new(order, events, claimed_at)
        .map_err(|refusal| StepError::Stop(refusal.to_string()))?;
    match deps.orders.commit(claim).await {
        Ok(()) => {}
        Err(CommitError::Stale | CommitError::Busy) => return Err(StepError::Contended),
        Err(error) => {
            return Err(StepError::GiveBack(
                format!("claim of {}", own.number),
                Box::new(error),
            ));
        }
    }
    let attempt = own.attempts + 1;
    // A process that slept since its claim must not send at a time when others may be settling it.
    let outcome = if deps.clock.now() > claimed_at + SETTLE_MARGIN {
        Outcome::NotSent {
            retry_after: None,
            why: "the claim was too old to send".to_owned(),
        }
    } else {
        let try_ = Attempt {
            number: own.number.clone(),
            attempt,
            doubted: own.doubted,
        };
        let sent = supplier.send(&artifact, &try_).await;
        recordable(deps, order, own, supplier, sent).await?
    };
    record(deps, &order.id, &own.number, attempt, outcome).await
}

/// The stored artifact of an earlier attempt, or a new one that is stored and checked; or, inside,
/// why there cannot be one.
async fn artifact(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
    supplier: &dyn Supplier,
) -> Result<Result<Artifact, String>, StepError> {
    let key = format!("artifact/{}", own.number);
    if let Some(stored) = deps.files.get(Area::Evidence, &key).await? {
        return Ok(from_evidence(&stored).ok_or_else(|| format!("evidence {key} is unreadable")));
    }
    let Some(payload) = deps.orders.payload(&order.id, own.payload).await? else {
        return Ok(Err("the payload was erased".to_owned()));
    };
    let settings = settings(deps);
    let handover = Handover {
        number: own.number.clone(),
        order_name: payload.order_name.clone(),
        merchant: settings.merchant.clone(),
        supplier: settings
            .suppliers
            .get(&own.supplier)
            .map(|known| known.name.clone())
            .unwrap_or_default(),
        planned_at: own.planned_at,
        placed_at: payload.placed_at,
        shipping_method: payload.shipping_method.clone(),
        ship_to: payload.ship_to.clone(),
        lines: own
            .lines
            .iter()
            .map(|line| HandoverLine {
                sku: line.sku.to_string(),
                supplier_sku: line.supplier_sku.to_string(),
                title: payload
                    .lines
                    .iter()
                    .find(|known| known.id == line.line)
                    .map(|known| known.title.clone())
                    .unwrap_or_default(),
                quantity: line.quantity,
            })
            .collect(),
    };
    if payload.edit_digest() != own.edit {
        return Ok(Err(format!(
            "payload {} is not the one that was received",
            own.payload
        )));
    }
    let prepared = supplier
        .prepare(&handover)
        .and_then(|artifact| Ok((supplier.decode(&artifact)?, artifact)));
    let (decoded, artifact) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return Ok(Err(why.to_string())),
    };
    let lines: Vec<(&str, u32)> = own
        .lines
        .iter()
        .map(|line| (line.supplier_sku.as_str(), line.quantity))
        .collect();
    let missing = domain::fidelity::missing(
        payload.ship_to.reveal(),
        &lines,
        &decoded.records,
        &artifact.omits,
    );
    if !missing.is_empty() {
        return Ok(Err(format!("the artifact lacks {}", missing.join(", "))));
    }
    deps.files
        .put_new(Area::Evidence, &key, &to_evidence(&artifact))
        .await?;
    // Another worker may have stored its own first: what is stored is what is sent.
    let stored = deps.files.get(Area::Evidence, &key).await?;
    Ok(stored
        .and_then(|stored| from_evidence(&stored))
        .ok_or_else(|| format!("evidence {key} is unreadable")))
}

/// Media type, omitted fields, then the bytes as they are.
fn to_evidence(artifact: &Artifact) -> Vec<u8> {
    let head = format!("{}\n{}\n", artifact.media_type, artifact.omits.join(","));
    [head.as_bytes(), &artifact.bytes].concat()
}

fn from_evidence(stored: &[u8]) -> Option<Artifact> {
    let mut parts = stored.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8(parts.next()?.to_vec()).ok();
    let (media_type, omits) = (text()?, text()?);
    let omits = omits
        .split(',')
        .filter(|field| !field.is_empty())
        .map(str::to_owned)
        .collect();
    Some(Artifact {
        media_type,
        omits,
        bytes: parts.next()?.to_vec(),
    })
}

/// Stores the supplier's answer and opens what it calls for; a case, not a failure.
async fn recordable(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
    supplier: &dyn Supplier,
    sent: SendOutcome,
) -> Result<Outcome, StepError> {
    Ok(match sent {
        SendOutcome::Accepted { reference } => Outcome::Accepted { reference },
        SendOutcome::Rejected { detail, evidence } => {
            let evidence = keep(deps, own, &evidence).await;
            Outcome::Rejected(Rejection {
                reason: RejectionReason::Unknown,
                detail,
                evidence,
            })
        }
        SendOutcome::NotSent {
            retry_after,
            why,
            unauthorized,
        } => {
            if unauthorized {
                let incident = Incident {
                    kind: CaseKind::SupplierRefusesUs,
                    cause: own.supplier.to_string(),
                    detail: format!(
                        "{} refuses our credentials, first for {}",
                        own.supplier, order.id
                    ),
                    opened_at: deps.clock.now(),
                };
                if let Err(error) = deps.orders.open_incident(&incident).await {
                    tracing::warn!(supplier.id = %own.supplier, error = %error, "incident not opened");
                }
            }
            let retry_after =
                retry_after.and_then(|after| jiff::SignedDuration::try_from(after).ok());
            Outcome::NotSent { retry_after, why }
        }
        SendOutcome::InDoubt { why, evidence } => {
            let evidence = keep(deps, own, &evidence).await;
            Outcome::InDoubt {
                why,
                evidence,
                can_look_up: supplier.lookup().is_some(),
            }
        }
    })
}

/// Foreign text goes to evidence, its digest to the event. The outcome matters more than its
/// evidence: what cannot be stored is logged and left.
async fn keep(deps: &Deps, own: &PurchaseOrder, evidence: &[u8]) -> Option<Digest> {
    if evidence.is_empty() {
        return None;
    }
    let digest = Digest::of(evidence);
    let key = format!("answer/{}/{digest}", own.number);
    match deps.files.put_new(Area::Evidence, &key, evidence).await {
        Ok(_) => Some(digest),
        Err(error) => {
            tracing::warn!(purchase_order.number = %own.number, error = %error, "evidence not stored");
            None
        }
    }
}

/// Ends only with success or the process: what is known of a send must not be forgotten.
async fn record(
    deps: &Deps,
    id: &OrderId,
    number: &PurchaseOrderNumber,
    attempt: u32,
    outcome: Outcome,
) -> Result<(), StepError> {
    let mut wait = Duration::from_millis(20);
    loop {
        let command = || Command::RecordOutcome {
            number: number.clone(),
            attempt,
            outcome: outcome.clone(),
        };
        match commit(deps, id, command).await {
            Ok(()) => return Ok(()),
            Err(StepError::Stop(why)) => return Err(StepError::Stop(why)),
            Err(error) => {
                tracing::warn!(purchase_order.number = %number, error = %error, "outcome not recorded yet");
            }
        }
        deps.clock.sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

async fn look_up(
    deps: &Deps,
    id: &OrderId,
    number: &PurchaseOrderNumber,
    attempt: u32,
    supplier: &dyn Supplier,
) -> Result<(), StepError> {
    let (answer, proof_after) = match supplier.lookup() {
        Some(lookup) => (
            lookup.find(number).await,
            lookup.policy().authoritative_after,
        ),
        None => (
            LookupAnswer::NotFound(domain::order::event::LookupFinding::Unclear),
            None,
        ),
    };
    let answer = match answer {
        LookupAnswer::Found { reference } => Answer::Found { reference },
        LookupAnswer::NotFound(finding) => Answer::NotFound(finding),
    };
    let proof_after = proof_after.and_then(|lag| jiff::SignedDuration::try_from(lag).ok());
    commit(deps, id, || Command::RecordLookup {
        number: number.clone(),
        attempt,
        answer: answer.clone(),
        proof_after,
    })
    .await
}

async fn prepared_not(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
    why: String,
) -> Result<(), StepError> {
    if !matches!(step(order, own, deps.clock.now()), Step::Send) {
        return Ok(());
    }
    commit(deps, &order.id, || Command::PreparationFailed {
        number: own.number.clone(),
        why: why.clone(),
    })
    .await
}

/// Load, decide, commit, in a loop while others commit first.
async fn commit(deps: &Deps, id: &OrderId, command: impl Fn() -> Command) -> Result<(), StepError> {
    for attempt in 0..TRIES {
        let Some(history) = deps.orders.load(id).await? else {
            return Ok(());
        };
        let order = history.fold()?;
        let now = deps.clock.now();
        let events = match order.decide(command(), now) {
            Ok(events) if events.is_empty() => return Ok(()),
            Ok(events) => events,
            Err(Refusal::Illegal { .. }) => return Ok(()),
            Err(refusal) => return Err(StepError::Stop(refusal.to_string())),
        };
        let (commit, _) = Commit::new(&order, events, now)
            .map_err(|refusal| StepError::Stop(refusal.to_string()))?;
        match deps.orders.commit(commit).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Stale) => {}
            Err(CommitError::Busy) => {
                deps.clock
                    .sleep(Duration::from_millis(20 * u64::from(attempt + 1)))
                    .await;
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

fn settings(deps: &Deps) -> Arc<Settings> {
    deps.settings
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone()
}
