//! What templates and expressions can do beyond Jinja's own filters.

use domain::order::news::Property;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("capture", capture);
    environment.add_filter("from_json", from_json);
    environment.add_filter("as_list", as_list);
    environment.add_filter("flatten", flatten);
    environment.add_filter("described", described_value);
    environment.add_test("given", given);
}

/// Whether a value is there and says something: not undefined, null, blank, or an empty list or
/// object. Jinja's own `is defined` is true of null and of an empty text.
fn given(value: &Value) -> bool {
    let says_nothing = match value.as_str() {
        Some(text) => text.trim().is_empty(),
        None => value.is_undefined() || value.is_none() || value.len() == Some(0),
    };
    !says_nothing
}

/// The first group of a regular expression in a text, else the whole match; undefined where it does
/// not match: `headers.location | capture("/order/([0-9]+)")`.
fn capture(text: &Value, pattern: &str) -> Result<Value, Error> {
    let Some(text) = text.as_str() else {
        return Ok(Value::UNDEFINED);
    };
    let pattern = regex_lite::Regex::new(pattern)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    Ok(pattern
        .captures(text)
        .and_then(|found| found.get(1).or_else(|| found.get(0)))
        .map_or(Value::UNDEFINED, |found| Value::from(found.as_str())))
}

/// JSON that an answer holds as a text; undefined where it is none.
fn from_json(text: &Value) -> Value {
    let parsed = text
        .as_str()
        .and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    parsed.map_or(Value::UNDEFINED, |parsed| Value::from(Serde(parsed)))
}

/// What XML and some suppliers give as one value where it is one, and as a list where it is several.
fn as_list(value: &Value) -> Value {
    if value.is_undefined() || value.is_none() {
        Value::from(Vec::<Value>::new())
    } else if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        value.clone()
    } else {
        Value::from(vec![value.clone()])
    }
}

/// The entries of lists in a list; what is missing in it is left out.
fn flatten(value: &Value) -> Result<Value, Error> {
    let mut entries = Vec::new();
    for list in as_list(value).try_iter()? {
        entries.extend(as_list(&list).try_iter()?);
    }
    Ok(Value::from(entries))
}

/// Names and values in one text: `line.properties | described`.
fn described_value(properties: &Value) -> Result<String, Error> {
    let mut entries = Vec::new();
    for property in as_list(properties).try_iter()? {
        let (name, value) = (property.get_attr("name")?, property.get_attr("value")?);
        entries.push((name.to_string(), value.to_string()));
    }
    Ok(joined(
        entries
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    ))
}

/// Names and values in one text, `Engraving: For Ada; Font: Serif`.
pub(crate) fn described(properties: &[Property]) -> String {
    joined(
        properties
            .iter()
            .map(|property| (property.name.as_str(), property.value.reveal().as_str())),
    )
}

fn joined<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let entries: Vec<String> = entries
        .map(|(name, value)| {
            if name.is_empty() {
                value.to_owned()
            } else {
                format!("{name}: {value}")
            }
        })
        .collect();
    entries.join("; ")
}

#[cfg(test)]
mod tests {
    use crate::templates::Templates;
    use minijinja::Value;
    use minijinja::value::Serde;
    use serde_json::json;

    fn value(expression: &str) -> String {
        let seen = Value::from(Serde(json!({
            "location": "/rest/order/119", "nested": "{\"data\": {\"orderId\": 123}}",
            "orders": [{"lines": [1, 2]}, {"lines": [3]}, {}], "one": {"a": 1},
        })));
        Templates::new()
            .evaluate(expression, &seen)
            .map_or_else(|error| error.to_string(), |value| value.to_string())
    }

    #[test]
    fn answers_are_taken_apart() {
        assert_eq!(value("location | capture('/order/([0-9]+)')"), "119");
        assert_eq!(value("location | capture('[a-z]+')"), "rest");
        assert_eq!(value("location | capture('nothing') is defined"), "False");
        assert!(value("location | capture('(')").contains("invalid operation"));
        assert_eq!(value("(nested | from_json).data.orderId"), "123");
        assert_eq!(value("location | from_json is defined"), "False");
        assert_eq!(value("one | as_list | length"), "1");
        for (what, expected) in [
            ("none", "False"),
            ("''", "False"),
            ("' '", "False"),
            ("[]", "False"),
            ("{}", "False"),
            ("one.b", "False"),
            ("location | capture('nothing')", "False"),
            ("0", "True"),
            ("false", "True"),
            ("one", "True"),
            ("location", "True"),
        ] {
            assert_eq!(value(&format!("({what}) is given")), expected, "{what}");
            let inverse = if expected == "True" { "False" } else { "True" };
            assert_eq!(value(&format!("({what}) is not given")), inverse, "{what}");
        }
        // Below what is missing there is nothing to ask about.
        assert!(value("two.b is given").contains("undefined"));
        assert_eq!(
            value("orders | map(attribute='lines') | flatten | join(',')"),
            "1,2,3"
        );
    }
}
