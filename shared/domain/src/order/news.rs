//! What a channel tells of an order, merged as a join: any order of arrival, with any repetition,
//! ends in the same [`News`].
//!
//! Content (lines, address, tags) is a register in which the newer `updated_at` wins, at an equal
//! second the greater digest. Paid, cancelled and refunded never go back. Refunds are a set by id.

use super::event::{Event, SnapshotEvent};
use crate::address::{Address, Destination};
use crate::digest::Digest;
use crate::ids::{ChannelOrderId, LineId, RefundId, Sku};
use crate::money::{Currency, Money};
use crate::personal::Personal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a channel's message says, after its own format has been left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelEvent {
    Order(Box<OrderSnapshot>),
    Refund {
        order: ChannelOrderId,
        refund: Refund,
    },
}

impl ChannelEvent {
    pub fn order(&self) -> &ChannelOrderId {
        match self {
            Self::Order(snapshot) => &snapshot.id,
            Self::Refund { order, .. } => order,
        }
    }
}

/// A whole order as a channel described it at `updated_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderSnapshot {
    pub id: ChannelOrderId,
    pub updated_at: Timestamp,
    /// Captured, at least in part and not authorised only.
    pub paid: bool,
    pub cancelled_at: Option<Timestamp>,
    pub fully_refunded: bool,
    pub refunds: Vec<Refund>,
    pub content: Content,
    pub payload: Payload,
}

/// What rules may know of the order; nothing personal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub placed_at: Timestamp,
    /// The channel's sequential number, such as Shopify's `order_number`.
    pub sequential: String,
    pub currency: Currency,
    pub total: Money,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    pub destination: Destination,
    pub lines: Vec<Line>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// The shipping method the customer chose, where the channel names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<ShippingMethod>,
}

/// As the channel writes it; either may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ShippingMethod {
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub id: LineId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// As ordered; refunded units are still in it.
    pub quantity: u32,
    /// What is left after removals, as the channel counts it.
    pub current_quantity: u32,
    /// Units the channel holds to be fulfilled, by whomever.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fulfilled: u32,
    /// Of one unit, before discounts.
    pub price: Money,
    /// Taken off the price of all its units together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// Tax of all its units together, where the price contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included_tax: Option<Money>,
    /// Why no supplier ships it, where the channel already says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ours: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The canonical order with its address: the payload item, written once for each accepted edit,
/// erasable, and loaded only to render an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    pub ship_to: Personal<Address>,
    pub email: Personal<String>,
    /// As the customer knows it: `#1001`.
    pub order_name: String,
    pub placed_at: Timestamp,
    pub shipping_method: String,
    pub lines: Vec<PayloadLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadLine {
    pub id: LineId,
    pub sku: String,
    pub title: String,
    pub quantity: u32,
}

impl Payload {
    pub fn address_digest(&self) -> Digest {
        Digest::of_value(self.ship_to.reveal())
    }

    /// Changes exactly when lines, quantities, address or shipping method do.
    pub fn edit_digest(&self) -> Digest {
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|line| (&line.id, &line.sku, line.quantity))
            .collect();
        Digest::of_value(&(lines, self.ship_to.reveal(), &self.shipping_method))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    /// Units by line; empty for a refund of an amount only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<LineId, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
}

/// The register's value with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    pub updated_at: Timestamp,
    /// Of everything in the register, address included: the tie-break at an equal second.
    pub register: Digest,
    /// Of what a supplier would see.
    pub edit: Digest,
    /// Of the address alone.
    pub address: Digest,
    /// Of the shipping method alone.
    pub method: Digest,
    pub content: Content,
}

/// Everything a channel has told, joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    pub latest: Option<Latest>,
    pub paid: bool,
    pub cancelled_at: Option<Timestamp>,
    pub fully_refunded: bool,
    pub refunds: BTreeMap<RefundId, Refund>,
}

impl News {
    /// The channel said so, or the refunds add up to the order's total.
    pub fn is_fully_refunded(&self) -> bool {
        self.fully_refunded
            || self.latest.as_ref().is_some_and(|latest| {
                let total = latest.content.total;
                let refunded = self
                    .refunds
                    .values()
                    .filter_map(|refund| refund.amount)
                    .try_fold(
                        Money {
                            minor: 0,
                            currency: total.currency,
                        },
                        Money::checked_add,
                    );
                total.minor > 0 && refunded.is_some_and(|refunded| refunded.minor >= total.minor)
            })
    }

    pub fn refunded_units(&self, line: &LineId) -> u32 {
        self.refunds
            .values()
            .filter_map(|refund| refund.units.get(line))
            .copied()
            .fold(0, u32::saturating_add)
    }
}

/// What the message adds to what is known, as events, and the payload item that goes with them.
/// Empty for a message that tells nothing new.
pub fn merge(
    news: &News,
    payloads: u32,
    message: &ChannelEvent,
) -> (Vec<Event>, Option<(u32, Payload)>) {
    match message {
        ChannelEvent::Refund { refund, .. } => {
            (merge_refund(news, refund).into_iter().collect(), None)
        }
        ChannelEvent::Order(snapshot) => merge_snapshot(news, payloads, snapshot),
    }
}

fn merge_refund(news: &News, refund: &Refund) -> Option<Event> {
    let known = news.refunds.get(&refund.id);
    // The same id with other content is not documented to happen; the greater digest wins so that
    // the join stays one.
    let greater = known.is_none_or(|known| Digest::of_value(refund) > Digest::of_value(known));
    greater.then(|| Event::RefundRecorded(refund.clone()))
}

fn merge_snapshot(
    news: &News,
    payloads: u32,
    snapshot: &OrderSnapshot,
) -> (Vec<Event>, Option<(u32, Payload)>) {
    let edit = snapshot.payload.edit_digest();
    let latest = Latest {
        updated_at: snapshot.updated_at,
        register: Digest::of_value(&(&snapshot.content, &snapshot.payload)),
        edit,
        address: snapshot.payload.address_digest(),
        method: Digest::of_value(&snapshot.payload.shipping_method),
        content: snapshot.content.clone(),
    };
    let mut events = Vec::new();
    let mut payload = None;
    let key = |latest: &Latest| (latest.updated_at, latest.register.clone());
    if news
        .latest
        .as_ref()
        .is_none_or(|known| key(&latest) > key(known))
    {
        let same_to_a_supplier = news
            .latest
            .as_ref()
            .is_some_and(|known| known.edit == latest.edit);
        if same_to_a_supplier {
            events.push(Event::OrderUpdated(latest));
        } else {
            let number = payloads + 1;
            payload = Some((number, snapshot.payload.clone()));
            let snapshot = SnapshotEvent {
                payload: number,
                latest,
            };
            events.push(if news.latest.is_none() {
                Event::OrderReceived(snapshot)
            } else {
                Event::OrderEdited(snapshot)
            });
        }
    }
    if snapshot.paid && !news.paid {
        events.push(Event::PaymentReceived);
    }
    if let Some(cancelled_at) = snapshot.cancelled_at
        && news.cancelled_at.is_none_or(|known| cancelled_at < known)
    {
        events.push(Event::OrderCancelled { cancelled_at });
    }
    if snapshot.fully_refunded && !news.fully_refunded {
        events.push(Event::FullyRefunded);
    }
    events.extend(
        snapshot
            .refunds
            .iter()
            .filter_map(|refund| merge_refund(news, refund)),
    );
    (events, payload)
}
