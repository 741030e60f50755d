//! AWS on this machine: an emulator, into which the built template is deployed as it is.

pub mod deployment;
pub mod emulator;
mod group;
pub mod preparation;
pub mod stage;

use anyhow::Context as _;
use deployment::{Deployment, STACK};
use emulator::{Emulator, Permissions};
use preparation::Preparation;
use registry::Registry;
use stage::LocalStage;
use std::path::Path;
use std::sync::Arc;
use waybill::demo::{Cast, tell};
use waybill::{Exit, LocalAws, say, say_lines};

pub(crate) async fn run(options: &LocalAws, registry: Registry) -> anyhow::Result<Exit> {
    let preparation = Preparation::of(Path::new("."))?;
    tokio::select! {
        biased;
        exit = perform(&preparation, options, registry) => exit,
        // What was started ends with what is dropped here.
        told = waybill::told_to_stop() => {
            told?;
            anyhow::bail!("told to stop")
        }
    }
}

async fn perform(
    preparation: &Preparation,
    options: &LocalAws,
    registry: Registry,
) -> anyhow::Result<Exit> {
    if !options.prepare {
        // To say so before the minutes that preparing may take.
        let free = std::net::TcpListener::bind(options.listen);
        free.with_context(|| {
            format!(
                "{} cannot be listened on, and --listen names another",
                options.listen
            )
        })?;
    }
    preparation.prepare().await?;
    if options.prepare {
        say(format_args!("prepared: `waybill local-aws` starts it"));
        return Ok(Exit::Done);
    }
    let emulator = Emulator::start(preparation, options.listen, Permissions::Enforced).await?;
    say(format_args!("deploying the template"));
    let deployment = Arc::new(Deployment::deploy(preparation, emulator, registry).await?);
    let cast = Cast::assemble().await?;
    let stage = LocalStage::set(deployment.clone(), &cast).await?;
    say(format_args!(
        "\nAcme sells through Shopify; Northwind and Eastgate take orders over HTTP, Lakeside as CSV"
    ));
    say(format_args!(
        "files, Harbour by mail. Webhooks go to {}.",
        deployment.webhook_url
    ));
    let exit = tell(&stage, cast).await?;
    if options.stay {
        say_lines(format_args!(
            "\nIt stays up until Ctrl-C. To look into it:\n  AWS_ENDPOINT_URL={} AWS_REGION={} AWS_ACCESS_KEY_ID={root} AWS_SECRET_ACCESS_KEY={root} waybill orders --aws {STACK}",
            deployment.emulator.endpoint,
            emulator::REGION,
            root = emulator::ROOT,
        ));
        waybill::told_to_stop().await?;
    }
    Ok(exit)
}
