//! Routing by examples: a small world of suppliers and offers, and what becomes of an order in it.

mod calendar_and_services;
mod channel_facts;
mod groupings;
mod large_orders;
mod measure;
mod properties;
mod rules;
mod spend_limit;
mod traces;

use super::*;
use crate::address::{Country, Destination};
use crate::cases::CaseKind;
use crate::catalogue::{Offer, OfferWithStock, Stock};
use crate::digest::Digest;
use crate::ids::{ChannelCode, ChannelId, OrderId, SupplierId, SupplierSku};
use crate::money::{BasisPoints, Currency, Money};
use crate::order::news::{FulfillmentStatus, Latest, Note, Payment, ShippingMethod};
use crate::order::state::{Hold, Order};
use crate::order::topics::routing::PlannedPurchaseOrder;
use crate::region::Region;
use crate::settings::terms::Terms;
use crate::settings::{ChannelSettings, Merchant, Rules};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A Monday.
const NOW: &str = "2026-11-23T10:00:00Z";

pub(super) fn money(text: &str) -> Money {
    let (amount, currency) = text.split_once(' ').unwrap();
    Money::parse(amount, Currency::parse(currency).unwrap()).unwrap()
}

pub(super) fn regions(texts: &[&str]) -> Vec<Region> {
    texts
        .iter()
        .map(|text| Region::parse(text).unwrap())
        .collect()
}

pub(super) fn supplier_id(id: &str) -> SupplierId {
    SupplierId::parse(id).unwrap()
}

/// What a plan is made of.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) order: Order,
    pub(super) settings: Settings,
    pub(super) offers: Vec<OfferWithStock>,
    pub(super) spent: Vec<Spent>,
    pub(super) now: Timestamp,
}

impl World {
    /// An order of these SKUs, units and prices, to Kentucky.
    pub(super) fn new(lines: &[(&str, u32, &str)]) -> Self {
        let channel = ChannelId::parse("acme").unwrap();
        let mut order = Order::new(OrderId::parse("acme/1").unwrap());
        let line = |(sku, quantity, price): &(&str, u32, &str), place: usize| Line {
            id: LineId::parse((place + 1).to_string()).unwrap(),
            sku: Some(Sku::parse(*sku).unwrap()),
            quantity: *quantity,
            current_quantity: *quantity,
            fulfillable: None,
            fulfilled: 0,
            status: FulfillmentStatus::Open,
            has_properties: false,
            price: money(price),
            discount: None,
            included_tax: None,
            not_ours: None,
        };
        let lines: Vec<Line> = lines
            .iter()
            .enumerate()
            .map(|(place, given)| line(given, place))
            .collect();
        let currency = lines[0].price.currency;
        let minor = lines
            .iter()
            .map(|line| line.price.minor * i64::from(line.quantity))
            .sum();
        order.news.paid = true;
        order.news.latest = Some(Latest {
            updated_at: NOW.parse().unwrap(),
            emitted_at: None,
            register: Digest::of(b"register"),
            edit: Digest::of(b"edit"),
            address: Digest::of(b"address"),
            method: Digest::of(b"method"),
            properties: BTreeMap::new(),
            content: Content {
                placed_at: NOW.parse().unwrap(),
                order_number: "1001".to_owned(),
                currency,
                total: Money { minor, currency },
                test: false,
                destination: Destination {
                    country: Country::Known("US".to_owned()),
                    subdivision: Some("KY".to_owned()),
                    po_box: false,
                    military: false,
                    missing: Vec::new(),
                },
                lines,
                tags: BTreeSet::new(),
                shipping: vec![ShippingMethod {
                    title: "Standard".to_owned(),
                    code: "STD".to_owned(),
                    local: None,
                }],
                payment: Payment::Paid,
                gateways: BTreeSet::new(),
                net_terms: false,
                status: FulfillmentStatus::Open,
                refunds: BTreeSet::new(),
                note: Note::Absent,
                gift: false,
            },
        });
        order.payload = Some((1, Digest::of(b"edit")));
        order.version = 1;
        let settings = Settings {
            digest: Digest::of(b"configuration"),
            merchant: Merchant::default(),
            channels: [(
                channel.clone(),
                ChannelSettings {
                    id: channel,
                    kind: "shopify".to_owned(),
                    code: ChannelCode::parse("SH").unwrap(),
                    start_from: "2026-11-01T00:00:00Z".parse().unwrap(),
                    secrets: Vec::new(),
                    specific: serde_json::Value::Null,
                },
            )]
            .into(),
            suppliers: BTreeMap::new(),
            rules: Rules::default(),
        };
        Self {
            order,
            settings,
            offers: Vec::new(),
            spent: Vec::new(),
            now: NOW.parse().unwrap(),
        }
    }

