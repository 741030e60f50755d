//! Where a step goes to, and as whom: what has to be the same for its look-up to prove an absence.

use super::auth::Secrets;
use super::request::Draft;
use super::settings::{Auth, SecretForm, Settings, Step};
use domain::digest::Digest;
use domain::order::SendId;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::BTreeMap;

pub(super) struct StepPlace {
    /// `POST https://api.example.com/orders`: the template, not what becomes of it.
    url: String,
    /// By their names.
    secrets: BTreeMap<String, SecretString>,
    /// Digest of the look-up's settings, where the step has one.
    pub(super) lookup: Option<String>,
}

impl StepPlace {
    /// A secret that is missing is reported where it is used.
    pub(super) fn open(
        draft: &Draft<'_>,
        step: &Step,
        settings: &Settings,
        secrets: &Secrets<'_>,
    ) -> Self {
        let url = settings.sandboxed_url(draft.url, secrets.renamed.is_some());
        let of_auth = settings.auth.iter().flat_map(Auth::secrets);
        let of_headers = settings
            .secret_headers
            .values()
            .chain(step.secret_headers.values())
            .map(String::as_str);
        let mut found = BTreeMap::new();
        for form in of_auth.chain(of_headers) {
            let name = SecretForm::parse(form).name.to_owned();
            if let Ok(value) = secrets.filled(&draft.path, &format!("{{{name}}}")) {
                found.insert(name, value);
            }
        }
        Self {
            url: format!("{} {url}", draft.method),
            secrets: found,
            lookup: step.lookup.as_ref().map(|lookup| {
                let said = json!([
                    lookup.url,
                    lookup.method,
                    lookup.headers,
                    lookup.secret_headers,
                    lookup.body.as_ref().map(|body| &body.template),
                    lookup.expressions(),
                ]);
                Digest::of_value(&said).short().to_owned()
            }),
        }
    }

    /// For one purchase order: its number is the salt, so that digests of one secret differ from order
    /// to order, and each is too short to try values against.
    pub(super) fn seen_by(&self, id: &SendId) -> String {
        let mut place = self.url.clone();
        for (name, value) in &self.secrets {
            let salted = format!("{id}\0{name}\0{}", value.expose_secret());
            let digest = Digest::of(salted.as_bytes());
            let digest = digest.as_str().get(..6).unwrap_or_default();
            place.extend([" ", name, "=", digest]);
        }
        place
    }
}
