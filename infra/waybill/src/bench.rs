//! How fast one machine is: `serve` as a process of its own between a shop that posts signed
//! webhooks and a supplier that counts what it takes, each in another process, so that their work
//! is not counted. Figures, never a verdict on them: it fails only where orders were lost or
//! doubled.

mod configuration;
mod plan;
mod process;
mod shop;
mod supplier;
mod table;

use crate::usage::Usage;
use crate::{Exit, Installation, commands, say};
use anyhow::{Context as _, bail};
use configuration::SECRET;
use process::Part;
use registry::Registry;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use table::{Figures, Stored};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const STARTS_WITHIN: Duration = Duration::from_secs(20);
/// Nothing new was sent for so long: it stands still.
const STANDS_STILL_AFTER: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many orders are posted, each for two suppliers.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    orders: u64,
    /// How many connections the shop posts over, each with one webhook at a time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=256))]
    connections: u64,
    /// A folder on the disk to measure; a temporary folder is made in it.
    #[arg(long, default_value = ".")]
    data: PathBuf,
    #[command(flatten)]
    part: PartOptions,
}

#[derive(clap::Args)]
struct PartOptions {
    /// Play one part of the measurement, which the bench starts by itself.
    #[arg(long, hide = true)]
    part: Option<Role>,
    #[arg(long, hide = true, default_value_t = LOOPBACK)]
    to: SocketAddr,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Role {
    Shop,
    Supplier,
}

pub(crate) async fn bench(options: Options, registry: Registry) -> anyhow::Result<Exit> {
    match options.part.part {
        Some(Role::Shop) => shop::post(options.orders, options.connections, options.part.to),
        Some(Role::Supplier) => supplier::take().await,
        None => measure(&options, registry).await,
    }
}

async fn measure(options: &Options, registry: Registry) -> anyhow::Result<Exit> {
    if cfg!(debug_assertions) {
        say(format_args!(
            "This is no release build: its figures say nothing."
        ));
    }
    let load = table::load();
    let plan = plan::measure(registry)?;
    let folder = tempfile::Builder::new()
        .prefix("waybill-bench-")
        .tempdir_in(&options.data)
        .with_context(|| format!("no folder can be made in {}", options.data.display()))?;
    let (config, data) = (folder.path().join("config"), folder.path().join("data"));
    std::fs::create_dir(&config)?;
    let mut supplier = Part::start("supplier", &[])?;
    let address = supplier.hear().context("the supplier did not start")?;
    configuration::write(&config, &text(&address, "address")?)?;

    let log = folder.path().join("serve.log");
    let mut server = Server::start(&config, &data, &log)?;
    let number = options.orders.to_string();
    let connections = options.connections.to_string();
    let to = server.listen.to_string();
    let mut shop = Part::start(
        "shop",
        &[
            "--orders",
            &number,
            "--connections",
            &connections,
            "--to",
            &to,
        ],
    )?;
    shop.hear().context("the shop did not start")?;

    let before = Usage::of(server.process.id());
    shop.tell("post")?;
    let taken = all_taken(&mut supplier, &mut server, options.orders * 2)?;
    let posted = shop.hear().context("the shop did not end")?;
    // What the last purchase order leads to is part of its price.
    std::thread::sleep(LOOK_EVERY * 4);
    let after = Usage::of(server.process.id());
    let counted = server.stop(&log)?;

    let figures = Figures {
        orders: options.orders,
        connections: options.connections,
        load,
        micros: number_in(&taken, "last_at")?.saturating_sub(number_in(&posted, "first_at")?),
        accept_micros: number_in(&posted, "micros")?,
        p50: number_in(&posted, "p50")?,
        p99: number_in(&posted, "p99")?,
        longest: number_in(&posted, "longest")?,
        used: before.zip(after).map(|(before, after)| after.since(before)),
        stored: counted,
        plan,
    };
    for line in figures.table() {
        say(format_args!("{line}"));
    }
    let refused = number_in(&posted, "refused")?;
    let (orders, most) = (number_in(&taken, "orders")?, number_in(&taken, "most")?);
    say(format_args!(
        "{refused} webhooks not accepted; {orders} purchase orders taken, none more than {most} times"
    ));
    let ended = commands::report::report_on(&Installation::in_folder(&data)?).await?;
    ended.show();
    let right = refused == 0 && orders == options.orders * 2 && most == 1;
    Ok(if right { ended.exit() } else { Exit::No })
}

fn number_in(value: &Value, field: &str) -> anyhow::Result<u64> {
    value[field]
        .as_u64()
        .with_context(|| format!("{field} is missing in {value}"))
}

fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    let text = value[field].as_str().map(str::to_owned);
    text.with_context(|| format!("{field} is missing in {value}"))
}

/// What the supplier counts when it has them all, or nothing came any more.
fn all_taken(supplier: &mut Part, server: &mut Server, all: u64) -> anyhow::Result<Value> {
    let (mut seen, mut moved) = (0, Instant::now());
    loop {
        supplier.tell("count")?;
        let taken = supplier.hear()?;
        let requests = number_in(&taken, "requests")?;
        if requests > seen {
            (seen, moved) = (requests, Instant::now());
        }
        if number_in(&taken, "orders")? >= all || moved.elapsed() > STANDS_STILL_AFTER {
            return Ok(taken);
        }
        if let Some(status) = server.process.try_wait()? {
            bail!("serve ended amid it: {status}");
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// `serve` of this very program.
struct Server {
    process: Child,
    listen: SocketAddr,
}

impl Server {
    fn start(config: &Path, data: &Path, log: &Path) -> anyhow::Result<Self> {
        let listen = std::net::TcpListener::bind(LOOPBACK)?.local_addr()?;
        let process = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", &listen.to_string()])
            .arg("--config")
            .arg(config)
            .arg("--data")
            .arg(data)
            .env(configuration::SECRET_NAME, SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(log)?)
            .spawn()?;
        let mut server = Self { process, listen };
        let begun = Instant::now();
        while std::net::TcpStream::connect(listen).is_err() {
            let ended = server.process.try_wait()?.is_some();
            if ended || begun.elapsed() > STARTS_WITHIN {
                bail!("serve did not start:\n{}", std::fs::read_to_string(log)?);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(server)
    }

    /// What it counted, which it tells with its last words.
    fn stop(mut self, log: &Path) -> anyhow::Result<Option<Stored>> {
        Command::new("kill")
            .args(["-TERM", &self.process.id().to_string()])
            .status()?;
        let status = self.process.wait()?;
        let words = std::fs::read_to_string(log)?;
        if !status.success() {
            bail!("serve ended badly, {status}:\n{words}");
        }
        Ok(Stored::told(&words))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a measurement that failed; one that was stopped is gone already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
