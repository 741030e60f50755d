//! The command line, and the server for one machine.

mod commands;
mod demo;
mod machine;
mod serve;

use clap::{Args, Parser, Subcommand};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// All is as it should be.
const OK: u8 = 0;
/// A broken invariant, or a failure of ours.
const BROKEN: u8 = 1;
/// Wrong usage, a refused decision, or something that does not exist.
const REFUSED: u8 = 2;

/// Forwards orders of sales channels to the suppliers who ship them.
#[derive(Parser)]
#[command(name = "waybill", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Data {
    /// Folder of the database and the outbox.
    #[arg(long, default_value = ".waybill")]
    data: PathBuf,
}

#[derive(Args)]
struct Config {
    /// Folder of the configuration.
    #[arg(long, default_value = "infra/config")]
    config: PathBuf,
}

/// Kept in the order's history.
#[derive(Args)]
struct Person {
    /// Who decides.
    #[arg(long, default_value = "operator")]
    who: String,
    /// Why.
    #[arg(long)]
    why: String,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of which exactly one is given"
)]
struct Verdict {
    /// The supplier has it, under this number of theirs.
    #[arg(long, value_name = "REF")]
    sent: Option<String>,
    /// The supplier surely does not have it: it is sent again.
    #[arg(long)]
    not_sent: bool,
    /// The supplier took it back.
    #[arg(long)]
    cancelled: bool,
    /// The supplier ships it all the same.
    #[arg(long)]
    not_cancelled: bool,
    /// The supplier had shipped it already.
    #[arg(long)]
    too_late: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Receives webhooks and forwards orders until it is told to stop.
    Serve {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        config: Config,
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: std::net::SocketAddr,
    },
    /// Checks the configuration and names every problem.
    Check {
        #[command(flatten)]
        config: Config,
    },
    /// Every order with its purchase orders.
    Orders {
        #[command(flatten)]
        data: Data,
    },
    /// One order: where its units are and how it came to be so.
    Order {
        #[command(flatten)]
        data: Data,
        /// `channel/own id`, or a purchase order number.
        id: String,
    },
    /// What needs a person.
    Cases {
        #[command(flatten)]
        data: Data,
    },
    /// Checks every promise on everything that is stored.
    Report {
        #[command(flatten)]
        data: Data,
    },
    /// Lets an order's holds through.
    Release {
        #[command(flatten)]
        data: Data,
        order: String,
        #[command(flatten)]
        person: Person,
    },
    /// Cancels an order here.
    Cancel {
        #[command(flatten)]
        data: Data,
        order: String,
        #[command(flatten)]
        person: Person,
    },
    /// Tells what became of a doubt, or of a cancel that was asked for.
    Resolve {
        #[command(flatten)]
        data: Data,
        purchase_order: String,
        #[command(flatten)]
        verdict: Verdict,
        #[command(flatten)]
        person: Person,
    },
    /// Tells eight stories with a shop and suppliers on this machine.
    Demo,
}

/// A reader that went away (`| head`) is no failure.
fn say(line: std::fmt::Arguments<'_>) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

fn log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::parse().command;
    let serving = matches!(command, Command::Serve { .. });
    log(if serving { "info" } else { "error" });
    match run(command).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            drop(writeln!(std::io::stderr(), "waybill: {error:#}"));
            ExitCode::from(BROKEN)
        }
    }
}

async fn run(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Serve {
            data,
            config,
            listen,
        } => serve::serve(&data.data, &config.config, listen).await,
        Command::Check { config } => commands::check(&config.config).await,
        Command::Orders { data } => commands::orders(&data.data).await,
        Command::Order { data, id } => commands::order(&data.data, &id).await,
        Command::Cases { data } => commands::cases(&data.data).await,
        Command::Report { data } => commands::report(&data.data).await,
        Command::Release {
            data,
            order,
            person,
        } => commands::release(&data.data, &order, person).await,
        Command::Cancel {
            data,
            order,
            person,
        } => commands::cancel(&data.data, &order, person).await,
        Command::Resolve {
            data,
            purchase_order,
            verdict,
            person,
        } => commands::resolve(&data.data, &purchase_order, verdict, person).await,
        Command::Demo => demo::demo().await,
    }
}
