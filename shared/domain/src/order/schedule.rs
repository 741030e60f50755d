//! When something of an order must happen by itself.

use crate::order::purchase_order::PurchaseOrder;
use crate::order::state::Order;
use jiff::Timestamp;

/// Received and not routed for so long: the sweep enqueues it again.
pub const REROUTE_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// Received and not routed for so long: a case.
pub const ROUTING_OVERDUE: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

impl Order {
    /// The next moment at which something must happen by itself.
    pub fn due(&self) -> Option<Timestamp> {
        self.timers().min()
    }

    /// The next one that is not over yet.
    pub fn due_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.timers().filter(|timer| *timer > now).min()
    }

    fn timers(&self) -> impl Iterator<Item = Timestamp> {
        let routing = self.unrouted_since().map(|since| since + REROUTE_AFTER);
        let again = self.routing.iter().flat_map(|routing| {
            let holds = routing.holds.iter().filter_map(|hold| hold.again_at);
            holds.chain(routing.waits.iter().filter_map(|wait| wait.until))
        });
        let sends = self.purchase_orders.iter().flat_map(PurchaseOrder::timers);
        routing.into_iter().chain(again).chain(sends)
    }
}
