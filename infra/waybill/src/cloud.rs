//! What is on AWS, for a command line that does not know the AWS SDK.

use crate::arguments::{Config, Form, Stack};
use crate::{Exit, Installation};
use async_trait::async_trait;
use clap::{Args, Subcommand};
use registry::Registry;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

const PROGRAM: &str = "waybill-aws";

/// What whoever knows the AWS SDK does for the command line, which is one task.
#[async_trait(?Send)]
pub trait Cloud: Send + Sync {
    async fn open(&self, stack: &Stack) -> anyhow::Result<Installation>;
    async fn run(&self, command: AwsCommand, registry: Registry) -> anyhow::Result<Exit>;
}

/// Commands that there are only for AWS.
#[derive(Subcommand)]
pub enum AwsCommand {
    /// The configuration of a stack on AWS.
    #[command(subcommand)]
    Config(OfConfig),
    /// Take note that the orders table was restored from a backup: look up what may have been sent
    /// since the backup, or report it as a case, and send none of it before. Until then nothing is
    /// sent.
    Restored {
        #[command(flatten)]
        stack: Stack,
        /// Who decides.
        #[arg(long, default_value = "operator")]
        who: String,
    },
    /// Deploys the template into an AWS on this machine, and tells the demo's stories there.
    LocalAws(LocalAws),
    /// What a new process of a function costs until it has answered its first call.
    Cold {
        /// Processes of each function, each with an order of its own.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
        times: u32,
        #[command(flatten)]
        form: Form,
    },
    /// What an order costs on AWS: counted calls of the functions on a local AWS, at list prices.
    Cost {
        /// Orders that are counted, after some that are not.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
        orders: u32,
        #[command(flatten)]
        form: Form,
    },
}

/// Started from Waybill's sources.
#[derive(Args)]
pub struct LocalAws {
    /// Only makes what it needs: the emulator, SAM and the functions.
    #[arg(long)]
    pub prepare: bool,
    /// Stays up after the stories until it is told to stop.
    #[arg(long, conflicts_with = "prepare")]
    pub stay: bool,
    /// Address at which it plays AWS.
    #[arg(long, default_value = "127.0.0.1:4566")]
    pub listen: SocketAddr,
}

#[derive(Subcommand)]
pub enum OfConfig {
    /// Checks a folder as `check` does, and has the functions take it over within a minute.
    Push(Push),
    /// What the functions go by.
    Show {
        #[command(flatten)]
        stack: Stack,
        #[command(flatten)]
        form: Form,
    },
}

#[derive(Args)]
pub struct Push {
    #[command(flatten)]
    pub stack: Stack,
    #[command(flatten)]
    pub config: Config,
    #[command(flatten)]
    pub form: Form,
}

impl AwsCommand {
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Config(OfConfig::Push(Push { form, .. }) | OfConfig::Show { form, .. }) => {
                form.json
            }
            Self::LocalAws(_) | Self::Restored { .. } => false,
            Self::Cold { form, .. } | Self::Cost { form, .. } => form.json,
        }
    }
}

/// Hands whatever is on AWS over to the program that knows the AWS SDK, with the same arguments.
pub struct HandOver;

#[async_trait(?Send)]
impl Cloud for HandOver {
    async fn open(&self, _: &Stack) -> anyhow::Result<Installation> {
        Err(hand_over())
    }

    async fn run(&self, _: AwsCommand, _: Registry) -> anyhow::Result<Exit> {
        Err(hand_over())
    }
}

/// Returns only where it could not be.
fn hand_over() -> anyhow::Error {
    let Some(program) = program() else {
        return anyhow::anyhow!(
            "{PROGRAM} is neither beside this program nor on PATH; `cargo build --release -p {PROGRAM}` builds it"
        );
    };
    let error = Command::new(&program)
        .args(std::env::args_os().skip(1))
        .exec();
    anyhow::Error::new(error).context(format!("{} cannot be run", program.display()))
}

/// Beside this program, where both were built together, else on PATH.
fn program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    let beside = own.and_then(|own| Some(own.parent()?.to_owned()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(PROGRAM))
        .find(|program| program.is_file())
}
