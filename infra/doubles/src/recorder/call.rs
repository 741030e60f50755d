//! One call to AWS, as far as it can be told from its bytes.

use super::{Fault, Need, needs};
use hyper::HeaderMap;
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// A request as it arrived.
pub(super) struct Seen<'a> {
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

impl Seen<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The access key it was signed with.
    pub who: String,
    /// As the signature names it: `dynamodb`, `sqs`, `s3`.
    pub service: String,
    /// As the service names it: `PutItem`, `SendMessage`, `PutObject`.
    pub action: String,
    /// 1 for the first; the SDK asks again under the same call.
    pub attempt: u32,
    pub needs: Vec<Need>,
    /// Of a batch of messages; 1 where it is none.
    pub entries: u64,
    /// Of a mail, by which its sender knows it again.
    pub tags: BTreeMap<String, String>,
    /// Of the answer; none where there was none.
    pub status: Option<u16>,
    /// What `DynamoDB` consumed, in halves of a unit: an eventually consistent read is half of one.
    pub capacity_halves: u64,
    pub fault: Option<Fault>,
}

impl Call {
    /// `None` where it is not signed.
    pub(super) fn of(seen: &Seen<'_>) -> Option<Self> {
        let (who, service) = signature(seen.header("authorization")?)?;
        let url = Url::parse(&format!("http://aws{}", seen.target)).ok()?;
        let json: Value = serde_json::from_slice(seen.body).unwrap_or_default();
        let mut tags = BTreeMap::new();
        let (action, needs) = if service == "s3" {
            needs::of_s3(seen.method, &url)
        } else if let Some(target) = seen.header("x-amz-target") {
            let action = target.rsplit('.').next().unwrap_or(target);
            (action.to_owned(), needs::of_json(&service, action, &json))
        } else {
            let form = url::form_urlencoded::parse(seen.body).into_owned();
            let form: BTreeMap<String, String> = form.collect();
            let action = form.get("Action").cloned();
            let action = action.unwrap_or_else(|| format!("{} {}", seen.method, url.path()));
            let needs = needs::of_form(&service, &action, &form);
            tags = tags_of(&form);
            (action, needs)
        };
        Some(Self {
            who,
            service,
            action,
            attempt: attempt(seen.header("amz-sdk-request").unwrap_or_default()),
            needs,
            entries: json["Entries"]
                .as_array()
                .map_or(1, |entries| entries.iter().map(|_| 1).sum()),
            tags,
            status: None,
            capacity_halves: 0,
            fault: None,
        })
    }

    /// The same request, asking what it consumes; `None` where it is none of `DynamoDB`'s.
    pub(super) fn asking_for_units(&self, body: &[u8]) -> Option<Vec<u8>> {
        if self.service != "dynamodb" {
            return None;
        }
        let mut json: Value = serde_json::from_slice(body).ok()?;
        json.as_object_mut()?
            .insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
        serde_json::to_vec(&json).ok()
    }

    /// Whether it was answered, and well.
    pub fn went_well(&self) -> bool {
        self.status.is_some_and(|status| status < 400)
    }

    pub fn is_write(&self) -> bool {
        ["Put", "Update", "Delete", "TransactWrite", "BatchWrite"]
            .iter()
            .any(|verb| self.action.starts_with(verb))
    }
}

/// `Tags.member.1.Name=purchase_order&Tags.member.1.Value=SH-1001-1-X`.
fn tags_of(form: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let names = form.iter().filter_map(|(field, name)| {
        let member = field.strip_prefix("Tags.member.")?.strip_suffix(".Name")?;
        let value = form.get(&format!("Tags.member.{member}.Value"))?;
        Some((name.clone(), value.clone()))
    });
    names.collect()
}

/// Access key and service of `Credential=KEY/DAY/REGION/SERVICE/aws4_request`.
fn signature(authorization: &str) -> Option<(String, String)> {
    let (_, rest) = authorization.split_once("Credential=")?;
    let mut scope = rest.split([',', ' ']).next()?.split('/');
    let who = scope.next()?.to_owned();
    let service = scope.nth(2)?.to_owned();
    Some((who, service))
}

/// `attempt=2; max=3`; nothing says the first.
fn attempt(header: &str) -> u32 {
    let parts = header.split(';').map(str::trim);
    let mut found = parts.filter_map(|part| part.strip_prefix("attempt="));
    found.next().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// What an answer of `DynamoDB` says of all tables together.
pub(super) fn consumed(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let consumed = &answer["ConsumedCapacity"];
    // One table, or a list of them.
    let each = consumed
        .as_array()
        .map_or_else(|| std::slice::from_ref(consumed), Vec::as_slice);
    each.iter()
        .map(|table| halves(&table["CapacityUnits"]))
        .sum()
}

/// Twice the number, which has no smaller part than halves.
fn halves(number: &Value) -> u64 {
    let text = number.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
    let whole: u64 = whole.parse().unwrap_or_default();
    whole * 2 + u64::from(part.starts_with('5'))
}
