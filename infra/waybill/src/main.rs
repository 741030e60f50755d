//! The command line, and the server for one machine.

mod arguments;
mod bench;
mod commands;
mod demo;
mod machine;
mod serve;

use arguments::{Config, Data, Form, OfBatches, OfSuppliers, Person, Said, Settings, Verdict, Way};
use clap::{Parser, Subcommand};
use commands::Instead;
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
    /// No such order, purchase order, supplier, batch, incident or evidence; or no data in that
    /// folder.
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
        #[command(flatten)]
        form: Form,
    },
    /// One order: where its units are and how it came to be so.
    Order {
        #[command(flatten)]
        data: Data,
        /// `channel/own id`, a purchase order number, or the shop's order number.
        id: String,
        #[command(flatten)]
        form: Form,
    },
    /// What needs a person: cases of orders and batches, and open incidents.
    Cases {
        #[command(flatten)]
        data: Data,
        /// The incidents that were closed last, with who and why.
        #[arg(long)]
        closed: bool,
        #[command(flatten)]
        form: Form,
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
        #[command(flatten)]
        form: Form,
    },
    /// Lets an order's holds through.
    Release {
        #[command(flatten)]
        data: Data,
        order: String,
        #[command(flatten)]
        person: Person,
    },
    /// Holds an order: nothing more of it goes out until it is released.
    Hold {
        #[command(flatten)]
        data: Data,
        order: String,
        #[command(flatten)]
        person: Person,
    },
    /// Wants other suppliers for what is not shipped; what was sent is asked back.
    Reroute {
        #[command(flatten)]
        data: Data,
        order: String,
        #[command(flatten)]
        way: Way,
        /// Folder of the configuration, to see that there is such a supplier.
        #[arg(long)]
        config: Option<PathBuf>,
        #[command(flatten)]
        person: Person,
    },
    /// Corrects the address of an order; counts until the channel tells another.
    EditAddress {
        #[command(flatten)]
        data: Data,
        order: String,
        #[command(flatten)]
        settings: Settings,
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
    /// Passes on what a supplier says of single lines; a line that is not named comes as ordered.
    Acknowledge {
        #[command(flatten)]
        data: Data,
        purchase_order: String,
        #[command(flatten)]
        said: Said,
        #[command(flatten)]
        person: Person,
    },
    /// Files with all purchase orders of a cut-off, the newest first.
    Batches {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        form: Form,
        #[command(subcommand)]
        what: Option<OfBatches>,
    },
    /// Tries a supplier out.
    Supplier {
        #[command(subcommand)]
        what: OfSuppliers,
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
    /// Takes a quarantined payload in again, or puts a dead letter back, and closes its incident.
    Redrive {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        config: Config,
        /// Its key, as the incident shows it: `quarantine/...`.
        key: String,
        #[command(flatten)]
        person: Person,
    },
    /// Tells ten stories with a shop and suppliers on this machine.
    Demo,
    /// Measures this machine: orders a second, CPU and memory of `serve`.
    Bench(bench::Options),
}

impl Command {
    fn wants_json(&self) -> bool {
        matches!(
            self,
            Self::Orders { form, .. }
            | Self::Order { form, .. }
            | Self::Cases { form, .. }
            | Self::Report { form, .. }
            | Self::Batches { form, .. } if form.json
        )
    }
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
    let json = command.wants_json();
    log(if serving { "info" } else { "error" });
    let exit = run(command)
        .await
        .unwrap_or_else(|error| match error.downcast::<Instead>() {
            Ok(instead) => instead.tell(json),
            Err(error) => {
                drop(writeln!(std::io::stderr(), "waybill: {error:#}"));
                Exit::Failed
            }
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
        Command::Orders { data, form } => commands::orders::orders(&data.data, form.json).await,
        Command::Order { data, id, form } => {
            commands::order::order(&data.data, &id, form.json).await
        }
        Command::Cases { data, closed, form } => {
            commands::cases::cases(&data.data, closed, form.json).await
        }
        Command::Evidence { data, key } => commands::evidence::evidence(&data.data, &key).await,
        Command::Report { data, form } => commands::report::report(&data.data, form.json).await,
        Command::Release {
            data,
            order,
            person,
        } => commands::decide::release(&data.data, &order, person).await,
        Command::Hold {
            data,
            order,
            person,
        } => commands::decide::hold(&data.data, &order, person).await,
        Command::Reroute {
            data,
            order,
            way,
            config,
            person,
        } => commands::decide::reroute(&data.data, &order, way, config.as_deref(), person).await,
        Command::EditAddress {
            data,
            order,
            settings,
            person,
        } => commands::address::edit(&data.data, &order, &settings.settings, person).await,
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
        Command::Acknowledge {
            data,
            purchase_order,
            said,
            person,
        } => commands::acknowledge::acknowledge(&data.data, &purchase_order, said, person).await,
        Command::Batches { data, form, what } => match what {
            None => commands::batches::list(&data.data, form.json).await,
            Some(OfBatches::Open { name }) => commands::batches::open(&data.data, &name).await,
            Some(OfBatches::Uploaded { name, who }) => {
                commands::batches::uploaded(&data.data, &name, who).await
            }
        },
        Command::Supplier {
            what: OfSuppliers::Test { name, config },
        } => commands::supplier::test(&config.config, &name).await,
        Command::Close {
            data,
            incident,
            person,
        } => commands::cases::close(&data.data, &incident, person).await,
        Command::Redrive {
            data,
            config,
            key,
            person,
        } => commands::redrive::redrive(&data.data, &config.config, &key, person).await,
        Command::Demo => demo::demo().await,
        Command::Bench(options) => bench::bench(options).await,
    }
}
