//! What a channel reports of an order, merged as a join: any order of arrival, with any repetition,
//! ends in the same [`News`].
//!
//! Content (lines, address, tags, states) is a register in which the greater key wins: `updated_at`,
//! then the time at which the channel emitted the message, where an absent one is the lowest. At an
//! equal key the message that arrives last for the first time wins, and one that was taken at that
//! key changes nothing again. This is the only place where the order of arrival matters. Paid and
//! cancelled never go back. Refunds are a set by id. When a line was first seen, and when the order
//! was first reported as refunded, are minima over all messages.

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
    /// When the channel emitted the message, where it says so: orders messages that describe the
    /// same second.
    pub emitted_at: Option<Timestamp>,
    /// Captured in full, though some of it may have been given back.
    pub paid: bool,
    pub cancelled_at: Option<Timestamp>,
    /// Every refund that the message lists.
    pub refunds: Vec<Refund>,
    pub content: Content,
    pub payload: Payload,
}

/// What rules may know of the order; nothing personal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub placed_at: Timestamp,
    /// The channel's own number of the order, such as Shopify's `order_number`.
    pub order_number: String,
    pub currency: Currency,
    pub total: Money,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    pub destination: Destination,
    pub lines: Vec<Line>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// The shipping methods the customer chose, each once; none where the channel names none.
    /// Several differ, and the channel does not report which units go by which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shipping: Vec<ShippingMethod>,
    /// How far the money came.
    #[serde(default, skip_serializing_if = "Payment::is_paid")]
    pub payment: Payment,
    /// Payment methods by the names that the channel shows.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub gateways: BTreeSet<String>,
    /// The customer pays on an agreed later day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub net_terms: bool,
    /// Of the order as a whole.
    #[serde(default, skip_serializing_if = "FulfillmentStatus::is_open")]
    pub status: FulfillmentStatus,
    /// Refunds that the message lists. A refund that it does not list may be newer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub refunds: BTreeSet<RefundId>,
    /// Whether somebody wrote a note to the order, and what becomes of it.
    #[serde(default, skip_serializing_if = "Note::is_absent")]
    pub note: Note,
    /// The customer marked the order, or a line of it, as a gift.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gift: bool,
}

impl Content {
    /// The one method by which everything is shipped; `None` where there is none or several.
    pub fn shipping_method(&self) -> Option<&ShippingMethod> {
        match self.shipping.as_slice() {
            [only] => Some(only),
            [] | [_, _, ..] => None,
        }
    }
}

/// As the channel writes it; title or code may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct ShippingMethod {
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Where no parcel is shipped to the customer, what happens instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalDelivery>,
}

impl ShippingMethod {
    /// The title, or the code of a method without a title.
    pub fn name(&self) -> &str {
        if self.title.is_empty() {
            &self.code
        } else {
            &self.title
        }
    }
}

/// The merchant hands the goods over himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocalDelivery {
    /// The customer collects them.
    Pickup,
    /// The merchant brings them.
    Delivery,
}

impl LocalDelivery {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Pickup => "picked up by the customer",
            Self::Delivery => "delivered locally by the merchant",
        }
    }
}

/// How far the money came, as the newest message reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// Nothing is captured yet.
    Pending,
    /// Reserved on the customer's card, not captured.
    Authorized,
    PartiallyPaid,
    #[default]
    Paid,
    PartiallyRefunded,
    Refunded,
    Voided,
    Expired,
    /// A word of the channel that nobody knows: neither paid nor refunded.
    Unknown(String),
}

impl Payment {
    fn is_paid(&self) -> bool {
        *self == Self::Paid
    }
}

/// How far the goods came, as the channel counts it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfillmentStatus {
    #[default]
    Open,
    Partial,
    Fulfilled,
    /// Nothing may be shipped until somebody releases it on the channel.
    OnHold,
    /// Nothing may be shipped before a day that the channel knows.
    Scheduled,
    /// A word that nobody knows. It decides nothing; the quantities beside it do.
    Unknown(String),
}

