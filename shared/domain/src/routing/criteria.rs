//! What an offer must satisfy for a line; one file each.

pub(super) mod category;
pub(super) mod channel;
pub(super) mod currency;
pub(super) mod paused;
pub(super) mod person;
pub(super) mod po_box;
pub(super) mod refused_before;
pub(super) mod region;
pub(super) mod shipping_method;
pub(super) mod stock;
pub(super) mod unit_cost;
