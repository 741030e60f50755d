//! Who we are to the supplier. The secrets go to the client's secret headers and nowhere else.

use super::decode::decode;
use super::settings::{Auth, SecretForm};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_client::{Failure, Http, Request, Response};
use registry::SettingsError;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::form_urlencoded;

/// A token is not used in its last seconds: it would run out on the way.
const MARGIN: Duration = Duration::from_mins(1);
/// Where the supplier does not say how long a token is valid.
const USUAL_LIFE: Duration = Duration::from_mins(10);

/// The values of named secrets; in a rehearsal those of the sandbox.
pub(super) struct Secrets<'a> {
    pub(super) values: &'a BTreeMap<String, SecretString>,
    pub(super) renamed: Option<&'a BTreeMap<String, String>>,
}

impl Secrets<'_> {
    /// A form such as `Bearer {NAME}` with the secret in it.
    pub(super) fn filled(&self, path: &str, form: &str) -> Result<SecretString, SettingsError> {
        let form = SecretForm::parse(form);
        let name = self
            .renamed
            .and_then(|renamed| renamed.get(form.name))
            .map_or(form.name, String::as_str);
        let secret = self
            .values
            .get(name)
            .ok_or_else(|| SettingsError::new(path, format!("there is no secret {name:?}")))?;
        let value = format!("{}{}{}", form.before, secret.expose_secret(), form.after);
        Ok(SecretString::from(value))
    }
}

pub(super) enum Identity {
    None,
    Header(String, SecretString),
    Token(Box<TokenSource>),
}

pub(super) struct TokenSource {
    url: String,
    client_id: SecretString,
    client_secret: SecretString,
    scope: Option<String>,
    fields: BTreeMap<String, String>,
    credentials_in_header: bool,
    /// Held while a token is fetched, so that of many at once only one asks.
    cached: Mutex<Option<Token>>,
}

struct Token {
    value: SecretString,
    usable_until: Instant,
}

/// The headers for one request.
pub(super) struct Shown {
    pub(super) headers: Vec<(String, String)>,
    /// A token from earlier, which may have been withdrawn since.
    pub(super) is_cached: bool,
}

/// Why there is no token; nothing of the order was sent.
pub(super) struct NoToken {
    pub(super) why: String,
    pub(super) unauthorized: bool,
    /// Where the supplier answered at all.
    pub(super) response: Option<Response>,
}

impl Identity {
    pub(super) fn open(
        auth: Option<&Auth>,
        secrets: &Secrets<'_>,
        token_url: impl Fn(&str) -> String,
    ) -> Result<Self, SettingsError> {
        let authorization =
            |value: String| Self::Header("Authorization".to_owned(), SecretString::from(value));
        Ok(match auth {
            None => Self::None,
            Some(Auth::Bearer { secret }) => {
                let secret = secrets.filled("auth.secret", secret)?;
                authorization(format!("Bearer {}", secret.expose_secret()))
            }
            Some(Auth::Basic { user, password }) => {
                let user = secrets.filled("auth.user", user)?;
                let password = match password {
                    Some(password) => secrets.filled("auth.password", password)?,
                    None => SecretString::default(),
                };
                authorization(basic(&user, &password))
            }
            Some(Auth::Header { header, secret }) => {
                Self::Header(header.clone(), secrets.filled("auth.secret", secret)?)
            }
            Some(Auth::OAuth2 {
                token_url: url,
                client_id,
                client_secret,
                scope,
                fields,
                credentials_in_header,
            }) => Self::Token(Box::new(TokenSource {
                url: token_url(url),
                client_id: secrets.filled("auth.client_id", client_id)?,
                client_secret: secrets.filled("auth.client_secret", client_secret)?,
                scope: scope.clone(),
                fields: fields.clone(),
                credentials_in_header: *credentials_in_header,
                cached: Mutex::new(None),
            })),
        })
    }

