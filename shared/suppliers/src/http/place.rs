//! Where a step goes to, and as whom: what has to be the same for its look-up to prove an absence.

use super::auth::Secrets;
use super::request::Draft;
use super::settings::{Auth, SecretForm, Settings, Step};
use domain::digest::Digest;
use domain::sending::subject::SendSubject;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::BTreeMap;

/// By their names.
type Named = BTreeMap<String, SecretString>;

pub(super) struct StepPlace {
    /// `POST https://api.example.com/orders`, and a digest of the headers where there are any, which may
    /// name an account: the templates, not what becomes of them.
    url: String,
    secrets: Named,
    lookup: Option<LookupPlace>,
}

struct LookupPlace {
    /// Of its settings.
    digest: String,
    secrets: Named,
}

impl StepPlace {
    /// A secret that is missing is reported where it is used.
    pub(super) fn open(
        draft: &Draft<'_>,
        step: &Step,
        settings: &Settings,
        secrets: &Secrets<'_>,
    ) -> Self {
        let found = |forms: &mut dyn Iterator<Item = &String>| -> Named {
            let names = forms.map(|form| SecretForm::parse(form).name);
            let value = |name: &str| secrets.filled(&draft.path, &format!("{{{name}}}")).ok();
            names
                .filter_map(|name| Some((name.to_owned(), value(name)?)))
                .collect()
        };
        let mut url = format!(
            "{} {}",
            draft.method,
            settings.sandboxed_url(draft.url, secrets.renamed.is_some())
        );
        if !settings.headers.is_empty() || !step.headers.is_empty() {
            let headers = Digest::of_value(&json!([settings.headers, step.headers]));
            url.extend([" headers=", headers.short()]);
        }
        let of_headers = [&settings.secret_headers, &step.secret_headers];
        let mut of_step = of_headers.into_iter().flat_map(BTreeMap::values);
        let mut of_auth = found(&mut of_step);
        for form in settings.auth.iter().flat_map(Auth::secrets) {
            of_auth.extend(found(&mut std::iter::once(&form.to_owned())));
        }
        Self {
            url,
            secrets: of_auth,
            lookup: step.lookup.as_ref().map(|lookup| {
                let said = json!([
                    lookup.url,
                    lookup.method,
                    lookup.headers,
                    lookup.secret_headers,
                    lookup.body.as_ref().map(|body| &body.template),
                    lookup.expressions(),
                ]);
                LookupPlace {
                    digest: Digest::of_value(&said).short().to_owned(),
                    secrets: found(&mut lookup.secret_headers.values()),
                }
            }),
        }
    }

    pub(super) fn seen_by(&self, id: &SendSubject) -> String {
        signed(&self.url, &self.secrets, id)
    }

    /// Of the step's look-up, where it has one.
    pub(super) fn lookup_seen_by(&self, id: &SendSubject) -> Option<String> {
        let lookup = self.lookup.as_ref()?;
        Some(signed(&lookup.digest, &lookup.secrets, id))
    }
}

/// The place for one purchase order: its number is the salt, so that digests of one secret differ from
/// order to order, and each is too short to try values against.
fn signed(place: &str, secrets: &Named, id: &SendSubject) -> String {
    let mut place = place.to_owned();
    for (name, value) in secrets {
        let salted = format!("{id}\0{name}\0{}", value.expose_secret());
        let digest = Digest::of(salted.as_bytes());
        let digest = digest.as_str().get(..6).unwrap_or_default();
        place.extend([" ", name, "=", digest]);
    }
    place
}
