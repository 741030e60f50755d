//! Every kind of case: how grave it is, what closes it, and who may let it through.

pub mod open;

use crate::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};

/// Flat and without data; what it means and what is done about it is [`POLICY`].
///
/// Has one name, `unmapped-sku`, in histories, on the command line and in documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseKind {
    UnmappedSku,
    NoSupplier,
    OutOfStock,
    StaleStock,
    AddressIncomplete,
    AddressUnusable,
    UnknownCountry,
    Unpaid,
    PaymentIncomplete,
    OnHoldAtChannel,
    OnHoldAfterSend,
    RefundUnclear,
    AddedAfterRefund,
    SeveralShippingMethods,
    LocalDelivery,
    NoteToRead,
    GiftToCheck,
    PersonalisationToCheck,
    NeverSendTag,
    SplitNotAllowed,
    OverLimit,
    FraudRisk,
    CurrencyWithoutRate,
    CostUnknown,
    CostTooHigh,
    MarginTooLow,
    UnmappedShippingMethod,
    TooManyPackages,
    PackageTooValuable,
    BelowMinimumOrder,
    AboveSpendLimit,
    SpendLimitReached,
    SupplierPaused,
    EditedAfterSend,
    CancelAfterSend,
    CancelRequested,
    CancelRefused,
    Backordered,
    AnswerUnclear,
    HeldByPerson,
    SupplierRejected,
    MailBounced,
    MailUnconfirmed,
    SupplierUnreachable,
    SendDelayed,
    CannotPrepare,
    SendInDoubt,
    SentTwice,
    Stuck,
    QuarantinedPayload,
    DeadLetter,
    BadSignatures,
    OversizedBody,
    SupplierRefusesUs,
    MailSuppressed,
    SupplierAnswersUnknown,
    RefusedConfiguration,
    BatchNotUploaded,
    ClockSet,
    DataRestored,
}

impl fmt::Display for CaseKind {
    /// The name that serde gives it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

/// What of one order or batch needs a person. Entries with the same kind and cause are one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseEntry {
    pub kind: CaseKind,
    pub cause: String,
    pub severity: Severity,
    pub since: Timestamp,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_order: Option<PurchaseOrderNumber>,
}

/// How soon a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    One,
    Two,
    Three,
}

