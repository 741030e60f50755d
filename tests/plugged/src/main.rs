//! The command line, with the kinds of this package.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    waybill::run(&waybill::HandOver, plugged::REGISTRY).await
}
