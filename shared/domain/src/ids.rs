//! One type per kind of id, so that a SKU is never passed where a supplier's SKU belongs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that cannot be the id it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}: {expected}")]
pub struct InvalidId {
    pub kind: &'static str,
    pub text: String,
    pub expected: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $valid:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Fails on a text that is not of the form the id documents.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId { kind: $kind, text, expected: $expected })
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

fn slug(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
}

fn printable(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= 200 && !text.chars().any(char::is_control)
}

fn plain(text: &str) -> bool {
    printable(text) && !text.contains(['/', ' '])
}

fn code(text: &str) -> bool {
    (1..=4).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

id!(
    /// One configured sales account, such as one Shopify shop.
    ChannelId, "channel id", slug, "1 to 40 of a-z, 0-9 and -"
);
id!(
    /// Marks a channel's purchase orders; unique over all channels.
    ChannelCode, "channel code", code, "1 to 4 of A-Z and 0-9"
);
id!(
    /// One configured company that ships.
    SupplierId, "supplier id", slug, "1 to 40 of a-z, 0-9 and -"
);
id!(
    /// The merchant's own stock-keeping unit.
    Sku, "SKU", printable, "printable text of at most 200 bytes"
);
id!(
    /// What a supplier calls the article.
    SupplierSku, "supplier SKU", printable, "printable text of at most 200 bytes"
);
id!(
    /// The id a channel gave an order.
    ChannelOrderId, "channel order id", plain, "printable text without / or space"
);
id!(
    /// The id a channel gave a line of an order.
    LineId, "line id", plain, "printable text without / or space"
);
id!(
    /// The id a channel gave a refund.
    RefundId, "refund id", plain, "printable text without / or space"
);

impl Sku {
    /// Characters of a SKU that is too long which are kept.
    const KEPT: usize = 40;

    /// The SKU, or of one that is too long the first 40 characters and a short digest: such a one is
    /// shown, and no offer has it. `None` for an empty text.
    pub fn from_channel(text: &str) -> Option<Self> {
        if let Ok(sku) = Self::parse(text) {
            return Some(sku);
        }
        let kept: String = text
            .chars()
            .filter(|character| !character.is_control())
            .take(Self::KEPT)
            .collect();
        if kept.trim().is_empty() {
            return None;
        }
        let digest = crate::digest::Digest::of(text.as_bytes());
        Some(Self(format!("{kept}{SHORTENED}{}", digest.short())))
    }

    /// Whether it stands for a longer one, which no offer has.
    pub fn is_shortened(&self) -> bool {
        self.0.contains(SHORTENED)
    }
}

/// Between the characters that are kept and the digest.
const SHORTENED: &str = "\u{2026}sha256:";

/// An order everywhere in Waybill: the channel and the channel's own id, written `channel/id`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId {
    pub channel: ChannelId,
    pub own: ChannelOrderId,
}

impl OrderId {
    pub fn new(channel: ChannelId, own: ChannelOrderId) -> Self {
        Self { channel, own }
    }

    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let (channel, own) = text.split_once('/').ok_or_else(|| InvalidId {
            kind: "order id",
            text: text.to_owned(),
            expected: "channel/the channel's own order id",
        })?;
        Ok(Self {
            channel: ChannelId::parse(channel)?,
            own: ChannelOrderId::parse(own)?,
        })
    }
}

impl TryFrom<String> for OrderId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> String {
        id.to_string()
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.channel, self.own)
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}
