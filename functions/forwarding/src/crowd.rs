//! A supplier's `concurrency`, where several processes hand over without knowing of each other.

use crate::Deps;
use domain::forwarding::SETTLE_MARGIN;
use domain::ids::SupplierId;
use domain::order::{PurchaseOrder, SendId};
use jiff::{SignedDuration, Timestamp};
use ports::{Slot, Slots, StepError, Supplier};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Between looks for a free slot; twelve seconds in all. Most hand-overs take less than one.
const PAUSES: [Duration; 14] = {
    let mut pauses = [Duration::from_secs(1); 14];
    pauses[0] = Duration::from_millis(250);
    pauses[1] = Duration::from_millis(250);
    pauses[2] = Duration::from_millis(500);
    pauses
};
/// After they were in vain this process looks for none for so long: many messages for a busy supplier
/// must not keep those for others waiting.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(5);

/// Processes that hand over at the same time.
pub struct Crowd {
    processes: usize,
    slots: Arc<dyn Slots>,
    /// Until when a supplier that was busy is left alone.
    busy: Mutex<BTreeMap<SupplierId, Timestamp>>,
}

/// Whether there is room at a supplier.
pub(crate) enum Room {
    /// The slot is to be left; none is needed where not even all processes pass the limit.
    Free(Option<Slot>),
    Full,
}

impl Crowd {
    /// At most so many processes, each with one hand-over at a time.
    pub fn new(processes: usize, slots: Arc<dyn Slots>) -> Self {
        Self {
            processes,
            slots,
            busy: Mutex::default(),
        }
    }

    fn is_left_alone(&self, supplier: &SupplierId, now: Timestamp) -> bool {
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.get(supplier).is_some_and(|until| now < *until)
    }

    fn leave_alone(&self, supplier: &SupplierId, now: Timestamp) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(supplier.clone(), now + LEFT_ALONE);
    }
}

/// Where it is full, the purchase order stays planned and due: the sweep wakes it again, and sees
/// when that goes on for too long.
pub(crate) async fn room(
    deps: &Deps,
    own: &PurchaseOrder,
    id: &SendId,
    way: &dyn Supplier,
) -> Result<Room, StepError> {
    let settings = deps.settings();
    let known = settings.suppliers.get(&own.supplier);
    let (Some(crowd), Some(known)) = (&deps.crowd, known) else {
        return Ok(Room::Free(None));
    };
    if known.concurrency >= crowd.processes {
        return Ok(Room::Free(None));
    }
    if crowd.is_left_alone(&own.supplier, deps.clock.now()) {
        return Ok(Room::Full);
    }
    let timeout = SignedDuration::try_from(way.timeout()).unwrap_or(SETTLE_MARGIN);
    for pause in std::iter::once(Duration::ZERO).chain(PAUSES) {
        if !pause.is_zero() {
            deps.clock.sleep(pause).await;
        }
        let now = deps.clock.now();
        // Two workers with the same purchase order are told apart by the moment.
        let holder = format!("{id} {now}");
        let (of, until) = (known.concurrency, now + timeout + SETTLE_MARGIN);
        let taken = crowd.slots.take(&own.supplier, of, &holder, now, until);
        if let Some(slot) = taken.await? {
            return Ok(Room::Free(Some(slot)));
        }
    }
    crowd.leave_alone(&own.supplier, deps.clock.now());
    tracing::info!(purchase_order.number = %id, "the supplier is busy with others");
    Ok(Room::Full)
}

/// One that cannot be left is free again by itself.
pub(crate) async fn leave(deps: &Deps, slot: Option<Slot>) {
    if let (Some(crowd), Some(slot)) = (&deps.crowd, slot)
        && let Err(error) = crowd.slots.leave(&slot).await
    {
        tracing::warn!(supplier.id = %slot.supplier, error = %error, "a slot was not left");
    }
}
