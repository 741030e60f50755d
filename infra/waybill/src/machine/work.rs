//! Takes messages off the queues while there is room for them. Each supplier has room of its own, so
//! that a slow one with a long queue keeps nobody else waiting.

use super::{Machine, pause};
use domain::messages::{ForwardPurchaseOrder, QueueMessage, QueueName, RouteOrder};
use embedded::{InLane, Room};
use jiff::SignedDuration;
use ports::{Deliveries as _, Delivery, StepError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// Of routing, and of whatever waits for no supplier that is known.
const IN_FLIGHT: usize = 32;
/// Longer than a send may take, so that a message is rarely handled twice at once.
const VISIBILITY: Duration = Duration::from_mins(3);
const GIVE_BACK_FOR: SignedDuration = SignedDuration::from_secs(5);
/// Other processes send messages too, and leases end.
const IDLE: Duration = Duration::from_millis(100);

/// Messages whose effects are committed, and which are to be acknowledged.
#[derive(Default)]
struct Ended {
    ids: Mutex<Vec<i64>>,
    /// A slot is free again.
    bell: Notify,
}

impl Ended {
    fn well(&self, id: i64) {
        self.lock().push(id);
        self.bell.notify_one();
    }

    fn take(&self) -> Vec<i64> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<i64>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine {
    pub(super) async fn work(
        self: Arc<Self>,
        queue: QueueName,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let others = Arc::new(Semaphore::new(IN_FLIGHT));
        let ended = Arc::new(Ended::default());
        let mut in_flight = JoinSet::new();
        while !*shutdown.borrow() {
            while in_flight.try_join_next().is_some() {}
            // Only this loop takes permits: what is free now is free when the messages are here.
            let slots = self.slots();
            let room = Room {
                lanes: slots
                    .iter()
                    .map(|(lane, slots)| (lane.clone(), slots.available_permits()))
                    .collect(),
                others: others.available_permits(),
            };
            let received = self.receive(queue, &ended, room).await;
            if received.is_empty() {
                tokio::select! {
                    () = self.store.sent(queue) => {}
                    () = ended.bell.notified() => {}
                    () = pause(&mut shutdown, IDLE) => {}
                }
            }
            for InLane { lane, delivery } in received {
                let slots = slots.get(&lane).unwrap_or(&others);
                let Ok(slot) = slots.clone().acquire_owned().await else {
                    return;
                };
                let delivered = self.clone().deliver(queue, delivery, slot, ended.clone());
                in_flight.spawn(delivered);
            }
        }
        while in_flight.join_next().await.is_some() {}
        self.receive(queue, &ended, Room::default()).await;
    }

    /// Acknowledges what ended well in the same go.
    async fn receive(&self, queue: QueueName, ended: &Ended, room: Room) -> Vec<InLane> {
        let received = self
            .store
            .receive_in_lanes(queue, ended.take(), room, self.clock.now(), VISIBILITY)
            .await;
        received.unwrap_or_else(|error| {
            // The leases of what is not acknowledged end by themselves, and a second delivery is
            // harmless.
            tracing::warn!(queue = queue.as_str(), error = %error, "nothing received");
            Vec::new()
        })
    }

    /// By lane: what waits for a supplier lies in that supplier's.
    fn slots(&self) -> BTreeMap<String, Arc<Semaphore>> {
        let connectors = self.connectors();
        let limits = connectors.limits.iter();
        limits
            .map(|(id, permits)| (id.to_string(), permits.clone()))
            .collect()
    }

    /// A panic fails its own message only, hence a task of its own for the handler.
    async fn deliver(
        self: Arc<Self>,
        queue: QueueName,
        delivery: Delivery,
        slot: OwnedSemaphorePermit,
        ended: Arc<Ended>,
    ) {
        let machine = self.clone();
        let body = delivery.body.clone();
        let handler = tokio::spawn(async move { machine.handle(queue, &body).await });
        let failed = match handler.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the handler panicked".to_owned()),
        };
        drop(slot);
        let Some(why) = failed else {
            ended.well(delivery.id);
            return;
        };
        ended.bell.notify_one();
        tracing::warn!(
            message.id = delivery.id,
            message.receives = delivery.receives,
            why,
            "message given back"
        );
        let at = self.clock.now() + GIVE_BACK_FOR;
        if let Err(error) = self.store.nack(&delivery, at).await {
            tracing::warn!(message.id = delivery.id, error = %error, "message stays leased");
        }
    }

    /// Has the function of the queue handle the message.
    async fn handle(&self, queue: QueueName, body: &str) -> Result<(), StepError> {
        match queue {
            QueueName::Routing => {
                let RouteOrder { order } = read(body)?;
                routing::handle(&self.routing, &order).await
            }
            QueueName::Forwarding => {
                let ForwardPurchaseOrder {
                    order,
                    purchase_order,
                } = read(body)?;
                let deps = self.forwarding(&self.connectors());
                forwarding::handle(&deps, &order, &purchase_order).await
            }
        }
    }
}

fn read<M: QueueMessage>(body: &str) -> Result<M, StepError> {
    M::parse(body).ok_or_else(|| StepError::Permanent("the message cannot be read".to_owned()))
}
