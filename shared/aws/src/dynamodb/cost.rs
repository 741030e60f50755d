//! What an order costs in write units, from the webhook until its last purchase order is sent: by
//! arithmetic over the sizes of the items that its commits write. `cargo test -p aws cost --
//! --nocapture` prints the table.

use super::commit::writes;
use super::item::{Action, Item, Key, Write, number, number_of};
use super::reservations::{Rows, stock_key};
use super::state::{self, Seen};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::address::{Address, Country, Destination};
use domain::commit::Commit;
use domain::digest::Digest;
use domain::ids::{ChannelCode, LineId, OrderId, Sku, SupplierId, SupplierSku};
use domain::money::{Currency, Money};
use domain::order::answer::By;
use domain::order::events::Event;
use domain::order::news::{
    Content, FulfillmentStatus, Latest, Line, Note, Payload, PayloadLine, Payment, ShippingMethod,
};
use domain::order::topics::channel::{ChannelChange, SnapshotEvent};
use domain::order::topics::routing::{PlannedPurchaseOrder, Routed, RoutingDecision};
use domain::order::topics::sending::SendChange;
use domain::order::{Order, PurchaseOrderLine, RoutingState};
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::routing::trace::{Chosen, GroupingTrace, Judged, LineTrace, Trace, TriggerTrace};
use domain::sending::machine::{Delivery, SendEvent};
use domain::sending::subject::SendSubject;
use domain::sending::via::Via;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Both tables, as far as items are in them.
#[derive(Default)]
struct Tables(Rows);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Units {
    table: usize,
    indexes: usize,
}

impl Units {
    fn all(self) -> usize {
        self.table + self.indexes
    }
}

/// Names and values, as `DynamoDB` counts them.
fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| {
        if let Ok(digits) = value.as_n() {
            digits.len().div_ceil(2) + 1
        } else if let Ok(bytes) = value.as_b() {
            bytes.as_ref().len()
        } else {
            value.as_s().unwrap().len()
        }
    };
    item.iter()
        .map(|(name, stored)| name.len() + value(stored))
        .sum()
}

/// Entries that come and go with the keys of the indexes; each is far below a kilobyte.
fn moved(before: Option<&Item>, after: Option<&Item>) -> usize {
    let keys = [
        ["due_shard", "due"],
        ["open_cases", "pk"],
        ["listed", "received"],
        ["by_channel", "pk"],
        ["by_supplier", "pk"],
    ];
    let entries = keys.map(|[partition, sort]| {
        let entry = |item: Option<&Item>| {
            let item = item?;
            Some((item.get(partition)?.clone(), item.get(sort)?.clone()))
        };
        match (entry(before), entry(after)) {
            (None, None) => 0,
            (Some(before), Some(after)) if before == after => 0,
            (Some(_), Some(_)) => 2,
            (Some(_), None) | (None, Some(_)) => 1,
        }
    });
    entries.iter().sum()
}

impl Tables {
    fn put(&mut self, key: &Key, item: Item) {
        self.0.insert(key.clone(), item);
    }

    fn write(&mut self, write: &Write, factor: usize) -> Units {
        let before = self.0.remove(&write.key);
        let after = match &write.action {
            Action::Put(item) => Some(item.clone()),
            Action::Delete => None,
            Action::Update(changes) => {
                let mut item = before.clone().unwrap_or_else(|| write.key.item());
                for (name, value) in &changes.set {
                    item.insert((*name).to_owned(), value.clone());
                }
                for name in &changes.remove {
                    item.remove(*name);
                }
                for (name, more) in &changes.add {
                    let known: i64 = number_of(&item, name).unwrap_or_default();
                    item.insert((*name).to_owned(), number(known + more));
                }
                Some(item)
            }
        };
        let largest = [&before, &after]
            .into_iter()
            .flatten()
            .map(size)
            .max()
            .unwrap_or(1);
        let units = Units {
            table: factor * largest.div_ceil(1024),
            indexes: moved(before.as_ref(), after.as_ref()),
        };
        if let Some(after) = after {
            self.put(&write.key, after);
        }
        units
    }

