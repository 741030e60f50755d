//! The exact bytes for a supplier: rendered by the settings in force for every attempt, checked, and
//! stored as evidence under their digest. What a claim names is never replaced.

use crate::{Deps, sending};
use domain::digest::Digest;
use domain::ids::LineId;
use domain::money::Money;
use domain::order::news::Payload;
use domain::order::purchase_order::CancelRequest as Asked;
use domain::order::{AddressEdit, Order, PurchaseOrder};
use domain::sending::Sending;
use domain::sending::subject::SendSubject;
use ports::{Area, Artifact, CancelRequest, Handover, HandoverLine, StepError, Supplier};

/// The artifact of the next attempt, stored; or, inside, why there cannot be one.
pub(crate) async fn artifact(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
    id: &SendSubject,
    way: &dyn Supplier,
) -> Result<Result<Artifact, String>, StepError> {
    let artifact = match prepared(deps, order, own, id, way).await? {
        Ok(artifact) => artifact,
        Err(why) => return Ok(Err(why)),
    };
    let key = key(id, &Digest::of(&artifact.bytes));
    // One that is there already has the same bytes.
    deps.files
        .put_new(Area::Evidence, &key, &to_evidence(&artifact))
        .await?;
    Ok(Ok(artifact))
}

/// The artifact of the next attempt as the settings in force have it, checked and not stored; or,
/// inside, why there cannot be one.
pub(crate) async fn prepared(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
    id: &SendSubject,
    way: &dyn Supplier,
) -> Result<Result<Artifact, String>, StepError> {
    let asked = id.request().and_then(|request| own.cancel(request));
    let sending = sending(own, id);
    if let Some(why) = other_way(sending, id, way) {
        return Ok(Err(why));
    }
    let payload = match payload(deps, order, own).await? {
        Ok(payload) => payload,
        Err(why) => return Ok(Err(why)),
    };
    // Whatever a person let through: such a parcel arrives nowhere.
    let destination = payload.ship_to.reveal().destination(true);
    let needed = destination.lacks_essentials().join(", ");
    if asked.is_none() && !needed.is_empty() {
        return Ok(Err(format!("the address has no {needed}")));
    }
    let handover = handover(deps, own, &payload, id, asked);
    let prepared = way
        .prepare(&handover, &sending.progress)
        .and_then(|artifact| Ok((way.decode(&artifact)?, artifact)));
    let (decoded, artifact) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return Ok(Err(why.to_string())),
    };
    if artifact.carries_order {
        let missing = decoded.lacks(&handover, &artifact.omits);
        if !missing.is_empty() {
            return Ok(Err(format!("the artifact lacks {}", missing.join(", "))));
        }
    }
    Ok(Ok(artifact))
}

/// After a step that is done the supplier has a draft, which only the way it came by can go on with.
fn other_way(sending: &Sending, id: &SendSubject, way: &dyn Supplier) -> Option<String> {
    let done = sending.done_via.as_ref()?;
    let now = way.via(id, sending.progress.steps.len().checked_sub(1)?);
    let same = done.method == now.method && done.place == now.place;
    (!same).then(|| {
        format!(
            "a step is done by {} {}, and the settings have {} {} now: put them back, or have the \
             supplier take its draft back",
            done.method, done.place, now.method, now.place
        )
    })
}

/// The payload that the purchase order was planned from, with the address that counted then.
async fn payload(
    deps: &Deps,
    order: &Order,
    own: &PurchaseOrder,
) -> Result<Result<Payload, String>, StepError> {
    let erased = || Ok(Err("the payload was erased".to_owned()));
    let Some(mut payload) = deps.orders.payload(&order.id, own.payload).await? else {
        return erased();
    };
    let mut edit = payload.edit_digest();
    if let Some(number) = own.address {
        let Some(corrected) = deps.orders.payload(&order.id, number).await? else {
            return erased();
        };
        edit = AddressEdit::edit_of(&corrected.address_digest(), &edit);
        payload.ship_to = corrected.ship_to;
    }
    if edit != own.edit {
        return Ok(Err(format!(
            "payload {} is not the one that was received",
            own.payload
        )));
    }
    Ok(Ok(payload))
}

