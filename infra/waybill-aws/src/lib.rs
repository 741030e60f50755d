//! The command line for an installation on AWS: the same commands as `waybill`, on the stores,
//! queues and buckets that a stack names in its outputs; and the same on a local AWS, which the
//! end-to-end tests start, too.

pub mod account;
mod cold;
mod configuration;
mod cost;
mod listing;
pub mod local_aws;
mod restored;
mod stack;

use async_trait::async_trait;
use registry::Registry;
use waybill::{AwsCommand, Cloud, Exit, Installation, OfConfig, Stack};

pub use stack::{Opened, Outputs};

/// What is on AWS, reached through its SDK.
pub struct OnAws;

#[async_trait(?Send)]
impl Cloud for OnAws {
    async fn open(&self, stack: &Stack) -> anyhow::Result<Installation> {
        Ok(Opened::find(stack.clone()).await?.installation())
    }

    async fn run(&self, command: AwsCommand, registry: Registry) -> anyhow::Result<Exit> {
        match command {
            AwsCommand::Config(OfConfig::Push(push)) => {
                let opened = Opened::find(push.stack).await?;
                configuration::push(&opened, &push.config.config, registry, push.form.json).await
            }
            AwsCommand::Config(OfConfig::Show { stack, form }) => {
                configuration::show(&Opened::find(stack).await?, form.json).await
            }
            AwsCommand::Restored { stack, who } => {
                restored::take_note(&Opened::find(stack).await?, who).await
            }
            AwsCommand::LocalAws(options) => local_aws::run(&options, registry).await,
            AwsCommand::Cold { times, form } => cold::run(times, registry, form.json).await,
            AwsCommand::Cost { orders, form } => cost::run(orders, registry, form.json).await,
        }
    }
}
