//! The command line, with the AWS SDK.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    waybill::run(&waybill_aws::OnAws).await
}
