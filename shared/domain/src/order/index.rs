//! What an order is found by without loading it.

use crate::cases::CaseEntry;
use crate::digest::Digest;
use crate::ids::SupplierId;
use crate::order::state::Order;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::sending::machine::SendState;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What an order is found by without loading it; computed from its state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    pub due: Option<Timestamp>,
    /// Purchase orders that go with a batch and whose outcome is open, by supplier and cut-off.
    pub batches: Vec<BatchEntry>,
    pub cases: Vec<CaseEntry>,
    /// Suppliers with a purchase order whose outcome is open.
    pub open: BTreeSet<SupplierId>,
    /// Configuration by which routing looked at the order in this step. `None` keeps what is known.
    pub configuration: Option<Digest>,
}

/// That a purchase order goes with the batch of that cut-off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchEntry {
    pub supplier: SupplierId,
    pub cut_off: Timestamp,
    pub purchase_order: PurchaseOrderNumber,
}

impl Order {
    pub fn index(&self, now: Timestamp) -> Index {
        Index {
            due: self.looked_at_next(now),
            batches: self.batches(),
            cases: self.cases(now),
            open: self.open_suppliers(),
            configuration: None,
        }
    }

    /// When something of it is due, or a case shows.
    pub(crate) fn looked_at_next(&self, now: Timestamp) -> Option<Timestamp> {
        self.due().into_iter().chain(self.next_case_at(now)).min()
    }

    fn batches(&self) -> Vec<BatchEntry> {
        self.purchase_orders
            .iter()
            .filter(|own| {
                matches!(
                    own.sending.state,
                    SendState::Planned { .. } | SendState::SendStarted { .. }
                )
            })
            .filter_map(|own| {
                Some(BatchEntry {
                    supplier: own.supplier.clone(),
                    cut_off: own.cut_off?,
                    purchase_order: own.number.clone(),
                })
            })
            .collect()
    }
}
