//! What an offer must satisfy for a line; one file each.

pub(super) mod person;
pub(super) mod po_box;
pub(super) mod refused_before;
pub(super) mod stock;
