//! The command line, and the server for one machine.
//!
//! What the commands work on is an [`Installation`], which knows the ports and nothing behind them.
//! The binary of this package opens data folders; what is on AWS it leaves to `waybill-aws`, so that
//! whoever runs Waybill on one machine never compiles the AWS SDK.

mod arguments;
mod bench;
mod cli;
mod cloud;
mod commands;
pub mod demo;
mod installation;
mod machine;
mod output;
mod serve;
pub mod usage;

use clap::Parser as _;
use cli::Cli;
use registry::Registry;
use std::process::ExitCode;

pub use arguments::{Account, Config, Form, Stack};
pub use cloud::{AwsCommand, Cloud, HandOver, LocalAws, OfConfig, Push};
pub use commands::report::{Report, report_on};
pub use commands::{Instead, check};
pub use installation::{FileListing, Health, Installation, Parties};
pub use output::{say, say_lines};
pub use serve::told_to_stop;

/// What a script can tell from the end of a command. Usage errors are `clap`'s and end with 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// The answer is no: problems were found, a promise is broken, a decision was refused.
    No = 1,
    /// No such order, purchase order, supplier, batch, incident or evidence; or no data in that
    /// folder.
    NotFound = 3,
    /// It could not be done or looked at: a folder in use, a port taken, a disk full.
    Failed = 4,
}

/// Reads the command line and does what it says.
pub async fn run(cloud: &dyn Cloud, registry: Registry) -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(usage) if usage.use_stderr() => {
            output::remark(format_args!("{}", usage.render().to_string().trim_end()));
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
        // Help and version, which are texts of ours.
        Err(asked) => asked.exit(),
    };
    let serving = matches!(command, cli::Command::Serve { .. });
    let json = command.wants_json();
    output::log(if serving { "info" } else { "error" });
    let exit = cli::run(command, cloud, registry)
        .await
        .unwrap_or_else(|error| match error.downcast::<Instead>() {
            Ok(instead) => instead.tell(json),
            Err(error) => {
                output::remark(format_args!("waybill: {error:#}"));
                Exit::Failed
            }
        });
    ExitCode::from(exit as u8)
}
