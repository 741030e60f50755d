//! The clients of AWS: one configuration and one pool of connections for all of them.
//!
//! TLS is `ring` with Amazon's own roots compiled in. `DynamoDB`, SQS, S3 and SSM are asked again by
//! the SDK where an answer is lost, which is right only because every write of ours recognises
//! itself; SES has nothing to recognise a mail by and is asked once.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use std::time::Duration;

/// Every endpoint of AWS has a certificate below one of these.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Of one attempt. The slowest calls are large objects and scans, far below it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// A variable of the environment that is missing or is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not set")]
pub struct NotSet(pub &'static str);

/// Where AWS is, and as whom.
#[derive(Debug, Clone)]
pub struct Place {
    pub region: String,
    pub credentials: SharedCredentialsProvider,
    /// Another endpoint for every service; Amazon's own where absent.
    pub endpoint: Option<String>,
    pub roots: Roots,
}

/// Whose certificates are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roots {
    /// Reading them costs next to nothing.
    #[default]
    Amazon,
    /// The system's as well: for a machine whose network looks into TLS.
    AndSystem,
}

impl Place {
    /// From the variables that the Lambda runtime sets, and `AWS_ENDPOINT_URL`.
    pub fn from_environment() -> Result<Self, NotSet> {
        let needed = |name| variable(name).ok_or(NotSet(name));
        let credentials = Credentials::new(
            needed("AWS_ACCESS_KEY_ID")?,
            needed("AWS_SECRET_ACCESS_KEY")?,
            variable("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        Ok(Self {
            region: needed("AWS_REGION")?,
            credentials: SharedCredentialsProvider::new(credentials),
            endpoint: variable("AWS_ENDPOINT_URL"),
            roots: Roots::Amazon,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "who we are is told to a function by its environment alone"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Makes the clients; each shares the connections, none opens one before its first call.
#[derive(Debug, Clone)]
pub struct Clients {
    shared: SdkConfig,
}

impl Clients {
    pub fn new(place: Place) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let shared = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(
                aws_smithy_http_client::Builder::new()
                    .tls_provider(Provider::Rustls(CryptoMode::Ring))
                    .tls_context(trusted(place.roots))
                    .build_https(),
            )
            .region(Region::new(place.region))
            .credentials_provider(place.credentials)
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(RetryConfig::standard())
            .timeout_config(timeouts);
        let shared = match place.endpoint {
            Some(endpoint) => shared.endpoint_url(endpoint),
            None => shared,
        };
        Self {
            shared: shared.build(),
        }
    }

    /// For clients of services that only the command line needs.
    pub fn shared(&self) -> &SdkConfig {
        &self.shared
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.shared)
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.shared)
    }

    pub fn ssm(&self) -> aws_sdk_ssm::Client {
        aws_sdk_ssm::Client::new(&self.shared)
    }

    /// Elsewhere than at Amazon, a bucket's name is part of the path: no name of a host leads to it.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.shared)
            .force_path_style(self.shared.endpoint_url().is_some())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// One attempt of at most so long: a mail whose answer was lost may be on its way.
    pub fn ses(&self, timeout: Duration) -> aws_sdk_ses::Client {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_timeout(timeout)
            .build();
        let config = aws_sdk_ses::config::Builder::from(&self.shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        aws_sdk_ses::Client::from_conf(config)
    }
}

fn trusted(roots: Roots) -> TlsContext {
    let store = match roots {
        Roots::Amazon => TrustStore::empty(),
        Roots::AndSystem => TrustStore::empty().with_native_roots(true),
    };
    TlsContext::builder()
        .with_trust_store(store.with_pem_certificate(AMAZON_ROOTS))
        .build()
        .unwrap_or_default()
}
