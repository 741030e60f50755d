//! The built template, deployed into the emulator as a merchant deploys it into his account.

use super::emulator::{ACCOUNT, Emulator, REGION, ROOT};
use super::preparation::{Preparation, run_quietly};
use crate::account::SignedIn;
use crate::stack::Opened;
use anyhow::{Context as _, bail};
use aws::clients::{Endpoints, Place, Roots};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_ssm::types::ParameterType;
use domain::digest::Digest;
use registry::Registry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use tokio::process::Command;

pub const STACK: &str = "waybill";
/// As the demo's `channels.toml` has it.
const SENDER: &str = "orders@acme.example";

/// Each function, its role, and the role's policy.
pub const ROLES: [(&str, &str, &str); 4] = [
    ("OrderWebhookFunction", "OrderWebhookRole", "order-webhook"),
    ("RoutingFunction", "RoutingRole", "routing"),
    ("ForwardingFunction", "ForwardingRole", "forwarding"),
    ("ExceptionsFunction", "ExceptionsRole", "exceptions"),
];

/// A stack on the emulator.
pub struct Deployment {
    pub emulator: Emulator,
    pub opened: Opened,
    /// Physical ids by logical ones.
    pub resources: BTreeMap<String, String>,
    pub webhook_url: String,
    /// The kinds that files which are pushed may name.
    registry: Registry,
}

/// As it was deployed.
pub struct Function {
    pub zipped_bytes: u64,
    /// What Lambda gives to its processes, but for where they ask for events. They work as root.
    pub environment: BTreeMap<String, String>,
}

impl Deployment {
    /// With nothing configured yet.
    pub async fn deploy(
        preparation: &Preparation,
        emulator: Emulator,
        registry: Registry,
    ) -> anyhow::Result<Self> {
        sam_deploy(preparation, &emulator).await?;
        let credentials = Credentials::new(ROOT, ROOT, None, None, "local");
        let account = SignedIn::with(Place {
            region: REGION.to_owned(),
            credentials: SharedCredentialsProvider::new(credentials),
            endpoints: Endpoints::One(emulator.endpoint.clone()),
            roots: Roots::Amazon,
        });
        let opened = Opened::of(account, STACK).await?;
        let deployment = Self {
            resources: resources(&opened).await?,
            webhook_url: webhook_url(&emulator.endpoint, &opened.outputs.webhook_url)?,
            emulator,
            opened,
            registry,
        };
        deployment.make_up_for_the_emulator().await?;
        Ok(deployment)
    }

    /// Where it differs from AWS. In what a role lets through, what is granted stays the condition, so
    /// that a role which lacks an action still lacks it.
    async fn make_up_for_the_emulator(&self) -> anyhow::Result<()> {
        self.limit_forwarding().await?;
        let verified = [("EmailAddress", SENDER)];
        self.emulator
            .form("ses", "VerifyEmailIdentity", &verified)
            .await?;
        for (_, role, policy) in ROLES {
            let granted = self.policy(role, policy).await?;
            let statements = granted["Statement"].as_array().into_iter().flatten();
            let made_up: Vec<Value> = statements.filter_map(made_up).collect();
            if made_up.is_empty() {
                continue;
            }
            let document = json!({"Version": "2012-10-17", "Statement": made_up}).to_string();
            let put = [
                ("RoleName", self.resource(role)?),
                ("PolicyName", "emulator"),
                ("PolicyDocument", &document),
            ];
            self.emulator.form("iam", "PutRolePolicy", &put).await?;
        }
        Ok(())
    }

    /// It takes the value of a parameter for a text where a number is meant, and then hands out no
    /// message.
    async fn limit_forwarding(&self) -> anyhow::Result<()> {
        let source = self.resource("ForwardingSource")?;
        let path = format!("/2015-03-31/event-source-mappings/{source}");
        let known = self.emulator.ask("lambda", "GET", &path).await?;
        let known: Value = serde_json::from_slice(&known)?;
        let most = &known["ScalingConfig"]["MaximumConcurrency"];
        let Some(most) = most.as_str() else {
            return Ok(());
        };
        let most: u64 = most.parse().context("forwarding's limit is no number")?;
        let change = json!({"ScalingConfig": {"MaximumConcurrency": most}});
        self.emulator.put("lambda", &path, &change).await
    }

    /// The physical id.
    pub fn resource(&self, logical: &str) -> anyhow::Result<&str> {
        let physical = self.resources.get(logical).map(String::as_str);
        physical.with_context(|| format!("the stack has no {logical}"))
    }

