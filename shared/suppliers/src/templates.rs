//! Templates of the merchant, which see the order and never a secret. A field that does not exist
//! is an error, and a template that runs on and on is stopped.

mod filters;

pub(crate) use filters::described;

use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, default_auto_escape_callback,
    escape_formatter,
};
use ports::PrepareError;
use registry::SettingsError;
use serde::Serialize;
use std::collections::HashSet;
use std::fmt::Write;

const FUEL: u64 = 100_000;
const URL: AutoEscape = AutoEscape::Custom(std::borrow::Cow::Borrowed("url"));
const FORM: AutoEscape = AutoEscape::Custom(std::borrow::Cow::Borrowed("form"));

/// The ending of a template's name picks how values are escaped: `.json`, `.html`, `.xml`, `.url`,
/// `.form`.
pub(crate) struct Templates(Environment<'static>);

impl Templates {
    pub(crate) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_debug(false);
        environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
            Some((_, "url")) => URL,
            Some((_, "form")) => FORM,
            _ => default_auto_escape_callback(name),
        });
        environment.set_formatter(|out, state, value| {
            // In a text for people an absent value is nothing, not the word "none".
            let prose = matches!(state.auto_escape(), AutoEscape::None | AutoEscape::Html);
            if prose && value.is_none() {
                return Ok(());
            }
            if ![URL, FORM].contains(state.auto_escape()) {
                return escape_formatter(out, state, value);
            }
            let text = value.to_string();
            // These would climb in the path, in every spelling.
            if *state.auto_escape() == URL && matches!(text.as_str(), "." | "..") {
                let message = "a URL cannot hold this value";
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            }
            let text = if value.is_safe() {
                text
            } else {
                percent_encoded(&text)
            };
            out.write_str(&text).map_err(Error::from)
        });
        environment.add_filter("urlencode", |value: Value| {
            Value::from_safe_string(percent_encoded(&value.to_string()))
        });
        filters::add(&mut environment);
        Self(environment)
    }

    /// `path` is where the settings hold the template.
    pub(crate) fn add(
        &mut self,
        path: &str,
        name: &str,
        source: impl Into<String>,
    ) -> Result<(), SettingsError> {
        self.0
            .add_template_owned(name.to_owned(), source.into())
            .map_err(|error| refused(path, &error))
    }

    /// Renders with an example, so that a field that does not exist is named with its line and what
    /// there is in its place.
    pub(crate) fn tried<T: Serialize>(
        &self,
        path: &str,
        name: &str,
        seen: &T,
    ) -> Result<String, SettingsError> {
        let template = self
            .0
            .get_template(name)
            .map_err(|error| refused(path, &error))?;
        template.render(Value::from(Serde(seen))).map_err(|error| {
            let words = error
                .range()
                .and_then(|range| template.source().get(range))
                .map(str::trim);
            let named = words.filter(|_| error.kind() == ErrorKind::UndefinedError);
            let Some(named) = named else {
                let mut refused = refused(path, &error);
                if let Some(words) = words {
                    refused.message = format!("{}: {words}", refused.message);
                }
                return refused;
            };
            let seen = serde_json::to_value(seen).unwrap_or_default();
            let (word, known) = in_its_place(named, &seen);
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            SettingsError {
                line: error.line(),
                ..SettingsError::new(path, format!("there is no {named}"))
                    .expecting(format!("one of {}", known.join(", ")))
                    .unknown(&word, known.iter().copied())
            }
        })
    }

    pub(crate) fn render<T: Serialize>(
        &self,
        name: &str,
        seen: &T,
    ) -> Result<String, PrepareError> {
        let template = self
            .0
            .get_template(name)
            .map_err(|error| PrepareError(error.to_string()))?;
        template
            .render(Value::from(Serde(seen)))
            .map_err(|error| PrepareError(told(&error, template.source())))
    }

    /// What a template may look at, `ship_to.name` for one; none where there is no such template.
    pub(crate) fn variables(&self, name: &str) -> HashSet<String> {
        self.0
            .get_template(name)
            .map(|template| template.undeclared_variables(true))
            .unwrap_or_default()
    }

    /// So that a mistake shows when the settings are read and not with the first answer.
    pub(crate) fn check(&self, path: &str, expression: &str) -> Result<(), SettingsError> {
        self.0
            .compile_expression(expression)
            .map(|_| ())
            .map_err(|error| SettingsError {
                line: None,
                expected: Some(
                    "an expression such as status == 201 and body.id is given".to_owned(),
                ),
                ..refused(path, &error)
            })
    }

    /// Whether an expression about an answer looks at its body, headers or text; one that does not
    /// compile looks at nothing.
    pub(crate) fn reads_answer(&self, expression: &str) -> bool {
        self.reads(expression, &["body", "headers", "text"])
    }

    /// Whether an expression uses any of these variables.
    pub(crate) fn reads(&self, expression: &str, variables: &[&str]) -> bool {
        let used = self.0.compile_expression(expression);
        used.is_ok_and(|compiled| {
            let used = compiled.undeclared_variables(false);
            variables.iter().any(|variable| used.contains(*variable))
        })
    }

    /// The value of an expression, which may be undefined.
    pub(crate) fn evaluate(&self, expression: &str, seen: &Value) -> Result<Value, Error> {
        self.0.compile_expression(expression)?.eval(seen.clone())
    }

    /// Only true and false answer a question: the text "false" would otherwise be a yes.
    pub(crate) fn judge(&self, expression: &str, seen: &Value) -> Result<bool, Error> {
        let value = self.evaluate(expression, seen)?;
        if value.is_undefined() {
            return Err(Error::new(ErrorKind::UndefinedError, "no such value"));
        }
        if value.kind() != ValueKind::Bool {
            let message = "the expression is neither true nor false";
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
        Ok(value.is_true())
    }
}

