//! Slots, and messages that wait, in memory: for worlds in which several processes hand over.

use crate::faults::{Faults, lost};
use async_trait::async_trait;
use domain::ids::SupplierId;
use domain::messages::Message;
use jiff::Timestamp;
use ports::{DelayedQueue, Slot, StoreError, SupplierSlots, Unavailable};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Cheap to clone; all clones are one store, which outlives the processes.
#[derive(Clone, Default)]
pub struct TestSlots {
    held: Arc<Mutex<Vec<Slot>>>,
    waiting: Arc<Mutex<Vec<Message>>>,
    faults: Faults,
}

impl TestSlots {
    pub fn new(faults: &Faults) -> Self {
        Self {
            held: Arc::default(),
            waiting: Arc::default(),
            faults: faults.clone(),
        }
    }

    /// Those that wait no more, however long they were to.
    pub fn waited(&self) -> Vec<Message> {
        std::mem::take(&mut self.waiting.lock().unwrap())
    }

    /// Those that are held at that time.
    pub fn held(&self, now: Timestamp) -> Vec<Slot> {
        let held = self.held.lock().unwrap();
        held.iter()
            .filter(|slot| slot.until > now)
            .cloned()
            .collect()
    }
}

#[async_trait]
impl SupplierSlots for TestSlots {
    async fn acquire(
        &self,
        supplier: &SupplierId,
        of: usize,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Slot>, StoreError> {
        let taken = async {
            let mut held = self.held.lock().unwrap();
            held.retain(|slot| slot.until > now);
            let is_held = |number| {
                let mut own = held.iter().filter(|slot| slot.supplier == *supplier);
                own.any(|slot| slot.number == number)
            };
            let slot = (0..of).find(|number| !is_held(*number)).map(|number| Slot {
                supplier: supplier.clone(),
                number,
                holder: holder.to_owned(),
                until,
            });
            held.extend(slot.clone());
            Ok(slot)
        };
        self.faults
            .effect(|| StoreError::Unavailable(lost()), taken)
            .await
    }

    async fn free(&self, slot: &Slot) -> Result<(), StoreError> {
        let left = async {
            self.held.lock().unwrap().retain(|held| held != slot);
            Ok(())
        };
        self.faults
            .effect(|| StoreError::Unavailable(lost()), left)
            .await
    }
}

#[async_trait]
impl DelayedQueue for TestSlots {
    async fn send_after(&self, message: &Message, _: Duration) -> Result<(), Unavailable> {
        let sent = async {
            self.waiting.lock().unwrap().push(message.clone());
            Ok(())
        };
        self.faults.effect(lost, sent).await
    }
}
