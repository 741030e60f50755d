//! The only code that commits and sends.
//!
//! A change of an order is loaded, decided and committed in one loop, with one back-off ([`Change`]).
//! What must not double is sent by one protocol ([`SendStep`]): its artifact is stored, the claim is
//! committed, one send is made, its outcome is recorded; and what became of a claim whose outcome
//! nobody recorded is looked up ([`Doubt`]). A claim never expires into a second send.
//!
//! The protocol knows a subject, its state, an artifact and a `dyn Sender`, and no supplier:
//! [`purchase_orders`] is what its first user adds. `domain` decides what is to be done with an order;
//! a function selects the decision and hands it over. `tests/flow` replays its stories with every fault.

mod artifact;
mod claim;
mod commit;
mod concurrency;
mod evidence;
mod incidents;
pub mod purchase_orders;
mod record;
mod resolve;
mod send;
mod wake;

pub use artifact::PreparationError;
pub use claim::Claim;
pub use commit::{Change, Changed, Decider, Draft, Look, TRIES, load};
pub use concurrency::{Admission, ConcurrencyLimit};
pub use incidents::open_incident;
pub use record::Receiver;
pub use resolve::{Doubt, Found};
pub use send::{Flow, SendStep};
pub use wake::notify;

use domain::ids::OrderId;
use domain::order::Order;
use domain::order::decide::Command;
use ports::{Clock, Files, OrderStore, StepError};
use std::sync::Arc;

/// What the protocol may touch.
#[derive(Clone)]
pub struct Execution {
    pub orders: Arc<dyn OrderStore>,
    pub files: Arc<dyn Files>,
    pub clock: Arc<dyn Clock>,
}

impl Execution {
    pub fn change<'a>(&'a self, id: &'a OrderId) -> Change<'a> {
        Change::of(id, self.orders.as_ref(), self.clock.as_ref())
    }

    /// Commits what follows from the command; with the state after it, where there is such an order.
    pub async fn commit(
        &self,
        id: &OrderId,
        command: &Command,
    ) -> Result<Option<Box<Order>>, StepError> {
        self.commit_on(None, id, command).await
    }

    /// The same, decided first on a state that is known.
    pub async fn commit_on(
        &self,
        known: Option<Box<Order>>,
        id: &OrderId,
        command: &Command,
    ) -> Result<Option<Box<Order>>, StepError> {
        let change = self.change(id).knowing(known);
        Ok(change.commit_command(command).await?.order())
    }

    /// What is known, else what is stored.
    pub async fn current(
        &self,
        id: &OrderId,
        known: Option<Box<Order>>,
    ) -> Result<Option<Box<Order>>, StepError> {
        match known {
            Some(known) => Ok(Some(known)),
            None => load(self.orders.as_ref(), id).await,
        }
    }
}
