//! The command line, with the AWS SDK.

use registry::Registry;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let registry = Registry {
        channels: channels::CHANNELS,
        suppliers: suppliers::SUPPLIERS,
    };
    waybill::run(&waybill_aws::OnAws, registry).await
}
