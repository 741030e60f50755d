//! A shop and suppliers for demo, bench and tests: stateful, counting what they received.
//!
//! The plain supplier is the harshest that its documents allow: it takes the same order twice without a
//! word, so that whatever is sent twice is counted twice. [`supplier::SupplierDouble`] answers in
//! process through the `Http` trait; [`server`] puts the same object on a loopback port. The others
//! behave as the documents of real suppliers say, soft errors included. [`recorder`] stands between
//! the functions and a local AWS; [`runtime`] is what Lambda is to a function's process.

pub mod bigbuy;
pub mod exchange;
pub mod ingram;
pub mod printful;
pub mod recorder;
pub mod runtime;
pub mod server;
pub mod shop;
pub mod supplier;
