//! The command line, and the server for one machine.

mod bench;
mod commands;
mod demo;
mod machine;
mod serve;

use clap::{Args, Parser, Subcommand};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// An order's way is many small pieces of memory, and glibc's allocator was a tenth of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a script can tell from the end of a command. Usage errors are `clap`'s and end with 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    /// The answer is no: problems were found, a promise is broken, a decision was refused.
    No = 1,
    /// No such order, purchase order, incident or evidence; or no data in that folder.
    NotFound = 3,
    /// It could not be done or looked at: a folder in use, a port taken, a disk full.
    Failed = 4,
}

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
    #[arg(long, default_value = "operator", value_parser = said)]
    who: String,
    /// Why.
    #[arg(long, value_parser = said)]
    why: String,
}

/// Something readable in a line of a history.
fn said(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it says nothing".to_owned());
    }
    if text.chars().any(char::is_control) || text.chars().count() > LONGEST_SAID {
        return Err(format!(
            "one line of at most {LONGEST_SAID} characters is expected"
        ));
    }
    Ok(text.to_owned())
}

const LONGEST_SAID: usize = 500;

#[derive(Args)]
#[group(required = true, multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of which exactly one is given"
)]
struct Verdict {
    /// The supplier has it, under this number of theirs.
    #[arg(long, value_name = "REF", value_parser = said)]
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
        /// One JSON document instead of lines.
        #[arg(long)]
        json: bool,
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
        /// `channel/own id`, a purchase order number, or the shop's order number.
        id: String,
    },
    /// What needs a person: cases of orders, and open incidents.
    Cases {
        #[command(flatten)]
        data: Data,
        /// The incidents that were closed last, with who and why.
        #[arg(long)]
        closed: bool,
    },
    /// What was received, sent and answered, byte for byte.
    Evidence {
        #[command(flatten)]
        data: Data,
        /// A key, whose bytes are written out; or a part of keys, such as a purchase order number.
        key: String,
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
    /// Closes an incident; if it comes again, it opens again.
    Close {
        #[command(flatten)]
        data: Data,
        /// As `cases` shows it.
        incident: String,
        #[command(flatten)]
        person: Person,
    },
    /// Tells eight stories with a shop and suppliers on this machine.
    Demo,
    /// Measures this machine: orders a second, CPU and memory of `serve`.
    Bench(bench::Options),
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
    let exit = run(command).await.unwrap_or_else(|error| {
        drop(writeln!(std::io::stderr(), "waybill: {error:#}"));
        Exit::Failed
    });
    ExitCode::from(exit as u8)
}

async fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Serve {
            data,
            config,
            listen,
        } => serve::serve(&data.data, &config.config, listen).await,
        Command::Check { config, json } => commands::check::check(&config.config, json).await,
        Command::Orders { data } => commands::look::orders(&data.data).await,
        Command::Order { data, id } => commands::look::order(&data.data, &id).await,
        Command::Cases { data, closed } => commands::cases::cases(&data.data, closed).await,
        Command::Evidence { data, key } => commands::evidence::evidence(&data.data, &key).await,
        Command::Report { data } => commands::report::report(&data.data).await,
        Command::Release {
            data,
            order,
            person,
        } => commands::decide::release(&data.data, &order, person).await,
        Command::Cancel {
            data,
            order,
            person,
        } => commands::decide::cancel(&data.data, &order, person).await,
        Command::Resolve {
            data,
            purchase_order,
            verdict,
            person,
        } => commands::decide::resolve(&data.data, &purchase_order, verdict, person).await,
        Command::Close {
            data,
            incident,
            person,
        } => commands::cases::close(&data.data, &incident, person).await,
        Command::Demo => demo::demo().await,
        Command::Bench(options) => bench::bench(options).await,
    }
}
