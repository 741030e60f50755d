//! Rules of routing with their defaults: none need be written.

use crate::ids::{ChannelId, SupplierId};
use crate::money::{BasisPoints, Money};
use crate::rates::Rates;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How groupings are compared; the first difference decides. What is equal in all of them is
    /// decided by the suppliers' priority, then by their ids.
    pub order: Vec<Comparison>,
    pub split: Split,
    /// The units of one line may come from several suppliers where none has enough.
    pub split_lines: bool,
    /// Most purchase orders of one order.
    pub max_packages: Option<u32>,
    /// What becomes of a line if a supplier that would fit has no service for the order's shipping
    /// method.
    pub unmapped: Unmapped,
    pub limits: Limits,
    pub risk: Risk,
    pub cost: CostRules,
    pub rates: Rates,
    /// Stock told longer ago is not trusted.
    pub stock_max_age: SignedDuration,
    /// Tags with which an order is never sent, in lower case.
    pub never_send_tags: BTreeSet<String>,
    /// By category, in lower case.
    pub categories: BTreeMap<String, Allowed>,
    pub channels: BTreeMap<ChannelId, Allowed>,
    pub release: ByChannel<Release>,
    pub payment: ByChannel<PaymentRules>,
    pub extras: Extras,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            order: vec![Comparison::Region, Comparison::Cost, Comparison::Priority],
            split: Split::PreferSingle,
            split_lines: false,
            max_packages: None,
            unmapped: Unmapped::Hold,
            limits: Limits::default(),
            risk: Risk::default(),
            cost: CostRules::default(),
            rates: Rates::default(),
            stock_max_age: SignedDuration::from_hours(72),
            never_send_tags: ["never-send".to_owned(), "no-dropship".to_owned()].into(),
            categories: BTreeMap::new(),
            channels: BTreeMap::new(),
            release: ByChannel::default(),
            payment: ByChannel::default(),
            extras: Extras::default(),
        }
    }
}

impl Rules {
    /// Whether what suppliers charge decides anything, so that it has to be known.
    pub fn cost_matters(&self) -> bool {
        self.order.contains(&Comparison::Cost) || self.cost != CostRules::default()
    }
}

/// What is compared of two groupings; the lesser goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Units from suppliers that do not prefer the destination.
    Region,
    /// Landed cost: items, fees and shipping of all purchase orders.
    Cost,
    /// Purchase orders.
    Packages,
    /// Priorities of the suppliers, line by line.
    Priority,
}

impl Comparison {
    pub fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Cost => "cost",
            Self::Packages => "packages",
            Self::Priority => "priority",
        }
    }
}

/// Whether several suppliers may ship one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Whatever compares best, be it one supplier or several.
    Allow,
    /// One supplier where one has everything, else the best of several.
    PreferSingle,
    /// One supplier for everything, else the order is held.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmapped {
    /// The line waits until the service is named: another supplier may be the worse choice.
    Hold,
    /// That supplier is passed over; held only where nobody is left.
    NextSupplier,
}

/// An order beyond one of these waits for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// What the customer pays, as the channel gives the total.
    pub order_value: Option<Money>,
    /// Units of all lines together.
    pub quantity: Option<u32>,
    pub quantity_per_line: Option<u32>,
    /// What the customer pays for the articles of one purchase order.
    pub value_per_package: Option<Money>,
}

/// Signs of fraud with which an order waits for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Risk {
    /// In lower case.
    pub hold_tags: BTreeSet<String>,
}

/// Suppliers whose charges break one of these are passed over; where none is left, it is a hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CostRules {
    /// Least part of what the customer pays for the articles that must be left when the landed
    /// cost of all purchase orders is paid.
    pub margin_floor: Option<BasisPoints>,
    /// The same for each line and the bare cost of its articles.
    pub line_margin_floor: Option<BasisPoints>,
    /// Most that one unit may cost, without fees and shipping.
    pub max_unit: Option<Money>,
    /// Most that an order may cost, landed.
    pub max_order: Option<Money>,
}

/// A rule that a channel may have of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByChannel<T> {
    pub all: T,
    pub own: BTreeMap<ChannelId, T>,
}

impl<T> ByChannel<T> {
    pub fn of(&self, channel: &ChannelId) -> &T {
        self.own.get(channel).unwrap_or(&self.all)
    }
}

/// When an order that may go is let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// How long a purchase order waits after the payment was first known here, so that the customer
    /// can change his mind. An edit does not start it anew.
    pub delay: SignedDuration,
    /// How long units may be on hold at the channel before it is a case.
    pub hold_case_after: SignedDuration,
}

impl Default for Release {
    fn default() -> Self {
        Self {
            delay: SignedDuration::ZERO,
            hold_case_after: SignedDuration::from_hours(24),
        }
    }
}

/// What becomes of an order that is not paid in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRules {
    /// Payment methods of which orders go before they are paid, such as cash on delivery; in lower
    /// case, as the channel names them.
    pub send_unpaid_gateways: BTreeSet<String>,
    pub partially_paid: Unpaid,
    /// The customer pays on an agreed later day.
    pub net_terms: Unpaid,
    /// How long after it was placed an unpaid order is a case.
    pub give_up_after: SignedDuration,
}

impl Default for PaymentRules {
    fn default() -> Self {
        Self {
            send_unpaid_gateways: BTreeSet::new(),
            partially_paid: Unpaid::Wait,
            net_terms: Unpaid::Wait,
            give_up_after: SignedDuration::from_hours(14 * 24),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unpaid {
    /// The payment is waited for.
    Wait,
    Send,
    /// A person decides.
    Hold,
}

/// What an order may have beside its articles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// A note to the order.
    pub note: Extra,
    /// A mark as a gift.
    pub gift: Extra,
    /// Personalisation of a line: that line only.
    pub properties: Extra,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extra {
    #[default]
    Pass,
    /// A person looks at it first.
    Hold,
}

/// Suppliers that a rule lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    Only(BTreeSet<SupplierId>),
    Except(BTreeSet<SupplierId>),
}

impl Allowed {
    pub fn allows(&self, supplier: &SupplierId) -> bool {
        match self {
            Self::Only(suppliers) => suppliers.contains(supplier),
            Self::Except(suppliers) => !suppliers.contains(supplier),
        }
    }
}
