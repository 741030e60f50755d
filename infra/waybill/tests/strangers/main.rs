//! Strangers beside the shop: a bounded load of each kind against `serve` as a process, with signed
//! webhooks meanwhile and, in the same run, without any stranger. Signed webhooks are answered about
//! as fast, memory stays bounded, and the log stays short.
//!
//! `WAYBILL_EXHAUSTIVE=1` is several times the load; `--nocapture` prints the figures.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

mod attack;
#[path = "../cli/place.rs"]
#[expect(dead_code, reason = "the tests of commands need more of it")]
mod place;

use attack::{Attack, Load};
use doubles::shop::{Shop, ShopOrder};
use http_client::{Client, Http as _, Request};
use place::{Place, SECRET};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use waybill::usage::Usage;

/// Fewer than the usual 1,024, so that a small load can use them up.
const OPEN_FILES: &str = "ulimit -n 640";
/// KiB that `serve` may hold at most.
const MEMORY: u64 = 150 * 1024;
/// How often the unattacked p99 the attacked one may be.
const TIMES: u32 = 2;
/// Beyond that, for a machine on which other things run. Where strangers can take what the shop
/// needs, it waits for seconds.
const NOISE: Duration = Duration::from_millis(150);
/// Times that an attack is repeated which seems to slow signed webhooks down.
const AGAIN: usize = 2;
/// Shopify waits for so long.
const DEADLINE: Duration = Duration::from_secs(5);
/// Between two webhooks of a client.
const PAUSE: Duration = Duration::from_millis(4);

/// How long signed webhooks took, in the order of time taken.
#[derive(Default)]
struct Took(Vec<Duration>);

impl Took {
    fn add(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_unstable();
    }

    fn of_thousand(&self, part: usize) -> Duration {
        self.0[(self.0.len() - 1) * part / 1000]
    }

    fn print(&self, what: &str, log: usize) {
        println!(
            "{what:<12} {:>5} webhooks, p50 {:>5.1?} p99 {:>6.1?} worst {:>6.1?}, log {log} bytes",
            self.0.len(),
            self.of_thousand(500),
            self.of_thousand(990),
            self.of_thousand(1000),
        );
    }
}

/// Two clients, of which one makes a connection for each webhook, on threads of their own.
fn signed(listen: SocketAddr, numbers: &Arc<AtomicU64>, time: Duration) -> Took {
    let client = |reconnects: bool| {
        let numbers = numbers.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(post(listen, &numbers, time, reconnects))
        })
    };
    let clients = [client(false), client(true)];
    let mut all = Took::default();
    for client in clients {
        all.add(client.join().unwrap());
    }
    all
}

async fn post(listen: SocketAddr, numbers: &AtomicU64, time: Duration, reconnects: bool) -> Took {
    let shop = Shop {
        domain: "acme.myshopify.com".to_owned(),
        secret: SECRET.to_owned(),
    };
    let client = Client::new(["127.0.0.1".to_owned()], true).unwrap();
    let begun = Instant::now();
    let mut took = Took::default();
    while begun.elapsed() < time {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let order = ShopOrder::new(number, &[("TOWEL", 1)]);
        let webhook = shop.sign("orders/create", &order.0);
        let mut request: Request = webhook.to(&format!("http://{listen}/webhooks/acme"));
        if reconnects {
            let close = ("connection".to_owned(), "close".to_owned());
            request.headers.push(close);
        }
        let sent = Instant::now();
        let answer = client.send(&request, DEADLINE).await;
        took.0.push(sent.elapsed());
        let status = answer.map(|answer| answer.status);
        assert_eq!(
            status.ok(),
            Some(200),
            "a signed webhook after {:?}",
            sent.elapsed()
        );
        tokio::time::sleep(PAUSE).await;
    }
    took
}

/// Signed webhooks while strangers do that, on a thread of their own.
fn attacked(listen: SocketAddr, numbers: &Arc<AtomicU64>, attack: Attack, load: Load) -> Took {
    let stop = Arc::new(AtomicBool::new(false));
    let strangers = {
        let stop = stop.clone();
        std::thread::spawn(move || attack::run(attack, load, listen, &stop))
    };
    // Until they have taken what they can.
    std::thread::sleep(Duration::from_secs(1));
    let took = signed(listen, numbers, load.time);
    stop.store(true, Ordering::Relaxed);
    let done = strangers.join().unwrap();
    println!("{attack:?}: {done}");
    assert!(done.begun >= load.at_least(attack), "{attack:?}: {done}");
    took
}

fn log(place: &Place) -> String {
    std::fs::read_to_string(place.log_file()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_take_nothing_that_the_shop_needs() {
    let load = Load::of_environment();
    let mut place = Place::new().await;
    place.serve_after = Some(OPEN_FILES.to_owned());
    place.serve().await;
    let (listen, numbers) = (place.listen, Arc::new(AtomicU64::new(1000)));

    // What is first made or read is no part of it.
    signed(listen, &numbers, Duration::from_secs(1));
    let mut calm = signed(listen, &numbers, load.time);
    let mut seen = Vec::new();
    let mut slow = Vec::new();
    for attack in Attack::ALL {
        let before = log(&place);
        let begun = Instant::now();
        let took = attacked(listen, &numbers, attack, load);
        let seconds = begun.elapsed().as_secs() + 2;
        let log = log(&place).split_off(before.len());
        took.print(&format!("{attack:?}"), log.len());
        seen.push((attack, log, seconds));
        if took.of_thousand(990) > TIMES * calm.of_thousand(990) + NOISE {
            slow.push(attack);
        }
    }
    calm.add(signed(listen, &numbers, load.time));
    calm.print("unattacked", 0);
    // Other work on the machine comes and goes: what strangers really take, they take each time.
    slow.retain(|attack| {
        (0..AGAIN).all(|_| {
            let before = signed(listen, &numbers, load.time);
            let took = attacked(listen, &numbers, *attack, load);
            took.print(&format!("{attack:?}"), 0);
            took.of_thousand(990) > TIMES * before.of_thousand(990) + NOISE
        })
    });
    let memory = Usage::of(place.server.as_ref().unwrap().id());
    let memory = memory.unwrap().resident_kib;
    println!("peak memory {} MB", memory / 1024);
    assert_eq!(place.terminate(), 0);

    assert!(memory <= MEMORY, "{memory} KiB");
    assert!(slow.is_empty(), "signed webhooks wait behind {slow:?}");
    for (attack, log, seconds) in &seen {
        let refusals = log.lines().filter(|line| line.contains("requests refused"));
        let refusals = u64::try_from(refusals.count()).unwrap();
        assert!((1..=*seconds).contains(&refusals), "{attack:?}: {log}");
        // Beside those lines one for an incident, and what little orders log.
        assert!(
            log.lines().count() as u64 <= seconds + 5,
            "{attack:?}: {log}"
        );
    }
    let orders = numbers.load(Ordering::Relaxed) - 1000;
    let listed = place.says(0, &["orders"]);
    assert!(listed.ends_with(&format!("{orders} orders\n")), "{orders}");
}
