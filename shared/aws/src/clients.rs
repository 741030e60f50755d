//! The clients of AWS: one configuration and one pool of connections for all of them.
//!
//! TLS is `ring` with Amazon's own roots compiled in. `DynamoDB`, SQS, S3 and SSM are asked again by
//! the SDK where an answer is lost, which is right only because every write of ours recognises
//! itself; SES has nothing to recognise a mail by and is asked once.

use crate::environment::variable;
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
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::time::Duration;

/// Every endpoint of AWS has a certificate below one of these.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");
const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Of one attempt. The slowest calls are large objects and scans, far below it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the environment says of AWS cannot be gone by.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("{0} is not set")]
    NotSet(&'static str),
    #[error("the certificates that AWS_CA_BUNDLE names cannot be read")]
    Unread(#[source] std::io::Error),
    #[error("AWS_CA_BUNDLE names a file that is not one of certificates in PEM")]
    NoCertificates,
}

/// Where AWS is, and as whom.
#[derive(Debug, Clone)]
pub struct Place {
    pub region: String,
    pub credentials: SharedCredentialsProvider,
    pub endpoints: Endpoints,
    pub roots: Roots,
}

/// Where the services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoints {
    Amazon,
    /// One for every service.
    One(String),
    /// As the SDKs of AWS have it: `AWS_ENDPOINT_URL_S3` and its like, else `AWS_ENDPOINT_URL`, else
    /// Amazon's own.
    Environment,
}

/// Whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Reading them costs next to nothing.
    Amazon,
    /// The system's as well: for a machine whose network looks into TLS.
    AndSystem,
    /// These as well, in PEM.
    And(Vec<u8>),
}

impl Place {
    /// From the variables that the Lambda runtime sets, `AWS_ENDPOINT_URL` and `AWS_CA_BUNDLE`.
    pub fn from_environment() -> Result<Self, PlaceError> {
        let needed = |name| variable(name).ok_or(PlaceError::NotSet(name));
        let credentials = Credentials::new(
            needed("AWS_ACCESS_KEY_ID")?,
            needed("AWS_SECRET_ACCESS_KEY")?,
            variable("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let roots = match variable("AWS_CA_BUNDLE") {
            Some(path) => Roots::And(certificates(&path)?),
            None => Roots::Amazon,
        };
        Ok(Self {
            region: needed("AWS_REGION")?,
            credentials: SharedCredentialsProvider::new(credentials),
            endpoints: Endpoints::Environment,
            roots,
        })
    }
}

/// Of a file; the SDK panics at those that it cannot read.
fn certificates(path: &str) -> Result<Vec<u8>, PlaceError> {
    let bytes = std::fs::read(path).map_err(PlaceError::Unread)?;
    let mut read = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|_| PlaceError::NoCertificates)?;
        read.add(certificate)
            .map_err(|_| PlaceError::NoCertificates)?;
    }
    if read.is_empty() {
        return Err(PlaceError::NoCertificates);
    }
    Ok(bytes)
}

impl Endpoints {
    /// `service` is what the SDK calls it, such as `DynamoDB`.
    fn of(&self, service: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Amazon => None,
            Self::One(url) => Some(url.clone()),
            Self::Environment => {
                let service = service.to_uppercase().replace(' ', "_");
                variable(&format!("{ENDPOINT_URL}_{service}")).or_else(|| variable(ENDPOINT_URL))
            }
        }
    }
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if key.env() != ENDPOINT_URL {
            return None;
        }
        self.of(key.service_id(), variable)
    }
}

/// Makes the clients; each shares the connections, none opens one before its first call.
#[derive(Debug, Clone)]
pub struct Clients {
    shared: SdkConfig,
    endpoints: Endpoints,
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
            .timeout_config(timeouts)
            .service_config(place.endpoints.clone())
            .build();
        Self {
            shared,
            endpoints: place.endpoints,
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
            .force_path_style(self.endpoints.of("S3", variable).is_some())
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
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let store = match roots {
        Roots::Amazon => amazon,
        Roots::AndSystem => amazon.with_native_roots(true),
        Roots::And(pem) => amazon.with_pem_certificate(pem),
    };
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_its_own_endpoint_before_the_one_of_all() {
        let own = |name: &str| match name {
            "AWS_ENDPOINT_URL_S3" => Some("https://s3.here".to_owned()),
            "AWS_ENDPOINT_URL" => Some("https://here".to_owned()),
            _ => None,
        };
        let of = |service| Endpoints::Environment.of(service, own);
        assert_eq!(of("S3").as_deref(), Some("https://s3.here"));
        assert_eq!(of("DynamoDB").as_deref(), Some("https://here"));
        assert_eq!(Endpoints::Environment.of("S3", |_| None), None);
        assert_eq!(Endpoints::Amazon.of("S3", own), None);
    }

    #[test]
    fn certificates_are_read_whole_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.pem");
        let read = || certificates(path.to_str().unwrap());
        assert!(matches!(read(), Err(PlaceError::Unread(_))));
        std::fs::write(&path, AMAZON_ROOTS).unwrap();
        assert_eq!(read().unwrap(), AMAZON_ROOTS.as_bytes());
        let cut_off = &AMAZON_ROOTS[..AMAZON_ROOTS.len() / 2];
        for bad in ["", "no certificates", cut_off] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(read(), Err(PlaceError::NoCertificates)), "{bad}");
        }
    }
}
