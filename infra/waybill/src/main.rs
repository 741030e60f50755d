//! The command line, without the AWS SDK.

use std::process::ExitCode;

/// An order's way is many small pieces of memory, and glibc's allocator was a tenth of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    waybill::run(&waybill::HandOver).await
}