    /// `kind` is `channels` or `suppliers`.
    pub async fn put_secret(&self, kind: &str, name: &str, value: &str) -> anyhow::Result<()> {
        let path = &self.opened.outputs.parameters_path;
        let ssm = self.opened.account.clients.ssm();
        ssm.put_parameter()
            .name(format!("{path}/{kind}/{name}"))
            .value(value)
            .r#type(ParameterType::SecureString)
            .overwrite(true)
            .send()
            .await
            .with_context(|| format!("the secret {name} cannot be put"))?;
        Ok(())
    }

    /// What is wrong with the files is an error.
    pub async fn push(&self, config: &Path) -> anyhow::Result<()> {
        crate::configuration::push_right(&self.opened, config, self.registry).await
    }

    /// Instead of waiting for the minute to be full.
    pub async fn sweep(&self) -> anyhow::Result<()> {
        let function = self.resource("ExceptionsFunction")?;
        self.emulator
            .invoke(function, &doubles::runtime::events::schedule())
            .await
    }

    /// From here on neither a message nor the schedule wakes one.
    pub async fn leave_functions_alone(&self) -> anyhow::Result<()> {
        for source in ["RoutingSource", "ForwardingSource"] {
            let source = self.resource(source)?;
            let path = format!("/2015-03-31/event-source-mappings/{source}");
            self.emulator.ask("lambda", "DELETE", &path).await?;
        }
        let path = format!("/schedules/{}", self.resource("ExceptionsSchedule")?);
        self.emulator.ask("scheduler", "DELETE", &path).await?;
        Ok(())
    }

    pub async fn function(&self, logical: &str) -> anyhow::Result<Function> {
        let physical = self.resource(logical)?;
        let path = format!("/2015-03-31/functions/{physical}/configuration");
        let told = self.emulator.ask("lambda", "GET", &path).await?;
        let told: Value = serde_json::from_slice(&told)?;
        let number = |field: &str| {
            let number = told[field].as_u64();
            number.with_context(|| format!("{logical} has no {field}"))
        };
        let variables = told["Environment"]["Variables"].clone();
        let mut environment: BTreeMap<String, String> = serde_json::from_value(variables)
            .with_context(|| format!("{logical} has no variables"))?;
        let memory = number("MemorySize")?.to_string();
        let by_lambda = [
            ("AWS_LAMBDA_FUNCTION_NAME", physical),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.as_str()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", physical),
            ("AWS_LAMBDA_LOG_STREAM_NAME", physical),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ROOT),
            ("AWS_SECRET_ACCESS_KEY", ROOT),
            ("AWS_SESSION_TOKEN", "session"),
            ("AWS_ENDPOINT_URL", &self.emulator.endpoint),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ];
        let by_lambda = by_lambda.into_iter();
        environment.extend(by_lambda.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(Function {
            zipped_bytes: number("CodeSize")?,
            environment,
        })
    }

    /// The policy of a role as it was deployed, with every name filled in.
    pub async fn policy(&self, role: &str, name: &str) -> anyhow::Result<Value> {
        let role = self.resource(role)?;
        let named = [("RoleName", role), ("PolicyName", name)];
        let answer = self.emulator.form("iam", "GetRolePolicy", &named).await?;
        let document = answer.split_once("<PolicyDocument>").and_then(|(_, rest)| {
            let (document, _) = rest.split_once("</PolicyDocument>")?;
            Some(document)
        });
        let document = document.with_context(|| format!("{role} has no policy {name}"))?;
        // Encoded as a part of a URL.
        let decoded = url::form_urlencoded::parse(document.as_bytes()).next();
        let decoded = decoded
            .map(|(name, _)| name.into_owned())
            .unwrap_or_default();
        serde_json::from_str(&decoded).with_context(|| format!("the policy {name} is no JSON"))
    }

    /// So that what failed comes again at once, not after six times the function's timeout.
    pub async fn hide_messages_for(&self, seconds: u32) -> anyhow::Result<()> {
        let outputs = &self.opened.outputs;
        let sqs = self.opened.account.clients.sqs();
        for url in outputs.queue_urls.values() {
            sqs.set_queue_attributes()
                .queue_url(url)
                .attributes(QueueAttributeName::VisibilityTimeout, seconds.to_string())
                .send()
                .await
                .context("the queues keep their visibility")?;
        }
        Ok(())
    }

