//! The purchase orders of a chosen grouping: their numbers, when they are due, by which service.

use super::Planner;
use crate::money::Money;
use crate::order::purchase_order::PurchaseOrderLine;
use crate::order::topics::routing::PlannedPurchaseOrder;
use crate::purchase_order_number::{PurchaseOrderNumber, reference};
use crate::routing::budget::Slot;
use crate::routing::grouping::Wanted;
use crate::routing::one_commit::MOST_RESERVED;
use crate::routing::trace::Chosen;
use crate::settings::{Departure, SupplierSettings};
use crate::spending::Spending;
use std::collections::{BTreeMap, BTreeSet};

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
            &self.content.order_number,
            &self.order.id,
            self.facts.reference_taken,
        );
        let used = u32::try_from(self.order.purchase_orders.len()).unwrap_or(u32::MAX);
        let mut planned = Vec::with_capacity(by_source.len());
        for ((source, lines), counter) in by_source.into_iter().zip(used + 1..) {
            let supplier = self.sources[source].settings;
            let lines = self.reserved_in_part(lines, supplier);
            let spends = self.sources[source]
                .budget
                .as_ref()
                .and_then(|budget| Some((budget.limit, budget.spend(&lines, self.order)?)));
            let (departure, spending) = match spends {
                None => (supplier.departure(self.earliest), None),
                Some((limit, (slot, spending))) => {
                    self.note_spending(supplier, limit, &slot, &spending);
                    (slot.departure, Some(spending))
                }
            };
            self.note_departure(supplier, departure, spending.as_ref());
            let waits = departure.cut_off.is_some() || departure.at > self.facts.now;
            planned.push(PlannedPurchaseOrder {
                number: PurchaseOrderNumber::new(&channel.code, &reference, counter),
                supplier: supplier.id.clone(),
                lines,
                service: self.service(supplier),
                method: self
                    .order
                    .chosen_method()
                    .map(|method| method.name().to_owned()),
                due: waits.then_some(departure.at),
                released_at: Some(self.earliest).filter(|earliest| *earliest > self.facts.now),
                cut_off: departure.cut_off,
                spending,
            });
        }
        planned
    }

    /// As many articles as one commit can reserve.
    fn reserved_in_part(
        &mut self,
        mut lines: Vec<PurchaseOrderLine>,
        supplier: &SupplierSettings,
    ) -> Vec<PurchaseOrderLine> {
        let mut articles = BTreeSet::new();
        let mut beyond = 0;
        for line in lines.iter_mut().filter(|line| line.reserved) {
            if articles.len() < MOST_RESERVED || articles.contains(&line.supplier_sku) {
                articles.insert(line.supplier_sku.clone());
            } else {
                line.reserved = false;
                beyond += 1;
            }
        }
        if beyond > 0 {
            self.notes.push(format!(
                "{beyond} lines of {} are sent without a reservation: more than {MOST_RESERVED} articles",
                supplier.id
            ));
        }
        lines
    }

    fn service(&mut self, supplier: &SupplierSettings) -> Option<String> {
        let services = supplier.terms.services.as_ref()?;
        let chosen = self.content.shipping_method();
        let (code, title) = chosen.map_or(("", ""), |chosen| (&chosen.code, &chosen.title));
        let service = services.service(code, title)?;
        self.notes.push(format!(
            "shipping method {title:?} is {service} at {}",
            supplier.id
        ));
        Some(service.to_owned())
    }

    /// Why it does not go at once.
    fn note_departure(
        &mut self,
        supplier: &SupplierSettings,
        departure: Departure,
        spending: Option<&Spending>,
    ) {
        let id = &supplier.id;
        if let Some(cut_off) = departure.cut_off {
            self.notes
                .push(format!("goes with the batch of {id} at {cut_off}"));
            return;
        }
        let queued = spending.is_some_and(|spending| spending.queued_from.is_some());
        if self.earliest > self.facts.now {
            let over = self.earliest;
            self.notes
                .push(format!("the release delay is over at {over}"));
        }
        let calendar = supplier.terms.calendar.as_ref();
        if let Some(calendar) = calendar.filter(|_| !queued && departure.at > self.earliest) {
            let opening = departure.at.to_zoned(calendar.zone.clone());
            self.notes.push(format!("{id} is closed until {opening}"));
        }
    }

    fn note_spending(
        &mut self,
        supplier: &SupplierSettings,
        limit: Money,
        slot: &Slot,
        spending: &Spending,
    ) {
        let id = &supplier.id;
        let (total, day) = (spending.total(), spending.day);
        let what = format!("{id}'s spend_limit_per_day of {limit}");
        self.notes.push(match (slot.queued_from, spending.limit) {
            (Some(from), _) => format!(
                "{what} has no room for {total} on {}, where {} are spent: it goes on {day}",
                from.day, from.spent
            ),
            (None, Some(_)) => format!("{total} of {what} on {day}"),
            (None, None) => format!("{total} on {day}, past {what}: a person released it"),
        });
    }
}
