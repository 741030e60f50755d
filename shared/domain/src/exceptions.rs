//! What is done about each kind of case, as data; and what the sweep does with an order that is due.

use crate::messages::Message;
use crate::order::Order;
use crate::order::attention::CaseKind;
use crate::order::machine::SendState;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// First response within 30 minutes, 2 hours, a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    One,
    Two,
    Three,
}

/// One row for each kind of case.
#[derive(Debug)]
pub struct Policy {
    pub kind: CaseKind,
    pub severity: Severity,
    /// A person may let it through with `release`.
    pub releasable: bool,
    /// What closes it.
    pub way_out: &'static str,
}

const fn row(
    kind: CaseKind,
    severity: Severity,
    releasable: bool,
    way_out: &'static str,
) -> Policy {
    Policy {
        kind,
        severity,
        releasable,
        way_out,
    }
}

pub const POLICY: &[Policy] = &[
    row(
        CaseKind::UnmappedSku,
        Severity::Two,
        false,
        "add the SKU to offers.csv",
    ),
    row(
        CaseKind::NoSupplier,
        Severity::Two,
        false,
        "an offer whose supplier serves the destination",
    ),
    row(
        CaseKind::OutOfStock,
        Severity::Two,
        false,
        "stock at any supplier; looked at again every 15 minutes",
    ),
    row(
        CaseKind::StaleStock,
        Severity::Two,
        true,
        "newer stock, or release to trust the old",
    ),
    row(
        CaseKind::AddressIncomplete,
        Severity::Two,
        true,
        "the address completed on the channel, or release",
    ),
    row(
        CaseKind::UnknownCountry,
        Severity::Two,
        true,
        "the country corrected on the channel, or release",
    ),
    row(
        CaseKind::NeverSendTag,
        Severity::Three,
        true,
        "the tag removed on the channel, or release",
    ),
    row(
        CaseKind::SplitNotAllowed,
        Severity::Two,
        false,
        "one supplier for everything, or split = \"allow\"",
    ),
    row(
        CaseKind::OverLimit,
        Severity::Two,
        true,
        "look at the order, then release; or another limit in rules.toml",
    ),
    row(
        CaseKind::FraudRisk,
        Severity::Two,
        true,
        "review the order, then release, remove the tag or cancel",
    ),
    row(
        CaseKind::CurrencyWithoutRate,
        Severity::Two,
        false,
        "a rate for it under [rates] in rules.toml",
    ),
    row(
        CaseKind::CostUnknown,
        Severity::Two,
        false,
        "the cost in offers.csv, or a row of shipping_cost for it in suppliers.toml",
    ),
    row(
        CaseKind::CostTooHigh,
        Severity::Two,
        true,
        "a cheaper offer, another limit in rules.toml, or release",
    ),
    row(
        CaseKind::MarginTooLow,
        Severity::Two,
        true,
        "a cheaper offer, another floor in rules.toml, or release",
    ),
    row(
        CaseKind::UnmappedShippingMethod,
        Severity::Two,
        false,
        "the method under [supplier.shipping] in suppliers.toml",
    ),
    row(
        CaseKind::TooManyPackages,
        Severity::Two,
        true,
        "fewer suppliers, another max_packages in rules.toml, or release",
    ),
    row(
        CaseKind::PackageTooValuable,
        Severity::Two,
        true,
        "look at the order, then release; or another limit in rules.toml",
    ),
    row(
        CaseKind::BelowMinimumOrder,
        Severity::Two,
        true,
        "another supplier, another minimum_order in suppliers.toml, or release",
    ),
    row(
        CaseKind::SupplierPaused,
        Severity::Three,
        false,
        "paused = false in suppliers.toml, or another supplier's offer",
    ),
    row(
        CaseKind::EditedAfterSend,
        Severity::Two,
        true,
        "agree with the supplier, then release",
    ),
    row(
        CaseKind::ReducedAfterSend,
        Severity::Two,
        true,
        "agree with the supplier, then release",
    ),
    row(
        CaseKind::CancelAfterSend,
        Severity::One,
        false,
        "ask the supplier, then resolve --cancelled or --not-cancelled",
    ),
    row(
        CaseKind::SupplierRejected,
        Severity::Two,
        true,
        "mend the cause, then release",
    ),
    row(
        CaseKind::SupplierUnreachable,
        Severity::One,
        false,
        "closes itself when it is sent",
    ),
    row(
        CaseKind::CannotPrepare,
        Severity::Two,
        false,
        "mend the supplier's template",
    ),
    row(
        CaseKind::SendInDoubt,
        Severity::Two,
        false,
        "a look-up settles it, or resolve --sent or --not-sent",
    ),
    row(
        CaseKind::SentTwice,
        Severity::One,
        false,
        "ask the supplier to cancel one",
    ),
    row(
        CaseKind::Stuck,
        Severity::Two,
        false,
        "closes itself when the step is done",
    ),
    row(
        CaseKind::QuarantinedPayload,
        Severity::One,
        false,
        "read the payload in quarantine",
    ),
    row(
        CaseKind::DeadLetter,
        Severity::One,
        false,
        "read the message in quarantine",
    ),
    row(
        CaseKind::BadSignatures,
        Severity::Two,
        false,
        "compare the channel's webhook secret",
    ),
    row(
        CaseKind::OversizedBody,
        Severity::Three,
        false,
        "look at who sends it",
    ),
    row(
        CaseKind::SupplierRefusesUs,
        Severity::One,
        false,
        "renew the supplier's credentials",
    ),
    row(
        CaseKind::RefusedConfiguration,
        Severity::Two,
        false,
        "mend the file; the former configuration runs on",
    ),
];

