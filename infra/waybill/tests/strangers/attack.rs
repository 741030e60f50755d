//! What strangers do: bounded in connections and in what they begin a second.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    /// Heads that never end.
    HalfHeads,
    /// Long bodies that lack their last byte, under headers like the shop's.
    HeldBodies,
    /// Bodies of a few bytes a second.
    SlowBodies,
    /// Whole requests without a signature.
    Unsigned,
    /// Whole requests with a wrong one.
    WronglySigned,
}

impl Attack {
    pub(crate) const ALL: [Self; 5] = [
        Self::HalfHeads,
        Self::HeldBodies,
        Self::SlowBodies,
        Self::Unsigned,
        Self::WronglySigned,
    ];
}

/// How much of it.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// For which signed webhooks are measured.
    pub(crate) time: Duration,
    times: u32,
}

/// One attack: connections at once, requests begun a second over all of them, bytes of a body.
struct Plan {
    connections: u32,
    a_second: u32,
    body: usize,
}

impl Load {
    pub(crate) fn of_environment() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the larger load is asked for so")]
        let is_exhaustive = std::env::var("WAYBILL_EXHAUSTIVE").is_ok();
        Self {
            time: Duration::from_secs(if is_exhaustive { 20 } else { 5 }),
            times: if is_exhaustive { 3 } else { 1 },
        }
    }

    fn plan(self, attack: Attack) -> Plan {
        let (connections, a_second, body) = match attack {
            Attack::HalfHeads => (800, 300, 0),
            Attack::HeldBodies => (100, 25, 4 << 20),
            Attack::SlowBodies => (600, 300, 200 << 10),
            Attack::Unsigned => (50, 500, 5000),
            Attack::WronglySigned => (50, 200, 5000),
        };
        Plan {
            connections: connections * self.times,
            a_second: a_second * self.times,
            body,
        }
    }

    /// Requests that have to be begun, else the attack was none.
    pub(crate) fn at_least(self, attack: Attack) -> u64 {
        let plan = self.plan(attack);
        u64::from(plan.connections.min(plan.a_second * 2))
    }
}

/// What they did and saw.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) begun: u64,
    answered: u64,
    closed: u64,
}

impl fmt::Display for Done {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            begun,
            answered,
            closed,
        } = self;
        write!(
            form,
            "{begun} begun, {answered} answered, {closed} closed by serve"
        )
    }
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    answered: AtomicU64,
    closed: AtomicU64,
}

/// Until `stop` is true; on this thread alone.
pub(crate) fn run(attack: Attack, load: Load, to: SocketAddr, stop: &AtomicBool) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let counts = Arc::new(Counts::default());
    runtime.block_on(async {
        let plan = load.plan(attack);
        let body = Arc::new(vec![b'x'; plan.body]);
        let begun = Instant::now();
        for at in 0..plan.connections {
            let (counts, body) = (counts.clone(), body.clone());
            // Each begins its next request when its turn is, whatever became of the last.
            let every = Duration::from_secs(1) * plan.connections / plan.a_second;
            let first = begun + Duration::from_secs(1) * at / plan.a_second;
            tokio::spawn(async move {
                let mut next = first;
                loop {
                    sleep_until(next).await;
                    next = Instant::now() + every;
                    // A connection that breaks is begun anew.
                    drop(stranger(attack, to, &body, &counts).await);
                }
            });
        }
        while !stop.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(20)).await;
        }
    });
    runtime.shutdown_background();
    Done {
        begun: counts.begun.load(Ordering::Relaxed),
        answered: counts.answered.load(Ordering::Relaxed),
        closed: counts.closed.load(Ordering::Relaxed),
    }
}

/// One connection, until `serve` closes it.
async fn stranger(
    attack: Attack,
    to: SocketAddr,
    body: &[u8],
    counts: &Counts,
) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(to).await?;
    counts.begun.fetch_add(1, Ordering::Relaxed);
    stream
        .write_all(head(attack, body.len()).as_bytes())
        .await?;
    match attack {
        Attack::HalfHeads => trickle(&mut stream, b"x", counts).await,
        Attack::SlowBodies => trickle(&mut stream, b"xxxxxxxxxxxxxxxx", counts).await,
        Attack::HeldBodies => {
            stream.write_all(&body[1..]).await?;
            answer(&mut stream, counts).await
        }
        Attack::Unsigned | Attack::WronglySigned => {
            stream.write_all(body).await?;
            answer(&mut stream, counts).await
        }
    }
}

fn head(attack: Attack, length: usize) -> String {
    let begun = "POST /webhooks/acme HTTP/1.1\r\nhost: waybill\r\n";
    // As long as a signature is, and none.
    let signature = match attack {
        Attack::HalfHeads => return format!("{begun}x-filler: "),
        Attack::Unsigned => String::new(),
        Attack::HeldBodies | Attack::SlowBodies | Attack::WronglySigned => format!(
            "x-shopify-shop-domain: acme.myshopify.com\r\nx-shopify-hmac-sha256: {}=\r\n",
            "A".repeat(43)
        ),
    };
    format!("{begun}{signature}content-length: {length}\r\n\r\n")
}

async fn trickle(stream: &mut TcpStream, bytes: &[u8], counts: &Counts) -> std::io::Result<()> {
    loop {
        if let Ok(read) = timeout(Duration::from_millis(500), answer(stream, counts)).await {
            return read;
        }
        stream.write_all(bytes).await?;
    }
}

/// Waits for an answer or the end.
async fn answer(stream: &mut TcpStream, counts: &Counts) -> std::io::Result<()> {
    let read = stream.read(&mut [0; 1024]).await;
    match read {
        Ok(1..) => &counts.answered,
        Ok(0) | Err(_) => &counts.closed,
    }
    .fetch_add(1, Ordering::Relaxed);
    read.map(drop)
}