impl FulfillmentStatus {
    fn is_open(&self) -> bool {
        *self == Self::Open
    }

    /// Whether the channel keeps the units from being shipped.
    pub fn holds(&self) -> bool {
        match self {
            Self::OnHold | Self::Scheduled => true,
            Self::Open | Self::Partial | Self::Fulfilled | Self::Unknown(_) => false,
        }
    }
}

/// A note to the order. Its text stays in the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    #[default]
    Absent,
    /// The merchant keeps it to himself.
    Ignored,
    /// Suppliers receive it.
    Forwarded,
    /// A person must read it before anything goes.
    Held,
}

impl Note {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_absent(&self) -> bool {
        *self == Self::Absent
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub id: LineId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// Units as ordered; removed and refunded ones are still in it.
    pub quantity: u32,
    /// Units that are left after removals and refunds, as the channel counts them.
    pub current_quantity: u32,
    /// Units that the channel lets go now; `None` where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfillable: Option<u32>,
    /// Units that somebody shipped, or is shipping, as the channel counts them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fulfilled: u32,
    #[serde(default, skip_serializing_if = "FulfillmentStatus::is_open")]
    pub status: FulfillmentStatus,
    /// The customer had it personalised; the texts are in the payload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_properties: bool,
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
    /// The note to the order, where suppliers receive it; else empty.
    #[serde(default)]
    pub note: Personal<String>,
    /// Facts of the order as a whole that suppliers receive, in the channel's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Property>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadLine {
    pub id: LineId,
    pub sku: String,
    pub title: String,
    pub quantity: u32,
    /// What the customer had made of it, such as an engraving, in the channel's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

/// A name and what the customer wrote or chose under it; neither is blank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    pub name: String,
    pub value: Personal<String>,
}

impl Payload {
    pub fn address_digest(&self) -> Digest {
        Digest::of_value(self.ship_to.reveal())
    }

    /// Of how the order is shipped, and of what is said of it as a whole.
    pub fn method_digest(&self) -> Digest {
        Digest::of_value(&(&self.shipping_method, &self.note, &self.attributes))
    }

    /// Of the personalisation of each line that has one.
    pub fn property_digests(&self) -> BTreeMap<LineId, Digest> {
        self.lines
            .iter()
            .filter(|line| !line.properties.is_empty())
            .map(|line| (line.id.clone(), Digest::of_value(&line.properties)))
            .collect()
    }

    /// Changes exactly when something does that a supplier would see: lines, quantities,
    /// personalisation, address, shipping method, and a note that is forwarded.
    pub fn edit_digest(&self) -> Digest {
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|line| (&line.id, &line.sku, line.quantity, &line.properties))
            .collect();
        Digest::of_value(&(
            lines,
            self.ship_to.reveal(),
            &self.shipping_method,
            &self.note,
            &self.attributes,
        ))
    }
}

/// Money, goods, or both that the merchant took back or gave back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Units by line; empty for a refund of an amount only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<LineId, RefundedUnits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
}

/// Units of one line by what the channel says became of the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RefundedUnits {
    /// Taken out before they were shipped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cancelled: u32,
    /// Came back after they were shipped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub returned: u32,
    /// Only the money was given back, or the channel does not say whether they were shipped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unstated: u32,
}

impl RefundedUnits {
    pub fn total(self) -> u32 {
        self.cancelled
            .saturating_add(self.returned)
            .saturating_add(self.unstated)
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            cancelled: self.cancelled.saturating_add(other.cancelled),
            returned: self.returned.saturating_add(other.returned),
            unstated: self.unstated.saturating_add(other.unstated),
        }
    }
}

/// The register's value with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    pub updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emitted_at: Option<Timestamp>,
    /// Of everything in the register, address included: names the message at an equal key.
    pub register: Digest,
    /// Of what a supplier would see.
    pub edit: Digest,
    /// Of the address alone.
    pub address: Digest,
    /// Of the shipping method, and of a note that is forwarded.
    pub method: Digest,
    /// Of the personalisation of each line that has one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<LineId, Digest>,
    pub content: Content,
}

