//! One order of two mugs and three chairs, and three suppliers: `east` has both and counts its stock,
//! `north` has mugs, `west` has chairs.

use crate::step::Told;
use domain::address::Address;
use domain::catalogue::{Offer, OfferWithStock, Stock};
use domain::digest::Digest;
use domain::ids::{
    ChannelCode, ChannelId, LineId, OrderId, RefundId, Sku, SupplierId, SupplierSku,
};
use domain::money::{Currency, Money};
use domain::order::AddressEdit;
use domain::order::news::{
    ChannelEvent, Content, FulfillmentStatus, Line, Note, OrderSnapshot, Payload, PayloadLine,
    Payment, Refund, RefundedUnits,
};
use domain::personal::Personal;
use domain::settings::{ChannelSettings, Merchant, Rules, Settings, SupplierSettings};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

pub(crate) fn start() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

pub(crate) fn order_id() -> OrderId {
    OrderId::parse("acme/9007199254740993").unwrap()
}

pub(crate) fn mugs() -> LineId {
    LineId::parse("71").unwrap()
}

pub(crate) fn chairs() -> LineId {
    LineId::parse("72").unwrap()
}

pub(crate) fn supplier(id: &str) -> SupplierId {
    SupplierId::parse(id).unwrap()
}

fn money(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

pub(crate) fn settings() -> Settings {
    let suppliers = ["east", "north", "west"]
        .map(|id| SupplierSettings::plain(supplier(id), "http", serde_json::Value::Null));
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
            .into_iter()
            .map(|supplier| (supplier.id.clone(), supplier))
            .collect(),
        rules: Rules {
            stock_max_age: SignedDuration::from_hours(24 * 365),
            ..Rules::default()
        },
    }
}

pub(crate) fn offers() -> Vec<OfferWithStock> {
    [
        ("MUG", "east", Some(5)),
        ("MUG", "north", None),
        ("CHAIR", "east", Some(4)),
        ("CHAIR", "west", None),
    ]
    .map(|(sku, id, stock)| OfferWithStock {
        offer: Offer {
            sku: Sku::parse(sku).unwrap(),
            supplier: supplier(id),
            supplier_sku: SupplierSku::parse(format!("{id}-{sku}")).unwrap(),
            cost: Some(money(500)),
            category: None,
            countries: Vec::new(),
            not_dropshipped: false,
        },
        stock: stock.map(|stock| Stock {
            stock,
            available: i64::from(stock),
            as_of: start(),
        }),
    })
    .into()
}

fn address(moved: bool) -> Address {
    let street = if moved { "99 Other Road" } else { "1 Main St" };
    Address {
        name: "Ada Example".to_owned(),
        address1: street.to_owned(),
        city: "Lexington".to_owned(),
        province_code: "KY".to_owned(),
        zip: "40507".to_owned(),
        country_code: "US".to_owned(),
        ..Address::default()
    }
}

/// A person's correction of the address that the channel told, moved or not.
pub(crate) fn correction(moved: bool) -> AddressEdit {
    let corrected = Address {
        zip: "40508".to_owned(),
        ..address(moved)
    };
    AddressEdit {
        replaces: Digest::of_value(&address(moved)),
        address: Digest::of_value(&corrected),
        destination: corrected.destination(true),
    }
}

/// What the channel tells at `second`, as usual as can be.
fn snapshot(second: i64) -> OrderSnapshot {
    let placed_at = start() - SignedDuration::from_hours(1);
    let line = |id, sku, quantity| Line {
        discount: None,
        included_tax: None,
        id,
        sku: Some(Sku::parse(sku).unwrap()),
        quantity,
        current_quantity: quantity,
        fulfillable: Some(quantity),
        fulfilled: 0,
        status: FulfillmentStatus::Open,
        has_properties: false,
        price: money(1_999),
        not_ours: None,
    };
    OrderSnapshot {
        id: order_id().own,
        updated_at: start() + SignedDuration::from_secs(second),
        paid: true,
        cancelled_at: None,
        emitted_at: None,
        refunds: Vec::new(),
        payload: Payload {
            ship_to: Personal::new(address(false)),
            email: Personal::default(),
            order_name: "#1001".to_owned(),
            placed_at,
            shipping_method: String::new(),
            lines: Vec::new(),
            note: Personal::default(),
            attributes: Vec::new(),
        },
        content: Content {
            shipping: Vec::new(),
            payment: Payment::Paid,
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
            test: false,
            destination: address(false).destination(true),
            lines: vec![line(mugs(), "MUG", 2), line(chairs(), "CHAIR", 3)],
            tags: BTreeSet::new(),
        },
    }
}

