//! Promises of [`plan`] over random orders, offers, stock and rules, through the public types alone.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of a test")]

use domain::address::Address;
use domain::catalogue::{Offer, OfferWithStock, Stock};
use domain::commit::{Change, Commit};
use domain::digest::Digest;
use domain::ids::{
    ChannelCode, ChannelId, LineId, OrderId, RefundId, Sku, SupplierId, SupplierSku,
};
use domain::invariants::broken;
use domain::money::{Currency, Money};
use domain::order::Order;
use domain::order::decide::{Command, Outcome};
use domain::order::event::{Recorded, Routed};
use domain::order::news::{
    ChannelEvent, Content, Line, OrderSnapshot, Payload, PayloadLine, Refund,
};
use domain::personal::Personal;
use domain::routing::{Facts, Plan, plan};
use domain::settings::{ChannelSettings, Merchant, Rules, Settings, Split, SupplierSettings};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SUPPLIERS: [&str; 4] = ["east", "north", "south", "west"];
/// The fifth belongs to no supplier that is configured.
const OFFERING: [&str; 5] = ["east", "north", "south", "west", "gone"];
const SKUS: [&str; 4] = ["CHAIR", "CLOCK", "LAMP", "MUG"];

fn start() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

/// Everything that a case is made of.
#[derive(Debug, Clone)]
struct Case {
    lines: Vec<LineSpec>,
    offers: Vec<OfferWithStock>,
    /// As many as there are suppliers.
    priorities: Vec<(u32, bool)>,
    split: Split,
    never_send: bool,
    destination: usize,
    test: bool,
    old: bool,
    paid: bool,
    reference_taken: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct LineSpec {
    sku: Option<usize>,
    quantity: u32,
    removed: u32,
    fulfilled: u32,
    not_ours: bool,
}

/// What happens after the first plan.
#[derive(Debug, Clone)]
enum Step {
    Paid,
    Tagged(bool),
    /// Units of the line at this place.
    Refunded(usize, u32),
    Moved(usize),
    Ordered(usize, u32),
    /// The first purchase order that can be is sent, with this outcome.
    Sent(usize),
    Released,
    CancelledHere,
    Later,
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0..5_u32, 1 => 0..100_u32, 1 => Just(u32::MAX)]
}

fn line() -> impl Strategy<Value = LineSpec> {
    (
        prop::option::weighted(0.95, 0..SKUS.len()),
        prop_oneof![8 => 1..5_u32, 1 => Just(u32::MAX)],
        prop_oneof![4 => Just(0), 1 => 0..4_u32],
        prop_oneof![4 => Just(0), 1 => small()],
        prop::bool::weighted(0.05),
    )
        .prop_map(|(sku, quantity, removed, fulfilled, not_ours)| LineSpec {
            sku,
            quantity,
            removed,
            fulfilled,
            not_ours,
        })
}

