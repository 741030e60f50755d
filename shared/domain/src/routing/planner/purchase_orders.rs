//! The purchase orders of a chosen grouping: their numbers, when they are due, by which service.

use super::Planner;
use crate::calendar::next_opening;
use crate::order::PurchaseOrderLine;
use crate::order::event::PlannedPurchaseOrder;
use crate::purchase_order_number::{PurchaseOrderNumber, reference};
use crate::routing::grouping::Wanted;
use crate::routing::trace::Chosen;
use crate::settings::SupplierSettings;
use std::collections::BTreeMap;

impl<'a> Planner<'a> {
    pub(super) fn place(
        &mut self,
        wanted: &[Wanted<'a>],
        path: &[usize],
    ) -> Vec<PlannedPurchaseOrder> {
        let Some(channel) = self.facts.channel(self.order) else {
            return Vec::new();
        };
        let mut by_source: BTreeMap<usize, Vec<PurchaseOrderLine>> = BTreeMap::new();
        for (wanted, choice) in wanted.iter().zip(path) {
            let Some(sku) = wanted.line.sku.clone() else {
                continue;
            };
            self.open.remove(&wanted.line.id);
            for part in &wanted.choices[*choice] {
                let own = self
                    .lines
                    .iter_mut()
                    .find(|trace| trace.line == wanted.line.id);
                if let Some(trace) = own {
                    trace.chosen.push(Chosen {
                        supplier: part.offer.offer.supplier.clone(),
                        quantity: part.units,
                    });
                }
                by_source
                    .entry(part.source)
                    .or_default()
                    .push(PurchaseOrderLine {
                        line: wanted.line.id.clone(),
                        sku: sku.clone(),
                        supplier_sku: part.offer.offer.supplier_sku.clone(),
                        quantity: part.units,
                        cost: part.offer.offer.cost,
                        reserved: part.offer.stock.is_some(),
                    });
            }
        }
        let reference = reference(
            &self.content.sequential,
            &self.order.id,
            self.facts.reference_taken,
        );
        let used = u32::try_from(self.order.purchase_orders.len()).unwrap_or(u32::MAX);
        let mut planned = Vec::with_capacity(by_source.len());
        for ((source, lines), counter) in by_source.into_iter().zip(used + 1..) {
            let supplier = self.sources[source].settings;
            let cut_off = self.cut_off(supplier);
            planned.push(PlannedPurchaseOrder {
                number: PurchaseOrderNumber::new(&channel.code, &reference, counter),
                supplier: supplier.id.clone(),
                lines,
                service: self.service(supplier),
                due: cut_off.or_else(|| self.due(supplier)),
                cut_off,
            });
        }
        planned
    }

    fn service(&mut self, supplier: &SupplierSettings) -> Option<String> {
        let services = supplier.terms.services.as_ref()?;
        let chosen = self.content.shipping.as_ref();
        let (code, title) = chosen.map_or(("", ""), |chosen| (&chosen.code, &chosen.title));
        let service = services.service(code, title)?;
        self.notes.push(format!(
            "shipping method {title:?} is {service} at {}",
            supplier.id
        ));
        Some(service.to_owned())
    }

    fn cut_off(&mut self, supplier: &SupplierSettings) -> Option<jiff::Timestamp> {
        let cut_off = supplier.next_batch(self.facts.now)?;
        self.notes.push(format!(
            "goes with the batch of {} at {cut_off}",
            supplier.id
        ));
        Some(cut_off)
    }

    fn due(&mut self, supplier: &SupplierSettings) -> Option<jiff::Timestamp> {
        let calendar = supplier.terms.calendar.as_ref()?;
        let opening = next_opening(calendar, self.facts.now);
        if opening <= self.facts.now {
            return None;
        }
        self.notes.push(format!(
            "{} is closed until {}",
            supplier.id,
            opening.to_zoned(calendar.zone.clone())
        ));
        Some(opening)
    }
}
