//! One order that lives on between its plans, and the stock that its commits leave.

use crate::case::{Case, Step, line_id, money, order_id, start};
use domain::catalogue::OfferWithStock;
use domain::commit::{Change, Commit};
use domain::digest::Digest;
use domain::ids::{LineId, RefundId, SupplierId, SupplierSku};
use domain::invariants::broken;
use domain::money::Money;
use domain::order::answer::{Rejection, RejectionReason};
use domain::order::decide::{Accepted, Command, LineOutcome, LineStatus, Outcome};
use domain::order::events::{Event, Recorded};
use domain::order::news::{ChannelEvent, Refund, RefundedUnits};
use domain::order::topics::routing::Routed;
use domain::order::{Order, Wait, WaitKind};
use domain::routing::{Facts, Plan, plan};
use domain::sending::subject::SendSubject;
use domain::settings::{Settings, Split};
use domain::spending::{SpendingChange, Spent, sums};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// An order with its history, and the stock that its commits leave.
pub(super) struct World {
    pub(super) case: Case,
    pub(super) settings: Settings,
    pub(super) offers: Vec<OfferWithStock>,
    pub(super) order: Order,
    pub(super) history: Vec<Recorded>,
    pub(super) now: Timestamp,
    /// What each purchase order has reserved of a supplier's SKU.
    pub(super) reserved: BTreeMap<(String, SupplierId, SupplierSku), u32>,
    /// What counts against suppliers' spend limits.
    pub(super) spent: Vec<Spent>,
}

impl World {
    pub(super) fn new(case: &Case) -> Self {
        let mut world = Self {
            settings: case.settings(),
            offers: case.offers.clone(),
            case: case.clone(),
            order: Order::new(order_id()),
            history: Vec::new(),
            now: start(),
            reserved: BTreeMap::new(),
            spent: Vec::new(),
        };
        world.hears(&case.snapshot(0));
        world
    }

    pub(super) fn hears(&mut self, news: &ChannelEvent) {
        let (events, _) = self.order.merge(news);
        self.commits(events);
    }

    pub(super) fn commits(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let (commit, after) = Commit::new(&self.order, events, self.now).unwrap();
        for change in &commit.reservations {
            let key = (
                change.purchase_order.to_string(),
                change.supplier.clone(),
                change.supplier_sku.clone(),
            );
            match &change.change {
                Change::Reserve(units) => {
                    let available = self.available(&change.supplier, &change.supplier_sku);
                    let available = available.expect("only tracked stock is reserved");
                    assert!(
                        available >= i64::from(*units),
                        "{units} of {}/{} reserved, {available} available",
                        change.supplier,
                        change.supplier_sku
                    );
                    self.take(&change.supplier, &change.supplier_sku, i64::from(*units));
                    assert!(
                        self.reserved.insert(key, *units).is_none(),
                        "reserved twice"
                    );
                }
                Change::ReserveAgain(units) => {
                    self.take(&change.supplier, &change.supplier_sku, i64::from(*units));
                    *self.reserved.entry(key).or_default() += units;
                }
                Change::GiveBack(units) => {
                    let held = self.reserved.get_mut(&key).expect("was reserved");
                    *held = held.checked_sub(*units).expect("no more than was reserved");
                    if *held == 0 {
                        self.reserved.remove(&key);
                    }
                    self.take(&change.supplier, &change.supplier_sku, -i64::from(*units));
                }
                Change::SoldOut => {
                    let available = self.available(&change.supplier, &change.supplier_sku);
                    let left = available.expect("only tracked stock is sold out").max(0);
                    self.take(&change.supplier, &change.supplier_sku, left);
                }
                Change::Sent(_) => assert!(self.reserved.contains_key(&key), "was reserved"),
            }
        }
        for change in &commit.spending {
            self.spends(change);
        }
        self.history.extend(commit.events);
        self.order = after;
        assert_eq!(
            sums::broken([&self.order], &self.spent),
            Vec::<String>::new()
        );
        assert_eq!(broken(&self.order, &self.history), Vec::<String>::new());
    }

    /// As a store does.
    fn spends(&mut self, change: &SpendingChange) {
        let same = |row: &&mut Spent| {
            row.supplier == change.supplier
                && row.day == change.day
                && row.money.currency == change.currency
        };
        let spent = if let Some(row) = self.spent.iter_mut().find(same) {
            row.money.minor += change.by;
            row.money.minor
        } else {
            self.spent.push(Spent {
                supplier: change.supplier.clone(),
                day: change.day,
                money: Money {
                    minor: change.by,
                    currency: change.currency,
                },
            });
            change.by
        };
        assert!(spent >= 0, "more given back than was spent: {change:?}");
        assert!(
            change.limit.is_none_or(|limit| spent <= limit),
            "{spent} spent: {change:?}"
        );
    }