pub fn severity(kind: CaseKind) -> Severity {
    POLICY
        .iter()
        .find(|row| row.kind == kind)
        .map_or(Severity::One, |row| row.severity)
}

pub fn releasable(kind: CaseKind) -> bool {
    POLICY.iter().any(|row| row.kind == kind && row.releasable)
}

pub fn way_out(kind: CaseKind) -> &'static str {
    POLICY
        .iter()
        .find(|row| row.kind == kind)
        .map_or("", |row| row.way_out)
}

/// Between two wakings of one order that stays due. A hold for want of stock is patient, a step
/// that is overdue is not.
pub fn wake_again_after(order: &Order, now: Timestamp) -> SignedDuration {
    let only_holds = order.needs_routing.is_none()
        && wake(order, now)
            .iter()
            .all(|message| matches!(message, Message::Route { .. }));
    SignedDuration::from_mins(if only_holds { 15 } else { 2 })
}

/// Messages that set a due order going again.
pub fn wake(order: &Order, now: Timestamp) -> Vec<Message> {
    let routing_due = order.needs_routing.is_some()
        || order.routing.iter().any(|routing| {
            routing
                .holds
                .iter()
                .filter_map(|hold| hold.again_at)
                .any(|at| at <= now)
                || routing
                    .wait
                    .as_ref()
                    .and_then(|wait| wait.until)
                    .is_some_and(|at| at <= now)
        });
    let route = routing_due.then(|| Message::Route {
        order: order.id.clone(),
    });
    let forward = order.purchase_orders.iter().filter(|own| match &own.send {
        SendState::Planned { due } => *due <= now,
        SendState::SendStarted { settle_at, .. } => *settle_at <= now,
        SendState::InDoubt { look_ups, .. } => look_ups.next_at.is_some_and(|next| next <= now),
        SendState::Sent { .. } | SendState::Rejected { .. } | SendState::Voided { .. } => false,
    });
    route
        .into_iter()
        .chain(forward.map(|own| Message::Forward {
            order: order.id.clone(),
            purchase_order: own.number.clone(),
        }))
        .collect()
}