/// Without the name of the template, which is ours.
fn refused(path: &str, error: &Error) -> SettingsError {
    let kind = error.kind();
    let message = match error.detail() {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind.to_string(),
    };
    let refused = SettingsError {
        line: error.line(),
        ..SettingsError::new(path, message)
    };
    // `{{ number }` and a loop without its end are most of what goes wrong.
    if kind == ErrorKind::SyntaxError {
        refused
            .expecting("a template such as {{ number }} or {% for line in lines %}...{% endfor %}")
    } else {
        refused
    }
}

/// The word of `ship_to.stret` that is not known, and what stands beside where it should be. What a
/// loop calls its entries only the template knows: then those of all lists.
fn in_its_place(named: &str, seen: &serde_json::Value) -> (String, Vec<String>) {
    let keys = |value: &serde_json::Value| -> Vec<String> {
        let members = value.as_object().into_iter().flatten();
        members.map(|(key, _)| key.clone()).collect()
    };
    let plain = |text: &str| {
        let end = text.find(|character: char| !character.is_alphanumeric() && character != '_');
        text.get(..end.unwrap_or(text.len()))
            .unwrap_or_default()
            .to_owned()
    };
    let Some((parent, word)) = named.rsplit_once('.') else {
        return (plain(named), keys(seen));
    };
    let pointer = format!("/{}", parent.replace('.', "/"));
    if let Some(parent) = seen.pointer(&pointer) {
        return (plain(word), keys(parent));
    }
    let lists = seen.as_object().into_iter().flat_map(|all| all.values());
    let entries = lists.filter_map(|list| list.as_array()?.first());
    (plain(word), entries.flat_map(keys).collect())
}

/// The error with the words of the template that it is about. The library would show them in its
/// debug mode, but the customer's address with them.
fn told(error: &Error, source: &str) -> String {
    match error.range().and_then(|range| source.get(range)) {
        Some(words) => format!("{error}: {words}"),
        None => error.to_string(),
    }
}

/// Everything but RFC 3986's unreserved characters.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(name: &str, source: &str) -> Result<String, PrepareError> {
        let mut templates = Templates::new();
        templates.add("here", name, source).unwrap();
        templates.render(
            name,
            &json!({"name": "Ö/\"a\" & b", "ship_to": {"city": "X"}}),
        )
    }

    #[test]
    fn values_are_escaped_for_where_they_go() {
        assert_eq!(
            rendered("a.url", "/{{ name }}").unwrap(),
            "/%C3%96%2F%22a%22%20%26%20b"
        );
        assert_eq!(
            rendered("a.url", "/{{ name|urlencode }}").unwrap(),
            "/%C3%96%2F%22a%22%20%26%20b"
        );
        let body = rendered("a.json", r#"{"n": {{ name }}}"#).unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["n"], "Ö/\"a\" & b");
        assert!(rendered("a.html", "{{ name }}").unwrap().contains("&amp;"));
        assert_eq!(rendered("a.txt", "{{ name }}").unwrap(), "Ö/\"a\" & b");
        assert_eq!(
            rendered("a.form", "n={{ name }}.{{ '..' }}").unwrap(),
            "n=%C3%96%2F%22a%22%20%26%20b..."
        );
    }

    #[test]
    fn a_missing_field_is_named_and_an_endless_loop_ends() {
        let error = rendered("a.json", "{{ ship_to.street }}").unwrap_err();
        assert!(error.to_string().contains("street"), "{error}");
        assert!(rendered("a.url", "{{ street }}").is_err());
        let endless =
            "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
        assert!(rendered("a.txt", endless).is_err());
    }

    #[test]
    fn only_true_and_false_answer() {
        let templates = Templates::new();
        let seen = Value::from(Serde(json!({"status": 201, "body": {"ok": "false"}})));
        assert!(
            templates
                .judge("status >= 200 and status < 300", &seen)
                .unwrap()
        );
        assert!(!templates.judge("status in [400, 404]", &seen).unwrap());
        assert!(templates.judge("body.ok", &seen).is_err());
        assert!(templates.judge("body.missing", &seen).is_err());
        assert!(templates.judge("body.missing.deeper == 1", &seen).is_err());
    }
}
