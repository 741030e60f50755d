//! Lets so many in at once. Who comes when it is full takes the place of the oldest that is
//! unfinished, and is inside when that one is really gone, so that what all of them hold is bounded.

use super::places::Places;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

/// Resolves when the place was given to another.
pub(super) type Displaced = oneshot::Receiver<()>;

/// Its place was given to another before it was inside.
#[derive(Debug)]
pub(super) struct Overtaken;

#[derive(Clone)]
pub(super) struct Gate(Arc<Inner>);

struct Inner {
    places: Mutex<Places<oneshot::Sender<()>>>,
    /// Of those that are inside, and of those that lost their place and are not gone.
    permits: Arc<Semaphore>,
    /// A place is free again.
    left: Notify,
}

impl Inner {
    fn places(&self) -> MutexGuard<'_, Places<oneshot::Sender<()>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            places: Mutex::new(Places::new(limit)),
            permits: Arc::new(Semaphore::new(limit)),
            left: Notify::new(),
        }))
    }

    /// Waits while everybody inside has finished and keeps its place.
    pub(super) async fn enter(&self) -> Result<(Pass, Displaced), Overtaken> {
        let (mut handle, mut displaced) = oneshot::channel();
        let id = loop {
            let left = self.0.left.notified();
            // Whoever is displaced learns it by the loss of its handle.
            let entered = self.0.places().enter(handle);
            match entered {
                Ok((id, _)) => break id,
                Err(returned) => handle = returned,
            }
            left.await;
        };
        let mut pass = Pass {
            gate: self.clone(),
            id,
            permit: None,
        };
        tokio::select! {
            biased;
            _ = &mut displaced => Err(Overtaken),
            permit = self.0.permits.clone().acquire_owned() => {
                pass.permit = permit.ok();
                Ok((pass, displaced))
            }
        }
    }
}

/// A place inside, until it is dropped or lost.
pub(super) struct Pass {
    gate: Gate,
    id: u64,
    permit: Option<OwnedSemaphorePermit>,
}

impl Pass {
    /// The place cannot be lost any more.
    pub(super) fn finish(&self) {
        self.gate.0.places().finish(self.id);
    }

    /// The place can be lost again; last of all where the holder is `proven`.
    pub(super) fn begin_again(&self, proven: bool) {
        self.gate.0.places().begin_again(self.id, proven);
        self.gate.0.left.notify_one();
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.gate.0.places().leave(self.id);
        self.gate.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn who_displaces_another_is_inside_when_that_one_is_gone() {
        let gate = Gate::new(1);
        let (first, displaced) = gate.enter().await.unwrap();
        let second = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter().await }
        });
        drop(displaced.await);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!second.is_finished(), "two are inside");
        // One that comes meanwhile takes the place of the one that waits.
        let third = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter().await }
        });
        assert!(second.await.unwrap().is_err());
        drop(first);
        let (third, displaced_third) = third.await.unwrap().unwrap();
        third.finish();
        let fourth = tokio::spawn(async move { gate.enter().await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!fourth.is_finished(), "a finished one was displaced");
        // One that begins again can be displaced, and nobody has to leave for that.
        third.begin_again(true);
        tokio::time::timeout(Duration::from_secs(5), displaced_third)
            .await
            .unwrap()
            .unwrap_err();
        drop(third);
        assert!(fourth.await.unwrap().is_ok());
    }
}
