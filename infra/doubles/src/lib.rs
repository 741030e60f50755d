//! A shop and a supplier for demo, bench and tests: stateful, counting what they received.
//!
//! The supplier is the harshest that its documents allow: it takes the same order twice without a
//! word, so that whatever is sent twice is counted twice. [`supplier::SupplierDouble`] answers in
//! process through the `Http` trait; [`server`] puts the same object on a loopback port.

pub mod server;
pub mod shop;
pub mod supplier;