    /// Whether a request may need another one before it.
    pub(super) fn asks_first(&self) -> bool {
        matches!(self, Self::Token(_))
    }

    pub(super) async fn show(&self, http: &dyn Http, timeout: Duration) -> Result<Shown, NoToken> {
        match self {
            Self::None => Ok(Shown {
                headers: Vec::new(),
                is_cached: false,
            }),
            Self::Header(name, value) => Ok(Shown {
                headers: vec![(name.clone(), value.expose_secret().to_owned())],
                is_cached: false,
            }),
            Self::Token(source) => source.show(http, timeout).await,
        }
    }

    /// The supplier refused what was shown: the next request asks anew.
    pub(super) async fn forget(&self) {
        if let Self::Token(source) = self {
            *source.cached.lock().await = None;
        }
    }
}

impl TokenSource {
    async fn show(&self, http: &dyn Http, timeout: Duration) -> Result<Shown, NoToken> {
        let mut cached = self.cached.lock().await;
        let shown = |token: &Token, is_cached| Shown {
            headers: vec![(
                "Authorization".to_owned(),
                format!("Bearer {}", token.value.expose_secret()),
            )],
            is_cached,
        };
        if let Some(token) = cached.as_ref()
            && token.usable_until > Instant::now()
        {
            return Ok(shown(token, true));
        }
        *cached = None;
        let token = self.fetch(http, timeout).await?;
        let shown = shown(&token, false);
        *cached = Some(token);
        Ok(shown)
    }

    async fn fetch(&self, http: &dyn Http, timeout: Duration) -> Result<Token, NoToken> {
        let asked_at = Instant::now();
        let response = http.send(&self.request(), timeout).await;
        let failed = |why: String, unauthorized, response| NoToken {
            why: format!("no access token: {why}"),
            unauthorized,
            response,
        };
        let response = response.map_err(|failure| match failure {
            Failure::NotSent(why) | Failure::InDoubt(why) => failed(why, false, None),
        })?;
        let content_type = response
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            .map(|(_, value)| value.as_str());
        let body = decode(content_type, response.body.clone()).body;
        let status = response.status;
        if status != 200 {
            // RFC 6749 gives 400 to a client that is not known as well.
            let refused = matches!(status, 400 | 401 | 403)
                && body
                    .get("error")
                    .is_none_or(|error| error != "temporarily_unavailable");
            return Err(failed(format!("HTTP {status}"), refused, Some(response)));
        }
        let Some(value) = body.get("access_token").and_then(Value::as_str) else {
            let why = "the answer holds no access_token".to_owned();
            return Err(failed(why, false, None));
        };
        // Some suppliers write the seconds as a text.
        let life = body.get("expires_in").and_then(|life| {
            life.as_u64()
                .or_else(|| life.as_str()?.trim().parse().ok())
                .map(Duration::from_secs)
        });
        let life = life.unwrap_or(USUAL_LIFE);
        Ok(Token {
            value: SecretString::from(value),
            usable_until: asked_at + life.saturating_sub(MARGIN.min(life / 2)),
        })
    }

    fn request(&self) -> Request {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        let mut secret_headers = Vec::new();
        if self.credentials_in_header {
            let value = basic(&self.client_id, &self.client_secret);
            secret_headers.push(("Authorization".to_owned(), value));
        } else {
            form.append_pair("client_id", self.client_id.expose_secret());
            form.append_pair("client_secret", self.client_secret.expose_secret());
        }
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        form.extend_pairs(&self.fields);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Request {
            method: "POST".to_owned(),
            url: self.url.clone(),
            headers: vec![
                header("Content-Type", "application/x-www-form-urlencoded"),
                header("Accept", "application/json"),
            ],
            secret_headers,
            body: form.finish().into_bytes(),
        }
    }
}

fn basic(user: &SecretString, password: &SecretString) -> String {
    let pair = format!("{}:{}", user.expose_secret(), password.expose_secret());
    format!("Basic {}", STANDARD.encode(pair))
}
