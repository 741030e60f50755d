//! A note, a mark as a gift, and personalisation, where the merchant looks at them first.

use super::super::{Facts, Proposal, Verdict};
use super::whole_order;
use crate::cases::CaseKind;
use crate::digest::Digest;
use crate::order::news::{Content, Note};
use crate::order::state::Order;
use crate::settings::Extra;

pub(in crate::routing) fn check(order: &Order, content: &Content, facts: &Facts) -> Verdict {
    let rules = &facts.settings.rules.extras;
    let has_note = match content.note {
        Note::Absent => false,
        Note::Held => true,
        Note::Ignored | Note::Forwarded => rules.note == Extra::Hold,
    };
    if has_note {
        let (cause, reason) = (format!("{}:note", order.id), "somebody wrote a note to it");
        let note = whole_order(
            order,
            content,
            CaseKind::NoteToRead,
            cause,
            reason.to_owned(),
        );
        if note != Verdict::Pass {
            return note;
        }
    }
    if content.gift && rules.gift == Extra::Hold {
        let (cause, reason) = (
            format!("{}:gift", order.id),
            "the customer marked it as a gift",
        );
        let gift = whole_order(
            order,
            content,
            CaseKind::GiftToCheck,
            cause,
            reason.to_owned(),
        );
        if gift != Verdict::Pass {
            return gift;
        }
    }
    if rules.properties == Extra::Pass {
        return Verdict::Pass;
    }
    let lines = content.lines.iter().filter(|line| line.has_properties);
    let proposals: Vec<Proposal> = lines
        .map(|line| {
            let latest = order.news.latest.as_ref();
            let texts = latest.and_then(|latest| latest.properties.get(&line.id));
            // What is released is this personalisation: another one is looked at again.
            let texts = texts.map_or("", Digest::short);
            Proposal {
                kind: CaseKind::PersonalisationToCheck,
                cause: format!("{}@{texts}", order.line_cause(&line.id)),
                reason: "the customer had it personalised".to_owned(),
                lines: vec![line.id.clone()],
                most: None,
                again: false,
            }
        })
        .filter(|proposal| !order.has_released(proposal.kind, &proposal.cause))
        .collect();
    if proposals.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Hold(proposals)
    }
}