    pub(super) fn supplier(mut self, id: &str, priority: u32, terms: Terms) -> Self {
        let settings = SupplierSettings {
            priority,
            terms,
            ..SupplierSettings::plain(supplier_id(id), "mail", serde_json::Value::Null)
        };
        self.settings
            .suppliers
            .insert(settings.id.clone(), settings);
        self
    }

    /// `cost` may be blank; stock is not tracked.
    pub(super) fn offer(mut self, sku: &str, supplier: &str, cost: &str) -> Self {
        self.offers.push(OfferWithStock {
            offer: Offer {
                sku: Sku::parse(sku).unwrap(),
                supplier: supplier_id(supplier),
                supplier_sku: SupplierSku::parse(format!("{supplier}-{sku}")).unwrap(),
                cost: (!cost.is_empty()).then(|| money(cost)),
                not_dropshipped: false,
                category: None,
                countries: Vec::new(),
            },
            stock: None,
        });
        self
    }

    /// Changes the last offer.
    pub(super) fn with(mut self, change: impl FnOnce(&mut OfferWithStock)) -> Self {
        change(self.offers.last_mut().unwrap());
        self
    }

    pub(super) fn stock(self, available: i64) -> Self {
        let as_of = self.now;
        self.with(|offer| {
            offer.stock = Some(Stock {
                stock: u32::try_from(available.max(0)).unwrap(),
                available,
                as_of,
            });
        })
    }

    pub(super) fn rules(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(&mut self.settings.rules);
        self
    }

    pub(super) fn content(mut self, change: impl FnOnce(&mut Content)) -> Self {
        change(&mut self.order.news.latest.as_mut().unwrap().content);
        self
    }

    pub(super) fn plan(&self) -> Plan {
        let facts = Facts {
            settings: &self.settings,
            offers: &self.offers,
            spent: &self.spent,
            now: self.now,
            reference_taken: false,
        };
        plan(&self.order, &facts).unwrap()
    }

    pub(super) fn purchase_orders(&self) -> Vec<PlannedPurchaseOrder> {
        let Command::Route { routed, .. } = self.plan().command else {
            panic!("a plan routes");
        };
        routed.purchase_orders
    }

    pub(super) fn holds(&self) -> Vec<Hold> {
        let Command::Route { routed, .. } = self.plan().command else {
            panic!("a plan routes");
        };
        routed.state.holds
    }

    /// `north: 2 x MUG + south: 1 x LAMP`, or the holds.
    pub(super) fn told(&self) -> String {
        let orders = self.purchase_orders();
        let orders = orders.iter().map(|planned| {
            let lines: Vec<_> = planned
                .lines
                .iter()
                .map(|line| format!("{} x {}", line.quantity, line.sku))
                .collect();
            format!("{}: {}", planned.supplier, lines.join(", "))
        });
        let holds = self.holds();
        let holds = holds.iter().map(|hold| {
            format!(
                "held {} {}: {}",
                hold.kind,
                hold.lines
                    .iter()
                    .map(|(line, units)| format!("{units} of {line}"))
                    .collect::<Vec<_>>()
                    .join(", "),
                hold.reason
            )
        });
        orders.chain(holds).collect::<Vec<_>>().join(" + ")
    }

    /// A person lets every hold through.
    pub(super) fn released(mut self) -> Self {
        let holds = self.holds();
        self.order
            .released
            .extend(holds.into_iter().map(|hold| (hold.kind, hold.cause)));
        self
    }
}

pub(super) fn percent(number: i64) -> BasisPoints {
    BasisPoints(number * 100)
}

pub(super) fn fee(amount: &str) -> Terms {
    Terms {
        fee: Some(money(amount)),
        ..Terms::default()
    }
}

pub(super) fn kinds(world: &World) -> Vec<CaseKind> {
    world.holds().iter().map(|hold| hold.kind).collect()
}
