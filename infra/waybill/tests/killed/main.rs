//! The real thing: `serve` as a process, killed with SIGKILL in the middle of 200 orders, several
//! times, and restarted. Afterwards every order was sent, once, by the suppliers' own count. And the
//! same while the way to a supplier changes: sent once, or a case.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

mod restored;

use domain::sending::machine::SendState;
use doubles::server::serve_supplier;
use doubles::shop::{Shop, ShopOrder};
use doubles::supplier::{Behaviour, SupplierDouble};
use embedded::Embedded;
use http_client::{Client, Http as _};
use ports::{Clock as _, OrderIndex as _, OrderStore as _};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const SECRET: &str = "a secret of the process test";
const ORDERS: u64 = 200;
const KILLS: u32 = 4;

/// How northwind is reached.
enum Way {
    Http(SocketAddr),
    File,
    Outbox,
}

impl Way {
    fn settings(&self) -> String {
        match self {
            Self::File => "method = \"csv\"\n[supplier.csv]\n".to_owned(),
            Self::Outbox => {
                "method = \"mail\"\n[supplier.mail]\nto = \"po@northwind.example\"\n".to_owned()
            }
            Self::Http(supplier) => format!(
                r#"method = "http"

[supplier.http]
timeout = 2
allow_private = true

[supplier.http.create]
url = "http://{supplier}/orders"
body = '''
{{"reference": {{{{ number }}}}, "ship_to": {{{{ ship_to }}}},
 "lines": [{{% for line in lines %}}{{"sku": {{{{ line.supplier_sku }}}}, "quantity": {{{{ line.quantity }}}}}}{{% if not loop.last %}},{{% endif %}}{{% endfor %}}]}}
'''
success = "status == 201"
reference = "body.id"

[supplier.http.lookup]
url = "http://{supplier}/orders?reference={{{{ number }}}}"
found = "status == 200"
reference = "body.id"
authoritative = true
lag = 1
"#
            ),
        }
    }
}

fn configure(folder: &Path, way: &Way) {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write(
        "channels.toml",
        "[merchant]\nname = \"Acme Store\"\nmail = \"orders@acme.example\"\nmail_via = \"outbox\"\n\n\
         [[channel]]\nid = \"acme\"\nkind = \"shopify\"\ncode = \"SH\"\nstart_from = \"2026-11-01\"\n\
         secrets = [\"WAYBILL_TEST_SECRET\"]\n\n[channel.shopify]\nshop = \"acme.myshopify.com\"\n"
            .to_owned(),
    );
    write(
        "suppliers.toml",
        format!(
            r#"
[[supplier]]
id = "lakeside"
name = "Lakeside Supply"
method = "csv"
priority = 2

[supplier.csv]

[[supplier]]
id = "northwind"
name = "Northwind Goods"
priority = 1
{}"#,
            way.settings()
        ),
    );
    let offers = "sku,supplier,supplier_sku,cost,currency,stock\nMUG,northwind,NW-100,4.00,USD,100000\nCHAIR,lakeside,LS-1,30.00,USD,\n";
    write("offers.csv", offers.to_owned());
}

fn serve(config: &Path, data: &Path, listen: SocketAddr) -> Child {
    serving(config, data, listen).spawn().unwrap()
}

