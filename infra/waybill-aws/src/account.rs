//! As whom, and where: from the options, the environment and the profile, as the AWS command line
//! has it.

use anyhow::Context as _;
use aws::clients::{Clients, Endpoints, Place, Roots};
use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use waybill::Account;

/// An account that somebody may use, in one region.
pub struct SignedIn {
    pub clients: Clients,
    pub region: String,
}

impl SignedIn {
    /// Whether the credentials are good shows with the first call.
    pub(crate) async fn to(account: Account) -> anyhow::Result<Self> {
        // The default client of the SDK is left out: it would bring another library of TLS.
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let mut known = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http);
        if let Some(profile) = account.profile {
            known = known.profile_name(profile);
        }
        if let Some(region) = account.region {
            known = known.region(aws_config::Region::new(region));
        }
        let known = known.load().await;
        let region = known
            .region()
            .context("no region is named: --region, AWS_REGION or the profile's")?
            .to_string();
        let credentials = known
            .credentials_provider()
            .context("nobody is signed in to AWS")?;
        Ok(Self::with(Place {
            region,
            credentials,
            endpoints: match known.endpoint_url() {
                Some(url) => Endpoints::One(url.to_owned()),
                None => Endpoints::Amazon,
            },
            roots: Roots::AndSystem,
        }))
    }

    pub(crate) fn with(place: Place) -> Self {
        Self {
            region: place.region.clone(),
            clients: Clients::new(place),
        }
    }

    pub(crate) fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        aws_sdk_cloudformation::Client::new(self.clients.shared())
    }
}
