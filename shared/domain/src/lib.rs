//! The rules of Waybill, pure and synchronous: the order and its machine, what a channel's news
//! does to it, who ships what, what follows from a supplier's answer, what is due, what needs a
//! person. No clock, no environment, no randomness, no I/O: `now` is always an argument, and the
//! same input gives the same output, byte for byte.
//!
//! A handler selects a decision of this crate; `execution` loads, commits what it returned, and sends. Preview,
//! replay and simulation are other callers of the same functions. Stories over the whole flow
//! are in `tests/flow`.

pub mod address;
pub mod batch;
pub mod calendar;
pub mod cases;
pub mod catalogue;
pub mod clock;
pub mod commit;
pub mod digest;
pub mod fidelity;
pub mod ids;
pub mod invariants;
pub mod messages;
pub mod money;
pub mod order;
pub mod personal;
pub mod purchase_order_number;
pub mod rates;
pub mod refusal;
pub mod region;
pub mod routing;
pub mod sending;
pub mod settings;
pub mod spending;
pub mod sweep;
pub mod text;
pub mod timeline;
pub mod trust;
