//! One kind of request: its templates, and what they give for one hand-over.

use super::auth::Secrets;
use super::body::{Body, Format};
use super::settings::{Lookup, Settings, Step};
use crate::templates::Templates;
use http_client::Request;
use ports::PrepareError;
use registry::SettingsError;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A request without its secrets, which are added when it is sent.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Rendered {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<Format>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) body: String,
}

pub(super) struct RequestKind {
    path: String,
    method: String,
    /// Headers and the names of their templates.
    headers: Vec<(String, String)>,
    format: Option<Format>,
    secret_headers: Vec<(String, SecretString)>,
}

/// What steps and look-ups have in common.
pub(super) struct Draft<'a> {
    pub(super) path: String,
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) secret_headers: &'a BTreeMap<String, String>,
    pub(super) body: Option<&'a Body>,
}

impl<'a> Draft<'a> {
    pub(super) fn of_step(path: &str, step: &'a Step) -> Self {
        Self {
            path: path.to_owned(),
            method: step.method.as_deref().unwrap_or("POST"),
            url: &step.url,
            headers: &step.headers,
            secret_headers: &step.secret_headers,
            body: step.body.as_ref(),
        }
    }

    pub(super) fn of_lookup(path: &str, lookup: &'a Lookup) -> Self {
        Self {
            path: Step::lookup_path(path),
            method: lookup.method.as_deref().unwrap_or("GET"),
            url: &lookup.url,
            headers: &lookup.headers,
            secret_headers: &lookup.secret_headers,
            body: lookup.body.as_ref(),
        }
    }

    /// Whether any of its templates speaks of lines.
    pub(super) fn names_lines(&self) -> bool {
        self.templates().any(|template| template.contains("lines"))
    }

    /// Whether any of its templates takes one of several references.
    pub(super) fn takes_first_reference(&self) -> bool {
        self.templates().any(|template| {
            let words: String = template.split_whitespace().collect();
            words.contains("references[0]") || words.contains("references|first")
        })
    }

    fn templates(&self) -> impl Iterator<Item = &str> {
        let body = self.body.map(|body| body.template.as_str());
        self.headers
            .values()
            .map(String::as_str)
            .chain([self.url])
            .chain(body)
    }

    pub(super) fn open(
        &self,
        settings: &Settings,
        secrets: &Secrets<'_>,
        templates: &mut Templates,
    ) -> Result<RequestKind, SettingsError> {
        let path = &self.path;
        let url = settings.sandboxed_url(self.url, secrets.renamed.is_some());
        templates.add(&format!("{path}.url"), &format!("{path}.url"), url)?;
        let named = |known: &&BTreeMap<String, String>, name: &str| {
            known.keys().any(|known| known.eq_ignore_ascii_case(name))
        };
        // A request's own header stands before the one of every request.
        let overridden =
            |name: &str| named(&self.headers, name) || named(&self.secret_headers, name);
        let mut headers = Vec::new();
        let common = settings
            .headers
            .iter()
            .filter(|(name, _)| !overridden(name))
            .map(|header| ("headers".to_owned(), header));
        let own = self
            .headers
            .iter()
            .map(|header| (format!("{path}.headers"), header));
        for (place, (name, template)) in common.chain(own) {
            let at = format!("{place}.{name}");
            // The ending: a header's value is plain text whatever the header is called.
            let template_name = format!("{path} {at}.txt");
            templates.add(&at, &template_name, template.as_str())?;
            headers.push((name.clone(), template_name));
        }
        let mut secret_headers = Vec::new();
        let common = settings
            .secret_headers
            .iter()
            .filter(|(name, _)| !overridden(name))
            .map(|header| ("secret_headers".to_owned(), header));
        let own = self
            .secret_headers
            .iter()
            .map(|header| (format!("{path}.secret_headers"), header));
        for (place, (name, form)) in common.chain(own) {
            let value = secrets.filled(&format!("{place}.{name}"), form)?;
            secret_headers.push((name.clone(), value));
        }
        let format = self.body.map(|body| body.format);
        if let Some(body) = self.body {
            let at = format!("{path}.body");
            let name = format!("{at}.{}", body.format.ending());
            templates.add(&at, &name, body.template.as_str())?;
        }
        Ok(RequestKind {
            path: path.clone(),
            method: self.method.to_owned(),
            headers,
            format,
            secret_headers,
        })
    }
}

impl RequestKind {
    pub(super) fn render<T: Serialize>(
        &self,
        templates: &Templates,
        seen: &T,
    ) -> Result<Rendered, PrepareError> {
        let path = &self.path;
        let mut headers = Vec::new();
        for (name, template) in &self.headers {
            let value = templates.render(template, seen)?;
            if value.chars().any(char::is_control) {
                let why = format!("{path}.headers.{name} has a control character");
                return Err(PrepareError(why));
            }
            headers.push((name.clone(), value));
        }
        let mut body = String::new();
        if let Some(format) = self.format {
            let at = format!("{path}.body");
            let rendered = templates.render(&format!("{at}.{}", format.ending()), seen)?;
            body = format.proved(&at, &rendered)?;
            let names = headers.iter().map(|(name, _)| name);
            let secret = self.secret_headers.iter().map(|(name, _)| name);
            if !names
                .chain(secret)
                .any(|name| name.eq_ignore_ascii_case("content-type"))
            {
                headers.push(("Content-Type".to_owned(), format.media_type().to_owned()));
            }
        }
        Ok(Rendered {
            method: self.method.clone(),
            url: templates.render(&format!("{path}.url"), seen)?,
            headers,
            format: self.format,
            body,
        })
    }

    /// Every template with an example, also behind one that is wrong.
    pub(super) fn tried<T: Serialize>(
        &self,
        templates: &Templates,
        seen: &T,
    ) -> Vec<SettingsError> {
        let path = &self.path;
        let mut errors = Vec::new();
        let mut wanted = vec![(format!("{path}.url"), format!("{path}.url"))];
        for (_, template) in &self.headers {
            let at = template.strip_prefix(&format!("{path} "));
            let at = at.and_then(|at| at.strip_suffix(".txt"));
            wanted.push((at.unwrap_or(path).to_owned(), template.clone()));
        }
        for (at, template) in wanted {
            errors.extend(templates.tried(&at, &template, seen).err());
        }
        if let Some(format) = self.format {
            let at = format!("{path}.body");
            let rendered = templates.tried(&at, &format!("{at}.{}", format.ending()), seen);
            let proved = rendered.and_then(|rendered| format.tried(&at, &rendered));
            errors.extend(proved.err());
        }
        errors
    }

    /// The request as it leaves.
    pub(super) fn complete(&self, rendered: Rendered, identity: Vec<(String, String)>) -> Request {
        let own = self
            .secret_headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
        Request {
            method: rendered.method,
            url: rendered.url,
            headers: rendered.headers,
            secret_headers: identity.into_iter().chain(own).collect(),
            body: rendered.body.into_bytes(),
        }
    }
}

impl Settings {
    /// The URL as it is, or as the sandbox has it.
    pub(super) fn sandboxed_url(&self, url: &str, in_sandbox: bool) -> String {
        let begins = self
            .sandbox
            .iter()
            .filter(|_| in_sandbox)
            .flat_map(|sandbox| &sandbox.urls)
            .find_map(|(from, to)| Some((to, url.strip_prefix(from.as_str())?)));
        match begins {
            Some((to, rest)) => format!("{to}{rest}"),
            None => url.to_owned(),
        }
    }
}
