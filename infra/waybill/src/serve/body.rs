//! Reads bodies of strangers: nothing is known of who sends one until all of it is there.

use super::gate::{Gate, Overtaken, Pass};
use axum::body::Body;
use http_body_util::BodyExt as _;
use order_webhook::LARGEST_BODY;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Bytes. A Shopify order of a few lines has 10 KiB, one of 100 lines about 200 KiB.
const SMALL: usize = 256 * 1024;
/// Small bodies that are read at once: 32 MiB if all are as long as they may be.
const SMALL_AT_ONCE: usize = 128;
/// Larger bodies that are read at once: 40 MiB.
const LARGE_AT_ONCE: usize = 8;
/// A body may begin as slowly as it likes for so long.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes a second, from then on.
const SLOWEST: u64 = 16 * 1024;
/// For the rest of a refused body, so that its sender reads the answer instead of a reset.
const DISCARD_WITHIN: Duration = Duration::from_secs(2);

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Longer than [`LARGEST_BODY`].
    TooLong,
    TooSlow,
    EndedEarly,
    /// All places were taken, and newer bodies came.
    Displaced,
}

/// Places of bodies, over all connections.
pub(super) struct Bodies {
    small: Gate,
    large: Gate,
    buffers: Buffers,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self {
            small: Gate::new(SMALL_AT_ONCE),
            large: Gate::new(LARGE_AT_ONCE),
            buffers: Buffers::default(),
        }
    }

    /// `announced` is the length in bytes that the head has; memory is taken as bytes arrive.
    pub(super) async fn read(
        &self,
        body: &mut Body,
        announced: Option<u64>,
    ) -> Result<ReadBody, Unread> {
        let begun = Instant::now();
        let is_large = announced.is_some_and(|length| length > SMALL as u64);
        let gate = if is_large { &self.large } else { &self.small };
        let (pass, mut displaced) = gate.enter().await?;
        let mut read = ReadBody {
            bytes: Vec::new(),
            lent_by: None,
            pass,
        };
        if is_large {
            read.move_into(&self.buffers);
        }
        loop {
            let deadline = begun + may_take(read.bytes.len());
            let frame = tokio::select! {
                biased;
                _ = &mut displaced => return Err(Unread::Displaced),
                frame = timeout_at(deadline, body.frame()) => frame.map_err(|_| Unread::TooSlow)?,
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|_| Unread::EndedEarly)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let length = read.bytes.len() + data.len();
            if length > LARGEST_BODY {
                return Err(Unread::TooLong);
            }
            if length > SMALL && read.lent_by.is_none() {
                (read.pass, displaced) = self.large.enter().await?;
                read.move_into(&self.buffers);
            }
            read.bytes.extend_from_slice(&data);
        }
        read.pass.finish();
        Ok(read)
    }
}

/// A body that is there, or as much of it as is. It has a place until it is dropped.
pub(super) struct ReadBody {
    bytes: Vec<u8>,
    lent_by: Option<Buffers>,
    pass: Pass,
}

impl ReadBody {
    /// To be given back.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Leaves, with what was taken.
    pub(super) fn leave(mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }

    fn move_into(&mut self, buffers: &Buffers) {
        let mut buffer = buffers.lend();
        buffer.extend_from_slice(&self.bytes);
        self.bytes = buffer;
        self.lent_by = Some(buffers.clone());
    }
}

impl Drop for ReadBody {
    /// Before the place is free.
    fn drop(&mut self) {
        if let Some(buffers) = self.lent_by.take() {
            buffers.take_back(self.take());
        }
    }
}

/// Memory of large bodies. An allocator keeps what is freed for a while, so that bodies which come
/// and go fast would hold far more than those that are there.
#[derive(Clone, Default)]
struct Buffers(Arc<Mutex<Lent>>);

#[derive(Default)]
struct Lent {
    out: usize,
    idle: Vec<Vec<u8>>,
}

