//! A constraint that a plan breaks.

use crate::cases::CaseKind;

/// A rule that a grouping breaks, and the case that the order becomes if no other grouping is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) kind: CaseKind,
    pub(super) cause: String,
    pub(super) reason: String,
    /// Looked at again by itself.
    pub(super) again: bool,
}
