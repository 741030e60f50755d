//! What an order is known by outside: numbers that people and other systems have in their hands.

use crate::digest::Digest;
use crate::ids::{ChannelId, SupplierId};
use crate::order::state::Order;
use crate::purchase_order_number::PurchaseOrderNumber;
use std::collections::BTreeSet;
use std::fmt;

/// Of a purchase order so many of the supplier's references are found by. None names as many, and what
/// a supplier answers must never be too large to be committed.
const REFERENCES_A_PURCHASE_ORDER: usize = 16;
/// Bytes of a value that is stored as it is; the place of a longer one is taken by its digest.
const LONGEST_VALUE: usize = 64;

/// A number by which an order is found. A purchase order number belongs to one order; every other
/// reference is a set, since a supplier and a shop may give one number to several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// Ours, unique over all orders.
    PurchaseOrder(PurchaseOrderNumber),
    /// What the supplier calls one of our purchase orders.
    Supplier { supplier: SupplierId, value: String },
    /// What the channel's own pages call the order.
    Channel { channel: ChannelId, number: String },
}

impl Reference {
    pub fn of_supplier(supplier: &SupplierId, value: &str) -> Self {
        Self::Supplier {
            supplier: supplier.clone(),
            value: value.trim().to_owned(),
        }
    }

    pub fn of_channel(channel: &ChannelId, number: &str) -> Self {
        Self::Channel {
            channel: channel.clone(),
            number: number.trim().to_owned(),
        }
    }

    /// Among which references it is looked for.
    pub fn scope(&self) -> String {
        match self {
            Self::PurchaseOrder(_) => "po".to_owned(),
            Self::Supplier { supplier, .. } => format!("supplier/{supplier}"),
            Self::Channel { channel, .. } => format!("channel/{channel}"),
        }
    }

    fn value(&self) -> &str {
        match self {
            Self::PurchaseOrder(number) => number.as_str(),
            Self::Supplier { value, .. } => value,
            Self::Channel { number, .. } => number,
        }
    }

    /// What a store looks for within the scope: short enough for a key of any store.
    pub fn key(&self) -> String {
        let value = self.value();
        if value.len() <= LONGEST_VALUE {
            value.to_owned()
        } else {
            format!("digest/{}", Digest::of(value.as_bytes()))
        }
    }

    fn is_empty(&self) -> bool {
        self.value().is_empty()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.value())
    }
}

impl Order {
    /// Everything that it is known by, as far as it follows from its state.
    pub fn references(&self) -> BTreeSet<Reference> {
        let latest = self.news.latest.iter();
        let by_channel = latest
            .map(|latest| Reference::of_channel(&self.id.channel, &latest.content.order_number));
        let by_suppliers = self.purchase_orders.iter().flat_map(|own| {
            let references = own.sending.references().iter();
            references
                .take(REFERENCES_A_PURCHASE_ORDER)
                .map(|value| Reference::of_supplier(&own.supplier, value))
        });
        let numbers = self.purchase_orders.iter();
        let numbers = numbers.map(|own| Reference::PurchaseOrder(own.number.clone()));
        by_channel
            .chain(by_suppliers)
            .filter(|reference| !reference.is_empty())
            .chain(numbers)
            .collect()
    }

    /// Suppliers that have, or may have, a purchase order or a request to cancel whose outcome is open.
    pub fn open_suppliers(&self) -> BTreeSet<SupplierId> {
        let open = self.purchase_orders.iter().filter(|own| own.is_open());
        open.map(|own| own.supplier.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_has_a_short_key_of_its_own() {
        let supplier = SupplierId::parse("globex").unwrap();
        let of = |value: &str| Reference::of_supplier(&supplier, value);
        assert_eq!(of(" PO-88 ").key(), "PO-88");
        assert_eq!(of("PO-88").scope(), "supplier/globex");
        let long = "9".repeat(5000);
        let longer = "9".repeat(5001);
        assert!(of(&long).key().len() < 100);
        assert_ne!(of(&long).key(), of(&longer).key());
    }
}
