//! The command line, the same for every installation.

use crate::arguments::{
    Config, Data, Form, OfBatches, OfSuppliers, Person, Said, Settings, Verdict, Way, Where,
};
use crate::cloud::{AwsCommand, Cloud};
use crate::commands::orders::Which;
use crate::{Exit, bench, commands, demo, serve};
use clap::{Parser, Subcommand};
use registry::Registry;
use std::path::PathBuf;

/// Forwards orders of sales channels to the suppliers who ship them.
#[derive(Parser)]
#[command(name = "waybill", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Receives webhooks and forwards orders until it is told to stop.
    Serve {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        config: Config,
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: std::net::SocketAddr,
        /// Take the data for what a copy held: look up what may have been sent since the copy was
        /// made, or report it as a case, and send none of it before.
        #[arg(long)]
        restored: bool,
    },
    /// Copy the database into one file while it is worked on.
    Backup {
        #[command(flatten)]
        data: Data,
        /// A file that is not there yet; only its owner may read it.
        file: PathBuf,
    },
    /// Checks the configuration and names every problem.
    Check {
        #[command(flatten)]
        config: Config,
        /// One JSON document instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// List orders with their purchase orders, those received last first.
    Orders {
        #[command(flatten)]
        at: Where,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        form: Form,
    },
    /// One order: where its units are and how it came to be so.
    Order {
        #[command(flatten)]
        at: Where,
        /// `channel/own id`, a purchase order number, the shop's order number, or a supplier's reference.
        id: String,
        #[command(flatten)]
        form: Form,
    },
    /// What needs a person: cases of orders and batches, and open incidents.
    Cases {
        #[command(flatten)]
        at: Where,
        /// The incidents that were closed last, with who and why.
        #[arg(long)]
        closed: bool,
        #[command(flatten)]
        form: Form,
    },
    /// What was received, sent and answered.
    Evidence {
        #[command(flatten)]
        at: Where,
        /// A key, whose content is written out; or a part of keys, such as a purchase order number.
        key: String,
        /// The bytes as they are, with those that would act on a terminal.
        #[arg(long)]
        raw: bool,
    },
    /// Checks every promise on everything that is stored.
    Report {
        #[command(flatten)]
        at: Where,
        #[command(flatten)]
        form: Form,
    },
    /// Lets an order's holds through.
    Release {
        #[command(flatten)]
        at: Where,
        order: String,
        /// The shipping method by which everything is shipped, where the order names several.
        #[arg(long, value_name = "TITLE")]
        method: Option<String>,
        #[command(flatten)]
        person: Person,
    },
    /// Holds an order: nothing more of it goes out until it is released.
    Hold {
        #[command(flatten)]
        at: Where,
        order: String,
        #[command(flatten)]
        person: Person,
    },
    /// Wants other suppliers for what is not shipped; what was sent is asked back.
    Reroute {
        #[command(flatten)]
        at: Where,
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
        at: Where,
        order: String,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        person: Person,
    },
    /// Cancels an order here.
    Cancel {
        #[command(flatten)]
        at: Where,
        order: String,
        #[command(flatten)]
        person: Person,
    },
    /// Try again at once, or look up, what waits at a supplier.
    Retry {
        #[command(flatten)]
        at: Where,
        /// A supplier, for everything that waits there, or one purchase order.
        what: String,
        #[command(flatten)]
        person: Person,
    },
    /// Tells what became of a doubt, or of a cancel that was asked for.
    Resolve {
        #[command(flatten)]
        at: Where,
        /// A purchase order; or a supplier, for everything there that is in doubt since the data was
        /// restored from a copy.
        #[arg(value_name = "PURCHASE_ORDER|SUPPLIER")]
        what: String,
        #[command(flatten)]
        verdict: Verdict,
        #[command(flatten)]
        person: Person,
    },
    /// Passes on what a supplier says of single lines; a line that is not named comes as ordered.
    Acknowledge {
        #[command(flatten)]
        at: Where,
        purchase_order: String,
        #[command(flatten)]
        said: Said,
        #[command(flatten)]
        person: Person,
    },
    /// Files with all purchase orders of a cut-off, the newest first.
    Batches {
        #[command(flatten)]
        at: Where,
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
        at: Where,
        /// As `cases` shows it.
        incident: String,
        #[command(flatten)]
        person: Person,
    },
    /// Takes a quarantined payload in again, or puts a dead letter back, and closes its incident.
    Redrive {
        #[command(flatten)]
        at: Where,
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
    #[command(flatten)]
    Aws(AwsCommand),
}

impl Command {
    pub(crate) fn wants_json(&self) -> bool {
        matches!(
            self,
            Self::Orders { form, .. }
            | Self::Order { form, .. }
            | Self::Cases { form, .. }
            | Self::Report { form, .. }
            | Self::Batches { form, .. } if form.json
        ) || matches!(self, Self::Aws(command) if command.wants_json())
    }
}

pub(crate) async fn run(
    command: Command,
    cloud: &dyn Cloud,
    registry: Registry,
) -> anyhow::Result<Exit> {
    match command {
        Command::Serve {
            data,
            config,
            listen,
            restored,
        } => serve::serve(&data.data, &config.config, registry, listen, restored).await,
        Command::Backup { data, file } => commands::restored::back_up(&data.data, &file).await,
        Command::Check { config, json } => {
            commands::check::check(&config.config, registry, json).await
        }
        Command::Orders { at, which, form } => {
            commands::orders::orders(&at.open(cloud).await?, which, form.json).await
        }
        Command::Order { at, id, form } => {
            commands::order::order(&at.open(cloud).await?, &id, form.json).await
        }
        Command::Cases { at, closed, form } => {
            commands::cases::cases(&at.open(cloud).await?, closed, form.json).await
        }
        Command::Evidence { at, key, raw } => {
            commands::evidence::evidence(&at.open(cloud).await?, &key, raw).await
        }
        Command::Report { at, form } => {
            commands::report::report(&at.open(cloud).await?, form.json).await
        }
        Command::Release {
            at,
            order,
            method,
            person,
        } => {
            let at = at.open(cloud).await?;
            commands::decide::release(&at, &order, method, person).await
        }
        Command::Hold { at, order, person } => {
            commands::decide::hold(&at.open(cloud).await?, &order, person).await
        }
        Command::Reroute {
            at,
            order,
            way,
            config,
            person,
        } => {
            let at = at.open(cloud).await?;
            commands::decide::reroute(&at, &order, way, config.as_deref(), person).await
        }
        Command::EditAddress {
            at,
            order,
            settings,
            person,
        } => {
            let at = at.open(cloud).await?;
            commands::address::edit(&at, &order, &settings.settings, person).await
        }
        Command::Cancel { at, order, person } => {
            commands::decide::cancel(&at.open(cloud).await?, &order, person).await
        }
        Command::Retry { at, what, person } => {
            commands::retry::retry(&at.open(cloud).await?, &what, person).await
        }
        Command::Resolve {
            at,
            what,
            verdict,
            person,
        } => {
            let at = at.open(cloud).await?;
            commands::decide::resolve(&at, &what, verdict, person).await
        }
        Command::Acknowledge {
            at,
            purchase_order,
            said,
            person,
        } => {
            let at = at.open(cloud).await?;
            commands::acknowledge::acknowledge(&at, &purchase_order, said, person).await
        }
        Command::Batches { at, form, what } => match what {
            None => commands::batches::list(&at.open(cloud).await?, form.json).await,
            Some(OfBatches::Open { name }) => {
                commands::batches::open(&at.open(cloud).await?, &name).await
            }
            Some(OfBatches::Uploaded { name, who }) => {
                commands::batches::uploaded(&at.open(cloud).await?, &name, who).await
            }
        },
        Command::Supplier {
            what: OfSuppliers::Test { name, config },
        } => commands::supplier::test(&config.config, registry, &name).await,
        Command::Close {
            at,
            incident,
            person,
        } => commands::cases::close(&at.open(cloud).await?, &incident, person).await,
        Command::Redrive {
            at,
            config,
            key,
            person,
        } => {
            let at = at.open(cloud).await?;
            commands::redrive::redrive(&at, &config.config, registry, &key, person).await
        }
        Command::Demo => demo::demo(registry).await,
        Command::Bench(options) => bench::bench(options, registry).await,
        Command::Aws(command) => cloud.run(command, registry).await,
    }
}
