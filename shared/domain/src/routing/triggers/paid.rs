//! Payment captured; authorised or pending is not enough, unless the merchant says that it is.

use super::super::{Facts, Verdict, Waiting};
use super::whole_order;
use crate::cases::CaseKind;
use crate::order::news::{Content, Payment};
use crate::order::state::{Order, WaitKind};
use crate::settings::{PaymentRules, Unpaid};

pub(in crate::routing) fn check(order: &Order, content: &Content, facts: &Facts) -> Verdict {
    if order.news.paid {
        return Verdict::Pass;
    }
    let rules = facts.settings.rules.payment.of(&order.id.channel);
    let (rule, why) = rule(content, rules);
    match rule {
        Unpaid::Send => Verdict::Pass,
        Unpaid::Hold => whole_order(
            order,
            content,
            CaseKind::PaymentIncomplete,
            format!("{}:{why}", order.id),
            format!("the order is not paid in full: {why}"),
        ),
        Unpaid::Wait => Verdict::Wait(Waiting {
            kind: WaitKind::Payment,
            why: why.to_owned(),
            units: None,
            since: Some(content.placed_at),
            case_after: rules.give_up_after,
        }),
    }
}

/// What the merchant wants of it, and what the channel reports.
fn rule(content: &Content, rules: &PaymentRules) -> (Unpaid, &'static str) {
    let unpaid_gateway = || {
        // With another gateway beside it nobody knows which of them owes the payment.
        let mut gateways = content.gateways.iter();
        !content.gateways.is_empty()
            && gateways.all(|gateway| rules.send_unpaid_gateways.contains(&gateway.to_lowercase()))
    };
    match &content.payment {
        Payment::PartiallyPaid => (rules.partially_paid, "the rest of the payment"),
        Payment::Pending if unpaid_gateway() => (Unpaid::Send, "payment"),
        Payment::Pending if content.net_terms => (rules.net_terms, "payment on agreed terms"),
        Payment::Pending
        | Payment::Authorized
        | Payment::Paid
        | Payment::PartiallyRefunded
        | Payment::Refunded
        | Payment::Voided
        | Payment::Expired
        | Payment::Unknown(_) => (Unpaid::Wait, "payment"),
    }
}
