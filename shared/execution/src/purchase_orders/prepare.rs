//! The exact bytes for a supplier: rendered by the settings in force for every attempt, and checked.

use super::send::SupplierStep;
use crate::PreparationError;
use domain::ids::LineId;
use domain::money::Money;
use domain::order::news::Payload;
use domain::order::purchase_order::CancelRequest as Asked;
use domain::order::{AddressEdit, PurchaseOrder};
use ports::{Artifact, CancelRequest, Handover, HandoverLine};

impl SupplierStep<'_> {
    /// The artifact of the next attempt as the settings in force have it, checked and not stored.
    pub async fn prepare(&self) -> Result<Artifact, PreparationError> {
        if let Some(why) = self.other_way() {
            return Err(PreparationError::Impossible(why));
        }
        let asked = self.cancel_request();
        let payload = self.payload().await?;
        // Whatever a person let through: such a parcel arrives nowhere.
        let destination = payload.ship_to.reveal().destination(true);
        let needed = destination.lacks_essentials().join(", ");
        if asked.is_none() && !needed.is_empty() {
            let why = format!("the address has no {needed}");
            return Err(PreparationError::Impossible(why));
        }
        let handover = self.handover(&payload, asked);
        let progress = &self.step.sending.progress;
        let artifact = self.endpoint.prepare(&handover, progress)?;
        let decoded = self.endpoint.decode(&artifact)?;
        if artifact.carries_order {
            let missing = decoded.lacks(&handover, &artifact.omits);
            if !missing.is_empty() {
                let why = format!("the artifact lacks {}", missing.join(", "));
                return Err(PreparationError::Impossible(why));
            }
        }
        Ok(artifact)
    }

    fn cancel_request(&self) -> Option<&Asked> {
        let request = self.step.subject.request()?;
        self.purchase_order.cancel(request)
    }

    /// After a step that is done the supplier has a draft, which only the way it came by can go on with.
    fn other_way(&self) -> Option<String> {
        let sending = self.step.sending;
        let done = sending.done_via.as_ref()?;
        let last_step = sending.progress.steps.len().checked_sub(1)?;
        let now = self.step.sender.via(self.step.subject, last_step);
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
    async fn payload(&self) -> Result<Payload, PreparationError> {
        let orders = self.step.execution.orders.as_ref();
        let (order, purchase_order) = (&self.step.order.id, self.purchase_order);
        let erased = || PreparationError::Impossible("the payload was erased".to_owned());
        let planned = orders.payload(order, purchase_order.payload).await?;
        let mut payload = planned.ok_or_else(erased)?;
        let mut edit = payload.edit_digest();
        if let Some(number) = purchase_order.address {
            let corrected = orders.payload(order, number).await?;
            let corrected = corrected.ok_or_else(erased)?;
            edit = AddressEdit::edit_of(&corrected.address_digest(), &edit);
            payload.ship_to = corrected.ship_to;
        }
        if edit != purchase_order.edit {
            return Err(PreparationError::Impossible(format!(
                "payload {} is not the one that was received",
                purchase_order.payload
            )));
        }
        Ok(payload)
    }

    fn handover(&self, payload: &Payload, asked: Option<&Asked>) -> Handover {
        let settings = self.purchase_orders.settings();
        let purchase_order = self.purchase_order;
        let supplier = settings.suppliers.get(&purchase_order.supplier);
        let request = asked.zip(self.step.subject.request());
        let cancel = request.map(|(asked, request)| CancelRequest {
            id: format!("X{request}"),
            whole: asked.whole,
            why: asked.why.clone(),
            references: references(purchase_order),
            lines: lines(purchase_order, payload, |line| {
                asked.lines.get(line).copied().unwrap_or(0)
            }),
        });
        Handover {
            number: purchase_order.number.clone(),
            cancel,
            order_name: payload.order_name.clone(),
            merchant: settings.merchant.clone(),
            supplier: supplier.map(|known| known.name.clone()).unwrap_or_default(),
            planned_at: purchase_order.planned_at,
            placed_at: payload.placed_at,
            shipping_method: purchase_order
                .method
                .clone()
                .unwrap_or_else(|| payload.shipping_method.clone()),
            service: purchase_order.service.clone(),
            ship_to: payload.ship_to.clone(),
            lines: lines(purchase_order, payload, |line| {
                let ordered = purchase_order.lines.iter();
                let ordered = ordered.filter(|known| &known.line == line);
                ordered.map(|known| known.quantity).sum()
            }),
            note: payload.note.clone(),
            attributes: payload.attributes.clone(),
        }
    }
}

/// The supplier's numbers: those of the whole, else whatever its steps gave.
fn references(purchase_order: &PurchaseOrder) -> Vec<String> {
    let whole = purchase_order.sending.references();
    if whole.is_empty() {
        let given = purchase_order.sending.progress.extracted.values();
        given.flatten().cloned().collect()
    } else {
        whole.to_vec()
    }
}

fn lines(
    purchase_order: &PurchaseOrder,
    payload: &Payload,
    quantity: impl Fn(&LineId) -> u32,
) -> Vec<HandoverLine> {
    purchase_order
        .lines
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
