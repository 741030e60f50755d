//! Stories told with everything real but the shop and the suppliers: the server, its database and
//! HTTP over loopback. Only time is helped along, so that nobody waits for a minute to pass.

use crate::machine::Machine;
use crate::{BROKEN, OK, commands, say, serve};
use anyhow::{Context as _, bail};
use domain::ids::{ChannelId, ChannelOrderId, OrderId};
use domain::order::Order;
use domain::order::attention::CaseKind;
use domain::order::machine::SendState;
use doubles::server::serve_supplier;
use doubles::shop::{Shop, ShopOrder, SignedWebhook};
use doubles::supplier::{Behaviour, SupplierDouble};
use embedded::SystemClock;
use http_client::{Client, Http as _, Request};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, OrderStore as _, Secrets, Unavailable};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

const SECRET: &str = "a webhook secret for the demo";
/// No story takes so long unless it went wrong.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The machine's time and what the demo added to it.
#[derive(Clone, Default)]
struct DemoClock(Arc<AtomicI64>);

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn sleep<'a, 'b>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(tokio::time::sleep(duration))
    }
}

struct DemoSecrets;

impl Secrets for DemoSecrets {
    fn get<'a, 'b, 'c>(
        &'a self,
        _: &'b str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<SecretString>, Unavailable>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async { Ok(Some(SECRET.to_owned().into())) })
    }
}

const CHANNELS: &str = r#"[merchant]
name = "Acme Homeware"
mail = "orders@acme.example"

[[channel]]
id = "acme"
kind = "shopify"
code = "SH"
start_from = 2026-11-01
secrets = ["ACME_SHOPIFY_SECRET"]
[channel.shopify]
shop = "acme.myshopify.com"
"#;

const OTHER_SUPPLIERS: &str = r#"
[[supplier]]
id = "lakeside"
name = "Lakeside Lamps"
method = "csv"
[supplier.csv]
folder = "lakeside"

[[supplier]]
id = "harbour"
name = "Harbour Textiles"
method = "mail"
[supplier.mail]
to = "orders@harbour.example"
"#;

const OFFERS: &str = "sku,supplier,supplier_sku,cost,currency,stock
MUG,northwind,NW-100,4.00,USD,40
LAMP,lakeside,LS-LAMP,13.00,USD,25
TOWEL,harbour,HB-77,8.40,USD,
KETTLE,eastgate,EG-5,21.00,USD,10
";

fn http_supplier(id: &str, name: &str, address: SocketAddr) -> String {
    format!(
        r#"
[[supplier]]
id = "{id}"
name = "{name}"
method = "http"
[supplier.http]
timeout = 2
allow_private = true
[supplier.http.create]
url = "http://{address}/orders"
headers = {{ content-type = "application/json" }}
success = "status == 201 and body.id is defined"
rejected = "status == 422"
reference = "body.id"
body = '''
{{
  "reference": {{{{ number | tojson }}}},
  "ship_to": {{{{ ship_to | tojson }}}},
  "lines": [{{% for line in lines %}}{{"sku": {{{{ line.supplier_sku | tojson }}}}, "quantity": {{{{ line.quantity }}}}}}{{% if not loop.last %}},{{% endif %}}{{% endfor %}}]
}}
'''
[supplier.http.lookup]
url = "http://{address}/orders?reference={{{{ number }}}}"
found = "status == 200"
absent = "status == 404"
reference = "body.id"
authoritative = true
lag = 1
"#
    )
}

struct Demo {
    machine: Arc<Machine>,
    clock: DemoClock,
    shop: Shop,
    client: Arc<Client>,
    url: String,
    config: PathBuf,
    outbox: PathBuf,
    northwind: SupplierDouble,
    eastgate: SupplierDouble,
    eastgate_at: SocketAddr,
    told: u32,
    wrong: Vec<String>,
}