    /// The access key that the emulator gives to the processes of a function.
    pub fn access_key(&self, function: &str, role: &str) -> anyhow::Result<String> {
        let function = self.resource(function)?;
        let role = self.resource(role)?;
        let known = format!(
            "arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:arn:aws:iam::{ACCOUNT}:role/{role}"
        );
        let digest = Digest::of(known.as_bytes()).to_string().to_uppercase();
        let key = digest.get(..16).unwrap_or_default();
        Ok(format!("ASIA{key}"))
    }
}

/// It takes a batch of messages for an action of its own, and knows two other actions on every
/// resource only.
fn made_up(statement: &Value) -> Option<Value> {
    let has = |action: &str| {
        let actions = &statement["Action"];
        let listed = actions.as_array();
        actions == action || listed.is_some_and(|list| list.iter().any(|one| one == action))
    };
    let everywhere = ["ssm:GetParametersByPath", "ses:SendRawEmail"];
    let (action, resource) = if has("sqs:SendMessage") {
        ("sqs:SendMessageBatch", statement["Resource"].clone())
    } else {
        let known = everywhere.into_iter().find(|action| has(action))?;
        (known, "*".into())
    };
    Some(json!({"Effect": "Allow", "Action": action, "Resource": resource}))
}

async fn sam_deploy(preparation: &Preparation, emulator: &Emulator) -> anyhow::Result<()> {
    let architecture = super::preparation::architecture();
    let mut sam = Command::new(preparation.program("sam", "sam"));
    sam.current_dir(preparation.root())
        .env("PATH", preparation.path("sam")?)
        .env("SAM_CLI_TELEMETRY", "0")
        .env("AWS_ENDPOINT_URL", &emulator.endpoint)
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", ROOT)
        .env("AWS_SECRET_ACCESS_KEY", ROOT);
    // Of whoever types it: none of it is about this AWS.
    for variable in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"] {
        sam.env_remove(variable);
    }
    sam.args(["deploy", "--stack-name", STACK, "--template-file"])
        .arg(preparation.template())
        .args(["--resolve-s3", "--capabilities", "CAPABILITY_IAM"])
        .args([
            "--no-confirm-changeset",
            "--no-progressbar",
            "--parameter-overrides",
        ])
        .arg(format!("MailSender={SENDER}"))
        .arg(format!("Architecture={architecture}"));
    run_quietly(sam, "the template cannot be deployed into the emulator").await
}

async fn resources(opened: &Opened) -> anyhow::Result<BTreeMap<String, String>> {
    let cloudformation = opened.account.cloudformation();
    let described = cloudformation
        .describe_stack_resources()
        .stack_name(STACK)
        .send()
        .await
        .context("the stack's resources cannot be described")?;
    let each = described.stack_resources().iter();
    let named = each.filter_map(|resource| {
        Some((
            resource.logical_resource_id()?.to_owned(),
            resource.physical_resource_id()?.to_owned(),
        ))
    });
    Ok(named.collect())
}

/// The output's host is one of Amazon's; the API that it begins with is found below a path here.
fn webhook_url(endpoint: &str, output: &str) -> anyhow::Result<String> {
    let known = output.strip_prefix("https://").and_then(|rest| {
        let (host, path) = rest.split_once('/')?;
        Some((host.split('.').next()?, path))
    });
    let Some((api, path)) = known else {
        bail!("{output:?} is no URL of an API");
    };
    Ok(format!(
        "{endpoint}/_aws/execute-api/{api}/$default/{}",
        path.replace("CHANNEL", "acme")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_granted_is_not_made_up() {
        let statement = |action: Value| json!({"Action": action, "Resource": "queue"});
        let batch =
            json!({"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": "queue"});
        assert_eq!(made_up(&statement("sqs:SendMessage".into())), Some(batch));
        let mail = made_up(&statement(json!(["ses:SendRawEmail"]))).unwrap();
        assert_eq!(mail["Resource"], "*");
        assert_eq!(
            made_up(&statement(json!(["sqs:ReceiveMessage", "s3:GetObject"]))),
            None
        );
    }

    #[test]
    fn the_api_is_found_below_a_path() {
        let output = "https://abc123.execute-api.us-east-1.amazonaws.com/webhooks/CHANNEL";
        assert_eq!(
            webhook_url("http://127.0.0.1:4566", output).unwrap(),
            "http://127.0.0.1:4566/_aws/execute-api/abc123/$default/webhooks/acme"
        );
        assert!(webhook_url("http://127.0.0.1:4566", "nowhere").is_err());
    }
}
