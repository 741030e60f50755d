//! What is agreed with a supplier: where it ships, what it charges, when it works. The default
//! ships everywhere, charges nothing beside the articles and never closes.

use crate::address::Destination;
use crate::calendar::Calendar;
use crate::money::Money;
use crate::region::{Region, any_contains};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Where it ships; empty for everywhere.
    pub countries: Vec<Region>,
    /// Where it does not, though `countries` says so.
    pub exclude: Vec<Region>,
    /// Destinations that it is the better choice for.
    pub prefer: Vec<Region>,
    /// Of one purchase order.
    pub fee: Option<Money>,
    /// The first row that fits a purchase order is its shipping cost; empty where shipping is free
    /// or in the articles' cost.
    pub shipping_cost: Vec<ShippingCost>,
    /// Least that the articles of one purchase order must cost.
    pub minimum_order: Option<Money>,
    /// Most that purchase orders of one day may come to, articles and fees.
    pub spend_limit_per_day: Option<Money>,
    /// Nothing new goes there.
    pub paused: bool,
    pub services: Option<Services>,
    pub calendar: Option<Calendar>,
}

impl Terms {
    pub fn prefers(&self, destination: &Destination) -> bool {
        any_contains(&self.prefer, destination)
    }
}

/// A row of the shipping table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippingCost {
    /// Empty for everywhere.
    pub countries: Vec<Region>,
    /// Most units; any number where it does not say.
    pub up_to: Option<u32>,
    pub amount: Money,
}

impl ShippingCost {
    pub fn is_for(&self, destination: &Destination) -> bool {
        self.countries.is_empty() || any_contains(&self.countries, destination)
    }
}

/// The supplier's service for each shipping method of the channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services {
    /// By the method's title or code, in lower case.
    pub by_method: BTreeMap<String, String>,
    /// For every other method.
    pub default: Option<String>,
}

impl Services {
    /// The code is what a shop does not reword; it goes before the title.
    pub fn service(&self, code: &str, title: &str) -> Option<&str> {
        let known = |text: &str| self.by_method.get(&text.trim().to_lowercase());
        known(code)
            .or_else(|| known(title))
            .or(self.default.as_ref())
            .map(String::as_str)
    }
}
