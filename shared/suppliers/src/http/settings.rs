//! What the merchant says about a supplier's HTTP interface, as written.

use super::body::Body;
use jiff::SignedDuration;
use registry::SettingsError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Seconds of one exchange, answer included.
    #[serde(default = "twenty")]
    pub(super) timeout: u64,
    /// For a supplier's program on this machine or its network.
    #[serde(default)]
    pub(super) allow_private: bool,
    /// Of every request.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) secret_headers: BTreeMap<String, String>,
    pub(super) auth: Option<Auth>,
    pub(super) rate: Option<Rate>,
    /// How long the supplier may ask to be left alone: `1h`, `90m`, at most a day.
    pub(super) longest_wait: Option<String>,
    /// Expression for the supplier's own word for a refusal, where a step has none of its own.
    pub(super) reason: Option<String>,
    /// Expression that is true of an answer which refuses our credentials, where a step has none of
    /// its own.
    pub(super) unauthorized: Option<String>,
    /// Expression for the seconds or the date until which a supplier that took nothing wants to be
    /// left alone, where a step has none of its own.
    pub(super) retry_after: Option<String>,
    /// What follows HTTP 429 and 451.
    #[serde(default)]
    pub(super) retry_429: Retry429,
    /// That word and ours.
    #[serde(default)]
    pub(super) reasons: BTreeMap<String, String>,
    /// The plain form: one step, and its look-up beside it.
    pub(super) create: Option<Step>,
    pub(super) lookup: Option<Lookup>,
    #[serde(default)]
    pub(super) step: Vec<Step>,
    #[serde(default)]
    pub(super) cancel: Vec<Step>,
    pub(super) sandbox: Option<Sandbox>,
}

/// Whether a supplier that answers HTTP 429 or 451 may have taken the order all the same.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Retry429 {
    /// HTTP 429 means that nothing was taken: the request is sent again.
    #[default]
    Send,
    /// The answer leaves the order in doubt: the look-up decides before anything is sent again.
    LookUp,
}

/// Who we are, by names of secrets.
#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Auth {
    /// `Authorization: Bearer ...`
    Bearer { secret: String },
    Basic {
        user: String,
        /// None where the key is the user and the password stays empty.
        password: Option<String>,
    },
    Header {
        header: String,
        /// A name, or a form such as `Token {NAME}`.
        secret: String,
    },
    /// Client credentials, exchanged for a token that is kept while it is valid.
    OAuth2 {
        token_url: String,
        client_id: String,
        client_secret: String,
        scope: Option<String>,
        /// Fields that this supplier wants beside the usual ones.
        #[serde(default)]
        fields: BTreeMap<String, String>,
        /// Whether the credentials go into a header instead of the form.
        #[serde(default)]
        credentials_in_header: bool,
    },
}

