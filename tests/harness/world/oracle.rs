//! Every promise, checked against what is stored and what the suppliers' own counts say.

use super::World;
use domain::cases::CaseKind;
use domain::order::Order;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::machine::SendState;
use ports::{Clock as _, IncidentStore as _, OfferStore as _, OrderIndex as _, OrderStore as _};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

impl World {
    /// Every purchase order that any supplier has, by its own count.
    pub fn received(&self) -> BTreeMap<String, usize> {
        let mut received = self.supplier.taken();
        for (number, times) in self.elsewhere.taken() {
            *received.entry(number).or_default() += times;
        }
        for (number, times) in self.mail.delivered() {
            *received.entry(number).or_default() += times;
        }
        for request in self.printful.requests() {
            let number = request.json()["external_id"].as_str().map(str::to_owned);
            if let Some(number) = number
                && let Some((_, bought @ 1..)) = self.printful.order(&number)
            {
                received.insert(number, bought as usize);
            }
        }
        let mut folders = vec![self.folder.path().join("outbox")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                let hidden = entry.file_name().to_string_lossy().starts_with('.');
                if path.is_dir() && !hidden {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| {
                    ["csv", "eml", "json"].iter().any(|known| ending == *known)
                }) {
                    for number in numbers_in(&path) {
                        *received.entry(number).or_default() += 1;
                    }
                }
            }
        }
        received
    }

    /// What the indexes say of it, against what it is known by and where anything of it is open.
    async fn not_found_as_it_is(&self, order: &Order) -> Vec<String> {
        let mut broken = Vec::new();
        for reference in order.references() {
            let found = self.store.find(&reference).await.unwrap();
            if !found.contains(&order.id) {
                broken.push(format!("{} is not found by {reference:?}", order.id));
            }
        }
        let open = order.open_suppliers();
        let asked: BTreeSet<_> = order
            .purchase_orders
            .iter()
            .map(|own| &own.supplier)
            .collect();
        for supplier in asked {
            let found = self.store.open(supplier, None, 1000).await.unwrap().orders;
            if found.contains(&order.id) != open.contains(supplier) {
                broken.push(format!("{} is open at {supplier}, or is not", order.id));
            }
        }
        broken
    }

    /// Every invariant, and that nothing stays where nothing would move it; empty when all holds.
    pub async fn broken(&self) -> Vec<String> {
        let received = self.received();
        let mut broken: Vec<String> = received
            .iter()
            .filter(|(_, times)| **times > 1)
            .map(|(number, times)| format!("nothing doubled: {number} x {times}"))
            .collect();
        let mut ids = self.store.list(None, 1000).await.unwrap().orders;
        ids.sort();
        for id in ids {
            if let Err(error) = self.store.load(&id).await.unwrap().unwrap().fold() {
                broken.push(format!("state is the fold: {error}"));
            }
        }
        broken.extend(self.suppressed_and_not_paused().await);
        let mut reserved = BTreeMap::new();
        let mut sent = BTreeSet::new();
        for (order, history) in self.orders().await {
            broken.extend(
                domain::invariants::broken(&order, &history)
                    .into_iter()
                    .map(|why| format!("{}: {why}", order.id)),
            );
            broken.extend(self.not_found_as_it_is(&order).await);
            if order.needs_routing.is_some() {
                broken.push(format!("{} still waits for routing", order.id));
            }
            for own in &order.purchase_orders {
                if matches!(own.sending.state, SendState::Sent { .. }) {
                    sent.insert(own.number.clone());
                }
                let has = received.contains_key(own.number.as_str());
                match &own.sending.state {
                    // A mail service that does not report its delivery makes it a case.
                    SendState::Sent { .. } if !has && !self.is_unconfirmed(&order, &own.number) => {
                        broken.push(format!(
                            "nothing lost: {} is sent and not there",
                            own.number
                        ));
                    }
                    SendState::Voided { .. } | SendState::Rejected { .. } if has => {
                        broken.push(format!(
                            "{} is there and {}",
                            own.number,
                            own.sending.state.name()
                        ));
                    }
                    SendState::SendStarted { .. } => {
                        broken.push(format!("{} is stuck in sending", own.number));
                    }
                    SendState::BetweenSteps { .. }
                        if !self.is_case(&order, own.number.as_str()) =>
                    {
                        broken.push(format!("{} is between steps and no case", own.number));
                    }
                    // The webhook came so late that it goes with the next batch.
                    SendState::Planned { .. }
                        if own
                            .cut_off
                            .is_some_and(|cut_off| cut_off > self.clock.now()) => {}
                    SendState::Planned { .. } if !self.is_case(&order, own.number.as_str()) => {
                        broken.push(format!("{} is planned and no case", own.number));
                    }
                    SendState::InDoubt { .. } if !self.is_case(&order, own.number.as_str()) => {
                        broken.push(format!("{} is in doubt and no case", own.number));
                    }
                    SendState::Sent { .. }
                    | SendState::Voided { .. }
                    | SendState::Rejected { .. }
                    | SendState::Planned { .. }
                    | SendState::BetweenSteps { .. }
                    | SendState::InDoubt { .. } => {}
                }
                for line in own
                    .lines
                    .iter()
                    .filter(|line| line.reserved && own.holds_reservation())
                {
                    *reserved
                        .entry((own.number.clone(), line.supplier_sku.clone()))
                        .or_insert(0) += own.remaining(line);
                }
            }
        }
        let rows: BTreeMap<_, _> = self
            .store
            .reservations()
            .await
            .unwrap()
            .into_iter()
            .map(|row| ((row.purchase_order, row.supplier_sku), row.quantity))
            .collect();
        // A newer feed accounts for what was sent before it, and drops that reservation.
        let settled = |number: &PurchaseOrderNumber| sent.contains(number);
        let missing = reserved
            .iter()
            .any(|(key, quantity)| rows.get(key) != Some(quantity) && !settled(&key.0));
        if missing
            || rows
                .iter()
                .any(|(key, quantity)| reserved.get(key) != Some(quantity))
        {
            broken.push(format!(
                "stock adds up: reserved {rows:?}, live purchase orders want {reserved:?}"
            ));
        }
        let orders: Vec<Order> = self
            .orders()
            .await
            .into_iter()
            .map(|(order, _)| order)
            .collect();
        let spending = self.store.spending().await.unwrap();
        broken.extend(
            domain::spending::sums::broken(&orders, &spending)
                .into_iter()
                .map(|why| format!("spending adds up: {why}")),
        );
        broken.extend(past_the_limit(&orders));
        for (supplier, sku, stock) in self.store.stock().await.unwrap() {
            let held: i64 = self
                .store
                .reservations()
                .await
                .unwrap()
                .iter()
                .filter(|row| row.supplier == supplier && row.supplier_sku == sku)
                .map(|row| i64::from(row.quantity))
                .sum();
            if stock.available + held != i64::from(stock.stock) {
                broken.push(format!(
                    "stock adds up: {supplier} {sku}: {} + {held} is not {}",
                    stock.available, stock.stock
                ));
            }
        }
        broken
    }

    /// Suppliers whose address the mail service suppressed, and for whom nobody was asked to act.
    async fn suppressed_and_not_paused(&self) -> Vec<String> {
        let open = self.store.incidents().await.unwrap();
        let closed = self.store.closed_incidents(1000).await.unwrap();
        let incidents: BTreeSet<_> = open
            .into_iter()
            .chain(closed.into_iter().map(|(incident, _)| incident))
            .filter(|incident| incident.kind == CaseKind::MailSuppressed)
            .map(|incident| incident.cause)
            .collect();
        let orders = self.orders().await;
        let purchase_orders = orders.iter().flat_map(|(order, _)| &order.purchase_orders);
        purchase_orders
            .filter(|own| {
                matches!(&own.sending.state, SendState::Rejected { why, .. }
                    if why.detail == crate::mail::SUPPRESSED)
            })
            .filter(|own| !incidents.contains(own.supplier.as_str()))
            .map(|own| format!("nothing silent: {} is suppressed, no incident", own.number))
            .collect()
    }

    fn is_unconfirmed(&self, order: &Order, number: &PurchaseOrderNumber) -> bool {
        let cases = order.cases(self.clock.now());
        cases.iter().any(|case| {
            case.kind == CaseKind::MailUnconfirmed && case.purchase_order.as_ref() == Some(number)
        })
    }

    fn is_case(&self, order: &Order, number: &str) -> bool {
        order.cases(self.clock.now()).iter().any(|entry| {
            entry
                .purchase_order
                .as_ref()
                .is_some_and(|own| own.as_str() == number)
                && entry.kind != CaseKind::Stuck
        })
    }
}

/// Days on which purchase orders that nobody released come to more than the limit they were planned
/// with.
fn past_the_limit(orders: &[Order]) -> Vec<String> {
    let mut days: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for own in orders.iter().flat_map(|order| &order.purchase_orders) {
        if let Some(spending) = &own.spending
            && let Some(limit) = spending.limit
        {
            let day = days.entry((&own.supplier, spending.day)).or_default();
            day.0 += domain::spending::sums::spent(own);
            day.1 = day.1.max(limit);
        }
    }
    days.iter()
        .filter(|(_, (spent, limit))| spent > limit)
        .map(|((supplier, day), (spent, limit))| {
            format!("spend limit: {supplier} on {day}: {spent} of {limit}")
        })
        .collect()
}

/// A file's own name, or the first cells of the rows of a batch, which is called by its supplier and
/// its cut-off.
fn numbers_in(path: &Path) -> BTreeSet<String> {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    if !name.starts_with("quay-2") {
        return [name].into();
    }
    let text = std::fs::read_to_string(path).unwrap();
    let cells = text.lines().skip(1);
    let cells = cells.filter_map(|row| row.split([',', ';']).next());
    cells.map(str::to_owned).collect()
}