impl Latest {
    /// Which of two messages is newer; an absent emission is the lowest.
    pub fn key(&self) -> (Timestamp, Option<Timestamp>) {
        (self.updated_at, self.emitted_at)
    }
}

/// What a message that is not the newest still adds: it is the earliest to report something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierReport {
    /// Lines that were seen before they were known to be, and when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub first_seen: BTreeMap<LineId, Timestamp>,
    /// The order was reported as refunded in full before it was known to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_at: Option<Timestamp>,
}

/// Everything a channel has reported, joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    pub latest: Option<Latest>,
    /// The registers taken at the newest key, in no order.
    pub taken: BTreeSet<Digest>,
    pub paid: bool,
    pub cancelled_at: Option<Timestamp>,
    pub refunds: BTreeMap<RefundId, Refund>,
    /// The earliest `updated_at` of a message that lists the line.
    pub first_seen: BTreeMap<LineId, Timestamp>,
    /// The earliest `updated_at` of a message that reports the order as refunded in full.
    pub refunded_at: Option<Timestamp>,
}

impl News {
    /// Takes the newest message in.
    pub(super) fn take(&mut self, latest: Latest) {
        for line in &latest.content.lines {
            self.see_line(&line.id, latest.updated_at);
        }
        if latest.content.payment == Payment::Refunded {
            self.see_refunded(latest.updated_at);
        }
        if self.latest.as_ref().map(Latest::key) != Some(latest.key()) {
            self.taken.clear();
        }
        self.taken.insert(latest.register.clone());
        self.latest = Some(latest);
    }

    /// Takes in what an older message was the first to report.
    pub(super) fn take_earlier(&mut self, earlier: &EarlierReport) {
        for (line, at) in &earlier.first_seen {
            self.see_line(line, *at);
        }
        if let Some(at) = earlier.refunded_at {
            self.see_refunded(at);
        }
    }

    fn see_line(&mut self, line: &LineId, at: Timestamp) {
        let seen = self.first_seen.entry(line.clone()).or_insert(at);
        *seen = (*seen).min(at);
    }

    fn see_refunded(&mut self, at: Timestamp) {
        self.refunded_at = Some(self.refunded_at.map_or(at, |known| known.min(at)));
    }

    /// Whether the money was given back as a whole: the newest message reports so, or refunds that
    /// are newer than it complete the order's total.
    pub fn is_fully_refunded(&self) -> bool {
        let Some(latest) = &self.latest else {
            return false;
        };
        latest.content.payment == Payment::Refunded
            || (self.refunds.values().any(|refund| is_newer(refund, latest)) && self.adds_up())
    }

    /// Whether all refunds together are the order's total.
    fn adds_up(&self) -> bool {
        self.latest.as_ref().is_some_and(|latest| {
            let total = latest.content.total;
            let nothing = Money {
                minor: 0,
                currency: total.currency,
            };
            let amounts = self.refunds.values().filter_map(|refund| refund.amount);
            let refunded = amounts.into_iter().try_fold(nothing, Money::checked_add);
            total.minor > 0 && refunded.is_some_and(|refunded| refunded.minor >= total.minor)
        })
    }

    /// Units of the line in all refunds together.
    pub fn refunded_units(&self, line: &LineId) -> RefundedUnits {
        self.refunds
            .values()
            .filter_map(|refund| refund.units.get(line))
            .fold(RefundedUnits::default(), |sum, units| sum.plus(*units))
    }

    /// Whether the line came into the order after the money was given back as a whole.
    pub fn is_added_after_refund(&self, line: &LineId) -> bool {
        match (self.first_seen.get(line), self.refunded_at) {
            (Some(seen), Some(refunded)) => *seen > refunded,
            (None, _) | (_, None) => false,
        }
    }
}

/// A message describes a whole second, so that a refund of the same second may have come after it.
fn is_newer(refund: &Refund, latest: &Latest) -> bool {
    !latest.content.refunds.contains(&refund.id)
        && refund
            .created_at
            .is_none_or(|created_at| created_at >= latest.updated_at)
}
