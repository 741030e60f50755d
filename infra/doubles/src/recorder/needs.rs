//! What whoever makes a call must be allowed to, in the words of IAM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// An action on a resource, which is named by the end of its ARN: `table/NAME/index/due`, a queue's
/// name, `bucket/key`, `parameter/path`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    pub action: String,
    pub resource: String,
}

fn need(service: &str, action: &str, resource: impl Into<String>) -> Need {
    Need {
        action: format!("{service}:{action}"),
        resource: resource.into(),
    }
}

/// The protocols in JSON.
pub(super) fn of_json(service: &str, action: &str, body: &Value) -> Vec<Need> {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    match (service, action) {
        ("dynamodb", "TransactWriteItems" | "TransactGetItems") => of_transaction(body),
        ("dynamodb", "BatchGetItem" | "BatchWriteItem") => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            tables
                .map(|(table, _)| need(service, action, format!("table/{table}")))
                .collect()
        }
        ("dynamodb", _) => {
            let table = format!("table/{}", text("TableName"));
            let resource = match body["IndexName"].as_str() {
                Some(index) => format!("{table}/index/{index}"),
                None => table,
            };
            vec![need(service, action, resource)]
        }
        ("sqs", _) => {
            let queue = text("QueueUrl").rsplit('/').next().unwrap_or_default();
            // A batch is allowed to whoever may send one.
            let action = action.strip_suffix("Batch").unwrap_or(action);
            vec![need(service, action, queue)]
        }
        ("ssm", _) => vec![need(service, action, format!("parameter{}", text("Path")))],
        _ => vec![need(service, action, "")],
    }
}

/// Every item of a transaction needs what it would need alone.
fn of_transaction(body: &Value) -> Vec<Need> {
    let items = body["TransactItems"].as_array().into_iter().flatten();
    let each = items.filter_map(|item| item.as_object()?.iter().next());
    each.map(|(kind, item)| {
        let action = match kind.as_str() {
            "ConditionCheck" => "ConditionCheckItem".to_owned(),
            kind => format!("{kind}Item"),
        };
        let table = item["TableName"].as_str().unwrap_or_default();
        need("dynamodb", &action, format!("table/{table}"))
    })
    .collect()
}

/// The protocols of forms.
pub(super) fn of_form(service: &str, action: &str, form: &BTreeMap<String, String>) -> Vec<Need> {
    // The signature calls it by its old name.
    let service = if service == "email" { "ses" } else { service };
    let mut needs = Vec::new();
    if service == "ses" {
        let mut of = |kind: &str, name: Option<String>| {
            if let Some(name) = name {
                needs.push(need(service, action, format!("{kind}/{name}")));
            }
        };
        of(
            "identity",
            form.get("Source").cloned().or_else(|| sender(form)),
        );
        of(
            "configuration-set",
            form.get("ConfigurationSetName").cloned(),
        );
    }
    if needs.is_empty() {
        needs.push(need(service, action, ""));
    }
    needs
}

/// As the mail itself says, where the call does not.
fn sender(form: &BTreeMap<String, String>) -> Option<String> {
    let mail = STANDARD.decode(form.get("RawMessage.Data")?).ok()?;
    let mail = String::from_utf8_lossy(&mail).into_owned();
    let from = mail.lines().find_map(|line| line.strip_prefix("From:"))?;
    let address = from.rsplit('<').next()?;
    Some(address.trim().trim_end_matches('>').to_owned())
}

/// The action's name, and what it needs; buckets stand in the path.
pub(super) fn of_s3(method: &str, url: &Url) -> (String, Vec<Need>) {
    let path = url.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let asks = |name: &str| url.query_pairs().any(|(known, _)| known == name);
    let of = |action: &str, resource: &str| need("s3", action, resource);
    match (method, key) {
        ("GET", "") if asks("versions") => (
            "ListObjectVersions".to_owned(),
            vec![of("ListBucketVersions", bucket)],
        ),
        ("GET" | "HEAD", "") => ("ListObjectsV2".to_owned(), vec![of("ListBucket", bucket)]),
        ("GET" | "HEAD", _) if asks("versionId") => {
            ("GetObject".to_owned(), vec![of("GetObjectVersion", path)])
        }
        // Without the second, an object that is not there would be forbidden.
        ("GET" | "HEAD", _) => (
            "GetObject".to_owned(),
            vec![of("GetObject", path), of("ListBucket", bucket)],
        ),
        ("PUT", _) => ("PutObject".to_owned(), vec![of("PutObject", path)]),
        ("DELETE", _) => ("DeleteObject".to_owned(), vec![of("DeleteObject", path)]),
        (method, _) => (format!("{method} {path}"), vec![of(method, path)]),
    }
}