fn event(mut snapshot: OrderSnapshot) -> ChannelEvent {
    snapshot.payload.lines = snapshot
        .content
        .lines
        .iter()
        .map(|line| PayloadLine {
            id: line.id.clone(),
            sku: line.sku.as_ref().unwrap().to_string(),
            title: String::new(),
            quantity: line.quantity,
            properties: Vec::new(),
        })
        .collect();
    ChannelEvent::Order(Box::new(snapshot))
}

pub(crate) fn received() -> ChannelEvent {
    event(snapshot(0))
}

fn refund(id: &str, line: LineId, units: RefundedUnits) -> ChannelEvent {
    ChannelEvent::Refund {
        order: order_id().own,
        refund: Refund {
            id: RefundId::parse(id).unwrap(),
            created_at: Some(start() + SignedDuration::from_secs(5)),
            units: [(line, units)].into(),
            amount: Some(money(100)),
        },
    }
}

fn cancelled(units: u32) -> RefundedUnits {
    RefundedUnits {
        cancelled: units,
        ..RefundedUnits::default()
    }
}

/// The third line, of which the shop knows nothing at first.
pub(crate) fn more_mugs() -> LineId {
    LineId::parse("73").unwrap()
}

fn with_upsell(second: i64) -> OrderSnapshot {
    let mut known = snapshot(second);
    let mut added = known.content.lines[0].clone();
    added.id = more_mugs();
    added.quantity = 1;
    added.current_quantity = 1;
    added.fulfillable = Some(1);
    known.content.lines.push(added);
    known
}

pub(crate) fn message(told: Told) -> ChannelEvent {
    let moved = |second| {
        let mut known = snapshot(second);
        known.payload.ship_to = Personal::new(address(true));
        known.content.destination = address(true).destination(true);
        known
    };
    match told {
        Told::Tagged => {
            let mut known = snapshot(10);
            known.content.tags.insert("never-send".to_owned());
            event(known)
        }
        Told::Untagged => event(snapshot(20)),
        Told::Moved => event(moved(30)),
        Told::MovedBack => event(snapshot(40)),
        Told::More => {
            let mut known = snapshot(50);
            known.content.lines[0].quantity = 4;
            known.content.lines[0].current_quantity = 4;
            known.content.lines[0].fulfillable = Some(4);
            event(known)
        }
        Told::Fewer => {
            let mut known = snapshot(60);
            known.content.lines[1].current_quantity = 1;
            known.content.lines[1].fulfillable = Some(1);
            event(known)
        }
        Told::ShippedByTheMerchant => {
            let mut known = snapshot(70);
            known.content.lines[0].fulfilled = 2;
            known.content.lines[0].fulfillable = Some(0);
            event(known)
        }
        Told::MugRefunded => refund("801", mugs(), cancelled(1)),
        Told::ChairsRefunded => refund("802", chairs(), cancelled(3)),
        Told::MugReturned => refund(
            "803",
            mugs(),
            RefundedUnits {
                returned: 1,
                ..RefundedUnits::default()
            },
        ),
        Told::ChairMoneyBack => refund(
            "804",
            chairs(),
            RefundedUnits {
                unstated: 1,
                ..RefundedUnits::default()
            },
        ),
        Told::ChairsOnHold => {
            let mut known = snapshot(72);
            known.content.lines[1].fulfillable = Some(0);
            known.content.lines[1].status = FulfillmentStatus::OnHold;
            event(known)
        }
        Told::AllOnHold => {
            let mut known = snapshot(74);
            known.content.status = FulfillmentStatus::OnHold;
            known
                .content
                .lines
                .iter_mut()
                .for_each(|line| line.fulfillable = None);
            event(known)
        }
        Told::UpsellDuringHold => {
            let mut known = with_upsell(75);
            known.content.lines[1].fulfillable = Some(0);
            event(known)
        }
        Told::HoldEnded => event(with_upsell(76)),
        Told::ChairShipped => {
            let mut known = snapshot(78);
            known.content.lines[1].fulfilled = 1;
            known.content.lines[1].fulfillable = Some(2);
            event(known)
        }
        Told::ReplacedAfterRefund => {
            let mut known = with_upsell(85);
            known.content.payment = Payment::PartiallyRefunded;
            event(known)
        }
        Told::RefundedInFull => {
            let mut known = snapshot(80);
            known.content.payment = Payment::Refunded;
            event(known)
        }
        Told::Cancelled => {
            let mut known = snapshot(90);
            known.cancelled_at = Some(known.updated_at);
            event(known)
        }
    }
}
