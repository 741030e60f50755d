//! AWS over TLS: an endpoint for each service, of which each counts who connects to it, in front of
//! one local AWS.
//!
//! The certificate is its own issuer. Amazon's have one or two issuers between them and a root, with
//! signatures of a kind that is verified faster; what both cost is about the same.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{CipherSuite, ServerConfig, SupportedCipherSuite};

/// As variables of the environment call them.
const SERVICES: [&str; 5] = ["DYNAMODB", "S3", "SES", "SQS", "SSM"];
const HOST: &str = "localhost";

pub(super) struct Endpoints {
    services: BTreeMap<&'static str, Service>,
    /// The certificate in PEM.
    bundle: NamedTempFile,
}

struct Service {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Endpoints {
    /// Until the runtime ends; what is said within TLS goes to `upstream`, the URL of a host.
    pub(super) async fn serve(upstream: &str) -> anyhow::Result<Self> {
        let (_, upstream) = upstream.split_once("://").context("no URL")?;
        let certified = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let chain = vec![certified.cert.der().clone()];
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from(key))?;
        config.ignore_client_order = true;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut services = BTreeMap::new();
        for name in SERVICES {
            // The address that the name is first resolved to, as a client resolves it.
            let listener = TcpListener::bind((HOST, 0)).await?;
            let service = Service {
                port: listener.local_addr()?.port(),
                connections: Arc::default(),
            };
            let line = Line {
                acceptor: acceptor.clone(),
                upstream: upstream.to_owned(),
                connections: service.connections.clone(),
            };
            tokio::spawn(line.accept(listener));
            services.insert(name, service);
        }
        let mut bundle = NamedTempFile::new()?;
        let encoded = STANDARD.encode(certified.cert.der());
        writeln!(
            bundle,
            "-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----"
        )?;
        Ok(Self { services, bundle })
    }

    /// With which a function finds and trusts them.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let bundle = self.bundle.path().display().to_string();
        let mut variables = vec![("AWS_CA_BUNDLE".to_owned(), bundle)];
        variables.extend(self.services.iter().map(|(name, service)| {
            let url = format!("https://{HOST}:{}", service.port);
            (format!("AWS_ENDPOINT_URL_{name}"), url)
        }));
        variables
    }

    /// Since all were forgotten, of those services that have any.
    pub(super) fn connections(&self) -> BTreeMap<&'static str, usize> {
        let counted = self.services.iter().map(|(name, service)| {
            let connections = service.connections.load(Ordering::SeqCst);
            (*name, connections)
        });
        counted
            .filter(|(_, connections)| *connections > 0)
            .collect()
    }

    pub(super) fn forget(&self) {
        for service in self.services.values() {
            service.connections.store(0, Ordering::SeqCst);
        }
    }
}

/// Prefers what AWS prefers, whatever the client does: AES with 128 bits.
fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    let is_preferred =
        |suite: &SupportedCipherSuite| suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256;
    provider
        .cipher_suites
        .sort_by_key(|suite| !is_preferred(suite));
    provider
}

#[derive(Clone)]
struct Line {
    acceptor: TlsAcceptor,
    upstream: String,
    connections: Arc<AtomicUsize>,
}

impl Line {
    async fn accept(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let line = self.clone();
            // Ends with an error where either side went away.
            tokio::spawn(async move { line.pass(stream).await });
        }
    }

    async fn pass(self, stream: TcpStream) -> std::io::Result<()> {
        let mut inside = self.acceptor.accept(stream).await?;
        self.connections.fetch_add(1, Ordering::SeqCst);
        let mut upstream = TcpStream::connect(&self.upstream).await?;
        tokio::io::copy_bidirectional(&mut inside, &mut upstream).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws::clients::{Clients, Endpoints as At, Place, Roots};
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn upstream() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // One read is the whole request of a test.
                drop(stream.read(&mut [0; 8192]).await);
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"Parameters\": []}";
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        url
    }

    async fn asked(url: &str, roots: Roots) -> Result<(), String> {
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let clients = Clients::new(Place {
            region: "us-east-1".to_owned(),
            credentials: SharedCredentialsProvider::new(credentials),
            endpoints: At::One(url.to_owned()),
            roots,
        });
        let asked = clients.ssm().get_parameters_by_path().path("/waybill");
        let answer = asked.send().await;
        answer.map(drop).map_err(|error| format!("{error:?}"))
    }

    #[tokio::test]
    async fn who_trusts_the_bundle_is_passed_on_and_counted() {
        let endpoints = Endpoints::serve(&upstream().await).await.unwrap();
        let variables: BTreeMap<_, _> = endpoints.variables().into_iter().collect();
        let url = &variables["AWS_ENDPOINT_URL_SSM"];
        let pem = std::fs::read(&variables["AWS_CA_BUNDLE"]).unwrap();
        let refused = asked(url, Roots::Amazon).await.unwrap_err();
        assert!(refused.contains("UnknownIssuer"), "{refused}");
        assert!(endpoints.connections().is_empty());
        assert_eq!(asked(url, Roots::And(pem)).await, Ok(()));
        assert_eq!(endpoints.connections(), BTreeMap::from([("SSM", 1)]));
        endpoints.forget();
        assert!(endpoints.connections().is_empty());
    }
}