/// The artifact that a claim names.
pub(crate) async fn stored(
    deps: &Deps,
    id: &SendSubject,
    artifact: &Digest,
) -> Result<Option<Artifact>, StepError> {
    let stored = deps.files.get(Area::Evidence, &key(id, artifact)).await?;
    Ok(stored.and_then(|stored| from_evidence(&stored)))
}

/// `artifact/SH-1001-1-K/3f2a...`, and `artifact/SH-1001-1-K/X1/...` of a request to cancel.
fn key(id: &SendSubject, artifact: &Digest) -> String {
    format!("artifact/{id}/{artifact}")
}

fn handover(
    deps: &Deps,
    own: &PurchaseOrder,
    payload: &Payload,
    id: &SendSubject,
    asked: Option<&Asked>,
) -> Handover {
    let settings = deps.settings();
    let supplier = settings.suppliers.get(&own.supplier);
    let cancel = asked
        .zip(id.request())
        .map(|(asked, request)| CancelRequest {
            id: format!("X{request}"),
            whole: asked.whole,
            why: asked.why.clone(),
            references: references(own),
            lines: lines(own, payload, |line| {
                asked.lines.get(line).copied().unwrap_or(0)
            }),
        });
    Handover {
        number: own.number.clone(),
        cancel,
        order_name: payload.order_name.clone(),
        merchant: settings.merchant.clone(),
        supplier: supplier.map(|known| known.name.clone()).unwrap_or_default(),
        planned_at: own.planned_at,
        placed_at: payload.placed_at,
        shipping_method: own
            .method
            .clone()
            .unwrap_or_else(|| payload.shipping_method.clone()),
        service: own.service.clone(),
        ship_to: payload.ship_to.clone(),
        lines: lines(own, payload, |line| {
            own.lines
                .iter()
                .filter(|known| &known.line == line)
                .map(|known| known.quantity)
                .sum()
        }),
        note: payload.note.clone(),
        attributes: payload.attributes.clone(),
    }
}

/// The supplier's numbers: those of the whole, else whatever its steps gave.
fn references(own: &PurchaseOrder) -> Vec<String> {
    let whole = own.sending.references();
    if whole.is_empty() {
        let given = own.sending.progress.extracted.values();
        given.flatten().cloned().collect()
    } else {
        whole.to_vec()
    }
}

fn lines(
    own: &PurchaseOrder,
    payload: &Payload,
    quantity: impl Fn(&LineId) -> u32,
) -> Vec<HandoverLine> {
    own.lines
        .iter()
        .map(|line| {
            let mut known = payload.lines.iter();
            let known = known.find(|known| known.id == line.line);
            HandoverLine {
                sku: line.sku.to_string(),
                supplier_sku: line.supplier_sku.to_string(),
                title: known.map(|known| known.title.clone()).unwrap_or_default(),
                quantity: quantity(&line.line),
                cost: line.cost.map(Money::decimal),
                currency: line.cost.map(|cost| cost.currency.to_string()),
                properties: known
                    .map(|known| known.properties.clone())
                    .unwrap_or_default(),
            }
        })
        .filter(|line| line.quantity > 0)
        .collect()
}

/// Media type, whether it carries the order, omitted fields, then the bytes as they are.
fn to_evidence(artifact: &Artifact) -> Vec<u8> {
    let carries = if artifact.carries_order {
        "order"
    } else {
        "step"
    };
    let head = format!(
        "{}\n{carries}\n{}\n",
        artifact.media_type,
        artifact.omits.join(",")
    );
    [head.as_bytes(), &artifact.bytes].concat()
}

fn from_evidence(stored: &[u8]) -> Option<Artifact> {
    let mut parts = stored.splitn(4, |byte| *byte == b'\n');
    let mut text = || String::from_utf8(parts.next()?.to_vec()).ok();
    let (media_type, carries, omits) = (text()?, text()?, text()?);
    let omits = omits
        .split(',')
        .filter(|field| !field.is_empty())
        .map(str::to_owned)
        .collect();
    Some(Artifact {
        media_type,
        omits,
        carries_order: carries == "order",
        bytes: parts.next()?.to_vec(),
    })
}