pub(crate) async fn demo() -> anyhow::Result<u8> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config");
    let data = folder.path().join("data");
    std::fs::create_dir(&config)?;
    let northwind = SupplierDouble::default();
    let eastgate = SupplierDouble::default();
    let northwind_at = serve_supplier(northwind.clone(), LOOPBACK).await?;
    // A port that nobody listens on until the story says so.
    let eastgate_at = std::net::TcpListener::bind(LOOPBACK)?.local_addr()?;
    std::fs::write(config.join("channels.toml"), CHANNELS)?;
    std::fs::write(config.join("offers.csv"), OFFERS)?;
    let suppliers = [
        http_supplier("northwind", "Northwind Wholesale", northwind_at),
        http_supplier("eastgate", "Eastgate Kitchen", eastgate_at),
        OTHER_SUPPLIERS.to_owned(),
    ];
    std::fs::write(config.join("suppliers.toml"), suppliers.concat())?;

    let clock = DemoClock::default();
    let machine = Machine::open(&data, &config, Arc::new(clock.clone()), &DemoSecrets).await?;
    let listener = TcpListener::bind(LOOPBACK).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let workers = tokio::spawn(machine.clone().run(stopped.clone()));
    let server = tokio::spawn(serve::answer(machine.clone(), listener, stopped));
    let mut demo = Demo {
        machine,
        clock,
        shop: Shop {
            domain: "acme.myshopify.com".to_owned(),
            secret: SECRET.to_owned(),
        },
        client: Arc::new(Client::new([Ipv4Addr::LOCALHOST.to_string()], true)?),
        url: format!("http://{address}/webhooks/acme"),
        config,
        outbox: data.join("outbox"),
        northwind,
        eastgate,
        eastgate_at,
        told: 0,
        wrong: Vec::new(),
    };
    say(format_args!(
        "Acme sells through Shopify; Northwind and Eastgate take orders over HTTP, Lakeside as CSV"
    ));
    say(format_args!(
        "files, Harbour by mail. The server listens on {address}."
    ));
    demo.tell().await?;
    stop.send_replace(true);
    server.await??;
    workers.await?;
    demo.end().await
}

impl Demo {
    async fn tell(&mut self) -> anyhow::Result<()> {
        self.one_supplier().await?;
        self.three_suppliers().await?;
        self.unknown_sku().await?;
        self.five_times().await?;
        self.unpaid().await?;
        self.in_doubt().await?;
        self.unreachable_and_cancelled().await
    }

    async fn one_supplier(&mut self) -> anyhow::Result<()> {
        self.story("One supplier has everything");
        let order = ShopOrder::new(1001, &[("MUG", 2)]);
        self.post("orders/create", &order).await?;
        self.until(&order, "sent to one supplier", |order| sent(order) == 1)
            .await
    }

    async fn three_suppliers(&mut self) -> anyhow::Result<()> {
        self.story("Three suppliers, told in three ways");
        let order = ShopOrder::new(1002, &[("MUG", 1), ("LAMP", 1), ("TOWEL", 3)]);
        self.post("orders/create", &order).await?;
        self.until(&order, "sent to three suppliers", |order| sent(order) == 3)
            .await
    }

    async fn unknown_sku(&mut self) -> anyhow::Result<()> {
        self.story("Held for a SKU that nobody offers, until offers.csv is mended");
        let order = ShopOrder::new(1003, &[("MUG", 1), ("TEAPOT", 1)]);
        self.post("orders/create", &order).await?;
        let now = self.clock.now();
        self.wait(&order, "held for TEAPOT", |order| {
            order
                .attention(now)
                .iter()
                .any(|entry| entry.kind == CaseKind::UnmappedSku)
        })
        .await?;
        say(format_args!("-- offers.csv gets a line for TEAPOT --"));
        let offers = format!("{OFFERS}TEAPOT,northwind,NW-300,9.00,USD,7\n");
        std::fs::write(self.config.join("offers.csv"), offers)?;
        self.machine.reload().await?;
        self.machine.sweep().await;
        self.until(&order, "every unit sent", |order| {
            everything_sent(order) && order.routing.iter().all(|state| state.holds.is_empty())
        })
        .await
    }

    async fn five_times(&mut self) -> anyhow::Result<()> {
        self.story("The same webhook five times at once");
        let order = ShopOrder::new(1004, &[("MUG", 1)]);
        let webhook = self.shop.sign("orders/create", &order.0);
        let posts: Vec<_> = (0..5)
            .map(|_| tokio::spawn(post(self.client.clone(), self.url.clone(), webhook.clone())))
            .collect();
        let mut answers = Vec::new();
        for post in posts {
            answers.push(post.await??.to_string());
        }
        say(format_args!(
            "shop: orders/create x 5 -> {}",
            answers.join(" ")
        ));
        self.until(&order, "one purchase order, sent once", |order| {
            order.purchase_orders.len() == 1 && sent(order) == 1
        })
        .await
    }

