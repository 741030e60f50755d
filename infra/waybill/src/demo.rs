//! Stories told with everything real but the shop and the suppliers: the server, its database and
//! HTTP over loopback. Only time is helped along, so that nobody waits for a minute to pass.

mod configuration;
mod stories;

use crate::machine::Machine;
use crate::{Exit, Installation, commands, say, serve};
use anyhow::bail;
use async_trait::async_trait;
use configuration::{CHANNELS, OFFERS, OTHER_SUPPLIERS, RULES, http_supplier};
use domain::ids::{ChannelId, ChannelOrderId, OrderId};
use domain::order::{Order, SendId};
use doubles::server::serve_supplier;
use doubles::shop::{Shop, ShopOrder, SignedWebhook};
use doubles::supplier::SupplierDouble;
use embedded::SystemClock;
use http_client::{Client, Http as _, Request};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, Secrets, Unavailable};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
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

#[async_trait]
impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

struct DemoSecrets;

#[async_trait]
impl Secrets for DemoSecrets {
    async fn get(&self, _: &str) -> Result<Option<SecretString>, Unavailable> {
        Ok(Some(SECRET.to_owned().into()))
    }
}

struct Demo {
    machine: Arc<Machine>,
    at: Installation,
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

pub(crate) async fn demo() -> anyhow::Result<Exit> {
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
    std::fs::write(config.join("rules.toml"), RULES)?;
    std::fs::write(config.join("offers.csv"), OFFERS)?;
    let suppliers = [
        http_supplier("northwind", "Northwind Wholesale", northwind_at),
        http_supplier("eastgate", "Eastgate Kitchen", eastgate_at),
        OTHER_SUPPLIERS.to_owned(),
    ];
    std::fs::write(config.join("suppliers.toml"), suppliers.concat())?;

    let clock = DemoClock::default();
    let opened = Machine::open(
        &data,
        &config,
        Arc::new(clock.clone()),
        Arc::new(DemoSecrets),
    );
    let machine = match opened.await? {
        Ok(machine) => machine,
        Err(problems) => bail!("the configuration is not right: {}", problems.join("; ")),
    };
    let listener = TcpListener::bind(LOOPBACK).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let workers = tokio::spawn(machine.clone().run(stopped.clone()));
    let server = tokio::spawn(serve::answer(machine.clone(), listener, stopped));
    let at = Installation::embedded(machine.store.clone(), &data, Arc::new(clock.clone()));
    let mut demo = Demo {
        machine,
        at,
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
            if let Some(history) = self.at.orders.load(&id).await?
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
        if let Some(history) = self.at.orders.load(&id).await? {
            commands::order::View::of(&history.fold()?, &history.events, self.clock.now()).show();
        }
        Ok(())
    }

    /// The promises, and what the suppliers say they got.
    async fn end(mut self) -> anyhow::Result<Exit> {
        say(format_args!("\n=== Report ==="));
        let report = commands::report::report_on(&self.at).await?;
        report.show();
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
        for (order, _) in commands::all(&self.at.orders).await?.orders {
            for own in &order.purchase_orders {
                let id = SendId::of(&own.number);
                let requests = own.numbered_cancels().map(|(request, asked)| {
                    let cancel = Some(request);
                    (
                        SendId {
                            cancel,
                            ..id.clone()
                        },
                        &asked.sending,
                    )
                });
                for (id, sending) in std::iter::once((id.clone(), &own.sending)).chain(requests) {
                    let there = received.remove(&id.file_name()).is_some();
                    if there != sending.is_sent() {
                        self.wrong.push(format!(
                            "{id} is {} here and {} at the supplier",
                            sending.state.name(),
                            if there { "is" } else { "is not" }
                        ));
                    }
                }
            }
        }
        for number in received.keys() {
            self.wrong.push(format!("nobody here knows {number}"));
        }
        for incident in self.at.orders.incidents().await? {
            self.wrong.push(format!("incident: {}", incident.detail));
        }
        for wrong in &self.wrong {
            say(format_args!("WRONG: {wrong}"));
        }
        if report.exit() == Exit::Done && self.wrong.is_empty() {
            say(format_args!(
                "\nEvery story ended as it should; every purchase order was taken exactly once."
            ));
            return Ok(Exit::Done);
        }
        Ok(Exit::No)
    }
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