impl Severity {
    /// 1 is the gravest.
    pub fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// Time to the first response.
    pub fn respond_within(self) -> &'static str {
        match self {
            Self::One => "30 minutes",
            Self::Two => "2 hours",
            Self::Three => "a day",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.number())
    }
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
        "add the SKU to offers.csv; a line without a SKU is shipped by hand",
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
        CaseKind::AddressUnusable,
        Severity::Two,
        false,
        "the address completed on the channel, or edit-address: without name or company, street, city and country nothing can be shipped",
    ),
    row(
        CaseKind::UnknownCountry,
        Severity::Two,
        true,
        "the country corrected on the channel, or release",
    ),
    row(
        CaseKind::Unpaid,
        Severity::Three,
        false,
        "closes itself when the channel reports the payment or cancels the order",
    ),
    row(
        CaseKind::PaymentIncomplete,
        Severity::Two,
        true,
        "the rest of the payment, or release to send before it",
    ),
    row(
        CaseKind::OnHoldAtChannel,
        Severity::Three,
        true,
        "the hold ended on the channel, or release to send all the same",
    ),
    row(
        CaseKind::OnHoldAfterSend,
        Severity::Two,
        true,
        "agree with the supplier, then release; closes itself when the hold ends on the channel",
    ),
    row(
        CaseKind::RefundUnclear,
        Severity::Two,
        true,
        "restock or remove the units on the channel if nobody wants them, or release to ship them",
    ),
    row(
        CaseKind::AddedAfterRefund,
        Severity::Two,
        true,
        "the payment of what was added, or release to ship it",
    ),
    row(
        CaseKind::SeveralShippingMethods,
        Severity::Two,
        true,
        "release with --method and the one by which everything is shipped",
    ),
    row(
        CaseKind::LocalDelivery,
        Severity::Two,
        true,
        "hand the goods over and fulfil them on the channel, or release to have them shipped",
    ),
    row(
        CaseKind::NoteToRead,
        Severity::Three,
        true,
        "read the note on the channel, then release",
    ),
    row(
        CaseKind::GiftToCheck,
        Severity::Three,
        true,
        "look at the order, then release",
    ),
    row(
        CaseKind::PersonalisationToCheck,
        Severity::Three,
        true,
        "look at what is to be made, then release",
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
        CaseKind::AboveSpendLimit,
        Severity::Two,
        true,
        "another supplier, another spend_limit_per_day in suppliers.toml, or release",
    ),
    row(
        CaseKind::SpendLimitReached,
        Severity::Two,
        true,
        "room within a week, looked at again every 15 minutes; another spend_limit_per_day in suppliers.toml, or release to send it all the same",
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
        CaseKind::CancelAfterSend,
        Severity::One,
        false,
        "call the supplier, then resolve --cancelled, --not-cancelled or --too-late",
    ),
    row(
        CaseKind::CancelRequested,
        Severity::Two,
        false,
        "the supplier's answer: resolve --cancelled, --not-cancelled or --too-late",
    ),
    row(
        CaseKind::CancelRefused,
        Severity::Two,
        true,
        "agree with supplier and customer, then release",
    ),
    row(
        CaseKind::Backordered,
        Severity::Three,
        true,
        "the supplier ships it, or reroute, or release to wait",
    ),
    row(
        CaseKind::AnswerUnclear,
        Severity::Two,
        true,
        "ask the supplier, acknowledge what it says, then release",
    ),
    row(CaseKind::HeldByPerson, Severity::Three, true, "release"),
    row(
        CaseKind::SupplierRejected,
        Severity::Two,
        true,
        "mend the cause, then release",
    ),
    row(
        CaseKind::MailBounced,
        Severity::One,
        true,
        "mend the supplier's mail address in suppliers.toml, then release: it is planned again",
    ),
    row(
        CaseKind::MailUnconfirmed,
        Severity::Two,
        false,
        "a report of the delivery closes it; else ask the supplier: resolve --sent if they have it, resolve --not-sent if not",
    ),
    row(
        CaseKind::SupplierUnreachable,
        Severity::One,
        false,
        "closes itself when it is sent; `retry` tries at once, `reroute` takes another supplier",
    ),
    row(
        CaseKind::SendDelayed,
        Severity::Two,
        false,
        "closes itself when it is sent; `retry` tries at once, `reroute` takes another supplier",
    ),
    row(
        CaseKind::CannotPrepare,
        Severity::Two,
        false,
        "correct the supplier's settings, which `check` tries out, or the address with `edit-address`",
    ),
    row(
        CaseKind::SendInDoubt,
        Severity::Two,
        false,
        "a look-up settles it, or resolve --sent or --not-sent; what is in doubt since a restore, for a whole supplier at once",
    ),
    row(
        CaseKind::SentTwice,
        Severity::One,
        false,
        "ask the supplier to cancel one; stays in the history",
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
        "read it with `evidence`, mend what made it, then `redrive` it, or close",
    ),
    row(
        CaseKind::DeadLetter,
        Severity::One,
        false,
        "read it with `evidence`, look at its order, then `redrive` it, or close",
    ),
    row(
        CaseKind::BadSignatures,
        Severity::Two,
        false,
        "compare the channel's webhook secret, then close",
    ),
    row(
        CaseKind::OversizedBody,
        Severity::Three,
        false,
        "look at who sends it, then close",
    ),
    row(
        CaseKind::SupplierRefusesUs,
        Severity::One,
        false,
        "renew the supplier's credentials, then close",
    ),
    row(
        CaseKind::MailSuppressed,
        Severity::One,
        false,
        "run the command that it names, or correct the supplier's mail address in suppliers.toml, then close: mails to the supplier wait until then",
    ),
    row(
        CaseKind::SupplierAnswersUnknown,
        Severity::Two,
        false,
        "read its answers with `evidence`, ask the supplier what changed, correct suppliers.toml, then close; closes itself when the supplier accepts an order",
    ),
    row(
        CaseKind::RefusedConfiguration,
        Severity::Two,
        false,
        "mend the file: the former configuration runs on, and the case closes itself",
    ),
    row(
        CaseKind::BatchNotUploaded,
        Severity::One,
        false,
        "upload the file that `batches open` shows, then mark it with `batches uploaded`",
    ),
    row(
        CaseKind::ClockSet,
        Severity::Two,
        false,
        "have a time service keep the machine's clock, look at whatever went early or waits, then close",
    ),
    row(
        CaseKind::DataRestored,
        Severity::One,
        false,
        "`restored` takes note of it; what may have been sent since the copy was made is then looked up, or a case",
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

/// Another configuration than the one it was planned with may cure it: a hold, not a doubt about a
/// purchase order and not a step that is overdue.
pub fn curable_by_configuration(entry: &CaseEntry) -> bool {
    entry.purchase_order.is_none() && entry.kind != CaseKind::Stuck
}

/// The policy as a table of Markdown, for documents.
pub fn policy_table() -> String {
    let mut table = String::from(
        "| kind | severity | respond within | `release` lets it through | way out |\n|---|---|---|---|---|\n",
    );
    for row in POLICY {
        let releasable = if row.releasable { "yes" } else { "" };
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {releasable} | {} |",
            row.kind,
            row.severity,
            row.severity.respond_within(),
            row.way_out
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy for every kind, and the kind's own name read back as it.
    #[test]
    fn every_kind_has_one_row_and_one_name() {
        for row in POLICY {
            let name = format!("\"{}\"", row.kind);
            assert_eq!(serde_json::to_string(&row.kind).unwrap(), name);
            assert_eq!(serde_json::from_str::<CaseKind>(&name).unwrap(), row.kind);
        }
        // serde's refusal names every kind there is.
        let refused = serde_json::from_str::<CaseKind>("\"no kind\"").unwrap_err();
        let refused = refused.to_string();
        let names: Vec<_> = refused.split('`').skip(3).step_by(2).collect();
        assert!(names.len() >= POLICY.len(), "{refused}");
        for name in names {
            let kind: CaseKind = serde_json::from_str(&format!("\"{name}\"")).unwrap();
            let rows = POLICY.iter().filter(|row| row.kind == kind).count();
            assert_eq!(rows, 1, "rows of {kind}");
        }
    }
}