/// Unique by SKU, supplier and its SKU; offers of one supplier SKU share one stock.
fn offers() -> impl Strategy<Value = Vec<OfferWithStock>> {
    let stock = (small(), -3..3_i64, 0..100_i64);
    let stocks = prop::collection::vec(prop::option::weighted(0.7, stock), OFFERING.len() * 2);
    let offer = (
        0..SKUS.len(),
        0..OFFERING.len(),
        0..2_usize,
        prop::option::of(1..5_000_i64),
        prop::bool::weighted(0.03),
    );
    (stocks, prop::collection::vec(offer, 0..20)).prop_map(|(stocks, offers)| {
        let mut seen = BTreeSet::new();
        let mut made = Vec::new();
        for (sku, supplier, own, cost, not_dropshipped) in offers {
            if !seen.insert((sku, supplier, own)) {
                continue;
            }
            let stock = stocks[supplier * 2 + own].map(|(stock, reserved, hours)| Stock {
                stock,
                available: (i64::from(stock) - reserved).min(i64::from(stock)),
                as_of: start() - SignedDuration::from_hours(hours),
            });
            made.push(OfferWithStock {
                offer: Offer {
                    sku: Sku::parse(SKUS[sku]).unwrap(),
                    supplier: SupplierId::parse(OFFERING[supplier]).unwrap(),
                    supplier_sku: SupplierSku::parse(format!("X-{own}")).unwrap(),
                    cost: cost.map(money),
                    not_dropshipped,
                },
                stock,
            });
        }
        made
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Paid),
        any::<bool>().prop_map(Step::Tagged),
        (0..4_usize, small()).prop_map(|(line, units)| Step::Refunded(line, units)),
        (0..DESTINATIONS).prop_map(Step::Moved),
        (0..4_usize, 1..6_u32).prop_map(|(line, quantity)| Step::Ordered(line, quantity)),
        (0..5_usize).prop_map(Step::Sent),
        Just(Step::Released),
        Just(Step::CancelledHere),
        Just(Step::Later),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let rare = || prop::bool::weighted(0.05);
    (
        prop::collection::vec(line(), 0..5),
        offers(),
        prop::collection::vec((0..3_u32, any::<bool>()), SUPPLIERS.len()),
        prop::sample::select(vec![Split::Allow, Split::Allow, Split::Never]),
        prop_oneof![6 => Just(0), 1 => 0..DESTINATIONS],
        (rare(), rare(), rare(), prop::bool::weighted(0.9), rare()),
        prop::collection::vec(step(), 0..5),
    )
        .prop_map(
            |(lines, offers, priorities, split, destination, flags, steps)| {
                let (never_send, test, old, paid, reference_taken) = flags;
                Case {
                    lines,
                    offers,
                    priorities,
                    split,
                    never_send,
                    destination,
                    test,
                    old,
                    paid,
                    reference_taken,
                    steps,
                }
            },
        )
}

fn money(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

const DESTINATIONS: usize = 4;

fn address(which: usize) -> Address {
    let whole = Address {
        name: "Ada Example".to_owned(),
        address1: "1 Main St".to_owned(),
        city: "Lexington".to_owned(),
        province_code: "KY".to_owned(),
        zip: "40507".to_owned(),
        country_code: "US".to_owned(),
        ..Address::default()
    };
    match which {
        0 => whole,
        1 => Address {
            address1: "PO Box 7".to_owned(),
            ..whole
        },
        2 => Address {
            province_code: "AE".to_owned(),
            ..whole
        },
        _ => Address::default(),
    }
}

impl Case {
    fn settings(&self) -> Settings {
        let suppliers = SUPPLIERS.iter().zip(&self.priorities);
        let suppliers = suppliers.map(|(id, (priority, everywhere))| SupplierSettings {
            id: SupplierId::parse(*id).unwrap(),
            name: (*id).to_owned(),
            method: "csv".to_owned(),
            priority: *priority,
            po_box: *everywhere,
            military: *everywhere,
            concurrency: 1,
            specific: serde_json::Value::Null,
        });
        let channel = ChannelSettings {
            id: ChannelId::parse("acme").unwrap(),
            kind: "shopify".to_owned(),
            code: ChannelCode::parse("SH").unwrap(),
            start_from: start() - SignedDuration::from_hours(24),
            secrets: Vec::new(),
            specific: serde_json::Value::Null,
        };
        Settings {
            digest: Digest::of(b"settings"),
            merchant: Merchant::default(),
            channels: [(channel.id.clone(), channel)].into(),
            suppliers: suppliers
                .map(|supplier| (supplier.id.clone(), supplier))
                .collect(),
            rules: Rules {
                split: self.split,
                ..Rules::default()
            },
        }
    }

    /// What the channel tells at `second`.
    fn snapshot(&self, second: i64) -> ChannelEvent {
        let ship_to = address(self.destination);
        let placed_at = start() - SignedDuration::from_hours(if self.old { 48 } else { 1 });
        let lines = self.lines.iter().enumerate();
        let lines: Vec<Line> = lines
            .map(|(at, line)| Line {
                id: line_id(at),
                sku: line.sku.map(|sku| Sku::parse(SKUS[sku]).unwrap()),
                quantity: line.quantity,
                current_quantity: line.quantity.saturating_sub(line.removed),
                fulfilled: line.fulfilled,
                price: money(1_999),
                not_ours: line.not_ours.then(|| "gift card".to_owned()),
            })
            .collect();
        let tags = self.never_send.then(|| "never-send".to_owned());
        ChannelEvent::Order(Box::new(OrderSnapshot {
            id: order_id().own,
            updated_at: start() + SignedDuration::from_secs(second),
            paid: self.paid,
            cancelled_at: None,
            fully_refunded: false,
            refunds: Vec::new(),
            payload: Payload {
                ship_to: Personal::new(ship_to.clone()),
                email: Personal::default(),
                order_name: "#1001".to_owned(),
                placed_at,
                shipping_method: String::new(),
                lines: lines
                    .iter()
                    .map(|line| PayloadLine {
                        id: line.id.clone(),
                        sku: String::new(),
                        title: String::new(),
                        quantity: line.quantity,
                    })
                    .collect(),
            },
            content: Content {
                placed_at,
                sequential: "1001".to_owned(),
                currency: Currency::parse("USD").unwrap(),
                total: money(10_000),
                test: self.test,
                destination: ship_to.destination(true),
                lines,
                tags: tags.into_iter().collect(),
            },
        }))
    }
}

fn order_id() -> OrderId {
    OrderId::parse("acme/9007199254740993").unwrap()
}

fn line_id(at: usize) -> LineId {
    LineId::parse(format!("{}", 70 + at)).unwrap()
}

/// An order with its history, and the stock that its commits leave.
struct World {
    case: Case,
    settings: Settings,
    offers: Vec<OfferWithStock>,
    order: Order,
    history: Vec<Recorded>,
    now: Timestamp,
    /// What each purchase order has reserved of a supplier's SKU.
    reserved: BTreeMap<(String, SupplierId, SupplierSku), u32>,
}

impl World {
    fn new(case: &Case) -> Self {
        let mut world = Self {
            settings: case.settings(),
            offers: case.offers.clone(),
            case: case.clone(),
            order: Order::new(order_id()),
            history: Vec::new(),
            now: start(),
            reserved: BTreeMap::new(),
        };
        world.hears(&case.snapshot(0));
        world
    }

    fn hears(&mut self, news: &ChannelEvent) {
        let (events, _) = self.order.merge(news);
        self.commits(events);
    }

    fn commits(&mut self, events: Vec<domain::order::event::Event>) {
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
                Change::GiveBack => {
                    let units = self.reserved.remove(&key).expect("was reserved");
                    self.take(&change.supplier, &change.supplier_sku, -i64::from(units));
                }
                Change::Sent(_) => assert!(self.reserved.contains_key(&key), "was reserved"),
            }
        }
        self.history.extend(commit.events);
        self.order = after;
        assert_eq!(broken(&self.order, &self.history), Vec::<String>::new());
    }

    fn available(&self, supplier: &SupplierId, supplier_sku: &SupplierSku) -> Option<i64> {
        let own = |known: &&OfferWithStock| {
            known.offer.supplier == *supplier && known.offer.supplier_sku == *supplier_sku
        };
        let offer = self.offers.iter().find(own)?;
        Some(offer.stock.as_ref()?.available)
    }

    fn take(&mut self, supplier: &SupplierId, supplier_sku: &SupplierSku, units: i64) {
        for known in &mut self.offers {
            if known.offer.supplier == *supplier
                && known.offer.supplier_sku == *supplier_sku
                && let Some(stock) = &mut known.stock
            {
                stock.available -= units;
            }
        }
    }

    fn facts(&self) -> Facts<'_> {
        self.facts_with(&self.offers)
    }

    fn facts_with<'a>(&'a self, offers: &'a [OfferWithStock]) -> Facts<'a> {
        Facts {
            settings: &self.settings,
            offers,
            now: self.now,
            reference_taken: self.case.reference_taken,
        }
    }

    fn plan(&self) -> Plan {
        plan(&self.order, &self.facts()).expect("the content is known")
    }

    /// Plans, checks the plan, and carries it out.
    fn routes(&mut self) {
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
    fn check(&self, routed: &Routed, plan: &Plan) {
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
            if routed.state.wait.is_some() {
                assert!(placed <= open, "{placed} of {open} placed: {routed:?}");
            } else {
                assert_eq!(placed, open, "of line {line}: {routed:?}");
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

    fn step(&mut self, at: usize, step: &Step) {
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
                    units: [(line_id(*line), *units)].into(),
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

    fn sends(&mut self, outcome: usize) {
        let numbers: Vec<_> = self.order.live().map(|own| own.number.clone()).collect();
        for number in numbers {
            let claim = Command::StartSend {
                number: number.clone(),
                artifact: Digest::of(b"artifact"),
                settle_at: self.now + SignedDuration::from_mins(1),
            };
            let claimed = self.order.decide(claim, self.now);
            let Ok(events) = claimed else { continue };
            if Commit::new(&self.order, events.clone(), self.now).is_err() {
                continue;
            }
            self.commits(events);
            let outcome = match outcome {
                0 => Outcome::Accepted { reference: None },
                1 => Outcome::NotSent {
                    retry_after: None,
                    why: "busy".to_owned(),
                },
                2 => Outcome::InDoubt {
                    why: "silence".to_owned(),
                    evidence: None,
                    can_look_up: true,
                },
                _ => return,
            };
            let attempt = self.order.purchase_order(&number).unwrap().attempts;
            let command = Command::RecordOutcome {
                number,
                attempt,
                outcome,
            };
            let events = self.order.decide(command, self.now).unwrap();
            self.commits(events);
            return;
        }
    }
}

fn routed(plan: &Plan) -> &Routed {
    match &plan.command {
        Command::Route { routed, .. } => routed,
        other => unreachable!("a plan routes, not {other:?}"),
    }
}

/// A plan as bytes: what is committed, and the trace.
fn bytes(plan: &Plan) -> Vec<u8> {
    let Command::Route { void, cancel, .. } = &plan.command else {
        unreachable!("a plan routes");
    };
    serde_json::to_vec(&(void, cancel, routed(plan), &plan.trace)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Offers come from a file that anybody may sort: the lines of it decide nothing.
    #[test]
    fn ties_never_depend_on_the_order_of_the_offers(
        (case, shuffled) in case().prop_flat_map(|case| {
            let offers = Just(case.offers.clone()).prop_shuffle();
            (Just(case), offers)
        })
    ) {
        let mut world = World::new(&case);
        prop_assert_eq!(bytes(&world.plan()), bytes(&world.plan()));
        let other = plan(&world.order, &world.facts_with(&shuffled)).unwrap();
        prop_assert_eq!(bytes(&world.plan()), bytes(&other));
        // A later plan, with purchase orders there already, no more than the first.
        world.routes();
        for (at, step) in case.steps.iter().enumerate() {
            world.step(at, step);
        }
        let mut reversed = world.offers.clone();
        reversed.reverse();
        let other = plan(&world.order, &world.facts_with(&reversed)).unwrap();
        prop_assert_eq!(bytes(&world.plan()), bytes(&other));
    }

    /// Whatever happens between two plans. Stock and invariants are checked with every commit.
    #[test]
    fn every_unit_is_in_exactly_one_place(case in case()) {
        let mut world = World::new(&case);
        world.routes();
        for (at, step) in case.steps.iter().enumerate() {
            world.step(at, step);
            world.routes();
            for line in 0..case.lines.len() {
                let places = world.order.places(&line_id(line));
                let parts = [
                    places.cancelled,
                    places.not_ours,
                    places.purchase_orders,
                    places.held,
                    places.waiting,
                ];
                let sum: u64 = parts.iter().map(|units| u64::from(*units)).sum();
                prop_assert_eq!(sum, u64::from(places.ordered), "{:?}", places);
            }
        }
    }
}

/// An order of these lines, as usual as can be.
fn usual(lines: &[(usize, u32)], offers: Vec<OfferWithStock>) -> Case {
    Case {
        lines: lines
            .iter()
            .map(|(sku, quantity)| LineSpec {
                sku: Some(*sku),
                quantity: *quantity,
                removed: 0,
                fulfilled: 0,
                not_ours: false,
            })
            .collect(),
        offers,
        priorities: vec![(1, true); SUPPLIERS.len()],
        split: Split::Allow,
        never_send: false,
        destination: 0,
        test: false,
        old: false,
        paid: true,
        reference_taken: false,
        steps: Vec::new(),
    }
}

fn offer(sku: &str, supplier: &str, available: i64) -> OfferWithStock {
    OfferWithStock {
        offer: Offer {
            sku: Sku::parse(sku).unwrap(),
            supplier: SupplierId::parse(supplier).unwrap(),
            supplier_sku: SupplierSku::parse("X-1").unwrap(),
            cost: None,
            not_dropshipped: false,
        },
        stock: Some(Stock {
            stock: 100,
            available,
            as_of: start(),
        }),
    }
}

#[test]
fn units_that_another_fulfilled_stay_with_him_when_routing_looks_again() {
    let mut case = usual(&[(3, 3)], vec![offer("MUG", "east", 100)]);
    case.lines[0].fulfilled = 2;
    let mut world = World::new(&case);
    world.routes();
    world.step(0, &Step::Tagged(false));
    world.step(1, &Step::Refunded(3, 1));
    world.routes();
    let places = world.order.places(&line_id(0));
    assert_eq!((places.not_ours, places.purchase_orders), (2, 1));
}

#[test]
fn skus_that_share_a_stock_do_not_take_it_twice() {
    let shared = vec![offer("MUG", "east", 3), offer("CLOCK", "east", 3)];
    let mut world = World::new(&usual(&[(3, 2), (1, 2)], shared));
    world.routes();
    let units = |line| world.order.places(&line_id(line)).purchase_orders;
    assert!(units(0) + units(1) <= 3);
}

#[test]
fn the_first_by_name_wins_a_tie() {
    let offers = vec![offer("MUG", "west", 9), offer("MUG", "east", 9)];
    let mut world = World::new(&usual(&[(3, 2)], offers));
    world.routes();
    let supplier = &world.order.purchase_orders[0].supplier;
    assert_eq!(supplier.as_str(), "east");
}