fn serving(config: &Path, data: &Path, listen: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    command
        .args(["serve", "--listen", &listen.to_string()])
        .arg("--config")
        .arg(config)
        .arg("--data")
        .arg(data)
        .env("WAYBILL_TEST_SECRET", SECRET)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Posts until it is answered 2xx, as the channel does.
async fn post(client: Arc<Client>, listen: SocketAddr, number: u64) {
    let shop = Shop {
        domain: "acme.myshopify.com".to_owned(),
        secret: SECRET.to_owned(),
    };
    let order = ShopOrder::new(number, &[("MUG", 2), ("CHAIR", 1)]);
    let webhook = shop.sign("orders/create", &order.0);
    let request = webhook.to(&format!("http://{listen}/webhooks/acme"));
    loop {
        let answer = client.send(&request, Duration::from_secs(5)).await;
        if answer.is_ok_and(|answer| answer.status == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Purchase orders in all, and those that are sent.
async fn progress(store: &Embedded) -> (usize, usize, usize) {
    let ids = store.list(None, 10_000).await.unwrap().orders;
    let (mut all, mut sent) = (0, 0);
    for id in &ids {
        let order = store.load(id).await.unwrap().unwrap().fold().unwrap();
        all += order.purchase_orders.len();
        sent += order
            .purchase_orders
            .iter()
            .filter(|own| matches!(own.sending.state, SendState::Sent { .. }))
            .count();
    }
    (ids.len(), all, sent)
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().collect::<Vec<_>>())
        .unwrap_or_default();
    entries
        .iter()
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| {
            if entry.path().is_dir() {
                files(&entry.path())
            } else {
                1
            }
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("config"), folder.path().join("data"));
    std::fs::create_dir_all(&config).unwrap();
    std::fs::create_dir_all(&data).unwrap();
    let double = SupplierDouble::default();
    let supplier = serve_supplier(double.clone(), "127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    configure(&config, &Way::Http(supplier));
    let listen = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = Arc::new(Client::new(["127.0.0.1".to_owned()], true).unwrap());

    let mut process = serve(&config, &data, listen);
    let mut posting = tokio::task::JoinSet::new();
    let mut killed_amid = 0;
    for kill in 0..=KILLS {
        let batch = ORDERS / u64::from(KILLS + 1);
        let first = 1000 + u64::from(kill) * batch;
        for number in first..first + batch {
            posting.spawn(post(client.clone(), listen, number));
        }
        if kill < KILLS {
            // Killed when the supplier has some, but not all, of what was posted.
            let before = double.taken().len() as u64;
            for _ in 0..600 {
                if double.taken().len() as u64 >= before + batch / 3 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            process.kill().unwrap();
            process.wait().unwrap();
            killed_amid += u32::from((double.taken().len() as u64) < first - 1000 + batch);
            process = serve(&config, &data, listen);
        }
    }
    while let Some(posted) = posting.join_next().await {
        posted.unwrap();
    }
    let expected = usize::try_from(ORDERS).unwrap();
    let store = Embedded::open(&data).unwrap();
    let mut seen = (0, 0, 0);
    for _ in 0..240 {
        seen = progress(&store).await;
        if seen == (expected, 2 * expected, 2 * expected) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let report = Command::new(env!("CARGO_BIN_EXE_waybill"))
        .arg("report")
        .arg("--data")
        .arg(&data)
        .output()
        .unwrap();
    process.kill().unwrap();
    process.wait().unwrap();

    assert_eq!(
        seen,
        (expected, 2 * expected, 2 * expected),
        "orders, purchase orders, sent"
    );
    assert!(killed_amid > 0, "no kill came in the middle of anything");
    let taken = double.taken();
    assert_eq!(taken.len(), expected);
    assert!(
        taken.values().all(|times| *times == 1),
        "doubled: {taken:?}"
    );
    assert_eq!(files(&data.join("outbox")), expected);
    assert!(
        report.status.success(),
        "{}",
        String::from_utf8_lossy(&report.stdout)
    );
}

/// How often each purchase order is at northwind, over every way it ever had.
fn at_northwind(doubles: &[SupplierDouble], data: &Path) -> BTreeMap<String, usize> {
    let mut at = BTreeMap::new();
    for double in doubles {
        for (number, times) in double.taken() {
            *at.entry(number).or_default() += times;
        }
    }
    for folder in ["northwind", "mail"] {
        let entries = std::fs::read_dir(data.join("outbox").join(folder));
        for entry in entries.into_iter().flatten().flatten() {
            let path = entry.path();
            let number = path.file_stem().unwrap().to_string_lossy().into_owned();
            *at.entry(number).or_default() += 1;
        }
    }
    at
}

/// Purchase orders at northwind that are sent, and those in doubt that a person sees.
async fn outcomes(store: &Embedded) -> (BTreeSet<String>, BTreeSet<String>, usize) {
    let (mut sent, mut cases, mut open) = (BTreeSet::new(), BTreeSet::new(), 0);
    for id in store.list(None, 10_000).await.unwrap().orders {
        let order = store.load(&id).await.unwrap().unwrap().fold().unwrap();
        open += usize::from(order.purchase_orders.is_empty());
        let seen = order.cases(embedded::SystemClock.now());
        for own in &order.purchase_orders {
            let number = own.number.to_string();
            let is_seen = seen
                .iter()
                .any(|case| case.purchase_order.as_ref() == Some(&own.number));
            let state = &own.sending.state;
            if matches!(state, SendState::InDoubt { .. }) && is_seen {
                cases.insert(number);
            } else if !own.sending.is_sent() {
                open += 1;
            } else if own.supplier.as_str() == "northwind" {
                sent.insert(number);
            }
        }
    }
    (sent, cases, open)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_it_is_killed_while_settings_change() {
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("config"), folder.path().join("data"));
    std::fs::create_dir_all(&config).unwrap();
    std::fs::create_dir_all(&data).unwrap();
    let doubles = [SupplierDouble::default(), SupplierDouble::default()];
    let mut addresses = Vec::new();
    for double in &doubles {
        let any = "127.0.0.1:0".parse().unwrap();
        addresses.push(serve_supplier(double.clone(), any).await.unwrap());
    }
    let ways = [
        Way::Http(addresses[0]),
        Way::File,
        Way::Http(addresses[1]),
        Way::Outbox,
        Way::Http(addresses[0]),
    ];
    let listen = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = Arc::new(Client::new(["127.0.0.1".to_owned()], true).unwrap());
    configure(&config, &ways[0]);
    let mut process = serve(&config, &data, listen);
    let mut posting = tokio::task::JoinSet::new();
    let each = ORDERS / ways.len() as u64;
    for (turn, way) in (0_u64..).zip(&ways) {
        // Of each way some are taken without an answer, so that they are in doubt when it changes.
        for double in &doubles {
            double.script([
                Behaviour::TakeSilently,
                Behaviour::Take,
                Behaviour::TakeSilently,
            ]);
        }
        for number in 0..each {
            posting.spawn(post(client.clone(), listen, 3000 + turn * each + number));
        }
        if turn == 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        }
        configure(&config, way);
        // While it is noticed, taken over, and worked by.
        tokio::time::sleep(Duration::from_millis(700 * turn)).await;
        process.kill().unwrap();
        process.wait().unwrap();
        process = serve(&config, &data, listen);
    }
    while let Some(posted) = posting.join_next().await {
        posted.unwrap();
    }
    let store = Embedded::open(&data).unwrap();
    let (mut sent, mut cases, mut open) = outcomes(&store).await;
    for _ in 0..240 {
        let count = u64::try_from(sent.len() + cases.len()).unwrap();
        if open == 0 && count >= ORDERS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        (sent, cases, open) = outcomes(&store).await;
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let there = at_northwind(&doubles, &data);
    let doubled: Vec<_> = there.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    let lost: Vec<_> = sent
        .iter()
        .filter(|number| !there.contains_key(*number))
        .collect();
    assert!(lost.is_empty(), "sent and not there: {lost:?}");
    let silent: Vec<_> = there
        .keys()
        .filter(|number| !sent.contains(*number) && !cases.contains(*number))
        .collect();
    assert!(silent.is_empty(), "there, and nobody knows: {silent:?}");
    assert_eq!(open, 0, "neither sent nor a case");
    let count = u64::try_from(sent.len() + cases.len()).unwrap();
    assert_eq!(count, ORDERS, "{} sent, {} cases", sent.len(), cases.len());
    assert!(
        sent.len() > cases.len(),
        "{} sent, {} cases",
        sent.len(),
        cases.len()
    );
    println!(
        "{} sent, {} cases, none lost or doubled",
        sent.len(),
        cases.len()
    );
}