    async fn unpaid(&mut self) -> anyhow::Result<()> {
        self.story("Not paid yet, then paid");
        let order = ShopOrder::new(1005, &[("TOWEL", 1)]).with("financial_status", "pending");
        self.post("orders/create", &order).await?;
        self.wait(&order, "waiting for payment", |order| {
            order.purchase_orders.is_empty()
                && order
                    .routing
                    .as_ref()
                    .is_some_and(|state| state.wait.is_some())
        })
        .await?;
        say(format_args!("-- the customer pays --"));
        let paid = order.with("financial_status", "paid").at(90);
        self.post("orders/paid", &paid).await?;
        self.until(&paid, "sent after the payment", |order| sent(order) == 1)
            .await
    }

    async fn in_doubt(&mut self) -> anyhow::Result<()> {
        self.story("The supplier takes the order, and its answer never comes");
        self.northwind.script([Behaviour::TakeSilently]);
        let order = ShopOrder::new(1006, &[("MUG", 1)]);
        self.post("orders/create", &order).await?;
        self.wait(&order, "in doubt, and not sent again", |order| {
            order
                .purchase_orders
                .iter()
                .any(|own| matches!(own.sending.state, SendState::InDoubt { .. }))
        })
        .await?;
        self.later(61).await;
        self.until(&order, "settled by a look-up after one attempt", |order| {
            sent(order) == 1
                && order
                    .purchase_orders
                    .iter()
                    .all(|own| own.sending.attempts == 1)
        })
        .await
    }

    async fn unreachable_and_cancelled(&mut self) -> anyhow::Result<()> {
        self.story("A supplier that is out of reach for a while");
        let patient = ShopOrder::new(1007, &[("KETTLE", 1)]);
        self.post("orders/create", &patient).await?;
        let deferred = |order: &Order| {
            order
                .purchase_orders
                .iter()
                .any(|own| own.sending.deferrals > 0)
        };
        self.wait(&patient, "deferred", deferred).await?;
        let cancelled = ShopOrder::new(1008, &[("KETTLE", 2)]);
        self.post("orders/create", &cancelled).await?;
        self.wait(&cancelled, "another one, deferred too", deferred)
            .await?;
        say(format_args!("-- the customer of the other one cancels --"));
        let cancelled = cancelled.cancelled(120);
        self.post("orders/cancelled", &cancelled).await?;
        self.wait(&cancelled, "voided", voided).await?;
        say(format_args!("-- Eastgate is back --"));
        serve_supplier(self.eastgate.clone(), self.eastgate_at)
            .await
            .context("Eastgate's port was taken meanwhile")?;
        self.later(61).await;
        self.until(&patient, "sent by the second attempt", |order| {
            sent(order) == 1
                && order
                    .purchase_orders
                    .iter()
                    .all(|own| own.sending.attempts == 2)
        })
        .await?;
        self.story("Cancelled before it was sent");
        self.until(&cancelled, "voided, and never at the supplier", voided)
            .await
    }

    fn story(&mut self, title: &str) {
        self.told += 1;
        say(format_args!("\n=== {}. {title} ===", self.told));
    }

    async fn post(&self, topic: &str, order: &ShopOrder) -> anyhow::Result<()> {
        let webhook = self.shop.sign(topic, &order.0);
        let status = post(self.client.clone(), self.url.clone(), webhook).await?;
        say(format_args!("shop: {topic} -> {status}"));
        if status != 200 {
            bail!("the webhook was answered {status}");
        }
        Ok(())
    }

    async fn later(&self, seconds: i64) {
        say(format_args!("-- {seconds} seconds later --"));
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
        self.machine.sweep().await;
    }

