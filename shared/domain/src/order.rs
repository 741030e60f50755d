//! The one aggregate: an order with its purchase orders and holds.
//!
//! Its history is events in the past tense; its state is exactly the fold of them. [`Order::decide`]
//! turns a command into events or refuses it, [`Order::apply`] puts one event onto the state. What a
//! channel reports is in [`news`], where each unit is in [`units`].

pub mod answer;
pub mod decide;
pub mod events;
pub mod index;
pub mod news;
pub mod purchase_order;
pub mod reference;
mod restored;
pub mod schedule;
pub mod state;
pub mod step;
pub mod topics;
pub mod units;

pub use crate::refusal::Refusal;
pub use purchase_order::{PurchaseOrder, PurchaseOrderLine};
pub use reference::Reference;
pub use state::{AddressEdit, Hold, NotOurs, Order, RoutingState, Wait, WaitKind};