impl Auth {
    /// Names of secrets, or forms with one in them.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let (first, second) = match self {
            Self::Bearer { secret } | Self::Header { secret, .. } => (secret, None),
            Self::Basic { user, password } => (user, password.as_ref()),
            Self::OAuth2 {
                client_id,
                client_secret,
                ..
            } => (client_id, Some(client_secret)),
        };
        std::iter::once(first).chain(second).map(String::as_str)
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rate {
    pub(super) per_minute: u32,
    /// How many at once after a rest.
    #[serde(default = "one")]
    pub(super) burst: u32,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    #[serde(default)]
    pub(super) name: String,
    pub(super) url: String,
    pub(super) method: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// A header and the name of its secret, or `Bearer {NAME}`.
    #[serde(default)]
    pub(super) secret_headers: BTreeMap<String, String>,
    pub(super) body: Option<Body>,
    #[serde(default = "success")]
    pub(super) success: String,
    pub(super) already_exists: Option<String>,
    /// Where "already exists" tells what `success` would have told.
    #[serde(default)]
    pub(super) existing: Existing,
    /// [`REJECTED`] where nothing is written.
    pub(super) rejected: Option<String>,
    pub(super) retryable: Option<String>,
    #[serde(default)]
    pub(super) extract: BTreeMap<String, String>,
    pub(super) reference: Option<String>,
    pub(super) references: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) unauthorized: Option<String>,
    pub(super) retry_after: Option<String>,
    #[serde(default)]
    pub(super) lines: Vec<LineRule>,
    /// Whether this request must say address and lines; by default the first.
    pub(super) carries_order: Option<bool>,
    /// Address fields that the body leaves out on purpose.
    #[serde(default)]
    pub(super) omits: Vec<String>,
    pub(super) lookup: Option<Lookup>,
    /// Of a request to cancel: expressions for what the answer says at once.
    pub(super) accepted: Option<String>,
    pub(super) refused: Option<String>,
    pub(super) too_late: Option<String>,
    /// By default whether no template of the request names lines.
    pub(super) whole_only: Option<bool>,
    /// Whether it can only take back an order that did not become several; by default whether a
    /// template takes the first of `cancel.references`.
    pub(super) one_reference: Option<bool>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Existing {
    #[serde(default)]
    pub(super) extract: BTreeMap<String, String>,
    pub(super) reference: Option<String>,
    pub(super) references: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lookup {
    pub(super) url: String,
    pub(super) method: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) secret_headers: BTreeMap<String, String>,
    pub(super) body: Option<Body>,
    /// Without a default: many suppliers answer 200 with an empty list.
    pub(super) found: String,
    #[serde(default = "absent")]
    pub(super) absent: String,
    #[serde(default)]
    pub(super) extract: BTreeMap<String, String>,
    pub(super) reference: Option<String>,
    pub(super) references: Option<String>,
    /// What the supplier says of single lines, as in a step.
    #[serde(default)]
    pub(super) lines: Vec<LineRule>,
    /// The lines that the supplier has, to tell our order from another with its number.
    pub(super) ordered: Option<Ordered>,
    /// For a request to cancel: expressions for what became of it.
    pub(super) accepted: Option<String>,
    pub(super) refused: Option<String>,
    pub(super) too_late: Option<String>,
    /// Whether "not there" proves anything, and how late the supplier may be to know.
    #[serde(default)]
    pub(super) authoritative: bool,
    pub(super) lag: Option<u64>,
}

/// Lines of the answer that are not simply taken. `each` is an expression for a list; the others
/// see one entry of it as `it`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineRule {
    pub(super) status: LineState,
    pub(super) each: String,
    pub(super) sku: String,
    pub(super) quantity: String,
    /// The day of a backorder.
    pub(super) until: Option<String>,
    /// The supplier's own word for a rejection.
    pub(super) reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LineState {
    Backordered,
    Rejected,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ordered {
    pub(super) each: String,
    pub(super) sku: String,
    pub(super) quantity: String,
}

/// How a marked test order is sent without buying anything.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sandbox {
    /// How URLs begin, and how they begin there.
    #[serde(default)]
    pub(super) urls: BTreeMap<String, String>,
    /// Names of secrets, and of those that the sandbox takes.
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, String>,
    /// Whether templates mark the order as a test where `test` is true.
    #[serde(default)]
    pub(super) marker: bool,
    /// The last step to go, where the earlier ones buy nothing: a draft.
    pub(super) last_step: Option<String>,
}

fn one() -> u32 {
    1
}

fn twenty() -> u64 {
    20
}

fn success() -> String {
    "status >= 200 and status < 300".to_owned()
}

/// What refuses where a step writes no `rejected`; HTTP 409 has a rule of its own.
pub(super) const REJECTED: &str = "status in [400, 404, 422]";

fn absent() -> String {
    "status == 404".to_owned()
}

impl Settings {
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// An hour where nothing is said.
    pub(super) fn longest_wait(&self) -> Result<Duration, SettingsError> {
        const A_DAY: Duration = Duration::from_hours(24);
        let Some(text) = &self.longest_wait else {
            return Ok(Duration::from_hours(1));
        };
        let wait: Option<SignedDuration> = text.parse().ok();
        wait.and_then(|wait| Duration::try_from(wait).ok())
            .filter(|wait| !wait.is_zero() && *wait <= A_DAY)
            .ok_or_else(|| {
                SettingsError::new("longest_wait", format!("{text:?} is no such wait"))
                    .expecting("a length of time of at most a day, such as \"1h\"")
            })
    }

    /// The steps that hand a purchase order over, with the path that names each in a message.
    pub(super) fn steps(&self) -> Vec<(String, Step)> {
        if let Some(create) = &self.create {
            let step = Step {
                name: if create.name.is_empty() {
                    "create".to_owned()
                } else {
                    create.name.clone()
                },
                lookup: create.lookup.clone().or_else(|| self.lookup.clone()),
                ..create.clone()
            };
            return vec![("create".to_owned(), step)];
        }
        named("step", &self.step)
    }

