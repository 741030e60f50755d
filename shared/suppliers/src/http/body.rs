//! The body of a request in its three formats: rendered, proved to be what it claims to be, and
//! read back as its reader would.

use super::xml;
use ports::{Decoded, PrepareError};
use registry::SettingsError;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use url::form_urlencoded;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Json,
    Form,
    Xml,
}

/// `body = '''...'''` for JSON, or `body = { json | form | xml = '''...''' }`.
#[derive(Clone)]
pub(super) struct Body {
    pub(super) format: Format,
    pub(super) template: String,
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Value::deserialize(deserializer)?;
        let named = |name: &str, format| {
            let template = written.get(name)?.as_str()?.to_owned();
            let is_alone = written.as_object().is_some_and(|all| all.len() == 1);
            is_alone.then_some(Self { format, template })
        };
        let plain = || {
            Some(Self {
                format: Format::Json,
                template: written.as_str()?.to_owned(),
            })
        };
        plain()
            .or_else(|| named("json", Format::Json))
            .or_else(|| named("form", Format::Form))
            .or_else(|| named("xml", Format::Xml))
            .ok_or_else(|| {
                let message = "a body is one of { json = \"...\" }, { form = \"...\" } and \
                               { xml = \"...\" }";
                serde::de::Error::custom(message)
            })
    }
}

impl Format {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Xml => "application/xml; charset=utf-8",
        }
    }

    /// The ending of a template's name, which picks how values are escaped.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Form => "form",
            Self::Xml => "xml",
        }
    }

    /// With the line that is wrong, as far as the rendered text has those of the template.
    pub(super) fn tried(self, path: &str, rendered: &str) -> Result<(), SettingsError> {
        if self == Self::Json
            && let Err(error) = serde_json::from_str::<Value>(rendered)
        {
            let line = rendered.lines().nth(error.line().saturating_sub(1));
            let near = line.unwrap_or_default().trim();
            // Without the parser's own count: loops add lines to what is written.
            let told = error.to_string();
            let why = told.split(" at line").next().unwrap_or_default();
            let message = format!("the template gives no JSON: {why}, at {near:?}");
            let expected = "JSON where values stand without quotes of your own: {{ number }}";
            return Err(SettingsError::new(path, message).expecting(expected));
        }
        self.proved(path, rendered).map(|_| ()).map_err(|error| {
            let told = error.to_string();
            let told = told.strip_prefix(&format!("{path}: ")).unwrap_or(&told);
            SettingsError::new(path, told)
        })
    }

    /// What is sent of what the template gave.
    pub(super) fn proved(self, path: &str, rendered: &str) -> Result<String, PrepareError> {
        let refused = |why: String| PrepareError(format!("{path}: {why}"));
        match self {
            Self::Json => {
                serde_json::from_str::<Value>(rendered)
                    .map_err(|error| refused(format!("the template gives no JSON: {error}")))?;
                Ok(rendered.trim().to_owned())
            }
            Self::Xml => {
                xml::parse(rendered)
                    .map_err(|error| refused(format!("the template gives no XML: {error}")))?;
                Ok(rendered.trim().to_owned())
            }
            Self::Form => {
                // One field to a line: line breaks and indents are the template's own.
                let joined = rendered
                    .lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty())
                    .collect::<Vec<_>>()
                    .join("&");
                if let Some(field) = joined.split('&').find(|field| !field.contains('=')) {
                    return Err(refused(format!("{field:?} is no field: write name=value")));
                }
                let fields = form_urlencoded::parse(joined.as_bytes());
                Ok(form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(fields)
                    .finish())
            }
        }
    }

    pub(super) fn decode(self, body: &str) -> Result<Decoded, PrepareError> {
        let unreadable = |error: String| PrepareError(error);
        match self {
            Self::Json => {
                let body: Value =
                    serde_json::from_str(body).map_err(|error| unreadable(error.to_string()))?;
                let mut records = Vec::new();
                json(&body, &mut records);
                Ok(Decoded::one("request", records))
            }
            Self::Xml => {
                let body = xml::parse(body).map_err(unreadable)?;
                let mut records = Vec::new();
                elements(&body, &mut records);
                Ok(Decoded::one("request", records))
            }
            Self::Form => Ok(fields(body)),
        }
    }
}