    fn commit(&mut self, commit: &Commit) -> (usize, Units) {
        let stored = self.0.get(&state::key(&commit.order));
        let seen = stored.map_or_else(Seen::default, |item| {
            Seen::read(&commit.order, item).unwrap()
        });
        let after = seen.after(commit).unwrap();
        let name = "0123456789abcdef-1f4";
        let writes = writes(commit, &seen, &after, None, name).unwrap();
        // One item is updated alone, several in a transaction, which doubles what the table takes.
        let factor = if writes.len() == 1 { 1 } else { 2 };
        let mut sum = Units::default();
        for write in &writes {
            let units = self.write(write, factor);
            sum.table += units.table;
            sum.indexes += units.indexes;
        }
        (writes.len(), sum)
    }
}

fn digest(of: &str) -> Digest {
    Digest::of(of.as_bytes())
}

fn dollars(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

/// Told step by step, with the time that each takes.
struct Story {
    tables: Tables,
    order: Order,
    now: Timestamp,
    rows: Vec<(&'static str, usize, Units)>,
}

impl Story {
    fn takes(&mut self, milliseconds: i64) {
        // No clock of a machine shows whole milliseconds.
        self.now += SignedDuration::from_nanos(milliseconds * 1_000_000 + 123_457);
    }

    fn step(&mut self, what: &'static str, events: Vec<Event>, more: impl FnOnce(&mut Commit)) {
        let (mut commit, after) = Commit::new(&self.order, events, self.now).unwrap();
        more(&mut commit);
        let (items, units) = self.tables.commit(&commit);
        self.rows.push((what, items, units));
        self.order = after;
    }

    fn total(&self) -> usize {
        self.rows.iter().map(|(_, _, units)| units.all()).sum()
    }

    fn print(&self, title: &str) {
        println!("{title}");
        for (what, items, units) in &self.rows {
            println!(
                "  {what:<28} {items:>2} items {:>3} units, {} of them in indexes",
                units.all(),
                units.indexes
            );
        }
        let state = &self.tables.0[&state::key(&self.order.id)];
        println!(
            "  {:<28} {:>12} units; the state item has {} bytes at the end",
            "in all",
            self.total(),
            size(state)
        );
    }
}

/// An order with a line for each supplier, whose stock is tracked.
fn told(suppliers: &[&str]) -> Story {
    let id = OrderId::parse("acme-shop/6214930071836").unwrap();
    let mut story = Story {
        tables: Tables::default(),
        order: Order::new(id),
        now: "2026-11-23T10:00:02.418Z".parse().unwrap(),
        rows: Vec::new(),
    };
    let sold: Vec<_> = suppliers.iter().enumerate().collect();
    for (index, supplier) in &sold {
        let key = stock_key(
            &SupplierId::parse(**supplier).unwrap(),
            &supplier_sku(*index),
        );
        let row = key.with([
            ("stock", number(120)),
            ("available", number(87)),
            ("as_of", number(1_763_892_000_000_000_i64)),
        ]);
        story.tables.put(&key, row);
    }
    let lines: Vec<Line> = sold.iter().map(|(index, _)| line(*index)).collect();
    let payload = payload(&lines);
    let latest = latest(lines, &payload);
    let edit = latest.edit.clone();
    let received = Event::Channel(ChannelChange::OrderReceived(SnapshotEvent {
        payload: 1,
        latest,
    }));
    story.step(
        "accepted",
        vec![received, Event::Channel(ChannelChange::PaymentReceived)],
        |commit| commit.payload = Some((1, payload)),
    );
    story.takes(900);
    let routed = routed(&sold, edit);
    let trace = trace(&sold);
    story.step(
        "planned",
        vec![Event::Routing(RoutingDecision::Routed(routed))],
        |commit| {
            commit.trace = Some((2, trace));
        },
    );
    for (index, supplier) in &sold {
        story.takes(700);
        let sending = |event| {
            Event::Send(SendChange {
                subject: SendSubject::PurchaseOrder(purchase_order(*index)),
                event,
            })
        };
        let claim = sending(SendEvent::SendStarted {
            attempt: 1,
            artifact: digest(supplier),
            // An HTTP supplier's 20 seconds and the margin: before the order's first alarm.
            resolve_at: story.now + SignedDuration::from_secs(50),
            cut_off: None,
            via: Via {
                lookup: Some("3f2a5c7be190".to_owned()),
                ..Via::new(
                    "http",
                    "POST https://api.supplier.example/v2/orders SUPPLIER_TOKEN=5b1c0e",
                )
            },
        });
        story.step("claimed", vec![claim], |_| ());
        story.takes(640);
        let sent = sending(SendEvent::Sent {
            attempt: 1,
            references: vec![format!("PO-8812093{index}")],
            by: By::Answer,
        });
        story.step("sent", vec![sent], |_| ());
    }
    story
}

fn supplier_sku(index: usize) -> SupplierSku {
    SupplierSku::parse(format!("NW-{}", 48_100 + index)).unwrap()
}

fn sku(index: usize) -> Sku {
    Sku::parse(format!("MUG-BLUE-{}", 350 + index)).unwrap()
}

fn line_id(index: usize) -> LineId {
    LineId::parse(format!(
        "{}",
        15_992_418_042_588_u64 + index as u64 * 32_768
    ))
    .unwrap()
}

fn purchase_order(index: usize) -> PurchaseOrderNumber {
    let code = ChannelCode::parse("SH1").unwrap();
    PurchaseOrderNumber::new(&code, "48213", u32::try_from(index).unwrap() + 1)
}

fn line(index: usize) -> Line {
    Line {
        id: line_id(index),
        sku: Some(sku(index)),
        quantity: 2,
        current_quantity: 2,
        fulfillable: Some(2),
        fulfilled: 0,
        status: FulfillmentStatus::Open,
        has_properties: false,
        price: dollars(1_999),
        discount: Some(dollars(250)),
        included_tax: None,
        not_ours: None,
    }
}

fn payload(lines: &[Line]) -> Payload {
    let address = Address {
        name: "Robin Weatherby".to_owned(),
        company: String::new(),
        address1: "4411 Old Sawmill Road".to_owned(),
        address2: "Apartment 12b".to_owned(),
        city: "Louisville".to_owned(),
        province: "Kentucky".to_owned(),
        province_code: "KY".to_owned(),
        zip: "40202-1187".to_owned(),
        country_code: "US".to_owned(),
        country: "United States".to_owned(),
        phone: "+1 502 555 0142".to_owned(),
    };
    Payload {
        ship_to: Personal::new(address),
        email: Personal::new("robin.weatherby@example.com".to_owned()),
        order_name: "#48213".to_owned(),
        placed_at: "2026-11-23T09:59:58Z".parse().unwrap(),
        shipping_method: "Standard Shipping".to_owned(),
        lines: lines
            .iter()
            .map(|line| PayloadLine {
                id: line.id.clone(),
                sku: line.sku.as_ref().unwrap().to_string(),
                title: "Enamel mug, blue, with a lid of beech wood".to_owned(),
                quantity: line.quantity,
                properties: Vec::new(),
            })
            .collect(),
        note: Personal::default(),
        attributes: Vec::new(),
    }
}

fn latest(lines: Vec<Line>, payload: &Payload) -> Latest {
    let content = Content {
        placed_at: payload.placed_at,
        order_number: "48213".to_owned(),
        currency: Currency::parse("USD").unwrap(),
        total: dollars(7_996),
        test: false,
        destination: Destination {
            country: Country::Known("US".to_owned()),
            subdivision: Some("KY".to_owned()),
            po_box: false,
            military: false,
            missing: Vec::new(),
        },
        lines,
        tags: BTreeSet::from(["newsletter".to_owned(), "wholesale".to_owned()]),
        shipping: vec![ShippingMethod {
            title: "Standard Shipping".to_owned(),
            code: "STD".to_owned(),
            local: None,
        }],
        payment: Payment::Paid,
        gateways: BTreeSet::from(["shopify_payments".to_owned()]),
        net_terms: false,
        status: FulfillmentStatus::Open,
        refunds: BTreeSet::new(),
        note: Note::Absent,
        gift: false,
    };
    Latest {
        updated_at: "2026-11-23T10:00:01Z".parse().unwrap(),
        emitted_at: Some("2026-11-23T10:00:01.482Z".parse().unwrap()),
        register: digest("register"),
        edit: payload.edit_digest(),
        address: payload.address_digest(),
        method: digest("method"),
        properties: BTreeMap::new(),
        content,
    }
}

fn routed(sold: &[(usize, &&str)], edit: Digest) -> Routed {
    let planned = sold.iter().map(|(index, supplier)| PlannedPurchaseOrder {
        number: purchase_order(*index),
        supplier: SupplierId::parse(**supplier).unwrap(),
        lines: vec![PurchaseOrderLine {
            line: line_id(*index),
            sku: sku(*index),
            supplier_sku: supplier_sku(*index),
            quantity: 2,
            cost: Some(dollars(730)),
            reserved: true,
        }],
        service: Some("UPS Ground".to_owned()),
        method: None,
        due: None,
        released_at: None,
        cut_off: None,
        spending: None,
    });
    Routed {
        trace: 2,
        payload: 1,
        address: None,
        edit,
        purchase_orders: planned.collect(),
        state: RoutingState {
            configuration: digest("configuration"),
            holds: Vec::new(),
            waits: Vec::new(),
            not_ours: Vec::new(),
        },
    }
}

/// Three suppliers were looked at for each line.
fn trace(sold: &[(usize, &&str)]) -> Trace {
    let triggers = [
        "ours", "paid", "held", "tags", "risk", "limits", "address", "mapped",
    ];
    let judged = |index: usize, supplier: &str, priority| Judged {
        supplier: SupplierId::parse(supplier).unwrap(),
        supplier_sku: supplier_sku(index),
        priority,
        failed: Vec::new(),
    };
    let grouping = |suppliers: &[&str], verdict: &str| GroupingTrace {
        suppliers: suppliers
            .iter()
            .map(|id| SupplierId::parse(*id).unwrap())
            .collect(),
        landed: Some(dollars(2_310)),
        items: Some(dollars(1_460)),
        fees: Some(dollars(150)),
        shipping: Some(dollars(700)),
        margin_basis_points: Some(4_230),
        units_elsewhere: 0,
        verdict: verdict.to_owned(),
    };
    let chosen: Vec<&str> = sold.iter().map(|(_, supplier)| **supplier).collect();
    Trace {
        configuration: digest("configuration"),
        at: "2026-11-23T10:00:03.318580913Z".parse().unwrap(),
        triggers: triggers
            .map(|name| TriggerTrace {
                name: name.to_owned(),
                verdict: "pass".to_owned(),
            })
            .into(),
        lines: sold
            .iter()
            .map(|(index, supplier)| LineTrace {
                line: line_id(*index),
                sku: Some(sku(*index)),
                quantity: 2,
                judged: vec![
                    judged(*index, supplier, 10),
                    judged(*index, "eastgate-trading", 20),
                    judged(*index, "harbour-wholesale", 30),
                ],
                chosen: vec![Chosen {
                    supplier: SupplierId::parse(**supplier).unwrap(),
                    quantity: 2,
                }],
            })
            .collect(),
        grouping: "the cheapest landed cost".to_owned(),
        groupings: vec![
            grouping(&chosen, "chosen"),
            grouping(&["eastgate-trading"], "costs 1.20 USD more"),
            grouping(&["harbour-wholesale"], "costs 3.75 USD more"),
        ],
        notes: Vec::new(),
    }
}

/// A mail over SES is sent like any purchase order, and its delivery reported within seconds: before
/// the order's first alarm, so that no sweep is added.
#[test]
fn the_report_of_a_delivery_is_one_small_write() {
    let mut story = told(&["northwind-supply"]);
    let before = story.total();
    story.takes(4_000);
    let delivered = Event::Send(SendChange {
        subject: SendSubject::PurchaseOrder(purchase_order(0)),
        event: SendEvent::DeliveryReported {
            attempt: 1,
            delivery: Delivery::Delivered,
            by: By::MailService,
        },
    });
    story.step("delivered", vec![delivered], |_| ());
    story.print("One supplier by mail, webhook to delivered:");
    let (_, items, units) = story.rows.last().unwrap();
    assert_eq!((*items, units.indexes), (1, 0));
    assert!(story.total() - before <= 3, "{units:?}");
}

/// Design section 11.
#[test]
fn an_order_stays_within_its_write_units() {
    let one = told(&["northwind-supply"]);
    one.print("One supplier, webhook to sent:");
    let two = told(&["northwind-supply", "printful"]);
    two.print("Two suppliers, webhook to sent:");
    assert!(one.total() <= 19, "{}", one.total());
    assert!(two.total() <= 30, "{}", two.total());
    for story in [one, two] {
        let state = &story.tables.0[&state::key(&story.order.id)];
        assert!(size(state) < 1024, "{}", size(state));
        // Nothing is due any more: the sweep has no business with it.
        assert!(!state.contains_key("due"));
    }
}