impl Buffers {
    /// An empty one with room for the largest body.
    fn lend(&self) -> Vec<u8> {
        let mut lent = self.lock();
        lent.out += 1;
        let idle = lent.idle.pop();
        idle.unwrap_or_else(|| Vec::with_capacity(LARGEST_BODY))
    }

    /// Keeps none once all are back.
    fn take_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut lent = self.lock();
        lent.out -= 1;
        lent.idle.push(buffer);
        if lent.out == 0 {
            lent.idle = Vec::new();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Overtaken> for Unread {
    fn from(_: Overtaken) -> Self {
        Self::Displaced
    }
}

/// From its beginning until more than `length` bytes have to be there.
fn may_take(length: usize) -> Duration {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    GRACE + Duration::from_millis(length.saturating_mul(1000) / SLOWEST)
}

/// Reads on for a while what is not wanted.
pub(super) fn discard(mut body: Body) {
    tokio::spawn(async move {
        let until = Instant::now() + DISCARD_WITHIN;
        while let Ok(Some(Ok(_))) = timeout_at(until, body.frame()).await {}
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use http_body_util::channel::{Channel, Sender};

    fn channel() -> (Sender<Bytes>, Body) {
        let (sender, body) = Channel::<Bytes>::new(1);
        (sender, Body::new(body))
    }

    #[test]
    fn a_body_has_five_seconds_and_then_a_second_for_each_16_kib() {
        assert_eq!(may_take(0), Duration::from_secs(5));
        assert_eq!(may_take(16 * 1024 - 1), Duration::from_millis(5999));
        assert_eq!(may_take(256 * 1024), Duration::from_secs(21));
    }

    #[tokio::test]
    async fn what_arrives_is_read_whole_or_refused_as_too_long() {
        let bodies = Bodies::new();
        for length in [0, 1, SMALL, SMALL + 1, LARGEST_BODY] {
            let bytes = vec![b'x'; length];
            let (mut sender, mut body) = channel();
            let sent = bytes.clone();
            tokio::spawn(async move {
                for chunk in sent.chunks(100_000) {
                    sender
                        .send_data(Bytes::copy_from_slice(chunk))
                        .await
                        .unwrap();
                }
            });
            // As it is with chunked bodies: nothing is announced.
            let mut read = bodies.read(&mut body, None).await.unwrap();
            assert_eq!(read.take(), bytes, "{length}");
        }
        let mut body = Body::from(vec![0; LARGEST_BODY + 1]);
        let read = bodies.read(&mut body, None).await;
        assert_eq!(read.err(), Some(Unread::TooLong));
    }

    #[test]
    fn a_buffer_is_lent_again_and_none_is_kept_once_all_are_back() {
        let buffers = Buffers::default();
        let (first, mut second) = (buffers.lend(), buffers.lend());
        second.push(1);
        let address = second.as_ptr();
        buffers.take_back(second);
        let again = buffers.lend();
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
        buffers.take_back(first);
        buffers.take_back(again);
        assert!(buffers.lock().idle.is_empty());
    }

    #[tokio::test]
    async fn the_oldest_body_of_its_size_is_displaced_and_no_other() {
        let bodies = Arc::new(Bodies::new());
        let mut held = Vec::new();
        let mut reading = Vec::new();
        for _ in 0..=LARGE_AT_ONCE {
            let (sender, mut body) = channel();
            held.push(sender);
            let bodies = bodies.clone();
            let read = async move { bodies.read(&mut body, Some(1 << 20)).await };
            reading.push(tokio::spawn(read));
            tokio::task::yield_now().await;
        }
        let first = reading.remove(0).await.unwrap();
        assert_eq!(first.err(), Some(Unread::Displaced));
        let mut small = Body::from("a small one");
        assert!(bodies.read(&mut small, Some(11)).await.is_ok());
        held.clear();
        for read in reading {
            assert!(read.await.unwrap().is_ok());
        }
    }
}