/// A record for each object, of its own values; for an entry of a list also one of everything below
/// it, since a line may keep its SKU in an object of its own. Never one of the whole body: there
/// any number would pass for any line's quantity.
fn json(value: &Value, records: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(members) => {
            let mut own: Vec<String> = members.values().filter_map(scalar).collect();
            own.extend(whole_name(members));
            records.push(own);
            for member in members.values() {
                json(member, records);
            }
        }
        Value::Array(items) => {
            for item in items {
                records.push(below(item));
                json(item, records);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// As JSON; moreover a list of one entry looks like a child that is alone.
fn elements(value: &Value, records: &mut Vec<Vec<String>>) {
    json(value, records);
    alone(value, 0, records);
}

fn alone(value: &Value, depth: u32, records: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(members) => {
            for member in members.values() {
                // Neither the document nor its root: that would be one record of everything.
                if depth > 1 && members.len() == 1 && member.is_object() {
                    records.push(below(member));
                }
                alone(member, depth + 1, records);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| alone(item, depth + 1, records)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Suppliers that want a name in two parts print it as one.
fn whole_name(members: &Map<String, Value>) -> Option<String> {
    let named = |wanted: [&str; 3]| {
        members.iter().find_map(|(key, value)| {
            let key: String = key
                .chars()
                .filter(|character| character.is_alphanumeric())
                .collect();
            wanted
                .contains(&key.to_lowercase().as_str())
                .then(|| scalar(value))
                .flatten()
        })
    };
    let first = named(["firstname", "givenname", "forename"])?;
    let last = named(["lastname", "familyname", "surname"])?;
    Some(format!("{first} {last}"))
}

fn below(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    scalars(value, &mut found);
    found
}

fn scalars(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| scalars(member, found)),
        Value::Array(items) => items.iter().for_each(|item| scalars(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.extend(scalar(value));
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A form is flat: fields belong to one line where their names hold the same number
/// (`items[0][sku]`, `qty_2`), or where names are repeated, in turn.
fn fields(body: &str) -> Decoded {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let repeated = |name: &str| pairs.iter().filter(|(other, _)| other == name).count() > 1;
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut names = Map::new();
    for (name, value) in &pairs {
        let numbers: Vec<&str> = name
            .split(|character: char| !character.is_ascii_digit())
            .filter(|number| !number.is_empty())
            .collect();
        let turn = seen.entry(name).or_default();
        *turn += 1;
        let group = match (numbers.is_empty(), repeated(name)) {
            (false, _) => numbers.join("."),
            (true, true) => format!("#{turn}"),
            (true, false) => String::new(),
        };
        groups.entry(group).or_default().push(value.clone());
        names.insert(name.clone(), Value::String(value.clone()));
    }
    let mut records: Vec<Vec<String>> = groups.into_values().collect();
    records.extend(whole_name(&names).map(|name| vec![name]));
    Decoded::one("request", records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_one_line_are_one_record() {
        let has = |format: Format, body: &str, texts: &[&str]| {
            format.decode(body).unwrap().parts[0]
                .records
                .iter()
                .any(|record| {
                    texts
                        .iter()
                        .all(|text| record.iter().any(|known| known == text))
                })
        };
        let form = "po=1&name=Ada&items%5B0%5D%5Bsku%5D=A&items%5B0%5D%5Bqty%5D=2&sku_1=B&qty_1=3";
        assert!(has(Format::Form, form, &["A", "2"]));
        assert!(has(Format::Form, form, &["B", "3"]));
        assert!(!has(Format::Form, form, &["A", "3"]));
        let form = "sku=A&qty=2&sku=B&qty=3";
        assert!(has(Format::Form, form, &["B", "3"]));
        assert!(!has(Format::Form, form, &["A", "3"]));
        let one =
            "<o><to>x</to><lines><line><item><sku>A</sku></item><qty>2</qty></line></lines></o>";
        assert!(has(Format::Xml, one, &["A", "2"]));
        assert!(!has(Format::Xml, one, &["A", "x"]));
        let two = "<o><l><i><s>A</s></i><q>2</q></l><l><i><s>B</s></i><q>3</q></l></o>";
        assert!(has(Format::Xml, two, &["B", "3"]));
        assert!(!has(Format::Xml, two, &["A", "3"]));
        let json = r#"{"to": {"firstName": "Ada", "last_name": "Example"}}"#;
        assert!(has(Format::Json, json, &["Ada Example"]));
    }

    #[test]
    fn a_form_is_written_a_field_to_a_line() {
        let rendered = "\n  name=J%C3%B6rg %26 Co\n\n  items[0][sku]=A\n  empty=\n";
        assert_eq!(
            Format::Form.proved("body", rendered).unwrap(),
            "name=J%C3%B6rg+%26+Co&items%5B0%5D%5Bsku%5D=A&empty="
        );
        let error = Format::Form.proved("body", "name\n").unwrap_err();
        assert!(error.0.contains("name=value"), "{error}");
    }
}