    pub(super) fn available(
        &self,
        supplier: &SupplierId,
        supplier_sku: &SupplierSku,
    ) -> Option<i64> {
        let own = |known: &&OfferWithStock| {
            known.offer.supplier == *supplier && known.offer.supplier_sku == *supplier_sku
        };
        let offer = self.offers.iter().find(own)?;
        Some(offer.stock.as_ref()?.available)
    }

    pub(super) fn take(&mut self, supplier: &SupplierId, supplier_sku: &SupplierSku, units: i64) {
        for known in &mut self.offers {
            if known.offer.supplier == *supplier
                && known.offer.supplier_sku == *supplier_sku
                && let Some(stock) = &mut known.stock
            {
                stock.available -= units;
            }
        }
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        self.facts_with(&self.offers)
    }

    pub(super) fn facts_with<'a>(&'a self, offers: &'a [OfferWithStock]) -> Facts<'a> {
        Facts {
            settings: &self.settings,
            offers,
            spent: &self.spent,
            now: self.now,
            reference_taken: self.case.reference_taken,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&self.order, &self.facts()).expect("the content is known")
    }

    /// Plans, checks the plan, and carries it out.
    pub(super) fn routes(&mut self) {
        let plan = self.plan();
        self.check(routed(&plan), &plan);
        let first = routed(&plan).clone();
        let events = self.order.decide(plan.command, self.now).unwrap();
        self.commits(events);
        assert_eq!(self.order.needs_routing, None);
        let again = self.plan();
        self.check(routed(&again), &again);
        // Stock that was short may suffice now that the others have their supplier; nothing else
        // that was decided is decided anew.
        let held = |line: &LineId| {
            first
                .state
                .holds
                .iter()
                .any(|hold| hold.lines.contains_key(line))
        };
        for line in routed(&again)
            .purchase_orders
            .iter()
            .flat_map(|own| &own.lines)
        {
            assert!(held(&line.line), "planned again what is planned: {again:?}");
        }
    }

    /// Each unit that no live purchase order has is in exactly one place of the plan.
    pub(super) fn check(&self, routed: &Routed, plan: &Plan) {
        let mut order = self.order.clone();
        let Command::Route { void, .. } = &plan.command else {
            unreachable!("a plan routes");
        };
        // Units of what is voided are free again.
        order
            .purchase_orders
            .retain(|own| !void.iter().any(|(number, _)| number == &own.number));
        for at in 0..self.case.lines.len() {
            let line = line_id(at);
            let planned: Vec<u64> = routed
                .purchase_orders
                .iter()
                .flat_map(|own| &own.lines)
                .filter(|own| own.line == line)
                .map(|own| u64::from(own.quantity))
                .collect();
            let held: Vec<u64> = routed
                .state
                .holds
                .iter()
                .filter_map(|hold| hold.lines.get(&line))
                .map(|units| u64::from(*units))
                .collect();
            let not_ours: Vec<u64> = routed
                .state
                .not_ours
                .iter()
                .filter(|own| own.line == line)
                .map(|own| u64::from(own.quantity))
                .collect();
            for parts in [&planned, &held, &not_ours] {
                assert!(
                    parts.iter().all(|units| *units > 0),
                    "an empty place: {routed:?}"
                );
            }
            let placed: u64 = [planned, held, not_ours].iter().flatten().sum();
            let open = u64::from(order.unallocated(&line));
            let waiting = routed.state.waits.iter();
            let waiting = waiting.filter_map(|wait| wait.lines.get(&line));
            let waiting: u64 = waiting.map(|units| u64::from(*units)).sum();
            let follows = |wait: &Wait| wait.kind == WaitKind::NextCommit;
            if routed.state.waits.iter().any(follows) {
                assert!(placed <= open, "{placed} of {open} placed: {routed:?}");
            } else {
                assert_eq!(placed + waiting, open, "of line {line}: {routed:?}");
            }
        }
        for own in &routed.purchase_orders {
            assert!(!own.lines.is_empty(), "an empty purchase order: {routed:?}");
            for line in &own.lines {
                let sold = self.offers.iter().any(|known| {
                    known.offer.supplier == own.supplier
                        && known.offer.supplier_sku == line.supplier_sku
                        && known.offer.sku == line.sku
                });
                assert!(sold, "nobody offers that: {routed:?}");
            }
        }
        let suppliers = routed.purchase_orders.iter().map(|own| &own.supplier);
        if self.settings.rules.split == Split::Never {
            assert!(suppliers.collect::<BTreeSet<_>>().len() <= 1, "{routed:?}");
        }
    }

