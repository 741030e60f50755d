//! The command line, without the AWS SDK.

use registry::Registry;
use std::process::ExitCode;

/// An order's way is many small pieces of memory, and glibc's allocator was a tenth of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let registry = Registry {
        channels: channels::CHANNELS,
        suppliers: suppliers::SUPPLIERS,
    };
    waybill::run(&waybill::HandOver, registry).await
}
