//! What an offer must satisfy for a line; one file each.

pub(super) mod po_box;
pub(super) mod stock;