    pub(super) fn step(&mut self, at: usize, step: &Step) {
        self.now += SignedDuration::from_mins(20);
        match step {
            Step::Paid => self.case.paid = true,
            Step::Tagged(tagged) => self.case.never_send = *tagged,
            Step::Moved(destination) => self.case.destination = *destination,
            Step::Ordered(line, quantity) => {
                if let Some(line) = self.case.lines.get_mut(*line) {
                    line.quantity = *quantity;
                }
            }
            Step::Refunded(line, units) => {
                let refund = Refund {
                    id: RefundId::parse(format!("{}", 800 + at)).unwrap(),
                    created_at: Some(self.now),
                    units: [(
                        line_id(*line),
                        RefundedUnits {
                            cancelled: *units,
                            ..RefundedUnits::default()
                        },
                    )]
                    .into(),
                    amount: Some(money(1_999)),
                };
                self.hears(&ChannelEvent::Refund {
                    order: order_id().own,
                    refund,
                });
            }
            Step::Sent(outcome) => self.sends(*outcome),
            Step::Released => {
                let command = Command::Release {
                    method: None,
                    who: "Grace".to_owned(),
                    why: "it is right".to_owned(),
                };
                if let Ok(events) = self.order.decide(command, self.now) {
                    self.commits(events);
                }
            }
            Step::CancelledHere => {
                let command = Command::Cancel {
                    who: "Grace".to_owned(),
                    why: "the customer called".to_owned(),
                };
                let events = self.order.decide(command, self.now).unwrap();
                self.commits(events);
            }
            Step::Later => self.now += SignedDuration::from_hours(100),
        }
        let news = self.case.snapshot(1 + i64::try_from(at).unwrap());
        self.hears(&news);
    }

    pub(super) fn sends(&mut self, outcome: usize) {
        let numbers: Vec<_> = self.order.live().map(|own| own.number.clone()).collect();
        for number in numbers {
            let claim = Command::StartSend {
                id: SendSubject::from(&number),
                artifact: Digest::of(b"artifact"),
                resolve_at: self.now + SignedDuration::from_mins(1),
                cut_off: None,
                via: domain::sending::via::Via::new("mail", "smtp mail.example:25"),
            };
            let claimed = self.order.decide(claim, self.now);
            let Ok(events) = claimed else { continue };
            if Commit::new(&self.order, events.clone(), self.now).is_err() {
                continue;
            }
            self.commits(events);
            let outcome = match outcome {
                0 => Outcome::Accepted(Accepted::default()),
                1 => Outcome::NotSent {
                    retry_after: None,
                    why: "busy".to_owned(),
                },
                2 => Outcome::InDoubt {
                    why: "silence".to_owned(),
                    evidence: None,
                    can_look_up: true,
                },
                3 => Outcome::Rejected {
                    why: rejection(),
                    hold: false,
                },
                4 => {
                    let own = self.order.purchase_order(&number).unwrap();
                    let refused = own.lines.iter().map(|line| LineOutcome {
                        supplier_sku: line.supplier_sku.to_string(),
                        quantity: line.quantity.div_ceil(2),
                        status: LineStatus::Rejected(rejection()),
                    });
                    Outcome::Accepted(Accepted {
                        lines: refused.collect(),
                        ..Accepted::default()
                    })
                }
                _ => return,
            };
            let attempt = self.order.purchase_order(&number).unwrap().sending.attempts;
            let command = Command::RecordOutcome {
                id: SendSubject::from(&number),
                attempt,
                outcome,
            };
            let events = self.order.decide(command, self.now).unwrap();
            self.commits(events);
            return;
        }
    }
}

fn rejection() -> Rejection {
    Rejection {
        reason: RejectionReason::IneligibleProduct,
        detail: "HTTP 422".to_owned(),
        evidence: None,
    }
}

pub(super) fn routed(plan: &Plan) -> &Routed {
    let Command::Route { routed, .. } = &plan.command else {
        unreachable!("a plan routes");
    };
    routed
}

/// A plan as bytes: what is committed, and the trace.
pub(super) fn bytes(plan: &Plan) -> Vec<u8> {
    let Command::Route { void, cancel, .. } = &plan.command else {
        unreachable!("a plan routes");
    };
    let wishes: Vec<String> = cancel.iter().map(|wish| format!("{wish:?}")).collect();
    serde_json::to_vec(&(void, wishes, routed(plan), &plan.trace)).unwrap()
}