    /// Waits for the order to be so; a story that goes wrong is told to its end all the same.
    async fn wait(
        &mut self,
        order: &ShopOrder,
        what: &str,
        so: impl Fn(&Order) -> bool,
    ) -> anyhow::Result<()> {
        let id = order_id(order)?;
        let polls = PATIENCE.as_millis() / 20;
        for _ in 0..polls {
            if let Some(history) = self.machine.store.load(&id).await?
                && so(&history.fold()?)
            {
                say(format_args!("now:  {what}"));
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        say(format_args!("WRONG: not {what}"));
        self.wrong.push(format!("story {}: not {what}", self.told));
        Ok(())
    }

    /// The end of a story: waits, then shows the order.
    async fn until(
        &mut self,
        order: &ShopOrder,
        what: &str,
        so: impl Fn(&Order) -> bool,
    ) -> anyhow::Result<()> {
        self.wait(order, what, so).await?;
        let id = order_id(order)?;
        if let Some(history) = self.machine.store.load(&id).await? {
            commands::show(&history.fold()?, &history.events, self.clock.now());
        }
        Ok(())
    }

    /// The promises, and what the suppliers say they got.
    async fn end(mut self) -> anyhow::Result<u8> {
        say(format_args!("\n=== Report ==="));
        let code = commands::report_on(&self.machine.store).await?;
        let mut received: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, double) in [("northwind", &self.northwind), ("eastgate", &self.eastgate)] {
            for (number, times) in double.taken() {
                let places = received.entry(number).or_default();
                places.extend(std::iter::repeat_n(name, times));
            }
        }
        for (ending, name) in [("csv", "lakeside"), ("eml", "harbour")] {
            for number in files(&self.outbox, ending)? {
                received.entry(number).or_default().push(name);
            }
        }
        say(format_args!(
            "\n=== What the suppliers received, by their own count ==="
        ));
        for (number, places) in &received {
            say(format_args!(
                "{number}  {} x {}",
                places.join(", "),
                places.len()
            ));
            if places.len() > 1 {
                self.wrong
                    .push(format!("{number} was taken {} times", places.len()));
            }
        }
        for (order, _) in commands::all(&self.machine.store).await? {
            for own in &order.purchase_orders {
                let there = received.remove(own.number.as_str()).is_some();
                let sent = matches!(own.sending.state, SendState::Sent { .. });
                if there != sent {
                    self.wrong.push(format!(
                        "{} is {} here and {} at the supplier",
                        own.number,
                        own.sending.state.name(),
                        if there { "is" } else { "is not" }
                    ));
                }
            }
        }
        for number in received.keys() {
            self.wrong.push(format!("nobody here knows {number}"));
        }
        for incident in self.machine.store.incidents().await? {
            self.wrong.push(format!("incident: {}", incident.detail));
        }
        for wrong in &self.wrong {
            say(format_args!("WRONG: {wrong}"));
        }
        if code == OK && self.wrong.is_empty() {
            say(format_args!(
                "\nEvery story ended as it should; every purchase order was taken exactly once."
            ));
            return Ok(OK);
        }
        Ok(BROKEN)
    }
}

fn sent(order: &Order) -> usize {
    order
        .purchase_orders
        .iter()
        .filter(|own| matches!(own.sending.state, SendState::Sent { .. }))
        .count()
}

fn everything_sent(order: &Order) -> bool {
    !order.purchase_orders.is_empty()
        && order.needs_routing.is_none()
        && sent(order) == order.purchase_orders.len()
}

fn voided(order: &Order) -> bool {
    order.is_cancelled()
        && order
            .purchase_orders
            .iter()
            .all(|own| matches!(own.sending.state, SendState::Voided { .. }))
}

fn order_id(order: &ShopOrder) -> anyhow::Result<OrderId> {
    let own = ChannelOrderId::parse(order.id().to_string())?;
    Ok(OrderId::new(ChannelId::parse("acme")?, own))
}

async fn post(client: Arc<Client>, url: String, webhook: SignedWebhook) -> anyhow::Result<u16> {
    let request = Request {
        method: "POST".to_owned(),
        url,
        headers: webhook.headers,
        body: webhook.body,
        ..Request::default()
    };
    Ok(client.send(&request, PATIENCE).await?.status)
}

/// Names without their ending, of finished files below the folder.
fn files(folder: &Path, ending: &str) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_stem()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|known| known == ending) {
                found.push(name);
            }
        }
    }
    Ok(found)
}
