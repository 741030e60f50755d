//! Conditions under which units may go out; one file each.

pub(super) mod address;
pub(super) mod channel_hold;
pub(super) mod delivery;
pub(super) mod edited_after_send;
pub(super) mod extras;
pub(super) mod held;
pub(super) mod limits;
pub(super) mod mapped;
pub(super) mod ours;
pub(super) mod paid;
pub(super) mod refunded;
pub(super) mod risk;
pub(super) mod tags;

use super::Proposal;
use crate::cases::CaseKind;
use crate::ids::LineId;
use crate::order::news::Content;
use crate::order::state::Order;

fn every_line(content: &Content) -> Vec<LineId> {
    content.lines.iter().map(|line| line.id.clone()).collect()
}

/// A hold of the whole order, unless a person released that kind and cause.
fn whole_order(
    order: &Order,
    content: &Content,
    kind: CaseKind,
    cause: String,
    reason: String,
) -> super::Verdict {
    if order.released.contains(&(kind, cause.clone())) {
        return super::Verdict::Pass;
    }
    super::Verdict::Hold(vec![Proposal {
        kind,
        cause,
        reason,
        lines: every_line(content),
        most: None,
        again: false,
    }])
}
