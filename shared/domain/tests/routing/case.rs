//! What a case is made of, drawn at random or as usual as can be.

use domain::address::Address;
use domain::catalogue::{Offer, OfferWithStock, Stock};
use domain::digest::Digest;
use domain::ids::{ChannelCode, ChannelId, LineId, OrderId, Sku, SupplierId, SupplierSku};
use domain::money::{Currency, Money};
use domain::order::news::{
    ChannelEvent, Content, FulfillmentStatus, Line, Note, OrderSnapshot, Payload, PayloadLine,
    Payment,
};
use domain::personal::Personal;
use domain::settings::terms::Terms;
use domain::settings::{ChannelSettings, Merchant, Rules, Settings, Split, SupplierSettings};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeSet;

pub(super) const SUPPLIERS: [&str; 4] = ["east", "north", "south", "west"];
/// The fifth belongs to no supplier that is configured.
pub(super) const OFFERING: [&str; 5] = ["east", "north", "south", "west", "gone"];
pub(super) const SKUS: [&str; 4] = ["CHAIR", "CLOCK", "LAMP", "MUG"];

pub(super) fn start() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

/// Everything that a case is made of.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
pub(super) struct Case {
    pub(super) lines: Vec<LineSpec>,
    pub(super) offers: Vec<OfferWithStock>,
    /// As many as there are suppliers.
    pub(super) priorities: Vec<(u32, bool)>,
    /// Spend limits of a day and fees, as many.
    pub(super) limits: Vec<Option<(i64, i64)>>,
    pub(super) split: Split,
    pub(super) never_send: bool,
    pub(super) destination: usize,
    pub(super) test: bool,
    pub(super) old: bool,
    pub(super) paid: bool,
    pub(super) reference_taken: bool,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(super) struct LineSpec {
    pub(super) sku: Option<usize>,
    pub(super) quantity: u32,
    pub(super) removed: u32,
    pub(super) fulfilled: u32,
    pub(super) not_ours: bool,
}

/// What happens after the first plan.
#[derive(Debug, Clone)]
pub(super) enum Step {
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

pub(super) fn small() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0..5_u32, 1 => 0..100_u32, 1 => Just(u32::MAX)]
}

pub(super) fn line() -> impl Strategy<Value = LineSpec> {
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
pub(super) fn offers() -> impl Strategy<Value = Vec<OfferWithStock>> {
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
                    category: None,
                    countries: Vec::new(),
                    not_dropshipped,
                },
                stock,
            });
        }
        made
    })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Paid),
        any::<bool>().prop_map(Step::Tagged),
        (0..4_usize, small()).prop_map(|(line, units)| Step::Refunded(line, units)),
        (0..DESTINATIONS).prop_map(Step::Moved),
        (0..4_usize, 1..6_u32).prop_map(|(line, quantity)| Step::Ordered(line, quantity)),
        (0..6_usize).prop_map(Step::Sent),
        Just(Step::Released),
        Just(Step::CancelledHere),
        Just(Step::Later),
    ]
}

pub(super) fn case() -> impl Strategy<Value = Case> {
    let rare = || prop::bool::weighted(0.05);
    (
        prop::collection::vec(line(), 0..5),
        offers(),
        prop::collection::vec((0..3_u32, any::<bool>()), SUPPLIERS.len()),
        prop::collection::vec(
            prop::option::weighted(0.4, (1..20_000_i64, 0..500_i64)),
            SUPPLIERS.len(),
        ),
        prop::sample::select(vec![Split::Allow, Split::Allow, Split::Never]),
        prop_oneof![6 => Just(0), 1 => 0..DESTINATIONS],
        (rare(), rare(), rare(), prop::bool::weighted(0.9), rare()),
        prop::collection::vec(step(), 0..5),
    )
        .prop_map(
            |(lines, offers, priorities, limits, split, destination, flags, steps)| {
                let (never_send, test, old, paid, reference_taken) = flags;
                Case {
                    lines,
                    offers,
                    priorities,
                    limits,
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

pub(super) fn money(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

pub(super) const DESTINATIONS: usize = 4;

pub(super) fn address(which: usize) -> Address {
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
    pub(super) fn settings(&self) -> Settings {
        let suppliers = SUPPLIERS.iter().zip(&self.priorities).zip(&self.limits);
        let suppliers = suppliers.map(|((id, (priority, everywhere)), limit)| SupplierSettings {
            priority: *priority,
            terms: Terms {
                spend_limit_per_day: limit.map(|(limit, _)| money(limit)),
                fee: limit.map(|(_, fee)| money(fee)),
                ..Terms::default()
            },
            po_box: *everywhere,
            military: *everywhere,
            ..SupplierSettings::plain(
                SupplierId::parse(*id).unwrap(),
                "csv",
                serde_json::Value::Null,
            )
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
    pub(super) fn snapshot(&self, second: i64) -> ChannelEvent {
        let ship_to = address(self.destination);
        let placed_at = start() - SignedDuration::from_hours(if self.old { 48 } else { 1 });
        let lines = self.lines.iter().enumerate();
        let lines: Vec<Line> = lines
            .map(|(at, line)| Line {
                discount: None,
                included_tax: None,
                id: line_id(at),
                sku: line.sku.map(|sku| Sku::parse(SKUS[sku]).unwrap()),
                quantity: line.quantity,
                current_quantity: line.quantity.saturating_sub(line.removed),
                fulfillable: None,
                fulfilled: line.fulfilled,
                status: FulfillmentStatus::Open,
                has_properties: false,
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
            emitted_at: None,
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
                        properties: Vec::new(),
                    })
                    .collect(),
                note: Personal::default(),
                attributes: Vec::new(),
            },
            content: Content {
                shipping: Vec::new(),
                payment: if self.paid {
                    Payment::Paid
                } else {
                    Payment::Pending
                },
                gateways: BTreeSet::new(),
                net_terms: false,
                status: FulfillmentStatus::Open,
                refunds: BTreeSet::new(),
                note: Note::Absent,
                gift: false,
                placed_at,
                order_number: "1001".to_owned(),
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

pub(super) fn order_id() -> OrderId {
    OrderId::parse("acme/9007199254740993").unwrap()
}

pub(super) fn line_id(at: usize) -> LineId {
    LineId::parse(format!("{}", 70 + at)).unwrap()
}

/// An order of these lines, as usual as can be.
pub(super) fn usual(lines: &[(usize, u32)], offers: Vec<OfferWithStock>) -> Case {
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
        limits: vec![None; SUPPLIERS.len()],
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

pub(super) fn offer(sku: &str, supplier: &str, available: i64) -> OfferWithStock {
    OfferWithStock {
        offer: Offer {
            sku: Sku::parse(sku).unwrap(),
            supplier: SupplierId::parse(supplier).unwrap(),
            supplier_sku: SupplierSku::parse("X-1").unwrap(),
            cost: None,
            category: None,
            countries: Vec::new(),
            not_dropshipped: false,
        },
        stock: Some(Stock {
            stock: 100,
            available,
            as_of: start(),
        }),
    }
}
