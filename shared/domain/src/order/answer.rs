//! What suppliers answer, in canonical words: why they refuse, what becomes of each line, whether
//! they take an order back.

use crate::digest::Digest;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a supplier refused, in the words of Shopify's `FulfillmentOrderRejectionReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionReason {
    IncorrectAddress,
    IncorrectProductInfo,
    IneligibleProduct,
    InternationalShippingUnavailable,
    InvalidContactInformation,
    InvalidSku,
    InventoryOutOfStock,
    MerchantBlockedOrSuspended,
    MissingCustomsInfo,
    OrderTooLarge,
    PackagePreferenceNotSet,
    PaymentDeclined,
    UndeliverableDestination,
    Other,
    /// The supplier's own word, which nothing maps; it is in the evidence.
    Unknown,
}

/// What follows from a rejection by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRejection {
    /// This supplier is out for these lines; another may ship them.
    RouteAgain,
    /// Any supplier would refuse it, or we would only repeat our mistake: a person mends it.
    Hold,
}

impl RejectionReason {
    pub const ALL: [Self; 15] = [
        Self::IncorrectAddress,
        Self::IncorrectProductInfo,
        Self::IneligibleProduct,
        Self::InternationalShippingUnavailable,
        Self::InvalidContactInformation,
        Self::InvalidSku,
        Self::InventoryOutOfStock,
        Self::MerchantBlockedOrSuspended,
        Self::MissingCustomsInfo,
        Self::OrderTooLarge,
        Self::PackagePreferenceNotSet,
        Self::PaymentDeclined,
        Self::UndeliverableDestination,
        Self::Other,
        Self::Unknown,
    ];

    /// As configuration files and the command line write it: `inventory-out-of-stock`.
    pub fn name(self) -> &'static str {
        match self {
            Self::IncorrectAddress => "incorrect-address",
            Self::IncorrectProductInfo => "incorrect-product-info",
            Self::IneligibleProduct => "ineligible-product",
            Self::InternationalShippingUnavailable => "international-shipping-unavailable",
            Self::InvalidContactInformation => "invalid-contact-information",
            Self::InvalidSku => "invalid-sku",
            Self::InventoryOutOfStock => "inventory-out-of-stock",
            Self::MerchantBlockedOrSuspended => "merchant-blocked-or-suspended",
            Self::MissingCustomsInfo => "missing-customs-info",
            Self::OrderTooLarge => "order-too-large",
            Self::PackagePreferenceNotSet => "package-preference-not-set",
            Self::PaymentDeclined => "payment-declined",
            Self::UndeliverableDestination => "undeliverable-destination",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    pub fn response(self) -> AfterRejection {
        match self {
            Self::InventoryOutOfStock
            | Self::IneligibleProduct
            | Self::UndeliverableDestination
            | Self::InternationalShippingUnavailable
            | Self::OrderTooLarge
            | Self::Other
            | Self::Unknown => AfterRejection::RouteAgain,
            Self::IncorrectAddress
            | Self::IncorrectProductInfo
            | Self::InvalidContactInformation
            | Self::InvalidSku
            | Self::MerchantBlockedOrSuspended
            | Self::MissingCustomsInfo
            | Self::PackagePreferenceNotSet
            | Self::PaymentDeclined => AfterRejection::Hold,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    pub reason: RejectionReason,
    /// In our words, such as `HTTP 422`; the supplier's own are in the evidence.
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
}

/// Units of a line that the supplier has not in stock, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backorder {
    pub quantity: u32,
    /// The day on which the supplier expects them, where it said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// What a supplier answers to a request to take an order back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelAnswer {
    Accepted,
    Refused,
    /// It has shipped already, or is about to.
    TooLate,
}

/// How far a hand-over in several steps has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Names of the steps that are done, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// What the supplier's answers gave for the steps that follow, by name. Ids, nothing personal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extracted: BTreeMap<String, Vec<String>>,
}

impl Progress {
    pub fn is_start(&self) -> bool {
        self.steps.is_empty()
    }

    #[must_use]
    pub fn with(mut self, step: &str, extracted: BTreeMap<String, Vec<String>>) -> Self {
        self.steps.push(step.to_owned());
        self.extracted.extend(extracted);
        self
    }
}

/// Who says that something is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The supplier's answer to the send.
    Answer,
    LookUp,
    /// The supplier's own notice, unasked: of a shipment, or by its webhook.
    Notice,
    /// What the file of a batch holds, or does not.
    Batch,
    /// What the mail service reported about the mail.
    MailService,
    /// The supplier's settings, which changed.
    Configuration,
    Person {
        who: String,
        why: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupFinding {
    Absent,
    Unclear,
}
