//! A stack of `infra/template.yaml`, found by its outputs.

use crate::account::SignedIn;
use crate::configuration::Configured;
use crate::listing::Buckets;
use crate::restored::OfTable;
use anyhow::Context as _;
use aws::clock::SystemClock;
use aws::dynamodb::DynamoDb;
use aws::s3::S3Files;
use aws::sqs::{self, SqsQueue};
use aws::ssm::SsmSecrets;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use domain::messages::QueueName;
use std::collections::BTreeMap;
use std::sync::Arc;
use waybill::{Installation, Instead, Stack};

/// What the template says of itself, as far as the command line works on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    pub orders_table: String,
    pub stock_table: String,
    pub queue_urls: BTreeMap<QueueName, String>,
    pub artifacts_bucket: String,
    pub drops_bucket: String,
    /// Secrets of channels and suppliers lie below it.
    pub parameters_path: String,
    pub webhook_url: String,
}

impl Outputs {
    /// Or the name of one that is missing.
    fn of(mut outputs: BTreeMap<String, String>) -> Result<Self, String> {
        let mut take = |name: &str| outputs.remove(name).ok_or_else(|| name.to_owned());
        Ok(Self {
            orders_table: take("OrdersTable")?,
            stock_table: take("StockTable")?,
            queue_urls: QueueName::ALL
                .iter()
                .map(|queue| Ok((*queue, take(&sqs::url_output(*queue))?)))
                .collect::<Result<_, String>>()?,
            artifacts_bucket: take("ArtifactsBucket")?,
            drops_bucket: take("DropsBucket")?,
            parameters_path: take("ParametersPath")?,
            webhook_url: take("WebhookUrl")?,
        })
    }
}

/// A stack and the means to work on it.
pub struct Opened {
    pub account: SignedIn,
    pub outputs: Outputs,
}

impl Opened {
    /// What the commands work on.
    pub fn installation(&self) -> Installation {
        let (clients, outputs) = (&self.account.clients, &self.outputs);
        let store = Arc::new(self.orders());
        let files = S3Files::new(
            clients.s3(),
            outputs.artifacts_bucket.clone(),
            Some(outputs.drops_bucket.clone()),
        );
        let listing = Buckets {
            s3: clients.s3(),
            artifacts: outputs.artifacts_bucket.clone(),
            drops: outputs.drops_bucket.clone(),
        };
        let secrets = format!("{}/channels", outputs.parameters_path);
        Installation {
            secrets: Arc::new(SsmSecrets::below(clients.ssm(), secrets)),
            health: Arc::new(OfTable(store.clone())),
            orders: store.clone(),
            index: store.clone(),
            incidents: store.clone(),
            offers: store.clone(),
            batches: store,
            files: Arc::new(files),
            listing: Arc::new(listing),
            parties: Arc::new(Configured {
                s3: clients.s3(),
                bucket: outputs.artifacts_bucket.clone(),
            }),
            queue: Arc::new(SqsQueue::new(clients.sqs(), outputs.queue_urls.clone())),
            clock: Arc::new(SystemClock),
        }
    }

    pub(crate) fn orders(&self) -> DynamoDb {
        let outputs = &self.outputs;
        let stock = Some(outputs.stock_table.clone());
        DynamoDb::new(
            self.account.clients.dynamodb(),
            &outputs.orders_table,
            stock,
        )
    }

    pub(crate) async fn find(stack: Stack) -> anyhow::Result<Self> {
        Self::of(SignedIn::to(stack.account).await?, &stack.name).await
    }

    pub(crate) async fn of(account: SignedIn, name: &str) -> anyhow::Result<Self> {
        let outputs = outputs(&account, name).await?;
        Ok(Self { account, outputs })
    }
}

async fn outputs(account: &SignedIn, name: &str) -> anyhow::Result<Outputs> {
    let cloudformation = account.cloudformation();
    let described = cloudformation.describe_stacks().stack_name(name).send();
    let described = match described.await {
        Ok(described) => described,
        Err(error) if is_unknown(error.code(), error.message()) => {
            let said = format!("there is no stack {name} in {}", account.region);
            return Err(Instead::not_found(said).into());
        }
        Err(error) => return Err(anyhow::Error::new(error).context("AWS did not answer")),
    };
    let stack = described.stacks().first();
    let stack = stack.with_context(|| format!("AWS told nothing of the stack {name}"))?;
    let named = stack.outputs().iter();
    let named = named.filter_map(|output| {
        Some((
            output.output_key()?.to_owned(),
            output.output_value()?.to_owned(),
        ))
    });
    Outputs::of(named.collect()).map_err(|missing| {
        let status = stack.stack_status().map_or("in no state", |status| status.as_str());
        anyhow::anyhow!(
            "the stack {name} has no output {missing}: it is not one of Waybill's, or was not deployed to the end ({status})"
        )
    })
}

/// `CloudFormation` has no error of its own for it.
fn is_unknown(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some("ValidationError")
        && message.is_some_and(|message| message.contains("does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template's outputs are the ones that are looked for.
    #[test]
    fn the_template_says_what_is_looked_for() {
        let template = include_str!("../../template.yaml");
        let (_, outputs) = template.split_once("\nOutputs:\n").unwrap();
        let names = outputs.lines().filter_map(|line| {
            let name = line.strip_prefix("  ")?.strip_suffix(':')?;
            (!name.starts_with(' ')).then(|| (name.to_owned(), format!("the {name}")))
        });
        let found = Outputs::of(names.collect()).unwrap();
        assert_eq!(found.orders_table, "the OrdersTable");
        assert_eq!(found.webhook_url, "the WebhookUrl");
        assert_eq!(
            found.queue_urls[&QueueName::Forwarding],
            "the ForwardingQueueUrl"
        );
    }

    #[test]
    fn another_stack_is_told_by_what_it_lacks() {
        let outputs = BTreeMap::from([("OrdersTable".to_owned(), "orders".to_owned())]);
        assert_eq!(Outputs::of(outputs), Err("StockTable".to_owned()));
    }

    #[test]
    fn only_a_missing_stack_is_missing() {
        let gone = Some("Stack with id shop does not exist");
        assert!(is_unknown(Some("ValidationError"), gone));
        assert!(!is_unknown(
            Some("ValidationError"),
            Some("1 validation error detected")
        ));
        assert!(!is_unknown(Some("AccessDenied"), gone));
        assert!(!is_unknown(None, None));
    }
}