    pub(super) fn cancels(&self) -> Vec<(String, Step)> {
        named("cancel", &self.cancel)
    }
}

fn named(list: &str, steps: &[Step]) -> Vec<(String, Step)> {
    steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let place = if step.name.is_empty() {
                (index + 1).to_string()
            } else {
                step.name.clone()
            };
            (format!("{list}.{place}"), step.clone())
        })
        .collect()
}

impl Step {
    /// Where messages find its look-up.
    pub(super) fn lookup_path(path: &str) -> String {
        if path == "create" {
            "lookup".to_owned()
        } else {
            format!("{path}.lookup")
        }
    }

    pub(super) fn expressions(&self) -> Vec<(String, &str)> {
        let mut found = vec![("success".to_owned(), self.success.as_str())];
        let optional = [
            ("rejected", &self.rejected),
            ("already_exists", &self.already_exists),
            ("retryable", &self.retryable),
            ("reference", &self.reference),
            ("references", &self.references),
            ("reason", &self.reason),
            ("unauthorized", &self.unauthorized),
            ("retry_after", &self.retry_after),
            ("accepted", &self.accepted),
            ("refused", &self.refused),
            ("too_late", &self.too_late),
            ("existing.reference", &self.existing.reference),
            ("existing.references", &self.existing.references),
        ];
        found.extend(present(&optional));
        found.extend(extracts("extract", &self.extract));
        found.extend(extracts("existing.extract", &self.existing.extract));
        found.extend(of_lines(&self.lines));
        found
    }
}

impl Lookup {
    pub(super) fn expressions(&self) -> Vec<(String, &str)> {
        let mut found = vec![
            ("found".to_owned(), self.found.as_str()),
            ("absent".to_owned(), self.absent.as_str()),
        ];
        let optional = [
            ("reference", &self.reference),
            ("references", &self.references),
            ("accepted", &self.accepted),
            ("refused", &self.refused),
            ("too_late", &self.too_late),
        ];
        found.extend(present(&optional));
        found.extend(extracts("extract", &self.extract));
        found.extend(of_lines(&self.lines));
        if let Some(ordered) = &self.ordered {
            found.push(("ordered.each".to_owned(), &ordered.each));
            found.push(("ordered.sku".to_owned(), &ordered.sku));
            found.push(("ordered.quantity".to_owned(), &ordered.quantity));
        }
        found
    }

    pub(super) fn lag(&self) -> Option<Duration> {
        self.lag
            .filter(|_| self.authoritative)
            .map(Duration::from_secs)
    }
}

impl LineRule {
    fn expressions(&self) -> Vec<(String, &str)> {
        let mut found = vec![
            ("each".to_owned(), self.each.as_str()),
            ("sku".to_owned(), self.sku.as_str()),
            ("quantity".to_owned(), self.quantity.as_str()),
        ];
        found.extend(present(&[("until", &self.until), ("reason", &self.reason)]));
        found
    }
}

fn of_lines(rules: &[LineRule]) -> Vec<(String, &str)> {
    let each = rules.iter().enumerate().map(|(index, rule)| {
        let expressions = rule.expressions().into_iter();
        let named = move |(name, expression)| (format!("lines[{index}].{name}"), expression);
        expressions.map(named)
    });
    each.flatten().collect()
}

fn present<'a>(expressions: &[(&str, &'a Option<String>)]) -> Vec<(String, &'a str)> {
    expressions
        .iter()
        .filter_map(|(name, expression)| Some(((*name).to_owned(), expression.as_deref()?)))
        .collect()
}

fn extracts<'a>(place: &str, extract: &'a BTreeMap<String, String>) -> Vec<(String, &'a str)> {
    extract
        .iter()
        .map(|(name, expression)| (format!("{place}.{name}"), expression.as_str()))
        .collect()
}

/// `Bearer {NAME}` taken apart; without braces the whole is the name.
pub(super) struct SecretForm<'a> {
    pub(super) before: &'a str,
    pub(super) name: &'a str,
    pub(super) after: &'a str,
}

impl<'a> SecretForm<'a> {
    pub(super) fn parse(form: &'a str) -> Self {
        let braces = form.split_once('{').and_then(|(before, rest)| {
            let (name, after) = rest.split_once('}')?;
            Some(Self {
                before,
                name,
                after,
            })
        });
        braces.unwrap_or(Self {
            before: "",
            name: form,
            after: "",
        })
    }
}
